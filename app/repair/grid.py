"""The grid of faces: a picture, a tick, a name and what changes; drawn only where it is seen."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QWidget,
)

from app.jobs.repair import PlannedFace
from app.repair.model import Index, PlanModel, State, change_text, state_text
from app.repair.thumbnails import Thumbnails
from app.texts import tr

SIDES = (140, 200, 300)
"""Widths of a picture to choose from, screen px."""

_PAD = 6
_BADGES = {State.APPLIED: "#2e9e55", State.TAKEN_BACK: "#70757e", State.LEFT_OUT: "#c0392b"}


class _FaceDelegate(QStyledItemDelegate):
    """Paints a face and answers clicks on its tick."""

    def __init__(self, plan: PlanModel, pictures: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._plan, self._pictures = plan, pictures
        self.side = SIDES[1]

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:  # noqa: N802
        """All alike."""
        return QSize(self.side + 2 * _PAD, self.side + 2 * option.fontMetrics.height() + 3 * _PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Picture, tick or badge, name, change."""
        face, state = self._plan.faces[index.row()], self._plan.state(index.row())
        cell, palette = option.rect, option.palette
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(cell.adjusted(1, 1, -1, -1), palette.color(QPalette.ColorRole.Highlight))
        frame = self._frame(cell)
        self._paint_picture(painter, frame, face, option)
        self._paint_texts(painter, option, face, selected)
        if state is State.PLANNED:
            checked = self._plan.is_wanted(index.row())
            if not checked:
                veil = palette.color(QPalette.ColorRole.Base)
                veil.setAlpha(150)
                painter.fillRect(frame, veil)
            self._paint_tick(painter, frame, checked, option)
        else:
            _paint_badge(painter, frame, state)
        painter.restore()

    def _frame(self, cell: QRect) -> QRect:
        return QRect(cell.left() + _PAD, cell.top() + _PAD, self.side, self.side)

    def _paint_picture(
        self, painter: QPainter, frame: QRect, face: PlannedFace, option: QStyleOptionViewItem
    ) -> None:
        ratio = option.widget.devicePixelRatioF()
        known, picture = self._pictures.get(face, round(self.side * ratio))
        if picture is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(frame, picture)
            return
        painter.fillRect(frame, option.palette.color(QPalette.ColorRole.AlternateBase))
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(frame.adjusted(8, 8, -8, -8), flags, tr("The photo cannot be read.") if known else "…")

    def _paint_texts(self, painter: QPainter, option: QStyleOptionViewItem, face: PlannedFace, selected: bool) -> None:
        cell, metrics, palette = option.rect, option.fontMetrics, option.palette
        strong = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        faint = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.PlaceholderText
        y = cell.top() + 2 * _PAD + self.side
        for text, role in ((face.name, strong), (change_text(face), faint)):
            painter.setPen(palette.color(role))
            line = QRect(cell.left() + _PAD, y, self.side, metrics.height())
            mode = Qt.TextElideMode.ElideMiddle if role == strong and text == face.name else Qt.TextElideMode.ElideRight
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, metrics.elidedText(text, mode, self.side))
            y += metrics.height()

    def _paint_tick(self, painter: QPainter, frame: QRect, checked: bool, option: QStyleOptionViewItem) -> None:
        place = self._tick(frame)
        painter.fillRect(place.adjusted(-4, -4, 4, 4), option.palette.color(QPalette.ColorRole.Base))
        tick = QStyleOptionButton()
        tick.rect, tick.palette = place, option.palette
        tick.state = QStyle.StateFlag.State_Enabled | (
            QStyle.StateFlag.State_On if checked else QStyle.StateFlag.State_Off
        )
        style = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck, tick, painter, option.widget)

    def _tick(self, frame: QRect) -> QRect:
        return QRect(frame.left() + 8, frame.top() + 8, 15, 15)

    def editorEvent(  # noqa: N802
        self, event: QEvent, _model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """A click on the tick, and a little around it."""
        if not isinstance(event, QMouseEvent) or self._plan.state(index.row()) is not State.PLANNED:
            return False
        if not self._tick(self._frame(option.rect)).adjusted(-6, -6, 8, 8).contains(event.position().toPoint()):
            return False
        if event.type() == QEvent.Type.MouseButtonRelease:
            self._plan.set_wanted([index.row()], not self._plan.is_wanted(index.row()))
        return True  # the selection stays


def _paint_badge(painter: QPainter, frame: QRect, state: State) -> None:
    metrics = painter.fontMetrics()
    text = metrics.elidedText(state_text(state), Qt.TextElideMode.ElideRight, frame.width() - 24)
    badge = QRect(frame.left() + 6, frame.top() + 6, metrics.horizontalAdvance(text) + 12, metrics.height() + 4)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(Qt.PenStyle.NoPen))
    painter.setBrush(QColor(_BADGES[state]))
    painter.drawRoundedRect(badge, 4, 4)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)


class FaceGrid(QListView):
    """Space ticks the selected faces, or takes their ticks away."""

    def __init__(self, model: PlanModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._plan = model
        self.pictures = Thumbnails(self)
        self._delegate = _FaceDelegate(model, self.pictures, self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(40)
        self.setAccessibleName(tr("Faces that would change"))
        self.pictures.ready.connect(model.picture_ready)
        model.modelReset.connect(self.pictures.forget)

    def set_size(self, step: int) -> None:
        """Pictures of the width `SIDES[step]`."""
        self._delegate.side = SIDES[step]
        self.pictures.forget()
        self.scheduleDelayedItemsLayout()

    def selected_rows(self) -> list[int]:
        """In order."""
        return sorted(index.row() for index in self.selectionModel().selectedIndexes())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space."""
        rows = self.selected_rows()
        if event.key() == Qt.Key.Key_Space and rows:
            self._plan.set_wanted(rows, not all(map(self._plan.is_wanted, rows)))
            return
        super().keyPressEvent(event)
