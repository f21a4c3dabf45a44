"""The history dock: who did what to the active face and when, a look at each state, and the way back to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal
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

from app.jobs.faces import FaceDetails, Step
from app.texts import tr, tr_later

_STEP = Qt.ItemDataRole.UserRole
_NO_FACE = tr_later("No face is active.\nOpen an image with a face, or draw a box around one (B).")
_NO_STEPS = tr_later(
    "Nothing has been done to this face yet.\nWhat anybody changes is listed here, with the way back to it."
)


def when(at: datetime, now: datetime | None = None) -> str:
    """A local time: only its clock on the same day."""
    today = (now or datetime.now().astimezone()).date()
    return f"{at:%H:%M:%S}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"


class HistoryPanel(QWidget):
    """Newest first; the state of a selected step is drawn dimmed over the face.

    Signals:
        looked_at(Step or None): the user wants to see this state, or none any more.
        wanted_back(revision id): make the face what that step made of it.
    """

    looked_at = Signal(object)
    wanted_back = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: tuple[Step, ...] = ()
        self._face: str | None = None
        self._writable = True
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels([tr("When"), tr("Who"), tr("What")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAlternatingRowColors(True)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setAccessibleName(tr("History of the active face"))
        self.list.setStyleSheet("QTreeView::item { padding: 2px; }")
        header = self.list.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.hint = QLabel(self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.hint.setMargin(16)
        self.older = QLabel(self)
        self.older.setEnabled(False)
        self.older.setContentsMargins(8, 0, 8, 0)
        self.back = QPushButton(tr("Back to this"), self)
        self.back.setToolTip(
            tr("Make the face what it was after the selected step. That is an edit: it can be undone.")
        )
        self.hide_button = QPushButton(tr("Stop looking"), self)
        self.hide_button.setToolTip(tr("Draw only the present state again."))
        self._layout()
        self.list.itemSelectionChanged.connect(self._selected)
        self.back.clicked.connect(self._want_back)
        self.hide_button.clicked.connect(self.list.clearSelection)
        self.show_details(None)

    def _layout(self) -> None:
        listed = QWidget(self)
        inside = QVBoxLayout(listed)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.list, 1)
        inside.addWidget(self.older)
        line = QHBoxLayout()
        line.setContentsMargins(8, 0, 8, 8)
        line.addWidget(self.back)
        line.addWidget(self.hide_button)
        line.addStretch(1)
        inside.addLayout(line)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.hint)
        self._stack.addWidget(listed)

    # -- from outside

    def show_details(self, details: FaceDetails | None, writable: bool = True) -> None:
        """List the steps of a face; None where no face is active. A step that is being looked at stays selected."""
        chosen = self.selected()
        same = details is not None and details.face_id == self._face
        self._face = None if details is None else details.face_id
        self._writable = writable
        self.steps = () if details is None else details.steps
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addTopLevelItems([self._item(step) for step in self.steps])
        self.list.blockSignals(False)
        if same and chosen is not None:
            self._select(chosen.revision_id)
        self.older.setText(
            ""
            if details is None or not details.older
            else tr(
                "and {older:,} older steps",
                older=details.older,
            )
        )
        self.older.setVisible(bool(self.older.text()))
        self.hint.setText(tr(_NO_FACE) if details is None else tr(_NO_STEPS))
        self._stack.setCurrentIndex(1 if self.steps else 0)
        self._selected()

    def selected(self) -> Step | None:
        """The step that is looked at."""
        items = self.list.selectedItems()
        step: Step | None = items[0].data(0, _STEP) if items else None
        return step

    # -- inside

    @staticmethod
    def _item(step: Step) -> QTreeWidgetItem:
        item = QTreeWidgetItem([when(step.at), step.author, step.text])
        item.setData(0, _STEP, step)
        item.setToolTip(0, f"{step.at:%Y-%m-%d %H:%M:%S}")
        item.setToolTip(
            2,
            step.text
            + (
                tr(
                    "\nin the label set “{label_set}”",
                    label_set=step.label_set,
                )
                if step.label_set
                else ""
            ),
        )
        return item

    def _select(self, revision_id: str) -> None:
        row = next((row for row, step in enumerate(self.steps) if step.revision_id == revision_id), None)
        item = None if row is None else self.list.topLevelItem(row)
        if item is not None:
            self.list.blockSignals(True)
            self.list.setCurrentItem(item)
            self.list.blockSignals(False)

    def _selected(self) -> None:
        step = self.selected()
        self.back.setEnabled(step is not None and self._writable)
        self.hide_button.setEnabled(step is not None)
        self.looked_at.emit(step)

    def _want_back(self) -> None:
        step = self.selected()
        if step is not None:
            self.list.clearSelection()
            self.wanted_back.emit(step.revision_id)


def label_names(labels: Sequence[tuple[str, str, object]]) -> list[str]:
    """Names of label sets as shown, with the kind where two have one name."""
    names = [name for name, _, _ in labels]
    return [f"{name} ({kind})" if names.count(name) > 1 else name for name, kind, _ in labels]
