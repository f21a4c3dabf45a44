"""A verdict for each labelled point: right, merely ambiguous, or wrong, and in what way.

In this order, the first that holds:

* missing: there is no label;
* swapped: it and its left-right partner both fit each other's place much better than their own;
* shifted: with its neighbours on a contour it fits the next point's place much better (off by one);
* ambiguous: it deviates mainly along its contour and lies within the calibrated ellipse of `inside`;
* unsure: it would be suspect, but there the model itself does not know (two peaks, a broad heatmap, a crop's border);
* suspect: a finding at the false-discovery rate, over all points of the data set;
* ok.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.evidence import Evidence
from core.face import FloatArray, Prediction
from core.false_discovery import findings
from core.scheme import Region
from core.transforms import Crop


class Verdict(StrEnum):
    """What is to be thought of a point's label."""

    OK = "ok"
    AMBIGUOUS = "ambiguous"
    SUSPECT = "suspect"
    SWAPPED = "swapped"
    SHIFTED = "shifted"
    MISSING = "missing"
    UNSURE = "unsure"


WRONG = (Verdict.SUSPECT, Verdict.SWAPPED, Verdict.SHIFTED)
"""Verdicts that call a label wrong."""


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """Limits of the verdicts; the defaults are those of `benchmarks/label_errors.py`.

    Attributes:
        rate: false-discovery rate of suspects.
        inside: share of right labels in the ellipse within which a deviation along the contour is ambiguity.
        noticed: least share of right labels that lie nearer, for a deviation to be called ambiguous and not ok.
        lengthwise: a deviation is along its contour where it is this many times as far along as across.
        gain: fall of the squared distance by which a swap or a shift must explain a point better.
        two_peaks: share of the heatmap's mass at the second peak from which on the model sees two places.
        broad: share of the mass near the peak below which the heatmap is broad.
        border: share of the crop's side; predictions nearer to its border, and labels beyond it, are cut off.
    """

    rate: float = 0.05
    inside: float = 0.99
    noticed: float = 0.8
    lengthwise: float = 2.0
    gain: float = 12.0
    two_peaks: float = 0.3
    broad: float = 0.12
    border: float = 0.01


DEFAULTS = VerdictSettings()
_MIN_RUN = 3
_CUT = 8.0
"""Distances count no more than this where costs are compared."""

Verdicts = NDArray[np.str_]
"""(F, N) of `Verdict` values."""


def point_verdicts(
    evidence: Evidence, predictions: Sequence[Prediction], settings: VerdictSettings = DEFAULTS
) -> Verdicts:
    """The verdicts of all points (F, N); `predictions` are those that the evidence was gathered from."""
    e = evidence
    missing = np.isnan(e.labels).any(axis=-1)
    swapped, shifted = swapped_points(e, settings), shifted_points(e, settings) != 0
    with np.errstate(invalid="ignore"):
        lengthwise = np.abs(e.tangential) >= settings.lengthwise * np.abs(e.normal)
        inside = e.p_alone > 1 - settings.inside
        noticed = (e.p_alone < 1 - settings.noticed) | (e.p_rest < 1 - settings.inside)
    found = findings(e.p, settings.rate)
    # A deviation along the contour that is no finding is ambiguity too, even beyond the ellipse.
    ambiguous = lengthwise & noticed & (inside | ~found)
    unsure = found & ~ambiguous & unsure_points(e, predictions, settings)
    conditions = [missing, swapped, shifted, ambiguous, unsure, found]
    names = [
        Verdict.MISSING,
        Verdict.SWAPPED,
        Verdict.SHIFTED,
        Verdict.AMBIGUOUS,
        Verdict.UNSURE,
        Verdict.SUSPECT,
    ]
    return np.select(conditions, [name.value for name in names], Verdict.OK.value)


def swapped_points(evidence: Evidence, settings: VerdictSettings = DEFAULTS) -> NDArray[np.bool_]:
    """(F, N): points that change places with their left-right partner."""
    flip = np.array(evidence.scheme.flip)
    radius = evidence.calibration.tail.radius(settings.inside)
    own, other = evidence.distance, evidence.distance_to(flip)
    with np.errstate(invalid="ignore"):
        gain = _capped(own) - _capped(other)
        one = (gain > settings.gain) & (other <= radius)
    result: NDArray[np.bool_] = one & one[:, flip] & (flip != np.arange(len(flip)))
    return result


def shifted_points(evidence: Evidence, settings: VerdictSettings = DEFAULTS) -> NDArray[np.int64]:
    """(F, N): by how many points (+1, -1) runs of points are off along their contour; 0 where they are not."""
    tail = evidence.calibration.tail
    result = np.zeros(evidence.distance.shape, np.int64)
    best = np.zeros(len(evidence))
    for region in evidence.scheme.regions:
        if len(region.indices) < _MIN_RUN + 2:
            continue
        best[:] = 0.0
        for step in (1, -1):
            own, order = _neighbours(region, step)
            target = np.arange(len(evidence.scheme))
            target[own] = order
            other = evidence.distance_to(target)[:, own]
            gain = _capped(evidence.distance[:, own]) - _capped(other) - settings.gain / _MIN_RUN
            gain = np.where(np.isnan(gain), -settings.gain, gain)
            for face in np.flatnonzero(np.maximum(gain, 0.0).sum(axis=1) > np.maximum(best, 2 * settings.gain)):
                total, start, stop = _best_run(gain[face])
                if stop - start < _MIN_RUN or total <= max(best[face], 2 * settings.gain):
                    continue
                # A slip within the ellipses is ambiguity, even where the next point's place is near.
                far = np.nanmedian(evidence.distance[face, own[start:stop]]) > tail.radius(settings.inside)
                if far and np.nanmedian(other[face, start:stop]) <= tail.radius(0.95):
                    best[face] = total
                    result[face, list(region.indices)] = 0
                    result[face, own[start:stop]] = step
    return result


def unsure_points(
    evidence: Evidence, predictions: Sequence[Prediction], settings: VerdictSettings = DEFAULTS
) -> NDArray[np.bool_]:
    """(F, N): points where the model does not know: two peaks, a broad heatmap, or cut off by the crop."""
    result = np.zeros(evidence.distance.shape, np.bool_)
    for face, prediction in enumerate(predictions):
        crop = Crop(*prediction.crop)
        limit = crop.size_px * (0.5 - settings.border)
        centre = np.array([crop.cx, crop.cy])
        with np.errstate(invalid="ignore"):
            outside = (np.abs(evidence.labels[face] - centre) > crop.size_px / 2).any(axis=-1)
        outside |= (np.abs(prediction.mean - centre) > limit).any(axis=-1)
        two = prediction.second_share >= settings.two_peaks
        result[face] = outside | two | (prediction.peak_mass < settings.broad)
    return result


@dataclass(frozen=True, slots=True)
class PointFinding:
    """One point's verdict with its numbers.

    Attributes:
        index: of the point.
        d: Mahalanobis distance with calibrated covariance; NaN where missing, as the next three.
        given: distance from where the rest of the face says that it should be.
        along, across: px, in the axes of the ellipse.
        p: probability of a right label as far away; small is suspect.
        text: one plain sentence.
    """

    index: int
    verdict: Verdict
    d: float
    given: float
    along: float
    across: float
    p: float
    text: str


def finding(evidence: Evidence, verdicts: Verdicts, face: int, index: int) -> PointFinding:
    """One point's verdict, told."""
    verdict = Verdict(str(verdicts[face, index]))
    row = (evidence.distance, evidence.given_rest, evidence.along, evidence.across, evidence.p)
    d, given, along, across, p = (float(values[face, index]) for values in row)
    return PointFinding(index, verdict, d, given, along, across, p, _sentence(evidence, verdict, face, index))


def _sentence(evidence: Evidence, verdict: Verdict, face: int, index: int) -> str:
    scheme = evidence.scheme
    name = scheme.points[index]
    if verdict is Verdict.MISSING:
        return f"{name} has no label."
    partner = scheme.points[scheme.flip[index]]
    length, off = float(evidence.tangential[face, index]), float(evidence.normal[face, index])
    far = f"{np.hypot(length, off):.1f} px from where it is expected"
    d, given = float(evidence.distance[face, index]), float(evidence.given_rest[face, index])
    if verdict is Verdict.SWAPPED:
        return f"{name} and {partner} have changed places: each lies where the other is expected."
    if verdict is Verdict.SHIFTED:
        return f"{name} and its neighbours lie where the next point of the contour is expected."
    if verdict is Verdict.AMBIGUOUS:
        return f"{name} is {far}, {abs(length):.1f} px of it along the contour: within what labels differ by there."
    if verdict is Verdict.UNSURE:
        return f"{name} is {far}, but the model itself is not sure of this point: look for yourself."
    if verdict is Verdict.SUSPECT and given > d:
        return f"{name} is {far}, and {given:.1f} standard deviations from where the rest of the face puts it."
    if verdict is Verdict.SUSPECT:
        return f"{name} is {far}, {d:.1f} standard deviations: more than ambiguity explains."
    return f"{name} is {far}, {d:.1f} standard deviations: no more than usual among so many points."


def _capped(distance: FloatArray) -> FloatArray:
    square: FloatArray = np.minimum(distance, _CUT) ** 2
    return square


def _neighbours(region: Region, step: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """A region's points in order, and for each the point `step` further on; those that have one."""
    indices = np.array(region.indices)
    if region.closed:
        return indices, np.roll(indices, -step)
    return (indices[:-1], indices[1:]) if step > 0 else (indices[1:], indices[:-1])


def _best_run(gain: FloatArray) -> tuple[float, int, int]:
    """The run [start, stop) of largest sum (Kadane's algorithm)."""
    best, span, total, start = 0.0, (0, 0), 0.0, 0
    for place, value in enumerate(gain.tolist()):
        if total <= 0:
            total, start = 0.0, place
        total += value
        if total > best:
            best, span = total, (start, place + 1)
    return best, *span
