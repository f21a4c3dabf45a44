"""Points of a contour spaced anew along it; the ends, the corners and locked points stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.audit import Audit
from core.face import FloatArray, Label
from core.face_verdicts import FaceVerdict
from core.label_change import LabelChange, difference
from core.moves.arrange import spread
from core.moves.rail import rail
from core.repair.plan import Planned, Repair
from core.scheme import Region
from core.verdicts import Verdict

Spacing = Literal["even", "median", "predicted"]
SPACINGS: tuple[Spacing, ...] = ("even", "median", "predicted")

LEAST = 0.03
"""Of the face's size: about as far as careful annotators differ along a contour."""


@dataclass(frozen=True)
class Respace(Repair):
    """Points of these regions spread along their own curve.

    Attributes:
        regions: names of contours of three points or more; empty for all of them.
        spacing: "even"; "median": as the labels of this data set have it on the average, whatever way faces look;
            "predicted": as predicted for each face, with the habit of the data set's labels. For contours that turn
            away with the head, only the last is fair.
        least: share of the face's size; a region of which no point would move farther is left as it is.

    A contour with points that are called wrong and lie off it rather than along it is left alone, and so are faces
    whose whole label is doubted: they need another repair first.
    """

    regions: frozenset[str] = frozenset()
    spacing: Spacing = "even"
    least: float = LEAST
    kind: str = field(default="re-space contours", init=False)

    def __post_init__(self) -> None:
        if self.spacing not in SPACINGS or self.least < 0:
            raise ValueError(f"the spacing is one of {', '.join(SPACINGS)}, and the least move not negative")

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""
        wanted = [r for r in contours(audit) if not self.regions or r.name in self.regions]
        shares: dict[str, FloatArray] = {}
        if self.spacing == "median":
            found = {region.name: median_shares(audit, region) for region in wanted}
            shares = {name: values for name, values in found.items() if values is not None}
            wanted = [region for region in wanted if region.name in shares]

        e = audit.evidence
        with np.errstate(invalid="ignore"):
            off = audit.wrong() & (np.abs(e.normal) >= np.abs(e.tangential))
        off |= audit.verdicts == Verdict.SWAPPED.value

        def moved(label: Label, region: Region, face: int) -> LabelChange:
            if self.spacing == "predicted":
                return spread(label, region, like=audit.evidence.expected[face])
            if self.spacing == "median":
                return spread(label, region, shares=shares[region.name])
            return spread(label, region)

        def planned(face: int) -> Planned | None:
            if audit.findings[face].verdict is not FaceVerdict.OK:
                return None
            first = label = audit.faces[face].label
            limit = self.least * float(audit.evidence.frame.size[face])
            names, farthest = [], 0.0
            for region in wanted:
                if off[face, list(region.indices)].any():
                    continue
                change = moved(label, region, face)
                after = change.applied_to(label)
                step = float(np.hypot(*(after.points - label.points)[change.indices].T).max(initial=0.0))
                if step > limit:
                    label, farthest = after, max(farthest, step)
                    names.append(region.name)
            change = difference(first, label)
            text = f"{', '.join(names)}: {len(change)} points moved along the contour by up to {farthest:.1f} px."
            return change, text

        return planned


def contours(audit: Audit) -> list[Region]:
    """Regions with anything between their ends."""
    return [region for region in audit.scheme.regions if len(region.indices) >= 3]


def median_shares(audit: Audit, region: Region) -> FloatArray | None:
    """(K,) of the region's points: the part of the whole way from each to the next, the median over labels.

    Labels that miss a point of it, or have one that is called wrong, do not count; None where none is left.
    """
    indices = list(region.indices)
    found = []
    for face, labelled in enumerate(audit.faces):
        if audit.wrong()[face, indices].any():
            continue
        track = rail(labelled.label.points, region)
        if track is None or len(track.indices) < len(indices):
            continue
        gaps = track.gaps()
        if gaps.sum() > 0:
            found.append(np.resize(gaps, len(indices)) / gaps.sum())
    return None if not found else np.median(found, axis=0)
