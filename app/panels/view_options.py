"""The view dock: layers, marks and their colours; further pages are added by who fills them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.canvas.colours import PALETTES, RGB, chosen, text_of
from app.panels.sliders import NumberSlider, OpacitySlider
from app.settings import Settings
from app.texts import in_sentence, tr, tr_count

_SCALE_RANGE = (0.1, 3.0)
_THRESHOLD_RANGE = (1.0, 4.0)
_POINT_RANGE = (0.5, 2.5)
_TEXT_RANGE = (9.0, 20.0)

_ROWS: tuple[tuple[str, str, str], ...] = (
    ("labels", "labels", ""),
    ("predictions", "predictions", ""),
    ("ellipses", "ellipses", ""),
    ("curves", "curves", ""),
    ("deviations", "deviations", ""),
    ("heatmap", "heatmap", ""),
    ("edges", "edges", ""),
    ("others", "", "Other label sets"),
    ("photo", "", "Photo"),
)
"""Rows with an opacity: name of the opacity, of the action that switches the layer or "", and a caption without one."""
_PAIRS = (("points", "boxes"), ("numbers", "names"), ("verdicts",))
_TIPS = {
    "others": "Which sets are drawn is chosen in the Face dock; the legend names them.",
    "photo": "Fades the photo, so that marks stand out. Tones are on the Photo page.",
}
_OWN = (("label_colour", "Labels"), ("prediction_colour", "Predictions"), ("others_colour", "Other labels"))


class LayersPage(QWidget):
    """A button a layer; beside it how opaque it is. The buttons are the actions, so that keys and menus stay in step.

    Signals:
        changed(): any opacity changed.
    """

    changed = Signal()

    def __init__(self, actions: Callable[[str], QAction], settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.opacities: dict[str, OpacitySlider] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 10, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        line = 0
        for pair in _PAIRS:
            for column, name in enumerate(pair):
                grid.addWidget(self._button(actions(name)), line, column)
            line += 1
        for name, action, caption in _ROWS:
            title: QWidget
            if action:
                title = self._button(actions(action))
                caption = actions(action).text().replace("&", "")
            else:
                caption = tr(caption)
                title = QLabel(caption, self)
                title.setContentsMargins(6, 4, 0, 4)
                title.setToolTip(tr(_TIPS[name]))
            slider = OpacitySlider(in_sentence(caption), float(settings.value(f"opacity_{name}")), self)
            slider.valueChanged.connect(lambda _value: self.changed.emit())
            self.opacities[name] = slider
            grid.addWidget(title, line, 0)
            grid.addWidget(slider, line, 1)
            line += 1
            if name == "deviations":
                grid.addWidget(self._button(actions("split")), line, 0, 1, 2)
                line += 1
        grid.setRowStretch(line, 1)

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(18, 18))
        policy = button.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        button.setSizePolicy(policy)
        return button


class MarksPage(QWidget):
    """Sizes, levels, the threshold that flags ambiguous points, and colours.

    Signals:
        changed(): any of them changed.
    """

    changed = Signal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        levels = str(settings.value("sigma_levels")).split(",")
        self.sigmas = {k: QCheckBox(f"{k} σ", self) for k in (1, 2, 3)}
        line = QHBoxLayout()
        line.addWidget(QLabel(tr("Ellipse levels"), self), 1)
        for k, box in self.sigmas.items():
            box.setChecked(str(k) in levels)
            box.setToolTip(
                tr_count(
                    "Draw the ellipse {n} standard deviation from the mean",
                    "Draw the ellipse {n} standard deviations from the mean",
                    k,
                )
            )
            box.toggled.connect(lambda _on: self.changed.emit())
            line.addWidget(box)
        self.scale = NumberSlider(
            tr("Ellipse scale"), tr("Draws ellipses smaller or larger than they are; the legend says it."),
            _SCALE_RANGE, float(settings.value("ellipse_scale")), " ×", self,
        )  # fmt: skip
        self.threshold = NumberSlider(
            tr("Ambiguous above"),
            tr(
                "A point whose ellipse is at least this many times longer than wide is flagged: along the long axis "
                "its place on the contour is a matter of convention."
            ),
            _THRESHOLD_RANGE, float(settings.value("ambiguous_threshold")), "", self,
        )  # fmt: skip
        self.count = QLabel(self)
        self.point_size = NumberSlider(
            tr("Point size"),
            tr("Size of the marks on screen."),
            _POINT_RANGE,
            float(settings.value("point_size")),
            " ×",
            self,
        )
        self.text_size = NumberSlider(
            tr("Size of numbers and names"), tr("Height of the letters on screen."), _TEXT_RANGE,
            float(settings.value("text_size")), " px", self, 1,
        )  # fmt: skip
        for slider in (self.scale, self.threshold, self.point_size, self.text_size):
            slider.changed.connect(lambda _v: self.changed.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addLayout(line)
        for widget in (self.scale, self.threshold, self.count, self.point_size, self.text_size):
            layout.addWidget(widget)
        layout.addLayout(self._colours())
        layout.addStretch(1)

    def _colours(self) -> QFormLayout:
        self.palette_box = QComboBox(self)
        for name, (text, _colours) in PALETTES.items():
            self.palette_box.addItem(tr(text), name)
        self.palette_box.setCurrentIndex(max(0, self.palette_box.findData(self._settings.value("palette"))))
        self.palette_box.setToolTip(tr("Colours of the marks. Shapes say the same: discs, crosses, triangles, arrows."))
        self.palette_box.activated.connect(lambda _index: self._take_palette())
        self.own = {key: QPushButton(self) for key, _ in _OWN}
        form = QFormLayout()
        form.addRow(tr("&Colours"), self.palette_box)
        line = QHBoxLayout()
        for key, text in _OWN:
            button = self.own[key]
            button.setText(tr(text))
            button.setToolTip(
                tr(
                    "A colour of your own for {marks}; choosing a palette takes it back.",
                    marks=in_sentence(tr(text)),
                )
            )
            button.clicked.connect(lambda _on=False, key=key, text=text: self._choose(key, text))
            line.addWidget(button)
        form.addRow(line)
        self._show_swatches()
        return form

    def _take_palette(self) -> None:
        self._settings.set("palette", str(self.palette_box.currentData()))
        for key, _ in _OWN:
            self._settings.set(key, "")
        self._show_swatches()
        self.changed.emit()

    def _choose(self, key: str, text: str) -> None:
        colour = QColorDialog.getColor(
            QColor(*self._shown_colours()[key]),
            self,
            tr(
                "Colour for {marks}",
                marks=in_sentence(tr(text)),
            ),
        )
        if colour.isValid():
            self._settings.set(key, text_of((colour.red(), colour.green(), colour.blue())))
            self._show_swatches()
            self.changed.emit()

    def _shown_colours(self) -> dict[str, RGB]:
        own = [str(self._settings.value(key)) for key, _ in _OWN]
        colours = chosen(str(self._settings.value("palette")), *own)
        return dict(zip(self.own, (colours.label, colours.prediction, colours.other(0)), strict=True))

    def _show_swatches(self) -> None:
        for key, rgb in self._shown_colours().items():
            swatch = QPixmap(14, 14)
            swatch.fill(QColor(128, 128, 128))  # a frame, or white would be lost on a light button
            painter = QPainter(swatch)
            painter.fillRect(swatch.rect().adjusted(1, 1, -1, -1), QColor(*rgb))
            painter.end()
            self.own[key].setIcon(QIcon(swatch))


class ViewPanel(QWidget):
    """The pages of the view dock. What is chosen is kept in the settings.

    Signals:
        changed(): anything of layers and marks changed; `keep` puts it into the settings.
        page_changed(): another page is in front.
    """

    changed = Signal()
    page_changed = Signal()

    def __init__(self, actions: Callable[[str], QAction], settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._pages: dict[QWidget, int] = {}
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setAccessibleName(tr("Pages of the view dock"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.layers = LayersPage(actions, settings)
        self.marks = MarksPage(settings)
        self.count, self.threshold = self.marks.count, self.marks.threshold
        self.layers.changed.connect(self.changed)
        self.marks.changed.connect(self.changed)
        self.add_page(tr("Layers"), self.layers)
        self.add_page(tr("Marks"), self.marks)
        self.tabs.currentChanged.connect(lambda _index: self.page_changed.emit())
        self.show_count(None, 0)

    def add_page(self, title: str, page: QWidget) -> None:
        """Add a page; one that is higher than the dock scrolls."""
        scroll = QScrollArea(self)
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._pages[page] = self.tabs.addTab(scroll, title)

    def show_page(self, page: QWidget) -> None:
        """Bring a page to the front."""
        self.tabs.setCurrentIndex(self._pages[page])

    def is_shown(self, page: QWidget) -> bool:
        """Whether a page is the one in front."""
        return self.tabs.currentIndex() == self._pages[page]

    def keep(self) -> None:
        """Put what is chosen into the settings."""
        settings, marks = self._settings, self.marks
        settings.set("sigma_levels", ",".join(str(k) for k, box in marks.sigmas.items() if box.isChecked()))
        settings.set("ellipse_scale", marks.scale.value())
        settings.set("point_size", marks.point_size.value())
        settings.set("ambiguous_threshold", marks.threshold.value())
        settings.set("text_size", marks.text_size.value())
        for name, slider in self.layers.opacities.items():
            settings.set(f"opacity_{name}", slider.share())

    def show_count(self, flagged: int | None, total: int) -> None:
        """Tell how many points of the active face are flagged; None where there is no prediction."""
        if flagged is None:
            self.marks.count.setText(tr("Flags appear once the face is predicted."))
        else:
            self.marks.count.setText(
                tr(
                    "▲ {flagged} of {total} points of this face are ambiguous",
                    flagged=flagged,
                    total=total,
                )
            )
