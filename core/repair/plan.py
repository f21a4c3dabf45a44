"""What every repair has in common: from an audit to the labels it would change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.audit import Audit, source_of
from core.dialects import Kind
from core.face import FloatArray, Label
from core.label_change import LabelChange
from core.scheme import Scheme

Progress = Callable[[int, int], None]
"""Called with (done, total) faces; raises to cancel."""

Planned = tuple[LabelChange, str]
"""What becomes of one face's label, and one sentence about it."""

NAMED = 4
"""Points that a sentence names before it counts the rest."""


@dataclass(frozen=True, eq=False)
class FaceRepair:
    """The label of one face before and after.

    Attributes:
        face: its place in the audit.
        text: one plain sentence.
        size: px that moves are compared by, the longer side of the predicted landmarks' box.
    """

    face: int
    before: Label
    after: Label
    text: str
    size: float

    @cached_property
    def moves(self) -> FloatArray:
        """(N,) px by which each point moves; 0 for one that is missing before or after."""
        step = self.after.points - self.before.points
        result: FloatArray = np.where(np.isfinite(step).all(axis=1), np.hypot(*np.nan_to_num(step).T), 0.0)
        return result

    @cached_property
    def touched(self) -> NDArray[np.intp]:
        """Points that are not as they were, in place, visibility or weight."""
        before, after = self.before, self.after
        same = (before.points == after.points) | (np.isnan(before.points) & np.isnan(after.points))
        same = same.all(axis=1) & (before.visibility == after.visibility) & (before.weights == after.weights)
        return np.flatnonzero(~same)

    @property
    def extent(self) -> float:
        """How much changes: the largest move as a share of the face, and a hundredth for each touched point."""
        return float(self.moves.max(initial=0.0)) / self.size + 0.01 * len(self.touched) / max(len(self.before), 1)


class Repair(ABC):
    """One rule with its settings."""

    kind: str
    """What was done, as undo shows it."""

    @abstractmethod
    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """What says of a face's place in the audit what is to become of its label; None or no points for nothing."""

    def plan(
        self, audit: Audit, faces: Iterable[int] | None = None, progress: Progress | None = None
    ) -> list[FaceRepair]:
        """The labels that would change, the largest change first.

        Args:
            faces: places in the audit; None for all.
            progress: called after each face; may raise, to cancel.
        """
        planned = self.planner(audit)
        wanted: Sequence[int] = range(len(audit)) if faces is None else sorted(set(faces))
        found = []
        for done, face in enumerate(wanted, 1):
            result = planned(face)
            if result is not None and len(result[0]):
                before = audit.faces[face].label
                size = float(audit.evidence.frame.size[face])
                after = result[0].applied_to(before)
                repair = FaceRepair(face, before, after, result[1], size if size > 0 else 1.0)
                if len(repair.touched):
                    found.append(repair)
            if progress is not None:
                progress(done, len(wanted))
        return sorted(found, key=lambda one: (-one.extent, one.face))


def members(audit: Audit, kind: Kind | None, source: str) -> NDArray[np.bool_]:
    """(F,) which faces are of a source: the folder that images lie in, or a tag; all of them for None."""
    if kind is None:
        return np.ones(len(audit), np.bool_)
    if kind == "folder":
        return np.array([source_of(face.image) == source for face in audit.faces], np.bool_)
    return np.array([source in face.tags for face in audit.faces], np.bool_)


def sources(audit: Audit) -> list[tuple[Kind, str, NDArray[np.bool_]]]:
    """Folders and tags, kind and name, with the faces (F,) of each, the largest first; none that all faces are of."""
    found: dict[tuple[Kind, str], list[int]] = {}
    for place, face in enumerate(audit.faces):
        found.setdefault(("folder", source_of(face.image)), []).append(place)
        for tag in dict.fromkeys(face.tags):
            found.setdefault(("tag", tag), []).append(place)
    result = []
    for (kind, name), places in sorted(found.items(), key=lambda item: -len(item[1])):
        inside = np.zeros(len(audit), np.bool_)
        inside[places] = True
        if not inside.all():
            result.append((kind, name, inside))
    return result


def named(scheme: Scheme, indices: Iterable[int]) -> str:
    """Names of points for a sentence: "jaw 3, jaw 4 and 2 more"."""
    names = [scheme.points[index] for index in indices]
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"


def counted_points(count: int) -> str:
    """ "1 point", "3 points"."""
    return "1 point" if count == 1 else f"{count} points"
