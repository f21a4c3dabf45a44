"""What is known of each landmark as a table."""

from __future__ import annotations

from app.dataset_view.exporting import Row, Table
from app.dataset_view.tables import Cell, number
from app.jobs.dataset_numbers import DatasetNumbers
from app.texts import tr
from core.verdicts import WRONG, Verdict


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


def landmark_numbers(numbers: DatasetNumbers) -> Table:
    """The table with its numbers as they are, for a file."""
    header = [
        "index", "landmark", "region", "sigma along %", "sigma across %", "anisotropy", "angle deg", "bias %",
        "bias 95 % low", "bias 95 % high", "scatter times predicted", "off by %",
        *(f"{verdict.value} share" for verdict in Verdict),
    ]  # fmt: skip
    rows: list[Row] = [
        [
            one.row.index, one.row.name, one.row.region, one.row.sigma_along, one.row.sigma_across, one.row.anisotropy,
            one.angle, one.bias, *one.interval, numbers.figure.excess(one.row.index), one.row.error,
            *(one.row.verdicts.get(verdict.value, 0.0) for verdict in Verdict),
        ]
        for one in numbers.landmarks
    ]  # fmt: skip
    return Table(header, rows)


def landmark_words(numbers: DatasetNumbers, index: int) -> str:
    """One landmark in a few words, for a tooltip."""
    one = numbers.landmarks[index]
    return tr(
        "{name}: σ {along:.2f} % along, {across:.2f} % across. Labels scatter {excess:.2f} times as wide.\n"
        "Bias along the contour {bias:.2f} % ({low:.2f} to {high:.2f} %).",
        name=one.row.name, along=one.row.sigma_along, across=one.row.sigma_across,
        excess=numbers.figure.excess(index), bias=one.bias, low=one.interval.low, high=one.interval.high,
    )  # fmt: skip
