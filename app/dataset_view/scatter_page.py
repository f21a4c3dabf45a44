"""The labels of one landmark over all faces: along and across, with what is expected of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.dataset_view.exporting import Table
from app.dataset_view.looks import Looks
from app.dataset_view.map_page import SHARES, ellipses
from app.dataset_view.page import Compute, Page
from app.dataset_view.plot import Plot, faded
from app.dataset_view.tables import number
from app.dataset_view.words import CLASSES, class_of, percent_of, verdict_text
from app.texts import tr
from core.landmark_scatter import LandmarkScatter, landmark_scatter

_SYMBOLS = {"ok": "o", "ambiguous": "t1", "unsure": "d", "wrong": "s"}
_ALPHA = {"ok": 110, "ambiguous": 190, "unsure": 220, "wrong": 255}


class ScatterPage(Page):
    """A dot a face; click one to read about it, double click to go to it."""

    def __init__(self, compute: Compute, parent: QWidget | None = None) -> None:
        super().__init__(compute, parent)
        self.scatter: LandmarkScatter | None = None
        self.plot = Plot(
            tr("Labels of one landmark"),
            tr(
                "A dot is one face's label minus its predicted place, turned so that all contours run to the right: "
                "what "
                "is above lies to the left of the contour's direction. The filled ellipse is what the model "
                "expects, the outline how the labels really scatter. Dots far out across "
                "the contour are wrong more often than those far out along it."
            ), self,
        )  # fmt: skip
        self.plot.set_same_scale()
        self.plot.add_legend((-8, 8))
        self.landmark = QComboBox(self)
        self.landmark.setAccessibleName(tr("Landmark"))
        self.axes = QComboBox(self)
        self.axes.addItem(tr("Contour"), "contour")
        self.axes.addItem(tr("Ellipse"), "ellipse")
        self.axes.setToolTip(tr("What “along” is: the contour, in the order of its points, or each ellipse's long "
                                "axis."))
        self.share = QComboBox(self)
        for share in SHARES:
            self.share.addItem(f"{100 * share:g} %", share)
        self.share.setCurrentIndex(2)
        self.share.setToolTip(tr("How many of the right labels each ellipse is to hold."))
        self.said = QLabel(self)
        self.said.setText(tr("Click a dot to read about that face; a double click goes to it in the main window."))
        self.said.setWordWrap(True)
        self.said.setMinimumHeight(2 * self.fontMetrics().height())
        line = QHBoxLayout()
        for text, field in (
            (tr("&Landmark"), self.landmark), (tr("A&long the"), self.axes), (tr("&Ellipses hold"), self.share),
        ):  # fmt: skip
            caption = QLabel(text, self)
            caption.setBuddy(field)
            line.addWidget(caption)
            line.addWidget(field)
            line.addSpacing(10)
        line.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addLayout(line)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.said)
        self._shown: tuple[int, str] | None = None
        self._chosen: int | None = None
        self.landmark.currentIndexChanged.connect(self._landmark_changed)
        self.axes.currentIndexChanged.connect(lambda _place: self._work_out())
        self.share.currentIndexChanged.connect(lambda _place: self._redraw())
        self.plot.clicked.connect(self._clicked)
        self.plot.on_double = self._double
        self.plot.words = self._words

    def refresh(self) -> None:
        """The list of landmarks, and the chosen one's labels."""
        assert self.numbers is not None
        names = self.numbers.audit.scheme.points
        if [self.landmark.itemText(i) for i in range(self.landmark.count())] != list(names):
            self.landmark.blockSignals(True)
            self.landmark.clear()
            self.landmark.addItems(list(names))
            self.landmark.blockSignals(False)
        self.plot.set_axes(
            tr("along ({unit})", unit=percent_of(self.numbers.audit.scheme)), tr("across (%)"),
        )  # fmt: skip
        self._work_out()

    def choose_landmark(self, index: int) -> None:
        """Show that landmark."""
        if 0 <= index < self.landmark.count():
            self.landmark.setCurrentIndex(index)

    def _landmark_changed(self, index: int) -> None:
        self._work_out()
        self.landmark_chosen.emit(index)

    def _work_out(self) -> None:
        numbers, index, axes = self.numbers, self.landmark.currentIndex(), self.axes.currentData()
        if numbers is not None and index >= 0:
            work = partial(landmark_scatter, numbers.audit, index, axes)
            self.compute("scatter", work, lambda found: self._show(found, index, axes))

    def _show(self, found: LandmarkScatter, index: int, axes: str) -> None:
        self.scatter, self._chosen = found, None
        self.plot.show_drawing(self._draw, self._as_table)
        self.plot.say(self._counts(index))
        if self._shown != (index, axes):
            self._shown = (index, axes)
            self.plot.reset()

    def _counts(self, index: int) -> str:
        assert self.numbers is not None and self.scatter is not None
        there = int(np.isfinite(self.scatter.offsets).all(axis=1).sum())
        centre = self.scatter.centre
        return tr(
            "{count:,} labels; their middle is {along} % along and {across} % across from the prediction",
            count=there, along=number(float(centre[0])).text, across=number(float(centre[1])).text,
        )  # fmt: skip

    def _classes(self) -> list[str]:
        assert self.numbers is not None
        return [class_of(str(verdict)) for verdict in self.numbers.audit.verdicts[:, self.landmark.currentIndex()]]

    def _draw(self, plot: Plot, looks: Looks) -> None:
        assert self.numbers is not None and self.scatter is not None
        found, sigmas = self.scatter, float(self.numbers.figure.tail.radius(float(self.share.currentData())))
        zero = np.zeros((1, 2))
        for upright in (False, True):
            plot.zero_line(looks, upright)
        pen, brush = pg.mkPen(looks.predicted, width=1), pg.mkBrush(faded(looks.predicted, 50))
        plot.item.addItem(ellipses(zero, found.predicted[None], sigmas, pen, brush))
        plot.name(tr("predicted"), pen, brush, "o")
        outline = pg.mkPen(looks.labels, width=2)
        plot.item.addItem(ellipses(found.centre[None], found.actual[None], sigmas, outline, None))
        plot.name(tr("labels"), outline, None, "o")
        classes = np.array(self._classes())
        for name, title in CLASSES.items():
            places = found.offsets[(classes == name) & np.isfinite(found.offsets).all(axis=1)]
            if len(places):
                colour = pg.mkBrush(faded(looks.verdicts[name], _ALPHA[name]))
                looks_of_it: dict[str, Any] = {"symbol": _SYMBOLS[name], "pen": None, "brush": colour}
                size = 6 if name == "ok" else 9
                plot.item.addItem(pg.ScatterPlotItem(places[:, 0], places[:, 1], size=size, **looks_of_it))
                plot.name(f"{tr(title)} ({len(places):,})", **looks_of_it)
        if self._chosen is not None:
            x, y = found.offsets[self._chosen]
            plot.item.addItem(pg.ScatterPlotItem([x], [y], size=17, pen=pg.mkPen(looks.selected, width=2), brush=None))

    def _redraw(self) -> None:
        if self.scatter is not None:
            self.plot.redraw()

    def _as_table(self) -> Table:
        assert self.numbers is not None and self.scatter is not None
        audit, index = self.numbers.audit, self.landmark.currentIndex()
        header = ["image", "face", "landmark", "along %", "across %", "verdict"]
        rows = [
            [str(face.image), audit.numbers[place], audit.scheme.points[index], *self.scatter.offsets[place].tolist(),
             str(audit.verdicts[place, index])]
            for place, face in enumerate(audit.faces)
        ]  # fmt: skip
        return Table(header, rows)

    # -- faces

    def _at(self, x: float, y: float) -> int | None:
        return None if self.scatter is None else self.plot.nearest(x, y, self.scatter.offsets)

    def _clicked(self, x: float, y: float) -> None:
        face = self._at(x, y)
        if face is not None and self.numbers is not None:
            self._chosen = face
            self.said.setText(self._sentence(face))
            self._redraw()

    def _double(self, x: float, y: float) -> bool:
        face = self._at(x, y)
        if face is not None:
            self.wanted.emit(face, self.landmark.currentIndex())
        return face is not None

    def _words(self, x: float, y: float) -> str:
        face = self._at(x, y)
        return "" if face is None else self._sentence(face)

    def _sentence(self, face: int) -> str:
        assert self.numbers is not None
        audit, index = self.numbers.audit, self.landmark.currentIndex()
        verdict = verdict_text(str(audit.verdicts[face, index]))
        return f"{audit.faces[face].image.name} ({verdict}): {audit.point(face, index).text}"
