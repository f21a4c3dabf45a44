"""How a step of the tour looks: a sheet with its text and buttons, and a ring around what it speaks of."""

# ruff: noqa: N802 (Qt names its events so)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent, QPalette, QPen, QShortcut
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.icons import icon
from app.texts import tr
from app.tour.placing import place

WIDTH = 330
_RING_MARGIN = 5
_RING_PX = 3.0
_RADIUS = 9.0


@dataclass(frozen=True, slots=True)
class Content:
    """What a callout says.

    Attributes:
        title, text, task: a few words; what there is to know; what to do. The last two may be empty.
        praise: what the user has just done; empty for nothing.
        progress: such as "2 of 9"; may be empty.
        buttons: (name, text with mnemonic), left to right.
        primary: name of the button that stands out; empty for none.
        closing: what closing the sheet means, for the tooltip.
    """

    title: str
    text: str
    task: str = ""
    praise: str = ""
    progress: str = ""
    buttons: Sequence[tuple[str, str]] = ()
    primary: str = ""
    closing: str = ""


class Callout(QFrame):
    """Lies on the window without stopping anything in it. Never takes the keyboard unasked; Tab and Alt keys reach it.

    Signals:
        pressed(name): of a button.
        closed(): by its cross or Esc.
    """

    pressed = Signal(str)
    closed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("tour")
        self.setFixedWidth(WIDTH)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._praise, self._title, self._text, self._task, self._progress = (QLabel(self) for _ in range(5))
        for label in (self._praise, self._title, self._text, self._task, self._progress):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(label is not self._progress)
        font = self._title.font()
        font.setBold(True)
        self._task.setFont(font)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self._title.setFont(font)
        self._cross = QToolButton(self)
        self._cross.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._cross.clicked.connect(self.closed)
        self.buttons: dict[str, QPushButton] = {}
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self._row.addWidget(self._progress)
        self._row.addStretch(1)
        self._lay_out()
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), window)
        self._escape.activated.connect(self.closed)
        self.ring = Ring(window)
        self._refresh()
        self.hide()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._cross, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self._praise)
        layout.addLayout(top)
        layout.addWidget(self._text)
        layout.addWidget(self._task)
        layout.addSpacing(2)
        layout.addLayout(self._row)

    @property
    def text(self) -> str:
        """All that is said."""
        labels = (self._praise, self._title, self._text, self._task, self._progress)
        return "\n".join(label.text() for label in labels if label.text())

    def show_content(self, content: Content) -> None:
        """Say something else."""
        self._set(self._praise, f"✓ {content.praise}" if content.praise else "")
        self._set(self._title, content.title)
        self._set(self._text, content.text)
        self._set(self._task, content.task)
        self._set(self._progress, content.progress)
        self._cross.setToolTip(f"{content.closing} (Esc)")
        self._cross.setAccessibleName(content.closing)
        self.setAccessibleName(content.title)
        self.setAccessibleDescription(f"{content.text} {content.task}")
        if [name for name, _ in content.buttons] != list(self.buttons):
            self._make_buttons(content.buttons)
        for name, button in self.buttons.items():
            button.setDefault(name == content.primary)
        self._escape.setEnabled(True)
        self.show()
        self.raise_()

    def _set(self, label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))

    def _make_buttons(self, wanted: Sequence[tuple[str, str]]) -> None:
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {}
        for name, text in wanted:
            button = QPushButton(tr(text), self)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard with the canvas
            button.setAutoDefault(True)  # Enter presses it
            button.clicked.connect(lambda _on=False, name=name: self.pressed.emit(name))
            self._row.addWidget(button)
            self.buttons[name] = button
            button.show()

    def put(self, target: QRect | None, bounds: QRect, free: Sequence[QRect] = ()) -> None:
        """Stand beside `target` (None: nothing) and draw the ring; see `app.tour.placing.place`."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(WIDTH, layout.totalHeightForWidth(WIDTH))
        self.move(place(self.size(), target or QRect(), bounds, free))
        self.ring.put(target)
        self.raise_()

    def hideEvent(self, event: QEvent) -> None:
        """Without the sheet there is no ring, and Esc is another's."""
        self.ring.hide()
        self._escape.setEnabled(False)
        super().hideEvent(event)  # type: ignore[arg-type]

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._refresh()

    def _refresh(self) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self._cross.setIcon(icon("close", app.palette()))
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < 128
        self._praise.setStyleSheet(f"color: {'#6cc98a' if dark else '#1b7f3b'};")
        self.setStyleSheet(
            "QFrame#tour { background: palette(base); border: 1px solid palette(accent); border-radius: 9px; }"
        )


class Ring(QWidget):
    """A frame around something, which the mouse goes through."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def put(self, target: QRect | None) -> None:
        """Around `target`, px of the window; None: nowhere."""
        if target is None:
            self.hide()
            return
        margin = _RING_MARGIN
        self.setGeometry(target.adjusted(-margin, -margin, margin, margin).intersected(self._window.rect()))
        self.show()
        self.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Accent on a pale line, so that it shows on any photo."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(_RING_PX, _RING_PX, -_RING_PX, -_RING_PX)
        for colour, width in ((QPalette.ColorRole.Base, _RING_PX + 2), (QPalette.ColorRole.Accent, _RING_PX)):
            painter.setPen(QPen(self.palette().color(colour), width))
            painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        painter.end()
