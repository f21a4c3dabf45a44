"""The review queue as values: what is wanted of it, its rows, and what looking at it has brought so far. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.texts import tr
from app.verdict_texts import DECISION_TEXTS, verdict_text
from core.judgement import Decision

if TYPE_CHECKING:  # they bring SciPy, which the window loads late
    from app.jobs.audit import ProjectAudit
    from core.audit import ErrorRate, Only
    from core.project import Project

RANDOM, DISAGREEMENT = "random", "disagreement"
PARTS = ("regions", "verdicts", "tags", "sources", "decisions")
"""The conditions of `Wanted`: names, of each of which one is enough."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Order and conditions of a queue; an empty part asks for nothing.

    Attributes:
        order: a `core.audit.Order`.
        seed: of the random sample.
        regions, verdicts, tags, sources, decisions: as in `core.audit.Only`.
        settled: list faces too that people have settled; a random sample has them always.
    """

    order: str = "suspect"
    seed: int = 0
    regions: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    settled: bool = False

    @property
    def conditions(self) -> int:
        """Number of names asked for."""
        return sum(len(getattr(self, part)) for part in PARTS)

    def cleared(self) -> Wanted:
        """The same order of all faces."""
        return Wanted(self.order, self.seed, settled=self.settled)

    def toggled(self, part: str, name: str) -> Wanted:
        """With a condition more, or less if it was there."""
        return replace(self, **{part: getattr(self, part) ^ {name}})

    def chips(self) -> list[tuple[str, Wanted]]:
        """(words, the same without this condition) for each condition."""
        names = [(part, name) for part in PARTS for name in sorted(getattr(self, part))]
        return [(condition_text(part, name), self.toggled(part, name)) for part, name in names]

    def to_json(self) -> dict[str, Any]:
        """For the project's settings."""
        parts: dict[str, Any] = {part: sorted(getattr(self, part)) for part in PARTS}
        return {"order": self.order, "seed": self.seed, "settled": self.settled} | parts

    @classmethod
    def from_json(cls, value: object) -> Wanted:
        """What `to_json` gave; parts that make no sense, from another version or by hand, ask for nothing."""
        if not isinstance(value, dict):
            return cls()
        seed, order = value.get("seed"), value.get("order")
        names = {
            part: frozenset(name for name in found if isinstance(name, str))
            for part in PARTS
            if isinstance(found := value.get(part), list)
        }
        return cls(
            order if isinstance(order, str) else "suspect",
            seed if type(seed) is int and 0 <= seed < 1_000_000 else 0,
            settled=value.get("settled") is True,
            **names,
        )

    def only(self) -> Only:
        """The conditions as the audit wants them."""
        from core.audit import Only

        return Only(self.regions, self.verdicts, self.tags, self.sources, self.decisions)


def condition_text(part: str, name: str) -> str:
    """A name of a condition in words."""
    if part == "verdicts":
        return verdict_text(name)
    if part == "decisions":
        return tr("decided: {decision}", decision=tr(DECISION_TEXTS[Decision(name)]))
    if part == "tags":
        return tr("tag {tag}", tag=name)
    return tr("folder {name}", name=name) if part == "sources" else name


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A face to look at; `number`: which face of its image it is, from 0."""

    face_id: str
    image_id: str
    name: str
    number: int


@dataclass(frozen=True, eq=False, slots=True)
class Arranged:
    """A queue worked out.

    Attributes:
        places: of the rows, by face.
        names: what conditions can be chosen among: regions, tags, sources.
    """

    wanted: Wanted
    rows: list[QueueRow]
    places: dict[str, int]
    names: dict[str, list[str]]


def annotators_apart(project: Project) -> dict[str, float]:
    """How far annotators disagree on each face that two of them labelled, by its id; UsageError if there is none."""
    from core.agreement import disagreement
    from core.annotator_law import annotator_law
    from core.exchange.repeats import project_repeats

    repeats = project_repeats(project)
    values = disagreement(repeats.labels, annotator_law(repeats.labels))
    return dict(zip(map(str, repeats.faces), values.tolist(), strict=True))


def arrange(found: ProjectAudit, wanted: Wanted, apart: Mapping[str, float] | None = None) -> Arranged:
    """The faces wanted in the order wanted; `apart` (`annotators_apart`) for the order by disagreement."""
    import numpy as np

    from core.audit import Order, queue, source_of

    audit = found.audit
    known = {order.value for order in Order}
    order = Order(wanted.order if wanted.order in known else "suspect")
    far = None if apart is None else np.array([apart.get(one.face_id, np.nan) for one in found.faces])
    items = queue(audit, order, wanted.only(), wanted.seed, far, settled=wanted.settled or None)
    rows = []
    for item in items:
        one = found.faces[item.face]
        rows.append(QueueRow(one.face_id, one.image_id, one.labelled.image.name, one.number))
    names = {
        "regions": [region.name for region in audit.scheme.regions],
        "tags": sorted({tag for face in audit.faces for tag in face.tags}),
        "sources": sorted({source_of(face.image) for face in audit.faces}),
    }
    return Arranged(wanted, rows, {row.face_id: place for place, row in enumerate(rows)}, names)


@dataclass(frozen=True, eq=False, slots=True)
class Progress:
    """What the looks at a queue have brought.

    Attributes:
        total, looked, wrong: faces listed, of these looked at, and of these with a label called wrong.
        counts: decisions that hold in the whole project, by kind.
        rate: the estimate from the random sample; None while nothing of it was looked at.
        found: errors found in the first 1, 2, … looks of the project.
        stop: number of looks after which hardly any was found; None while many are.
    """

    total: int
    looked: int
    wrong: int
    counts: dict[str, int]
    rate: ErrorRate | None
    found: tuple[int, ...]
    stop: int | None

    @property
    def left(self) -> int:
        """Faces listed that nobody has looked at."""
        return self.total - self.looked


def progress(found: ProjectAudit, rows: Sequence[QueueRow], seed: int) -> Progress:
    """How far the work on these rows is."""
    from core.audit import decided_rate, stop_curve

    decisions, places = found.audit.decisions, found.places
    listed = [places[row.face_id] for row in rows if row.face_id in places]
    curve = stop_curve(decisions.errors)
    looked, wrong = decisions.looked[listed], decisions.found[listed]
    return Progress(
        len(listed), int(looked.sum()), int(wrong.sum()), decisions.counts(), decided_rate(found.audit, seed),
        tuple(curve.found.tolist()), curve.stop,
    )  # fmt: skip
