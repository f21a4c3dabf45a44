"""Tables of values: what a cell shows, what it is sorted by, and what its column means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLabel, QTableView, QToolButton, QVBoxLayout, QWidget

from app.dataset_view.columns import Column
from app.dataset_view.exporting import Table
from app.texts import tr

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
SORT_ROLE = int(Qt.ItemDataRole.UserRole)


class Cell(NamedTuple):
    """What is shown, what it is sorted by (None: the words themselves), and more words for its tooltip."""

    text: str
    value: float | None = None
    tip: str = ""


def number(value: float, digits: int = 2) -> Cell:
    """Of a number; a dash where it is not known."""
    return Cell("–" if math.isnan(value) else f"{value:.{digits}f}".replace("-", "−"), value)


class ValueModel(QAbstractTableModel):
    """Rows of cells. They are made once and shown until others are."""

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = columns
        self.rows: list[list[Cell]] = []

    def show(self, rows: list[list[Cell]]) -> None:
        """Show these; as many as before keep selection and scroll place."""
        if len(rows) == len(self.rows):
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles and their explanations."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return tr(self.columns[section].title)
        return tr(self.columns[section].tip) if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, sort keys and alignment."""
        if not index.isValid():
            return None
        cell = self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == SORT_ROLE:
            if cell.value is None:
                return cell.text
            return -math.inf if math.isnan(cell.value) else cell.value
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.tip or None
        if role == Qt.ItemDataRole.TextAlignmentRole and cell.value is not None:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class SortedTable(QTableView):
    """A table that its heads sort, where whole rows are chosen.

    Signals:
        row_activated(row): a row of `values` was double-clicked, or Return pressed on it.
    """

    row_activated = Signal(int)

    def __init__(self, columns: Sequence[Column], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values = ValueModel(columns, self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.values)
        self.proxy.setSortRole(SORT_ROLE)
        self.setModel(self.proxy)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAccessibleName(name)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setStretchLastSection(True)
        self.doubleClicked.connect(lambda at: self.row_activated.emit(self.row_of(at)))
        wide = self.fontMetrics().horizontalAdvance("0")
        for place, column in enumerate(columns):
            self.setColumnWidth(place, max(wide * column.width, self.horizontalHeader().sectionSizeHint(place)))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Return is a double click."""
        row = self.chosen()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row is not None:
            self.row_activated.emit(row)
        else:
            super().keyPressEvent(event)

    def row_of(self, index: Index) -> int:
        """The row of `values` that an index of the view is of."""
        return self.proxy.mapToSource(self.proxy.index(index.row(), 0)).row()

    def chosen(self) -> int | None:
        """The chosen row of `values`."""
        rows = self.selectionModel().selectedRows()
        return self.row_of(rows[0]) if rows else None

    def choose(self, row: int) -> None:
        """Choose a row of `values` and bring it into sight."""
        at = self.proxy.mapFromSource(self.values.index(row, 0))
        if at.isValid() and row != self.chosen():
            self.setCurrentIndex(at)
        if at.isValid():
            self.scrollTo(at)


class TitledTable(QWidget):
    """A table with a title, and a way to take its numbers along.

    Signals:
        export_wanted(kind): "csv".

    Attributes:
        table: the numbers, for a file.
    """

    export_wanted = Signal(str)

    def __init__(self, title: str, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.table: Callable[[], Table] = lambda: Table((), ())
        self.view = SortedTable(columns, title, self)
        self.export_button = QToolButton(self)
        self.export_button.setText(tr("Export"))
        self.export_button.setToolTip(tr("Save this table as CSV."))
        self.export_button.setAccessibleName(tr("Export “{title}”", title=title))
        self.export_button.clicked.connect(lambda _on=False: self.export_wanted.emit("csv"))
        head = QHBoxLayout()
        head.addWidget(QLabel(f"<b>{title}</b>", self), 1)
        head.addWidget(self.export_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
