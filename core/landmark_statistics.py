"""What an audit says of each landmark: how far labels scatter there beside what the model expects, and which way.

The map of ambiguity lays all faces over each other in the face's frame (`core.face_frame`), in units of its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.ambiguity import eigen
from core.audit import Audit, LandmarkRow, landmark_table
from core.face import FloatArray
from core.geometry import axis_difference
from core.metrics import Interval, norm_distances
from core.resampling import PeopleDraws
from core.tail import Tail

_MOST_NU = 8.0
"""Even where calibrated tails are normal, a wrong label must not pull the estimate: its weight falls with distance."""

_ROUNDS = 60
_LEAST_FACES = 5


@dataclass(frozen=True, eq=False, slots=True)
class AmbiguityMap:
    """All faces laid over each other: x to the right, y down, in units of the face's size (`FaceFrame.size`).

    Attributes:
        mean: (N, 2) median predicted face.
        predicted: (N, 2, 2) mean calibrated covariance.
        centre: (N, 2) where labels are: `mean` and the labels' habit there. NaN with fewer than 5 labels.
        actual: (N, 2, 2) scatter of labels about it, as `scatter` tells it: wrong ones hardly count.
        tail: how far out the ellipse of a share of the labels is, for both.
    """

    mean: FloatArray
    predicted: FloatArray
    centre: FloatArray
    actual: FloatArray
    tail: Tail

    def excess(self, index: int) -> float:
        """How many times as wide as predicted labels of a landmark scatter; NaN where not known."""
        return math.sqrt(float(np.trace(self.actual[index]) / np.trace(self.predicted[index])))


def ambiguity_map(audit: Audit) -> AmbiguityMap:
    """The map of all faces of an audit."""
    e = audit.evidence
    means = np.stack([prediction.mean for prediction in audit.predictions])
    size = e.frame.size[:, None, None]
    middle = (means.min(axis=1, keepdims=True) + means.max(axis=1, keepdims=True)) / 2
    axes = e.frame.axes[:, None]
    cov = axes @ e.calibration.covariance(e.raw) @ axes.swapaxes(-1, -2) / size[..., None] ** 2
    mean = np.nanmedian(e.frame.to_face(means - middle), axis=0)
    fitted = [scatter(rows, e.calibration.tail) for rows in e.frame.to_face(e.labels - means).swapaxes(0, 1)]
    centre = mean + np.stack([place for place, _ in fitted])
    return AmbiguityMap(mean, np.nanmean(cov, axis=0), centre, np.stack([s for _, s in fitted]), e.calibration.tail)


def scatter(residuals: FloatArray, tail: Tail) -> tuple[FloatArray, FloatArray]:
    """Place (2,) and scatter matrix (2, 2) of residuals (F, 2), NaN left out, that follow the tail but for wrong ones.

    Place and shape as of a bivariate t, whose maximum likelihood is found by reweighting (Lange, Little and Taylor
    1989): a residual at Mahalanobis distance d has weight (nu + 2) / (nu + d^2). The size is such that half of the
    residuals are within the tail's radius for half. All NaN for fewer than 5.
    """
    known = residuals[np.isfinite(residuals).all(axis=1)]
    if len(known) < _LEAST_FACES:
        return np.full(2, np.nan), np.full((2, 2), np.nan)
    nu = min(tail.nu, _MOST_NU)
    place = np.median(known, axis=0)
    spread = np.median(np.abs(known - place), axis=0) * 1.4826
    floor = np.eye(2) * max(float(spread.max()) ** 2, 1e-12) * 1e-6  # whole-number labels may all lie on a line
    matrix = np.diag(spread**2) + floor
    for _ in range(_ROUNDS):
        off = known - place
        square = np.einsum("fi,ij,fj->f", off, np.linalg.inv(matrix), off)
        weight = (nu + 2) / (nu + square)
        place = (weight[:, None] * known).sum(axis=0) / weight.sum()
        off = known - place
        before = matrix
        matrix = np.einsum("f,fi,fj->ij", weight, off, off) / len(known) + floor
        if np.allclose(matrix, before, rtol=1e-4, atol=0.0):
            break
    off = known - place
    square = np.einsum("fi,ij,fj->f", off, np.linalg.inv(matrix), off)
    return place, matrix * (float(np.median(square)) / float(tail.radius(0.5)) ** 2)


@dataclass(frozen=True, slots=True)
class LandmarkStatistics:
    """One landmark; lengths in % of the distance that NMEs are divided by. NaN where nothing is known.

    Attributes:
        row: what `landmark_table` says.
        angle: degrees in [0, 90], between the calibrated ellipse's major axis and the contour; median over faces.
        bias: median of label minus predicted mean along the contour's tangent, in the order of its points.
        interval: of `bias`, 95 %, from drawing people.
        worst: faces where its label is called wrong or ambiguous, the most suspect first; at most five.
    """

    row: LandmarkRow
    angle: float
    bias: float
    interval: Interval
    worst: tuple[int, ...]


def landmark_statistics(audit: Audit, draws: PeopleDraws) -> list[LandmarkStatistics]:
    """Of all landmarks; `draws` are of the people of the audit's faces."""
    e = audit.evidence
    tangent = e.tangent
    angles = axis_difference(eigen(e.calibration.covariance(e.raw)).angle, tangent)
    means = np.stack([prediction.mean for prediction in audit.predictions])
    off = (e.labels - means) / (norm_distances(e.expected, audit.scheme)[:, None, None] / 100)
    along = np.cos(tangent) * off[..., 0] + np.sin(tangent) * off[..., 1]
    return [
        LandmarkStatistics(
            row, _median(angles[:, row.index]), _median(along[:, row.index]),
            draws.median_interval(along[:, row.index]), _worst(audit, row.index),
        )
        for row in landmark_table(audit)
    ]  # fmt: skip


def ranked_faces(audit: Audit, index: int, most: int) -> tuple[int, ...]:
    """Faces that have a label of a landmark, at most `most`: where it is called wrong first, then by score."""
    faces: Sequence[int] = np.flatnonzero(audit.verdicts[:, index] != "missing").tolist()
    wrong, scores = audit.wrong()[:, index], audit.evidence.point_scores[:, index]
    return tuple(sorted(faces, key=lambda face: (not wrong[face], -scores[face]))[:most])


def _worst(audit: Audit, index: int, most: int = 5) -> tuple[int, ...]:
    ranked = ranked_faces(audit, index, len(audit))
    return tuple(face for face in ranked if audit.verdicts[face, index] != "ok")[:most]


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
