"""Which points a move may touch, and from new places to a `LabelChange`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.face import FloatArray, Label, PointFlag
from core.label_change import LabelChange

Mask = NDArray[np.bool_]

_SAME = 1e-9
"""px; a point that would move by less stays."""


def placed(points: FloatArray) -> Mask:
    """(N,) bool: rows of `points` (N, 2) that are not missing."""
    return np.asarray(np.isfinite(points).all(axis=1), np.bool_)


def present(label: Label) -> Mask:
    """(N,) bool: points that have a place."""
    return placed(label.points)


def locked(label: Label) -> Mask:
    """(N,) bool: points that nothing moves."""
    held: Mask = (label.flags & np.uint8(PointFlag.LOCKED)) != 0
    return held


def movable(label: Label) -> Mask:
    """(N,) bool: points that have a place and are not locked."""
    return present(label) & ~locked(label)


def places(label: Label, points: FloatArray, among: Iterable[int] | None = None, *, fill: bool = False) -> LabelChange:
    """The change that brings points to their rows of `points`.

    Args:
        points: (N, 2) float64, image px; NaN rows move nothing.
        among: only these points; None for all.
        fill: whether missing points are placed too.
    """
    known = placed(points)
    wanted = known & ~locked(label)
    if not fill:
        wanted &= present(label)
    if among is not None:
        chosen = np.zeros(len(label), np.bool_)
        chosen[list(among)] = True
        wanted &= chosen
    distance = np.abs(np.nan_to_num(points, nan=np.inf) - label.points).max(axis=1)
    indices = np.flatnonzero(wanted & ~(distance <= _SAME))
    return LabelChange(indices, points[indices])
