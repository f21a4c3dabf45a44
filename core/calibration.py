"""Calibration: what a model's covariances mean in the deviations of real labels.

Heatmaps are trained towards narrow peaks and keep a broad floor, so that their covariances are several times too large,
by a factor of its own for each landmark and axis. Measured on faces that the model did not train on:

* `offset`: where labels sit systematically beside the prediction, in the face's frame (a data set's habit, or an error
  of its coordinates that mirrored training cannot learn);
* `scales`: standard deviation of labels along and across the major axis, over the predicted one;
* `tail`: how much more often than normal labels are far away;
* `modes`: how the deviations of one face hang together;
* `shape`: which shapes labels have at all.

Wrong labels are among the faces that this is fitted on. So offsets are medians, scales are median absolute deviations
(times 1.4826, which is consistent for the normal distribution), and the tail is fitted to the body alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.ambiguity import Deviation, eigen, split_deviation
from core.errors import CheckpointError
from core.face import FloatArray, Prediction
from core.face_frame import face_frame
from core.face_modes import MIN_FACES as MODES_FACES
from core.face_modes import FaceModes, fit_modes
from core.label_shape import LabelShape, fit_shape
from core.misfit import Misfit, fit_misfit
from core.scheme import Scheme
from core.tail import NORMAL, Tail, fit_tail

CALIBRATION_VERSION = 1
MIN_FACES = 20

_MAD_NORMAL = 1.4826
_RESAMPLES = 100
_SCALE_LIMITS = (1e-3, 1e3)
_MAX_OFFSET = 1.0
_REMEDY = "Calibrate the model again, or fetch it again"


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """A model's calibration.

    Attributes:
        scales: (N, 2) > 0, along and across the major axis: standard deviation of labels over the predicted one.
        offset: (N, 2) label minus mean, in the face's frame as shares of its size (`core.face_frame`): the habit of the
            labels that it was fitted on.
        tail: distribution of Mahalanobis distances with the scaled covariance, about mean plus offset.
        modes: of whitened deviations (see `whitened`); None where there were too few faces.
        shape: of labels; None where there were too few faces.
        misfit: of whole faces and regions (`core.misfit`).
        about: where it comes from: data, faces, people, crops, coverage. JSON values, for people.
    """

    scales: FloatArray
    offset: FloatArray
    tail: Tail = NORMAL
    modes: FaceModes | None = None
    shape: LabelShape | None = None
    misfit: Misfit = field(default_factory=lambda: Misfit({}))
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("scales", "offset"):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.ndim != 2 or value.shape[1] != 2 or not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite and (N, 2), not {value.shape}")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        low, high = _SCALE_LIMITS
        if len(self.scales) != len(self.offset) or (self.scales < low).any() or (self.scales > high).any():
            raise ValueError(f"there must be as many scales, from {low:g} to {high:g}, as offsets")
        if self.modes is not None and len(self.modes.loadings) != len(self.scales):
            raise ValueError("the modes are of another number of points")
        if (np.abs(self.offset) > _MAX_OFFSET).any():
            raise ValueError("an offset is larger than a face")

    def __len__(self) -> int:
        return len(self.scales)

    def covariance(self, raw: ArrayLike) -> FloatArray:
        """Calibrated covariances (..., N, 2, 2) px^2 of raw ones: the same axes, with scaled variances."""
        major, minor, angle = eigen(raw)
        along, across = major * self.scales[:, 0] ** 2, minor * self.scales[:, 1] ** 2
        cos, sin = np.cos(angle), np.sin(angle)
        xx = along * cos**2 + across * sin**2
        yy = along * sin**2 + across * cos**2
        xy = (along - across) * cos * sin
        return np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)

    def applied(self, prediction: Prediction) -> Prediction:
        """The prediction with calibrated covariances; means are left as they are. The raw one stays as it is.

        Its ellipses are to be drawn at `tail.radius(share)` sigmas to hold that share of labels.
        """
        return replace(prediction, covariance=self.covariance(prediction.covariance))

    def with_offset(self, offset: ArrayLike) -> Calibration:
        """For labels of another habit: with their own offset (see `systematic_offset`)."""
        return replace(self, offset=np.asarray(offset, np.float64))

    def expected(self, mean: ArrayLike, scheme: Scheme) -> FloatArray:
        """Where labels are expected (..., N, 2), image px: predicted means (..., N, 2) plus the habitual offset."""
        points = np.asarray(mean, np.float64)
        return points + face_frame(points, scheme).to_image(self.offset)

    def deviation(self, label: ArrayLike, mean: ArrayLike, covariance: ArrayLike, scheme: Scheme) -> Deviation:
        """Deviation of labels (..., N, 2) from where they are expected, by predicted means and raw covariances.

        Along and across in px, in the axes of the raw ellipse, which stay those of the calibrated one even where that
        is wider across; `mahalanobis` in calibrated standard deviations.
        """
        raw = split_deviation(label, self.expected(mean, scheme), covariance)
        sigma = self.sigmas(covariance)
        distance: FloatArray = np.hypot(raw.along / sigma[..., 0], raw.across / sigma[..., 1])
        return Deviation(raw.along, raw.across, distance)

    def whitened(self, label: ArrayLike, mean: ArrayLike, covariance: ArrayLike, scheme: Scheme) -> FloatArray:
        """Deviations (F, N, 2) in calibrated standard deviations, in the face's frame; their length is `mahalanobis`.

        By the symmetric root of the covariance, which does not jump as axes of near-circles do.
        """
        moved = np.asarray(label, np.float64) - self.expected(mean, scheme)
        result: FloatArray = np.einsum("...nij,...nj->...ni", self.whitening(mean, covariance, scheme), moved)
        return result

    def whitening(self, mean: ArrayLike, covariance: ArrayLike, scheme: Scheme) -> FloatArray:
        """Matrices (F, N, 2, 2) from vectors of image px at each point to whitened ones."""
        sigma, angle = self.sigmas(covariance), eigen(covariance).angle
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
        root = (turn / sigma[..., None, :]) @ turn.swapaxes(-1, -2)
        result: FloatArray = face_frame(mean, scheme).axes[..., None, :, :] @ root
        return result

    def sigmas(self, covariance: ArrayLike) -> FloatArray:
        """Calibrated standard deviations (..., N, 2) px along and across; at least that of rounding to whole px."""
        major, minor, _ = eigen(covariance)
        raw = np.sqrt(np.stack([major, minor], -1))
        result: FloatArray = np.maximum(raw * self.scales, math.sqrt(1 / 12))
        return result

    def to_json(self) -> dict[str, Any]:
        """For a model's header."""
        return {
            "version": CALIBRATION_VERSION,
            "along": _rounded(self.scales[:, 0]),
            "across": _rounded(self.scales[:, 1]),
            "offset": [_rounded(row) for row in self.offset],
            "tail": None if math.isinf(self.tail.nu) else self.tail.nu,
            "modes": None if self.modes is None else self.modes.to_json(),
            "shape": None if self.shape is None else self.shape.to_json(),
            "misfit": self.misfit.to_json(),
            "about": self.about,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None, count: int, where: str = "") -> Calibration | None:
        """The calibration in a model's header; None where there is none, or one of a version not known here.

        Args:
            data: `ModelHeader.calibration`.
            count: number of landmarks of the model.
            where: of the model, for messages. CheckpointError if the calibration is damaged.
        """
        if data is None or data.get("version") != CALIBRATION_VERSION:
            return None
        try:
            scales = np.stack([_numbers(data["along"]), _numbers(data["across"])], -1)
            tail = NORMAL if data["tail"] is None else Tail(float(data["tail"]))
            about = data.get("about", {})
            modes = None if data.get("modes") is None else FaceModes.from_json(data["modes"], len(scales))
            shape = None if data.get("shape") is None else LabelShape.from_json(data["shape"], len(scales))
            misfit = Misfit.from_json(data.get("misfit") or {})
            about = dict(about) if isinstance(about, Mapping) else {}
            made = cls(scales, _numbers(data["offset"]), tail, modes, shape, misfit, about)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the model's calibration is damaged ({error})", where=where, remedy=_REMEDY
            ) from error
        if len(made) != count:
            raise CheckpointError(
                f"the model's calibration is for {len(made)} points, not {count}", where=where, remedy=_REMEDY
            )
        return made


def plain_calibration(count: int) -> Calibration:
    """For a model without one: covariances as predicted, no offset, normal tail."""
    return Calibration(np.ones((count, 2)), np.zeros((count, 2)))


def fit_calibration(
    label: ArrayLike,
    mean: ArrayLike,
    covariance: ArrayLike,
    groups: Sequence[Hashable],
    scheme: Scheme,
    about: Mapping[str, Any] | None = None,
) -> Calibration:
    """Fit to faces that the model did not train on.

    Each landmark's own values are shrunk towards those of its region, and these towards all, as far as their
    differences may be chance (`shrink`).

    Args:
        label: (F, N, 2), image px; NaN where missing.
        mean, covariance: (F, N, 2), (F, N, 2, 2), as predicted.
        groups: (F,) person of each face. Faces of one person are alike, so that people count, not faces.
        about: see `Calibration`.

    Raises:
        ValueError: fewer than MIN_FACES faces.
    """
    labels, means = np.asarray(label, np.float64), np.asarray(mean, np.float64)
    if len(labels) < MIN_FACES:
        raise ValueError(f"a calibration needs at least {MIN_FACES} faces, not {len(labels)}")
    offset = systematic_offset(labels, means, groups, scheme)
    start = replace(plain_calibration(len(scheme)), offset=offset)
    raw = start.deviation(labels, means, covariance, scheme)
    sigma = start.sigmas(covariance)
    scaled = np.stack([raw.along, raw.across], -1) / sigma
    logs, variance = _with_variance(scaled, groups, _log_spread)
    shrunk = np.stack([shrink(logs[:, axis], variance[:, axis], scheme) for axis in (0, 1)], -1)
    made = replace(start, scales=np.clip(np.exp(shrunk), *_SCALE_LIMITS), about=dict(about or {}))
    tail, factor = fit_tail(made.deviation(labels, means, covariance, scheme).mahalanobis)
    made = replace(made, scales=np.clip(made.scales * factor, *_SCALE_LIMITS), tail=tail)
    distance = made.deviation(labels, means, covariance, scheme).mahalanobis
    made = replace(made, misfit=fit_misfit(distance, scheme))
    if len(labels) < MODES_FACES:
        return made
    modes = fit_modes(made.whitened(labels, means, covariance, scheme), scheme)
    return replace(made, modes=modes, shape=fit_shape(labels, means, scheme))


def systematic_offset(label: ArrayLike, mean: ArrayLike, groups: Sequence[Hashable], scheme: Scheme) -> FloatArray:
    """The labels' habit (N, 2): median of label - mean in the face's frame, shrunk as far as it may be chance.

    Args:
        label, mean: (F, N, 2), image px; NaN where missing.
        groups: (F,) person of each face.
    """
    means = np.asarray(mean, np.float64)
    moved = face_frame(means, scheme).to_face(np.asarray(label, np.float64) - means)
    centre, variance = _with_variance(moved, groups, _median)
    axes = [shrink(centre[:, axis], variance[:, axis], scheme) for axis in (0, 1)]
    return np.clip(np.nan_to_num(np.stack(axes, -1)), -_MAX_OFFSET, _MAX_OFFSET)


def shrink(values: ArrayLike, variance: ArrayLike, scheme: Scheme) -> FloatArray:
    """Values (N,) of landmarks drawn towards their region's mean, and region means towards the mean of all.

    Empirical Bayes with known error variances (Efron and Morris 1975): a value keeps the share t / (t + variance),
    where t is the variance between the values beyond what their errors explain. Points in no region form one of their
    own; NaN becomes its region's value.
    """
    raw = np.asarray(values, np.float64)
    errors = np.broadcast_to(np.asarray(variance, np.float64), raw.shape)
    names = [None if (region := scheme.region_of(i)) is None else region.name for i in range(len(scheme))]
    kinds = list(dict.fromkeys(names))
    members = [np.array([name == kind for name in names]) for kind in kinds]
    means = np.array([_mean_known(raw[inside]) for inside in members])
    mean_errors = np.array([_mean_known(errors[inside]) / max(inside.sum(), 1) for inside in members])
    means = _towards(means, mean_errors, _mean_known(means))
    result = np.empty(len(raw))
    for inside, centre in zip(members, means, strict=True):
        result[inside] = _towards(raw[inside], errors[inside], centre)
    return result


def _towards(values: FloatArray, errors: FloatArray, centre: float) -> FloatArray:
    known = np.isfinite(values) & np.isfinite(errors)
    if known.sum() < 2:
        return np.where(known, values, centre)
    between = max(float(np.mean((values[known] - values[known].mean()) ** 2) - errors[known].mean()), 0.0)
    total = between + errors
    kept = np.divide(between, total, out=np.ones_like(values), where=known & (total > 0))
    return np.where(known, centre + kept * (values - centre), centre)


def _with_variance(
    values: FloatArray, groups: Sequence[Hashable], statistic: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """A statistic (N, 2) of values (F, N, 2) over faces, and its variance from drawing people (bootstrap, seeded)."""
    numbers: dict[Hashable, int] = {}
    group = np.array([numbers.setdefault(name, len(numbers)) for name in groups])
    members = [np.flatnonzero(group == number) for number in range(len(numbers))]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        draws.append(statistic(values[drawn]))
    known = np.isfinite(draws).all(axis=0)
    variance = np.where(known, np.where(known, draws, 0.0).var(axis=0), np.nan)
    return statistic(values), variance


def _log_spread(values: FloatArray) -> FloatArray:
    """Logarithm of the median absolute deviation from 0 (axis 0), as a standard deviation."""
    spread: FloatArray = np.log(np.maximum(_median(np.abs(values)) * _MAD_NORMAL, _SCALE_LIMITS[0]))
    return spread


def _median(values: FloatArray) -> FloatArray:
    """Median over faces (axis 0) of what is known; NaN, without a warning, where nothing is."""
    known = np.isfinite(values).any(axis=0)
    filled = np.where(known, values, 0.0)
    result: FloatArray = np.where(known, np.nanmedian(filled, axis=0), np.nan)
    return result


def _mean_known(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(value), 5) for value in values]


def _numbers(values: object) -> FloatArray:
    if not isinstance(values, list):
        raise ValueError("a list of numbers is missing")
    return np.array(values, dtype=np.float64)
