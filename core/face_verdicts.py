"""Verdicts on whole faces: labels that are another face's, of another order, or of a picture turned since.

Each is a hypothesis about how the label came to be as it is. It is believed where the label, changed back that way,
fits the prediction well, and does not fit as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from core.ambiguity import split_deviation
from core.evidence import Evidence
from core.face import FloatArray, Prediction
from core.misfit import WHOLE, misfits
from core.similarity import similarity


class FaceVerdict(StrEnum):
    """What is to be thought of a face's whole label."""

    OK = "ok"
    SWAPPED = "left and right swapped"
    MIRRORED = "mirrored image"
    ROTATED = "rotated image"
    ORDER = "wrong order"
    BOX = "box mismatch"
    OTHER_FACE = "wrong face"
    EMPTY = "no label"


TEXTS = {
    FaceVerdict.OK: "The label fits the face.",
    FaceVerdict.SWAPPED: "Left and right are swapped: with its sides exchanged, the label fits.",
    FaceVerdict.MIRRORED: "The image was mirrored after it was labelled, or the label was: mirrored, the label fits.",
    FaceVerdict.ROTATED: "The image was turned after it was labelled: turned with it, the label fits.",
    FaceVerdict.ORDER: "The points are in another order than the scheme says: the places fit, their names do not.",
    FaceVerdict.BOX: "The label has the shape of the predicted face, but another place, size or tilt.",
    FaceVerdict.OTHER_FACE: "Label and prediction disagree all over: another face's label, or the model fails here.",
    FaceVerdict.EMPTY: "There is no label.",
}

_EXPLAIN = 5.0
"""Misfit from which on a change is looked for that explains it; right labels have 2, one in twenty has 5."""
_DOUBT = 9.0
"""Misfit from which on a whole label that no change explains is doubted: a mean distance of 3 standard deviations."""
_FITS = 4.0
"""Misfit up to which a changed label fits: 2 standard deviations."""
_SAME_SHAPE = 5.0
_REORDERED = 0.15
"""Share of points with another name from which on the order is called wrong."""


@dataclass(frozen=True, slots=True)
class FaceFinding:
    """A face's verdict with its numbers.

    Attributes:
        score: suspect score: -log10 of the probability of a right label that looks as wrong.
        misfit: mean squared distance of the label as it is (about 2 for right labels); NaN without a label.
        changed: the same of the label changed back as the verdict says; NaN where it names no change.
    """

    verdict: FaceVerdict
    score: float
    misfit: float
    changed: float

    @property
    def text(self) -> str:
        """One plain sentence."""
        return TEXTS[self.verdict]


def face_findings(
    evidence: Evidence, predictions: Sequence[Prediction], sizes: Sequence[tuple[int, int] | None]
) -> list[FaceFinding]:
    """A finding for each face; `sizes` are (width, height) px of the upright images, None where not known."""
    misfit = misfits(evidence.distance, evidence.scheme)[WHOLE]
    flip = np.array(evidence.scheme.flip)
    swapped = misfits(evidence.distance_to(flip), evidence.scheme)[WHOLE]
    result = []
    for face, (value, score) in enumerate(zip(misfit.tolist(), evidence.scores.tolist(), strict=True)):
        verdict, changed = FaceVerdict.OK, np.nan
        if np.isnan(value):
            verdict = FaceVerdict.EMPTY
        elif swapped[face] < min(_FITS, value / 2):
            verdict, changed = FaceVerdict.SWAPPED, float(swapped[face])
        elif value > _EXPLAIN:
            verdict, changed = _explain(evidence, face, value, sizes[face])
        result.append(FaceFinding(verdict, score, value, changed))
    return result


def _explain(
    evidence: Evidence, face: int, misfit: float, size: tuple[int, int] | None
) -> tuple[FaceVerdict, float]:
    """The best explanation of a label that does not fit as it is."""
    label = evidence.labels[face]
    candidates: list[tuple[float, FaceVerdict]] = []
    if size is not None:
        candidates += [(_misfit(evidence, face, turned), FaceVerdict.ROTATED) for turned in _turned(label, *size)]
        mirrored = label * [-1.0, 1.0] + [size[0] - 1.0, 0.0]
        flip = list(evidence.scheme.flip)
        candidates += [(_misfit(evidence, face, one), FaceVerdict.MIRRORED) for one in (mirrored, mirrored[flip])]
    renamed, share = _reordered(evidence, face)
    if share >= _REORDERED:
        candidates.append((_misfit(evidence, face, renamed), FaceVerdict.ORDER))
    best, verdict = min(candidates, default=(np.inf, FaceVerdict.OK), key=lambda item: item[0])
    if best < min(_FITS, misfit / 2):
        return verdict, best
    if misfit <= _DOUBT:
        return FaceVerdict.OK, np.nan
    aligned = _misfit(evidence, face, align(label, evidence.expected[face]))
    if aligned < min(_SAME_SHAPE, misfit / 2):
        return FaceVerdict.BOX, aligned
    return FaceVerdict.OTHER_FACE, np.nan


def _misfit(evidence: Evidence, face: int, label: FloatArray) -> float:
    sigma = evidence.sigma[face]
    split = split_deviation(label, evidence.expected[face], evidence.raw[face])
    distance = np.hypot(split.along / sigma[:, 0], split.across / sigma[:, 1])
    return float(misfits(distance[None], evidence.scheme)[WHOLE][0])


def _turned(label: FloatArray, width: int, height: int) -> list[FloatArray]:
    """The label (N, 2) turned by 90, 180 and 270 degrees; `width` and `height` are those of the image as it is now."""
    x, y = label[:, 0], label[:, 1]
    return [
        np.stack([width - 1 - y, x], -1),
        np.stack([width - 1 - x, height - 1 - y], -1),
        np.stack([y, height - 1 - x], -1),
    ]


def _reordered(evidence: Evidence, face: int) -> tuple[FloatArray, float]:
    """The label with its points renamed to fit best, and the share of points that got another name.

    By the assignment of least total distance (Kuhn 1955). Not counted are points that lie within 3 standard deviations
    of their own place, and those that change with a neighbour on their contour: `core.verdicts` calls them shifted.
    """
    label, expected = evidence.labels[face], evidence.expected[face]
    known = np.flatnonzero(np.isfinite(label).all(axis=1))
    size = float(evidence.frame.size[face])
    distance = np.hypot(*np.moveaxis(label[known, None] - expected[None, known], -1, 0)) / size
    rows, columns = linear_sum_assignment(np.minimum(distance, 1.0) ** 2)
    renamed = np.full_like(label, np.nan)
    renamed[known[columns]] = label[known[rows]]
    own = evidence.distance[face, known[rows]] <= 3.0
    near = _neighbours(evidence)[known[rows], known[columns]]
    changed = (rows != columns) & ~own & ~near
    return renamed, float(changed.mean()) if len(changed) else 0.0


def _neighbours(evidence: Evidence) -> NDArray[np.bool_]:
    """(N, N): which points follow each other on a contour."""
    near = np.zeros((len(evidence.scheme),) * 2, np.bool_)
    for region in evidence.scheme.regions:
        indices = list(region.indices)
        after = indices[1:] + indices[:1] if region.closed else indices[1:]
        for one, other in zip(indices, after, strict=False):
            near[one, other] = near[other, one] = True
    return near


def align(points: FloatArray, target: FloatArray) -> FloatArray:
    """`points` (N, 2) moved onto `target` (N, 2) by the similarity of least squares.

    Points missing in either do not count; fewer than three in common, or no extent, leave the points as they are.
    """
    known = np.isfinite(points).all(axis=1) & np.isfinite(target).all(axis=1)
    laid = similarity(points, target)
    if known.sum() < 3 or laid is None or not np.ptp(points[known], axis=0).any():
        return points
    return laid(points)
