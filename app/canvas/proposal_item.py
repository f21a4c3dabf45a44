"""Where points would go: a ring at each place, and a line to it from where the point is."""

# ruff: noqa: N802 (Qt names its methods so)

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import marks
from app.canvas.colours import STANDARD, MarkColours
from core.face import FloatArray

_RING_PX, _PAD_PX = 13.0, 16.0


class ProposalItem(QGraphicsItem):
    """Proposed places of points; their size is one of the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(3)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._starts = self._ends = np.zeros((0, 2))
        self._zoom = 1.0
        self._colours = STANDARD
        self.hide()

    @property
    def places(self) -> FloatArray:
        """(K, 2) image px, the places that are offered; none while hidden."""
        return self._ends if self.isVisible() else np.zeros((0, 2))

    def offer(self, starts: FloatArray, ends: FloatArray) -> None:
        """Show moves from `starts` to `ends`, (K, 2) image px; of missing points (NaN) the place alone."""
        self.prepareGeometryChange()
        self._starts, self._ends = starts, ends
        self.setVisible(len(ends) > 0)
        self.update()

    def set_colours(self, colours: MarkColours) -> None:
        """Draw with another palette."""
        self._colours = colours
        self.update()

    def set_zoom(self, zoom: float) -> None:
        """Rings keep their size on the screen, so they cover another area of the image."""
        self.prepareGeometryChange()
        self._zoom = zoom

    def boundingRect(self) -> QRectF:
        both = np.concatenate([self._starts, self._ends])
        both = both[np.isfinite(both).all(axis=1)]
        if not len(both):
            return QRectF()
        pad = _PAD_PX / max(self._zoom, 1e-9)
        return QRectF(QPointF(*(both.min(axis=0) - pad).tolist()), QPointF(*(both.max(axis=0) + pad).tolist()))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        world = painter.worldTransform()
        scale, shift = world.m11(), np.array([world.dx(), world.dy()])
        starts, ends = self._starts * scale + shift, self._ends * scale + shift
        moved = np.isfinite(starts).all(axis=1)
        painter.save()
        painter.resetTransform()
        colour = self._colours.selected
        marks.arrows(painter, starts[moved], ends[moved], colour, 1.2, 6.0, _RING_PX / 2)
        marks.rings(painter, ends, _RING_PX, colour, 1.6)
        painter.restore()
