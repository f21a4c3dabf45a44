"""The landmark table dock, in step with the selection on the canvas."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QStackedLayout, QTableView, QVBoxLayout, QWidget

from app.panels.landmark_model import COLUMNS, SORT_ROLE, Col, LandmarkModel
from app.panels.point_marks import SIZE
from app.texts import tr
from core.face import Label, Prediction
from core.scheme import Scheme


class LandmarkPanel(QWidget):
    """A sortable table; what is selected here is selected on the canvas.

    Signals:
        selection_changed(indices): the user selected rows, given as a tuple of point indices.
        point_activated(index): the user double-clicked a row.
    """

    selection_changed = Signal(tuple)
    point_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = LandmarkModel(self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.table = QTableView(self)
        self.table.setModel(self.proxy)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.setAccessibleName(tr("Landmarks of the active face"))
        self._set_widths()
        self.hint = QLabel(tr("No face is active.\nOpen an image with a face, or draw a box around one (B)."), self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.hint.setMargin(16)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._stack)
        self._quiet = False
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self.table.doubleClicked.connect(lambda index: self.point_activated.emit(self._point(index.row())))

    def _set_widths(self) -> None:
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(24)
        wide = self.fontMetrics().horizontalAdvance("0")
        for column, spec in enumerate(COLUMNS):
            self.table.setColumnWidth(column, wide * spec.width)
        self.table.setIconSize(SIZE)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """As many columns as there is room for, in their order of use: a wider panel shows more of them."""
        super().resizeEvent(event)
        wide = self.fontMetrics().horizontalAdvance("0")
        # As if the bar were there, so that columns do not come and go with the number of points.
        room = self.width() - self.table.verticalScrollBar().sizeHint().width() - 2
        left = room
        for column, spec in enumerate(COLUMNS):
            room -= wide * spec.width
            self.table.setColumnHidden(column, room < 0 and column > Col.NAME)
            left = room if room >= 0 else left
        self.table.setColumnWidth(Col.NAME, wide * COLUMNS[Col.NAME].width + max(left, 0))

    def show_face(
        self, scheme: Scheme | None, label: Label | None, prediction: Prediction | None, threshold: float
    ) -> None:
        """Show the active face, or the hint where there is none."""
        self._quiet = True
        self.model.show(scheme, label, prediction, threshold)
        self._quiet = False
        self._stack.setCurrentWidget(self.hint if scheme is None else self.table)

    def select(self, indices: Iterable[int]) -> None:
        """Select the rows of these points without announcing it."""
        chosen = QItemSelection()
        first = None
        for index in indices:
            at = self.proxy.mapFromSource(self.model.index(index, 0))
            if at.isValid():
                chosen.select(at, at)
                first = first or at
        self._quiet = True
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().select(chosen, flags)
        if first is not None:
            self.table.selectionModel().setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.table.scrollTo(first)
        self._quiet = False

    def selected(self) -> tuple[int, ...]:
        """Indices of the selected points, ascending."""
        rows = self.table.selectionModel().selectedRows()
        return tuple(sorted(self._point(row.row()) for row in rows))

    def _point(self, proxy_row: int) -> int:
        return self.proxy.mapToSource(self.proxy.index(proxy_row, 0)).row()

    def _selected(self) -> None:
        if not self._quiet:
            self.selection_changed.emit(self.selected())
