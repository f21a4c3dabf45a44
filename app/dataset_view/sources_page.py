"""Dialects: whether the labels of a folder, a tag or a label set lie elsewhere along the contours than the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QLabel, QSplitter, QVBoxLayout, QWidget

from app.dataset_view.columns import SOURCES
from app.dataset_view.exporting import Row, Table
from app.dataset_view.looks import Looks
from app.dataset_view.page import Compute, Page
from app.dataset_view.plot import Plot
from app.dataset_view.tables import Cell, TitledTable, number
from app.texts import tr, tr_later
from core.dialects import LEAST_PEOPLE, Dialect, DialectProfile, dialect_profile

SHOWN = 16
"""Comparisons in the chart, the surest; the table has all."""

_LEFT_OUT = 8
_NAMES_WIDTH = 180
"""Px beside the chart."""

KINDS = {"folder": tr_later("folder"), "tag": tr_later("tag"), "label set": tr_later("label set")}
MOTIONS = {"slide": tr_later("slide"), "stretch": tr_later("stretch")}


class SourcesPage(Page):
    """A table of comparisons, a chart of the surest, and the chosen one point by point."""

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(compute, parent)
        self.profile: DialectProfile | None = None
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.comparisons = TitledTable(tr("Comparisons of sources"), SOURCES, self)
        self.table = self.comparisons.view
        self.forest = Plot(
            tr("Offsets of sources"),
            tr("Each line is one comparison with its 95 % interval. Where it does not touch zero, labels of that "
               "source lie "
               "elsewhere; filled marks are more than chance among so many comparisons."), self,
        )  # fmt: skip
        self.contour = Plot(
            tr("Point by point"),
            tr("The chosen comparison for each point of its contour: mean difference to all other faces along the "
               "contour, "
               "with 95 % intervals."), self,
        )  # fmt: skip
        charts = QSplitter(Qt.Orientation.Horizontal, self)
        charts.addWidget(self.forest)
        charts.addWidget(self.contour)
        whole = QSplitter(Qt.Orientation.Vertical, self)
        whole.addWidget(self.comparisons)
        whole.addWidget(charts)
        whole.setSizes([280, 420])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.said)
        layout.addWidget(whole, 1)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._work_out())
        self.forest.clicked.connect(self._clicked)
        self.forest.words = self._words

    def refresh(self) -> None:
        """Everything from the numbers."""
        assert self.numbers is not None
        rows = self.numbers.dialects.rows
        self.said.setText(self._summary())
        self.table.values.show([_cells(row) for row in rows])
        self.comparisons.table = lambda: dialect_numbers(rows)
        for plot in (self.forest, self.contour):
            plot.set_axes("", "")
        self.forest.item.getAxis("bottom").setLabel(tr("offset along the contour (%)"))
        self.contour.item.getAxis("left").setLabel(tr("offset (%)"))
        self.forest.item.getAxis("left").setWidth(_NAMES_WIDTH)
        self.forest.show_drawing(self._draw_forest, lambda: dialect_numbers(rows[:SHOWN]), self._home())
        self.forest.reset()
        self.forest.say(tr("the surest {count}", count=SHOWN) if len(rows) > SHOWN else "")
        if rows and self.table.chosen() is None:
            self.table.choose(0)
        else:
            self._work_out()

    def _summary(self) -> str:
        assert self.numbers is not None
        found = self.numbers.dialects
        if not found.rows:
            return tr(
                "There is nothing to compare: it takes two folders, a tag or two label sets, of at least {least} "
                "people each.",
                least=LEAST_PEOPLE,
            )
        real = list(dict.fromkeys(row.source for row in found.rows if row.real))
        text = tr("No source differs from the others by more than chance.")
        if real:
            text = tr(
                "Labels of these sources lie elsewhere along a contour, more than chance explains: {names}.",
                names=", ".join(real),
            )
        left = list(dict.fromkeys(name for _, name in found.left_out))
        if left:
            names = ", ".join(left[:_LEFT_OUT]) + ("…" if left[_LEFT_OUT:] else "")
            text += " " + tr("Not compared, for too few people: {names}.", names=names)
        return text

    # -- the surest comparisons

    def _rows(self) -> list[Dialect]:
        return [] if self.numbers is None else self.numbers.dialects.rows[:SHOWN]

    def _home(self) -> QRectF | None:
        rows = self._rows()
        if not rows:
            return None
        ends = [0.0, *(end for row in rows for end in row.interval)]
        air = 0.05 * (max(ends) - min(ends))
        return QRectF(min(ends) - air, 0.5 - len(rows), max(ends) - min(ends) + 2 * air, len(rows))

    def _draw_forest(self, plot: Plot, looks: Looks) -> None:
        rows = self._rows()
        places = -np.arange(len(rows), dtype=np.float64)
        names = [f"{row.source}: {row.region.replace('_', ' ')}, {tr(MOTIONS[row.motion])}" for row in rows]
        plot.item.getAxis("left").setTicks([list(zip(places.tolist(), names, strict=True))])
        plot.zero_line(looks, upright=True)
        for place, row in zip(places.tolist(), rows, strict=True):
            colour = looks.labels if row.real else looks.text
            line = pg.PlotCurveItem(list(row.interval), [place, place], pen=pg.mkPen(colour, width=2))
            dot = pg.ScatterPlotItem(
                [row.offset], [place], size=10, pen=pg.mkPen(colour, width=2),
                brush=pg.mkBrush(colour if row.real else looks.background),
            )  # fmt: skip
            plot.item.addItem(line)
            plot.item.addItem(dot)

    def _row_at(self, y: float) -> int | None:
        place = round(-y)
        return place if 0 <= place < len(self._rows()) and abs(-y - place) < 0.45 else None

    def _clicked(self, _x: float, y: float) -> None:
        row = self._row_at(y)
        if row is not None:
            self.table.choose(row)

    def _words(self, _x: float, y: float) -> str:
        row = self._row_at(y)
        return "" if row is None else dialect_words(self._rows()[row])

    # -- one of them

    def _chosen(self) -> Dialect | None:
        row = self.table.chosen()
        return None if row is None or self.numbers is None else self.numbers.dialects.rows[row]

    def _work_out(self) -> None:
        numbers, row = self.numbers, self._chosen()
        if numbers is None or row is None:
            self.profile = None
            self.contour.say(tr("choose a comparison in the table"))
            self.contour.show_drawing(lambda _plot, _looks: None, lambda: Table((), ()))
            return
        self.compute(
            "profile", lambda: dialect_profile(numbers.audit, numbers.groups, row, numbers.label_sets),
            lambda found: self._show_profile(found, row),
        )  # fmt: skip

    def _show_profile(self, found: DialectProfile, row: Dialect) -> None:
        self.profile = found
        self.contour.say(dialect_words(row))
        self.contour.item.getAxis("bottom").setLabel(
            tr("point of the contour: {contour}", contour=row.region.replace("_", " "))
        )
        ends = np.concatenate([found.low, found.high, [0.0]])
        low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
        air = 0.06 * max(high - low, 1e-9)
        home = QRectF(-0.5, low - air, len(found.points), high - low + 2 * air)  # with zero in sight
        self.contour.show_drawing(self._draw_profile, self._profile_table, home)
        self.contour.reset()

    def _draw_profile(self, plot: Plot, looks: Looks) -> None:
        assert self.profile is not None
        found = self.profile
        x = np.arange(len(found.points), dtype=np.float64)
        plot.item.getAxis("bottom").setTicks([[(float(place), str(index)) for place, index in enumerate(found.points)]])
        plot.zero_line(looks, upright=False)
        known = np.isfinite(found.offset) & np.isfinite(found.low)
        bars = pg.ErrorBarItem(
            x=x[known], y=found.offset[known], top=(found.high - found.offset)[known],
            bottom=(found.offset - found.low)[known], beam=0.25, pen=pg.mkPen(looks.predicted, width=2),
        )  # fmt: skip
        plot.item.addItem(bars)
        plot.item.addItem(
            pg.ScatterPlotItem(x[known], found.offset[known], size=8, pen=None, brush=pg.mkBrush(looks.predicted))
        )

    def _profile_table(self) -> Table:
        assert self.profile is not None and self.numbers is not None
        found, names = self.profile, self.numbers.audit.scheme.points
        rows: list[Row] = [
            [index, names[index], float(found.offset[k]), float(found.low[k]), float(found.high[k])]
            for k, index in enumerate(found.points)
        ]
        return Table(["index", "landmark", "offset %", "95 % low", "95 % high"], rows)


def _cells(row: Dialect) -> list[Cell]:
    low, high = number(row.interval.low), number(row.interval.high)
    return [
        Cell(row.source), Cell(tr(KINDS[row.kind])), Cell(f"{row.faces:,}", row.faces),
        Cell(f"{row.people:,}", row.people), Cell(row.region.replace("_", " ")), Cell(tr(MOTIONS[row.motion])),
        number(row.offset),
        Cell(tr("{low} to {high}", low=low.text, high=high.text), row.interval.low), Cell(f"{row.p:.2g}", row.p),
        Cell(tr("yes") if row.real else tr("no")),
    ]  # fmt: skip


def dialect_numbers(rows: Sequence[Dialect]) -> Table:
    """Comparisons with their numbers as they are, for a file."""
    header = [
        *("source", "kind", "faces", "people", "contour", "motion"),
        *("offset %", "95 % low", "95 % high", "p adjusted", "more than chance"),
    ]
    cells: list[Row] = [
        [row.source, row.kind, row.faces, row.people, row.region, row.motion, row.offset, *row.interval, row.p,
         "yes" if row.real else "no"]
        for row in rows
    ]  # fmt: skip
    return Table(header, cells)


def dialect_words(row: Dialect) -> str:
    """A comparison in a sentence."""
    values = {
        "source": row.source, "contour": row.region.replace("_", " "), "offset": row.offset, "low": row.interval.low,
        "high": row.interval.high, "p": row.p,
    }  # fmt: skip
    if row.motion == "slide":
        return tr("{source}: {contour} slid by {offset:.2f} % ({low:.2f} to {high:.2f}), p {p:.2g}", **values)
    return tr("{source}: {contour} stretched by {offset:.2f} % ({low:.2f} to {high:.2f}), p {p:.2g}", **values)
