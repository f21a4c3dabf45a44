"""Do ellipses hold what they promise? Nominal against real share of labels inside, with intervals over people."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.face import FloatArray
from core.metrics import Interval, bootstrap_interval
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
    values = np.asarray(distance, np.float64)
    sets = {OVERALL: list(range(len(scheme)))} | {region.name: list(region.indices) for region in scheme.regions}
    result = []
    for name, indices in sets.items():
        part = values[:, indices]
        faces = np.flatnonzero(np.isfinite(part).any(axis=1))
        if not len(faces):
            continue
        people = [groups[face] for face in faces.tolist()]
        for level in levels:
            inside: FloatArray = np.where(np.isfinite(part[faces]), part[faces] <= tail.radius(level), np.nan)
            shares = np.nanmean(inside, axis=1)
            result.append(Coverage(name, level, float(shares.mean()), bootstrap_interval(shares, people)))
    return result
