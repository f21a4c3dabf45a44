"""What came of labelling faces again blind: first against second labels, by region."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.jobs.blind import Figures, Row
from app.texts import tr, tr_count

_FEW = 10
"""Fewer faces than this say little of single regions."""


class BlindResult(QDialog):
    """Stays open beside the canvas; the figures are also to be had from `starmark agreement`."""

    def __init__(self, found: Figures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("First and second labels"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.words = QLabel(_summary(found), self)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = _table(found, self)
        notes = QLabel(_notes(found), self)
        notes.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        buttons.setFocus()
        layout = QVBoxLayout(self)
        for widget in (self.words, self.table, notes, buttons):
            layout.addWidget(widget)
        self.resize(620, 520)


def _summary(found: Figures) -> str:
    total, sample = found.rows[-1], found.sample
    faces = tr_count("{n:,} face", "{n:,} faces", found.faces)
    return tr(
        "{faces} of {annotator}: second labels lie {apart} from the first ones (“{first}”) on average, {low} to {high} "
        "with a probability of 95 %. Krippendorff's alpha is {alpha}.",
        faces=faces, annotator=sample.annotator, first=sample.first_set, apart=_percent(total.apart),
        low=_percent(total.low), high=_percent(total.high),
        alpha="–" if math.isnan(found.alpha) else f"{found.alpha:.2f}",
    )  # fmt: skip


def _notes(found: Figures) -> str:
    text = tr(
        "Lengths are in % of the distance that NMEs are divided by. Scatter is the standard deviation of one label, "
        "along the contour and across it. A shift is how far second labels lie further along the contour than first "
        "ones."
    )
    sample = found.sample
    text += "\n" + tr(
        "All figures by landmark: agreement --sets “{first}” “{second}” --json", first=sample.first_set,
        second=sample.label_set,
    )  # fmt: skip
    if found.faces < _FEW:
        text += "\n" + tr("So few faces say little of single regions; scatter and shift need five at least.")
    return text


def _table(found: Figures, parent: QWidget) -> QTableWidget:
    heads = (tr("Region"), tr("Apart"), tr("Scatter along"), tr("Scatter across"), tr("Shift along"))
    table = QTableWidget(len(found.rows), len(heads), parent)
    table.setHorizontalHeaderLabels(heads)
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setAlternatingRowColors(True)
    table.setAccessibleName(tr("Agreement by region"))
    for line, row in enumerate(found.rows):
        for column, text in enumerate(_cells(row)):
            item = QTableWidgetItem(text)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if line == len(found.rows) - 1:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            table.setItem(line, column, item)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table


def _cells(row: Row) -> tuple[str, ...]:
    shift = "–" if math.isnan(row.habit) else f"{row.habit:+.2f} %"
    return row.region or tr("All regions"), _percent(row.apart), _percent(row.along), _percent(row.across), shift


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f} %"
