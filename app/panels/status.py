"""The status bar: work going on, saving, place, zoom, model and device."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton, QWidget

from app.edits import SaveState
from app.jobs.predict import ModelState
from app.texts import tr


class ElidedLabel(QLabel):
    """One line of plain text that ends in dots where there is too little room for it."""

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw as much of the text as fits."""
        area = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, area.width())
        QPainter(self).drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


class StatusLine(QStatusBar):
    """Says what goes on, in few words; the tooltips say more."""

    def __init__(self, cancel: QAction, author: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.hint = ElidedLabel(self)
        self.hint.setObjectName("hint")
        self.hint.setContentsMargins(6, 0, 6, 0)
        self.hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # it never widens the window
        self.work = QLabel(self)
        self.bar = QProgressBar(self)
        self.bar.setMaximumWidth(180)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(12)
        self.cancel = QToolButton(self)
        self.cancel.setDefaultAction(cancel)
        self.saved = QLabel(self)
        self.saved.setToolTip(tr("Every edit is kept at once; this says when the last one was safe on disk."))
        self.left = QLabel(self)
        self.left.setToolTip(
            tr(
                "Faces that nobody has reviewed (an image nobody has looked at counts as one), and how long that "
                "takes:\nthe median of the last 20 faces you finished, without pauses of a minute and more.\nGo > "
                "Measure the pace anew begins again."
            )
        )
        self.author = QToolButton(self)
        self.author.setDefaultAction(author)
        self.author.setAutoRaise(True)
        self.position = QLabel(self)
        self.position.setToolTip(tr("Position of the mouse in image px; the centre of the top-left pixel is (0, 0)."))
        self.zoom = QLabel(self)
        self.zoom.setToolTip(tr("Screen pixels for one image pixel"))
        self.model = QLabel(self)
        width = self.fontMetrics().horizontalAdvance("x 00000.0  y 00000.0")
        self.position.setMinimumWidth(width)
        # Nothing jumps to and fro while edits are saved.
        self.saved.setMinimumWidth(self.fontMetrics().horizontalAdvance(tr("All changes saved") + " 00:00:00") + 16)
        for widget in (self.work, self.bar, self.cancel):
            self.addWidget(widget)
        self.addWidget(self.hint, 1)
        for label in (self.position, self.zoom, self.left, self.model):
            label.setContentsMargins(8, 0, 8, 0)
            self.addPermanentWidget(label)
        self.saved.setContentsMargins(8, 0, 8, 0)
        self.addPermanentWidget(self.author)
        self.addPermanentWidget(self.saved)
        self.show_work("", 0, 0)

    def show_work(self, text: str, done: int, total: int) -> None:
        """A long job: what and how far; empty text for none, `total` 0 for unknown length."""
        for widget in (self.work, self.bar, self.cancel):
            widget.setVisible(bool(text))
        self.work.setText(f"{text} {done:,} of {total:,}" if total else text)
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def show_hint(self, text: str) -> None:
        """What the mouse would do now; whole in the tooltip where there is little room."""
        self.hint.setText(text)
        self.hint.setToolTip(text)

    def show_saved(self, state: SaveState) -> None:
        """Whether everything is on disk."""
        self.saved.setText(state.text)

    def show_left(self, text: str) -> None:
        """What is left to do, and how fast it goes."""
        self.left.setText(text)

    def show_author(self, name: str) -> None:
        """Under which name edits are kept."""
        self.author.setText(name)
        self.author.setToolTip(tr("Your corrections are kept under the name “{name}”. Click to change it.", name=name))
        self.author.setAccessibleName(tr("Your name: {name}", name=name))

    def show_position(self, x: float, y: float) -> None:
        """Where the mouse is, image px; NaN outside."""
        self.position.setText("" if math.isnan(x) else f"x {x:.1f}  y {y:.1f}")

    def show_zoom(self, zoom: float | None) -> None:
        """Screen px an image px; None without an image."""
        self.zoom.setText("" if zoom is None else f"{zoom:.0%}")

    def show_model(self, state: ModelState) -> None:
        """Which model runs where, and why there."""
        if state.info is not None:
            info = state.info
            self.model.setText(tr("{name} on {device}", name=info.name, device=info.device))
            self.model.setToolTip(
                tr(
                    "Model {name}, scheme {scheme}\nDevice: {device} ({reason})\nComputes in {precision}",
                    name=info.name, scheme=info.scheme, device=info.device, reason=info.reason,
                    precision=info.precision,
                )
            )
            return
        words = {"none": "", "loading": tr("Loading the model…"), "missing": tr("No model"), "failed": tr("No model")}
        self.model.setText(words[state.kind])
        self.model.setToolTip(state.text)
