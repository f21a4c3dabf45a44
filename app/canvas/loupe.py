"""A magnifier beside the cursor: the photo's pixels around a point, with nothing covering the point itself."""

# ruff: noqa: N802 (Qt names its events so)

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QTransform
from PySide6.QtWidgets import QWidget

from app.canvas import marks, palette
from app.texts import tr

if TYPE_CHECKING:
    from app.canvas.faces_view import FacesView

MAGNIFICATION = 4.0
SIDE_PX = 184
_AWAY_PX = 40
"""Distance from the cursor, so that a hand's small moves do not reach it."""
_HOLE_PX = 6.0
_MAX_ZOOM = 128.0
_CORNERS = ((1, -1), (-1, -1), (1, 1), (-1, 1))


class Loupe(QWidget):
    """Shows the surroundings of a point of the image at `MAGNIFICATION` times the canvas' zoom. Takes no mouse."""

    def __init__(self, view: FacesView) -> None:
        super().__init__(view)
        self.setObjectName("loupe")
        self.setAccessibleName(tr("Magnified surroundings of the point"))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(QSize(SIDE_PX, SIDE_PX))
        self._view = view
        self._at = QPointF()
        self._index: int | None = None
        self._corner = _CORNERS[0]
        self.hide()

    @property
    def at(self) -> QPointF:
        """What is in the middle, image px."""
        return QPointF(self._at)

    @property
    def index(self) -> int | None:
        """The point of the active face that is shown closely, if one is."""
        return self._index

    def look(self, at: QPointF, cursor: QPointF, index: int | None, avoid: QRect) -> None:
        """Show the image around `at`.

        Args:
            at: image px.
            cursor: viewport px; the loupe keeps away from it.
            index: the point of the active face at `at`; None to look at the photo alone.
            avoid: viewport px, another panel that should stay uncovered; may be empty.
        """
        self._at, self._index = at, index
        self.move(self._place(cursor, avoid))
        self.show()
        self.raise_()
        self.update()

    def _place(self, cursor: QPointF, avoid: QRect) -> QPoint:
        area = self._view.viewport().rect()
        kept = [self._corner, *(corner for corner in _CORNERS if corner != self._corner)]
        places = {corner: self._beside(cursor, corner) for corner in kept}
        inside = [corner for corner in kept if area.contains(places[corner])]
        free = [corner for corner in inside if not places[corner].intersects(avoid)]
        self._corner = (free or inside or kept)[0]
        return places[self._corner].topLeft()

    @staticmethod
    def _beside(cursor: QPointF, corner: tuple[int, int]) -> QRect:
        x = cursor.x() + (_AWAY_PX if corner[0] > 0 else -_AWAY_PX - SIDE_PX)
        y = cursor.y() + (_AWAY_PX if corner[1] > 0 else -_AWAY_PX - SIDE_PX)
        return QRect(round(x), round(y), SIDE_PX, SIDE_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        zoom = min(self._view.zoom * MAGNIFICATION, _MAX_ZOOM)
        middle = SIDE_PX / 2
        world = QTransform(zoom, 0, 0, zoom, middle - self._at.x() * zoom, middle - self._at.y() * zoom)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(1.5, 1.5, SIDE_PX - 3, SIDE_PX - 3), 12, 12)
        painter.setClipPath(frame)
        dark = self._view.dark
        painter.fillRect(self.rect(), QColor(*(palette.BACKGROUND_DARK if dark else palette.BACKGROUND_LIGHT)))
        painter.setWorldTransform(world)
        self._view.paint_photo(painter, world.inverted()[0].mapRect(QRectF(self.rect())))
        painter.resetTransform()
        item = self._view.active_item()
        if item is not None and item.isVisible():
            hole = QPainterPath()
            hole.addEllipse(QPointF(middle, middle), _HOLE_PX, _HOLE_PX)
            painter.setClipPath(frame.subtracted(hole))  # curves and ellipses would cover the very place
            item.paint_close(painter, world, self._index)
            painter.setClipPath(frame)
        marks.crosshair(painter, QPointF(middle, middle), 5.0, 17.0, self._view.layers.colours.selected)
        painter.setClipping(False)
        painter.strokePath(frame, marks.pen(palette.HALO, 3.0))
        painter.strokePath(frame, marks.pen((255, 255, 255), 1.4, 210))
        painter.end()
