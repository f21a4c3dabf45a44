"""The report's tables. Columns with a value are sorted by it (`data-v`), the others by their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.report.figures import interval_figure
from app.report.markup import Child, Markup, element, named, number
from core.audit import Audit, QueueItem, counted, source_of
from core.dialects import Dialect
from core.errors import one_line
from core.landmark_statistics import LandmarkStatistics
from core.metrics import Interval
from core.verdicts import WRONG, Verdict

MOST_FACES = 1000
"""Rows of the table of faces; --csv has them all."""

_PAGE = 50
_SENTENCES = 3


class Column(NamedTuple):
    """A column: its head, and what it means."""

    head: str
    about: str = ""


class Cell(NamedTuple):
    """A cell: what it shows, and the number to sort by, NaN last; None sorts by words."""

    shown: Child
    value: float | None = None


def cell(value: float, digits: int = 2, unit: str = "") -> Cell:
    """Of a number."""
    return Cell(number(value, digits, unit), value)


def _interval(interval: Interval) -> Cell:
    """Of an interval, sorted by its lower end."""
    return Cell(f"{number(interval.low)} to {number(interval.high)}", interval.low)


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], page: int | None = None) -> Markup:
    """A table whose heads sort it; with `page`, that many rows are shown at a time."""
    numeric = [one.value is not None for one in rows[0]] if rows else [False] * len(columns)
    heads = [
        element(
            "th",
            element("button", column.head, type="button", title=column.about or None),
            scope="col",
            class_="n" if numeric[place] else None,
        )
        for place, column in enumerate(columns)
    ]
    body = [element("tr", [_td(one) for one in row]) for row in rows]
    parts = [element("caption", caption), element("thead", element("tr", heads)), element("tbody", body)]
    made = element("table", parts, class_="sortable", data_page=page if page and len(rows) > page else None)
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _td(one: Cell) -> Markup:
    if one.value is None:
        return element("td", one.shown)
    return element("td", one.shown, class_="n", data_v=repr(float(one.value)))


def badge(verdict: str) -> Markup:
    """A verdict's name in its colour. Verdicts on whole faces share one."""
    known = {one.value for one in Verdict}
    return element("span", verdict, class_=f"badge v-{verdict if verdict in known else 'face'}")


LANDMARKS = (
    Column("No.", "index in the scheme, from 0"),
    Column("landmark"),
    Column("region"),
    Column("σ along", "median calibrated standard deviation along the ellipse's predicted major axis"),
    Column("σ across", "the same across it"),
    Column("anisotropy", "the larger over the smaller"),
    Column("angle", "between the ellipse's major axis and the contour, degrees; 0: labels slip along the contour"),
    Column("bias", "median of label minus prediction along the contour, in the order of its points"),
    Column("95 % interval", "of the bias, drawing people; sorted by its lower end"),
    Column("off by", "median distance of labels from where they are expected"),
    Column("ambiguous", "share of labels"),
    Column("wrong", "share of labels: suspect, swapped or shifted"),
    Column("unsure", "share of labels where the model does not know"),
    Column("missing", "share of faces without a label"),
)


def landmark_table(rows: Sequence[LandmarkStatistics]) -> Markup:
    """A row for each landmark."""
    body = []
    for one in rows:
        row, shares = one.row, one.row.verdicts
        wrong = sum(shares.get(verdict.value, 0.0) for verdict in WRONG)
        percent = [shares.get(Verdict.AMBIGUOUS.value, 0.0), wrong]
        percent += [shares.get(verdict.value, 0.0) for verdict in (Verdict.UNSURE, Verdict.MISSING)]
        body.append(
            [
                Cell(str(row.index), row.index),
                Cell(element("a", row.name, href=f"#landmark-{row.index}")), Cell(row.region),
                cell(row.sigma_along), cell(row.sigma_across), cell(row.anisotropy), cell(one.angle, 0),
                cell(one.bias), _interval(one.interval), cell(row.error),
                *(cell(100 * share, 1) for share in percent),
            ]
        )  # fmt: skip
    return table("Landmarks: lengths in % of the distance that NMEs are divided by, shares in %", LANDMARKS, body)


FACES = (
    Column("rank", "place in the queue"),
    Column("image"),
    Column("face", "which face of its image, from 0"),
    Column("folder"),
    Column("verdict"),
    Column("score", "-log10 of the probability that a right label looks as wrong"),
    Column("wrong", "points called wrong"),
    Column("ambiguous", "points called ambiguous"),
    Column("look at"),
)


def face_table(audit: Audit, items: Sequence[QueueItem], shown: int) -> Markup:
    """The queue's first faces; the first `shown` have a picture to go to."""
    body = []
    wrong = audit.wrong().sum(axis=1)
    ambiguous = (audit.verdicts == Verdict.AMBIGUOUS.value).sum(axis=1)
    for rank, item in enumerate(items[:MOST_FACES], 1):
        path, face = audit.faces[item.face].image, item.face
        name = named(path.name, title=one_line(str(path)))
        body.append(
            [
                Cell(str(rank), rank),
                Cell(element("a", name, href=f"#face-{face}") if rank <= shown else name),
                Cell(str(audit.numbers[face]), audit.numbers[face]), Cell(named(source_of(path))),
                Cell(badge(audit.verdict_of(face))), cell(audit.findings[face].score),
                Cell(str(wrong[face]), float(wrong[face])), Cell(str(ambiguous[face]), float(ambiguous[face])),
                Cell(sentences(audit, item)[0]),
            ]
        )  # fmt: skip
    caption = f"The first {len(body):,} of {len(items):,} faces" if len(items) > len(body) else "All faces of the queue"
    return table(caption, FACES, body, page=_PAGE)


def sentences(audit: Audit, item: QueueItem) -> list[str]:
    """What is to be said of a face: of the whole, if anything, and of its points, the worst first."""
    whole = audit.findings[item.face]
    said = [] if whole.verdict.value == "ok" else [whole.text]
    scores = audit.evidence.point_scores[item.face]
    wrong = [index for index in range(len(scores)) if audit.wrong()[item.face, index]]
    order = sorted(wrong, key=lambda index: (index != item.worst, -scores[index]))
    said += [audit.point(item.face, index).text for index in order[:_SENTENCES]]
    if len(order) > _SENTENCES:
        said.append(f"And {len(order) - _SENTENCES} more points.")
    return said or [audit.point(item.face, item.worst).text]


DIALECTS = (
    Column("source"),
    Column("kind"),
    Column("faces"),
    Column("people"),
    Column("contour"),
    Column("motion", "slide: all points along the contour, in their order; stretch: from its middle to its ends"),
    Column("offset", "mean difference to all other faces"),
    Column("95 % interval", "sorted by its lower end"),
    Column("drawn", "offset and interval beside zero"),
    Column("p", "of such a difference by chance, adjusted for all rows"),
    Column("more than chance?", "at a false-discovery rate of 5 %"),
)


def dialect_table(rows: Sequence[Dialect]) -> Markup:
    """A row for each comparison, the surest first."""
    reach = max((abs(v) for row in rows for v in (row.offset, *row.interval)), default=1.0) or 1.0
    body = [
        [
            Cell(named(row.source)), Cell(row.kind),
            Cell(f"{row.faces:,}", row.faces), Cell(f"{row.people:,}", row.people), Cell(row.region),
            Cell(row.motion), cell(row.offset), _interval(row.interval),
            Cell(interval_figure(row.offset, row.interval.low, row.interval.high, reach), row.offset),
            Cell(f"{row.p:.2g}", row.p), Cell(element("strong", "yes") if row.real else "no"),
        ]
        for row in rows
    ]  # fmt: skip
    return table("Offsets in % of the distance that NMEs are divided by", DIALECTS, body, page=_PAGE)


MEANINGS = {
    Verdict.OK: "The label lies where it is expected.",
    Verdict.AMBIGUOUS: "It differs along its contour, within what labels differ by there.",
    Verdict.SUSPECT: "It is farther off than ambiguity explains.",
    Verdict.SWAPPED: "It and its left-right partner have changed places.",
    Verdict.SHIFTED: "It and its neighbours lie where the next point of the contour belongs.",
    Verdict.MISSING: "There is no label.",
    Verdict.UNSURE: "It looks wrong, but the model itself is not sure of this point.",
}


def verdict_table(audit: Audit) -> Markup:
    """How many points have which verdict, and what it means."""
    counts = counted(audit.verdicts.ravel())
    total = sum(counts.values())
    body = [
        [
            Cell(badge(name)), Cell(f"{count:,}", count), cell(100 * count / total, 2, " %"),
            Cell(MEANINGS[Verdict(name)]),
        ]
        for name, count in counts.items()
    ]  # fmt: skip
    return table("Points by verdict", (Column("verdict"), Column("points"), Column("share"), Column("meaning")), body)
