"""How each annotator labels: a habit and a covariance of its own at every landmark, from labels of the same faces.

The model is label = face + habit + noise, for each landmark in its own frame (`core.repeated_labels`). The face is not
known, so that only differences between annotators tell anything (Grubbs 1948; Warfield, Zou and Wells 2008 estimate the
same law of several raters by expectation maximisation):

* habits, from the places of the differences between every two annotators, by least squares. What all share cannot be
  seen: the group's centre, from which habits count, is the mean of all with the inverses of their covariances as
  weights, as if habits were as large as an annotator is careless.
* covariances: that of a difference is the sum of two annotators', so that three annotators or more tell all of them.
  Of two, each is taken to be as sure as the other.

Places and covariances of differences are robust (`core.landmark_statistics.scatter`), for gross errors are no noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.face import FloatArray
from core.landmark_statistics import scatter
from core.repeated_labels import RepeatedLabels, all_known
from core.tail import NORMAL

LEAST_FACES = 5
"""Faces that two annotators must share for their difference to tell anything."""

_OWN_SHAPE = 0.35
"""By how much an annotator's variance at a landmark differs, as a share, from the group's there times how careless the
annotator is over all landmarks: it is drawn towards that, the more, the less sure it is itself."""

_LOSS = 1.5
"""Times the variance of a normal sample's variance: that of the robust estimate."""

_CARE_LIMITS = (0.05, 20.0)
_LEAST_SHARE = 0.05
"""No axis of a covariance is shorter than this share (of variance) of what it is drawn towards."""


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatorLaw:
    """The law of A annotators' labels of N landmarks, along and across contours.

    Attributes:
        bias: (A, N, 2) %, habit: mean offset from the group; NaN where nobody else labelled the same faces.
        covariance: (A, N, 2, 2) %^2, of the annotator's own noise, drawn towards the group's.
        within: (N, 2, 2) %^2, that of the group: mean of its annotators' as pairs share faces, robust.
        between: (N, 2, 2) %^2, of habits, as those of annotators drawn at random (divided by their number less one).
        shared: (A, A, N) faces on which two annotators both placed the point; on the diagonal those of one.
    """

    bias: FloatArray
    covariance: FloatArray
    within: FloatArray
    between: FloatArray
    shared: FloatArray

    @property
    def total(self) -> FloatArray:
        """(N, 2, 2) %^2, robust: of a label by anybody of the group, habits included."""
        return self.within + self.between


def annotator_law(labels: RepeatedLabels) -> AnnotatorLaw:
    """Estimate it; NaN covariances at landmarks that fewer than `LEAST_FACES` faces have from two annotators."""
    offsets = labels.frames.offsets
    known = all_known(offsets)
    shared = np.einsum("fan,fbn->abn", known.astype(np.float64), known.astype(np.float64))
    places, spreads = _differences(labels, offsets)
    within = _pooled(spreads, shared)
    covariance = _own(spreads, shared, within)
    bias = _habits(places, shared)
    apart = np.nan_to_num(bias)
    counted = np.maximum(np.isfinite(bias[..., 0]).sum(axis=0) - 1, 1)
    between = np.einsum("ani,anj->nij", apart, apart) / counted[:, None, None]
    return AnnotatorLaw(_centred(bias, covariance), covariance, within, between, shared)


def _differences(labels: RepeatedLabels, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Place (A, A, N, 2) and covariance (A, A, N, 2, 2) of label a less label b; NaN of fewer than LEAST_FACES."""
    count, points = len(labels.names), len(labels.scheme)
    places, spreads = np.full((count, count, points, 2), np.nan), np.full((count, count, points, 2, 2), np.nan)
    for a, b in labels.pairs():
        difference = offsets[:, a] - offsets[:, b]
        for index in range(points):
            place, spread = scatter(difference[:, index], NORMAL)
            places[a, b, index], places[b, a, index] = place, -place
            spreads[a, b, index] = spreads[b, a, index] = spread
    return places, spreads


def _habits(places: FloatArray, shared: FloatArray) -> FloatArray:
    """(A, N, 2): the least-squares habits of places (A, A, N, 2), each counting by its faces; of sum zero.

    The normal equations are a graph's Laplacian, whose pseudo-inverse gives the solution of sum zero in each group of
    annotators that hang together.
    """
    count, points = shared.shape[0], shared.shape[2]
    bias = np.full((count, points, 2), np.nan)
    for index in range(points):
        weight = np.where(np.isfinite(places[:, :, index, 0]), shared[:, :, index], 0.0)
        np.fill_diagonal(weight, 0.0)
        laplacian = np.diag(weight.sum(axis=1)) - weight
        right = np.einsum("ab,abi->ai", weight, np.nan_to_num(places[:, :, index]))
        tied = weight.sum(axis=1) > 0
        bias[tied, index] = (np.linalg.pinv(laplacian, hermitian=True) @ right)[tied]
    return bias


def _centred(bias: FloatArray, covariance: FloatArray) -> FloatArray:
    """Habits (A, N, 2) less their mean, in which the inverses of the covariances (A, N, 2, 2) are the weights."""
    known = np.asarray(np.isfinite(bias[..., 0]) & all_known(covariance, (-2, -1)))
    weight = np.linalg.inv(np.where(known[..., None, None], covariance, np.eye(2)) + 1e-8 * np.eye(2))
    weight = np.where(known[..., None, None], weight, 0.0)
    total = np.where(np.asarray(known.any(axis=0))[:, None, None], weight.sum(axis=0), np.eye(2))
    pull = np.einsum("anij,anj->ni", weight, np.nan_to_num(bias))
    return bias - np.linalg.solve(total, pull[..., None])[..., 0]


def _pooled(spreads: FloatArray, shared: FloatArray) -> FloatArray:
    """(N, 2, 2): covariance of one label, half of the mean of differences' (A, A, N, 2, 2), each by its faces."""
    known = np.isfinite(spreads[..., 0, 0])
    weight = np.where(known, shared, 0.0)
    total = np.einsum("abn,abnij->nij", weight, np.where(known[..., None, None], spreads, 0.0))
    count = weight.sum(axis=(0, 1))[:, None, None]
    return np.divide(total, 2 * count, out=np.full_like(total, np.nan), where=count > 0)


def _own(spreads: FloatArray, shared: FloatArray, within: FloatArray) -> FloatArray:
    """(A, N, 2, 2): each annotator's covariance from those of differences (A, A, N, 2, 2), drawn towards `within`."""
    count, points = shared.shape[0], shared.shape[2]
    first, second = np.triu_indices(count, 1)
    design = np.zeros((len(first), count))
    design[np.arange(len(first)), first] = design[np.arange(len(first)), second] = 1.0
    raw = np.full((count, points, 2, 2), np.nan)
    error = np.full((count, points), np.inf)
    for index in range(points):
        sums = spreads[first, second, index]
        weight = np.where(np.isfinite(sums[:, 0, 0]), shared[first, second, index], 0.0)
        if not weight.any():
            continue
        solve = np.linalg.pinv(design.T @ (weight[:, None] * design), hermitian=True) @ (design.T * weight)
        tied = design.T @ weight > 0
        raw[tied, index] = np.einsum("ap,pij->aij", solve, np.nan_to_num(sums))[tied]
        # The variance of a variance from n normal values is twice its square over n.
        size = np.trace(np.nan_to_num(sums), axis1=1, axis2=2) ** 2 / np.maximum(weight, 1)
        error[tied, index] = (2 * _LOSS * solve**2 @ size)[tied]
    care = _carelessness(raw, within)
    target = care[:, None, None, None] * within
    size = np.trace(target, axis1=-2, axis2=-1) ** 2
    known = np.isfinite(error) & (size > 0)
    share = np.where(known, _OWN_SHAPE**2 * size / np.where(known, _OWN_SHAPE**2 * size + error, 1.0), 0.0)
    mixed = np.where(np.isfinite(raw), raw, target) * share[..., None, None] + target * (1 - share)[..., None, None]
    return _at_least(mixed, target)


def _carelessness(raw: FloatArray, within: FloatArray) -> FloatArray:
    """(A,): an annotator's variances over the group's, median over landmarks; 1 where it cannot be said."""
    own, group = np.trace(raw, axis1=-2, axis2=-1), np.trace(within, axis1=-2, axis2=-1)
    ratio = np.divide(own, group, out=np.full_like(own, np.nan), where=group > 0)  # 0: they agree to the last digit
    known = np.isfinite(ratio).any(axis=1)
    typical = np.where(known, np.nanmedian(np.where(known[:, None], ratio, 1.0), axis=1), 1.0)
    return np.clip(typical, *_CARE_LIMITS)


def _at_least(covariance: FloatArray, target: FloatArray) -> FloatArray:
    """Covariances (A, N, 2, 2) whose eigenvalues are at least `_LEAST_SHARE` of the target's mean one."""
    known = all_known(covariance, (-2, -1))
    values, vectors = np.linalg.eigh(np.where(known[..., None, None], covariance, np.eye(2)))
    floor = _LEAST_SHARE * np.trace(np.nan_to_num(target), axis1=-2, axis2=-1) / 2
    made = np.einsum("...ij,...j,...kj->...ik", vectors, np.maximum(values, floor[..., None]), vectors)
    return np.where(known[..., None, None], made, np.nan)
