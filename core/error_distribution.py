"""How errors are distributed over a data set: histograms, and cumulative curves that say how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.face import FloatArray
from core.metrics import FrAuc, Interval, Summary, ced, fr_auc, summarise
from core.resampling import PeopleDraws

STEPS = 100


@dataclass(frozen=True, eq=False, slots=True)
class Histogram:
    """Shares of values in bins, the last of which holds all that are larger.

    Attributes:
        edges: (B + 1,) of the bins, from 0; the last is infinite.
        share: (B,) of all values.
        count: of values.
    """

    edges: FloatArray
    share: FloatArray
    count: int


def histogram(values: ArrayLike, far: float, bins: int = 40) -> Histogram:
    """Of values >= 0 of any shape, NaN left out: `bins` equal ones up to `far`, and one for the rest."""
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    edges = np.append(np.linspace(0.0, far, bins + 1), np.inf)
    return Histogram(edges, np.histogram(known, edges)[0] / max(len(known), 1), len(known))


@dataclass(frozen=True, eq=False, slots=True)
class ErrorCurve:
    """The cumulative error distribution of NMEs, all as fractions; intervals are 95 %, from drawing people.

    Attributes:
        x: (K,) NMEs from 0 to the threshold.
        share: (K,) of faces with an NME of at most that; `low` and `high` (K,) its interval.
        faces: how many count.
        summary: mean, median and 90th percentile of NMEs.
        mean: interval of the mean. `median`: of the median.
        at: failure rate and AUC at the threshold ("exact", see `core.metrics`).
    """

    x: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    faces: int
    summary: Summary
    mean: Interval
    median: Interval
    at: FrAuc


def error_curve(nmes: ArrayLike, draws: PeopleDraws, threshold: float) -> ErrorCurve | None:
    """The curve of NMEs (F,) of the faces that `draws` are of, NaN where there is none; None for nothing but NaN."""
    values = np.asarray(nmes, np.float64)
    known = np.isfinite(values)
    if not known.any():
        return None
    x, share = ced(values[known], threshold, STEPS)
    inside = np.where(known[:, None], values[:, None] <= x, np.nan)
    table = draws.mean_intervals(np.column_stack([inside, values]))
    return ErrorCurve(
        x, share, table[:-1, 0], table[:-1, 1], int(known.sum()), summarise(values[known]),
        Interval(float(table[-1, 0]), float(table[-1, 1])), draws.median_interval(values),
        fr_auc(values[known], threshold),
    )  # fmt: skip
