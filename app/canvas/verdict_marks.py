"""Rings around points whose label an audit doubts, over the face being worked on."""

# ruff: noqa: N802 (Qt names its methods so)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import marks, palette
from app.canvas.colours import RGB

_COLOURS: dict[str, RGB] = {
    "suspect": (255, 82, 82), "swapped": (255, 138, 216), "shifted": (183, 148, 255),
    "unsure": (150, 160, 176), "ambiguous": (238, 200, 70), "missing": (150, 160, 176), "ok": (64, 186, 120),
}  # fmt: skip
_RADIUS_PX = 11.0
_PAD_PX = 16.0


def verdict_colour(verdict: str) -> QColor:
    """The colour that stands for a verdict of a point; those of whole faces share that of suspects."""
    return QColor(*_COLOURS.get(verdict, _COLOURS["suspect"]))


@dataclass(frozen=True, slots=True)
class VerdictMark:
    """A doubted point: where its label was when it was judged, image px, and the verdict."""

    x: float
    y: float
    verdict: str


class VerdictMarks(QGraphicsItem):
    """Rings of one size on screen. A second ring says swapped, dashes say shifted: colour is not needed to tell."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(3)  # above faces
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._marks: tuple[VerdictMark, ...] = ()
        self._zoom = 1.0

    @property
    def shown(self) -> tuple[VerdictMark, ...]:
        """What is ringed."""
        return self._marks

    def show_marks(self, wanted: Sequence[VerdictMark]) -> None:
        """Ring these points and no others."""
        if tuple(wanted) != self._marks:
            self.prepareGeometryChange()
            self._marks = tuple(wanted)
            self.update()

    def set_zoom(self, zoom: float) -> None:
        """Rings keep their size on screen, so they cover another area of the image."""
        self.prepareGeometryChange()
        self._zoom = zoom

    def boundingRect(self) -> QRectF:
        if not self._marks:
            return QRectF()
        xs, ys = [mark.x for mark in self._marks], [mark.y for mark in self._marks]
        pad = _PAD_PX / max(self._zoom, 1e-9)
        return QRectF(QPointF(min(xs), min(ys)), QPointF(max(xs), max(ys))).adjusted(-pad, -pad, pad, pad)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        world = painter.worldTransform()
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for mark in self._marks:
            self._ring(painter, world.map(QPointF(mark.x, mark.y)), mark.verdict)
        painter.restore()

    @staticmethod
    def _ring(painter: QPainter, at: QPointF, verdict: str) -> None:
        colour = _COLOURS.get(verdict, _COLOURS["suspect"])
        if verdict == "shifted":
            for rgb, width in ((palette.HALO, 4.4), (colour, 2.0)):
                pen = QPen(marks.pen(rgb, width))
                pen.setDashPattern([7.0 / width, 4.0 / width])
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                painter.drawEllipse(at, _RADIUS_PX, _RADIUS_PX)
            return
        place = np.array([[at.x(), at.y()]])
        marks.rings(painter, place, 2 * _RADIUS_PX, colour, 2.0)
        if verdict == "swapped":
            marks.rings(painter, place, 2 * _RADIUS_PX - 7, colour, 1.4)
