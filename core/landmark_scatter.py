"""The labels of one landmark over all faces, laid over each other in its own axes: along and across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.ambiguity import eigen
from core.audit import Audit
from core.face import FloatArray
from core.landmark_statistics import scatter
from core.metrics import norm_distances

Axes = Literal["contour", "ellipse"]


@dataclass(frozen=True, eq=False, slots=True)
class LandmarkScatter:
    """Label minus predicted mean of one landmark; lengths in % of the distance that NMEs are divided by.

    Attributes:
        offsets: (F, 2), along and across; NaN where there is no label.
        predicted: (2, 2) mean calibrated covariance, about 0.
        centre: (2,) where labels are; NaN with fewer than 5, as is `actual`.
        actual: (2, 2) scatter of labels about it (`core.landmark_statistics.scatter`): wrong ones hardly count.
    """

    offsets: FloatArray
    predicted: FloatArray
    centre: FloatArray
    actual: FloatArray


def landmark_scatter(audit: Audit, index: int, axes: Axes = "contour") -> LandmarkScatter:
    """Labels of landmark `index`; "along" is the contour's tangent in the order of its points, or the major axis.

    A landmark on no contour is always shown in the axes of its ellipses. Those may point either way: the one to the
    viewer's right, as the face is turned, is taken.
    """
    e = audit.evidence
    means = np.stack([prediction.mean[index] for prediction in audit.predictions])
    norm = norm_distances(e.expected, audit.scheme) / 100
    angle = _angles(audit, index, axes)
    rows = np.stack([np.stack([np.cos(angle), np.sin(angle)], -1), np.stack([-np.sin(angle), np.cos(angle)], -1)], -2)
    offsets = np.einsum("fij,fj->fi", rows, e.labels[:, index] - means) / norm[:, None]
    turned = rows @ e.calibration.covariance(e.raw)[:, index] @ rows.swapaxes(-1, -2) / norm[:, None, None] ** 2
    centre, actual = scatter(offsets, e.calibration.tail)
    return LandmarkScatter(offsets, np.nanmean(turned, axis=0), centre, actual)


def _angles(audit: Audit, index: int, axes: Axes) -> NDArray[np.float64]:
    """(F,) angle of "along" in the image, radians."""
    e = audit.evidence
    frame = np.arctan2(e.frame.axes[:, 0, 1], e.frame.axes[:, 0, 0])
    major = eigen(e.calibration.covariance(e.raw)[:, index]).angle - frame
    # An axis has two directions: the one within 90 degrees of the face's own right, so that faces agree.
    ellipse = (major + np.pi / 2) % np.pi - np.pi / 2 + frame
    if axes == "ellipse":
        return np.asarray(ellipse, np.float64)
    tangent = e.tangent[:, index]
    return np.asarray(np.where(np.isnan(tangent), ellipse, tangent), np.float64)
