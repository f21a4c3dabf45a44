"""Where a callout goes: beside what it speaks of, and out of the way of what the user has to see."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize

GAP = 14
"""Between the callout and its target, px."""


def place(size: QSize, target: QRect, bounds: QRect, free: Sequence[QRect] = ()) -> QPoint:
    """The best top-left corner for a callout.

    Args:
        size: of the callout.
        target: what it speaks of; empty for nothing.
        bounds: where it may be. It begins there even if it is too large.
        free: what should stay free, as far as there is room.

    Returns:
        Of the sides of the target (right, left, below, above) and the corners of `bounds` the one that hides nothing of
        the target, least of `free`, and is nearest to the target; px, as all.
    """
    return min(_candidates(size, target, bounds), key=lambda corner: _cost(QRect(corner, size), target, free))


def _candidates(size: QSize, target: QRect, bounds: QRect) -> list[QPoint]:
    left, top = bounds.left() + GAP, bounds.top() + GAP
    right, bottom = bounds.right() - size.width() - GAP, bounds.bottom() - size.height() - GAP
    corners = [QPoint(x, y) for x in (right, left) for y in (top, bottom)]
    beside = []
    if not target.isEmpty():
        x, y = target.center().x() - size.width() // 2, target.center().y() - size.height() // 2
        beside = [
            QPoint(target.right() + GAP, y),
            QPoint(target.left() - size.width() - GAP, y),
            QPoint(x, target.bottom() + GAP),
            QPoint(x, target.top() - size.height() - GAP),
        ]
    return [
        QPoint(max(min(corner.x(), right), left), max(min(corner.y(), bottom), top)) for corner in (*beside, *corners)
    ]


def _cost(callout: QRect, target: QRect, free: Sequence[QRect]) -> tuple[int, int, int]:
    hidden = sum(_area(callout.intersected(rect)) for rect in free)
    if target.isEmpty():
        return 0, hidden, 0
    across = max(0, callout.left() - target.right(), target.left() - callout.right())
    down = max(0, callout.top() - target.bottom(), target.top() - callout.bottom())
    return _area(callout.intersected(target)), hidden, across + down


def _area(rect: QRect) -> int:
    return max(0, rect.width()) * max(0, rect.height())
