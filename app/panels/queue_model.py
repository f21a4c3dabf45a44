"""The rows of the review queue as a Qt model, and how they are painted; each is asked for only when it is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.canvas.verdict_marks import verdict_colour
from app.review_queue import QueueRow
from app.texts import tr
from app.verdict_texts import DECISION_TEXTS
from core.judgement import Decision

THUMBNAIL_SIDE = 52
ROW_HEIGHT = THUMBNAIL_SIDE + 8
_DOT = 9
_GAP = 6

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()

DECISION_COLOURS = {
    Decision.LABEL_WRONG: QColor("#d64545"),
    Decision.ACCEPTABLE: QColor("#2f9e61"),
    Decision.MODEL_WRONG: QColor("#8a63d2"),
}
"""They stand on both themes with white letters on them."""
_SIGNS = {Decision.LABEL_WRONG: "✕", Decision.ACCEPTABLE: "✓", Decision.MODEL_WRONG: "M"}


@dataclass(frozen=True, eq=False, slots=True)
class RowState:
    """What a row shows.

    Attributes:
        verdict: of the face, as `core` names it; `words` for people, with the worst point.
        decision: the last that holds, or that found the label wrong; None where nobody has looked.
        area: x, y, w, h of the face, as shares of its image; None for all of it.
    """

    verdict: str
    words: str
    decision: Decision | None
    area: tuple[float, float, float, float] | None


class Role(IntEnum):
    """Item data roles of the queue."""

    ROW = Qt.ItemDataRole.UserRole
    STATE = Qt.ItemDataRole.UserRole + 1
    THUMBNAIL = Qt.ItemDataRole.UserRole + 2


class QueueModel(QAbstractListModel):
    """Rows in the order of the queue; `state` and `thumbnail` are asked for rows on screen only."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[QueueRow] = []
        self.state: Callable[[QueueRow], RowState | None] = lambda _row: None
        self.thumbnail: Callable[[str], QImage | None] = lambda _image_id: None

    def reset(self, rows: Sequence[QueueRow]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def all_changed(self) -> None:
        """What rows say is another thing."""
        if self.rows:
            self.dataChanged.emit(self.index(0), self.index(len(self.rows) - 1))

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Number of faces listed."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, tooltip, row, state and thumbnail."""
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row_name(row)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._told(row)
        if role == Role.ROW:
            return row
        if role == Role.STATE:
            return self.state(row)
        return self.thumbnail(row.image_id) if role == Role.THUMBNAIL else None

    def _told(self, row: QueueRow) -> str:
        state = self.state(row)
        if state is None:
            return row_name(row)
        said = "" if state.decision is None else tr(DECISION_TEXTS[state.decision])
        return ", ".join(part for part in (row_name(row), state.words, said) if part)


def row_name(row: QueueRow) -> str:
    """File name, with the number of the face where it is not the first."""
    return tr("{name}, face {number}", name=row.name, number=row.number + 1) if row.number else row.name


class RowDelegate(QStyledItemDelegate):
    """Paints a face, its verdict, its name, and what was decided."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:  # noqa: N802
        return QSize(180, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row, state, palette = index.data(Role.ROW), index.data(Role.STATE), option.palette
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.Highlight))
        text = palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text)
        place = QRect(rect.left() + 6, rect.top() + 4, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        _paint_face(painter, place, index.data(Role.THUMBNAIL), None if state is None else state.area, palette)
        left, right = place.right() + 10, rect.right() - 6
        if state is not None and state.decision is not None:
            right = _paint_decision(painter, rect.adjusted(0, 0, -6, 0), state.decision)
        font = QFont(option.font)
        painter.setFont(font)
        line = painter.fontMetrics().height()
        top = rect.center().y() - line
        if state is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(verdict_colour(state.verdict))
            painter.drawEllipse(QRectF(left, top + (line - _DOT) / 2, _DOT, _DOT))
            painter.setPen(text)
            _write(painter, QRect(left + _DOT + _GAP, top, right - left - _DOT - _GAP, line), state.words)
        faint = QColor(text)
        faint.setAlphaF(0.72)
        painter.setPen(faint)
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.88))
        painter.setFont(font)
        _write(painter, QRect(left, top + line + 2, right - left, line), row_name(row), Qt.TextElideMode.ElideMiddle)
        painter.restore()


def _write(
    painter: QPainter, area: QRect, text: str, elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight
) -> None:
    shown = painter.fontMetrics().elidedText(text, elide, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def _paint_decision(painter: QPainter, area: QRect, decision: Decision) -> int:
    """A disc with a sign at the right; where the text must end."""
    side = 18
    disc = QRectF(area.right() - side, area.center().y() - side / 2, side, side)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(DECISION_COLOURS[decision])
    painter.drawEllipse(disc)
    painter.setPen(QColor("#ffffff"))
    font = QFont(painter.font())
    font.setPixelSize(12)
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, _SIGNS[decision])
    return round(disc.left()) - _GAP


def _paint_face(
    painter: QPainter,
    place: QRect,
    image: QImage | None,
    area: tuple[float, float, float, float] | None,
    palette: QPalette,
) -> None:
    """The part of the thumbnail with the face, as large as fits."""
    if image is None or image.isNull():
        painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
        return
    part = QRectF(image.rect())
    if area is not None:
        x, y, w, h = area
        part = part.intersected(QRectF(x * image.width(), y * image.height(), w * image.width(), h * image.height()))
    if part.isEmpty():
        part = QRectF(image.rect())
    size = part.size().toSize().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    corner = place.center() - QPoint(size.width() // 2, size.height() // 2)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(QRect(corner, size)), image, part)
