"""Repairs of points that the audit calls wrong: put where they are expected, dropped, or trusted less.

A face whose whole label is doubted (sides swapped, another face's) is left alone: what is said of its single points is
not to be relied on, and it needs another repair, or eyes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.audit import Audit
from core.face import Visibility
from core.face_verdicts import FaceVerdict
from core.label_change import LabelChange
from core.moves.movable import locked, places, present
from core.repair.plan import Planned, Repair, counted_points, named
from core.verdicts import Verdict

SUSPECTS = frozenset({Verdict.SUSPECT.value})


def doubted(audit: Audit, face: int, verdicts: Iterable[str]) -> NDArray[np.intp]:
    """Points of a face that have one of these verdicts and are not locked; none of a label doubted as a whole."""
    if audit.findings[face].verdict is not FaceVerdict.OK:
        return np.zeros(0, np.intp)
    return np.flatnonzero(np.isin(audit.verdicts[face], sorted(verdicts)) & ~locked(audit.faces[face].label))


@dataclass(frozen=True)
class ReplacePoints(Repair):
    """Points with these verdicts go where they are expected: on the predicted mean, with the habit of the data set.

    So they fit in with the labels beside them, which follow that habit. "missing" places missing points as well.
    """

    verdicts: frozenset[str] = SUSPECTS
    kind: str = field(default="replace points by the prediction", init=False)

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""

        def planned(face: int) -> Planned | None:
            label, expected = audit.faces[face].label, audit.evidence.expected[face]
            change = places(label, expected, doubted(audit, face, self.verdicts).tolist(), fill=True)
            away = np.hypot(*(label.points[change.indices] - expected[change.indices]).T)
            far = np.nanmax(away) if np.isfinite(away).any() else 0.0
            text = f"{counted_points(len(change))} put where expected, up to {far:.1f} px away: "
            return change, text + f"{named(audit.scheme, change.indices)}."

        return planned


@dataclass(frozen=True)
class DropPoints(Repair):
    """Points with these verdicts become missing."""

    verdicts: frozenset[str] = SUSPECTS
    kind: str = field(default="drop points", init=False)

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""

        def planned(face: int) -> Planned | None:
            chosen = doubted(audit, face, self.verdicts)
            chosen = chosen[present(audit.faces[face].label)[chosen]]
            gone = np.full(len(chosen), Visibility.MISSING, np.uint8)
            text = f"{counted_points(len(chosen))} dropped: {named(audit.scheme, chosen)}."
            return LabelChange(chosen, visibility=gone), text

        return planned


@dataclass(frozen=True)
class WeighDown(Repair):
    """Points with these verdicts count no more than `weight` in training; places stay as they are.

    ValueError for a weight that is not in [0, 1].
    """

    verdicts: frozenset[str] = SUSPECTS
    weight: float = 0.1
    kind: str = field(default="weigh points down", init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError("the weight must lie between 0 and 1")

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""
        limit = np.float32(self.weight)

        def planned(face: int) -> Planned | None:
            label = audit.faces[face].label
            chosen = doubted(audit, face, self.verdicts)
            chosen = chosen[(label.weights[chosen] > limit) & present(label)[chosen]]
            text = f"{counted_points(len(chosen))} count {self.weight:g} in training: {named(audit.scheme, chosen)}."
            return LabelChange(chosen, weights=np.full(len(chosen), limit)), text

        return planned
