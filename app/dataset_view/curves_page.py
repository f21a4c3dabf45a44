"""Cumulative error curves: the labels of now, as they were first, of other sets and snapshots, against the prediction."""

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

from app.dataset_view.exporting import Table
from app.dataset_view.looks import Looks
from app.dataset_view.page import Compute, Page
from app.dataset_view.plot import DASHES, Plot, faded
from app.dataset_view.tables import Cell, Column, TitledTable, number
from app.dataset_view.words import percent_of
from app.jobs.dataset_numbers import LabelState, common
from app.texts import tr
from core.error_distribution import ErrorCurve, error_curve

THRESHOLDS = (0.05, 0.08, 0.1, 0.2)
_FIRST = 1

COLUMNS = (
    Column("Labels", "Which labels the prediction is compared with", 26),
    Column("Faces", "How many count: those that all of the chosen have a label of", 7),
    Column("Mean NME %", "Of the prediction against these labels", 11),
    Column("95 % interval", "Of the mean, from drawing people", 15),
    Column("Median %", "The NME that half of the faces have at most", 9),
    Column("95 % interval", "Of the median, from drawing people", 15),
    Column("FR %", "Failure rate: share of faces beyond the curve's end", 7),
    Column("AUC", "Area under the curve up to its end, from 0 to 1", 7),
)


class CurvesPage(Page):
    """Choose what is compared; a curve further left is nearer to the prediction."""

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(compute, parent)
        self.curves: list[tuple[LabelState, ErrorCurve]] = []
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("Labels to compare"))
        self.list.setToolTip(tr("Labels to compare; only faces that have all of them count."))
        self.end = QComboBox(self)
        for threshold in THRESHOLDS:
            self.end.addItem(f"{100 * threshold:g} %", threshold)
        self.end.setCurrentIndex(_FIRST)
        self.end.setToolTip(tr("Where the curve ends; faces beyond it are failures."))
        self.said = QLabel(
            tr("A curve says which share of faces has an NME of at most so much. Labels that were corrected move it to the left: "
               "towards the prediction, which need not mean towards the truth."), self,
        )  # fmt: skip
        self.said.setWordWrap(True)
        self.plot = Plot(
            tr("Error curves"), tr("Share of faces whose NME is at most so much, with 95 % intervals from drawing people."), self
        )
        self.plot.add_legend((-8, -8))
        self.figures = TitledTable(tr("Figures of the curves"), COLUMNS, self)
        self.table = self.figures.view
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

        def work() -> list[tuple[LabelState, ErrorCurve]]:
            if not chosen:
                return []
            there = common(chosen)
            made = [(state, error_curve(state.nmes * there, numbers.draws, threshold)) for state in chosen]
            return [(state, curve) for state, curve in made if curve is not None]

        self.compute("curves", work, self._show)

    def _show(self, curves: list[tuple[LabelState, ErrorCurve]]) -> None:
        self.curves = curves
        end = 100 * float(self.end.currentData())
        self.plot.show_drawing(self._draw, self._as_table, QRectF(-0.01 * end, -1.0, 1.02 * end, 102.0))
        self.plot.reset()
        self.plot.note.setText("" if curves else tr("no face has a label in all that are ticked"))
        self.table.values.show([_cells(state, curve) for state, curve in curves])

    def _draw(self, plot: Plot, looks: Looks) -> None:
        for place, (state, curve) in enumerate(self.curves):
            colour = looks.series[place % len(looks.series)]
            pen = pg.mkPen(colour, width=2, style=DASHES[place % len(DASHES)])
            x = 100 * curve.x
            edges = [pg.PlotCurveItem(x, 100 * side) for side in (curve.low, curve.high)]
            plot.item.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(faded(colour, 45))))
            plot.item.addItem(pg.PlotCurveItem(x, 100 * curve.share, pen=pen))
            plot.name(state_name(state), pen)

    def _words(self, x: float, y: float) -> str:
        for state, curve in self.curves:
            place = int(np.clip(round(x / 100 / curve.x[-1] * (len(curve.x) - 1)), 0, len(curve.x) - 1))
            if self.plot.nearest(x, y, np.array([[100 * curve.x[place], 100 * curve.share[place]]])) is not None:
                return tr(
                    "{labels}: {share:.1f} % of the faces have an NME of at most {nme:.2f} % ({low:.1f} to {high:.1f} %)",
                    labels=state_name(state), share=100 * curve.share[place], nme=100 * curve.x[place],
                    low=100 * curve.low[place], high=100 * curve.high[place],
                )  # fmt: skip
        return ""

    def _as_table(self) -> Table:
        rows = [
            [state_name(state), *(float(column[k]) for column in (curve.x, curve.share, curve.low, curve.high))]
            for state, curve in self.curves
            for k in range(len(curve.x))
        ]
        return Table(["labels", "NME", "share of faces", "95 % low", "95 % high"], rows)


def state_name(state: LabelState) -> str:
    """What labels are called."""
    if state.kind == "now":
        return tr("Labels of now")
    if state.kind == "first":
        return tr("Labels as they came first")
    return tr("Label set “{name}”", name=state.name) if state.kind == "set" else tr("Snapshot “{name}”", name=state.name)


def _cells(state: LabelState, curve: ErrorCurve) -> list[Cell]:
    def interval(low: float, high: float) -> Cell:
        return Cell(tr("{low} to {high}", low=number(100 * low).text, high=number(100 * high).text), 100 * low)

    return [
        Cell(state_name(state)), Cell(f"{curve.faces:,}", curve.faces), number(100 * curve.summary.mean),
        interval(*curve.mean), number(100 * curve.summary.median), interval(*curve.median), number(100 * curve.at.fr, 1),
        number(curve.at.auc, 3),
    ]  # fmt: skip
