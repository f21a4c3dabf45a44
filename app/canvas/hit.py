"""Which point or face is under the cursor. No Qt, no state: the same input always gives the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.face import Box, FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Target:
    """The points of one face that can be hit.

    Attributes:
        face_id: the face.
        movable: (N, 2) float64, image px: points that a drag moves; NaN rows cannot be hit.
        fixed: (N, 2) float64, image px: points that can only be looked at, such as the prediction beside a label.
        active: the active face wins over nearer points of other faces.
        box: image px, or None.
    """

    face_id: str
    movable: FloatArray
    fixed: FloatArray
    active: bool = False
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A point under the cursor."""

    face_id: str
    index: int
    movable: bool


def find_point(targets: Sequence[Target], x: float, y: float, radius: float) -> Hit | None:
    """The point at (x, y) image px within `radius` image px, or None.

    The active face comes first, then movable points before fixed ones (a label and its prediction often overlap, and
    it is the label that the user means to take), then the nearest, then the earlier face, then the lower index.
    """
    best: tuple[tuple[bool, bool, float, int, int], Hit] | None = None
    for order, target in enumerate(targets):
        for points, movable in ((target.movable, True), (target.fixed, False)):
            found = nearest(points, x, y, radius)
            if found is None:
                continue
            index, distance = found
            key = (not target.active, not movable, distance, order, index)
            if best is None or key < best[0]:
                best = key, Hit(target.face_id, index, movable)
    return None if best is None else best[1]


def nearest(points: FloatArray, x: float, y: float, radius: float) -> tuple[int, float] | None:
    """(index, distance) of the row of `points` (N, 2) nearest to (x, y) and within `radius`; None if there is none."""
    if len(points) == 0:
        return None
    distance = np.hypot(points[:, 0] - x, points[:, 1] - y)
    distance[np.isnan(distance)] = np.inf
    index = int(np.argmin(distance))
    return (index, float(distance[index])) if distance[index] <= radius else None


def find_face(targets: Sequence[Target], x: float, y: float) -> str | None:
    """The face whose box holds (x, y), or None: the active one first, then the smallest box, then the earlier."""
    best: tuple[tuple[bool, float, int], str] | None = None
    for order, target in enumerate(targets):
        box = target.box
        if box is None or not (box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h):
            continue
        key = (not target.active, box.w * box.h, order)
        if best is None or key < best[0]:
            best = key, target.face_id
    return None if best is None else best[1]
