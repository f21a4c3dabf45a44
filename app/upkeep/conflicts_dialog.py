"""Labels that a merge found to differ: a look at both on the canvas, and the choice between them."""

from __future__ import annotations

from functools import partial
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.jobs.upkeep import ConflictRow, conflict_rows, decide
from app.texts import tr

_ROW = Qt.ItemDataRole.UserRole


class ConflictsDialog(QDialog):
    """Stays open beside the canvas; a selected face is shown there with both labels.

    Signals:
        looked_at(ConflictRow or None): show this face with both labels.
        listed(): the list is there, or is shorter.
    """

    looked_at = Signal(object)
    listed = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Conflicts of merged projects"))
        self._document = document
        self._waiting = 0
        intro = QLabel(
            tr(
                "These labels were changed on both sides. Select one to see it: your label as always, the other one "
                "dimmed. Both stay in their label sets, whatever you choose; taking theirs can be undone."
            ), self,
        )  # fmt: skip
        intro.setWordWrap(True)
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels([tr("Image"), tr("Ours"), tr("Theirs"), tr("From")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setStyleSheet("QTreeView::item { padding: 3px; }")
        self.list.setAlternatingRowColors(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setAccessibleName(tr("Conflicts"))
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.state = QLabel(self)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.ours, self.theirs = QPushButton(tr("Keep ours"), self), QPushButton(tr("Take theirs"), self)
        self.ours.clicked.connect(lambda _on=False: self._decide("ours"))
        self.theirs.clicked.connect(lambda _on=False: self._decide("theirs"))
        for button in (self.ours, self.theirs):
            button.setAutoDefault(False)
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.addWidget(intro)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.state)
        layout.addWidget(self.buttons)
        self.resize(620, 380)
        self.list.itemSelectionChanged.connect(self._selected)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(lambda _result: self.looked_at.emit(None))
        document.opened.connect(self.reject)
        self.refresh()

    def refresh(self) -> None:
        """Read the list anew."""
        self._document.read(conflict_rows, self._show)
        self._update()

    def chosen(self) -> list[ConflictRow]:
        """The selected ones."""
        return [item.data(0, _ROW) for item in self.list.selectedItems()]

    def _show(self, rows: list[ConflictRow]) -> None:
        self.list.clear()
        for row in rows:
            item = QTreeWidgetItem([row.image, row.ours, row.theirs, row.source])
            item.setData(0, _ROW, row)
            self.list.addTopLevelItem(item)
        self.state.setText(tr("{rows:,} to decide.", rows=len(rows)) if rows else tr("There is nothing to decide."))
        first = self.list.topLevelItem(0)
        if first is not None:
            self.list.setCurrentItem(first)
        self._update()
        self.listed.emit()

    def _selected(self) -> None:
        chosen = self.chosen()
        self.looked_at.emit(chosen[0] if len(chosen) == 1 else None)
        self._update()

    def _decide(self, choice: Literal["ours", "theirs"]) -> None:
        for row in self.chosen():
            self._waiting += 1
            self._document.edit(partial(decide, conflict=row, choice=choice), self._decided)
        self._update()

    def _decided(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self.refresh()

    def _update(self) -> None:
        usable = bool(self.chosen()) and not self._document.read_only and not self._waiting
        self.ours.setEnabled(usable)
        self.theirs.setEnabled(usable)
