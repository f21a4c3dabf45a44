"""A small field over the canvas: go to a point by its number or a part of its name."""

# ruff: noqa: N802 (Qt names its events so)

from __future__ import annotations

from PySide6.QtCore import QEvent, QStringListModel, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from app.texts import tr
from core.scheme import Scheme

_WIDTH, _TOP = 260, 12


def find(scheme: Scheme, text: str) -> int | None:
    """The point that a number, a name, or else the first name with this part in it, means; None for none."""
    wanted = text.strip().lower()
    number = wanted.split(maxsplit=1)[0] if wanted else ""
    if number.isdecimal():
        return int(number) if int(number) < len(scheme) else None
    names = [name.lower() for name in scheme.points]
    if wanted in names:
        return names.index(wanted)
    return next((i for i, name in enumerate(names) if wanted and wanted in name), None)


class GotoPoint(QLineEdit):
    """Appears at the top of its parent; Enter goes there, Esc or a click elsewhere puts it away.

    Signals:
        chosen(index): of the scheme's points.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("goto_point")
        self.setAccessibleName(tr("Go to point"))
        self.setPlaceholderText(tr("Number or name of a point"))
        self.setFixedWidth(_WIDTH)
        self._scheme: Scheme | None = None
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.activated.connect(self._go)
        self.setCompleter(completer)
        self.returnPressed.connect(lambda: self._go(self.text()))
        self.hide()

    def ask(self, scheme: Scheme) -> None:
        """Appear, empty, for the points of `scheme`."""
        self._scheme = scheme
        self._names.setStringList([f"{index}  {name}" for index, name in enumerate(scheme.points)])
        self.clear()
        self.move((self._over.width() - self.width()) // 2, _TOP)
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _go(self, text: str) -> None:
        index = None if self._scheme is None or self.isHidden() else find(self._scheme, text)
        if index is None:
            self.selectAll()
            return
        self._leave()
        self.chosen.emit(index)

    def _leave(self) -> None:
        self.hide()
        self._over.setFocus(Qt.FocusReason.OtherFocusReason)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.accept()  # no key means an action while something is typed here
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
            event.accept()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self.hide()
