"""What people's decisions make of an audit: overruled verdicts, settled faces, errors that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.formats.base import LabelledFace
from core.judgement import OVERRULING, Decision, Judgement, holding


@dataclass(frozen=True, eq=False)
class Decisions:
    """The decisions about F faces of N points.

    Attributes:
        held: of each face the decisions that hold for its label as it is, by point (None: the whole face).
        overruled: (F, N) points whose label is acceptable, or better than the model, whatever the verdict says.
        settled: (F,) faces that need not be asked about again: somebody decided, and no doubt is left.
        looked: (F,) faces that anybody decided about; a label that was changed since counts too.
        found: (F,) of those, faces with a label that was called wrong.
        order: the faces that were looked at, in the order of their first decision.
    """

    held: list[dict[int | None, Judgement]]
    overruled: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    looked: NDArray[np.bool_]
    found: NDArray[np.bool_]
    order: list[int]

    def has(self, face: int, decision: str) -> bool:
        """Whether such a decision holds for a face or a point of it."""
        return any(one.decision.value == decision for one in self.held[face].values())

    @property
    def errors(self) -> list[bool]:
        """For each look, in the order of time, whether it found a wrong label."""
        return [bool(self.found[face]) for face in self.order]

    def counts(self) -> dict[str, int]:
        """How many decisions of each kind hold."""
        held = [one.decision for face in self.held for one in face.values()]
        return {decision.value: held.count(decision) for decision in Decision}


def decided(
    faces: Sequence[LabelledFace], wrong: NDArray[np.bool_], whole: NDArray[np.bool_]
) -> Decisions:
    """The decisions that labelled faces carry.

    Args:
        wrong: (F, N) points whose label the audit calls wrong.
        whole: (F,) faces whose whole label it doubts.
    """
    count = len(faces)
    overruled = np.zeros(wrong.shape, np.bool_)
    settled, looked, found = (np.zeros(count, np.bool_) for _ in range(3))
    held: list[dict[int | None, Judgement]] = [{} for _ in range(count)]
    first: dict[int, int] = {}
    for face, labelled in enumerate(faces):
        judgements = labelled.judgements
        if not judgements:
            continue
        looked[face] = True
        found[face] = any(one.decision is Decision.LABEL_WRONG for one in judgements)
        first[face] = min(one.at_us for one in judgements)
        held[face] = holds = holding(judgements, labelled.label)
        _overrule(overruled[face], holds)
        settled[face] = _is_settled(holds, bool((wrong[face] & ~overruled[face]).any()), bool(whole[face]))
    return Decisions(held, overruled, settled, looked, found, sorted(first, key=first.__getitem__))


def _overrule(row: NDArray[np.bool_], holds: dict[int | None, Judgement]) -> None:
    """A decision about a point weighs more than one about the whole face."""
    if None in holds:
        row[:] = holds[None].decision in OVERRULING
    for point, one in holds.items():
        if point is not None:
            row[point] = one.decision in OVERRULING


def _is_settled(holds: dict[int | None, Judgement], doubted: bool, whole: bool) -> bool:
    if not holds or any(one.decision is Decision.LABEL_WRONG for one in holds.values()):
        return False  # who calls a label wrong wants it changed
    return not doubted and (None in holds or not whole)
