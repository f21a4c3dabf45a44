"""What is said of points beyond their place: what is seen of them, locks, and flags."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.face import Label, PointFlag, Visibility
from core.label_change import LabelChange
from core.moves.movable import locked, present

_NEXT = {
    Visibility.VISIBLE: Visibility.OCCLUDED,
    Visibility.OCCLUDED: Visibility.OUTSIDE,
    Visibility.OUTSIDE: Visibility.VISIBLE,
}


def set_visibility(label: Label, chosen: Iterable[int], kind: Visibility) -> LabelChange:
    """The chosen points said to be visible, occluded or outside the image, or taken away (missing).

    Missing points stay missing, since they have no place; locked points are not taken away.
    """
    wanted = _picked(label, chosen) & present(label) & (label.visibility != kind)
    if kind is Visibility.MISSING:
        wanted &= ~locked(label)
    indices = np.flatnonzero(wanted)
    return LabelChange(indices, visibility=np.full(len(indices), kind, np.uint8))


def next_visibility(label: Label, chosen: Iterable[int]) -> LabelChange:
    """Visible, then occluded, then outside, then visible again: all chosen points as the first of them that is
    present."""
    indices = [i for i in chosen if label.visibility[i] != Visibility.MISSING]
    if not indices:
        return LabelChange(np.zeros(0, np.intp))
    return set_visibility(label, indices, _NEXT[Visibility(int(label.visibility[indices[0]]))])


def toggle_flag(label: Label, chosen: Iterable[int], flag: PointFlag) -> LabelChange:
    """The flag set on all chosen points, or taken off where all of them have it."""
    indices = np.array(sorted(set(chosen)), np.intp)
    bit = np.uint8(flag)
    has = (label.flags[indices] & bit) != 0
    flags = label.flags[indices] & ~bit if has.all() else label.flags[indices] | bit
    return LabelChange(indices, flags=flags)


def _picked(label: Label, chosen: Iterable[int]) -> NDArray[np.bool_]:
    picked = np.zeros(len(label), np.bool_)
    picked[list(chosen)] = True
    return picked
