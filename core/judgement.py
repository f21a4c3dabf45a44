"""What people decided about labels that a model doubts: the label is wrong, acceptable, or the model is.

A decision is given on a label as it was then. It holds while that label, or the point of it, is as it was, in whatever
label set it is found: who takes over a label to correct one point of it has not asked about the others anew. What holds
no longer is kept all the same, since it tells what was found where.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from core.face import Label


class Decision(StrEnum):
    """What a person says of a doubted label."""

    LABEL_WRONG = "label wrong"
    ACCEPTABLE = "acceptable"
    MODEL_WRONG = "model wrong"


OVERRULING = frozenset({Decision.ACCEPTABLE, Decision.MODEL_WRONG})
"""Decisions that leave the label as it is."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One person's decision about one point of a face's label, or about all of it.

    Attributes:
        point: index in the scheme; None for the whole face.
        scheme: id.
        place: (x, y), image px, where the point's label was; None for one without, and for the whole face.
        digest: of the whole label (`label_digest`); "" for a point.
        label_set: name of the set that the label was in.
        author: who decided.
        at_us: when, microseconds since 1970, UTC.

    Raises:
        ValueError: no such decision, or a point without number.
    """

    decision: Decision
    point: int | None
    scheme: str
    place: tuple[float, float] | None
    digest: str
    label_set: str
    author: str
    at_us: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "decision", Decision(self.decision))
        if self.point is not None and self.point < 0:
            raise ValueError("points are numbered from 0")
        if self.place is not None and not all(map(math.isfinite, self.place)):
            raise ValueError("a place must be finite")

    @property
    def key(self) -> tuple[object, ...]:
        """What it is about, and whose it is: a later one with the same key takes its place."""
        return (self.author, self.scheme, self.point, self.place, self.digest)

    def holds_for(self, label: Label | None) -> bool:
        """Whether it was given on this label as it is."""
        if label is None or label.scheme != self.scheme:
            return False
        if self.point is None:
            return self.digest == label_digest(label)
        return self.point < len(label) and self.place == _place(label, self.point)


def judge_label(
    label: Label, point: int | None, decision: Decision, label_set: str, author: str, at_us: int
) -> Judgement:
    """The decision about a point of a label, or all of it, as it is now. IndexError if it has no such point."""
    place = None if point is None else _place(label, point)
    digest = label_digest(label) if point is None else ""
    return Judgement(decision, point, label.scheme, place, digest, label_set, author, at_us)


def label_digest(label: Label) -> str:
    """Stands for the points of a label: the same for the same places, whatever else is said of them."""
    points = np.where(np.isnan(label.points), np.nan, label.points) + 0.0  # one NaN, and no negative zero
    return hashlib.blake2b(points.astype("<f8").tobytes(), digest_size=8).hexdigest()


def _place(label: Label, point: int) -> tuple[float, float] | None:
    x, y = label.points[point].tolist()
    return (x, y) if math.isfinite(x) and math.isfinite(y) else None


def holding(judgements: Iterable[Judgement], label: Label | None) -> dict[int | None, Judgement]:
    """The decisions that hold for a label as it is, by point (None: the whole face); of several the latest."""
    found: dict[int | None, Judgement] = {}
    for judgement in sorted(judgements, key=_by_time):
        if judgement.holds_for(label):
            found[judgement.point] = judgement
    return found


def with_judgements(kept: Iterable[Judgement], given: Iterable[Judgement]) -> tuple[Judgement, ...]:
    """`kept` and `given` in the order of time; of two with one key the later one alone."""
    found: dict[tuple[object, ...], Judgement] = {}
    for judgement in sorted((*kept, *given), key=_by_time):
        found[judgement.key] = judgement
    return tuple(sorted(found.values(), key=_by_time))


def united(
    ours: Iterable[Judgement], theirs: Iterable[Judgement], base: Iterable[Judgement] = ()
) -> tuple[Judgement, ...]:
    """The decisions of two copies of a face: all that either has, but for what either has taken back since `base`."""
    mine, other, before = set(ours), set(theirs), set(base)
    gone = (before - mine) | (before - other)
    return with_judgements(mine - gone, other - gone)


def _by_time(judgement: Judgement) -> tuple[int, str, int]:
    return judgement.at_us, judgement.author, -1 if judgement.point is None else judgement.point


# As kept in a project


def judgements_to_json(judgements: Iterable[Judgement]) -> list[dict[str, Any]]:
    """JSON values; the same judgements always give the same."""
    return [
        {
            "decision": one.decision.value, "point": one.point, "scheme": one.scheme,
            "place": None if one.place is None else list(one.place), "digest": one.digest,
            "label_set": one.label_set, "author": one.author, "at_us": one.at_us,
        }
        for one in judgements
    ]  # fmt: skip


def judgements_from_json(values: Iterable[Mapping[str, Any]]) -> tuple[Judgement, ...]:
    """What `judgements_to_json` gave; ValueError, TypeError or LookupError for anything else."""
    return tuple(
        Judgement(
            Decision(one["decision"]), None if one["point"] is None else int(one["point"]), str(one["scheme"]),
            None if one["place"] is None else (float(one["place"][0]), float(one["place"][1])), str(one["digest"]),
            str(one["label_set"]), str(one["author"]), int(one["at_us"]),
        )
        for one in values
    )  # fmt: skip
