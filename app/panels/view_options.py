"""The view dock: layers, ellipses, and the threshold that flags ambiguous points."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

_SCALE_RANGE = (0.1, 3.0)
_THRESHOLD_RANGE = (1.0, 4.0)
_POINT_RANGE = (0.5, 2.5)
_STEPS_PER_UNIT = 20


class NumberSlider(QWidget):
    """A slider with a caption and its value. Signal: changed(value)."""

    changed = Signal(float)

    def __init__(
        self, caption: str, tip: str, span: tuple[float, float], value: float, unit: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._unit = unit
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(round(span[0] * _STEPS_PER_UNIT), round(span[1] * _STEPS_PER_UNIT))
        self.slider.setPageStep(_STEPS_PER_UNIT // 4)
        self.slider.setAccessibleName(caption)
        self.shown = QLabel(self)
        title = QLabel(caption, self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addWidget(title, 0, 0)
        layout.addWidget(self.shown, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.slider, 1, 0, 1, 2)
        self.setToolTip(tip)
        self.slider.setValue(round(value * _STEPS_PER_UNIT))
        self._show()
        self.slider.valueChanged.connect(self._moved)

    def value(self) -> float:
        """The value as shown."""
        return self.slider.value() / _STEPS_PER_UNIT

    def _show(self) -> None:
        self.shown.setText(f"{self.value():.2f}{self._unit}")

    def _moved(self) -> None:
        self._show()
        self.changed.emit(self.value())


class ViewPanel(QWidget):
    """Switches and sliders. The layer buttons are the actions themselves, so that keys and menus stay in step.

    Signals:
        changed(): any slider or sigma level changed.
    """

    changed = Signal()

    def __init__(
        self,
        layers: list[QAction],
        sigmas: tuple[int, ...],
        ellipse_scale: float,
        point_size: float,
        threshold: float,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        grid = QGridLayout()
        grid.setSpacing(2)
        for i, action in enumerate(layers):
            grid.addWidget(self._button(action), i // 2, i % 2)
        self._sigmas = {k: QCheckBox(f"{k} σ", self) for k in (1, 2, 3)}
        line = QHBoxLayout()
        line.addWidget(QLabel("Ellipse levels", self), 1)
        for k, box in self._sigmas.items():
            box.setChecked(k in sigmas)
            box.setToolTip(f"Draw the ellipse {k} standard deviation{'s' if k > 1 else ''} from the mean")
            box.toggled.connect(lambda _on: self.changed.emit())
            line.addWidget(box)
        self.scale = NumberSlider(
            "Ellipse scale", "Draws ellipses smaller or larger than they are; the legend says it.", _SCALE_RANGE,
            ellipse_scale, " ×", self,
        )  # fmt: skip
        self.point_size = NumberSlider(
            "Point size", "Size of the marks on screen.", _POINT_RANGE, point_size, " ×", self
        )
        self.threshold = NumberSlider(
            "Ambiguous above",
            "A point whose ellipse is at least this many times longer than wide is flagged: along the long axis its "
            "place on the contour is a matter of convention.",
            _THRESHOLD_RANGE, threshold, "", self,
        )  # fmt: skip
        self.count = QLabel(self)
        for slider in (self.scale, self.point_size, self.threshold):
            slider.changed.connect(lambda _v: self.changed.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addLayout(grid)
        layout.addLayout(line)
        layout.addWidget(self.scale)
        layout.addWidget(self.point_size)
        layout.addWidget(self.threshold)
        layout.addWidget(self.count)
        layout.addStretch(1)
        self.show_count(None, 0)

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(18, 18))
        policy = button.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        button.setSizePolicy(policy)
        return button

    def sigmas(self) -> tuple[int, ...]:
        """The sigma levels that are switched on."""
        return tuple(k for k, box in self._sigmas.items() if box.isChecked())

    def show_count(self, flagged: int | None, total: int) -> None:
        """Tell how many points of the active face are flagged; None where there is no prediction."""
        if flagged is None:
            self.count.setText("Flags appear once the face is predicted.")
        else:
            self.count.setText(f"▲ {flagged} of {total} points of this face are ambiguous")
