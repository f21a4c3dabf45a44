"""The settings page of keys: every action with its keys, found by a word, changed by pressing others."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import shortcuts
from app.action_table import MENUS, TABLE
from app.actions import native, plain
from app.shortcuts import Keys
from app.texts import tr

_SPECS = {spec.id: spec for spec in TABLE}
_ID = Qt.ItemDataRole.UserRole


class ShortcutsPage(QWidget):
    """Works on a copy of the keys; `changed` is what to keep."""

    def __init__(self, changed: Mapping[str, Keys], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = shortcuts.keymap(changed)
        self._wanted = ""
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Find an action or a key"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(tr("Find an action or a key"))
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels([tr("Action"), tr("Keys")])
        self.list.setAccessibleName(tr("Actions and their keys"))
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setUniformRowHeights(True)
        self.list.setStyleSheet("QTreeView::item { padding: 3px; }")
        self.list.setMinimumHeight(300)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self.tip = QLabel(self)
        self.tip.setWordWrap(True)
        self.edit = QKeySequenceEdit(self)
        self.edit.setMaximumSequenceLength(1)
        self.edit.setAccessibleName(tr("Press the new key"))
        self.add = QPushButton(tr("&Keep the old ones too"), self)
        self.add.setCheckable(True)
        self.add.setToolTip(tr("What is pressed is added to the keys of the action instead of replacing them."))
        self.none = QPushButton(tr("&No key"), self)
        self.reset = QPushButton(tr("&Reset"), self)
        self.reset_all = QPushButton(tr("Reset &all"), self)
        self.conflict = QLabel(self)
        self.conflict.setWordWrap(True)
        self.take = QPushButton(tr("&Take it over"), self)
        self.swap = QPushButton(tr("&Swap"), self)
        self.leave = QPushButton(tr("&Leave it"), self)
        self._layout()
        self._fill()
        self.search.textChanged.connect(self._find)
        self.search.installEventFilter(self)
        self.list.installEventFilter(self)
        self.list.currentItemChanged.connect(lambda *_: self._selected())
        self.list.itemDoubleClicked.connect(lambda *_: self.edit.setFocus())
        self.edit.editingFinished.connect(self._pressed)
        self.none.clicked.connect(lambda: self._give(self.current(), ()))
        self.reset.clicked.connect(self._reset)
        self.reset_all.clicked.connect(self._reset_all)
        self.take.clicked.connect(lambda: self._settle(swap=False))
        self.swap.clicked.connect(lambda: self._settle(swap=True))
        self.leave.clicked.connect(self._forget)
        self._selected()

    def _layout(self) -> None:
        line = QHBoxLayout()
        line.addWidget(QLabel(tr("Press:"), self))
        for widget in (self.edit, self.add, self.none, self.reset):
            line.addWidget(widget, 1 if widget is self.edit else 0)
        answer = QHBoxLayout()
        answer.addWidget(self.conflict, 1)
        for widget in (self.take, self.swap, self.leave):
            answer.addWidget(widget)
        bottom = QHBoxLayout()
        bottom.addWidget(self.tip, 1)
        bottom.addWidget(self.reset_all)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addLayout(bottom)
        layout.addLayout(line)
        layout.addLayout(answer)

    def changed(self) -> dict[str, Keys]:
        """What differs from the table of actions."""
        return shortcuts.changes(self._keys)

    def current(self) -> str:
        """The action that is selected; empty for none."""
        item = self.list.currentItem()
        return "" if item is None else str(item.data(0, _ID) or "")

    def select(self, action: str) -> None:
        """Select an action's row."""
        item = self._items[action]
        self.list.setCurrentItem(item)
        self.list.scrollToItem(item)

    # -- the list

    def _fill(self) -> None:
        self._items: dict[str, QTreeWidgetItem] = {}
        self._groups: list[QTreeWidgetItem] = []
        for menu in MENUS:
            group = QTreeWidgetItem([plain(tr(menu))])
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for spec in TABLE:
                if spec.menu == menu:
                    item = QTreeWidgetItem([plain(tr(spec.text))])
                    item.setData(0, _ID, spec.id)
                    item.setToolTip(0, tr(spec.tip))
                    group.addChild(item)
                    self._items[spec.id] = item
            if group.childCount():
                self.list.addTopLevelItem(group)
                self._groups.append(group)
        self.list.expandAll()
        self._show_keys()

    def _show_keys(self) -> None:
        changed = self.changed()
        for action, item in self._items.items():
            item.setText(1, "   ".join(native(key) for key in self._keys[action]))
            font = item.font(1)
            font.setBold(action in changed)
            item.setFont(1, font)
        self.reset_all.setEnabled(bool(changed))
        self._selected()

    def _find(self, text: str) -> None:
        """Show rows with that word in their text, explanation or keys."""
        needle = text.strip().casefold()
        for group in self._groups:
            shown = 0
            for place in range(group.childCount()):
                item = group.child(place)
                words = f"{item.text(0)}\n{item.toolTip(0)}\n{item.text(1)}".casefold()
                item.setHidden(needle not in words)
                shown += needle in words
            group.setHidden(not shown)
        first = next((item for item in self._items.values() if not item.isHidden()), None)
        current = self.list.currentItem()
        if needle and first is not None and (current is None or current.isHidden()):
            self.list.setCurrentItem(first)

    def _selected(self) -> None:
        action = self.current()
        for widget in (self.edit, self.add, self.none):
            widget.setEnabled(bool(action))
        self.reset.setEnabled(bool(action) and self._keys[action] != shortcuts.default(action))
        if action:
            self.tip.setText(tr(_SPECS[action].tip))
        else:
            self.tip.setText(tr("Choose an action, then press the key that shall start it."))
        self._forget()

    # -- changing

    def _pressed(self) -> None:
        sequence, action = self.edit.keySequence(), self.current()
        key = sequence.toString(QKeySequence.SequenceFormat.PortableText)
        if not key or not action:
            return
        self.edit.clear()
        if key in shortcuts.FIXED:
            self._tell(tr("{key} {use}: it cannot be given away.", key=native(key), use=tr(shortcuts.FIXED[key])))
            return
        other = shortcuts.owner(self._keys, key)
        if other is None or other == action:
            self._give(action, self._with(action, key))
            return
        self._wanted = key
        self._tell(
            tr(
                "{key} is the key of “{text}”.",
                key=native(key),
                text=plain(tr(_SPECS[other].text)),
            ),
            asks=True,
        )

    def _with(self, action: str, key: str) -> Keys:
        kept = [old for old in self._keys[action] if shortcuts.portable(old) != key] if self.add.isChecked() else []
        return (*kept, key)

    def _settle(self, *, swap: bool) -> None:
        """Give the key to the selected action; its other owner gets the keys of that, or goes without."""
        key, action = self._wanted, self.current()
        other = shortcuts.owner(self._keys, key)
        if not key or other is None:
            return
        left = tuple(old for old in self._keys[other] if shortcuts.portable(old) != key)
        self._keys[other] = (*left, *self._keys[action]) if swap else left
        if swap:
            self._keys[action] = ()
        self._give(action, self._with(action, key))
        self.list.setFocus()

    def _give(self, action: str, keys: Keys) -> None:
        self._keys[action] = keys
        self._show_keys()

    def _reset(self) -> None:
        """The table's keys again; who has one of them meanwhile loses it."""
        action = self.current()
        back = shortcuts.default(action)
        wanted = set(map(shortcuts.portable, back))
        for other, keys in self._keys.items():
            if other != action:
                self._keys[other] = tuple(key for key in keys if shortcuts.portable(key) not in wanted)
        self._give(action, back)

    def _reset_all(self) -> None:
        self._keys = shortcuts.keymap({})
        self._show_keys()

    def _tell(self, text: str, *, asks: bool = False) -> None:
        self.conflict.setText(text)
        for button in (self.take, self.swap, self.leave):
            button.setVisible(asks)
        if asks:
            self.leave.setFocus()

    def _forget(self) -> None:
        self._wanted = ""
        self._tell("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Return in the list begins to wait for a key, Down in the search goes to the list; the dialog stays open."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if watched is self.search and (enter or event.key() == Qt.Key.Key_Down):
                self.list.setFocus()
                return True
            if watched is self.list and enter:
                if self.current():
                    self.edit.setFocus()
                return True
        return super().eventFilter(watched, event)
