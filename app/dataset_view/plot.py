"""A chart of pyqtgraph's with a title, the looks of the window, and ways to look closer and to take it along.

Only what is shown in the data-set window imports this: pyqtgraph takes a second to load.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyqtgraph as pg
from pyqtgraph.exporters import SVGExporter
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QToolTip, QVBoxLayout, QWidget

from app.dataset_view.exporting import Table
from app.dataset_view.looks import LIGHT, Looks, looks_of
from app.texts import tr

Drawing = Callable[["Plot", Looks], None]

_ZOOM = 1.25
_PAN = 0.1
_EXPORT_SCALE = 2
_FAR = 1e4
_ARROWS = {
    Qt.Key.Key_Left: (-_PAN, 0.0),
    Qt.Key.Key_Right: (_PAN, 0.0),
    Qt.Key.Key_Up: (0.0, _PAN),
    Qt.Key.Key_Down: (0.0, -_PAN),
}
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


class _View(pg.PlotWidget):
    """Hands keys without modifiers to `take` first."""

    def __init__(self, take: Callable[[int], bool], parent: QWidget) -> None:
        super().__init__(parent)
        self._take = take

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier & ~Qt.KeyboardModifier.ShiftModifier
        if plain and self._take(event.key()):
            event.accept()
        else:
            super().keyPressEvent(event)


class Plot(QWidget):
    """One chart. The mouse zooms by its wheel and pans; a double click, Home or 0 shows everything again.

    Signals:
        clicked(x, y): the chart was clicked there, in its own units.
        export_wanted(kind): "png", "svg" or "csv".

    Attributes:
        on_double: asked first about a double click (x, y); True if it meant something there.
        on_key: asked first about a key; True if it meant something.
        words: what is to be said of a place (x, y) under the mouse, "" for nothing.
    """

    clicked = Signal(float, float)
    export_wanted = Signal(str)

    def __init__(self, title: str, about: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.on_double: Callable[[float, float], bool] | None = None
        self.on_key: Callable[[int], bool] | None = None
        self.words: Callable[[float, float], str] | None = None
        self.table: Callable[[], Table] = lambda: Table((), ())
        self._draw: Drawing | None = None
        self._home: QRectF | None = None
        self.view = _View(self._key, self)
        self.item = self.view.getPlotItem()
        self.box = self.item.getViewBox()
        self.item.setMenuEnabled(False)
        self.item.hideButtons()
        self.legend: Any = None
        self.view.setAccessibleName(title)
        self.view.setAccessibleDescription(about)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.view.setStyleSheet("QGraphicsView { border: 1px solid transparent; }"
                                "QGraphicsView:focus { border-color: palette(accent); }")  # fmt: skip
        self.view.scene().sigMouseClicked.connect(self._clicked)
        self.view.scene().sigMouseMoved.connect(self._moved)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self._head(title, about))
        layout.addWidget(self.view, 1)
        self.item.layout.setContentsMargins(2, 6, 10, 8)  # the axes' names would be cut off
        self.redraw()

    def _head(self, title: str, about: str) -> QHBoxLayout:
        line = QHBoxLayout()
        name = QLabel(f"<b>{title}</b>", self)
        name.setToolTip(about)
        self.note = QLabel(self)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.reset_button = QToolButton(self)
        self.reset_button.setText(tr("Show all"))
        self.reset_button.setToolTip(tr("Show the whole chart again: also a double click on it, Home or 0. The wheel "
                                        "and + and - zoom, dragging and the arrow keys move it."))  # fmt: skip
        self.reset_button.clicked.connect(lambda _on=False: self.reset())
        self.export_button = QToolButton(self)
        self.export_button.setText(tr("Export"))
        self.export_button.setToolTip(tr("Save this chart as a picture or a drawing, or the numbers behind it."))
        self.export_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export_button.setAccessibleName(tr("Export “{title}”", title=title))
        menu = QMenu(self.export_button)
        for kind, text in (
            ("png", tr("&Picture (PNG, twice the size)…")),
            ("svg", tr("&Drawing (SVG)…")),
            ("csv", tr("&Numbers (CSV)…")),
        ):
            menu.addAction(text).triggered.connect(lambda _on=False, kind=kind: self.export_wanted.emit(kind))
        self.export_button.setMenu(menu)
        line.addWidget(name)
        line.addWidget(self.note, 1)
        line.addWidget(self.reset_button)
        line.addWidget(self.export_button)
        return line

    def say(self, text: str) -> None:
        """A few words beside the title."""
        self.note.setText(text)
        self.note.setToolTip(text)

    # -- drawing

    def set_axes(self, x: str, y: str) -> None:
        """Names of the axes, with their units."""
        for side, text in (("bottom", x), ("left", y)):
            axis = self.item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setLabel(text)
        self.item.showGrid(x=True, y=True, alpha=0.15)

    def set_plain(self) -> None:
        """A picture without axes, the same scale both ways, y downwards."""
        self.item.hideAxis("left")
        self.item.hideAxis("bottom")
        self.set_same_scale()

    def show_drawing(self, draw: Drawing, table: Callable[[], Table], home: QRectF | None = None) -> None:
        """Draw by `draw`, now and whenever the theme changes.

        Args:
            table: the numbers behind it.
            home: what "everything" is, in the chart's units; None for all that is drawn.
        """
        self._draw, self.table, self._home = draw, table, home
        self.redraw()

    def redraw(self, looks: Looks | None = None) -> None:
        """Draw again what is shown; the part that is looked at stays."""
        looks = looks or looks_of(self.palette())
        self.view.setBackground(looks.background)
        for side in ("left", "bottom"):
            axis = self.item.getAxis(side)
            axis.setPen(looks.faint)
            axis.setTextPen(looks.text)
        self.item.clear()
        if self.legend is not None:
            self.legend.clear()
            self.legend.setLabelTextColor(looks.text)
            self.legend.setBrush(pg.mkBrush(faded(looks.background, 200)))
        if self._draw is not None:
            self._draw(self, looks)

    def set_same_scale(self) -> None:
        """The same scale both ways, y downwards as in images."""
        self.box.setAspectLocked(True)
        self.box.invertY(True)

    def add_legend(self, offset: tuple[int, int], columns: int = 1) -> None:
        """Make room for names; `offset` px from a corner, negative from the right and the bottom."""
        self.legend = self.item.addLegend(offset=offset, labelTextSize="9pt", colCount=columns)

    def zero_line(self, looks: Looks, upright: bool) -> None:
        """A thin line through zero, which does not count where everything is to be seen.

        Not an endless one of pyqtgraph's: in its SVG that has no length.
        """
        ends, zeros = [-_FAR, _FAR], [0.0, 0.0]
        x, y = (zeros, ends) if upright else (ends, zeros)
        self.item.addItem(pg.PlotCurveItem(x, y, pen=pg.mkPen(looks.faint, width=1)), ignoreBounds=True)

    def name(self, text: str, pen: Any, brush: Any = None, symbol: str | None = None) -> None:
        """An entry of the legend: a line, or with `symbol` a mark."""
        if self.legend is not None:
            sample = pg.PlotDataItem(pen=pen)
            if symbol is not None:
                sample = pg.ScatterPlotItem(pen=pen, brush=brush, symbol=symbol, size=9)
            self.legend.addItem(sample, text)

    # -- what is looked at

    def reset(self) -> None:
        """Show everything."""
        if self._home is None:
            self.box.autoRange(padding=0.03)
        else:
            self.box.setRange(self._home, padding=0.0)

    def to_screen(self, x: float, y: float) -> QPoint:
        """Where a place of the chart is in `view`, px."""
        return self.view.mapFromScene(self.box.mapViewToScene(QPointF(x, y)))

    def nearest(self, x: float, y: float, places: Any, reach: float = 14.0) -> int | None:
        """Which of `places` (K, 2) is nearest to (x, y), no farther than `reach` px on screen; NaN are nowhere."""
        width, height = (abs(float(size)) for size in self.box.viewPixelSize())
        best, found = reach, None
        for index, (px, py) in enumerate(places.tolist()):
            distance = math.hypot((px - x) / width, (py - y) / height)
            if distance <= best:  # NaN is not
                best, found = distance, index
        return found

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            if event.button() == Qt.MouseButton.RightButton:
                self.export_button.menu().popup(event.screenPos().toPoint())
            return
        at = self.box.mapSceneToView(event.scenePos())
        if not event.double():
            self.clicked.emit(at.x(), at.y())
        elif self.on_double is None or not self.on_double(at.x(), at.y()):
            self.reset()

    def _moved(self, scene: QPointF) -> None:
        if self.words is None or not self.box.sceneBoundingRect().contains(scene):
            return
        at = self.box.mapSceneToView(scene)
        text = self.words(at.x(), at.y())
        QToolTip.showText(self.view.mapToGlobal(self.view.mapFromScene(scene)), text, self.view)

    def _key(self, key: int) -> bool:
        if self.on_key is not None and self.on_key(key):
            return True
        if key in (Qt.Key.Key_Home, Qt.Key.Key_0):
            self.reset()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.box.scaleBy((1 / _ZOOM, 1 / _ZOOM))
        elif key == Qt.Key.Key_Minus:
            self.box.scaleBy((_ZOOM, _ZOOM))
        elif key in _ARROWS:
            dx, dy = _ARROWS[Qt.Key(key)]
            (left, right), (low, high) = self.box.viewRange()
            turned = -1 if self.box.yInverted() else 1
            self.box.translateBy(x=dx * (right - left), y=turned * dy * (high - low))
        else:
            return False
        return True

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """The theme may be another one."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._draw is not None:
            self.redraw()

    # -- taking it along

    def as_image(self) -> QImage:
        """As it is looked at, on white, at twice the size on screen."""
        self.redraw(LIGHT)
        image = QImage(self.view.size() * _EXPORT_SCALE, QImage.Format.Format_RGB32)
        image.fill(QColor(LIGHT.background))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.view.render(painter, QRectF(image.rect()), self.view.viewport().rect())
        painter.end()
        self.redraw()
        return image

    def as_svg(self) -> str:
        """As it is looked at, on white, as the exporter of pyqtgraph writes it."""
        self.redraw(LIGHT)
        try:
            data: bytes = SVGExporter(self.item).export(toBytes=True)
        finally:
            self.redraw()
        return data.decode("utf-8")


def faded(colour: str, alpha: int) -> QColor:
    """A colour that lets things shine through; `alpha` of 255."""
    result = QColor(colour)
    result.setAlpha(alpha)
    return result
