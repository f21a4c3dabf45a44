"""The small things in the scene: the heatmap of a point, the box being drawn, and labels to compare with."""

# ruff: noqa: N802 (Qt names its methods so)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import marks, palette
from app.canvas.colours import MarkColours
from app.canvas.face_paths import curve_path
from app.canvas.image import heat_image
from app.canvas.model import Ghost


class HeatmapItem(QGraphicsItem):
    """A map of the network laid over the photo."""

    def __init__(self, depth: float = 0.0) -> None:
        super().__init__()
        self.setZValue(depth)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._picture = QImage()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return self._picture.isNull()

    def set_heatmap(
        self,
        heatmap: NDArray[np.generic] | None,
        to_image: NDArray[np.float64] | None,
        table: NDArray[np.uint8] | None = None,
    ) -> None:
        """Show `heatmap` (h, w) or (h, w, 4); `to_image` (3, 3) takes (column, row, 1) of a cell to image px.

        `table`: see `heat_image`.
        """
        self.prepareGeometryChange()
        if heatmap is None or heatmap.size == 0:
            self._picture = QImage()
            return
        matrix = np.eye(3) if to_image is None else np.asarray(to_image, np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or np.any(matrix[2] != (0, 0, 1)):
            raise ValueError("to_image must be an affine (3, 3) matrix")
        self._picture = heat_image(heatmap, table)
        (a, b, c), (d, e, f) = matrix[:2].tolist()
        # A cell's centre is at its whole coordinates, a QImage's first pixel starts at 0.
        self.setTransform(QTransform.fromTranslate(-0.5, -0.5) * QTransform(a, d, b, e, c, f))

    def boundingRect(self) -> QRectF:
        return QRectF(self._picture.rect())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if not self._picture.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(0, 0, self._picture)


class BandItem(QGraphicsItem):
    """The box while it is being drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(10)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._rect = QRectF()
        self._pad = 4.0
        self.hide()

    def set_rect(self, rect: QRectF, zoom: float) -> None:
        """Show the box `rect`, image px, at `zoom` screen px an image px."""
        self.prepareGeometryChange()
        self._rect, self._pad = rect, 4.0 / zoom
        self.show()

    @property
    def rect(self) -> QRectF:
        """The box, image px."""
        return QRectF(self._rect)

    def boundingRect(self) -> QRectF:
        return self._rect.adjusted(-self._pad, -self._pad, self._pad, self._pad)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.fillRect(self._rect, QColor(*palette.BOX, 36))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, colour in ((4.0, palette.HALO), (1.6, palette.BOX)):
            painter.setPen(marks.outline_pen(colour, width, painter.device().devicePixelRatioF()))
            painter.drawRect(self._rect)


class GhostItem(QGraphicsItem):
    """Another label of a face: thin curves and small discs below the faces' own."""

    def __init__(self, ghost: Ghost, colours: MarkColours) -> None:
        super().__init__()
        self.setZValue(0.5)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.ghost = ghost
        self._colours = colours
        known = ghost.points[np.isfinite(ghost.points).all(axis=1)]
        self._points = [QPointF(x, y) for x, y in known.tolist()]
        self._curves = QPainterPath()
        for region in ghost.scheme.regions:
            self._curves.addPath(curve_path(ghost.points, region))
        area = self._curves.boundingRect()
        for point in self._points:
            area = area.united(QRectF(point.x() - 0.5, point.y() - 0.5, 1, 1))
        # Marks have a size on screen; zoomed far out they cover many image px.
        pad = 0.1 * max(area.width(), area.height()) + 8
        self._bounds = area.adjusted(-pad, -pad, pad, pad)

    def set_colours(self, colours: MarkColours) -> None:
        """Draw with another palette."""
        self._colours = colours
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self._bounds)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        ratio = painter.device().devicePixelRatioF()
        colour = self._colours.other(self.ghost.shade)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, rgb, alpha in ((3.4, palette.HALO, 110), (1.4, colour, 200)):
            painter.setPen(marks.outline_pen(rgb, width, ratio, alpha))
            painter.drawPath(self._curves)
        for width, rgb in ((6.2, palette.HALO), (4.2, colour)):
            painter.setPen(marks.outline_pen(rgb, width, ratio))
            painter.drawPoints(self._points)
