"""One label of each face from those of several annotators.

At every landmark the labels, without their annotators' habits, are averaged with the inverses of the annotators' own
covariances as weights (generalised least squares): who is sure along the contour decides along it, and who is sure
across it, across. A label far from the others is no noise, and hardly counts: weights fall with the fourth power of its
Mahalanobis distance beyond `_FAR`, and the search starts at the median, so that one gross error among three is left
aside. Of two that differ so much, nobody can say which is wrong: the point is marked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.annotator_law import AnnotatorLaw, annotator_law
from core.face import ByteArray, FloatArray, Label, PointFlag, Visibility
from core.repeated_labels import LocalFrames, RepeatedLabels, all_known, median_known

LEAST_LABELS = 2
"""Annotators who must have labelled a face for it to have a consensus."""

_FAR = math.sqrt(-2 * math.log(0.01))
"""Mahalanobis distance that 1 % of right labels pass (chi-square with two degrees of freedom)."""

_GROSS = math.sqrt(-2 * math.log(0.001))
_ROUNDS = 50


@dataclass(frozen=True, eq=False, slots=True)
class Consensus:
    """What came of F faces of N points.

    Attributes:
        points: (F, N, 2) px; NaN where there is none.
        covariance: (F, N, 2, 2) px^2: how sure the place is: from the annotators' covariances, and since as many
            others would have had other habits.
        visibility: (F, N) of `Visibility`, by majority.
        weights: (F, A, N) in [0, 1]: how much of each label counted; NaN where it is missing.
        gross: (F, A, N): labels so far from the others that 1 in 1,000 right ones would be.
        disputed: (F, N): points where so many are gross that no two labels agree.
        usable: (F,) faces with a consensus: `LEAST_LABELS` labels, and a normaliser.
    """

    scheme: str
    points: FloatArray
    covariance: FloatArray
    visibility: ByteArray
    weights: FloatArray
    gross: NDArray[np.bool_]
    disputed: NDArray[np.bool_]
    usable: NDArray[np.bool_]

    def label(self, face: int) -> Label:
        """The label of a face; disputed points are marked for a second look."""
        flags = np.where(self.disputed[face], np.uint8(PointFlag.MARKED), np.uint8(0))
        return Label(self.scheme, self.points[face], self.visibility[face], flags)


def consensus(labels: RepeatedLabels, law: AnnotatorLaw | None = None) -> Consensus:
    """The consensus of every face; `law` as estimated from the same labels, or from others of the same annotators."""
    law = annotator_law(labels) if law is None else law
    frames = labels.frames
    places = frames.offsets - np.nan_to_num(law.bias)[None]
    known = all_known(places)
    precision = np.asarray(np.linalg.inv(_usable_spread(law, frames)), np.float64)
    centre, weights, information = _average(places, known, precision)
    distance = _distances(places, known, centre, precision)
    gross = np.asarray(known & (distance > _GROSS))
    usable = (labels.labelled.sum(axis=1) >= LEAST_LABELS) & np.isfinite(frames.norm)
    visibility = labels.majority()
    # Points that fewer than one annotator in two left out are placed by the others.
    there = usable[:, None] & known.any(axis=1) & (visibility != Visibility.MISSING)
    points = np.where(there[..., None], frames.to_image(centre), np.nan)
    spread = np.linalg.inv(np.where(there[..., None, None], information, np.eye(2)))
    spread = spread + np.nan_to_num(law.between) / len(labels.names)
    covariance = np.where(there[..., None, None], frames.spread_to_image(spread), np.nan)
    disputed = there & gross.any(axis=1) & ((known & ~gross).sum(axis=1) < LEAST_LABELS)
    return Consensus(
        labels.scheme.id, points, covariance, np.where(there, visibility, np.uint8(Visibility.MISSING)),
        np.where(known, weights, np.nan), gross, disputed, usable,
    )  # fmt: skip


def _usable_spread(law: AnnotatorLaw, frames: LocalFrames) -> FloatArray:
    """Covariances (A, N, 2, 2) of the law; circles of one size for all where too few faces tell any."""
    known = all_known(law.covariance, (-2, -1))
    if known.any():
        typical = float(np.median(np.trace(law.covariance[known], axis1=-2, axis2=-1))) / 2
    else:
        typical = float(np.nanmedian(frames.offsets**2)) if np.isfinite(frames.offsets).any() else 0.0
    circle = max(typical, 1e-4) * np.eye(2)
    spread = np.where(known[..., None, None], law.covariance, circle)
    return spread + 1e-8 * np.eye(2)  # two annotators may agree to the last digit


def _average(
    places: FloatArray, known: NDArray[np.bool_], precision: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre (F, N, 2), weights (F, A, N) and information matrix (F, N, 2, 2) by reweighting from the median on."""
    filled = np.where(known[..., None], places, 0.0)
    centre = median_known(places)
    weights = known.astype(np.float64)
    information = np.einsum("fan,anij->fnij", weights, precision)
    for _ in range(_ROUNDS):
        distance = _distances(places, known, centre, precision)
        weights = np.where(known, np.minimum(1.0, (_FAR / np.maximum(distance, 1e-9)) ** 4), 0.0)
        # Where all are far, they count alike among each other, and little: the covariance says so.
        information = np.einsum("fan,anij->fnij", weights, precision)
        pull = np.einsum("fan,anij,fanj->fni", weights, precision, filled)
        anybody = np.asarray(known.any(axis=1))
        solvable = np.where(anybody[..., None, None], information, np.eye(2))
        moved = np.where(anybody[..., None], np.linalg.solve(solvable, pull[..., None])[..., 0], np.nan)
        step = np.abs(np.nan_to_num(moved - centre)).max(initial=0.0)
        centre = moved
        if step < 1e-5:
            break
    return centre, weights, information


def _distances(
    places: FloatArray, known: NDArray[np.bool_], centre: FloatArray, precision: FloatArray
) -> FloatArray:
    """Mahalanobis distances (F, A, N) of labels from the centre; 0 where missing."""
    apart = np.where(known[..., None], places - centre[:, None], 0.0)
    return np.sqrt(np.maximum(np.einsum("fani,anij,fanj->fan", apart, precision, apart), 0.0))
