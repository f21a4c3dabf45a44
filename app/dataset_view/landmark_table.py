"""What is known of each landmark as a table."""

from __future__ import annotations

from app.dataset_view.tables import Cell, Column, number
from app.jobs.dataset_numbers import DatasetNumbers
from app.texts import tr
from core.verdicts import WRONG, Verdict

COLUMNS = (
    Column("No.", "Index of the landmark in the scheme", 5),
    Column("Landmark", "Its name", 19),
    Column("Region", "The contour that it lies on", 12),
    Column("σ along", "Median calibrated standard deviation along the ellipse's long axis, in % of the distance between "
           "the outer eye corners or whatever else NMEs are divided by", 9),
    Column("σ across", "The same across the long axis, %", 9),
    Column("Anis.", "Anisotropy: the larger σ over the smaller; 1 is a circle", 7),
    Column("Angle", "Between the ellipse's long axis and the contour, degrees: near 0, labels slip along it", 7),
    Column("Bias", "Median of label minus prediction along the contour, in the order of its points, %", 7),
    Column("95 % interval", "Of the bias, from drawing people; without 0 in it, the bias is a habit and not chance", 15),
    Column("Scatter", "How many times as wide as predicted the labels scatter", 8),
    Column("Off by", "Median distance of labels from where they are expected, %", 7),
    Column("ambiguous %", "Share of labels that differ along the contour, within what labels differ by there", 12),
    Column("wrong %", "Share of labels that are suspect, swapped or shifted", 9),
    Column("unsure %", "Share of labels that look wrong where the model itself is not sure", 10),
    Column("missing %", "Share of faces without a label", 10),
)  # fmt: skip


def landmark_rows(numbers: DatasetNumbers) -> list[list[Cell]]:
    """A row for each landmark, in the scheme's order."""
    rows = []
    for one in numbers.landmarks:
        row, shares = one.row, one.row.verdicts
        wrong = sum(shares.get(verdict.value, 0.0) for verdict in WRONG)
        low, high = number(one.interval.low), number(one.interval.high)
        rest = [shares.get(name.value, 0.0) for name in (Verdict.UNSURE, Verdict.MISSING)]
        rows.append(
            [
                Cell(str(row.index), row.index), Cell(row.name), Cell(row.region.replace("_", " ")),
                number(row.sigma_along), number(row.sigma_across), number(row.anisotropy), number(one.angle, 0),
                number(one.bias), Cell(tr("{low} to {high}", low=low.text, high=high.text), one.interval.low),
                number(numbers.figure.excess(row.index)), number(row.error),
                *(number(100 * share, 1) for share in (shares.get(Verdict.AMBIGUOUS.value, 0.0), wrong, *rest)),
            ]
        )  # fmt: skip
    return rows


def landmark_words(numbers: DatasetNumbers, index: int) -> str:
    """One landmark in a few words, for a tooltip."""
    one = numbers.landmarks[index]
    return tr(
        "{name}: σ {along:.2f} % along, {across:.2f} % across. Labels scatter {excess:.2f} times as wide.\n"
        "Bias along the contour {bias:.2f} % ({low:.2f} to {high:.2f} %).",
        name=one.row.name, along=one.row.sigma_along, across=one.row.sigma_across,
        excess=numbers.figure.excess(index), bias=one.bias, low=one.interval.low, high=one.interval.high,
    )  # fmt: skip
