"""Where the keyboard is: panes that it goes round, and whether somebody is typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

if TYPE_CHECKING:
    from app.main_window import MainWindow

_FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox, QComboBox)


def typing() -> bool:
    """Whether the focus is in a field, where Return means that what was typed is right."""
    return isinstance(QApplication.focusWidget(), _FIELDS)


def move_focus(window: MainWindow, by: int) -> None:
    """Go to the next pane, or with `by` -1 to the one before: messages, list, picture, then the docks in front."""
    panes = [pane for pane in (*_bars(window), *_docks(window)) if pane.isVisible()]
    if not panes:
        return
    focus = QApplication.focusWidget()
    here = next((at for at, pane in enumerate(panes) if focus is not None and _within(pane, focus)), None)
    at = (0 if by > 0 else -1) if here is None else (here + by) % len(panes)
    target = _first(panes[at])
    if target is not None:
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)


def _bars(window: MainWindow) -> list[QWidget]:
    return [window.annotator.bar, window.messages]


def _docks(window: MainWindow) -> list[QWidget]:
    """The panes from left to right and top to bottom; a dock behind another one of its tabs is none."""
    found: list[QWidget] = [window.pages]
    for dock in window.findChildren(QDockWidget):
        widget = dock.widget()
        if widget is not None and not widget.visibleRegion().isEmpty():
            found.append(widget)
    places = {id(pane): pane.mapTo(window, pane.rect().topLeft()) for pane in found}
    return sorted(found, key=lambda pane: (places[id(pane)].x(), places[id(pane)].y()))


def _within(pane: QWidget, focus: QWidget) -> bool:
    return pane is focus or pane.isAncestorOf(focus)


def _first(pane: QWidget) -> QWidget | None:
    """The widget of a pane that one wants to be in: its proxy if it has one, else the first that takes the Tab key."""
    proxy = pane.focusProxy()
    if proxy is not None and proxy.isVisible():
        return proxy
    child = pane.nextInFocusChain()
    while child is not None and child is not pane:
        tab = child.focusPolicy() & Qt.FocusPolicy.TabFocus
        if tab and pane.isAncestorOf(child) and child.isVisible() and child.isEnabled():
            return child
        child = child.nextInFocusChain()
    return None
