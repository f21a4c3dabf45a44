"""Messages at the top of the window: they wait until they are read, and never stop the work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.texts import tr

INFO_SHOWN_MS = 15_000
"""Good news leaves by itself; warnings and errors stay until they are closed."""


class Tone(Enum):
    """How a message looks: (background light, background dark)."""

    INFO = ("#dbeafe", "#1f3a63")
    WARNING = ("#fdebc8", "#57430f")
    ERROR = ("#fcd9d2", "#61271c")


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        text: one sentence or two.
        details: long text behind a button, such as a list of files; empty for none.
        tone: how it looks.
        key: messages with the same key replace each other; empty never replaces.
    """

    text: str
    details: str = ""
    tone: Tone = Tone.INFO
    key: str = ""


class MessageBar(QFrame):
    """Shows the newest message; closing it shows the one before, so that none is lost."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.messages: list[Message] = []
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._more = QToolButton(self)
        self._more.setText(tr("Details"))
        self._more.setCheckable(True)
        self._waiting = QLabel(self)
        self._close = QToolButton(self)
        self._close.setToolTip(tr("Close this message"))
        self._close.setAccessibleName(tr("Close this message"))
        self._details = QPlainTextEdit(self)
        self._details.setReadOnly(True)
        self._details.setMaximumHeight(160)
        self._details.hide()
        line = QHBoxLayout()
        line.addWidget(self._text, 1)
        line.addWidget(self._waiting)
        line.addWidget(self._more)
        line.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addLayout(line)
        layout.addWidget(self._details)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INFO_SHOWN_MS)
        self._timer.timeout.connect(self._info_read)
        self._more.toggled.connect(self._details.setVisible)
        self._close.clicked.connect(self.close_current)
        self.refresh()

    def show_message(self, message: Message) -> None:
        """Show `message` on top of those that wait."""
        if message.key:
            self.messages = [old for old in self.messages if old.key != message.key]
        if not self.messages or self.messages[-1] != message:
            self.messages.append(message)
        self._more.setChecked(False)
        if message.tone is Tone.INFO:
            self._timer.start()
        self.refresh()

    def _info_read(self) -> None:
        if self._more.isChecked():  # still reading
            self._timer.start()
            return
        self.messages = [message for message in self.messages if message.tone is not Tone.INFO]
        self.refresh()

    def withdraw(self, key: str) -> None:
        """Take back messages that no longer hold."""
        self.messages = [message for message in self.messages if message.key != key]
        self.refresh()

    def close_current(self) -> None:
        """The user has read the message on top."""
        if self.messages:
            self.messages.pop()
        self._more.setChecked(False)
        self.refresh()
        self.closed.emit()

    def text(self) -> str:
        """What is shown now; empty if nothing is."""
        return self.messages[-1].text if self.messages else ""

    def refresh(self) -> None:
        """Draw again, also after the palette changed."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        self._close.setIcon(icon("close", app.palette()))
        self.setVisible(bool(self.messages))
        if not self.messages:
            return
        top = self.messages[-1]
        self._text.setText(top.text)
        self._details.setPlainText(top.details)
        self._more.setVisible(bool(top.details))
        others = len(self.messages) - 1
        self._waiting.setText(tr("{others} more below", others=others) if others else "")
        # Not the bar's own palette, which its style sheet changes.
        dark = app.palette().color(QPalette.ColorRole.Window).lightness() < 128
        self.setStyleSheet(f"MessageBar {{ background: {top.tone.value[1 if dark else 0]}; }}")
