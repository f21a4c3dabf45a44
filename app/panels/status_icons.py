"""Marks of work statuses: told apart by shape, so that no colour need be seen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap, QPolygonF

from core.work_status import WorkStatus

_DONE, _DISPUTED, _PROGRESS = "#2e9e5b", "#d9622b", "#3f7fe0"
_MENU_SIZE = 16


def paint_status(painter: QPainter, rect: QRectF, status: WorkStatus, text: QColor, plain: bool = False) -> None:
    """Draw a mark into a square.

    Args:
        text: colour of the marks that have no colour of their own.
        plain: use it for all marks, as on a selected row.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    own = {"done": _DONE, "disputed": _DISPUTED, "progress": _PROGRESS}.get(status)
    colour = text if plain or own is None else QColor(own)
    side = min(rect.width(), rect.height())
    box = QRectF(0, 0, side - 1.5, side - 1.5)
    box.moveCenter(rect.center())
    painter.setPen(QPen(colour, 1.4))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if status == "done":
        painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        at = [(0.08, 0.55), (0.38, 0.85), (0.95, 0.15)]
        painter.drawPolyline(QPolygonF([QPointF(box.x() + x * box.width(), box.y() + y * box.height()) for x, y in at]))
    elif status == "disputed":
        font = painter.font()
        font.setBold(True)
        font.setPixelSize(max(7, round(side)))
        painter.setFont(font)
        painter.drawText(rect.adjusted(-2, -2, 2, 2), Qt.AlignmentFlag.AlignCenter, "?")
    else:
        painter.drawEllipse(box)
        painter.setBrush(colour)
        if status == "progress":
            painter.drawPie(box, 90 * 16, -180 * 16)
        elif status == "predicted":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(box.center(), side / 6, side / 6)
    painter.restore()


def status_icon(status: WorkStatus, palette: QPalette) -> QIcon:
    """The mark as an icon, for menus."""
    result = QIcon()
    for scale in (1, 2):
        pixmap = QPixmap(QSize(_MENU_SIZE, _MENU_SIZE) * scale)
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        paint_status(painter, QRectF(2, 2, _MENU_SIZE - 4, _MENU_SIZE - 4), status, palette.windowText().color())
        painter.end()
        result.addPixmap(pixmap)
    return result
