"""How much likelier a label is with an error of a known form in it than without: what the queue is ordered by.

A distance alone asks how rare a label is; that is most where labels are precise, and says little of whether an error
would look like that. Beside a form of error - a point off by some share of the face, a part of a contour slipped along
it - both can be asked: in the factor models of `core.face_modes` an error adds a known vector d to the deviations y,
and with P the inverse of their covariance

    ln p(y - d) - ln p(y) = d' P y - d' P d / 2,

the log likelihood ratio of Neyman and Pearson (1933), for a contour the matched filter (Turin 1960). Errors of a form
come in all directions, sizes and places: the ratio is averaged over these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.face import FloatArray
from core.face_modes import FaceModes, GivenRest
from core.scheme import Region, Scheme

SIZES = (0.025, 0.05, 0.075)
"""Of errors, as shares of the face's size (`core.face_frame`): about 5, 10 and 15 % of the eyes' distance."""

_TURNS = np.arange(8) * np.pi / 4
_DIRECTIONS = np.stack([np.cos(_TURNS), np.sin(_TURNS)], -1)
_MIN_CONTOUR = 9
"""Shorter contours slip as single points do."""
_MEDIAN_SQUARE = 2 * np.log(2)
"""Median squared distance of normal points in the plane."""
_LEAST_ROUGH = 0.25
_CALIBRATOR = 0.1


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """Deviations of faces as one model of them sees them.

    Attributes:
        modes: of the deviations.
        whitened: (F, N, 2), NaN where missing.
        given: each point beside the others.
        units: (F, N, 2, 2): what a vector of image px at each point is in whitened deviations.
        variance: of the residuals over the model's: > 1 for labels that are all rougher.
    """

    modes: FaceModes
    whitened: FloatArray
    given: GivenRest
    units: FloatArray
    variance: float

    def part(self, faces: slice) -> Seen:
        """Some of the faces."""
        given = GivenRest(*(values[faces] for values in self.given))
        return Seen(self.modes, self.whitened[faces], given, self.units[faces], self.variance)

    @property
    def distance(self) -> FloatArray:
        """(F, N) of points from what the others say, in standard deviations of these labels; NaN where missing."""
        return self.given.distance * (self.modes.scale / math.sqrt(self.variance))

    def roughness(self) -> FloatArray:
        """(F,) by how much the variances of each face are greater than the model's.

        Half of what its own median says (in logarithms): faces are rough or not, and 68 points do not tell how much.
        """
        square = self.distance**2
        known: NDArray[np.bool_] = np.asarray(np.isfinite(square).any(axis=1))
        median = np.where(known, np.nanmedian(np.where(known[:, None], square, 1.0), axis=1), _MEDIAN_SQUARE)
        result: FloatArray = self.variance * np.sqrt(np.maximum(median / _MEDIAN_SQUARE, _LEAST_ROUGH))
        return result


def point_odds(seen: list[Seen], size: FloatArray) -> FloatArray:
    """(F, N) log likelihood ratios of one point moved against none, summed over what the models see.

    Averaged over directions and `SIZES` of faces of `size` (F,) px. 0 where the point is missing.
    """
    total: FloatArray = np.zeros((*seen[0].whitened.shape[:2], len(SIZES), len(_DIRECTIONS)))
    for one in seen:
        residual = np.nan_to_num(one.given.residual)
        pulled = np.einsum("fnba,fnbc->fnac", one.units, one.given.precision)
        slope = np.einsum("fnab,fnb,ua->fnu", pulled, residual, _DIRECTIONS, optimize=True)
        bend = np.einsum("fnab,fnbc,ua,uc->fnu", pulled, one.units, _DIRECTIONS, _DIRECTIONS, optimize=True)
        rough = one.roughness()[:, None, None]
        for place, share in enumerate(SIZES):
            length = (share * size)[:, None, None]
            total[:, :, place] += (length * slope - length**2 * bend / 2) / rough
    return log_mean(total.reshape(*total.shape[:2], -1))


def slip_odds(seen: list[Seen], tangents: FloatArray, size: FloatArray, scheme: Scheme) -> FloatArray | None:
    """(F, H) log likelihood ratios of a part of a contour slipped along it against none; None without long contours.

    Args:
        tangents: (F, N, 2) unit vectors of the image; NaN where there is no contour.
        size: (F,) px, of the faces.
    """
    parts = [part for region in scheme.regions for part in _parts(region)]
    if not parts:
        return None
    total: FloatArray = np.zeros((len(size), len(parts), 2 * len(SIZES)))
    for one in seen:
        step = np.einsum("fnab,fnb->fna", one.units, np.nan_to_num(tangents)) * size[:, None, None]
        directions = np.zeros((len(size), len(parts), *step.shape[1:]))
        for place, part in enumerate(parts):
            directions[:, place, part] = step[:, part]
        slope, bend = one.modes.along(one.whitened, directions)
        rough = one.roughness()[:, None]
        for place, share in enumerate([*SIZES, *(-share for share in SIZES)]):
            total[..., place] += (share * slope - share**2 * bend / 2) / rough
    return log_mean(total)


def _parts(region: Region) -> list[NDArray[np.intp]]:
    """The inner points of a long open contour: all, halves, quarters."""
    inner = np.array(region.indices[1:-1], np.intp)
    if region.closed or len(region.indices) < _MIN_CONTOUR:
        return []
    return [part for count in (1, 2, 4) for part in np.array_split(inner, count) if len(part) > 2]


def surprise_odds(p: FloatArray) -> FloatArray:
    """Evidence (...) of p-values (...) in nats, as a log likelihood ratio, for an error of no particular form.

    ln(k p^(k - 1)) averages to a ratio of 1 where p is uniform, as a likelihood ratio does where there is no error
    (Vovk and Wang 2021, E-values). NaN counts as 1.
    """
    safe = np.clip(np.where(np.isnan(p), 1.0, p), 1e-300, 1.0)
    return np.asarray(math.log(_CALIBRATOR) + (_CALIBRATOR - 1) * np.log(safe), np.float64)


def log_mean(values: FloatArray) -> FloatArray:
    """ln of the mean of exp over the last axis, for logarithms (..., K)."""
    most = values.max(axis=-1)
    result: FloatArray = most + np.log(np.exp(values - most[..., None]).mean(axis=-1))
    return result
