"""Cumulative error curves: labels as they are, as they were first, of other sets and snapshots."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.dataset_view.columns import CURVES
from app.dataset_view.exporting import Row, Table
from app.dataset_view.looks import Looks
from app.dataset_view.page import Compute, Page
from app.dataset_view.plot import DASHES, Plot, faded
from app.dataset_view.tables import Cell, TitledTable, number
from app.dataset_view.words import percent_of
from app.jobs.dataset_numbers import Compared, LabelState, compared
from app.texts import tr

THRESHOLDS = (0.05, 0.08, 0.1, 0.2)
_FIRST = 1


class CurvesPage(Page):
    """Choose what is compared; a curve further left is nearer to the prediction."""

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(compute, parent)
        self.curves: list[Compared] = []
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("Labels to compare"))
        self.list.setToolTip(tr("Labels to compare; only faces that have all of them count."))
        self.end = QComboBox(self)
        for threshold in THRESHOLDS:
            self.end.addItem(f"{100 * threshold:g} %", threshold)
        self.end.setCurrentIndex(_FIRST)
        self.end.setToolTip(tr("Where the curve ends; faces beyond it are failures."))
        self.said = QLabel(
            tr("A curve says which share of faces has an NME of at most so much. Labels that were corrected move it "
               "to the left: "
               "towards the prediction, which need not mean towards the truth."), self,
        )  # fmt: skip
        self.said.setWordWrap(True)
        self.plot = Plot(
            tr("Error curves"), tr("Share of faces whose NME is at most so much, with 95 % intervals from drawing "
                                   "people."), self
        )
        self.plot.add_legend((-8, -8))
        self.figures = TitledTable(tr("Figures of the curves"), CURVES, self)
        self.table = self.figures.view
        self.table.horizontalHeader().setStretchLastSection(False)
        self._compose()
        self.list.itemChanged.connect(lambda _item: self._work_out())
        self.end.currentIndexChanged.connect(lambda _place: self._work_out())
        self.plot.words = self._words

    def _compose(self) -> None:
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 4, 0)
        column.addWidget(QLabel(f"<b>{tr('Labels to compare')}</b>", self))
        column.addWidget(self.list, 1)
        form = QFormLayout()
        form.addRow(tr("&Up to an NME of"), self.end)
        column.addLayout(form)
        column.addWidget(self.said)
        right = QSplitter(Qt.Orientation.Vertical, self)
        right.addWidget(self.plot)
        right.addWidget(self.figures)
        right.setSizes([480, 140])
        whole = QSplitter(Qt.Orientation.Horizontal, self)
        whole.addWidget(left)
        whole.addWidget(right)
        whole.setSizes([260, 900])
        for part in (right, whole):
            part.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(whole)

    def refresh(self) -> None:
        """The list of labels, what was ticked kept, and their curves."""
        assert self.numbers is not None
        before = {self.list.item(i).text(): self.list.item(i).checkState() for i in range(self.list.count())}
        self.list.blockSignals(True)
        self.list.clear()
        for state in self.numbers.states:
            item = QListWidgetItem(state_name(state), self.list)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            usual = Qt.CheckState.Checked if state.kind in ("now", "first") else Qt.CheckState.Unchecked
            item.setCheckState(before.get(item.text(), usual))
        self.list.blockSignals(False)
        self.plot.set_axes(
            tr("NME ({unit})", unit=percent_of(self.numbers.audit.scheme)), tr("share of faces (%)"),
        )  # fmt: skip
        self._work_out()

    def _work_out(self) -> None:
        numbers, threshold = self.numbers, float(self.end.currentData())
        if numbers is None:
            return
        chosen = [
            state for place, state in enumerate(numbers.states)
            if self.list.item(place).checkState() == Qt.CheckState.Checked
        ]  # fmt: skip

        self.compute("curves", lambda: compared(chosen, numbers.draws, threshold), self._show)

    def _show(self, curves: list[Compared]) -> None:
        self.curves = curves
        end = 100 * float(self.end.currentData())
        self.plot.show_drawing(self._draw, self._as_table, QRectF(-0.01 * end, -1.0, 1.02 * end, 105.0))
        self.plot.reset()
        self.plot.say("" if curves else tr("no face has a label in all that are ticked"))
        self.figures.table = self._figures
        self.table.values.show([_cells(one) for one in curves])

    def _draw(self, plot: Plot, looks: Looks) -> None:
        for place, one in enumerate(self.curves):
            curve = one.curve
            colour = looks.series[place % len(looks.series)]
            pen = pg.mkPen(colour, width=2, style=DASHES[place % len(DASHES)])
            x = 100 * curve.x
            edges = [pg.PlotCurveItem(x, 100 * side) for side in (curve.low, curve.high)]
            plot.item.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(faded(colour, 45))))
            plot.item.addItem(pg.PlotCurveItem(x, 100 * curve.share, pen=pen))
            plot.name(state_name(one.state), pen)

    def _words(self, x: float, y: float) -> str:
        for one in self.curves:
            curve = one.curve
            place = int(np.clip(round(x / 100 / curve.x[-1] * (len(curve.x) - 1)), 0, len(curve.x) - 1))
            if self.plot.nearest(x, y, np.array([[100 * curve.x[place], 100 * curve.share[place]]])) is not None:
                return tr(
                    "{labels}: {share:.1f} % of the faces have an NME of at most {nme:.2f} % ({low:.1f} to "
                    "{high:.1f} %)",
                    labels=state_name(one.state), share=100 * curve.share[place], nme=100 * curve.x[place],
                    low=100 * curve.low[place], high=100 * curve.high[place],
                )  # fmt: skip
        return ""

    def _as_table(self) -> Table:
        rows = [
            [state_name(one.state), *values]
            for one in self.curves
            for values in np.stack([one.curve.x, one.curve.share, one.curve.low, one.curve.high], axis=1).tolist()
        ]
        return Table(["labels", "NME", "share of faces", "95 % low", "95 % high"], rows)


    def _figures(self) -> Table:
        header = [
            *("labels", "faces", "mean NME", "95 % low", "95 % high", "change", "change 95 % low", "change 95 % high"),
            *("median NME", "median 95 % low", "median 95 % high", "threshold", "failure rate", "AUC"),
        ]
        rows: list[Row] = [
            [state_name(one.state), one.curve.faces, one.curve.summary.mean, *one.curve.mean, one.change, *one.interval,
             one.curve.summary.median, *one.curve.median, float(one.curve.x[-1]), *one.curve.at]
            for one in self.curves
        ]  # fmt: skip
        return Table(header, rows)


def state_name(state: LabelState) -> str:
    """What labels are called."""
    if state.kind == "now":
        return tr("Labels of now")
    if state.kind == "first":
        return tr("Labels as they came first")
    if state.kind == "set":
        return tr("Label set “{name}”", name=state.name)
    return tr("Snapshot “{name}”", name=state.name)


def _cells(one: Compared) -> list[Cell]:
    curve = one.curve

    def interval(low: float, high: float) -> Cell:
        return Cell(tr("{low} to {high}", low=number(100 * low).text, high=number(100 * high).text), 100 * low)

    return [
        Cell(state_name(one.state)), Cell(f"{curve.faces:,}", curve.faces), number(100 * curve.summary.mean),
        interval(*curve.mean), number(100 * one.change), interval(*one.interval),
        number(100 * curve.summary.median), interval(*curve.median), number(100 * curve.at.fr, 1),
        number(curve.at.auc, 3),
    ]  # fmt: skip
