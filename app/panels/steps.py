"""The list of all that the annotator can undo in the project, newest first, and the way back to any of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStackedLayout,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.panels.history import when
from app.texts import tr

_STEP = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class OwnStep:
    """One edit; `at` is local time, `image` the file name of the first face changed, `image_id` its id or empty."""

    revision_id: str
    at: datetime
    text: str
    image: str
    image_id: str


class StepsPanel(QWidget):
    """The selected step and all above it are those that the button takes back.

    Signals:
        wanted_back(revision id): undo up to and with that step.
        visited(image id): show that image.
    """

    wanted_back = Signal(str)
    visited = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: Sequence[OwnStep] = ()
        self._writable = True
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels([tr("When"), tr("What"), tr("Image")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setAccessibleName(tr("Your edits in this project"))
        self.list.setStyleSheet("QTreeView::item { padding: 2px; }")
        header = self.list.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.hint = QLabel(tr("Nothing to undo.\nWhat you change in any image of this project is listed here."), self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.hint.setMargin(16)
        self.back = QPushButton(self)
        self.back.setToolTip(tr("Take back the selected step and all that came after it. Redo brings them back."))
        self.visit = QPushButton(tr("Show the image"), self)
        listed = QWidget(self)
        inside = QVBoxLayout(listed)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.list, 1)
        line = QHBoxLayout()
        line.setContentsMargins(8, 0, 8, 8)
        line.addWidget(self.back)
        line.addWidget(self.visit)
        line.addStretch(1)
        inside.addLayout(line)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.hint)
        self._stack.addWidget(listed)
        self.list.itemSelectionChanged.connect(self._selected)
        self.list.itemActivated.connect(lambda *_: self._visit())
        self.back.clicked.connect(self._want_back)
        self.visit.clicked.connect(self._visit)
        self.show_steps(())

    def show_steps(self, steps: Sequence[OwnStep], writable: bool = True) -> None:
        """List what can be undone, newest first; a selected step stays selected."""
        chosen = self.selected()
        self.steps, self._writable = steps, writable
        self.list.blockSignals(True)
        self.list.clear()
        self._items: list[QTreeWidgetItem] = []
        for step in steps:
            item = QTreeWidgetItem([when(step.at), step.text, step.image])
            item.setData(0, _STEP, step)
            item.setToolTip(0, f"{step.at:%Y-%m-%d %H:%M:%S}")
            self.list.addTopLevelItem(item)
            self._items.append(item)
            if chosen is not None and step.revision_id == chosen.revision_id:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self._stack.setCurrentIndex(1 if steps else 0)
        self._selected()

    def selected(self) -> OwnStep | None:
        """The step that is selected."""
        items = self.list.selectedItems()
        step: OwnStep | None = items[0].data(0, _STEP) if items else None
        return step

    def _selected(self) -> None:
        step = self.selected()
        count = 0 if step is None else self.steps.index(step) + 1
        self.back.setText(tr("Undo") if count < 2 else tr("Undo these {count:,}", count=count))
        self.back.setEnabled(step is not None and self._writable)
        self.visit.setEnabled(step is not None and bool(step.image_id))
        faint = QColor(self.palette().text().color())
        faint.setAlphaF(0.55)
        for row, item in enumerate(self._items):
            for column in range(3):
                item.setForeground(column, faint if row < count - 1 else self.palette().text())

    def _want_back(self) -> None:
        step = self.selected()
        if step is not None:
            self.list.clearSelection()
            self.wanted_back.emit(step.revision_id)

    def _visit(self) -> None:
        step = self.selected()
        if step is not None and step.image_id:
            self.visited.emit(step.image_id)
