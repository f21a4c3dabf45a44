"""Small pictures of what is said of a point, drawn as on the canvas."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap

from app.canvas import marks
from app.canvas.colours import STANDARD

SIZE = QSize(28, 16)
_BRACKETS_PX, _PENNANT_PX = 9.0, 10.0


@lru_cache(maxsize=4)
def point_marks(locked: bool, marked: bool) -> QIcon:
    """Brackets for a locked point, a pennant for one that was flagged."""
    ratio = QGuiApplication.primaryScreen().devicePixelRatio()
    picture = QPixmap(SIZE * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = SIZE.height() / 2
    if locked:
        marks.brackets(painter, np.array([[7.0, middle]]), _BRACKETS_PX, STANDARD.label)
        marks.discs(painter, np.array([[7.0, middle]]), 3.0, STANDARD.label)
    if marked:
        marks.pennants(painter, np.array([[19.0, middle + 6.0]]), _PENNANT_PX, STANDARD.ambiguous)
    painter.end()
    return QIcon(picture)
