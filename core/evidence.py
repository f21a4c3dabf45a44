"""What the labels of a data set's faces look like beside a model's predictions: the numbers that verdicts rest on."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincc

from core.ambiguity import eigen, split_deviation
from core.calibration import Calibration, systematic_offset
from core.face import FloatArray, Prediction
from core.face_frame import FaceFrame, face_frame
from core.geometry import tangent_angles
from core.misfit import WHOLE, misfits
from core.scheme import Scheme

MIN_HABIT_FACES = 20
"""With fewer faces than this, no habit of a data set's labels is told from chance, and none is taken off."""

_LEAST_P = 1e-300


@dataclass(frozen=True, eq=False)
class Evidence:
    """Numbers of F faces of N points; NaN at missing points. Made by `gather`.

    Attributes:
        labels: (F, N, 2), image px.
        expected: (F, N, 2), image px: predicted mean plus the habit of the data set's labels.
        raw: (F, N, 2, 2) px^2, covariances as predicted.
        calibration: with the data set's own offset.
        along, across: (F, N) px, in the axes of the predicted ellipses.
        distance: (F, N) Mahalanobis distance with calibrated covariance.
        given_rest: (F, N) distance from where the other points of the face say that the label should be; `distance`
            where the calibration has no modes.
        from_shape: (F, N) distance from where the other label points alone put it; NaN without a model of shapes.
        p_alone, p_given, p_shape: (F, N) probability of a right label as far away, by each distance; 1 for no model.
        tangential, normal: (F, N) px, the deviation along the point's contour and across it; along and across the major
            axis where the point is on no contour.
    """

    scheme: Scheme
    labels: FloatArray
    expected: FloatArray
    raw: FloatArray
    calibration: Calibration
    frame: FaceFrame
    along: FloatArray
    across: FloatArray
    distance: FloatArray
    given_rest: FloatArray
    from_shape: FloatArray
    p_alone: FloatArray
    p_given: FloatArray
    p_shape: FloatArray
    tangential: FloatArray
    normal: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def p(self) -> FloatArray:
        """(F, N) of a point alone and beside the rest of its face, by the Cauchy combination (Liu and Xie 2020).

        It needs no independence, and loses less than Bonferroni's bound where the answers agree.
        """
        return cauchy(np.stack([self.p_alone, self.p_rest]))

    @cached_property
    def tangent(self) -> FloatArray:
        """(F, N) radians, directions of the contours at the expected points; NaN for a point on none."""
        return np.stack([tangent_angles(points, self.scheme) for points in self.expected])

    @cached_property
    def p_rest(self) -> FloatArray:
        """(F, N) of a point beside the rest of its face: `p_given` and `p_shape` together, by Brown's method (1975)."""
        return brown(self.p_given, self.p_shape)

    @cached_property
    def misfit_p(self) -> dict[str, FloatArray]:
        """(F,) for each region and `core.misfit.WHOLE`."""
        return self.calibration.misfit.p(misfits(self.distance, self.scheme))

    @cached_property
    def scores(self) -> FloatArray:
        """(F,) suspect score: -log10 of the least p among points, regions and the whole, each times their number.

        Points count by `p_rest`: a point that is off alone is so with its region as well, or with its whole face.
        """
        points = np.where(np.isnan(self.p_rest), 1.0, self.p_rest).min(axis=1) * len(self.scheme)
        regions = [values for name, values in self.misfit_p.items() if name != WHOLE]
        least = [points, self.misfit_p[WHOLE], *(values * len(regions) for values in regions)]
        smallest = np.nanmin(np.stack([np.where(np.isnan(v), 1.0, v) for v in least]), axis=0)
        result: FloatArray = -np.log10(np.clip(smallest, _LEAST_P, 1.0))
        return result

    @cached_property
    def point_scores(self) -> FloatArray:
        """(F, N) suspect score of each point: -log10 p; 0 where it is missing."""
        result: FloatArray = -np.log10(np.clip(np.where(np.isnan(self.p), 1.0, self.p), _LEAST_P, 1.0))
        return result

    def distance_to(self, order: NDArray[np.intp], labels: FloatArray | None = None) -> FloatArray:
        """(F, N) Mahalanobis distances of each label point from the prediction of point `order[i]` instead."""
        points = self.labels if labels is None else labels
        sigma = self.calibration.sigmas(self.raw)[:, order]
        split = split_deviation(points, self.expected[:, order], self.raw[:, order])
        result: FloatArray = np.hypot(split.along / sigma[..., 0], split.across / sigma[..., 1])
        return result


def gather(
    labels: ArrayLike,
    predictions: Sequence[Prediction],
    groups: Sequence[Hashable],
    scheme: Scheme,
    calibration: Calibration,
) -> Evidence:
    """Compare labels (F, N, 2), image px, NaN where missing, with predictions of their faces.

    The data set's own habit is estimated from all these faces and replaces the calibration's, which is that of other
    labels. `groups` (F,) says who is who: faces of one person are alike.
    """
    points = np.asarray(labels, np.float64)
    mean = np.stack([prediction.mean for prediction in predictions])
    raw = np.stack([prediction.covariance for prediction in predictions])
    habit = np.zeros((len(scheme), 2))
    if len(points) >= MIN_HABIT_FACES:
        habit = systematic_offset(points, mean, groups, scheme)
    own = calibration.with_offset(habit)
    deviation = own.deviation(points, mean, raw, scheme)
    p_alone = own.tail.p(deviation.mahalanobis)
    given, p_given = deviation.mahalanobis, p_alone
    if own.modes is not None:
        given = own.modes.given_rest(own.whitened(points, mean, raw, scheme)).distance
        p_given = own.modes.tail.p(given)
    from_shape, p_shape = np.full(points.shape[:2], np.nan), np.ones(points.shape[:2])
    if own.shape is not None:
        from_shape = own.shape.distance(points, mean, scheme)
        p_shape = own.shape.modes.tail.p(from_shape)
    expected = own.expected(mean, scheme)
    tangential, normal = _by_contour(points - expected, expected, eigen(raw).angle, scheme)
    return Evidence(
        scheme, points, expected, raw, own, face_frame(mean, scheme), deviation.along, deviation.across,
        deviation.mahalanobis, given, from_shape, p_alone, p_given, p_shape, tangential, normal,
    )  # fmt: skip


def cauchy(p: ArrayLike) -> FloatArray:
    """One p-value (...) of several (K, ...), which may depend on each other; NaN where one is."""
    values = np.clip(np.asarray(p, np.float64), _LEAST_P, 1 - 1e-9)
    mean = (1 / np.tan(np.pi * values)).mean(axis=0)
    result: FloatArray = np.arctan2(1.0, mean) / np.pi
    return result


def brown(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """One p-value (...) of two (...) that hang together: Fisher's product, scaled by their correlation.

    -2 log(p q) has mean 4 and variance 8 (1 + r), and is taken for c times a chi-square with f degrees of freedom of
    the same mean and variance: c = 1 + r, f = 4 / (1 + r). The correlation r of the logarithms is that of the bulk,
    with p from 0.05 up, or 0 if that is negative. A p that is 1 everywhere asks nothing: the other one is returned.
    """
    logs = [np.log(np.clip(np.asarray(p, np.float64), _LEAST_P, 1.0)) for p in (first, second)]
    for one, other in (logs, logs[::-1]):
        if not np.nan_to_num(one).any():
            return np.asarray(np.exp(other), np.float64)
    known = np.isfinite(logs[0]) & np.isfinite(logs[1]) & (np.minimum(*logs) > math.log(0.05))
    spread = known.sum() > 2 and all(np.ptp(one[known]) > 0 for one in logs)
    r = max(float(np.corrcoef(logs[0][known], logs[1][known])[0, 1]), 0.0) if spread else 1.0
    both = gammaincc(2 / (1 + r), -(logs[0] + logs[1]) / (1 + r))
    return np.asarray(np.maximum(both, _LEAST_P), np.float64)


def _by_contour(
    error: FloatArray, expected: FloatArray, axis: FloatArray, scheme: Scheme
) -> tuple[FloatArray, FloatArray]:
    tangent = np.stack([tangent_angles(points, scheme) for points in expected])
    angle = np.where(np.isnan(tangent), axis, tangent)
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * error[..., 0] + sin * error[..., 1], -sin * error[..., 0] + cos * error[..., 1]
