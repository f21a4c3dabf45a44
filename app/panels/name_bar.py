"""Asks for the annotator's name, once and without stopping anybody."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from app.texts import tr


class NameBar(QFrame):
    """A line above the picture with a field; it stays until it is answered.

    Signals:
        named(name): the user's answer, not empty.
    """

    named = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("name_bar")
        label = QLabel(tr("Your corrections are &kept under the name"), self)
        self.field = QLineEdit(self)
        self.field.setMaximumWidth(220)
        self.field.setAccessibleName(tr("Your name"))
        self.field.setToolTip(tr("Goes with every edit and names the label set of your corrections."))
        label.setBuddy(self.field)
        self.keep = QPushButton(tr("Keep"), self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 4)
        layout.addWidget(label)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.keep)
        layout.addStretch(1)
        self.keep.clicked.connect(self._answer)
        self.field.returnPressed.connect(self._answer)
        self.field.textChanged.connect(lambda text: self.keep.setEnabled(bool(text.strip())))
        self.hide()

    def ask(self, name: str, *, now: bool) -> None:
        """Show the question with a suggestion; `now`: the user wants to answer at once."""
        self.field.setText(name)
        self.show()
        if now:
            self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.field.selectAll()

    def _answer(self) -> None:
        name = self.field.text().strip()
        if name:
            self.hide()
            self.named.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc leaves the name as it is suggested."""
        if event.key() == Qt.Key.Key_Escape:
            self._answer()
            return
        super().keyPressEvent(event)
