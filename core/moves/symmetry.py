"""Left and right: mirror points from the other side of the face, and swap the labels of the two sides."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.face import FloatArray, Label
from core.label_change import LabelChange, difference
from core.moves.movable import locked, placed, places, present
from core.scheme import Scheme

_ENOUGH = 3
"""Pairs from which the mid line is taken without the points that are to be mirrored."""


def mid_line(points: FloatArray, scheme: Scheme, without: Iterable[int] = ()) -> tuple[FloatArray, float] | None:
    """The face's own line of symmetry: a point (2,) px on it and its direction, radians from +x towards +y (down).

    The reflection that takes every point nearest to its partner, least squares over all present pairs and points on
    the mid line. With q the partners of p, both less their common mean, and A = sum q p^T, a reflection about the
    direction t gives tr(M^T A) = cos 2t (A00 - A11) + sin 2t (A01 + A10), whose maximum is at
    2 t = atan2(A01 + A10, A00 - A11).

    Args:
        points: (N, 2) px.
        without: points that are doubted; left out with their partners while three pairs remain.

    Returns:
        None where no pair is present, or nothing tells left from right.
    """
    flip = np.array(scheme.flip)
    known = placed(points)
    usable = known & known[flip]
    doubted = np.zeros(len(points), np.bool_)
    doubted[list(without)] = True
    doubted |= doubted[flip]
    paired = flip != np.arange(len(flip))
    if (usable & ~doubted & paired).sum() >= 2 * _ENOUGH:
        usable &= ~doubted
    if not (usable & paired).any():
        return None
    centre: FloatArray = points[usable].mean(axis=0)
    own, partner = points[usable] - centre, points[flip[usable]] - centre
    product = partner.T @ own
    sine, cosine = product[0, 1] + product[1, 0], product[0, 0] - product[1, 1]
    if np.hypot(sine, cosine) < 1e-12:
        return None
    return centre, float(np.arctan2(sine, cosine) / 2)


def reflected(points: FloatArray, centre: FloatArray, angle: float) -> FloatArray:
    """`points` (..., 2) px reflected about the line through `centre` (2,) in the direction `angle`, radians."""
    cos, sin = np.cos(2 * angle), np.sin(2 * angle)
    return centre + (points - centre) @ np.array([[cos, sin], [sin, -cos]])


def mirror(label: Label, scheme: Scheme, chosen: Iterable[int]) -> LabelChange:
    """The chosen points put where their partners on the other side lie, reflected about the face's mid line.

    Points on the mid line and points whose partner is missing stay; a missing point whose partner is there is placed.
    """
    line = mid_line(label.points, scheme, chosen := tuple(chosen))
    points = np.full(label.points.shape, np.nan)
    if line is not None:
        pairs = [i for i in chosen if scheme.flip[i] != i]
        points[pairs] = reflected(label.points[[scheme.flip[i] for i in pairs]], *line)
    return places(label, points, fill=True)


def swap_sides(label: Label, scheme: Scheme, chosen: Iterable[int] | None = None) -> LabelChange:
    """Left and right exchanged, with all that is said of the points: for a label that was made mirrored.

    Args:
        chosen: points of either side, whose partners come along; None for the whole face. A pair of which one is
            locked stays.
    """
    flip: NDArray[np.intp] = np.array(scheme.flip)
    wanted = np.zeros(len(label), np.bool_)
    wanted[list(range(len(label)) if chosen is None else chosen)] = True
    wanted |= wanted[flip]
    wanted &= ~(locked(label) | locked(label)[flip]) & (present(label) | present(label)[flip])
    source = np.where(wanted, flip, np.arange(len(label)))
    swapped = Label(
        label.scheme, label.points[source], label.visibility[source], label.flags[source], label.weights[source]
    )
    return difference(label, swapped)
