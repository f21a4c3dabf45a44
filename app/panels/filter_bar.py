"""The bar above the list of images: a text field, a menu of further conditions, and a chip for each that is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from app.icons import icon
from app.image_filter import ImageFilter
from app.panels.flow_layout import FlowLayout
from app.panels.status_icons import status_icon
from app.texts import tr
from core.work_status import STATUS_TEXTS, STATUSES

WORST_STEPS = (0.02, 0.05, 0.10, 0.20, 0.30)
_MENU_ROWS = 40
"""Tags or label sets that a menu lists."""

Choices = Callable[[], tuple[list[str], list[str]]]
"""Tags and label sets that there are."""


class FilterBar(QWidget):
    """Shows a filter and lets it be changed.

    Signals:
        changed(ImageFilter): the user wants that one.
        again(): the user wants the list to be filtered and sorted anew.
        left(): the user has typed what there was to type.
    """

    changed = Signal(object)
    again = Signal()
    left = Signal()

    def __init__(self, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices = choices
        self._filter = ImageFilter()
        self._outdated = 0
        self.text = _FilterField(self)
        self.more = QToolButton(self)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.more.setToolTip(tr("Show only images of a status, with a tag, a bookmark, a bad label…"))
        self.more.setAccessibleName(tr("More filters"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.more.setMenu(self.menu)
        self.chips = QWidget(self)
        self._chip_line = FlowLayout(self.chips)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.text, 1)
        line.addWidget(self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(line)
        layout.addWidget(self.chips)
        self.text.textChanged.connect(self._typed)
        self.text.returnPressed.connect(self.left)
        self.text.escaped.connect(self.left)
        self.refresh()

    # -- from outside

    @property
    def filter(self) -> ImageFilter:
        """What is shown."""
        return self._filter

    def show_filter(self, shown: ImageFilter) -> None:
        """Show a filter without announcing it."""
        self._filter = shown
        if self.text.text() != shown.text:
            self.text.blockSignals(True)
            self.text.setText(shown.text)
            self.text.blockSignals(False)
        self.refresh()

    def show_outdated(self, count: int) -> None:
        """Tell how many rows do not pass any more."""
        if count != self._outdated:
            self._outdated = count
            self.refresh()

    def refresh(self) -> None:
        """Make the chips anew, also after the palette changed."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self.more.setIcon(icon("filter", app.palette()))
        focus = QApplication.focusWidget()
        if focus is not None and self.chips.isAncestorOf(focus):
            self.more.setFocus()  # the chip that has the keyboard goes
        self._last: QWidget = self.more
        while (item := self._chip_line.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for words, without in self._filter.chips():
            self._chip(
                words,
                tr(
                    "Remove the condition “{words}”",
                    words=words,
                ),
                partial(self._want, without),
                closes=True,
            )
        if self._outdated:
            words = tr("{n:,} changed", n=self._outdated)
            tip = tr("These are still listed, though they no longer match. Click to filter and sort again.")
            self._chip(f"↻ {words}", tip, self.again.emit)
        if not self._filter.empty:
            self._chip(tr("Clear"), tr("Show all images"), lambda: self._want(ImageFilter()))
        self.chips.setVisible(self._chip_line.count() > 0)

    # -- inside

    def _chip(self, words: str, tip: str, call: Callable[[], object], *, closes: bool = False) -> None:
        chip = QToolButton(self.chips)
        metrics = chip.fontMetrics()
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, 24 * metrics.averageCharWidth())
        chip.setText(f"{shown}  ✕" if closes else shown)
        chip.setToolTip(tip)
        chip.setAccessibleName(tip)
        chip.setObjectName("chip" if closes else "chip_plain")
        chip.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        chip.clicked.connect(lambda: call())
        self._chip_line.addWidget(chip)
        QWidget.setTabOrder(self._last, chip)
        self._last = chip
        chip.show()

    def _want(self, wanted: ImageFilter) -> None:
        self.show_filter(wanted)
        self.changed.emit(wanted)

    def _typed(self, text: str) -> None:
        self._want(replace(self._filter, text=text))

    def _fill_menu(self) -> None:
        self.menu.clear()
        tags, label_sets = self._choices()
        now, menu = self._filter, self.menu
        for status in STATUSES:
            other = replace(now, statuses=now.statuses ^ {status})
            entry = self._entry(menu, tr(STATUS_TEXTS[status]), status in now.statuses, other)
            entry.setIcon(status_icon(status, self.palette()))
        menu.addSeparator()
        self._entry(menu, tr("Bookmarked"), now.bookmarked, replace(now, bookmarked=not now.bookmarked))
        self._entry(menu, tr("File missing or unreadable"), now.missing, replace(now, missing=not now.missing))
        worst = menu.addMenu(tr("Worst label above"))
        self._entry(worst, tr("Any"), now.worst_above is None, replace(now, worst_above=None))
        for step in WORST_STEPS:
            self._entry(worst, f"{step:.0%}", now.worst_above == step, replace(now, worst_above=step))
        worst.setToolTip(tr("Largest deviation of a label from the prediction; needs predictions."))
        self._words(tr("Tag"), tags, now.tags, lambda names: replace(self._filter, tags=names))
        self._words(tr("Labels of"), label_sets, now.label_sets, lambda names: replace(self._filter, label_sets=names))
        menu.addSeparator()
        clear = menu.addAction(tr("Clear all"))
        clear.setEnabled(not now.empty)
        clear.triggered.connect(lambda: self._want(ImageFilter()))

    def _words(
        self, title: str, words: list[str], on: frozenset[str], made: Callable[[frozenset[str]], ImageFilter]
    ) -> None:
        menu = self.menu.addMenu(title)
        menu.setEnabled(bool(words))
        if not words:
            menu.setTitle(tr("{title} (none yet)", title=title))
        for word in words[:_MENU_ROWS]:
            self._entry(menu, word.replace("&", "&&"), word in on, made(on ^ {word}))
        if len(words) > _MENU_ROWS:
            menu.addAction(tr("and {n:,} more", n=len(words) - _MENU_ROWS)).setEnabled(False)

    def _entry(self, menu: QMenu, text: str, on: bool, wanted: ImageFilter) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setChecked(on)
        action.triggered.connect(lambda: self._want(wanted))
        return action


class _FilterField(QLineEdit):
    """Esc leaves the field; what was typed stays."""

    escaped = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setPlaceholderText(tr("Filter by name or folder"))
        self.setClearButtonEnabled(True)
        self.setAccessibleName(tr("Filter images"))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc goes back to the list."""
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
            event.accept()
            return
        super().keyPressEvent(event)
