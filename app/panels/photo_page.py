"""The page of the view dock that changes the photo's tones for looking at it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.canvas.adjust import GAMMA_RANGE, NEUTRAL, Adjustment
from app.panels.sliders import NumberSlider
from app.texts import tr


class PhotoPage(QWidget):
    """Sliders and switches of an `Adjustment`.

    Signals:
        changed(): the adjustment is another one.
        auto_switched(on): tones are to be spread from black to white for each image, or no more.
    """

    changed = Signal()
    auto_switched = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quiet = False
        self.brightness = NumberSlider(tr("Brightness"), tr("Lighter or darker as a whole."), (-1, 1), 0, "", self)
        self.contrast = NumberSlider(
            tr("Contrast"), tr("Spreads tones about the middle, or draws them together."), (-1, 1), 0, "", self
        )
        self.gamma = NumberSlider(tr("Gamma"), tr("Above 1 shows more in the dark parts, below 1 in the light ones."),
                                  GAMMA_RANGE, 1, "", self)  # fmt: skip
        self.grey = QCheckBox(tr("&Grey"), self)
        self.grey.setToolTip(tr("Without colour: contours are often easier to see."))
        self.invert = QCheckBox(tr("In&vert"), self)
        self.invert.setToolTip(tr("Light for dark, as a negative."))
        self.auto = QCheckBox(tr("&Auto contrast"), self)
        self.auto.setToolTip(tr("Spreads the tones of each image from black to white. Moving a slider ends that."))
        self.reset = QPushButton(tr("&Reset"), self)
        self.reset.setToolTip(tr("Show photos as they are."))
        note = QLabel(tr("Only what you see changes: the file and the network's input stay as they are."), self)
        note.setWordWrap(True)
        note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        switches = QHBoxLayout()
        for switch in (self.auto, self.grey, self.invert):
            switches.addWidget(switch)
        switches.addStretch(1)
        switches.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        for slider in self._sliders():
            layout.addWidget(slider)
        layout.addLayout(switches)
        layout.addWidget(note)
        layout.addStretch(1)
        self._connect()
        self._update_reset()

    def _connect(self) -> None:
        for slider in self._sliders():
            slider.changed.connect(lambda _value: self._moved())
        for switch in (self.grey, self.invert):
            switch.toggled.connect(lambda _on: self._changed())
        self.auto.toggled.connect(self.auto_switched)
        self.reset.clicked.connect(lambda: self.show_adjustment(NEUTRAL, auto=False))

    def _sliders(self) -> tuple[NumberSlider, NumberSlider, NumberSlider]:
        return self.brightness, self.contrast, self.gamma

    def adjustment(self) -> Adjustment:
        """As the sliders and switches stand."""
        return Adjustment(
            self.brightness.value(), self.contrast.value(), self.gamma.value(), self.grey.isChecked(),
            self.invert.isChecked(),
        )  # fmt: skip

    def show_adjustment(self, adjustment: Adjustment, auto: bool) -> None:
        """Put sliders and switches so; tells of it once."""
        self._quiet = True
        self.brightness.set_value(adjustment.brightness)
        self.contrast.set_value(adjustment.contrast)
        self.gamma.set_value(adjustment.gamma)
        self.grey.setChecked(adjustment.grey)
        self.invert.setChecked(adjustment.invert)
        self._quiet = False
        if self.auto.isChecked() != auto:
            self.auto.setChecked(auto)
        self._changed()

    def _moved(self) -> None:
        if not self._quiet and self.auto.isChecked():
            self.auto.setChecked(False)
        self._changed()

    def _changed(self) -> None:
        if not self._quiet:
            self._update_reset()
            self.changed.emit()

    def _update_reset(self) -> None:
        self.reset.setEnabled(not self.adjustment().neutral or self.auto.isChecked())
