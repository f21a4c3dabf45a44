"""How sure a figure is: one set of bootstrap draws of people, for many figures at once.

Faces of one person are alike, so that people are drawn, with all their faces (a cluster bootstrap; Davison and Hinkley
1997, section 3.8). `core.metrics.bootstrap_interval` draws anew for each figure, which is dear for hundreds of them;
the draws here are the same as its.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.face import FloatArray
from core.metrics import Interval

_CHUNK = 4_000_000
"""Numbers held at once."""


class PeopleDraws:
    """Draws, with replacement, of the people of F faces."""

    def __init__(self, groups: Sequence[Hashable], resamples: int = 2000, seed: int = 0) -> None:
        """`groups` (F,) says who is who, F >= 1; `resamples` sets of draws are made from `seed`."""
        if not len(groups) or resamples < 1:
            raise ValueError("there must be a face and a draw")
        numbers: dict[Hashable, int] = {}
        self.group: NDArray[np.intp] = np.array([numbers.setdefault(name, len(numbers)) for name in groups])
        self.people = len(numbers)
        rng = np.random.default_rng(seed)
        share = np.full(self.people, 1 / self.people)
        self._step = max(1, _CHUNK // len(groups))
        self._times = np.concatenate(
            [
                rng.multinomial(self.people, share, min(self._step, resamples - start)).astype(np.int32)
                for start in range(0, resamples, self._step)
            ]
        )

    def mean_intervals(self, values: ArrayLike, level: float = 0.95) -> FloatArray:
        """Intervals (K, 2) of the means over faces of `values` (F, K), NaN where unknown; NaN of nothing known."""
        array = np.asarray(values, np.float64)
        known = np.isfinite(array)
        total, count = self.sums(np.where(known, array, 0.0)), self.sums(known)
        drawn = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return quantile_intervals(drawn, level)

    def sums(self, values: ArrayLike) -> FloatArray:
        """Sums (R, K) over the faces of each draw of `values` (F, K), all known: for figures made of such sums."""
        array = np.asarray(values, np.float64)
        sums = np.zeros((self.people, array.shape[1]))
        np.add.at(sums, self.group, array)
        return np.concatenate(
            [
                self._times[start : start + self._step].astype(np.float64) @ sums
                for start in range(0, len(self._times), self._step)
            ]
        )

    def median_interval(self, values: ArrayLike, level: float = 0.95, resamples: int = 400) -> Interval:
        """Interval of the median over faces of `values` (F,), NaN where unknown, from the first `resamples` draws.

        Of an even number the lower of the two middle values counts. NaN where nothing is known.
        """
        array = np.asarray(values, np.float64)
        faces = np.flatnonzero(np.isfinite(array))
        if not len(faces):
            return Interval(np.nan, np.nan)
        order = faces[np.argsort(array[faces], kind="stable")]
        medians = []
        for start in range(0, min(resamples, len(self._times)), self._step):
            stop = min(start + self._step, resamples)
            upto = np.cumsum(self._times[start:stop][:, self.group[order]], axis=1, dtype=np.int32)
            drawn = upto[upto[:, -1] > 0]
            middle = (2 * drawn >= drawn[:, -1:]).argmax(axis=1)
            medians.append(array[order[middle]])
        tail = (1 - level) / 2
        found = np.concatenate(medians)
        if not len(found):
            return Interval(np.nan, np.nan)
        low, high = np.quantile(found, [tail, 1 - tail])
        return Interval(float(low), float(high))


def quantile_intervals(drawn: FloatArray, level: float = 0.95) -> FloatArray:
    """Percentile intervals (K, 2) of figures as drawn (R, K), NaN where a draw has none; NaN where no draw has one."""
    result = np.full((drawn.shape[1], 2), np.nan)
    tail = (1 - level) / 2
    for column in range(drawn.shape[1]):
        found = drawn[np.isfinite(drawn[:, column]), column]
        if len(found):
            result[column] = np.quantile(found, [tail, 1 - tail])
    return result
