"""The bar of blind re-annotation: how many faces to draw, then how far one is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.texts import tr

MOST_FACES = 2_000
_SEEDS = 999_999
_LEAST_WORDS = 150


class BlindBar(QFrame):
    """A line above the picture; nothing else waits for it.

    Signals:
        drawn(count, seed): the user wants a sample of that many faces.
        continued(): the user wants to go on with the one that is offered.
        finished(): the face on screen is done. compared(): first and second labels are to be compared.
        left(): no more for now.
    """

    drawn = Signal(int, int)
    continued = Signal()
    finished = Signal()
    compared = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("blind_bar")
        self._question, self._work = self._asking(), self._working()
        # Not stacked, or the wider of the two would make the window wider for both.
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._question)
        layout.addWidget(self._work)
        self.hide()

    def _asking(self) -> QWidget:
        page = QWidget(self)
        words = QLabel(tr("Label again, without seeing the first labels:"), page)
        words.setWordWrap(True)
        words.setMinimumWidth(_LEAST_WORDS)
        self.count = _spin(page, 1, MOST_FACES, 20)
        self.count.setAccessibleName(tr("Number of faces to draw"))
        self.count.setToolTip(tr("Drawn at random from the faces that you have labelled, or from all labelled ones."))
        faces = QLabel(tr("&faces"), page)
        faces.setBuddy(self.count)
        self.seed = _spin(page, 0, _SEEDS, 0)
        self.seed.setToolTip(tr("The same number draws the same faces again."))
        seed = QLabel(tr("s&eed"), page)
        seed.setBuddy(self.seed)
        self.draw = QPushButton(tr("Draw and begin"), page)
        self.go_on = QPushButton(page)
        close = QToolButton(page)
        close.setText("✕")
        close.setToolTip(tr("Not now"))
        close.setAccessibleName(tr("Not now"))
        line = QHBoxLayout(page)
        line.setContentsMargins(12, 4, 8, 4)
        line.addWidget(words, 1)
        for widget in (self.count, faces, seed, self.seed, self.draw, self.go_on):
            line.addWidget(widget)
        line.addStretch(2)
        line.addWidget(close)
        self.draw.clicked.connect(lambda: self.drawn.emit(self.count.value(), self.seed.value()))
        self.go_on.clicked.connect(self.continued)
        close.clicked.connect(self.left)
        return page

    def _working(self) -> QWidget:
        page = QWidget(self)
        self.words = QLabel(page)
        self.words.setToolTip(what_is_so())
        self.progress = QProgressBar(page)
        self.progress.setTextVisible(False)
        self.progress.setMinimumWidth(40)
        self.progress.setMaximumWidth(160)
        self.progress.setMaximumHeight(10)
        self.progress.setAccessibleName(tr("Faces labelled again"))
        self.next = QPushButton(tr("Face done, &next"), page)
        self.next.setToolTip(tr("Return does the same. Points that cannot be told may stay missing."))
        self.compare = QPushButton(tr("End and &compare"), page)
        self.compare.setToolTip(tr("Show everything again, and how far your second labels are from the first ones."))
        self.stop = QPushButton(tr("St&op for now"), page)
        self.stop.setToolTip(tr("Everything is kept; Edit > Blind re-annotation goes on with it."))
        line = QHBoxLayout(page)
        line.setContentsMargins(12, 4, 8, 4)
        for widget in (self.words, self.progress, self.next, self.compare, self.stop):
            line.addWidget(widget)
        line.addStretch(1)
        self.next.clicked.connect(self.finished)
        self.compare.clicked.connect(self.compared)
        self.stop.clicked.connect(self.left)
        return page

    def ask(self, done: int, total: int) -> None:
        """Ask for number and seed; offer to go on where `done` of `total` faces of a sample are done (0 of 0: none)."""
        self._turn_to(self._question)
        self.go_on.setVisible(total > 0)
        self.go_on.setText(tr("Go on ({done} of {total} done)", done=done, total=total))
        self.show()
        if total > 0:
            self.go_on.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.count.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.count.selectAll()

    def show_progress(self, done: int, total: int) -> None:
        """Tell how far the sample is."""
        self._turn_to(self._work)
        text = tr("Blind: {done} of {total} faces done", done=done, total=total)
        self.words.setText(tr("Blind: all {total} faces done", total=total) if done == total else text)
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.next.setEnabled(done < total)
        self.compare.setEnabled(done > 0)
        self.show()

    def _turn_to(self, page: QWidget) -> None:
        for one in (self._question, self._work):
            one.setVisible(one is page)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc closes the question; Return in one of its fields draws."""
        asking = not self._question.isHidden()
        if asking and event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif asking and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.drawn.emit(self.count.value(), self.seed.value())
        else:
            super().keyPressEvent(event)


def what_is_so() -> str:
    """What is different while faces are labelled blind, and how to begin."""
    return tr(
        "Labels and predictions are hidden. What you place goes into a label set of its own; your first labels "
        "stay as they are. T places the points one after another; Edit > Start from the mean shape is a start."
    )


def _spin(parent: QWidget, low: int, high: int, value: int) -> QSpinBox:
    spin = QSpinBox(parent)
    spin.setRange(low, high)
    spin.setValue(value)
    return spin
