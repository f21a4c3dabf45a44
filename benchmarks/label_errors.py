"""Does the audit find planted errors? python benchmarks/label_errors.py DATA [--model M | --folds DIR] [--faces 120]

Plants errors of known kinds into real labels, one a face, and asks how well scores tell the changed faces (and points)
from the unchanged ones. The habit of the labels is estimated anew from the labels with the errors in them. Real labels
have errors of their own, which count as right here.

Without --folds the people are those with crc32(name) % 10 == 3 and 7, whom the bundled model did not train on;
calibrated on the one, scored on the other, both ways (figures are means of the two). With --folds DIR they are all
people of the data set, each predicted by the model of DIR that has not seen them (`audit --folds K --work DIR` makes
it), calibrated on the other folds; all faces are ranked together, as the audit does, and the people with
crc32(name) % 10 == 7 are told apart as well: nothing was chosen by them.

Scores of faces: the audit's; the largest distance label to prediction; NME; the largest reconstruction error of a PCA
shape model of the calibration people's labels (after similarity alignment). Scores of points: the audit's, distance,
reconstruction error. Lengths in units of the eyes' distance. Precision among as many highest scores as there are
errors, where it is the recall as well. Intervals of 95 % from drawing people.

Verdicts: how many changed points, and of these how many within the calibrated 99 % ellipse, are called what.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.audit import counted
from core.calibration import Calibration, fit_calibration
from core.evidence import Evidence, gather
from core.face import FloatArray, Prediction
from core.face_verdicts import align, face_findings
from core.formats.base import LabelledFace
from core.formats.registry import read_dataset
from core.geometry import region_contour
from core.metrics import norm_distances
from core.model.cached import predict_cached
from core.model.detector import FaceDetector
from core.model.device import choose_device
from core.model.library import load_model
from core.model.pipeline import predict_images
from core.model.predictor import Predictor
from core.model.requests import DatasetRequests, requests_for
from core.project import PredictionCache
from core.scheme import Scheme, get_scheme
from core.verdicts import point_verdicts
from training.evaluate import select
from training.folds import FoldsDir
from training.split import Part, groups_of, part_of

RESAMPLES = 200
SHAPE_MODES = 20


@dataclass(frozen=True, eq=False, slots=True)
class Faces:
    """Labels (F, N, 2) image px, predictions, people and image sizes of F faces."""

    labels: FloatArray
    predictions: list[Prediction]
    groups: list[str]
    sizes: list[tuple[int, int]]


@dataclass(frozen=True, eq=False, slots=True)
class Planted:
    """One face's label with an error: `points` (N, 2), and which were changed (N,)."""

    points: FloatArray
    changed: NDArray[np.bool_]


# Errors. Each takes the label (N, 2), the eyes' distance (px), another face's label, and a generator.
Error = Callable[[FloatArray, float, FloatArray, np.random.Generator], Planted]


def offset(share: float) -> Error:
    """One point moved by a share of the eyes' distance, in any direction."""

    def plant(label: FloatArray, ocular: float, _other: FloatArray, rng: np.random.Generator) -> Planted:
        index, angle = rng.integers(len(label)), rng.uniform(0, 2 * np.pi)
        points = label.copy()
        points[index] += share * ocular * np.array([np.cos(angle), np.sin(angle)])
        return Planted(points, np.arange(len(label)) == index)

    return plant


def across(share: float) -> Error:
    """One point of a contour moved at right angles to it."""

    def plant(label: FloatArray, ocular: float, _other: FloatArray, rng: np.random.Generator) -> Planted:
        scheme = get_scheme("300w-68")
        region = scheme.regions[rng.integers(len(scheme.regions))]
        place = int(rng.integers(1, len(region.indices) - 1))
        before, index, after = (region.indices[place + step] for step in (-1, 0, 1))
        tangent = label[after] - label[before]
        normal = np.array([-tangent[1], tangent[0]]) / max(float(np.hypot(*tangent)), 1e-9)
        points = label.copy()
        points[index] += rng.choice([-1.0, 1.0]) * share * ocular * normal
        return Planted(points, np.arange(len(label)) == index)

    return plant


def slip(share: float) -> Error:
    """The inner points of a jaw moved along it."""

    def plant(label: FloatArray, ocular: float, _other: FloatArray, rng: np.random.Generator) -> Planted:
        region = get_scheme("300w-68").regions[0]
        contour = region_contour(label, region)
        points, changed = label.copy(), np.zeros(len(label), np.bool_)
        if contour is None:
            return Planted(points, changed)
        distance = rng.choice([-1.0, 1.0]) * share * ocular
        for index in region.indices[1:-1]:
            points[index] = contour.slide(label[index], distance)
            changed[index] = True
        return Planted(points, changed)

    return plant


def swap_pair(label: FloatArray, _ocular: float, _other: FloatArray, rng: np.random.Generator) -> Planted:
    """One point exchanged with its left-right partner."""
    flip = np.array(get_scheme("300w-68").flip)
    index = int(rng.choice(np.flatnonzero(flip != np.arange(len(flip)))))
    pair = [index, int(flip[index])]
    points = label.copy()
    points[pair] = label[pair[::-1]]
    return Planted(points, np.isin(np.arange(len(label)), pair))


def swap_face(label: FloatArray, _ocular: float, _other: FloatArray, _rng: np.random.Generator) -> Planted:
    """All points exchanged with their partners."""
    flip = np.array(get_scheme("300w-68").flip)
    return Planted(label[flip], flip != np.arange(len(flip)))


def off_by_one(label: FloatArray, _ocular: float, _other: FloatArray, rng: np.random.Generator) -> Planted:
    """The jaw's labels each on the next point, the last one past the end."""
    jaw = np.array(get_scheme("300w-68").regions[0].indices)
    jaw = jaw if rng.random() < 0.5 else jaw[::-1]
    points = label.copy()
    points[jaw[:-1]] = label[jaw[1:]]
    points[jaw[-1]] = 2 * label[jaw[-1]] - label[jaw[-2]]
    return Planted(points, np.isin(np.arange(len(label)), jaw))


def other_face(label: FloatArray, _ocular: float, other: FloatArray, _rng: np.random.Generator) -> Planted:
    """Another person's label, moved and scaled to this one's bounding box."""
    low, high = label.min(axis=0), label.max(axis=0)
    other_low, other_high = other.min(axis=0), other.max(axis=0)
    scale = float(((high - low) / (other_high - other_low)).mean())
    points = (other - (other_low + other_high) / 2) * scale + (low + high) / 2
    return Planted(points, np.ones(len(label), np.bool_))


KINDS: dict[str, Error] = {
    "offset 5 %": offset(0.05), "offset 10 %": offset(0.10), "offset 15 %": offset(0.15), "across 10 %": across(0.10),
    "jaw slip 5 %": slip(0.05), "jaw slip 10 %": slip(0.10), "jaw slip 15 %": slip(0.15), "pair swapped": swap_pair,
    "face swapped": swap_face, "jaw off by one": off_by_one, "other face": other_face,
}  # fmt: skip


# Scores


def shape_errors(labels: FloatArray, model: FloatArray) -> FloatArray:
    """(F, N) reconstruction error, in eyes' distances, by a PCA model of the labels `model` (M, N, 2)."""
    mean = np.median(model - model.mean(axis=1, keepdims=True), axis=0)
    aligned = np.stack([align(one, mean) for one in model]).reshape(len(model), -1)
    centre = aligned.mean(axis=0)
    axes = np.linalg.svd(aligned - centre, full_matrices=False)[2][:SHAPE_MODES]
    flat = np.stack([align(one, mean) for one in labels]).reshape(len(labels), -1) - centre
    rest = (flat - flat @ axes.T @ axes).reshape(labels.shape)
    result: FloatArray = np.hypot(rest[..., 0], rest[..., 1])
    return result / float(norm_distances(mean, get_scheme("300w-68")))


def scores(
    e: Evidence, shape: FloatArray, predictions: Sequence[Prediction]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """By name: scores of faces (F,) and of points (F, N)."""
    mean = np.stack([prediction.mean for prediction in predictions])
    distance = np.hypot(*np.moveaxis(e.labels - mean, -1, 0)) / norm_distances(mean, e.scheme)[:, None]
    rebuilt = shape_errors(e.labels, shape)
    return {
        "audit": (e.scores, e.point_scores),
        "distance": (distance.max(axis=1), distance),
        "NME": (distance.mean(axis=1), distance),
        "PCA shape": (rebuilt.max(axis=1), rebuilt),
    }


def auroc(wrong: FloatArray, right: FloatArray) -> float:
    """Probability that a wrong one scores higher than a right one."""
    ranks = rankdata(np.concatenate([wrong, right]))[: len(wrong)]
    return float((ranks.sum() - len(wrong) * (len(wrong) + 1) / 2) / len(wrong) / len(right))


def precision_at(wrong: FloatArray, right: FloatArray) -> float:
    """Share of wrong ones among as many highest scores as there are wrong ones."""
    both = np.concatenate([wrong, right])
    best = np.argsort(-both, kind="stable")[: len(wrong)]
    return float((best < len(wrong)).mean())


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """Scores by name of wrong and right faces and points, each with its people."""

    wrong: dict[str, FloatArray]
    right: dict[str, FloatArray]
    wrong_points: dict[str, FloatArray]
    right_points: dict[str, FloatArray]
    wrong_people: list[str]
    right_people: list[str]

    def of(self, people: Callable[[str], bool]) -> Scored:
        """The faces of some people; points are left out."""
        wrong, right = (np.array([people(one) for one in many]) for many in (self.wrong_people, self.right_people))
        none: dict[str, FloatArray] = {name: np.zeros(0) for name in self.wrong}
        return Scored(
            {name: values[wrong] for name, values in self.wrong.items()},
            {name: values[right] for name, values in self.right.items()},
            none,
            none,
            [one for one, kept in zip(self.wrong_people, wrong, strict=True) if kept],
            [one for one, kept in zip(self.right_people, right, strict=True) if kept],
        )


def joined(parts: Sequence[Scored]) -> Scored:
    """All parts ranked together."""
    many = [
        {name: np.concatenate([values[name] for values in found]) for name in found[0]}
        for found in zip(*((p.wrong, p.right, p.wrong_points, p.right_points) for p in parts), strict=True)
    ]
    people = [[one for part in found for one in part] for found in
              zip(*((p.wrong_people, p.right_people) for p in parts), strict=True)]  # fmt: skip
    return Scored(*many, *people)


@dataclass(frozen=True, eq=False, slots=True)
class Trial:
    """Faces to plant errors into, with what is fitted on other people: a calibration, and labels (M, N, 2) for PCA."""

    faces: Faces
    calibration: Calibration
    shapes: FloatArray


def run_kind(plant: Error, trial: Trial, count: int, scheme: Scheme, seed: int) -> tuple[Scored, dict[str, Any]]:
    """Plant one kind into `count` of the faces and score all of them."""
    faces = trial.faces
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(faces.groups))[: min(count, len(faces.groups) // 2)]
    labels, changed = faces.labels.copy(), np.zeros(faces.labels.shape[:2], np.bool_)
    ocular = norm_distances(faces.labels, scheme)
    for face in chosen.tolist():
        others = [i for i, group in enumerate(faces.groups) if group != faces.groups[face]]
        planted = plant(faces.labels[face], float(ocular[face]), faces.labels[int(rng.choice(others))], rng)
        labels[face], changed[face] = planted.points, planted.changed
    evidence = gather(labels, faces.predictions, faces.groups, scheme, trial.calibration)
    found = scores(evidence, trial.shapes, faces.predictions)
    wrong = np.isin(np.arange(len(labels)), chosen)
    scored = Scored(
        {name: one[wrong] for name, (one, _) in found.items()},
        {name: one[~wrong] for name, (one, _) in found.items()},
        {name: many[changed] for name, (_, many) in found.items()},
        {name: many[~wrong].ravel() for name, (_, many) in found.items()},
        [faces.groups[i] for i in np.flatnonzero(wrong)],
        [faces.groups[i] for i in np.flatnonzero(~wrong)],
    )
    verdicts = point_verdicts(evidence, faces.predictions)
    inside = changed & (evidence.p_alone > 0.01)
    whole = face_findings(evidence, faces.predictions, faces.sizes)
    return scored, {
        "points": counted(verdicts[changed]),
        "points inside the 99 % ellipse": counted(verdicts[inside]),
        "points of unchanged faces": counted(verdicts[~wrong].ravel()),
        "faces": counted(whole[i].verdict.value for i in chosen.tolist()),
    }


def interval(parts: Sequence[Scored], name: str, seed: int = 0) -> tuple[float, float, float]:
    """AUROC of faces, the mean over the parts, with its interval from drawing people."""
    rng = np.random.default_rng(seed)
    value = float(np.mean([auroc(part.wrong[name], part.right[name]) for part in parts]))
    draws = []
    for _ in range(RESAMPLES):
        drawn = []
        for part in parts:
            people = sorted({*part.wrong_people, *part.right_people})
            times = dict(zip(people, rng.multinomial(len(people), np.full(len(people), 1 / len(people))), strict=True))
            wrong = np.repeat(part.wrong[name], [times[person] for person in part.wrong_people])
            right = np.repeat(part.right[name], [times[person] for person in part.right_people])
            if len(wrong) and len(right):
                drawn.append(auroc(wrong, right))
        draws.append(np.mean(drawn))
    low, high = np.quantile(draws, [0.025, 0.975])
    return value, float(low), float(high)


def summary(parts: Sequence[Scored]) -> dict[str, Any]:
    """Figures by score: AUROC of faces with interval, precision among the first, AUROC of points (None without)."""
    points = all(len(part.wrong_points["audit"]) for part in parts)
    return {
        name: {
            "auroc": interval(parts, name),
            "precision": float(np.mean([precision_at(part.wrong[name], part.right[name]) for part in parts])),
            "points": float(np.mean([auroc(part.wrong_points[name], part.right_points[name]) for part in parts]))
            if points
            else None,
        }
        for name in parts[0].wrong
    }


def predicted(faces: Sequence[LabelledFace], groups: Sequence[str], asked: DatasetRequests, results: Any) -> Faces:
    """The faces of a data set that were found."""
    rows = [
        (indices[found.request or 0], found.prediction, (result.width, result.height))
        for indices, result in zip(asked.faces, results, strict=True)
        for found in result.faces
    ]
    return Faces(
        np.stack([faces[index].label.points for index, _, _ in rows]),
        [prediction for _, prediction, _ in rows],
        [groups[index] for index, _, _ in rows],
        [size for _, _, size in rows],
    )


def calibrated(faces: Faces, scheme: Scheme) -> Calibration:
    """A calibration of these faces."""
    mean = np.stack([prediction.mean for prediction in faces.predictions])
    covariance = np.stack([prediction.covariance for prediction in faces.predictions])
    return fit_calibration(faces.labels, mean, covariance, faces.groups, scheme)


def both_ways(data: Path, model: str | None) -> list[Trial]:
    """Two groups of people whom a model did not train on, each calibrated on the other."""
    device = choose_device("auto")
    predictor = Predictor(load_model(model, device), device)
    parts = []
    for part in ("val", "report"):
        faces = select(read_dataset(data).faces, part)
        groups = groups_of([face.image for face in faces])
        asked = requests_for(faces, "detector", predictor.model.header.crop_factor)
        parts.append(predicted(faces, groups, asked, predict_images(asked.requests, predictor, FaceDetector())))
    scheme = predictor.model.scheme
    return [
        Trial(there, calibrated(here, scheme), here.labels) for here, there in zip(parts, parts[::-1], strict=True)
    ]


def out_of_fold(data: Path, work: FoldsDir) -> list[Trial]:
    """All people of a data set, a fold at a time, with what is fitted on the others."""
    device, faces = choose_device("auto"), read_dataset(data).faces
    groups, plan = groups_of([face.image for face in faces]), work.plan()
    parts = []
    with PredictionCache(work.path / "predictions") as cache:
        for fold in range(plan.count):
            predictor = Predictor(load_model(work.model_file(fold), device), device)
            inside = [index for index, face in enumerate(faces) if plan.folds[face.image.stem] == fold]
            own = [faces[index] for index in inside]
            asked = requests_for(own, "detector", predictor.model.header.crop_factor)
            results = predict_cached(asked.requests, predictor, FaceDetector(), cache)
            parts.append(predicted(own, [groups[index] for index in inside], asked, results))
    scheme, trials = get_scheme(plan.scheme), []
    for number, there in enumerate(parts):
        others = [part for place, part in enumerate(parts) if place != number]
        here = Faces(
            np.concatenate([part.labels for part in others]), [one for part in others for one in part.predictions],
            [one for part in others for one in part.groups], [one for part in others for one in part.sizes],
        )  # fmt: skip
        trials.append(Trial(there, calibrated(here, scheme), here.labels))
    return trials


def reported(person: str) -> bool:
    """Whether nothing was chosen by this person."""
    return part_of(person) is Part.REPORT


def measure(trials: Sequence[Trial], scheme: Scheme, count: int, together: bool) -> dict[str, Any]:
    """All kinds; all trials ranked together, or the mean of them."""
    report: dict[str, Any] = {}
    for seed, (kind, plant) in enumerate(KINDS.items()):
        runs = [run_kind(plant, trial, count, scheme, seed) for trial in trials]
        parts = [scored for scored, _ in runs]
        figures: dict[str, Any] = {"scores": summary([joined(parts)] if together else parts)}
        if together:
            figures["scores of report people"] = summary([joined(parts).of(reported)])
        report[kind] = figures | {"verdicts": [told for _, told in runs]}
        show(kind, report[kind])
    return report


def show(kind: str, figures: dict[str, Any]) -> None:
    """Print one kind."""
    for title, values in figures.items():
        if title == "verdicts":
            continue
        print(f"\n{kind}: {title}")
        for name, row in values.items():
            value, low, high = row["auroc"]
            points = "" if row["points"] is None else f"   points {row['points']:.3f}"
            text = f"faces {value:.4f} ({low:.3f} to {high:.3f})   precision {row['precision']:.2f}"
            print(f"  {name:<10} AUROC {text}{points}")
    for what in figures["verdicts"][0]:
        counts: Counter[str] = Counter()
        for told in figures["verdicts"]:
            counts.update(told[what])
        if total := sum(counts.values()):
            print(f"  {what}: {', '.join(f'{100 * n / total:.1f} % {name}' for name, n in counts.most_common())}")


def main(data: Path, model: str | None, folds: Path | None, count: int, output: Path | None) -> None:
    """Predict, plant, score, print."""
    trials = both_ways(data, model) if folds is None else out_of_fold(data, FoldsDir(folds))
    scheme = get_scheme("300w-68")
    for trial in trials:
        people = len(set(trial.faces.groups))
        print(f"{len(trial.faces.groups)} faces of {people} people, an error in up to {count} of them")
    report = measure(trials, scheme, count, folds is not None)
    if output is not None:
        output.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--folds", type=Path, help="folder that audit --folds made of this data set")
    parser.add_argument("--faces", type=int, default=120, help="errors of a kind in each part of the people")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    main(options.data, options.model, options.folds, options.faces, options.json)
