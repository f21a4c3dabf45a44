"""The report as a page: sections in the order in which they answer questions."""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from app.report.figures import MAP_SHARE, ambiguity_figure, coverage_figure, histogram_figure, verdict_bar
from app.report.markup import Child, Markup, element, join, named, number
from app.report.tables import badge, dialect_table, face_table, landmark_table, sentences, verdict_table
from app.report.thumbnails import SHARE, thumbnail
from core.audit import Audit, ErrorRate, QueueItem, counted
from core.coverage import distance_histogram, drawn_coverage
from core.dialects import LEAST_PEOPLE, MOST_SOURCES, Dialects, dialects
from core.errors import one_line
from core.files import write_atomic
from core.landmark_statistics import LandmarkStatistics, ambiguity_map, landmark_statistics
from core.resampling import PeopleDraws
from core.verdicts import Verdict
from core.version import VERSION

RESOURCES = Path(__file__).resolve().parents[2] / "resources" / "report"

_LEFT_OUT = 200
_SOURCES = 40
_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_HEADINGS = {
    "suspect": "The most suspect faces",
    "gain": "Faces whose correction gains most",
    "ambiguity": "The most ambiguous faces",
    "random": "A random sample of faces",
}


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """What a report is made of.

    Attributes:
        name: of the project or data set.
        items: the queue, in its order; the first `pictures` of them are shown. `order` is its name.
        groups: the person of each of the audit's faces.
        model, model_hash: what predicted.
        settings: what the run was asked for.
        when: it was made.
        judged: what a person found in a random sample; None where nobody has looked.
        watch: passes on the faces whose pictures are made, to show how far it is.
    """

    name: str
    audit: Audit
    items: Sequence[QueueItem]
    groups: Sequence[Hashable]
    model: str
    model_hash: str
    order: str
    settings: Mapping[str, object]
    when: datetime
    pictures: int
    judged: ErrorRate | None
    watch: Callable[[Sequence[QueueItem]], Iterable[QueueItem]] = iter


def write_report(path: Path, report: Report, *, force: bool) -> None:
    """Write the page; FileError if the file is there (without `force`)."""
    write_atomic(path, page(report).encode("utf-8", "backslashreplace"), overwrite=force)


def page(report: Report) -> str:
    """The whole file."""
    style, script = ((RESOURCES / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    # Only this script may run and nothing may be fetched, whatever a file's name or a tag says.
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = f"Audit of {one_line(report.name)}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"Starmark {VERSION}"),
        element("title", title),
        element("style", Markup(style)),
    )
    parts = list(_sections(report))
    links = [element("a", short, href=f"#{key}") for key, short, _, _ in parts]
    body = element(
        "body",
        element("header", element("h1", "Audit of ", named(report.name)), element("p", _made(report), class_="faint")),
        element("nav", links, aria_label="Sections"),
        element("main", [_section(key, heading, content) for key, _, heading, content in parts]),
        element("script", Markup(script)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _section(key: str, heading: str, content: Child) -> Markup:
    return element(
        "section", element("h2", heading, id=f"{key}-heading"), content, id=key, aria_labelledby=f"{key}-heading"
    )


def _sections(report: Report) -> Iterable[tuple[str, str, str, Child]]:
    """Anchor, name in the list of sections, heading and content of each."""
    audit = report.audit
    draws = PeopleDraws(report.groups)
    landmarks = landmark_statistics(audit, draws)
    found = dialects(audit, report.groups)
    shown = min(report.pictures, len(report.items))
    pictured = {item.face for item in report.items[:shown]}
    yield "summary", "Summary", "Summary", [*_summary(report), _regions(audit, landmarks), _counts(audit)]
    yield "faces", "Pictures", _HEADINGS[report.order], _gallery(report, shown)
    yield "map", "Map", "Where labels are ambiguous", _map(audit, landmarks, pictured)
    yield "landmarks", "Landmarks", "Landmarks", [_landmark_note(), landmark_table(landmarks)]
    yield "distances", "Ellipses", "Do the ellipses hold what they promise?", _distances(audit, draws)
    yield "sources", "Sources", "Dialects of sources", _dialects(found)
    yield "queue", "All faces", "Faces in the queue's order", face_table(audit, report.items, shown)
    if audit.left_out:
        yield "left-out", "Left out", "Faces that could not be judged", _left_out(audit)
    yield "settings", "Settings", "Settings and versions", _settings(report)


def _made(report: Report) -> str:
    when = report.when.strftime("%Y-%m-%d %H:%M %Z").strip()
    return f"Made by Starmark {VERSION} with the model {one_line(report.model)} on {when}."


def _summary(report: Report) -> list[Child]:
    """The main figures, what they are worth, and what is missing."""
    audit = report.audit
    wrong = audit.wrong()
    whole = [finding.verdict.value != "ok" for finding in audit.findings]
    bad = int((wrong.any(axis=1) | np.array(whole)).sum())
    points, labelled = int(wrong.sum()), int((audit.verdicts != Verdict.MISSING.value).sum())
    ambiguous = int((audit.verdicts == Verdict.AMBIGUOUS.value).sum())
    tiles = [
        (f"{len(audit):,}", "faces judged"),
        (f"{bad:,}", f"faces with a label that looks wrong ({_percent(bad, len(audit))})"),
        (f"{points:,}", f"points that look wrong ({_percent(points, labelled)} of {labelled:,})"),
        (f"{ambiguous:,}", f"points that are merely ambiguous ({_percent(ambiguous, labelled)})"),
    ]
    said: list[Child] = [
        element(
            "dl", [element("div", element("dt", about), element("dd", value)) for value, about in tiles], class_="tiles"
        ),
        element("p", _error_rate(report)),
    ]
    if not audit.calibrated:
        warning = "This model has no calibration, so that its ellipses do not fit, and right labels may look suspect."
        said.append(element("p", warning, class_="warning"))
    if audit.left_out:
        words = f"{len(audit.left_out):,} more could not be judged"
        said.append(element("p", element("a", words, href="#left-out"), "."))
    return said


def _regions(audit: Audit, rows: Sequence[LandmarkStatistics]) -> Markup | None:
    """Where labels are sure, and where they are not, in a sentence."""
    sizes = {}
    for region in audit.scheme.regions:
        sigma = [np.sqrt(rows[i].row.sigma_along * rows[i].row.sigma_across) for i in region.indices]
        if np.isfinite(sigma).all():
            sizes[region.name] = float(np.mean(sigma))
    if len(sizes) < 2:
        return None
    least, most = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
    words = (
        f"Labels are least sure at the {least}, with a standard deviation of {number(sizes[least], 1)} % of the "
        f"distance that NMEs are divided by, and most sure at the {most}, with {number(sizes[most], 1)} %."
    )
    return element("p", words)


def _counts(audit: Audit) -> Child:
    """How many points and faces have which verdict."""
    faces = counted(audit.verdict_of(face) for face in range(len(audit)))
    listed = [element("li", badge(name), f" {count:,}") for name, count in faces.items()]
    return [
        verdict_bar(counted(audit.verdicts.ravel())),
        verdict_table(audit),
        element("h3", "Faces by their worst verdict"),
        element("ul", listed, class_="counts"),
    ]


def _error_rate(report: Report) -> str:
    rate = report.audit.settings.rate
    chance = f"Suspects are called at a false-discovery rate of {100 * rate:g} %: about that share of them are right."
    judged = report.judged
    if judged is None:
        return (
            f"{chance} How many labels really are wrong only a person's look at a random sample tells: make a report "
            "with --order random, count the wrong ones among its first faces, and give both numbers with --judged."
        )
    return (
        f"{chance} Of {judged.looked:,} faces drawn at random a person found {judged.wrong:,} wrong: "
        f"{100 * judged.rate:.1f} % of all faces, with 95 % confidence between {100 * judged.low:.1f} and "
        f"{100 * judged.high:.1f} % (Clopper and Pearson)."
    )


def _percent(count: int, total: int) -> str:
    return number(100 * count / max(total, 1), 1, " %")


def _gallery(report: Report, shown: int) -> Child:
    """The first faces of the queue with their pictures."""
    if not shown:
        return element("p", "The queue is empty: no face is left after its filters.")
    note = (
        "A filled dot is the label. A line leads from a label that is not ok to where it is expected, in the middle "
        f"of the ellipse that holds {100 * SHARE:g} % of right labels; the point to look at first has a ring."
    )
    toggle = element("label", element("input", type="checkbox", id="all-ellipses"), " Show the ellipses of all points")
    cards = [_card(report.audit, rank, item) for rank, item in enumerate(report.watch(report.items[:shown]), 1)]
    return [element("p", note), element("p", toggle), element("div", cards, class_="gallery")]


def _card(audit: Audit, rank: int, item: QueueItem) -> Markup:
    path = audit.faces[item.face].image
    several = f", face {audit.numbers[item.face]}" if audit.numbers[item.face] else ""
    name = [f"{rank}. ", named(path.name, title=one_line(str(path))), several]
    said = element("ul", [element("li", text) for text in sentences(audit, item)])
    tags = [element("span", one_line(tag), class_="tag") for tag in audit.faces[item.face].tags[:8]]
    score = f" score {number(audit.findings[item.face].score, 1)} "
    verdict = element("p", badge(audit.verdict_of(item.face)), score, tags)
    words = element("figcaption", element("h3", name), verdict, said)
    return element("figure", thumbnail(audit, item.face), words, id=f"face-{item.face}")


def _map(audit: Audit, rows: Sequence[LandmarkStatistics], shown: set[int]) -> Child:
    """The map, and beside it what is known of the landmark that one chose there."""
    note = (
        "All faces laid over each other. The filled ellipse is what the model expects, calibrated; the outline is how "
        f"the labels really scatter. Both hold {100 * MAP_SHARE:g} % of right labels. Outlines that are larger mean "
        "labels that are less sure than the model thinks; ones beside their ellipse, a habit of this data set. "
        "Choose a landmark to see its numbers and its worst faces."
    )
    tips = [
        f"{one.row.name}: σ {number(one.row.sigma_along)} % along, {number(one.row.sigma_across)} % across"
        for one in rows
    ]
    figure = ambiguity_map(audit)
    drawn = ambiguity_figure(figure, audit.scheme, tips)
    cards = [_landmark_card(audit, one, figure.excess(one.row.index), shown) for one in rows]
    hint = element("p", "No landmark is chosen.", class_="faint hint")
    return [element("p", note), element("div", drawn, element("div", cards, hint, class_="cards"), class_="beside")]


def _landmark_card(audit: Audit, one: LandmarkStatistics, excess: float, shown: set[int]) -> Markup:
    """What is known of one landmark; `excess` is how many times as wide as expected its labels scatter."""
    row = one.row
    shares = ", ".join(f"{100 * share:.1f} % {name}" for name, share in row.verdicts.items())
    facts = [
        f"Labels are expected to scatter by {number(row.sigma_along)} % along and {number(row.sigma_across)} % across, "
        f"and scatter {number(excess)} times as wide.",
        f"Bias along the contour {number(one.bias)} % ({number(one.interval.low)} to {number(one.interval.high)} %).",
        f"Verdicts: {shares}.",
    ]
    worst = [
        element("li", _face_link(audit, face, shown), ": ", audit.point(face, row.index).text) for face in one.worst
    ]
    return element(
        "div",
        element("h3", row.name),
        [element("p", fact) for fact in facts],
        [element("p", "Its worst faces:"), element("ol", worst)]
        if worst
        else element("p", "All of its labels are ok."),
        id=f"landmark-{row.index}",
        class_="card",
    )


def _face_link(audit: Audit, face: int, shown: set[int]) -> Markup:
    path = audit.faces[face].image
    name = named(path.name, title=one_line(str(path)))
    return element("a", name, href=f"#face-{face}") if face in shown else name


def _landmark_note() -> Markup:
    words = (
        "Which landmarks labels are sure of, and in which direction they are not. An angle near 0 means that labels "
        "slip along their contour there; a bias whose interval leaves out 0 is a habit, not chance."
    )
    return element("p", words)


def _distances(audit: Audit, draws: PeopleDraws) -> Child:
    e = audit.evidence
    tail = e.calibration.tail
    histogram = distance_histogram(e.distance, tail)
    rows = drawn_coverage(e.distance, tail, draws, audit.scheme, _LEVELS)
    if not rows:
        return element("p", "No face has a labelled point.")
    left = (
        f"How far {histogram.count:,} labels lie from where they are expected. The line is what right labels would do: "
        "bars above it on the far right are wrong labels."
    )
    right = (
        "The share of labels inside ellipses of each size. On the dashed line they hold exactly what they promise; the "
        " thick line is all landmarks with 95 % intervals, the thin ones are regions."
    )
    figures = [
        element("figure", drawn, element("figcaption", words))
        for drawn, words in ((histogram_figure(histogram), left), (coverage_figure(rows), right))
    ]
    return element("div", figures, class_="pair")


def _dialects(found: Dialects) -> Child:
    """Sources beside each other."""
    note = (
        "Whether labels of one folder or tag lie elsewhere along the contours than those of all other faces. Means of "
        "people are compared (Welch's test), and p-values are adjusted for all comparisons. Points called wrong do not "
        "count."
    )
    said: list[Child] = [element("p", note)]
    if found.rows:
        real = list(dict.fromkeys(row.source for row in found.rows if row.real))
        names = [[named(name), ", "] for name in real]
        verdict = ["More than chance: ", names[:-1], names[-1][0], "."] if real else "None is more than chance."
        said.append(element("p", element("strong", verdict)))
        said.append(dialect_table(found.rows))
    else:
        words = f"There is nothing to compare: it takes two folders or a tag, of at least {LEAST_PEOPLE} people each."
        said.append(element("p", words))
    if found.left_out and found.rows:
        names = [[named(name), ", "] for _, name in found.left_out[:_SOURCES]]
        more = f"{len(found.left_out) - _SOURCES} more" if len(found.left_out) > _SOURCES else ""
        why = f"Not compared, for fewer than {LEAST_PEOPLE} people or beyond the {MOST_SOURCES} largest: "
        said.append(element("p", why, names[:-1] if not more else names, more or names[-1][0], ".", class_="faint"))
    return said


def _left_out(audit: Audit) -> Child:
    listed = [
        element("li", named(str(one.face.image)), f": {one_line(one.reason)}") for one in audit.left_out[:_LEFT_OUT]
    ]
    if len(audit.left_out) > _LEFT_OUT:
        listed.append(element("li", f"and {len(audit.left_out) - _LEFT_OUT:,} more"))
    return element("ul", listed)


def _settings(report: Report) -> Child:
    rows: dict[str, Child] = {
        "Starmark": VERSION,
        "Python": platform.python_version(),
        "model": named(report.model),
        "model's hash": report.model_hash,
        "scheme": report.audit.scheme.id,
        "calibrated": "yes" if report.audit.calibrated else "no",
        "false-discovery rate": f"{report.audit.settings.rate:g}",
    }
    for name, value in report.settings.items():
        many = value if isinstance(value, list | tuple) else [value]
        rows.setdefault(name.replace("_", " "), join([[named(str(one)), " "] for one in many]))
    return element(
        "dl", [[element("dt", name), element("dd", shown)] for name, shown in rows.items()], class_="settings"
    )
