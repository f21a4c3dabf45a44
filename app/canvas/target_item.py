"""The ring at the place where a missing point is expected."""

# ruff: noqa: N802 (Qt names its methods so)

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import marks, palette

_RING_PX, _HALO_PX = 26.0, 4.0
_TEXT_PX = 12
_ROOM_PX = 320.0
"""Screen px around the ring that its text may need."""


class TargetItem(QGraphicsItem):
    """A dashed ring with a cross of hairs and the point's name beside it; its size is one of the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(9)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self._text = ""
        self.hide()

    @property
    def text(self) -> str:
        """What stands beside the ring; empty while there is none."""
        return self._text if self.isVisible() else ""

    def show_at(self, x: float, y: float, text: str) -> None:
        """Offer the place (x, y), image px, for the point called `text`."""
        self.setPos(x, y)
        self._text = text
        self.update()
        self.show()

    def boundingRect(self) -> QRectF:
        return QRectF(-_RING_PX, -_RING_PX, _RING_PX + _ROOM_PX, 2 * _RING_PX)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        ratio = painter.device().devicePixelRatioF()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = _RING_PX / 2
        halo = marks.outline_pen(palette.HALO, _HALO_PX, ratio, 170)
        line = QPen(marks.outline_pen(palette.LABEL, 1.8, ratio))
        line.setDashPattern([4.0, 3.0])
        for pen in (halo, line):
            painter.setPen(pen)
            painter.drawEllipse(QPointF(0, 0), radius, radius)
        hairs = [(QPointF(a, 0), QPointF(b, 0)) for a, b in ((-radius - 4, -3), (3, radius + 4))]
        hairs += [(QPointF(0, a), QPointF(0, b)) for a, b in ((-radius - 4, -3), (3, radius + 4))]
        for pen in (marks.outline_pen(palette.HALO, 3.0, ratio, 170), marks.outline_pen(palette.LABEL, 1.4, ratio)):
            painter.setPen(pen)
            for start, end in hairs:
                painter.drawLine(start, end)
        picture = marks.text(self._text, palette.LABEL, _TEXT_PX, ratio)
        room = picture.deviceIndependentSize()
        marks.place_text(painter, picture, QPointF(radius + 8 + room.width() / 2, 0))
