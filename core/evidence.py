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
from core.error_odds import Seen, log_mean, point_odds, slip_odds, surprise_odds
from core.face import FloatArray, Prediction
from core.face_frame import FaceFrame, face_frame
from core.geometry import tangent_angles
from core.misfit import TYPICAL, WHOLE, misfits
from core.scheme import Scheme

MIN_HABIT_FACES = 20
"""With fewer faces than this, no habit of a data set's labels is told from chance, and none is taken off."""

_LEAST_P = 1e-300
_CHUNK = 256  # faces at a time: (faces, N, 24) numbers are held
_TEMPER = 1 / 3
_WEIGHTS = {"point": 1.0, "slip": 0.1, "swap": 0.1, "region": 0.01, "whole": 1.0}
"""How often errors of each kind are reckoned with, against one of a point."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Numbers of F faces of N points; NaN at missing points. Made by `gather`.

    Attributes:
        labels: (F, N, 2), image px.
        expected: (F, N, 2), image px: predicted mean plus the habit of the data set's labels.
        raw: (F, N, 2, 2) px^2, covariances as predicted.
        calibration: with the data set's own offset.
        sigma: (F, N, 2) px, calibrated standard deviations along and across the axes of the predicted ellipses.
        along, across: (F, N) px, in these axes.
        distance: (F, N) Mahalanobis distance with calibrated covariance.
        given_rest: (F, N) distance from where the other points of the face say that the label should be; `distance`
            where the calibration has no modes.
        from_shape: (F, N) distance from where the other label points alone put it; NaN without a model of shapes.
        p_alone, p_given, p_shape: (F, N) probability of a right label as far away, by each distance; 1 for no model.
        misfit_p: (F,) for each region, `core.misfit.WHOLE` and `TYPICAL`, of many points a little off together.
        point_odds: (F, N) log likelihood ratio of this one point moved against a right label (`core.error_odds`).
        slip_odds: (F,) of a part of a contour moved along it; None for schemes without long contours.
        tangential, normal: (F, N) px, the deviation along the point's contour and across it; along and across the major
            axis where the point is on no contour.
    """

    scheme: Scheme
    labels: FloatArray
    expected: FloatArray
    raw: FloatArray
    calibration: Calibration
    frame: FaceFrame
    sigma: FloatArray
    along: FloatArray
    across: FloatArray
    distance: FloatArray
    given_rest: FloatArray
    from_shape: FloatArray
    p_alone: FloatArray
    p_given: FloatArray
    p_shape: FloatArray
    misfit_p: dict[str, FloatArray]
    point_odds: FloatArray
    slip_odds: FloatArray | None
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
    def scores(self) -> FloatArray:
        """(F,) suspect score: log10 of how much likelier the label is with an error than without.

        The errors are a point, a contour that slipped, sides exchanged, a region, and a whole label that is another's;
        each counts as often as `_WEIGHTS` says, so that the rare and vague do not hide the frequent and plain.
        Likelihood ratios are tempered: residuals have heavier tails than the normal ones that they are computed with.
        """
        flip = np.array(self.scheme.flip)
        swapped = misfits(self.distance_to(flip), self.scheme)[WHOLE]
        own = misfits(self.distance, self.scheme)[WHOLE]
        regions = [values for name, values in self.misfit_p.items() if name not in (WHOLE, TYPICAL)]
        odds = {
            "point": _TEMPER * log_mean(self.point_odds),
            "slip": None if self.slip_odds is None else _TEMPER * self.slip_odds,
            "swap": _TEMPER * len(self.scheme) / 2 * np.nan_to_num(own - swapped),
            "region": log_mean(np.stack([surprise_odds(values) for values in regions], -1)) if regions else None,
            "whole": surprise_odds(self.misfit_p[TYPICAL]),
        }
        known = [values + math.log(_WEIGHTS[name]) for name, values in odds.items() if values is not None]
        total = log_mean(np.stack(known, -1)) + math.log(len(known) / sum(_WEIGHTS.values()))
        result: FloatArray = total / math.log(10)
        return result

    @cached_property
    def point_scores(self) -> FloatArray:
        """(F, N) suspect score of each point: -log10 p; 0 where it is missing."""
        result: FloatArray = -np.log10(np.clip(np.where(np.isnan(self.p), 1.0, self.p), _LEAST_P, 1.0))
        return result

    def distance_to(self, order: NDArray[np.intp], labels: FloatArray | None = None) -> FloatArray:
        """(F, N) Mahalanobis distances of each label point from the prediction of point `order[i]` instead."""
        points = self.labels if labels is None else labels
        sigma = self.sigma[:, order]
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
    from_shape, p_shape = np.full(points.shape[:2], np.nan), np.ones(points.shape[:2])
    seen = []
    if own.modes is not None:
        whitened = own.whitened(points, mean, raw, scheme)
        beside = own.modes.given_rest(whitened)
        given, p_given = beside.distance, own.modes.tail.p(beside.distance)
        seen.append(Seen(own.modes, whitened, beside, own.whitening(mean, raw, scheme), own.modes.scale**2))
    if own.shape is not None:
        shaped = own.shape.seen(points, mean, scheme)
        seen += shaped
        from_shape = shaped[0].distance
        p_shape = shaped[0].modes.tail.p(from_shape)
    expected = own.expected(mean, scheme)
    tangent = np.stack([tangent_angles(points, scheme) for points in expected])
    tangential, normal = _by_contour(points - expected, tangent, eigen(raw).angle)
    frame = face_frame(mean, scheme)
    point_odds, slip_odds = _odds(seen, tangent, frame.size, scheme)
    if not seen:
        point_odds = surprise_odds(p_alone)
    return Evidence(
        scheme, points, expected, raw, own, frame, own.sigmas(raw), deviation.along,
        deviation.across, deviation.mahalanobis, given, from_shape, p_alone, p_given, p_shape,
        own.misfit.p(misfits(deviation.mahalanobis, scheme)), point_odds, slip_odds, tangential, normal,
    )  # fmt: skip


def _odds(
    seen: Sequence[Seen], tangent: FloatArray, size: FloatArray, scheme: Scheme
) -> tuple[FloatArray, FloatArray | None]:
    """`Evidence.point_odds` and `slip_odds` of faces with tangents (F, N) at an angle; some faces at a time."""
    if not seen:
        return np.zeros(tangent.shape), None
    directions = np.stack([np.cos(tangent), np.sin(tangent)], -1)
    points, slips = [], []
    for start in range(0, len(size), _CHUNK):
        faces = slice(start, start + _CHUNK)
        part = [one.part(faces) for one in seen]
        points.append(point_odds(part, size[faces]))
        slips.append(slip_odds(part, directions[faces], size[faces], scheme))
    known = [log_mean(odds) for odds in slips if odds is not None]
    return np.concatenate(points), np.concatenate(known) if known else None


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


def _by_contour(error: FloatArray, tangent: FloatArray, axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Deviations (F, N, 2) along a tangent at an angle (F, N) and across it; by the `axis` where there is none."""
    angle = np.where(np.isnan(tangent), axis, tangent)
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * error[..., 0] + sin * error[..., 1], -sin * error[..., 0] + cos * error[..., 1]
