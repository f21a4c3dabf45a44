"""The field's figures: NME, failure rate, AUC, CED, and how sure they are.

NMEs are fractions (0.07, not 7 %). Two conventions for FR and AUC:

* "exact": FR is the share of faces with NME > T; AUC is the integral of the step function "share of faces with
  NME <= x" over [0, T], divided by T, which is mean(max(0, 1 - NME / T)).
* "star": as the STAR reference computes them (STAR_SPEC.md section 13, Metrics), for comparison with its figures: a
  grid of 1e-4 made by floating-point steps, which for some thresholds ends one step beyond T; FR from the last grid
  point, 4 digits; AUC by Simpson's rule over the grid divided by T, 6 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.face import FloatArray
from core.scheme import Scheme

Convention = Literal["exact", "star"]
Statistic = Literal["mean", "median", "p90"] | Callable[[FloatArray], float]

_STEP = 0.0001
_QUANTILES = {"median": 0.5, "p90": 0.9}
_CHUNK = 4_000_000  # numbers held at once by the bootstrap
_CONVENTIONS = ("exact", "star")


class FrAuc(NamedTuple):
    """Failure rate and area under the CED curve at a threshold, both in [0, 1] ("star" AUC may pass 1 by a step)."""

    fr: float
    auc: float


class Interval(NamedTuple):
    """A bootstrap percentile interval."""

    low: float
    high: float


class Summary(NamedTuple):
    """Mean, median and 90th percentile of NMEs, fractions."""

    mean: float
    median: float
    p90: float


def norm_distances(truth: ArrayLike, scheme: Scheme, normaliser: str | None = None) -> FloatArray:
    """NME denominators (...) of faces (..., N, 2), in their unit.

    NaN where the normaliser's points are missing or coincide: such a face has no NME.
    """
    points = _points(truth, scheme)
    pair = scheme.normaliser(normaliser)
    left, right = (points[..., list(side), :].mean(axis=-2) for side in (pair.left, pair.right))
    distance = np.hypot(*np.moveaxis(left - right, -1, 0))
    return np.where(distance > 0, distance, np.nan)


def point_errors(pred: ArrayLike, truth: ArrayLike, scheme: Scheme, normaliser: str | None = None) -> FloatArray:
    """Normalised point-to-point distances (..., N) of `pred` from `truth`, both (..., N, 2) in one unit.

    NaN where a point of either is missing, or the face has no denominator.
    """
    predicted, true = _points(pred, scheme), _points(truth, scheme)
    if predicted.shape != true.shape:
        raise ValueError(f"prediction {predicted.shape} and truth {true.shape} differ in shape")
    distance = np.hypot(*np.moveaxis(predicted - true, -1, 0))
    result: FloatArray = distance / norm_distances(true, scheme, normaliser)[..., None]
    return result


def nme(pred: ArrayLike, truth: ArrayLike, scheme: Scheme, normaliser: str | None = None) -> FloatArray:
    """Normalised mean error (...) of faces (..., N, 2): the mean of `point_errors` over the points that have one.

    NaN for a face with none.
    """
    return _mean_known(point_errors(pred, truth, scheme, normaliser), axis=-1)


def per_point(errors: ArrayLike) -> FloatArray:
    """Mean error (N,) of each point over faces: `errors` (F, N) from `point_errors`; NaN where no face has it."""
    return _mean_known(np.asarray(errors, np.float64), axis=0)


def per_region(errors: ArrayLike, scheme: Scheme) -> dict[str, float]:
    """Mean error of each region over faces and its points, from `point_errors` (F, N); NaN where nothing is known."""
    values = np.asarray(errors, np.float64)
    return {region.name: float(_mean_known(values[:, list(region.indices)], axis=None)) for region in scheme.regions}


def summarise(nmes: ArrayLike) -> Summary:
    """Mean, median and 90th percentile of finite NMEs (F,), F >= 1."""
    values = _values(nmes, finite=True)
    median, p90 = np.quantile(values, [0.5, 0.9])
    return Summary(float(values.mean()), float(median), float(p90))


def fr_auc(nmes: ArrayLike, threshold: float, convention: Convention = "exact") -> FrAuc:
    """Failure rate and AUC of NMEs (F,) at `threshold`, a fraction such as 0.1.

    A face the detector missed may stand as infinity: a failure. NaN is refused: leave such faces out, and say so.

    Raises:
        ValueError: no values, a NaN, a threshold that is not positive, or an unknown convention.
    """
    values = _values(nmes)
    if not (np.isfinite(threshold) and threshold > 0):
        raise ValueError(f"the threshold must be positive, not {threshold}")
    if convention not in _CONVENTIONS:
        raise ValueError(f"the convention must be one of {_CONVENTIONS}, not {convention!r}")
    if convention == "exact":
        return FrAuc(float((values > threshold).mean()), float(np.maximum(0.0, 1.0 - values / threshold).mean()))
    grid = star_grid(threshold)
    share = _share_up_to(values, grid)
    return FrAuc(round(float(1 - share[-1]), 4), round(simpson(share, _STEP) / threshold, 6))


def star_grid(threshold: float) -> FloatArray:
    """The reference's grid: steps of 1e-4 from 0 up to threshold + 1e-4, exclusive by floating-point luck."""
    return np.arange(0.0, threshold + _STEP, _STEP)


def ced(nmes: ArrayLike, threshold: float, steps: int = 1000) -> tuple[FloatArray, FloatArray]:
    """Cumulative error distribution: x (steps + 1,) from 0 to `threshold`, and the share of faces with NME <= x."""
    grid = np.linspace(0.0, threshold, steps + 1)
    return grid, _share_up_to(_values(nmes), grid)


def simpson(values: ArrayLike, step: float) -> float:
    """Simpson's rule for equally spaced `values` (n,), n >= 1.

    For even n the last interval is integrated by the parabola through the last three points (Cartwright's
    correction, as SciPy does since 1.11).
    """
    y = np.asarray(values, np.float64)
    if len(y) < 3:
        return float(step * (y[:-1] + y[1:]).sum() / 2)
    odd = len(y) - 1 + len(y) % 2  # points the plain rule takes
    total = step / 3 * (y[0] + 4 * y[1 : odd - 1 : 2].sum() + 2 * y[2 : odd - 2 : 2].sum() + y[odd - 1])
    if odd < len(y):
        total += step * (5 / 12 * y[-1] + 2 / 3 * y[-2] - 1 / 12 * y[-3])
    return float(total)


def bootstrap_interval(
    values: ArrayLike,
    groups: Sequence[Hashable] | NDArray[np.generic],
    statistic: Statistic = "mean",
    seed: int = 0,
    *,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Percentile bootstrap interval of a statistic, drawing whole groups with replacement.

    Faces of one person (or frames of one video) are alike, so that faces drawn singly would promise too much.

    Args:
        values: (F,) finite, such as NMEs. For FR draw from (nme > T), for AUC from max(0, 1 - nme / T): both are
            means of these.
        groups: (F,) the group of each value, such as its identity.
        statistic: "mean", "median", "p90", or a function from values to a number (slower).
        seed: of the random draws; the same seed gives the same interval.
        level: of confidence, in (0, 1).
        resamples: number of draws.
    """
    data = _values(values, finite=True)
    if len(groups) != len(data):
        raise ValueError(f"{len(data)} values, but {len(groups)} groups")
    if not 0 < level < 1 or resamples < 1:
        raise ValueError("the level must be between 0 and 1 and resamples at least 1")
    numbers: dict[Hashable, int] = {}
    group = np.array([numbers.setdefault(name, len(numbers)) for name in groups])
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // len(data))
    results = []
    for start in range(0, resamples, chunk):
        draws = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), min(chunk, resamples - start))
        results.append(_statistics(data, draws[:, group], statistic))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(results), [tail, 1 - tail])
    return Interval(float(low), float(high))


def _statistics(values: FloatArray, times: NDArray[np.int64], statistic: Statistic) -> FloatArray:
    """The statistic (R,) of each resample, in which value i occurs times[r, i] times (R, F)."""
    if callable(statistic):
        return np.array([statistic(np.repeat(values, row)) for row in times], dtype=np.float64)
    if statistic == "mean":
        means: FloatArray = (times @ values) / times.sum(axis=1)
        return means
    if statistic not in _QUANTILES:
        raise ValueError(f"the statistic must be mean, median, p90 or a function, not {statistic!r}")
    order = np.argsort(values)
    upto = np.cumsum(times[:, order], axis=1)
    place = (upto[:, -1] - 1) * _QUANTILES[statistic]  # numpy's default: linear between order statistics
    low, high = np.floor(place), np.ceil(place)
    at_low, at_high = (values[order[(upto <= end[:, None]).sum(axis=1)]] for end in (low, high))
    result: FloatArray = at_low + (at_high - at_low) * (place - low)
    return result


def _points(points: ArrayLike, scheme: Scheme) -> FloatArray:
    array = np.asarray(points, np.float64)
    if array.ndim < 2 or array.shape[-2:] != (len(scheme), 2):
        raise ValueError(f"points of scheme {scheme.id} must be (..., {len(scheme)}, 2), not {array.shape}")
    return array


def _values(values: ArrayLike, *, finite: bool = False) -> FloatArray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"expected values (F,) with F >= 1, not shape {array.shape}")
    if np.isnan(array).any():
        raise ValueError("values must not be NaN; leave out faces without a figure")
    if finite and np.isinf(array).any():
        raise ValueError("values must be finite; give the faces without a prediction apart")
    return array


def _share_up_to(values: FloatArray, grid: FloatArray) -> FloatArray:
    share: FloatArray = np.searchsorted(np.sort(values), grid, side="right") / len(values)
    return share


def _mean_known(values: FloatArray, axis: int | None) -> FloatArray:
    """Mean of what is not NaN; NaN, without a warning, where there is nothing."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
