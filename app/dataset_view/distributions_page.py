"""How far labels lie from where they are expected: histograms, and whether the ellipses hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.dataset_view.exporting import Row, Table
from app.dataset_view.looks import Looks
from app.dataset_view.page import Compute, Page
from app.dataset_view.plot import Plot, faded
from app.dataset_view.words import percent_of
from app.jobs.dataset_numbers import Distributions, distributions
from app.texts import tr
from core.coverage import OVERALL
from core.face import FloatArray


class DistributionsPage(Page):
    """Four charts of all landmarks, or of a region's."""

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(compute, parent)
        self.found: Distributions | None = None
        self.region = QComboBox(self)
        self.region.setAccessibleName(tr("Landmarks that count"))
        self.deviation = Plot(
            tr("Deviation"), tr("How far labels lie from where they are expected. The last bar holds all that are "
                                "farther."),
            self,
        )  # fmt: skip
        self.distance = Plot(
            tr("Mahalanobis distance"),
            tr("The same in standard deviations of the calibrated ellipses. The line is what right labels would do: "
               "bars "
               "above it on the far right are wrong labels."), self,
        )  # fmt: skip
        self.nme = Plot(
            tr("NME of faces"), tr("The mean distance between label and prediction of each face: all of its "
                                   "landmarks, whatever "
                                   "is chosen above."), self,
        )  # fmt: skip
        self.coverage = Plot(
            tr("Coverage"),
            tr("The share of labels inside ellipses of each size, with 95 % intervals. On the dashed line they hold "
               "exactly "
               "what they promise; above it they are too large."), self,
        )  # fmt: skip
        self.distance.add_legend((-8, 8))
        line = QHBoxLayout()
        caption = QLabel(tr("&Landmarks"), self)
        caption.setBuddy(self.region)
        line.addWidget(caption)
        line.addWidget(self.region)
        line.addStretch(1)
        grid = QGridLayout()
        grid.setSpacing(8)
        for place, plot in enumerate((self.deviation, self.distance, self.nme, self.coverage)):
            grid.addWidget(plot, place // 2, place % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addLayout(line)
        layout.addLayout(grid, 1)
        self._fresh = True
        self.region.currentIndexChanged.connect(lambda _place: self._work_out())
        self.deviation.words = lambda x, y: self._bar_words("deviation", x, y)
        self.distance.words = lambda x, y: self._bar_words("distance", x, y)
        self.nme.words = lambda x, y: self._bar_words("nme", x, y)
        self.coverage.words = self._coverage_words

    def refresh(self) -> None:
        """Everything from the numbers."""
        assert self.numbers is not None
        scheme = self.numbers.audit.scheme
        names = [OVERALL, *(region.name for region in scheme.regions)]
        if [self.region.itemData(i) for i in range(self.region.count())] != names:
            self.region.blockSignals(True)
            self.region.clear()
            for name in names:
                self.region.addItem(tr("all") if name == OVERALL else name.replace("_", " "), name)
            self.region.blockSignals(False)
        unit, share = percent_of(scheme), tr("share of labels (%)")
        self.deviation.set_axes(tr("deviation ({unit})", unit=unit), share)
        self.distance.set_axes(tr("distance (standard deviations)"), share)
        self.nme.set_axes(tr("NME ({unit})", unit=unit), tr("share of faces (%)"))
        self.coverage.set_axes(tr("share that the ellipse is to hold (%)"), tr("share of labels inside (%)"))
        self._work_out()

    def _work_out(self) -> None:
        numbers, region = self.numbers, self.region.currentData()
        if numbers is not None and region is not None:
            self.compute("distributions", lambda: distributions(numbers, region), self._show)

    def _show(self, found: Distributions) -> None:
        self.found = found
        self.deviation.show_drawing(
            lambda plot, looks: _bars(plot, looks, found.deviation.edges, found.deviation.share),
            lambda: _bins_table("deviation %", found.deviation.edges, found.deviation.share), _home(found.deviation),
        )  # fmt: skip
        self.distance.show_drawing(
            self._draw_distance,
            lambda: _bins_table("distance (sd)", found.distance.edges, found.distance.share, found.distance.expected),
            _home(found.distance),
        )
        self.nme.show_drawing(
            lambda plot, looks: _bars(plot, looks, found.nme.edges, found.nme.share),
            lambda: _bins_table("NME %", found.nme.edges, found.nme.share), _home(found.nme),
        )  # fmt: skip
        self.coverage.show_drawing(self._draw_coverage, self._coverage_table)
        self.deviation.say(tr("{count:,} labels", count=found.deviation.count))
        self.distance.say(tr("{count:,} labels", count=found.distance.count))
        low, high = found.mean_interval
        self.nme.say(
            tr("mean {mean:.2f} % ({low:.2f} to {high:.2f})", mean=found.mean_nme, low=low, high=high)
        )
        for plot in self.plots():
            plot.reset()

    # -- drawing

    def _draw_distance(self, plot: Plot, looks: Looks) -> None:
        assert self.found is not None
        found = self.found.distance
        _bars(plot, looks, found.edges, found.share)
        places = _closed(found.edges)
        middles = (places[:-1] + places[1:]) / 2
        pen = pg.mkPen(looks.labels, width=2, style=Qt.PenStyle.DashLine)
        plot.item.addItem(pg.PlotCurveItem(middles, 100 * found.expected, pen=pen))
        plot.name(tr("labels"), None, pg.mkBrush(faded(looks.predicted, 150)), "s")
        plot.name(tr("expected of right ones"), pen)

    def _draw_coverage(self, plot: Plot, looks: Looks) -> None:
        assert self.found is not None
        rows = self.found.coverage
        ideal = pg.mkPen(looks.faint, width=1, style=Qt.PenStyle.DashLine)
        plot.item.addItem(pg.PlotCurveItem([40, 100], [40, 100], pen=ideal))
        nominal, real, low, high = (
            100 * np.array(values)
            for values in zip(*((row.nominal, row.real, *row.interval) for row in rows), strict=True)
        )
        pen = pg.mkPen(looks.predicted, width=2)
        plot.item.addItem(pg.PlotCurveItem(nominal, real, pen=pen))
        plot.item.addItem(pg.ErrorBarItem(x=nominal, y=real, top=high - real, bottom=real - low, beam=1.0, pen=pen))
        plot.item.addItem(pg.ScatterPlotItem(nominal, real, size=8, pen=None, brush=pg.mkBrush(looks.predicted)))

    def _coverage_table(self) -> Table:
        assert self.found is not None
        rows: list[Row] = [
            [row.region, row.nominal, row.real, *row.interval] for row in self.found.coverage
        ]
        return Table(["region", "nominal", "real", "95 % low", "95 % high"], rows)

    # -- words

    def _bar_words(self, name: str, x: float, y: float) -> str:
        if self.found is None or x < 0:
            return ""
        found = getattr(self.found, name)
        places = _closed(found.edges)
        place = int(np.searchsorted(places, x, side="right")) - 1
        if not 0 <= place < len(found.share):
            return ""
        first, last = found.edges[place], found.edges[place + 1]
        reach = tr("{first:g} to {last:g}", first=first, last=last)
        if math.isinf(last):
            reach = tr("{first:g} and more", first=first)
        text = tr("{reach}: {share:.2f} %", reach=reach, share=100 * found.share[place])
        if name == "distance":
            text += tr(", expected {share:.2f} %", share=100 * found.expected[place])
        return text

    def _coverage_words(self, x: float, y: float) -> str:
        if self.found is None:
            return ""
        rows = self.found.coverage
        places = np.array([[100 * row.nominal, 100 * row.real] for row in rows]).reshape(-1, 2)
        place = self.coverage.nearest(x, y, places)
        if place is None:
            return ""
        row = rows[place]
        return tr(
            "{nominal:g} % ellipses hold {real:.1f} % of the labels ({low:.1f} to {high:.1f} %)",
            nominal=100 * row.nominal, real=100 * row.real, low=100 * row.interval.low, high=100 * row.interval.high,
        )  # fmt: skip


def _closed(edges: FloatArray) -> FloatArray:
    """Edges as they are drawn: the open bin as wide as the others."""
    return np.append(edges[:-1], 2 * edges[-2] - edges[-3])


def _home(found: object) -> QRectF:
    """All bars of a histogram with some air."""
    edges, share = _closed(found.edges), found.share  # type: ignore[attr-defined]
    top = 100 * max(float(share.max()), float(getattr(found, "expected", share).max()))
    return QRectF(float(-0.02 * edges[-1]), -0.01 * top, float(1.05 * edges[-1]), 1.1 * top)


def _bars(plot: Plot, looks: Looks, edges: FloatArray, share: FloatArray) -> None:
    places = _closed(edges)
    plot.item.addItem(
        pg.BarGraphItem(
            x0=places[:-1], x1=places[1:], y0=0, height=100 * share, pen=pg.mkPen(looks.background, width=1),
            brush=pg.mkBrush(faded(looks.predicted, 150)),
        )
    )  # fmt: skip


def _bins_table(name: str, edges: FloatArray, share: FloatArray, expected: FloatArray | None = None) -> Table:
    columns = [edges[:-1], np.where(np.isinf(edges[1:]), np.nan, edges[1:]), share]
    header = [f"{name} from", f"{name} to", "share"]
    if expected is not None:
        columns.append(expected)
        header.append("expected share")
    return Table(header, np.stack(columns, axis=1).tolist())
