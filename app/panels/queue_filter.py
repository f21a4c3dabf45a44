"""Order and conditions of the review queue: a choice, a number for the sample, a menu, and a chip a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.panels.flow_layout import FlowLayout
from app.review_queue import DISAGREEMENT, RANDOM, Wanted, condition_text
from app.texts import tr, tr_later
from app.verdict_texts import FACE_VERDICTS, POINT_VERDICTS
from core.judgement import Decision

ORDERS = {
    "suspect": (tr_later("Most suspect first"), tr_later("How wrong the label looks, whatever it is about.")),
    "gain": (
        tr_later("Most gain for an edit"),
        tr_later("How much the data set's mean error is expected to fall for each point that is corrected."),
    ),
    "ambiguity": (tr_later("Most ambiguous first"), tr_later("How unsure the model is of where points belong.")),
    DISAGREEMENT: (
        tr_later("Annotators disagree most"),
        tr_later("How far the labels of several annotators are apart, beside what is usual for each landmark."),
    ),
    RANDOM: (
        tr_later("Random sample"),
        tr_later("By lot: the one order that says how many labels of all are wrong. Decide about whole faces."),
    ),
}
"""Orders by name: what they are called, and what they go by."""
_MENU_ROWS = 40


class QueueFilter(QWidget):
    """Says what is wanted whenever the user chose something else.

    Signals:
        changed(Wanted), again(): sort again as things are now.
    """

    changed = Signal(object)
    again = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted = Wanted()
        self._names: Mapping[str, Sequence[str]] = {}
        self.order = QComboBox(self)
        for name, (text, tip) in ORDERS.items():
            self.order.addItem(tr(text), name)
            self.order.setItemData(self.order.count() - 1, tr(tip), Qt.ItemDataRole.ToolTipRole)
        self.order.setAccessibleName(tr("Order of the queue"))
        self.order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.order.setMinimumContentsLength(8)
        self.seed = QSpinBox(self)
        self.seed.setRange(0, 9999)
        self.seed.setPrefix("# ")
        self.seed.setToolTip(tr("Number of the random sample: the same number draws the same faces in the same order."))
        self.seed.setAccessibleName(tr("Number of the random sample"))
        self.more = QToolButton(self)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.more.setToolTip(tr("Only faces with a verdict, a decision, a tag, in a region or a folder…"))
        self.more.setAccessibleName(tr("Filter the queue"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.more.setMenu(self.menu)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.order, 1)
        line.addWidget(self.seed)
        line.addWidget(self.more)
        self.chips = QWidget(self)
        self._chip_line = FlowLayout(self.chips)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(line)
        layout.addWidget(self.chips)
        self.order.activated.connect(lambda _i: self._want(replace(self._wanted, order=str(self.order.currentData()))))
        self.seed.editingFinished.connect(self._seed_chosen)
        self.refresh()

    # -- from outside

    def show_wanted(self, wanted: Wanted) -> None:
        """Show a choice without announcing it."""
        self._wanted = wanted
        self.order.setCurrentIndex(max(0, self.order.findData(wanted.order)))
        self.seed.blockSignals(True)
        self.seed.setValue(wanted.seed)
        self.seed.blockSignals(False)
        self.refresh()

    def offer(self, names: Mapping[str, Sequence[str]]) -> None:
        """What conditions can be chosen among: regions, tags, sources."""
        self._names = names

    def refresh(self) -> None:
        """Make icon and chips anew, also after the palette changed."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self.more.setIcon(icon("filter", app.palette()))
        self.order.setToolTip(tr(ORDERS[str(self.order.currentData())][1]))
        self.seed.setVisible(self._wanted.order == RANDOM)
        focus = QApplication.focusWidget()
        if focus is not None and self.chips.isAncestorOf(focus):
            self.more.setFocus()  # the chip that has the keyboard goes
        while (item := self._chip_line.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        last: QWidget = self.more
        for words, without in self._wanted.chips():
            last = self._chip(words, without, last)
        self.chips.setVisible(self._chip_line.count() > 0)

    # -- inside

    def _chip(self, words: str, without: Wanted, last: QWidget) -> QWidget:
        chip = QToolButton(self.chips)
        chip.setText(f"{words}  ✕")
        chip.setObjectName("chip")
        chip.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        chip.setToolTip(tr("Remove the condition “{words}”", words=words))
        chip.setAccessibleName(chip.toolTip())
        chip.clicked.connect(lambda: self._want(without))
        self._chip_line.addWidget(chip)
        QWidget.setTabOrder(last, chip)
        chip.show()
        return chip

    def _want(self, wanted: Wanted) -> None:
        self.show_wanted(wanted)
        self.changed.emit(wanted)

    def _seed_chosen(self) -> None:
        if self.seed.value() != self._wanted.seed:
            self._want(replace(self._wanted, seed=self.seed.value()))

    def _fill_menu(self) -> None:
        menu, now = self.menu, self._wanted
        menu.clear()
        verdicts = [*POINT_VERDICTS, *FACE_VERDICTS]
        self._part(tr("Verdict"), "verdicts", [name for name in verdicts if name != "ok"])
        self._part(tr("Decision"), "decisions", [decision.value for decision in Decision])
        self._part(tr("Region"), "regions", self._names.get("regions", ()))
        self._part(tr("Tag"), "tags", self._names.get("tags", ()))
        self._part(tr("Folder"), "sources", self._names.get("sources", ()))
        menu.addSeparator()
        settled = menu.addAction(tr("Also what is settled"))
        settled.setCheckable(True)
        settled.setChecked(now.settled)
        settled.setEnabled(now.order != RANDOM)
        settled.triggered.connect(lambda: self._want(replace(now, settled=not now.settled)))
        again = menu.addAction(tr("Sort again"))
        again.triggered.connect(lambda: self.again.emit())
        clear = menu.addAction(tr("Clear all"))
        clear.setEnabled(now.conditions > 0)
        clear.triggered.connect(lambda: self._want(now.cleared()))

    def _part(self, title: str, part: str, names: Sequence[str]) -> None:
        menu = self.menu.addMenu(title if names else tr("{title} (none yet)", title=title))
        menu.setEnabled(bool(names))
        for name in names[:_MENU_ROWS]:
            text = name if part in ("tags", "sources") else condition_text(part, name).split(": ")[-1]
            action = menu.addAction(text.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name in getattr(self._wanted, part))
            action.triggered.connect(partial(self._toggle, part, name))
        if len(names) > _MENU_ROWS:
            menu.addAction(tr("and {n:,} more", n=len(names) - _MENU_ROWS)).setEnabled(False)

    def _toggle(self, part: str, name: str, _on: bool = False) -> None:
        self._want(self._wanted.toggled(part, name))
