"""The map of ambiguity, the table of landmarks, and the worst faces of the one that is chosen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainterPath
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGraphicsPathItem,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.dataset_view.columns import LANDMARKS
from app.dataset_view.exporting import Row, Table
from app.dataset_view.landmark_table import landmark_numbers, landmark_rows, landmark_words
from app.dataset_view.looks import Looks
from app.dataset_view.page import Compute, Page
from app.dataset_view.plot import Plot, faded
from app.dataset_view.tables import TitledTable
from app.dataset_view.words import percent_of
from app.dataset_view.worst_faces import WorstFaces
from app.texts import tr
from core.ambiguity import ellipse_axes, ellipse_points
from core.face import FloatArray
from core.geometry import region_spline

SHARES = (0.5, 0.9, 0.95, 0.99)
_MARGIN = 14.0
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class MapPage(Page):
    """Choose a landmark on the map or in the table: the other follows, and its worst faces are listed."""

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(compute, parent)
        self.chosen: int | None = None
        self.map = Plot(
            tr("Map of ambiguity"),
            tr(
                "All faces laid over each other. Filled ellipses are what the model expects, calibrated; outlines "
                "are how "
                "the labels really scatter. An outline that is larger than its ellipse means labels that are less "
                "sure than "
                "the model thinks; one beside it, a habit of this data set."
            ), self,
        )  # fmt: skip
        self.map.set_plain()
        self.map.add_legend((8, 4), columns=2)
        self.scale = ScaleBar(self.map)
        self.landmarks = TitledTable(tr("Landmarks"), LANDMARKS, self)
        self.table = self.landmarks.view
        self.worst = WorstFaces(self)
        self._quiet = False
        self._compose()
        self.map.clicked.connect(self._map_clicked)
        self.map.on_double = self._map_double
        self.map.on_key = self._map_key
        self.map.words = self._map_words
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._table_chosen())
        self.table.row_activated.connect(lambda _row: self.worst.go_to_first())
        self.worst.wanted.connect(self.wanted)

    def _compose(self) -> None:
        self.predicted = QCheckBox(tr("&Predicted"), self)
        self.predicted.setToolTip(tr("Filled: the mean calibrated covariance that the model predicts for each "
                                     "landmark."))
        self.actual = QCheckBox(tr("&Labels"), self)
        self.actual.setToolTip(tr("Outlines: how the labels really scatter about the prediction, and where their "
                                  "middle is."))
        self.indices = QCheckBox(tr("&Numbers"), self)
        self.indices.setToolTip(tr("The index of each landmark."))
        self.share = QComboBox(self)
        for share in SHARES:
            self.share.addItem(f"{100 * share:g} %", share)
        self.share.setToolTip(tr("How many of the right labels each ellipse is to hold."))
        self.share.setAccessibleName(tr("Share of labels in the ellipses"))
        line = QHBoxLayout()
        for box in (self.predicted, self.actual, self.indices):
            box.setChecked(box is not self.indices)
            box.toggled.connect(lambda _on: self._redraw())
            line.addWidget(box)
        caption = QLabel(tr("Ellipses hold"), self)
        line.addSpacing(8)
        line.addWidget(caption)
        line.addWidget(self.share)
        line.addStretch(1)
        self.share.currentIndexChanged.connect(lambda _place: self._redraw())
        left = QWidget(self)
        inside = QVBoxLayout(left)
        inside.setContentsMargins(0, 0, 4, 0)
        inside.addWidget(self.map, 1)
        inside.addLayout(line)
        lower = QSplitter(Qt.Orientation.Vertical, self)
        lower.addWidget(self.landmarks)
        lower.addWidget(self.worst)
        lower.setSizes([420, 300])
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(left)
        split.addWidget(lower)
        split.setSizes([560, 640])
        for part in (split, lower):
            part.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(split)

    # -- filling

    def refresh(self) -> None:
        """Table, map and list from the numbers."""
        assert self.numbers is not None
        numbers = self.numbers
        self._quiet = True
        self.table.values.show(landmark_rows(numbers))
        self.landmarks.table = lambda: landmark_numbers(numbers)
        self._quiet = False
        if self.chosen is not None and self.chosen >= len(self.numbers.landmarks):
            self.chosen = None
        self.map.show_drawing(self._draw, self._as_table, self._home())
        if not self.map.note.text():
            self.map.say(tr("click a landmark"))
            self.map.reset()
        self.worst.show_landmark(self.numbers, self.chosen)

    def _home(self) -> QRectF:
        assert self.numbers is not None
        mean = self.numbers.figure.mean
        low, high = np.nanmin(mean, axis=0) - _MARGIN, np.nanmax(mean, axis=0) + _MARGIN
        return QRectF(*low, *(high - low))

    def _redraw(self) -> None:
        if self.numbers is not None:
            self.map.redraw()

    def _draw(self, plot: Plot, looks: Looks) -> None:
        assert self.numbers is not None
        figure, scheme = self.numbers.figure, self.numbers.audit.scheme
        sigmas = float(figure.tail.radius(float(self.share.currentData())))
        curves = [region_spline(figure.mean, region) for region in scheme.regions]
        drawn = _joined([np.asarray(curve, np.float64) for curve in curves if len(curve) > 1])
        thin = pg.mkPen(looks.faint, width=1)
        plot.item.addItem(pg.PlotCurveItem(drawn[:, 0], drawn[:, 1], pen=thin, connect="finite"))
        if self.predicted.isChecked():
            pen, brush = pg.mkPen(looks.predicted, width=1), pg.mkBrush(faded(looks.predicted, 80))
            plot.item.addItem(ellipses(figure.mean, figure.predicted, sigmas, pen, brush))
            plot.name(tr("predicted"), pen, brush, "o")
        if self.actual.isChecked():
            pen = pg.mkPen(looks.labels, width=2)
            plot.item.addItem(ellipses(figure.centre, figure.actual, sigmas, pen, None))
            plot.name(tr("labels"), pen, None, "o")
        plot.item.addItem(
            pg.ScatterPlotItem(figure.mean[:, 0], figure.mean[:, 1], size=4, pen=None, brush=pg.mkBrush(looks.text))
        )
        if self.indices.isChecked():
            for index, (x, y) in enumerate(figure.mean.tolist()):
                text = pg.TextItem(str(index), color=looks.text, anchor=(-0.2, 1.0))
                text.setPos(x, y)
                plot.item.addItem(text, ignoreBounds=True)
        self._draw_chosen(plot, looks)
        self.scale.draw(looks, percent_of(scheme))

    def _draw_chosen(self, plot: Plot, looks: Looks) -> None:
        if self.chosen is None or self.numbers is None:
            return
        x, y = self.numbers.figure.mean[self.chosen]
        ring = pg.ScatterPlotItem([x], [y], size=17, pen=pg.mkPen(looks.selected, width=2), brush=None)
        text = pg.TextItem(
            self.numbers.audit.scheme.points[self.chosen], color=looks.text, anchor=(0.5, 1.6),
            fill=pg.mkBrush(faded(looks.background, 200)),
        )  # fmt: skip
        text.setPos(x, y)
        plot.item.addItem(ring)
        plot.item.addItem(text, ignoreBounds=True)

    def _as_table(self) -> Table:
        """The ellipses in numbers: one standard deviation, before any scaling by the share."""
        assert self.numbers is not None
        figure = self.numbers.figure
        header = ["index", "landmark", "mean x %", "mean y %", "predicted sigma along %", "predicted sigma across %",
                  "predicted angle deg", "labels x %", "labels y %", "labels sigma along %", "labels sigma across %",
                  "labels angle deg"]  # fmt: skip
        predicted, actual = ellipse_axes(figure.predicted), ellipse_axes(figure.actual)
        rows: list[Row] = []
        for index, name in enumerate(self.numbers.audit.scheme.points):
            parts = [[float(axes[0][index]), float(axes[1][index]), math.degrees(float(axes[2][index]))]
                     for axes in (predicted, actual)]  # fmt: skip
            rows.append([index, name, *figure.mean[index], *parts[0], *figure.centre[index], *parts[1]])
        return Table(header, rows)

    # -- choosing

    def choose_landmark(self, index: int) -> None:
        """Choose a landmark everywhere on the page."""
        if self.numbers is None or index == self.chosen or not 0 <= index < len(self.numbers.landmarks):
            return
        self.chosen = index
        self._quiet = True
        self.table.choose(index)
        self._quiet = False
        self.map.say("")
        self._redraw()
        self.worst.show_landmark(self.numbers, index)
        self.landmark_chosen.emit(index)

    def _at(self, x: float, y: float) -> int | None:
        return None if self.numbers is None else self.map.nearest(x, y, self.numbers.figure.mean)

    def _map_clicked(self, x: float, y: float) -> None:
        index = self._at(x, y)
        if index is not None:
            self.choose_landmark(index)

    def _map_double(self, x: float, y: float) -> bool:
        if self._at(x, y) is None:
            return False
        self.worst.go_to_first()
        return True

    def _map_key(self, key: int) -> bool:
        if key in _STEPS and self.numbers is not None:
            count = len(self.numbers.landmarks)
            self.choose_landmark(0 if self.chosen is None else (self.chosen + _STEPS[Qt.Key(key)]) % count)
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.worst.go_to_first()
            return True
        return False

    def _map_words(self, x: float, y: float) -> str:
        index = self._at(x, y)
        return "" if index is None or self.numbers is None else landmark_words(self.numbers, index)

    def _table_chosen(self) -> None:
        row = self.table.chosen()
        if not self._quiet and row is not None:
            self.choose_landmark(row)


class ScaleBar:
    """A round length in the lower left corner of what is seen of a map."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self._unit = ""
        self._line = pg.PlotCurveItem()
        self._text = pg.TextItem(anchor=(0.0, 1.0))
        plot.box.sigRangeChanged.connect(lambda *_: self._place())

    def draw(self, looks: Looks, unit: str) -> None:
        """Put it into the chart that was cleared; `unit` says what lengths are in."""
        self._unit = unit
        self._line.setPen(pg.mkPen(looks.text, width=2))
        self._text.setColor(looks.text)
        self._plot.item.addItem(self._line, ignoreBounds=True)
        self._plot.item.addItem(self._text, ignoreBounds=True)
        self._place()

    def _place(self) -> None:
        (left, right), (low, high) = self._plot.box.viewRange()
        length = round_length((right - left) / 4)
        x, y = left + 0.03 * (right - left), high - 0.03 * (high - low)
        tick = 0.008 * (high - low)
        end = x + length
        self._line.setData([x, x, x, end, end, end], [y - tick, y + tick, y, y, y - tick, y + tick])
        self._text.setText(f"{length:g} {self._unit}")
        self._text.setPos(x, y - tick)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20 … (and their tenths) up to `most` > 0."""
    step = 10.0 ** math.floor(math.log10(most))
    return next(step * part for part in (5.0, 2.0, 1.0) if step * part <= most)


def ellipses(centres: FloatArray, covariances: FloatArray, sigmas: float, pen: Any, brush: Any) -> QGraphicsPathItem:
    """All ellipses as one thing to draw; unknown ones are left out."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)  # else there are holes where two overlap
    for points in ellipse_points(centres, covariances, sigmas):
        if np.isfinite(points).all():
            path.moveTo(*points[0])
            for x, y in points[1:].tolist():
                path.lineTo(x, y)
            path.closeSubpath()
    item = QGraphicsPathItem(path)
    item.setPen(pen)
    if brush is not None:
        item.setBrush(brush)
    return item


def _joined(curves: list[FloatArray]) -> FloatArray:
    """Curves (K, 2) one after the other with a gap between them."""
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for curve in curves for part in (curve, gap)] or [gap])
