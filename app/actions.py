"""The QActions of the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication

from app.action_table import TABLE
from app.icons import icon
from app.shortcuts import Keys, keymap
from app.texts import tr


def plain(text: str) -> str:
    """A menu text without its mnemonic and dots."""
    return text.replace("&", "").rstrip("…")


def native(shortcut: str) -> str:
    """A key text as this desktop writes it."""
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)


class ActionSet(QObject):
    """The QActions of the table, with their enabling and the user's keys."""

    def __init__(self, parent: QObject, changed_keys: Mapping[str, Keys] | None = None) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        for spec in TABLE:
            action = QAction(tr(spec.text), parent)
            action.setObjectName(f"action_{spec.id}")
            action.setCheckable(spec.checkable)
            # Beside an icon there is no room for the box that says on or off.
            action.setIconVisibleInMenu(not spec.checkable)
            if spec.on_canvas:
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if spec.caption:
                action.setIconText(tr(spec.caption))
            self._actions[spec.id] = action
        self.keys: dict[str, Keys] = {}
        self.set_keys(changed_keys or {})
        self.refresh_icons()

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def set_keys(self, changed: Mapping[str, Keys]) -> None:
        """Give the actions the table's keys, with what the user changed; menus and tooltips follow."""
        self.keys = keymap(changed)
        for action in self._actions.values():
            action.setShortcuts([])  # or a key that moves from one to another belongs to both for a moment
        for spec in TABLE:
            action, keys = self._actions[spec.id], self.keys[spec.id]
            action.setShortcuts([QKeySequence(key) for key in keys])
            shown = tr(" or ").join(native(key) for key in keys[:2])
            title = plain(tr(spec.text))
            action.setToolTip(f"<b>{title}</b>{f' &nbsp;({shown})' if shown else ''}<br>{tr(spec.tip)}")

    def connect(self, handlers: Mapping[str, Callable[[], object]]) -> None:  # type: ignore[override]
        """Bind plain actions to their handlers; KeyError for an id that is not in the table."""
        for action_id, handler in handlers.items():
            self._actions[action_id].triggered.connect(lambda _checked=False, call=handler: call())

    def enable(self, conditions: Iterable[str]) -> None:
        """Enable exactly the actions whose condition holds."""
        holding = {"always", *conditions}
        for spec in TABLE:
            self._actions[spec.id].setEnabled(spec.when in holding)

    def refresh_icons(self) -> None:
        """Draw the icons again after the palette changed."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        for spec in TABLE:
            if spec.icon:
                self._actions[spec.id].setIcon(icon(spec.icon, app.palette()))
