"""From a covariance to what people see of it: ellipse, anisotropy, and a deviation split along its axes.

Everything is in closed form for 2 x 2 symmetric matrices [[a, b], [b, c]] (STAR_SPEC.md section 13):
m = (a + c) / 2, r = sqrt(((a - c) / 2)^2 + b^2), eigenvalues m +- r, major axis at atan2(2 b, a - c) / 2.
Works on any leading shape, keeps NaN as NaN, and stays finite for degenerate covariances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.face import FloatArray

MAX_ANISOTROPY = 1000.0
"""Reported for a covariance without any width across its major axis."""

ROUNDING_VARIANCE = 1.0 / 12.0
"""px^2; variance of a coordinate rounded to whole pixels: no label is known better than that."""


class Eigen(NamedTuple):
    """Eigenvalues `major` >= `minor` >= 0 (...), px^2, and `angle` (...) of the major axis.

    The angle is in radians in [-pi/2, pi/2), from +x towards +y (down); 0 for a circle.
    """

    major: FloatArray
    minor: FloatArray
    angle: FloatArray


class EllipseAxes(NamedTuple):
    """Semi-axes (...), px, and angle (...), radians as in `Eigen`, of a k-sigma ellipse."""

    semi_major: FloatArray
    semi_minor: FloatArray
    angle: FloatArray


class Deviation(NamedTuple):
    """Label minus predicted mean, in the frame of the predicted ellipse.

    `along` and `across` (...), px, signed: components on the major axis (cos t, sin t) and on the minor axis
    (-sin t, cos t).
    `mahalanobis` (...), no unit.
    """

    along: FloatArray
    across: FloatArray
    mahalanobis: FloatArray


def eigen(covariance: ArrayLike) -> Eigen:
    """Eigen-decomposition of symmetric matrices (..., 2, 2); negative eigenvalues from rounding become 0."""
    cov = np.asarray(covariance, np.float64)
    if cov.shape[-2:] != (2, 2):
        raise ValueError(f"covariances must be (..., 2, 2), not {cov.shape}")
    a, c = cov[..., 0, 0], cov[..., 1, 1]
    b = (cov[..., 0, 1] + cov[..., 1, 0]) / 2
    middle, half = (a + c) / 2, (a - c) / 2
    radius = np.hypot(half, b)
    angle = np.arctan2(b, half) / 2
    # arctan2 gives (-pi, pi]; the two ends are the same axis, and -pi/2 is its one name.
    angle = np.where(angle >= np.pi / 2, -np.pi / 2, angle)
    return Eigen(np.maximum(middle + radius, 0.0), np.maximum(middle - radius, 0.0), angle)


def anisotropy(covariance: ArrayLike) -> FloatArray:
    """sqrt(major / minor) of covariances (..., 2, 2): (...), from 1 (also for a zero matrix) to MAX_ANISOTROPY."""
    major, minor, _ = eigen(covariance)
    floor = np.maximum(minor, major / MAX_ANISOTROPY**2)
    known = floor > 0
    ratio = np.divide(major, floor, out=np.ones_like(major), where=known)
    result: FloatArray = np.where(np.isnan(major), np.nan, np.maximum(np.sqrt(ratio), 1.0))
    return result


def angle_deg(covariance: ArrayLike) -> FloatArray:
    """Angle of the major axis of (..., 2, 2): (...), degrees in [-90, 90), from +x towards +y (down)."""
    angle: FloatArray = np.degrees(eigen(covariance).angle)
    return angle


def ellipse_axes(covariance: ArrayLike, sigmas: float = 1.0) -> EllipseAxes:
    """The `sigmas`-sigma level ellipse of covariances (..., 2, 2)."""
    major, minor, angle = eigen(covariance)
    return EllipseAxes(sigmas * np.sqrt(major), sigmas * np.sqrt(minor), angle)


def ellipse_points(mean: ArrayLike, covariance: ArrayLike, sigmas: float = 1.0, count: int = 64) -> FloatArray:
    """`count` points (..., count, 2), px, on the `sigmas`-sigma ellipses around means (..., 2), in order."""
    semi_major, semi_minor, angle = (v[..., None] for v in ellipse_axes(covariance, sigmas))
    turn = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    along, across = semi_major * np.cos(turn), semi_minor * np.sin(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    offset = np.stack([cos * along - sin * across, sin * along + cos * across], axis=-1)
    return np.asarray(mean, np.float64)[..., None, :] + offset


def split_deviation(
    label: ArrayLike, mean: ArrayLike, covariance: ArrayLike, floor: float = ROUNDING_VARIANCE
) -> Deviation:
    """Split label - mean along and across the major axis, and measure it in standard deviations.

    Args:
        label: (..., 2), image px; NaN where missing, which gives NaN.
        mean: (..., 2), image px.
        covariance: (..., 2, 2), px^2.
        floor: px^2, > 0; smallest variance per axis that the Mahalanobis distance divides by.
    """
    if not floor > 0:
        raise ValueError(f"the variance floor must be positive, not {floor}")
    error = np.asarray(label, np.float64) - np.asarray(mean, np.float64)
    major, minor, angle = eigen(covariance)
    cos, sin = np.cos(angle), np.sin(angle)
    along = cos * error[..., 0] + sin * error[..., 1]
    across = -sin * error[..., 0] + cos * error[..., 1]
    squared = along**2 / np.maximum(major, floor) + across**2 / np.maximum(minor, floor)
    return Deviation(along, across, np.sqrt(squared))
