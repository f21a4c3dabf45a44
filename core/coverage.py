"""Do ellipses hold what they promise? Nominal against real share of labels inside, with intervals over people.

And the same seen another way: the distances of labels beside the distribution that they are promised to have.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.face import FloatArray
from core.metrics import Interval
from core.resampling import PeopleDraws
from core.scheme import Scheme
from core.tail import Tail

LEVELS = (0.5, 0.9, 0.95, 0.99)
OVERALL = "all"


@dataclass(frozen=True, slots=True)
class Coverage:
    """One figure.

    Attributes:
        region: name, or `OVERALL`.
        nominal: share that the ellipse is to hold.
        real: share of labelled points inside, the mean over faces of each face's share.
        interval: of `real`, 95 %, from drawing people.
    """

    region: str
    nominal: float
    real: float
    interval: Interval

    @property
    def good(self) -> bool:
        """Whether the real share is within 3 points of the nominal, or the nominal within the interval."""
        return abs(self.real - self.nominal) <= 0.03 or self.interval.low <= self.nominal <= self.interval.high


def coverage(
    distance: ArrayLike, tail: Tail, groups: Sequence[Hashable], scheme: Scheme, levels: Sequence[float] = LEVELS
) -> list[Coverage]:
    """Coverage of ellipses at `levels`, over all landmarks and for each region that has labelled points.

    Args:
        distance: (F, N) Mahalanobis distances of labels; NaN where missing.
        tail: says how far out the ellipse of a level is.
        groups: (F,) person of each face.
    """
    return drawn_coverage(distance, tail, PeopleDraws(groups), scheme, levels)


def drawn_coverage(
    distance: ArrayLike, tail: Tail, draws: PeopleDraws, scheme: Scheme, levels: Sequence[float] = LEVELS
) -> list[Coverage]:
    """As `coverage`, with draws of the people that are there already."""
    values = np.asarray(distance, np.float64)
    sets = {OVERALL: list(range(len(scheme)))} | {region.name: list(region.indices) for region in scheme.regions}
    names, shares = [], []
    for name, indices in sets.items():
        part = values[:, indices]
        count = np.isfinite(part).sum(axis=1)
        if not count.any():
            continue
        for level in levels:
            inside = (part <= tail.radius(level)).sum(axis=1)  # NaN is not
            shares.append(np.divide(inside, count, out=np.full(len(values), np.nan), where=count > 0))
            names.append((name, level))
    if not names:
        return []
    table = np.stack(shares, axis=1)
    intervals = draws.mean_intervals(table)
    return [
        Coverage(name, level, float(np.nanmean(table[:, i])), Interval(float(intervals[i, 0]), float(intervals[i, 1])))
        for i, (name, level) in enumerate(names)
    ]


@dataclass(frozen=True, eq=False, slots=True)
class DistanceHistogram:
    """Mahalanobis distances of labels in bins, the last of which holds all that are farther.

    Attributes:
        edges: (B + 1,) of the bins, from 0.
        share: (B,) of all labelled points.
        expected: (B,) as the calibrated tail promises.
        count: of labelled points.
    """

    edges: FloatArray
    share: FloatArray
    expected: FloatArray
    count: int


def distance_histogram(distance: ArrayLike, tail: Tail, far: float = 6.0, bins: int = 24) -> DistanceHistogram:
    """Of distances of any shape, NaN left out: `bins` equal ones up to `far`, and one for the rest."""
    values = np.asarray(distance, np.float64)
    known = values[np.isfinite(values)]
    edges = np.append(np.linspace(0.0, far, bins + 1), np.inf)
    counts = np.histogram(known, edges)[0]
    expected = -np.diff(tail.p(edges))
    return DistanceHistogram(edges, counts / max(len(known), 1), expected, len(known))
