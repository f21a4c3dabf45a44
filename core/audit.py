"""The audit of a data set: every label beside a model's prediction, what to think of it, and where to look first."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from core.calibration import Calibration, plain_calibration
from core.decisions import Decisions, decided
from core.errors import UsageError
from core.evidence import Evidence, gather
from core.face import FloatArray, Prediction
from core.face_verdicts import FaceFinding, FaceVerdict, face_findings
from core.false_discovery import adjusted
from core.formats.base import LabelledFace
from core.judgement import OVERRULING
from core.metrics import norm_distances
from core.out_of_fold import gather_out_of_fold
from core.scheme import Scheme
from core.verdicts import DEFAULTS, WRONG, PointFinding, Verdicts, VerdictSettings, finding, point_verdicts

if TYPE_CHECKING:  # they bring torch, which the window loads late
    from core.model.pipeline import ImageResult
    from core.model.requests import DatasetRequests


_FIRST = 1e3  # beyond any score


@dataclass(frozen=True, slots=True)
class Unaudited:
    """A face that could not be judged, and why."""

    face: LabelledFace
    reason: str


@dataclass(frozen=True, eq=False)
class Audit:
    """What came of an audit. Arrays are over its F faces, in the order of the data set.

    Attributes:
        faces: (F,) as labelled. `numbers` (F,): which face of its image each is, from 0.
        predictions: (F,) as predicted, with raw covariances.
        evidence, verdicts, findings: numbers, (F, N) verdicts of points, verdicts of faces.
        left_out: faces that could not be judged.
        calibrated: whether the model had a calibration. Without one, distances are far too small.
    """

    scheme: Scheme
    faces: list[LabelledFace]
    numbers: list[int]
    predictions: list[Prediction]
    evidence: Evidence
    verdicts: Verdicts
    findings: list[FaceFinding]
    left_out: list[Unaudited]
    settings: VerdictSettings
    calibrated: bool

    def __len__(self) -> int:
        return len(self.faces)

    def point(self, face: int, index: int) -> PointFinding:
        """The verdict of one point, with its numbers and a sentence."""
        return finding(self.evidence, self.verdicts, face, index)

    def points(self, face: int) -> list[PointFinding]:
        """The verdicts of all points of a face, in the scheme's order."""
        return [self.point(face, index) for index in range(len(self.scheme))]

    def verdict_of(self, face: int) -> str:
        """The verdict of a face in one word or two: its own, else that of its worst wrong point, else "ok".

        What a person overruled counts no more.
        """
        whole = self.findings[face].verdict
        decision = self.decisions.held[face].get(None)
        if whole is not FaceVerdict.OK and (decision is None or decision.decision not in OVERRULING):
            return whole.value
        worst = self.worst_point(face)
        return str(self.verdicts[face, worst]) if self.doubted[face, worst] else FaceVerdict.OK.value

    def worst_point(self, face: int) -> int:
        """The point to look at first: of those called wrong and not overruled, if there are any, the most suspect."""
        scores = np.where(self.decisions.overruled[face], -1.0, self.evidence.point_scores[face])
        return int((scores + np.where(self.doubted[face], _FIRST, 0.0)).argmax())

    def wrong(self) -> NDArray[np.bool_]:
        """(F, N): points whose label is called wrong."""
        return self._wrong

    @cached_property
    def decisions(self) -> Decisions:
        """What people decided about the faces' labels."""
        whole = np.array([finding.verdict is not FaceVerdict.OK for finding in self.findings])
        return decided(self.faces, self.wrong(), whole)

    @cached_property
    def doubted(self) -> NDArray[np.bool_]:
        """(F, N): points whose label is called wrong, and which nobody has overruled."""
        result: NDArray[np.bool_] = self.wrong() & ~self.decisions.overruled
        return result

    @cached_property
    def _wrong(self) -> NDArray[np.bool_]:
        return np.isin(self.verdicts, [verdict.value for verdict in WRONG])


def audit_faces(
    faces: Sequence[LabelledFace],
    asked: DatasetRequests,
    results: Iterable[ImageResult],
    groups: Sequence[Hashable],
    scheme: Scheme,
    calibration: Calibration | None,
    settings: VerdictSettings = DEFAULTS,
    folds: Sequence[int] | None = None,
) -> Audit:
    """Judge labels by predictions.

    Args:
        faces: of the data set; `asked` is what was asked for them (`core.model.requests.checking_requests`), `results`
            what came of it, in the same order.
        groups: the person of each of `faces`.
        calibration: of the model; None where it has none, and for folds.
        folds: the fold of each of `faces`, where each was predicted by the model that has not seen its fold: then
            calibrations are fitted here (`core.out_of_fold`).

    Raises:
        UsageError: not one face could be judged, or too few to calibrate folds.
    """
    used: list[tuple[int, int, Prediction]] = []
    sizes: list[tuple[int, int] | None] = []
    left_out = [Unaudited(faces[index], "its label has too few points to tell where it is") for index in asked.unusable]
    for indices, result in zip(asked.faces, results, strict=False):
        found = {face.request: face.prediction for face in result.faces}
        for place, index in enumerate(indices):
            if place in found:
                used.append((index, place, found[place]))
                sizes.append((result.width, result.height) if result.width else None)
            else:
                left_out.append(Unaudited(faces[index], result.error or "no face is found there"))
    if not used:
        reason = f" (for example {left_out[0].face.image}: {left_out[0].reason})" if left_out else ""
        raise UsageError(f"not one of {len(faces)} faces could be judged{reason}", remedy="Check the data set")
    chosen = [index for index, _, _ in used]
    return judge(
        [faces[index] for index in chosen], [place for _, place, _ in used], [prediction for _, _, prediction in used],
        sizes, [groups[index] for index in chosen], scheme, calibration, settings, left_out,
        None if folds is None else [folds[index] for index in chosen],
    )  # fmt: skip


def judge(
    faces: list[LabelledFace],
    numbers: list[int],
    predictions: list[Prediction],
    sizes: Sequence[tuple[int, int] | None],
    groups: Sequence[Hashable],
    scheme: Scheme,
    calibration: Calibration | None,
    settings: VerdictSettings = DEFAULTS,
    left_out: Sequence[Unaudited] = (),
    folds: Sequence[int] | None = None,
) -> Audit:
    """Judge labels by predictions that are there already: one of each a face, at least one.

    Args: as of `audit_faces`, and
        numbers: which face of its image each is, from 0.
        sizes: (width, height) of its image in px, None where it is not known.
        groups: the person of each.
    """
    labels = np.stack([face.label.points for face in faces])
    if folds is None:
        known = plain_calibration(len(scheme)) if calibration is None else calibration
        evidence = gather(labels, predictions, groups, scheme, known)
    else:
        evidence = gather_out_of_fold(labels, predictions, groups, folds, scheme)
    return Audit(
        scheme, faces, numbers, predictions, evidence,
        point_verdicts(evidence, predictions, settings), face_findings(evidence, predictions, sizes),
        list(left_out), settings, calibration is not None or folds is not None,
    )  # fmt: skip


# The queue


class Order(StrEnum):
    """What a queue is ordered by."""

    SUSPECT = "suspect"
    GAIN = "gain"
    AMBIGUITY = "ambiguity"
    DISAGREEMENT = "disagreement"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Only:
    """Which faces a queue holds: those that have one of each that is given; an empty set asks for nothing.

    Attributes:
        regions: at least one point in one of these has one of `verdicts` (or a wrong one, where none are given).
        verdicts: of points or of the face.
        tags: of the face.
        sources: names of the folder its image lies in.
        decisions: of people, about a point or the face, that hold.
    """

    regions: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A face to look at: its place in the audit, the value it is ordered by, and its worst point."""

    face: int
    value: float
    worst: int


def queue(
    audit: Audit,
    order: Order = Order.SUSPECT,
    only: Only | None = None,
    seed: int = 0,
    disagreement: FloatArray | None = None,
    *,
    settled: bool | None = None,
) -> list[QueueItem]:
    """Faces in the order in which a look at them is worth most; of equal value, in the data set's order.

    "gain" is the expected fall of the data set's NME for each point that is corrected, "ambiguity" the mean size of the
    calibrated ellipses over the face's, "random" a seeded sample, for an honest estimate (`error_rate`).
    "disagreement" is how far annotators are apart (F,), as `core.agreement.disagreement` has it: faces of one annotator
    (NaN) come last, with the value 0. UsageError where it is asked for and not given.

    Args:
        settled: whether faces that people have settled are listed too (`Decisions.settled`). None: in a random sample,
            which would else be none, and where `only` asks for decisions.
    """
    if order is Order.DISAGREEMENT and disagreement is None:
        raise UsageError("how far annotators disagree is not known", remedy="Audit a project with labels of several")
    values = {
        Order.SUSPECT: lambda: _suspicion(audit),
        Order.GAIN: lambda: gain_per_edit(audit),
        Order.AMBIGUITY: lambda: _ambiguity(audit.evidence),
        Order.DISAGREEMENT: lambda: np.nan_to_num(np.zeros(len(audit)) if disagreement is None else disagreement),
        Order.RANDOM: lambda: np.random.default_rng(seed).random(len(audit)),
    }[order]()
    if settled is None:
        settled = order is Order.RANDOM or (only is not None and bool(only.decisions))
    out = np.zeros(len(audit), np.bool_) if settled else audit.decisions.settled
    chosen = [face for face in range(len(audit)) if not out[face] and (only is None or _matches(audit, face, only))]
    chosen.sort(key=lambda face: -values[face])
    return [QueueItem(face, float(values[face]), audit.worst_point(face)) for face in chosen]


def _suspicion(audit: Audit) -> FloatArray:
    """(F,) suspect scores; of a face where somebody overruled a point, only that of its other points."""
    e, overruled = audit.evidence, audit.decisions.overruled
    scores = e.scores.copy()
    for face in np.flatnonzero(overruled.any(axis=1)):
        rest = np.where(overruled[face] | np.isnan(e.p_rest[face]), 1.0, e.p_rest[face] * overruled.shape[1])
        scores[face] = -np.log10(np.clip(rest.min(), 1e-300, 1.0))
    return scores


def gain_per_edit(audit: Audit) -> FloatArray:
    """(F,) expected fall of the mean NME of the data set for each point that is corrected in a face.

    A point's correction takes away its deviation, with the probability that it is wrong: 1 - p as adjusted for all
    tests, the share of findings up to here that are no false ones. Overruled points are not corrected.
    """
    e = audit.evidence
    norm = norm_distances(e.expected, audit.scheme)[:, None]
    size = np.hypot(e.along, e.across) / norm
    expected = np.where(audit.decisions.overruled, 0.0, np.nan_to_num(size * (1 - adjusted(e.p))))
    edits = np.maximum((expected > 0).sum(axis=1), 1)
    result: FloatArray = expected.sum(axis=1) / edits / len(audit.scheme) / len(audit)
    return result


def _ambiguity(evidence: Evidence) -> FloatArray:
    sigma = evidence.sigma
    result: FloatArray = np.sqrt(sigma[..., 0] * sigma[..., 1]).mean(axis=1) / evidence.frame.size
    return result


def _matches(audit: Audit, face: int, only: Only) -> bool:
    labelled = audit.faces[face]
    if only.tags and not only.tags & set(labelled.tags):
        return False
    if only.sources and source_of(labelled.image) not in only.sources:
        return False
    if only.decisions and not any(audit.decisions.has(face, one) for one in only.decisions):
        return False
    verdicts = audit.verdicts[face]
    if only.regions:
        inside = {i for r in audit.scheme.regions if r.name in only.regions for i in r.indices}
        verdicts = verdicts[sorted(inside)]
        wanted = only.verdicts or {verdict.value for verdict in WRONG}
        return bool(np.isin(verdicts, sorted(wanted)).any())
    if only.verdicts:
        return audit.findings[face].verdict.value in only.verdicts or bool(
            np.isin(verdicts, sorted(only.verdicts)).any()
        )
    return True


def source_of(image: Path) -> str:
    """The name of the folder that an image lies in: where many data sets keep apart what they were made of."""
    return image.parent.name


# What a look at some faces says of all


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Share of wrong labels among all, with a Clopper-Pearson interval, from a random sample."""

    wrong: int
    looked: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """As seen in the sample."""
        return self.wrong / self.looked


def error_rate(wrong: int, looked: int, level: float = 0.95) -> ErrorRate:
    """Estimate from `looked` faces drawn at random, of which `wrong` had a wrong label (Clopper and Pearson 1934).

    ValueError for impossible numbers.
    """
    if not 0 <= wrong <= looked or looked < 1 or not 0 < level < 1:
        raise ValueError("0 <= wrong <= looked, looked >= 1 and 0 < level < 1 are needed")
    tail = (1 - level) / 2
    low = 0.0 if wrong == 0 else float(betaincinv(wrong, looked - wrong + 1, tail))
    high = 1.0 if wrong == looked else float(betaincinv(wrong + 1, looked - wrong, 1 - tail))
    return ErrorRate(wrong, looked, low, high)


def decided_rate(audit: Audit, seed: int = 0) -> ErrorRate | None:
    """The estimate from people's decisions: of the random sample of `seed`, as far as it was gone through in its order.

    None while its first face waits: what was decided elsewhere was not drawn at random.
    """
    decisions = audit.decisions
    sample = [item.face for item in queue(audit, Order.RANDOM, seed=seed)]
    looked = next((place for place, face in enumerate(sample) if not decisions.looked[face]), len(sample))
    return error_rate(int(decisions.found[sample[:looked]].sum()), looked) if looked else None


@dataclass(frozen=True, eq=False, slots=True)
class StopCurve:
    """Found errors against looks.

    Attributes:
        found: (L,) errors found in the first 1 to L looks.
        recent: (L,) share of errors in the last looks of a window: what the next look may be expected to find.
        stop: number of looks after which `recent` stays below the limit; None while it has not.
    """

    found: NDArray[np.int64]
    recent: FloatArray
    stop: int | None


def stop_curve(errors: Sequence[bool], window: int = 20, limit: float = 0.05) -> StopCurve:
    """The curve of a queue worked on so far: `errors` says for each look, in order, whether it found one."""
    hits = np.asarray(errors, np.int64)
    found = np.cumsum(hits)
    before = np.concatenate([np.zeros(min(window, len(hits)), np.int64), found[:-window]])[: len(hits)]
    recent = (found - before) / np.minimum(np.arange(1, len(hits) + 1), window)
    above = np.flatnonzero(recent >= limit)
    last = int(above[-1]) + 1 if len(above) else 0
    done = len(hits) >= window and len(hits) - last >= 1
    return StopCurve(found, recent, max(last + 1, window) if done else None)


# The landmarks


@dataclass(frozen=True, slots=True)
class LandmarkRow:
    """One landmark over all faces; lengths in % of the distance that NMEs are divided by.

    Attributes:
        sigma_along, sigma_across: median calibrated standard deviations.
        anisotropy: the larger over the smaller.
        bias_along, bias_across: median deviation along the contour and across it, from the predicted mean and habit.
        error: median distance of labels from where they are expected.
        verdicts: share of each verdict.
    """

    index: int
    name: str
    region: str
    sigma_along: float
    sigma_across: float
    anisotropy: float
    bias_along: float
    bias_across: float
    error: float
    verdicts: dict[str, float] = field(hash=False)


def landmark_table(audit: Audit) -> list[LandmarkRow]:
    """A row for each landmark. Numbers are NaN for a landmark that no face has."""
    e = audit.evidence
    norm = norm_distances(e.expected, audit.scheme)[:, None] / 100
    sigma = e.sigma / norm[..., None]
    rows = []
    for index, name in enumerate(audit.scheme.points):
        region = audit.scheme.region_of(index)
        along, across = (_median(sigma[:, index, axis]) for axis in (0, 1))
        counts = {str(k): int(n) for k, n in zip(*np.unique(audit.verdicts[:, index], return_counts=True), strict=True)}
        values = (e.tangential, e.normal, np.hypot(e.along, e.across))
        bias_along, bias_across, error = (_median((value / norm)[:, index]) for value in values)
        rows.append(
            LandmarkRow(
                index, name, "" if region is None else region.name, along, across,
                max(along, across) / min(along, across), bias_along, bias_across, error,
                {verdict: count / len(audit) for verdict, count in counts.items()},
            )
        )  # fmt: skip
    return rows


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def counted(verdicts: Iterable[object]) -> dict[str, int]:
    """How often each verdict occurs, the most frequent first."""
    names, counts = np.unique([str(verdict) for verdict in verdicts], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[i]): int(counts[i]) for i in order}
