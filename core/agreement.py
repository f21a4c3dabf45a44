"""How well annotators agree who labelled the same faces, landmark by landmark; and their spread beside a model's.

Lengths are percent of the distance that NMEs are divided by, along and across contours (`core.repeated_labels`).
Intervals are of 95 %, from drawing people. Three figures say the same in different ways:

* distances between two labels of a point, which anybody understands;
* covariances, pooled within faces: of one label about what the group means, with habits and without. The plain one is
  unbiased (sums of squares about each face's mean over faces' degrees of freedom, as in a two-way layout without
  interaction), the robust one (`core.annotator_law`) leaves gross errors out of account;
* Krippendorff's alpha for interval data (Krippendorff, Content Analysis, 2004, chapter 11), with squared Euclidean
  distance for the difference of two places: the disagreement within faces over that between any two labels of
  anybody, both of faces laid over each other. 1 is perfect, 0 chance. It takes missing labels as they are, and nears
  the intraclass correlation ICC(1) as faces become many. Like that, it is higher for a data set of more diverse faces.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.ambiguity import eigen
from core.annotator_law import AnnotatorLaw, annotator_law
from core.consensus import Consensus, consensus
from core.errors import UsageError
from core.face import FloatArray
from core.geometry import axis_difference
from core.metrics import Interval
from core.repeated_labels import RepeatedLabels, all_known
from core.resampling import PeopleDraws, quantile_intervals
from core.similarity import similarity

_LAYINGS = 2
"""Rounds of laying faces over their mean."""


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators.

    Attributes:
        first, second: their names.
        faces, people: that both labelled.
        distance: mean distance between two labels of a point, %; `interval` of it.
        median: of all points' distances, %.
    """

    first: str
    second: str
    faces: int
    people: int
    distance: float
    interval: Interval
    median: float


@dataclass(frozen=True, eq=False)
class Agreement:
    """What F faces labelled by two of A annotators or more say. NaN where too few faces tell.

    Attributes:
        labels, law, agreed: what it rests on; `agreed` is the consensus.
        faces, people: labelled by two annotators or more.
        pairs: every two annotators who share a face, the farthest apart first.
        distance, distance_interval: (N,), (N, 2) mean distance between two annotators' labels.
        covariance: (N, 2, 2) plain, unbiased, of a label by anybody, habits included.
        within: (N, 2, 2) the same without habits.
        bias, bias_interval: (A, N, 2), (A, N, 2, 2): habits, from labels that are not gross.
        alpha, alpha_interval: (N,), (N, 2); `alpha_all` over all landmarks and its interval.
        gross: (A,) share of an annotator's points that lie far from all others'.
        disagreement: (F,) of each face: root mean square difference of two labels in human standard deviations: 1 is
            usual; NaN for a face with fewer than two labels.
    """

    labels: RepeatedLabels
    law: AnnotatorLaw
    agreed: Consensus
    faces: int
    people: int
    pairs: list[PairAgreement]
    distance: FloatArray
    distance_interval: FloatArray
    covariance: FloatArray
    within: FloatArray
    bias: FloatArray
    bias_interval: FloatArray
    alpha: FloatArray
    alpha_interval: FloatArray
    alpha_all: float
    alpha_all_interval: Interval
    gross: FloatArray
    disagreement: FloatArray


def agreement(labels: RepeatedLabels, groups: Sequence[Hashable]) -> Agreement:
    """All figures; `groups` (F,) says who the faces are. UsageError where no face has two labels to compare."""
    frames = labels.frames
    known = all_known(frames.offsets)
    several = (known.sum(axis=1) >= 2).any(axis=1)
    if not several.any():
        raise UsageError(
            "no face has labels of two annotators that can be compared",
            remedy="Let somebody else label some of the faces, or draw a sample to label again (agreement --draw)",
        )
    draws = PeopleDraws(groups)
    law = annotator_law(labels)
    agreed = consensus(labels, law)
    distances = _pair_distances(labels)
    by_point = _mean_known(distances, axis=1)
    right = np.where((known & ~agreed.gross)[..., None], frames.offsets, np.nan)
    bias, shifts = _habits(right, law.bias)
    count = len(labels.names), len(labels.scheme)
    bias_interval = draws.mean_intervals(shifts.reshape(len(labels), -1)).reshape(*count, 2, 2)
    covariance, within = _pooled(frames.offsets)
    alphas = _alphas(labels, draws)
    return Agreement(
        labels, law, agreed, int(several.sum()), len({groups[f] for f in np.flatnonzero(several).tolist()}),
        _pair_rows(labels, distances, groups, draws), _mean_known(by_point, axis=0), draws.mean_intervals(by_point),
        covariance, within, bias, np.where(np.isfinite(bias)[..., None], bias_interval, np.nan),
        alphas.values[:-1], alphas.intervals[:-1], float(alphas.values[-1]), Interval(*alphas.intervals[-1].tolist()),
        agreed.gross.sum(axis=(0, 2)) / np.maximum(known.sum(axis=(0, 2)), 1), disagreement(labels, law),
    )  # fmt: skip


def disagreement(labels: RepeatedLabels, law: AnnotatorLaw) -> FloatArray:
    """(F,): root mean square difference of two labels of a face in standard deviations of such differences.

    Two labels' difference has twice the covariance of one, two dimensions make its expected square 2. So faces at whose
    landmarks people differ more than they do elsewhere stand out, and not those with much jaw.
    """
    usual = np.where(np.isfinite(law.total), law.total, np.nan)
    inverse = np.full_like(usual, np.nan)
    sure = all_known(usual, (1, 2))
    inverse[sure] = np.linalg.inv(usual[sure] + 1e-8 * np.eye(2))
    offsets = labels.frames.offsets
    squares = []
    for a, b in labels.pairs():
        difference = offsets[:, a] - offsets[:, b]
        squares.append(np.einsum("fni,nij,fnj->fn", difference, inverse, difference) / 4)
    result: FloatArray = np.sqrt(_mean_known(np.concatenate(squares, axis=1), axis=1))
    return result


# Beside a model


@dataclass(frozen=True, eq=False, slots=True)
class AgainstModel:
    """Human covariances beside a model's calibrated ones, for N landmarks, (N,) each; NaN where one is not known.

    The human one is that of a label about what the group means, the model's that of a label about its own mean, errors
    of the model included, so that a ratio below 1 is to be expected.

    Attributes:
        model: (N, 2, 2) %^2, of a typical face (`typical_spread`).
        area: human ellipse's area over the model's.
        angle: degrees in [0, 90] between the two major axes; of little meaning where either is nearly a circle.
        divergence: nats, Kullback and Leibler's of the model's normal law from the human one.
    """

    model: FloatArray
    area: FloatArray
    angle: FloatArray
    divergence: FloatArray


def against_model(human: FloatArray, model: FloatArray) -> AgainstModel:
    """Compare covariances (N, 2, 2) in one unit.

    For two normal laws of one mean in the plane the divergence is (tr(M^-1 H) - 2 + ln(det M / det H)) / 2.
    """
    known = np.asarray(all_known(human, (1, 2)) & all_known(model, (1, 2)))
    h, m = (np.where(known[:, None, None], one, np.eye(2)) for one in (human, model))
    ratio = np.linalg.det(h) / np.linalg.det(m)
    divergence = (np.trace(np.linalg.solve(m, h), axis1=1, axis2=2) - 2 - np.log(ratio)) / 2
    angle = axis_difference(eigen(h).angle, eigen(m).angle)
    area, angle, divergence = (np.where(known, one, np.nan) for one in (np.sqrt(ratio), angle, divergence))
    return AgainstModel(model, area, angle, divergence)


def typical_spread(covariance: FloatArray) -> FloatArray:
    """The mean (N, 2, 2) over faces of covariances (F, N, 2, 2), NaN left out, by their logarithms.

    The log-Euclidean mean (Arsigny, Fillard, Pennec and Ayache 2006): a few faces on which the model knows little, or
    whose eyes come together, do not decide.
    """
    known = all_known(covariance, (-2, -1))
    values, vectors = np.linalg.eigh(np.where(known[..., None, None], covariance, np.eye(2)))
    logs = np.einsum("...ij,...j,...kj->...ik", vectors, np.log(np.maximum(values, 1e-12)), vectors)
    mean = _mean_known(np.where(known[..., None, None], logs, np.nan), axis=0)
    anybody = np.asarray(known.any(axis=0))[:, None, None]
    values, vectors = np.linalg.eigh(np.where(anybody, mean, 0.0))
    made = np.einsum("...ij,...j,...kj->...ik", vectors, np.exp(values), vectors)
    return np.where(anybody, made, np.nan)


# Inside


def _mean_known(values: FloatArray, axis: int) -> FloatArray:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def _pair_distances(labels: RepeatedLabels) -> FloatArray:
    """(F, P, N) %: of every two annotators' labels of a point."""
    offsets = labels.frames.offsets
    return np.stack([np.hypot(*np.moveaxis(offsets[:, a] - offsets[:, b], -1, 0)) for a, b in labels.pairs()], axis=1)


def _pair_rows(
    labels: RepeatedLabels, distances: FloatArray, groups: Sequence[Hashable], draws: PeopleDraws
) -> list[PairAgreement]:
    by_face = _mean_known(distances, axis=2)
    intervals = draws.mean_intervals(by_face)
    rows = []
    for number, (a, b) in enumerate(labels.pairs()):
        shared = np.flatnonzero(np.isfinite(by_face[:, number]))
        if not len(shared):
            continue
        every = distances[:, number][np.isfinite(distances[:, number])]
        rows.append(
            PairAgreement(
                labels.names[a], labels.names[b], len(shared), len({groups[face] for face in shared.tolist()}),
                float(by_face[shared, number].mean()), Interval(*intervals[number].tolist()), float(np.median(every)),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: -row.distance)


def _habits(offsets: FloatArray, robust: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Habits (A, N, 2), and of each face (F, A, N, 2) what their means are of: label less the others' without habits.

    At the least-squares solution a habit is the mean over faces of the label less the face's place, which is the mean
    of all labels less their habits; the robust habits stand for the solution in the face's place. NaN for labels that
    no other annotator's stands beside.
    """
    known = np.isfinite(offsets)
    place = _mean_known(offsets - robust[None], axis=1)
    shifts = np.where(known.sum(axis=1)[:, None] >= 2, offsets - place[:, None], np.nan)
    return _mean_known(shifts, axis=0), shifts


def _pooled(offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unbiased covariances (N, 2, 2) within faces of offsets (F, A, N, 2), with habits and without.

    Sums of squares about faces' means, over the sum of labels less one of each face; without habits, about the least
    squares of a two-way layout, whose habits take another A - 1 degrees of freedom.
    """
    count, points = offsets.shape[1], offsets.shape[2]
    known = all_known(offsets)
    several = known & (known.sum(axis=1) >= 2)[:, None]
    used = np.where(several[..., None], offsets, np.nan)
    centred = np.nan_to_num(used - _mean_known(used, axis=1)[:, None])
    freedom = (several.sum(axis=1) - 1).clip(0).sum(axis=0).astype(np.float64)
    plain = np.einsum("fani,fanj->nij", centred, centred)
    rest = np.full((points, 2, 2), np.nan)
    left = np.zeros(points)
    for index in range(points):
        there = several[:, :, index]
        # Normal equations of the habits once the faces' means are taken out.
        share = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
        laplacian = np.diag(there.sum(axis=0).astype(np.float64)) - there.T.astype(np.float64) @ share
        right = centred[:, :, index].sum(axis=0)
        habit = np.linalg.pinv(laplacian, hermitian=True) @ right
        rest[index] = plain[index] - habit.T @ laplacian @ habit
        left[index] = freedom[index] - np.linalg.matrix_rank(laplacian, hermitian=True)
    with_habits = np.where(freedom[:, None, None] > 0, plain / np.maximum(freedom, 1)[:, None, None], np.nan)
    without = np.where(left[:, None, None] > 0, rest / np.maximum(left, 1)[:, None, None], np.nan)
    return with_habits, without if count > 1 else np.full_like(without, np.nan)


class _Alphas(NamedTuple):
    """Of each landmark, and last of all together: (N + 1,), (N + 1, 2)."""

    values: FloatArray
    intervals: FloatArray


def _alphas(labels: RepeatedLabels, draws: PeopleDraws) -> _Alphas:
    points, known = laid_over(labels)
    count = known.sum(axis=1)
    used = known & (count >= 2)[:, None]  # a unit with one value says nothing of agreement
    values = np.where(used[..., None], points, 0.0)
    number = used.sum(axis=1).astype(np.float64)
    first = values.sum(axis=1)
    square = (values**2).sum(axis=(1, 3))
    about = square - (first**2).sum(axis=-1) / np.maximum(number, 1)
    within = np.where(number >= 2, number * about / np.maximum(number - 1, 1), 0.0)
    sums = np.stack([number, within, first[..., 0], first[..., 1], square], axis=0)  # (5, F, N)
    faces = sums.transpose(1, 0, 2).reshape(len(labels), -1)
    whole = _alpha(faces.sum(axis=0).reshape(1, 5, -1))
    drawn = _alpha(draws.sums(faces).reshape(-1, 5, len(labels.scheme)))
    return _Alphas(whole[0], quantile_intervals(drawn))


def _alpha(sums: FloatArray) -> FloatArray:
    """(R, N + 1) alphas from sums (R, 5, N) over faces: labels m, m SS / (m - 1), x, y, x^2 + y^2.

    Observed disagreement: sum over faces of m SS / (m - 1) over n labels; expected: all labels' sum of squares about
    their mean over n - 1; SS is a face's. Together: landmarks' disagreements are added up.
    """
    number, within, x, y, square = np.moveaxis(sums, 1, 0)
    safe = np.maximum(number, 2)
    observed, expected = within / safe, (square - (x**2 + y**2) / safe) / (safe - 1)
    observed, expected = (np.where(number >= 2, value, np.nan) for value in (observed, expected))
    both = [np.concatenate([value, np.nansum(value, axis=1, keepdims=True)], axis=1) for value in (observed, expected)]
    return 1 - np.divide(both[0], both[1], out=np.full_like(both[0], np.nan), where=both[1] > 0)


def laid_over(labels: RepeatedLabels) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Labels (F, A, N, 2), faces laid over their mean by a similarity each, in units of its size; and which are known.

    One similarity a face, from the annotators' median, so that what they differ in stays.
    """
    origin = labels.frames.origin
    mean = None
    laid = origin
    for _ in range(_LAYINGS):
        target = _standard(origin[0] if mean is None else mean) if len(origin) else origin
        laid = np.full_like(labels.points, np.nan)
        faces = np.full_like(origin, np.nan)
        for face, place in enumerate(origin):
            found = similarity(place, target)
            if found is not None and all_known(place, 1).sum() >= 3:
                laid[face], faces[face] = found(labels.points[face]), found(place)
        mean = _mean_known(faces, axis=0)
    return laid, all_known(laid)


def _standard(shape: FloatArray) -> FloatArray:
    """A shape (N, 2) centred, of unit size: root mean square distance from its middle."""
    centred = shape - _mean_known(shape, axis=0)
    return centred / np.sqrt(np.nanmean((centred**2).sum(axis=1)))
