"""A slider with its number, in two shapes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from app.texts import tr

_STEPS_PER_UNIT = 20


_OWN_KEYS = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
    Qt.Key.Key_Home, Qt.Key.Key_End,
)  # fmt: skip


class KeySlider(QSlider):
    """A horizontal slider whose keys move it even where the window has other uses for them, such as turning images."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def event(self, event: QEvent) -> bool:
        """Claim the keys before they become shortcuts."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in _OWN_KEYS
            and event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        ):
            event.accept()
            return True
        return super().event(event)


class NumberSlider(QWidget):
    """A slider with a caption and its value. Signal: changed(value)."""

    changed = Signal(float)

    def __init__(
        self, caption: str, tip: str, span: tuple[float, float], value: float, unit: str, parent: QWidget,
        steps: int = _STEPS_PER_UNIT,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._unit, self._steps = unit, steps
        self.slider = KeySlider(self)
        self.slider.setRange(round(span[0] * steps), round(span[1] * steps))
        self.slider.setPageStep(max(steps // 4, 1))
        self.slider.setAccessibleName(caption)
        self.shown = QLabel(self)
        title = QLabel(caption, self)
        title.setBuddy(self.slider)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addWidget(title, 0, 0)
        layout.addWidget(self.shown, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.slider, 1, 0, 1, 2)
        self.setToolTip(tip)
        self.slider.setValue(round(value * self._steps))
        self._show()
        self.slider.valueChanged.connect(self._moved)

    def value(self) -> float:
        """The value as shown."""
        return self.slider.value() / self._steps

    def set_value(self, value: float) -> None:
        """Go to the nearest step."""
        self.slider.setValue(round(value * self._steps))

    def _show(self) -> None:
        self.shown.setText(f"{self.value():.{2 if self._steps > 1 else 0}f}{self._unit}".replace("-", "\N{MINUS SIGN}"))

    def _moved(self) -> None:
        self._show()
        self.changed.emit(self.value())


class OpacitySlider(KeySlider):
    """How opaque a layer is, in steps of five percent."""

    def __init__(self, layer: str, value: float, parent: QWidget) -> None:
        super().__init__(parent)
        self.setRange(0, 20)
        self.setPageStep(4)
        self._layer = layer
        self.setAccessibleName(tr("Opacity of {layer}", layer=layer))
        self.setValue(round(20 * value))
        self.valueChanged.connect(lambda _value: self._say())
        self._say()

    def share(self) -> float:
        """0 to 1."""
        return self.value() / 20

    def _say(self) -> None:
        self.setToolTip(tr("Opacity of {layer}: {n} %", layer=self._layer, n=5 * self.value()))
