"""Left and right put right: of whole labels that were made mirrored, and of single pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.audit import Audit
from core.face_verdicts import FaceVerdict
from core.moves.symmetry import swap_sides
from core.repair.plan import Planned, Repair, named
from core.verdicts import Verdict


@dataclass(frozen=True)
class Unswap(Repair):
    """Exchange what the audit calls swapped; a pair of which one point is locked stays.

    Attributes:
        faces: whole labels whose sides are swapped.
        pairs: single pairs of points in labels that are right on the whole.
    """

    faces: bool = True
    pairs: bool = True
    kind: str = field(default="un-swap left and right", init=False)

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""

        def planned(face: int) -> Planned | None:
            label, verdict = audit.faces[face].label, audit.findings[face].verdict
            if verdict is FaceVerdict.SWAPPED:
                text = "Left and right of the whole label exchanged."
                return (swap_sides(label, audit.scheme), text) if self.faces else None
            swapped = [i for i, v in enumerate(audit.verdicts[face].tolist()) if v == Verdict.SWAPPED.value]
            if not self.pairs or not swapped or verdict is not FaceVerdict.OK:
                return None
            change = swap_sides(label, audit.scheme, swapped)
            return change, f"Changed places with their partners: {named(audit.scheme, change.indices)}."

        return planned
