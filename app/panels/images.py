"""The image list dock: thumbnail, name, status, number of faces, worst deviation, filter and order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPalette, QPolygon
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.image_filter import ImageFilter
from app.jobs.store import count_text
from app.panels.filter_bar import FilterBar
from app.panels.image_model import ImageListModel, ImageRow, Role
from app.panels.row_list import row_list
from app.panels.status_icons import paint_status
from app.texts import tr
from core.work_status import STATUS_TEXTS

THUMBNAIL_SIDE = 64
_ROW_HEIGHT = THUMBNAIL_SIDE + 8

_ORDERS = (
    ("added", "As added"), ("name", "By name"), ("status", "By status"), ("worst", "Worst label first"),
)  # fmt: skip
_MARK_SIDE = 11
_BOOKMARK = QColor("#d9622b")


def row_caption(row: ImageRow) -> str:
    """The second line of a row."""
    if row.missing:
        return tr("file is missing")
    if row.problem:
        return row.problem
    if row.faces is None:
        return ""
    if row.faces == 0:
        return tr("no face found") if row.seen else tr("not yet looked at")
    parts = [tr("Rejected") if row.review == "rejected" else tr(STATUS_TEXTS[row.status])]
    if row.faces > 1:
        parts.append(count_text(row.faces, "face"))
    if row.worst is not None:
        parts.append(tr("worst {worst:.1%}", worst=row.worst))
    return " · ".join(parts)


class _RowDelegate(QStyledItemDelegate):
    """Paints one row; asks the model for the thumbnail only now, when the row is seen."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        return QSize(180, _ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: ImageRow = index.data(Role.ROW)
        palette: QPalette = option.palette
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.Highlight))
        text_colour = palette.color(
            QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        )
        self._paint_thumbnail(painter, rect, index, palette)
        left = rect.left() + THUMBNAIL_SIDE + 16
        width = rect.right() - left - 6
        font = QFont(option.font)
        painter.setFont(font)
        painter.setPen(text_colour)
        line = painter.fontMetrics().height()
        top = rect.center().y() - line
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(QRect(left, top, width, line), Qt.AlignmentFlag.AlignVCenter, name)
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.88))
        painter.setFont(font)
        colour = self._caption_colour(row, text_colour, selected)
        painter.setPen(colour)
        if not (row.missing or row.problem):
            middle = top + line + 2 + line / 2
            mark = QRectF(left, middle - _MARK_SIDE / 2, _MARK_SIDE, _MARK_SIDE)
            paint_status(painter, mark, row.status, colour, plain=selected)
            left, width = left + _MARK_SIDE + 5, width - _MARK_SIDE - 5
        caption = painter.fontMetrics().elidedText(row_caption(row), Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRect(left, top + line + 2, width, line), Qt.AlignmentFlag.AlignVCenter, caption)
        if row.bookmarked:
            self._paint_bookmark(painter, rect, text_colour if selected else _BOOKMARK)
        painter.restore()

    @staticmethod
    def _paint_bookmark(painter: QPainter, rect: QRect, colour: QColor) -> None:
        x, y = rect.left() + THUMBNAIL_SIDE - 8, rect.top() + 4
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        at = [(0, 0), (10, 0), (10, 15), (5, 11), (0, 15)]
        painter.drawPolygon(QPolygon([QPoint(x + dx, y + dy) for dx, dy in at]))

    @staticmethod
    def _caption_colour(row: ImageRow, text: QColor, selected: bool) -> QColor:
        if (row.problem or row.missing) and not selected:
            return QColor("#d9622b")
        faint = QColor(text)
        faint.setAlphaF(0.72)
        return faint

    @staticmethod
    def _paint_thumbnail(
        painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex, palette: QPalette
    ) -> None:
        place = QRect(rect.left() + 6, rect.top() + 4, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        image = index.data(Role.THUMBNAIL)
        if image is None or image.isNull():
            painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
            if index.data(Role.ROW).problem or index.data(Role.ROW).missing:
                painter.setPen(QColor("#d9622b"))
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "✕")
            return
        size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        corner = place.center() - QPoint(size.width() // 2, size.height() // 2)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRect(corner, size), image)


class ImagePanel(QWidget):
    """The list with its filter.

    Signals:
        activated(image id): the user chose an image.
        order_changed(order): the user chose another order.
        filter_changed(ImageFilter): the user wants to see other images.
        left(): the user is done in the filter field.
    """

    activated = Signal(str)
    order_changed = Signal(str)
    filter_changed = Signal(object)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ImageListModel(self)
        self.bar = FilterBar(self.model.words, self)
        self.filter = self.bar.text
        self.order = QComboBox(self)
        for value, text in _ORDERS:
            self.order.addItem(tr(text), value)
        self.order.setToolTip(
            tr("Order of the list. 'Worst label first' needs predictions (Ctrl+Shift+P predicts all).")
        )
        self.order.setAccessibleName(tr("Order of the list"))
        self.summary = QLabel(self)
        self.view = row_list(self, self.model, _RowDelegate(), _ROW_HEIGHT, tr("Images"))
        self.hint = QLabel(self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.hint.setMargin(8)
        self.show_all = QPushButton(tr("Show all images"), self)
        self.empty = QWidget(self)
        column = QVBoxLayout(self.empty)
        column.addStretch(1)
        column.addWidget(self.hint)
        column.addWidget(self.show_all, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        self._layout()
        self.setFocusProxy(self.view)
        self.bar.changed.connect(self._filter_chosen)
        self.bar.again.connect(self._again)
        self.bar.left.connect(self.left)
        self.show_all.clicked.connect(self.clear_filter)
        self.order.currentIndexChanged.connect(lambda _i: self._order_chosen())
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self.model.modelReset.connect(self._summarise)
        self.model.layoutAboutToBeChanged.connect(self._before_change)
        self.model.layoutChanged.connect(self._after_change)
        self.model.outdated_changed.connect(lambda: self.bar.show_outdated(self.model.outdated))
        self._quiet = False
        self._current: str | None = None
        self._to_top = False
        self._summarise()

    def _layout(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.summary, 1)
        line.addWidget(self.order)
        top = QVBoxLayout()
        top.setContentsMargins(8, 8, 8, 4)
        top.addWidget(self.bar)
        top.addLayout(line)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addLayout(self._stack, 1)

    def set_order(self, order: str) -> None:
        """Choose an order without telling anybody, as when settings are restored."""
        self._quiet = True
        self.order.setCurrentIndex(max(0, self.order.findData(order)))
        self._quiet = False
        self.model.set_order(str(self.order.currentData()))

    def set_filter(self, wanted: ImageFilter) -> None:
        """Show only some images without telling anybody."""
        self.bar.show_filter(wanted)
        self.model.set_filter(wanted)

    def show_current(self, image_id: str | None) -> None:
        """Select the row of an image without announcing it."""
        self._current = image_id
        index = self.model.index_of(image_id) if image_id else QModelIndex()
        self._quiet = True
        self.view.setCurrentIndex(index)
        self._quiet = False
        if index.isValid():
            self.view.scrollTo(index)

    def current_id(self) -> str | None:
        """The selected image."""
        index = self.view.currentIndex()
        return self.model.id_at(index.row()) if index.isValid() else None

    def step(self, by: int) -> str | None:
        """The image `by` rows away from the selected one in the list as shown; None at the ends."""
        index = self.view.currentIndex()
        if not index.isValid():
            return self.model.id_at(0)
        return self.model.id_at(index.row() + by)

    def neighbours(self, count: int) -> list[str]:
        """Up to `count` images on each side of the selected one, nearest first, the following before the preceding."""
        here = self.view.currentIndex().row()
        if here < 0:
            return []
        places = [place for k in range(1, count + 1) for place in (here + k, here - k)]
        return [found for place in places if (found := self.model.id_at(place))]

    def resort(self) -> None:
        """Apply filter and order again after values changed."""
        self.model.apply_again()

    def following(self, wanted: Callable[[ImageRow], bool]) -> str | None:
        """The next image of the list as shown that is wanted: after the last comes the first, at last the current."""
        shown = self.model.shown
        index = self.view.currentIndex()
        behind = index.row() + 1 if index.isValid() else 0
        found = next(filter(wanted, chain(shown[behind:], shown[:behind])), None)
        return None if found is None else found.id

    def clear_filter(self) -> None:
        """Show all images, as if the user had taken every condition away."""
        self.set_filter(ImageFilter())
        self.filter_changed.emit(ImageFilter())

    def _filter_chosen(self, wanted: ImageFilter) -> None:
        self.model.set_filter(wanted)
        self.filter_changed.emit(wanted)

    def _again(self) -> None:
        self.model.apply_again()
        self.view.setFocus()  # the chip that had the focus is gone

    def _order_chosen(self) -> None:
        if self._quiet:
            return
        # Whoever asks for the worst labels wants to see them, not the place of the image on screen among them.
        self._to_top = self.order.currentData() in ("worst", "status")
        self.model.set_order(str(self.order.currentData()))
        self.order_changed.emit(str(self.order.currentData()))

    def _before_change(self) -> None:
        self._quiet = True

    def _after_change(self) -> None:
        self._quiet = False
        self._summarise()
        top, self._to_top = self._to_top, False
        self.show_current(self._current)
        if top:
            self.view.scrollToTop()

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        image_id = self.model.id_at(index.row()) if index.isValid() else None
        if image_id and not self._quiet:
            self._current = image_id
            self.activated.emit(image_id)

    def _summarise(self) -> None:
        shown, total = self.model.rowCount(), self.model.total()
        self.summary.setText(
            count_text(total, "image")
            if shown == total
            else tr(
                "{shown:,} of {total:,} shown",
                shown=shown,
                total=total,
            )
        )
        if total and not shown:
            self.hint.setText(tr("No image matches all of these conditions."))
        else:
            self.hint.setText(tr("No images yet.\nOpen a folder, or drop photos on this window."))
        self.show_all.setVisible(bool(total))
        self._stack.setCurrentWidget(self.view if shown else self.empty)
