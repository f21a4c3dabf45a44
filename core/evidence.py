"""What the labels of a data set's faces look like beside a model's predictions: the numbers that verdicts rest on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        p_alone, p_given: (F, N) probability of a right label as far away, by either distance.
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
    p_alone: FloatArray
    p_given: FloatArray
    tangential: FloatArray
    normal: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def p(self) -> FloatArray:
        """(F, N) for both questions together (Bonferroni): min(1, 2 min(p_alone, p_given))."""
        result: FloatArray = np.minimum(1.0, 2 * np.minimum(self.p_alone, self.p_given))
        return result

    @cached_property
    def misfit_p(self) -> dict[str, FloatArray]:
        """(F,) for each region and `core.misfit.WHOLE`."""
        return self.calibration.misfit.p(misfits(self.distance, self.scheme))

    @cached_property
    def scores(self) -> FloatArray:
        """(F,) suspect score: -log10 of the least p among points, regions and the whole, each times their number."""
        points = np.where(np.isnan(self.p), 1.0, self.p).min(axis=1) * len(self.scheme)
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
    expected = own.expected(mean, scheme)
    tangential, normal = _by_contour(points - expected, expected, eigen(raw).angle, scheme)
    return Evidence(
        scheme, points, expected, raw, own, face_frame(mean, scheme), deviation.along, deviation.across,
        deviation.mahalanobis, given, p_alone, p_given, tangential, normal,
    )  # fmt: skip


def _by_contour(
    error: FloatArray, expected: FloatArray, axis: FloatArray, scheme: Scheme
) -> tuple[FloatArray, FloatArray]:
    tangent = np.stack([tangent_angles(points, scheme) for points in expected])
    angle = np.where(np.isnan(tangent), axis, tangent)
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * error[..., 0] + sin * error[..., 1], -sin * error[..., 0] + cos * error[..., 1]
