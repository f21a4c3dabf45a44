"""Misfit of whole faces and regions: many points a little off together, which no single point shows.

The misfit of a set of points is the mean of their squared distances, each cut at 6 standard deviations so that one
wrong point is not taken for a wrong face; `TYPICAL` is the median of a face instead, which no few wrong points change.
Right labels of a face deviate together, so that neither has a chi-square distribution; its logarithm is taken as
normal, by median and median absolute deviation over calibration faces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfc

from core.face import FloatArray
from core.scheme import Scheme

WHOLE = "all"
TYPICAL = "typical"

_CUT = 6.0
_MAD_NORMAL = 1.4826
_LEAST = 1e-3
_UNKNOWN = (math.log(2.0), 0.5)
_TYPICAL = math.log(2 * math.log(2))


@dataclass(frozen=True, slots=True)
class Misfit:
    """Distribution of the misfit of right labels: `known` maps names of `misfits` to (mean, sd) of its log."""

    known: Mapping[str, tuple[float, float]]

    def p(self, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Probability (F,) of at least such a misfit with right labels, of `misfits`; NaN where unknown."""
        result = {}
        for name, value in values.items():
            centre, spread = self._of(name)
            with np.errstate(divide="ignore"):
                far = (np.log(value) - centre) / spread
            result[name] = np.asarray(0.5 * erfc(far / math.sqrt(2)), np.float64)
        return result

    def _of(self, name: str) -> tuple[float, float]:
        """Calibrations from before there was `TYPICAL` know only how much whole faces differ."""
        if name == TYPICAL and name not in self.known:
            return _TYPICAL, self.known.get(WHOLE, _UNKNOWN)[1]
        return self.known.get(name, _UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """For a model's header."""
        return {name: [round(centre, 4), round(spread, 4)] for name, (centre, spread) in self.known.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Misfit:
        """Inverse of `to_json`; TypeError or ValueError for damage."""
        known = {str(name): (float(centre), float(spread)) for name, (centre, spread) in data.items()}
        if not all(math.isfinite(centre) and 0 < spread < math.inf for centre, spread in known.values()):
            raise ValueError("a misfit has an impossible spread")
        return cls(known)


def misfits(distance: ArrayLike, scheme: Scheme) -> dict[str, FloatArray]:
    """Misfit (F,) of whole faces, of each region, and `TYPICAL`, of distances (F, N); NaN where nothing is known.

    Distances are Mahalanobis distances with calibrated covariances; NaN where a point is missing.
    """
    square = np.minimum(np.asarray(distance, np.float64), _CUT) ** 2
    known = np.isfinite(square)
    filled = np.where(known, square, 0.0)
    sets = {WHOLE: list(range(len(scheme)))} | {region.name: list(region.indices) for region in scheme.regions}
    result = {}
    for name, indices in sets.items():
        count = known[:, indices].sum(axis=1)
        total = filled[:, indices].sum(axis=1)
        result[name] = np.divide(total, count, out=np.full(len(square), np.nan), where=count > 0)
    some = known.any(axis=1)
    middle = np.nanmedian(np.where(some[:, None], np.where(known, square, np.nan), 0.0), axis=1)
    result[TYPICAL] = np.where(some, middle, np.nan)
    return result


def fit_misfit(distance: ArrayLike, scheme: Scheme) -> Misfit:
    """Fit to the distances (F, N) of calibration faces."""
    known = {}
    for name, values in misfits(distance, scheme).items():
        logs = np.log(np.maximum(values[np.isfinite(values)], _LEAST))
        if len(logs):
            centre = float(np.median(logs))
            spread = float(np.median(np.abs(logs - centre))) * _MAD_NORMAL
            known[name] = (centre, max(spread, 0.05))
    return Misfit(known)
