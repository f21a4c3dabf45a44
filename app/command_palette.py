"""One field for everything: actions, images and projects, found by a few letters of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.fuzzy import score
from app.texts import tr

SHOWN = 250
"""Entries that are listed; who wants more types another letter."""

_ENTRY = Qt.ItemDataRole.UserRole
_WIDTH, _HEIGHT = 620, 420


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to do.

    Attributes:
        text: what is searched.
        run: does it.
        note: what is shown at the right: keys, a folder.
        kind: what it is, before the text; empty for an action.
        enabled: whether it can be done now.
    """

    text: str
    run: Callable[[], object]
    note: str = ""
    kind: str = ""
    enabled: bool = True


Finder = Callable[[str], Iterable[Entry]]
"""Further entries for what was typed, such as images."""


def ranked(typed: str, entries: Iterable[Entry]) -> list[Entry]:
    """Those that fit, what can be done first, then the best; without a word in the order given."""
    found = [(value, entry) for entry in entries if (value := score(typed, entry.text)) is not None]
    return [entry for value, entry in sorted(found, key=lambda one: (not one[1].enabled, -one[0]))]


class CommandPalette(QFrame):
    """Lies over the window's upper part while it is used, and goes when it is left."""

    def __init__(self, entries: Callable[[], Sequence[Entry]], finder: Finder, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._entries_now, self._finder = entries, finder
        self._entries: Sequence[Entry] = ()
        self._back: QWidget | None = None
        self.setObjectName("command_palette")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(tr("Type what you want: an action, an image, a project"))
        self.field.setAccessibleName(tr("Command palette"))
        self.list = QListWidget(self)
        self.list.setItemDelegate(_EntryDelegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName(tr("What fits"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.field)
        layout.addWidget(self.list, 1)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._run())
        self.hide()

    def toggle(self) -> None:
        """Open it, or close it again."""
        if self.isVisible():
            self.dismiss()
            return
        self._back = QApplication.focusWidget()
        self._entries = self._entries_now()
        window = self._window.rect()
        width, height = min(_WIDTH, window.width() - 40), min(_HEIGHT, window.height() - 120)
        self.setGeometry(QRect((window.width() - width) // 2, 60, width, height))
        self.field.clear()
        self._search("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close it, and give the focus back."""
        back, self._back = self._back, None
        self.hide()
        if back is not None and back.isVisible():
            back.setFocus(Qt.FocusReason.PopupFocusReason)

    def texts(self) -> list[str]:
        """What is listed."""
        return [self.list.item(row).text() for row in range(self.list.count())]

    def _search(self, typed: str) -> None:
        entries = list(self._entries) if not typed.strip() else ranked(typed, self._entries)
        if typed.strip():
            entries += self._finder(typed.strip())
        self.list.clear()
        for entry in entries[:SHOWN]:
            item = QListWidgetItem(entry.text)
            item.setData(_ENTRY, entry)
            words = [word for word in (entry.kind, entry.text, entry.note) if word]
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(words))
            if not entry.enabled:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.list.addItem(item)
        if not entries:
            nothing = QListWidgetItem(tr("Nothing fits. Try fewer letters."))
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(nothing)
        self.list.setCurrentRow(0)

    def _run(self) -> None:
        item = self.list.currentItem()
        entry: Entry | None = None if item is None else item.data(_ENTRY)
        if entry is not None and entry.enabled:
            self.dismiss()
            entry.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The field's keys move in the list; losing the focus closes it."""
        if watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(Qt.Key(event.key()))
        if watched is self.field and event.type() == QEvent.Type.FocusOut and self.isVisible():
            focus = QApplication.focusWidget()
            if focus is not None and not self.isAncestorOf(focus):
                self._back = None
                self.dismiss()
        return super().eventFilter(watched, event)

    def _key(self, key: Qt.Key) -> bool:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if key == Qt.Key.Key_Escape:
            self.dismiss()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run()
        elif key in steps:
            row = self.list.currentRow() + steps[key]
            self.list.setCurrentRow(max(0, min(row, self.list.count() - 1)))
        else:
            return False
        return True


class _EntryDelegate(QStyledItemDelegate):
    """Kind and text on the left, keys on the right."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: object) -> QSize:  # noqa: N802
        return QSize(100, option.fontMetrics.height() + 10)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index) -> None:  # type: ignore[no-untyped-def]
        entry: Entry | None = index.data(_ENTRY)
        if entry is None:
            super().paint(painter, option, index)
            return
        palette: QPalette = option.palette
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.Highlight))
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        text = palette.color(role)
        faint = QColor(text)
        faint.setAlphaF(0.65)
        if not entry.enabled:
            text = faint = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        inner = rect.adjusted(10, 0, -10, 0)
        metrics = painter.fontMetrics()
        middle, left = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignLeft
        painter.setPen(faint)
        note = metrics.elidedText(entry.note, Qt.TextElideMode.ElideLeft, inner.width() // 2)
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, note)
        if entry.kind:
            painter.drawText(inner, middle | left, entry.kind)
            inner.setLeft(inner.left() + metrics.horizontalAdvance(f"{entry.kind}  "))
        painter.setPen(text)
        room = inner.width() - metrics.horizontalAdvance(note) - 16
        painter.drawText(inner, middle | left, metrics.elidedText(entry.text, Qt.TextElideMode.ElideMiddle, room))
        painter.restore()
