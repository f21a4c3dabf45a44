"""The review queue dock: what to look at next, what was found so far, and the verdicts on the face on screen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.queue_filter import QueueFilter
from app.panels.queue_model import ROW_HEIGHT, QueueModel, RowDelegate
from app.panels.row_list import row_list
from app.panels.stop_curve import StopCurvePlot
from app.panels.verdict_strip import VerdictStrip
from app.review_queue import Progress
from app.texts import tr

DECISION_ACTIONS = ("label_wrong", "acceptable", "model_wrong")


class QueuePanel(QWidget):
    """The list with what belongs to it. Decisions are actions of the window: the buttons only show their keys.

    Signals:
        audit_wanted(): make an audit, or another one.
        stop_wanted(): stop the one that is being made.
        chosen(row): the user went to a row of the list.
    """

    audit_wanted = Signal()
    stop_wanted = Signal()
    chosen = Signal(int)

    def __init__(self, actions: Callable[[str], QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._quiet = False
        self.model = QueueModel(self)
        self.filter = QueueFilter(self)
        self.view = row_list(self, self.model, RowDelegate(), ROW_HEIGHT, tr("Review queue"))
        self.run = QPushButton(tr("Run audit"), self)
        self.run.setToolTip(tr("Compare every label with the model's prediction; missing predictions are made first."))
        self.run.clicked.connect(self.audit_wanted)
        self.stop = QPushButton(tr("Stop"), self)
        self.stop.clicked.connect(self.stop_wanted)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.summary = QLabel(self)
        self.summary.setWordWrap(True)
        self.estimate = QLabel(self)
        self.estimate.setWordWrap(True)
        self.plot = StopCurvePlot(self)
        self.hint = QLabel(self)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.hint.setMargin(14)
        self.strip = VerdictStrip(self)
        self.snap = QCheckBox(tr("“Label wrong” snaps to the prediction"), self)
        self.snap.setToolTip(
            tr("Points that you have dragged since you came to the face stay where you put them. Undo takes back both.")
        )
        self.buttons = {name: self._button(name) for name in DECISION_ACTIONS}
        self._layout()
        self.setFocusProxy(self.view)
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self.view.activated.connect(lambda index: self.chosen.emit(index.row()))
        self.show_state("", False)
        self.show_progress(None, False)

    def _button(self, name: str) -> QPushButton:
        button, action = QPushButton(self), self._actions(name)
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _on=False: action.trigger())
        action.changed.connect(lambda: self._refresh_button(name))
        return button

    def _refresh_button(self, name: str) -> None:
        """Text, key and tooltip as the action has them now."""
        button, action = self.buttons[name], self._actions(name)
        key = self.key(name)
        button.setText(action.iconText() + (f"\n{key}" if key else ""))
        button.setToolTip(action.toolTip())
        button.setEnabled(action.isEnabled())

    def _layout(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.state, 1)
        head.addWidget(self.stop)
        head.addWidget(self.run)
        self.curve = QToolButton(self)
        self.curve.setText(tr("Curve"))
        self.curve.setCheckable(True)
        self.curve.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.curve.setToolTip(tr("Errors found against faces looked at: when it flattens, you may stop."))
        self.curve.toggled.connect(self.plot.setVisible)
        self.plot.hide()
        said = QHBoxLayout()
        said.addWidget(self.summary, 1)
        said.addWidget(self.curve, 0, Qt.AlignmentFlag.AlignTop)
        top = QVBoxLayout()
        top.setContentsMargins(8, 8, 8, 4)
        top.setSpacing(4)
        for part in (head, self.filter, self.bar, said, self.estimate, self.plot):
            top.addLayout(part) if isinstance(part, QHBoxLayout) else top.addWidget(part)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self.hint)
        keys = QHBoxLayout()
        keys.setContentsMargins(8, 2, 8, 0)
        keys.setSpacing(4)
        for name, button in self.buttons.items():
            keys.addWidget(button, 1)
            self._refresh_button(name)
        below = QVBoxLayout()
        below.setContentsMargins(8, 0, 8, 6)
        below.addWidget(self.snap)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addLayout(self._stack, 1)
        layout.addWidget(self.strip)
        layout.addLayout(keys)
        layout.addLayout(below)

    # -- from outside

    def keys(self) -> str:
        """The keys that decide and go on, in one line."""
        names = [name for name in (*DECISION_ACTIONS, "queue_next") if self.key(name)]
        return " · ".join(f"{self.key(name)} {self._actions(name).iconText()}" for name in names)

    def key(self, name: str) -> str:
        """The key of an action, as this desktop writes it; empty for none."""
        return self._actions(name).shortcut().toString(QKeySequence.SequenceFormat.NativeText)

    def show_state(self, text: str, running: bool) -> None:
        """What the audit is doing, or what came of it."""
        self.state.setText(text)
        self.stop.setVisible(running)
        self.run.setVisible(not running)

    def show_rows(self, hint: str) -> None:
        """Show the list, or `hint` where nothing is listed."""
        self.hint.setText(hint)
        self._stack.setCurrentIndex(0 if self.model.rows else 1)

    def show_progress(self, progress: Progress | None, random: bool) -> None:
        """How far the work is; None before there is an audit. The estimate is shown for a random sample."""
        parts = (self.filter, self.bar, self.summary, self.curve, self.strip, self.snap, *self.buttons.values())
        for part in parts:
            part.setVisible(progress is not None)
        self.estimate.setVisible(progress is not None and random)
        self.plot.setVisible(progress is not None and self.curve.isChecked())
        if progress is None:
            return
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.looked)
        self.summary.setText(
            tr(
                "{looked:,} of {total:,} looked at, {wrong:,} with a wrong label, {left:,} left",
                looked=progress.looked, total=progress.total, wrong=progress.wrong, left=progress.left,
            )
        )  # fmt: skip
        self.estimate.setText(_estimate(progress))
        self.plot.show_curve(progress.found, progress.stop)

    def show_current(self, row: int | None) -> None:
        """Mark a row without going there."""
        index = QModelIndex() if row is None else self.model.index(row)
        self._quiet = True
        self.view.setCurrentIndex(index)
        if row is None:
            self.view.clearSelection()
        self._quiet = False
        if index.isValid():
            self.view.scrollTo(index)

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid() and not self._quiet:
            self.chosen.emit(index.row())


def _estimate(progress: Progress) -> str:
    rate = progress.rate
    if rate is None:
        return tr("Go through the sample in its order: then it tells how many labels of all are wrong.")
    return tr(
        "{rate:.0%} of all faces have a wrong label; with 95 % confidence {low:.0%} to {high:.0%} (the sample's first "
        "{looked:,}).",
        rate=rate.rate, low=rate.low, high=rate.high, looked=rate.looked,
    )  # fmt: skip
