"""What the welcome page says of the sample: an invitation at the first start, later two quiet buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.texts import tr

_WIDTH = 460


class Offer(QFrame):
    """Tour and sample.

    Signals:
        declined(): the user wants no tour.
    """

    declined = Signal()

    def __init__(self, tour: QAction, sample: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("offer")
        self._words = QLabel(
            tr(
                "New here? The tour takes two minutes, on a sample of faces: one label that only looks wrong, one "
                "that is, and what to do about them."
            ),
            self,
        )
        self._words.setWordWrap(True)
        self._words.setFixedWidth(_WIDTH)  # a word-wrapped text in the middle of a page needs one to find its height
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tour = QPushButton(tr("Take the tour"), self)
        self.tour.clicked.connect(tour.trigger)
        self.sample = QPushButton(tr("Open the sample"), self)
        self.sample.setToolTip(sample.toolTip())
        self.sample.clicked.connect(sample.trigger)
        self.decline = QPushButton(tr("No, thanks"), self)
        self.decline.clicked.connect(self.declined)
        row = QHBoxLayout()
        row.addStretch(1)
        for button in (self.tour, self.sample, self.decline):
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 20, 14)
        layout.setSpacing(10)
        layout.addWidget(self._words)
        layout.addLayout(row)
        self.invite(False)

    def invite(self, first: bool) -> None:
        """Whether this is somebody's first start."""
        self._words.setVisible(first)
        self.decline.setVisible(first)
        for button in (self.tour, self.sample):
            button.setFlat(not first)
        line = "1px solid palette(accent)" if first else "none"
        self.setStyleSheet(f"QFrame#offer {{ border: {line}; border-radius: 8px; }}")
