"""One source's habit along a contour (`core.dialects`) taken back: its points slide to where the others have them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.audit import Audit
from core.dialects import Dialect, dialects
from core.face import FloatArray, Label
from core.label_change import LabelChange, difference
from core.metrics import Interval, norm_distances
from core.moves.movable import locked, places
from core.moves.rail import rail
from core.repair.plan import Planned, Repair, members, sources
from core.scheme import Region


@dataclass(frozen=True)
class ShiftDialects(Repair):
    """Points of each dialect's contour slide back by its offset, in the faces of its source.

    Points keep their order, and the shape of the curve stays. A face that two of them hold for gets both.
    """

    dialects: tuple[Dialect, ...]
    kind: str = field(default="shift dialect back", init=False)

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""
        norm = norm_distances(audit.evidence.expected, audit.scheme)
        regions = {region.name: region for region in audit.scheme.regions}
        rows = [(row, regions[row.region], members(audit, row.kind, row.source)) for row in self.dialects]

        def planned(face: int) -> Planned | None:
            first = label = audit.faces[face].label
            names: dict[str, None] = {}
            for row, region, inside in rows:
                if inside[face] and np.isfinite(norm[face]):
                    label = slid(label, region, row, -row.offset / 100 * float(norm[face])).applied_to(label)
                    names[region.name] = None
            change = difference(first, label)
            step = np.hypot(*(label.points - first.points)[change.indices].T).max(initial=0.0)
            return change, f"{', '.join(names)}: {len(change)} points moved along the contour by up to {step:.1f} px."

        return planned


def real_dialects(audit: Audit, groups: Sequence[Hashable]) -> list[Dialect]:
    """Dialects that are more than chance, the surest first; `groups` (F,) says who is on the faces.

    Where two sources have all faces between them each is given beside the other: which of them is right is not for
    figures to say.
    """
    parts = sources(audit)
    found: list[Dialect] = []
    for row in dialects(audit, groups).rows:
        if not row.real:
            continue
        found.append(row)
        others = ~members(audit, row.kind, row.source)
        beside = next(((kind, name) for kind, name, inside in parts if np.array_equal(inside, others)), None)
        if beside is not None:
            people = len({groups[face] for face in np.flatnonzero(others).tolist()})
            other = replace(row, kind=beside[0], source=beside[1], faces=int(others.sum()), people=people)
            turned = Interval(-row.interval.high, -row.interval.low)
            found.append(replace(other, offset=-row.offset, interval=turned))
    return found


def slid(label: Label, region: Region, row: Dialect, distance: float) -> LabelChange:
    """Points of a region moved along it by `distance` px, in the way of the dialect: all alike, or from its middle to
    its ends (where the ends go by `distance`). Locked points stay."""
    track = rail(label.points, region)
    points = np.full(label.points.shape, np.nan)
    if track is not None:
        points[track.indices] = track.slide(_weights(label, track.indices.tolist(), region, row), distance)
    return places(label, points)


def _weights(label: Label, indices: list[int], region: Region, row: Dialect) -> FloatArray:
    """(K,) of the points on the rail: how far each goes."""
    every = np.ones(len(region.indices))
    if row.motion == "stretch":
        every = np.linspace(-1.0, 1.0, len(region.indices))
    weights = every[[region.indices.index(index) for index in indices]]
    return np.where(locked(label)[indices], 0.0, weights)
