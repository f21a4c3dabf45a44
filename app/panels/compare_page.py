"""The page of the view dock that chooses what is compared with what, and how."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette, QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from app.compare_sources import Source
from app.texts import tr

MODES = (
    ("off", "Off"), ("overlay", "On top of each other"), ("flicker", "By turns (flicker)"), ("split", "Side by side"),
)  # fmt: skip


class ComparePage(QWidget):
    """Two sources and a mode.

    Signals:
        changed(): another source or mode was chosen by the user.
        timer_switched(on): turns are to be taken by themselves.
    """

    changed = Signal()
    timer_switched = Signal(bool)

    def __init__(self, flicker_key: str, split_key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sources: dict[str, Source] = {}
        self.mode, self.a, self.b = QComboBox(self), QComboBox(self), QComboBox(self)
        for value, text in MODES:
            self.mode.addItem(tr(text), value)
        self.mode.setToolTip(tr("How the two are shown. Side by side has a divider that you drag."))
        self.a.setToolTip(tr("The state that is seen first, or to the left of the divider."))
        self.b.setToolTip(tr("The state that it is compared with."))
        self.timer = QCheckBox(tr("Take &turns by itself"), self)
        self.timer.setToolTip(tr("Changes between A and B every 0.7 s. Off, the key alone does."))
        self.hint = QLabel(self)
        self.hint.setWordWrap(True)
        self.keys = QLabel(
            tr(
                "Hold {flicker_key} to see B in place of A. {split_key} puts them side by side and back.",
                flicker_key=flicker_key, split_key=split_key,
            ), self
        )
        self.keys.setWordWrap(True)
        self.keys.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        form = QFormLayout()
        form.addRow(tr("&Show"), self.mode)
        form.addRow("&A", self.a)
        form.addRow("&B", self.b)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addLayout(form)
        layout.addWidget(self.timer)
        layout.addWidget(self.hint)
        layout.addWidget(self.keys)
        layout.addStretch(1)
        for box in (self.mode, self.a, self.b):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(14)
            box.activated.connect(lambda _index: self.changed.emit())
        self.timer.toggled.connect(self.timer_switched)
        self.show_sources([])

    def show_sources(self, sources: Sequence[Source]) -> None:
        """Offer these; what was chosen stays chosen where it still exists. The first is A's default."""
        keys = self.chosen()
        self._sources = {source.key: source for source in sources}
        for box, key in ((self.a, keys[0]), (self.b, keys[1])):
            box.clear()
            for source in sources:
                box.addItem(source.name, source.key)
            self._disable(box, sources)
            at = box.findData(key)
            box.setCurrentIndex(at if at >= 0 else self._default(box, sources))
        for widget in (self.mode, self.a, self.b, self.timer):
            widget.setEnabled(bool(sources))
        self.say("" if sources else tr("Open an image with a face: its states are compared here."))

    def _default(self, box: QComboBox, sources: Sequence[Source]) -> int:
        if box is self.a:
            return 0
        usable = [row for row, source in enumerate(sources) if row and source.usable]
        return usable[0] if usable else min(1, len(sources) - 1)

    @staticmethod
    def _disable(box: QComboBox, sources: Sequence[Source]) -> None:
        model = box.model()
        for row, source in enumerate(sources):
            box.setItemData(row, source.reason or source.name, Qt.ItemDataRole.ToolTipRole)
            item = model.item(row) if isinstance(model, QStandardItemModel) else None
            if item is not None:
                item.setEnabled(source.usable)

    def chosen(self) -> tuple[str, str]:
        """Keys of A and B; empty where there is nothing to choose from."""
        return str(self.a.currentData() or ""), str(self.b.currentData() or "")

    def pair(self) -> tuple[Source, Source] | None:
        """A and B, if both are known."""
        a, b = (self._sources.get(key) for key in self.chosen())
        return None if a is None or b is None else (a, b)

    def choose_mode(self, mode: str) -> None:
        """Select a mode; tells nobody."""
        self.mode.setCurrentIndex(max(0, self.mode.findData(mode)))

    def say(self, text: str) -> None:
        """Why nothing is compared; empty for nothing to say."""
        self.hint.setText(text)
        self.hint.setVisible(bool(text))
