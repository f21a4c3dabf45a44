"""Marks as small pictures, painted once and stamped wherever a point is: stroking each anew is many times slower."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPixmap

from core.face import FloatArray

PHASES = 4
"""Places within a device pixel at which a mark is painted, each way: it lies within 1/8 of one of where it belongs."""
_KEPT = 1024

Draw = Callable[..., None]
"""Paints one mark around (0, 0) with a painter in screen px and the mark's arguments."""


def stamp(painter: QPainter, points: FloatArray, draw: Draw, reach: float, *arguments: object) -> None:
    """Put a mark at each of `points` (K, 2), screen px, all finite; the painter works in screen px.

    Args:
        draw: a function of a module, which is told apart from others by itself.
        reach: how far the mark goes from its place, screen px.
        arguments: of `draw` after the painter; hashable.
    """
    ratio = painter.device().devicePixelRatioF()
    whole, phase = np.divmod(np.rint(points * (ratio * PHASES)).astype(np.int64), PHASES)
    margin = _margin(reach, ratio)
    corners = ((whole - margin) / ratio).tolist()
    for (x, y), (right, down) in zip(corners, phase.tolist(), strict=True):
        painter.drawPixmap(QPointF(x, y), _picture(draw, arguments, margin, ratio, right, down))


def _margin(reach: float, ratio: float) -> int:
    """Device px from a picture's edge to the pixel of the mark's place."""
    return math.ceil((reach + 1.0) * ratio) + 1


@lru_cache(maxsize=_KEPT)
def _picture(draw: Draw, arguments: tuple[object, ...], margin: int, ratio: float, right: int, down: int) -> QPixmap:
    """The mark with its place `right` and `down` of `PHASES` parts of a device pixel beyond (margin, margin)."""
    picture = QPixmap(2 * margin + 1, 2 * margin + 1)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate((margin + right / PHASES) / ratio, (margin + down / PHASES) / ratio)
    draw(painter, *arguments)
    painter.end()
    return picture
