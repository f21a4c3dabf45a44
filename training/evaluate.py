"""How good a model is on a labelled data set: NME, FR, AUC, CED, each with an interval over people.

What counts: a face's NME is the mean over its labelled points, in image px against the label as it is, divided by the
distance that the scheme names. A face that the detector misses has no NME; it is a failure in FR, counts as nothing in
AUC and the CED, and is left out of the NME figures. A face whose image cannot be read, or whose label lacks the
normaliser's points, is counted in `failed` or `unlabelled` and is left out of everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import SchemeError, UsageError
from core.face import FloatArray
from core.formats.base import LabelledFace
from core.metrics import (
    Interval,
    Summary,
    bootstrap_interval,
    ced,
    fr_auc,
    norm_distances,
    per_point,
    point_errors,
    summarise,
)
from core.model.detector import FaceDetector
from core.model.pipeline import ImageResult, predict_images
from core.model.predictor import Predictor
from core.model.requests import Crops, requests_for
from core.scheme import Scheme
from training.split import Part, groups_of, part_of

SPLITS = ("all", *(part.value for part in Part))
JSON_VERSION = 1

_CED_STEPS = 100

Watch = Callable[[Iterator[ImageResult], int], Iterator[ImageResult]]
"""Gets the results as they come and their number; passes them on. For progress and cancelling."""


@dataclass(frozen=True, slots=True)
class FaceError:
    """A face that could not be measured because of its image."""

    image: Path
    reason: str


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """Figures of a model on some faces. NMEs are fractions.

    Attributes:
        model, scheme: what was measured.
        crops: what the network saw: "detector" or "landmarks" (see `core.model.requests.requests_for`).
        deviations: (F, N, 2) label minus prediction of each measured face and point, x to the right and y down, over
            the face's normaliser; NaN where a point is not labelled.
        groups: (F,) the person of each measured face.
        missed_groups: the person of each face that the detector missed.
        failed: faces whose image could not be used.
        unlabelled: how many faces have a label that cannot be measured against.
        measured, missed: which of the faces asked for these are, in the order of `deviations` and `missed_groups`.
    """

    model: str
    scheme: Scheme
    crops: Crops
    deviations: FloatArray
    groups: list[str]
    missed_groups: list[str]
    failed: list[FaceError]
    unlabelled: int
    measured: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    @property
    def faces(self) -> int:
        """Faces that were asked for, measured or not."""
        return len(self.groups) + len(self.missed_groups) + len(self.failed) + self.unlabelled

    @property
    def errors(self) -> FloatArray:
        """(F, N) normalised error of each measured face and point."""
        return distances(self.deviations)

    @property
    def nmes(self) -> FloatArray:
        """(F,) NME of each measured face."""
        result: FloatArray = np.nanmean(self.errors, axis=1)
        return result


def distances(deviations: FloatArray) -> FloatArray:
    """(..., N) lengths of (..., N, 2)."""
    result: FloatArray = np.hypot(deviations[..., 0], deviations[..., 1])
    return result


def select(faces: Sequence[LabelledFace], split: str) -> list[LabelledFace]:
    """The faces of a part ("all", "train", "val", "report") by the hash of the person's name; UsageError if none."""
    if split not in SPLITS:
        raise UsageError(f"there is no split '{split}'", remedy=f"Use one of: {', '.join(SPLITS)}")
    if split == "all":
        return list(faces)
    groups = groups_of([face.image for face in faces])
    chosen = [face for face, group in zip(faces, groups, strict=True) if part_of(group) == split]
    if not chosen:
        raise UsageError(f"no face of the data set is in the split '{split}'", remedy="Use --split all")
    return chosen


def evaluate(
    faces: Sequence[LabelledFace],
    predictor: Predictor,
    detector: FaceDetector,
    *,
    crops: Crops | None = None,
    normaliser: str | None = None,
    watch: Watch = lambda results, _count: results,
) -> Evaluation:
    """Predict labelled faces and measure.

    Raises:
        SchemeError: the labels follow another scheme than the model.
        UsageError: not one face could be measured.
    """
    scheme = predictor.model.scheme
    for face in faces:
        if face.label.scheme != scheme.id:
            what = f"the labels follow the scheme {face.label.scheme}, the model {predictor.model.name} {scheme.id}"
            raise SchemeError(what, where=face.source, remedy="Choose a model of the labels' scheme")
    asked = requests_for(faces, crops, predictor.model.header.crop_factor)
    groups = groups_of([face.image for face in faces])
    measured: list[tuple[int, FloatArray]] = []
    missed: list[int] = []
    failed: list[FaceError] = []
    unlabelled = len(asked.unusable)
    results = watch(predict_images(asked.requests, predictor, detector), len(asked.requests))
    for indices, result in zip(asked.faces, results, strict=False):
        if result.error is not None:
            failed += [FaceError(result.path, result.error)] * len(indices)
            continue
        found = {face.request: face.prediction.mean for face in result.faces}
        for place, index in enumerate(indices):
            truth = faces[index].label.points
            if np.isnan(point_errors(truth, truth, scheme, normaliser)).all():
                unlabelled += 1
            elif place in found:
                off = (truth - found[place]) / norm_distances(truth, scheme, normaliser)
                measured.append((index, off))
            else:
                missed.append(index)
    if not measured:
        reason = f" (for example {failed[0].image}: {failed[0].reason})" if failed else ""
        raise UsageError(f"not one of {len(faces)} faces could be measured{reason}", remedy="Check the data set")
    return Evaluation(
        predictor.model.name,
        scheme,
        asked.crops,
        np.stack([off for _, off in measured]),
        [groups[index] for index, _ in measured],
        [groups[index] for index in missed],
        failed,
        unlabelled,
        [index for index, _ in measured],
        missed,
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval from drawing people, not faces; NaN where it is not known."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of an `Evaluation` at a threshold.

    `offset` (x, y) is how far the labels lie beside the predictions on average, as fractions of the normaliser: a
    habit of the labels, or a shift of the files, that no model without it can meet. `settled` is the mean NME of each
    person with the offset of all other people taken off.
    """

    threshold: float
    nme: dict[str, Figure]
    fr: Figure
    auc: Figure
    per_region: dict[str, Figure]
    per_point: FloatArray
    ced: tuple[FloatArray, FloatArray]
    offset: tuple[Figure, Figure]
    settled: Figure


def report(evaluation: Evaluation, threshold: float = 0.1, seed: int = 0) -> Report:
    """Compute the figures; FR, AUC and CED over measured and missed faces, NMEs over measured ones.

    FR is the share of faces with NME > threshold, AUC the mean of max(0, 1 - NME / threshold): the "exact" convention
    of `core.metrics`.
    """
    nmes, groups = evaluation.nmes, evaluation.groups
    everyone = groups + evaluation.missed_groups
    with_missed = np.concatenate([nmes, np.full(len(evaluation.missed_groups), math.inf)])
    rates = fr_auc(with_missed, threshold)
    summary: Summary = summarise(nmes)
    return Report(
        threshold,
        {
            "mean": _figure(summary.mean, bootstrap_interval(nmes, groups, "mean", seed)),
            "median": _figure(summary.median, bootstrap_interval(nmes, groups, "median", seed)),
            "p90": _figure(summary.p90, bootstrap_interval(nmes, groups, "p90", seed)),
        },
        _figure(rates.fr, bootstrap_interval((with_missed > threshold).astype(float), everyone, "mean", seed)),
        _figure(rates.auc, bootstrap_interval(np.maximum(0, 1 - with_missed / threshold), everyone, "mean", seed)),
        {
            region.name: _region_figure(evaluation.errors[:, list(region.indices)], groups, seed)
            for region in evaluation.scheme.regions
        },
        per_point(evaluation.errors),
        ced(with_missed, threshold, _CED_STEPS),
        *_offset(evaluation, seed),
    )


def _offset(evaluation: Evaluation, seed: int) -> tuple[tuple[Figure, Figure], Figure]:
    """The labels' offset, and the NME without it; the offset is never fitted on the person it is taken off."""
    off, groups = evaluation.deviations, evaluation.groups
    mean = np.nanmean(off, axis=1)
    x, y = (_figure(float(mean[:, i].mean()), bootstrap_interval(mean[:, i], groups, "mean", seed)) for i in (0, 1))
    people = np.unique(groups, return_inverse=True)[1]
    if people.max() == 0:
        return (x, y), Figure(math.nan, math.nan, math.nan)
    sums = np.stack([np.bincount(people, weights=mean[:, i]) for i in (0, 1)], -1)
    counts = np.bincount(people)[:, None]
    others = (mean.sum(axis=0) - sums) / (len(mean) - counts)
    settled = np.nanmean(distances(off - others[people][:, None]), axis=1)
    return (x, y), _figure(float(settled.mean()), bootstrap_interval(settled, groups, "mean", seed))


def _figure(value: float, interval: Interval) -> Figure:
    return Figure(value, interval.low, interval.high)


def _region_figure(errors: FloatArray, groups: Sequence[str], seed: int) -> Figure:
    """Mean over faces of a region's mean error: faces count alike, however many of its points are labelled."""
    known = np.flatnonzero(~np.isnan(errors).all(axis=1))
    if not len(known):
        return Figure(math.nan, math.nan, math.nan)
    values = np.nanmean(errors[known], axis=1)
    people = [groups[index] for index in known.tolist()]
    return _figure(float(values.mean()), bootstrap_interval(values, people, "mean", seed))


def to_json(evaluation: Evaluation, figures: Report) -> dict[str, Any]:
    """The shape of DESIGN.md section 3, with "intervals" beside the numbers. Unknown numbers are null."""
    return {
        "version": JSON_VERSION,
        "model": evaluation.model,
        "scheme": evaluation.scheme.id,
        "faces": evaluation.faces,
        "measured": len(evaluation.groups),
        "identities": len({*evaluation.groups, *evaluation.missed_groups}),
        "missed": {
            "no_face": len(evaluation.missed_groups),
            "errors": len(evaluation.failed),
            "unlabelled": evaluation.unlabelled,
        },
        "crops": evaluation.crops,
        "threshold": figures.threshold,
        "nme": {name: figure.value for name, figure in figures.nme.items()},
        "offset": {
            "x": figures.offset[0].value,
            "y": figures.offset[1].value,
            "nme_without": _known(figures.settled.value),
        },
        "fr": figures.fr.value,
        "auc": figures.auc.value,
        "per_region": {name: _known(figure.value) for name, figure in figures.per_region.items()},
        "per_point": [_known(value) for value in figures.per_point.tolist()],
        "intervals": {
            "level": 0.95,
            "over": "identities",
            "nme": {name: [figure.low, figure.high] for name, figure in figures.nme.items()},
            "offset": {
                "x": [figures.offset[0].low, figures.offset[0].high],
                "y": [figures.offset[1].low, figures.offset[1].high],
                "nme_without": [_known(figures.settled.low), _known(figures.settled.high)],
            },
            "fr": [figures.fr.low, figures.fr.high],
            "auc": [figures.auc.low, figures.auc.high],
            "per_region": {
                name: [_known(figure.low), _known(figure.high)] for name, figure in figures.per_region.items()
            },
        },
        "ced": {"nme": figures.ced[0].tolist(), "share": figures.ced[1].tolist()},
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
