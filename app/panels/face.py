"""The face dock: what people say of the active face, and its labels side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.canvas.palette import GHOSTS
from app.edits import Review
from app.jobs.faces import FaceDetails
from app.panels.history import label_names
from app.panels.status_icons import status_icon
from app.texts import tr
from core.work_status import STATUS_TEXTS, WorkStatus

_REVIEWS: tuple[tuple[Review, str], ...] = (
    ("", "Not reviewed"), ("accepted", "Accepted"), ("question", "Disputed"), ("rejected", "Rejected"),
)  # fmt: skip


class FacePanel(QWidget):
    """Review state, tags and note are kept when the field is left; label sets are only looked at.

    Signals:
        reviewed(state), tagged(tags), noted(text): the user says so of the active face.
        compared(): other label sets are to be drawn.
    """

    reviewed = Signal(str)
    tagged = Signal(tuple)
    noted = Signal(str)
    compared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details: FaceDetails | None = None
        self._on: set[str] = set()
        self._quiet = False
        self.review = QComboBox(self)
        for value, text in _REVIEWS:
            self.review.addItem(tr(text), value)
        self.review.setToolTip(tr("What a reviewer makes of this face's label; the list of images shows it."))
        self.tags = QLineEdit(self)
        self.tags.setPlaceholderText(tr("separated by commas"))
        self.tags.setToolTip(tr("Words such as “occluded” or “profile”; formats that have room for them keep them."))
        self.note = QPlainTextEdit(self)
        self.note.setPlaceholderText(tr("A note on this face"))
        self.note.setTabChangesFocus(True)
        self.note.setMaximumHeight(4 * self.fontMetrics().height() + 12)
        self.sets = QListWidget(self)
        self.sets.setAccessibleName(tr("Label sets of the active face"))
        self.sets.setToolTip(tr("Labels of this face in other sets are drawn dimmed; the legend names them."))
        self.hint = QLabel(tr("No face is active.\nOpen an image with a face, or draw a box around one (B)."), self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.status = QLabel(self)
        self.status.setAccessibleName(tr("Status of the active face"))
        self.status_mark = QLabel(self)
        status = QHBoxLayout()
        status.addWidget(self.status_mark)
        status.addWidget(self.status, 1)
        form = QFormLayout()
        form.addRow(tr("Status"), status)
        form.addRow(tr("&Review"), self.review)
        form.addRow(tr("&Tags"), self.tags)
        form.addRow(tr("&Note"), self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addWidget(self.hint)
        layout.addLayout(form)
        self.sets_title = QLabel(tr("Also draw the labels of"), self)
        layout.addWidget(self.sets_title)
        layout.addWidget(self.sets, 1)
        self.review.activated.connect(self._reviewed)
        self.tags.editingFinished.connect(self._tagged)
        self.note.installEventFilter(self)
        self.sets.itemChanged.connect(self._set_switched)
        self.show_details(None, "")

    # -- from outside

    def show_details(self, details: FaceDetails | None, shown_set: str, writable: bool = True) -> None:
        """Show a face; `shown_set` is the label set that the canvas shows anyway. Text being typed is not replaced."""
        same = details is not None and self._details is not None and details.face_id == self._details.face_id
        before = self._details
        if not same:
            self._keep_typed()
        self._details = details
        self._quiet = True
        for field in (self.review, self.tags, self.note):
            field.setEnabled(details is not None and writable)
        self.sets.setEnabled(details is not None)
        self.hint.setVisible(details is None)
        self.review.setCurrentIndex(max(0, self.review.findData("" if details is None else details.review)))
        tags = "" if details is None else ", ".join(details.tags)
        if not (same and before is not None and self._typed_tags() != before.tags):
            self.tags.setText(tags)
        note = "" if details is None else details.note
        if not (same and before is not None and self.note.toPlainText() != before.note):
            self.note.setPlainText(note)
        self._fill_sets(details, shown_set)
        self._quiet = False

    def show_status(self, status: WorkStatus | None) -> None:
        """How far the work on the face is; None where there is none."""
        self.status.setText("" if status is None else tr(STATUS_TEXTS[status]))
        if status is None:
            self.status_mark.clear()
        else:
            self.status_mark.setPixmap(status_icon(status, self.palette()).pixmap(16, 16))

    def compared_sets(self) -> Sequence[int]:
        """Indices into the details' labels of the sets to draw, and so their colours."""
        rows = range(self.sets.count())
        return [row for row in rows if self.sets.item(row).checkState() == Qt.CheckState.Checked]

    # -- inside

    def _fill_sets(self, details: FaceDetails | None, shown_set: str) -> None:
        self.sets.clear()
        if details is None:
            return
        for number, text in enumerate(label_names(details.labels)):
            name, kind, _label = details.labels[number]
            item = QListWidgetItem(_swatch(number), text if name != shown_set else tr("{text} – shown", text=text))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            key = f"{kind}:{name}"
            item.setData(Qt.ItemDataRole.UserRole, key)
            item.setCheckState(Qt.CheckState.Checked if key in self._on else Qt.CheckState.Unchecked)
            self.sets.addItem(item)

    def _set_switched(self, item: QListWidgetItem) -> None:
        if self._quiet:
            return
        key = str(item.data(Qt.ItemDataRole.UserRole))
        (self._on.add if item.checkState() == Qt.CheckState.Checked else self._on.discard)(key)
        self.compared.emit()

    def _typed_tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tag for part in self.tags.text().split(",") if (tag := part.strip())))

    def _reviewed(self) -> None:
        if self._details is not None and self.review.currentData() != self._details.review:
            self.reviewed.emit(str(self.review.currentData()))

    def _tagged(self) -> None:
        if self._details is not None and not self._quiet and self._typed_tags() != self._details.tags:
            self.tagged.emit(self._typed_tags())

    def _noted(self) -> None:
        if self._details is not None and self.note.toPlainText() != self._details.note:
            self.noted.emit(self.note.toPlainText())

    def _keep_typed(self) -> None:
        """What was typed and not yet kept belongs to the face that is being left."""
        if self._details is not None and self.tags.isEnabled():
            self._tagged()
            self._noted()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A note is kept when its field is left."""
        if watched is self.note and event.type() == QEvent.Type.FocusOut:
            self._noted()
        return super().eventFilter(watched, event)


def _swatch(number: int) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(*GHOSTS[number % len(GHOSTS)]))
    return QIcon(pixmap)
