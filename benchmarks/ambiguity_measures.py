"""How well a predicted covariance agrees with a known one. Pure functions of arrays (..., 2, 2) in one squared unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from core.ambiguity import anisotropy, eigen
from core.face import FloatArray
from core.geometry import axis_difference

MIN_ANISOTROPY = 1.5
"""A known covariance rounder than this has no direction worth hitting."""

_OUTLIER = 4.0
_TO_SIGMA = 1.4826


class LogRatios(NamedTuple):
    """Natural logarithms (...) of predicted over known standard deviation, along and across the known major axis."""

    along: FloatArray
    across: FloatArray


def angle_errors(predicted: FloatArray, known: FloatArray) -> FloatArray:
    """Angle (...) between the major axes, degrees in [0, 90]; chance is 45. NaN where the known one is too round."""
    difference = axis_difference(eigen(predicted).angle, eigen(known).angle)
    return np.where(anisotropy(known) > MIN_ANISOTROPY, difference, np.nan)


def log_ratios(predicted: FloatArray, known: FloatArray) -> LogRatios:
    """Standard deviations compared in the two directions of the known axes; NaN where either has no width."""
    angle = eigen(known).angle
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    normal = np.stack([-np.sin(angle), np.cos(angle)], axis=-1)
    found = []
    for axis in (direction, normal):
        ours, theirs = (np.einsum("...i,...ij,...j->...", axis, matrix, axis) for matrix in (predicted, known))
        good = (ours > 0) & (theirs > 0)
        found.append(np.log(np.where(good, ours, np.nan) / np.where(good, theirs, np.nan)) / 2)
    return LogRatios(*found)


def sizes(covariance: FloatArray) -> FloatArray:
    """Geometric mean (...) of the two standard deviations."""
    major, minor, _ = eigen(covariance)
    result: FloatArray = (major * minor) ** 0.25
    return result


def rank_correlations(predicted: FloatArray, known: FloatArray) -> FloatArray:
    """Spearman's correlation (F,) over landmarks of values (F, N), of each face; NaN where all are alike."""
    result = np.full(len(predicted), np.nan)
    for face, (ours, theirs) in enumerate(zip(predicted, known, strict=True)):
        good = np.isfinite(ours) & np.isfinite(theirs)
        first, second = (rankdata(values[good]) for values in (ours, theirs))
        if good.sum() > 2 and np.ptp(first) > 0 and np.ptp(second) > 0:
            result[face] = np.corrcoef(first, second)[0, 1]
    return result


def power(predicted: FloatArray, known: FloatArray) -> float:
    """Exponent p of predicted ~ known^p (N,), by least squares of logarithms: 1 is in proportion, 0 takes no notice.

    Values that are not above zero are left out; NaN if fewer than three are left.
    """
    good = (predicted > 0) & (known > 0)
    if good.sum() < 3:
        return float("nan")
    slope, _ = np.polyfit(np.log(known[good]), np.log(predicted[good]), 1)
    return float(slope)


def residual_covariance(residual: FloatArray, turn: FloatArray) -> FloatArray:
    """Covariance (N, 2, 2) of `residual` (F, N, 2) in frames turned by `turn` (F, N) radians, without outliers.

    What lies beyond four robust standard deviations in either direction is left out, as anybody would who knows that
    labels hold gross errors.
    """
    local = rotated(residual, -turn)
    middle = np.nanmedian(local, axis=0)
    spread = _TO_SIGMA * np.nanmedian(np.abs(local - middle), axis=0)
    good = (np.abs(local - middle) <= _OUTLIER * spread).all(axis=-1)
    kept = np.where(good[..., None], local, np.nan)
    apart = kept - np.nanmean(kept, axis=0)
    result: FloatArray = np.nanmean(apart[..., :, None] * apart[..., None, :], axis=0)
    return result


def rotated(vectors: FloatArray, angle: FloatArray) -> FloatArray:
    """Vectors (..., 2) turned by `angle` (...) radians, +x towards +y."""
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def turned(covariance: FloatArray, angle: FloatArray) -> FloatArray:
    """Covariances (..., 2, 2) turned by `angle` (...) radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    result: FloatArray = turn @ covariance @ np.swapaxes(turn, -1, -2)
    return result
