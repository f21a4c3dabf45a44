"""Which points a selection by range, region, rectangle or key means. No Qt, no state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.face import FloatArray
from core.scheme import Scheme


def along(scheme: Scheme, first: int, last: int) -> tuple[int, ...]:
    """The points from `first` to `last` along the curve that both are on, the shorter way round a closed one; without
    such a curve only the two."""
    for region in scheme.regions:
        if first in region.indices and last in region.indices:
            run, count = list(region.indices), len(region.indices)
            start, stop = run.index(first), run.index(last)
            step = 1 if stop >= start else -1
            if region.closed and abs(stop - start) > count / 2:
                step = -step
            steps = (stop - start) * step % count if region.closed else abs(stop - start)
            return tuple(run[(start + step * k) % count] for k in range(steps + 1))
    return tuple(dict.fromkeys((first, last)))


def regions_of(scheme: Scheme, indices: Sequence[int]) -> tuple[int, ...]:
    """All points of the curves that the points are on (of several the first), in order; a point of none for itself."""
    found: dict[int, None] = {}
    for index in indices:
        region = scheme.region_of(index)
        found.update(dict.fromkeys((index,) if region is None else region.indices))
    return tuple(found)


def inside(points: FloatArray, left: float, top: float, right: float, bottom: float) -> tuple[int, ...]:
    """Rows of `points` (N, 2) within the rectangle, both px; missing ones are nowhere."""
    with np.errstate(invalid="ignore"):
        within = (points >= (left, top)).all(axis=1) & (points <= (right, bottom)).all(axis=1)
    return tuple(np.flatnonzero(within).tolist())


def step(points: FloatArray, current: int | None, by: int) -> int | None:
    """The next (`by` 1) or previous (-1) row of `points` (N, 2) that is not missing, round the end; None of none.

    Without a current one it is the first or the last.
    """
    there = np.flatnonzero(np.isfinite(points).all(axis=1)).tolist()
    if not there:
        return None
    if current is None:
        return there[0] if by > 0 else there[-1]
    if by > 0:
        return next((index for index in there if index > current), there[0])
    return next((index for index in reversed(there) if index < current), there[-1])
