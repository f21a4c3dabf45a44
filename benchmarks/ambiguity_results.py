"""Results of benchmarks/ambiguity.py as figures: what was predicted, compared with what is known, with intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ambiguity_measures as measures
from benchmarks.ambiguity_data import SCHEME_ID
from benchmarks.ambiguity_jobs import METHODS, START, TITLES, Job
from core.ambiguity import anisotropy
from core.errors import UsageError
from core.face import FloatArray
from core.geometry import tangent_angles
from core.metrics import bootstrap_interval
from core.scheme import get_scheme
from training.synthetic.annotator_spec import face_unit


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over faces with its 95 % interval from drawing people."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, slots=True)
class Results:
    """Everything that was measured.

    Attributes:
        settings: of the run.
        people: (F,) the person of each test face.
        truth: (F, N, 2) true points, image px.
        known: known covariances (F, N, 2, 2) px^2 by noise.
        runs: arrays of each job (see `ambiguity_train.result_arrays`).
        notes: the JSON file of each job.
        start: that of the training they started from; empty without one.
    """

    settings: dict[str, Any]
    people: list[str]
    truth: FloatArray
    known: dict[float, FloatArray]
    runs: dict[Job, dict[str, FloatArray]]
    notes: dict[Job, dict[str, Any]]
    start: dict[str, Any]

    @property
    def noises(self) -> list[float]:
        """Noise levels with results, rising."""
        return sorted({job.noise for job in self.runs})

    @property
    def methods(self) -> list[str]:
        """Losses with results, in the order of `METHODS`."""
        return [method for method in METHODS if any(job.method == method for job in self.runs)]

    def jobs(self, method: str, noise: float) -> list[Job]:
        """The seeds of one method at one noise level."""
        found = [job for job in self.runs if (job.method, job.noise) == (method, noise)]
        return sorted(found, key=lambda job: job.seed)


def load(out: Path) -> Results:
    """Read the results. UsageError if there are none."""
    files = sorted((out / "runs").glob("*.json"))
    if not files:
        raise UsageError("there are no results", where=out, remedy="Run it first")
    settings = json.loads((out / "settings.json").read_text())
    runs, notes = {}, {}
    for file in files:
        note = json.loads(file.read_text())
        job = Job(note["method"], note["noise"], note["seed"])
        with np.load(file.with_suffix(".npz")) as arrays:
            runs[job] = {name: arrays[name].astype(np.float64) for name in arrays.files}
        notes[job] = note
    begin = out / f"{START}.json"
    start = json.loads(begin.read_text()) if begin.is_file() else {}
    with np.load(out / "truth.npz") as arrays:
        prefix = "known_covariance_"
        known = {float(n.removeprefix(prefix)): arrays[n] for n in arrays.files if n.startswith(prefix)}
        return Results(settings, arrays["people"].tolist(), arrays["true_points"], known, runs, notes, start)


Spread = Callable[[dict[str, FloatArray]], FloatArray]
"""From the arrays of a run to covariances (F, N, 2, 2) px^2 of the test faces."""


def own_ellipses(run: dict[str, FloatArray]) -> FloatArray:
    """What the heatmaps say."""
    return run["covariance"]


def residual_ellipses(run: dict[str, FloatArray], *, contour: bool) -> FloatArray:
    """What the residuals of noisy labels of other people say: one covariance a landmark, as large as the crop is.

    With `contour`, it is measured in the frame of the predicted contour's tangent and follows that on each test face.
    """
    scheme = get_scheme(SCHEME_ID)
    residual = (run["other_label"] - run["other_mean"]) / run["other_side"][:, None, None]
    frames = []
    for means in (run["other_mean"], run["mean"]):
        turn = np.stack([tangent_angles(points, scheme) for points in means])
        frames.append(np.nan_to_num(turn) if contour else np.zeros_like(turn))
    local = measures.residual_covariance(residual, frames[0])
    return measures.turned(local[None] * run["side"][:, None, None, None] ** 2, frames[1])


def ways(results: Results) -> list[tuple[str, str, Spread]]:
    """Ways to a covariance: name, method whose networks they use, and how."""
    found: list[tuple[str, str, Spread]] = [
        (f"{TITLES[method]}: heatmap", method, own_ellipses) for method in results.methods
    ]
    for method in ("star", "smoothl1"):
        if method in results.methods:
            for contour, name in ((False, "residuals, upright"), (True, "residuals along contour")):
                found.append((f"{TITLES[method]}: {name}", method, partial(residual_ellipses, contour=contour)))
    return found


def covariance_row(results: Results, method: str, noise: float, spread: Spread) -> dict[str, Any]:
    """How well one way's covariances agree with the known ones; a face's value is a mean over landmarks and seeds."""
    known = results.known[noise]
    faces: dict[str, list[FloatArray]] = {}
    landmark_sizes = []
    for job in results.jobs(method, noise):
        predicted = spread(results.runs[job])
        ratios = measures.log_ratios(predicted, known)
        size = measures.sizes(predicted)
        landmark_sizes.append(np.nanmedian(size, axis=0))
        values = {
            "angle": np.nanmean(measures.angle_errors(predicted, known), axis=1),
            "log_along": np.nanmean(ratios.along, axis=1),
            "log_across": np.nanmean(ratios.across, axis=1),
            "spread_along": np.nanstd(ratios.along, axis=1),
            "anisotropy": np.nanmedian(anisotropy(predicted), axis=1),
            "rank": measures.rank_correlations(size, measures.sizes(known)),
        }
        for name, value in values.items():
            faces.setdefault(name, []).append(value)
    row: dict[str, Any] = {name: figure(np.mean(values, axis=0), results.people) for name, values in faces.items()}
    known_sizes = np.nanmedian(measures.sizes(known), axis=0)
    row["power"] = measures.power(np.mean(landmark_sizes, axis=0), known_sizes)
    return row


def face_nmes(results: Results, method: str, noise: float) -> FloatArray:
    """Mean distance (seeds, F) of each test face's points from the truth over the face's unit, fractions.

    The unit is that of the annotators' noise: the inter-ocular distance would vanish in profiles.
    """
    scheme = get_scheme(SCHEME_ID)
    unit = np.array([face_unit(points, scheme) for points in results.truth])
    apart = [np.linalg.norm(results.runs[job]["mean"] - results.truth, axis=-1) for job in results.jobs(method, noise)]
    return np.nanmean(np.stack(apart), axis=-1) / unit


def figure(values: FloatArray, people: Sequence[str]) -> Figure:
    """Mean of values (F,) with its interval; faces without a value are left out."""
    good = np.isfinite(values)
    if not good.any():
        return Figure(float("nan"), float("nan"), float("nan"))
    kept = [person for person, known in zip(people, good, strict=True) if known]
    low, high = bootstrap_interval(values[good], kept, "mean")
    return Figure(float(values[good].mean()), low, high)


def landmark_sigmas(results: Results, method: str, noise: float, spread: Spread) -> tuple[FloatArray, FloatArray]:
    """Known and predicted standard deviation (N,) along the known axis, % of the crop; median over faces and seeds."""
    known = results.known[noise]
    theirs, ours = [], []
    for job in results.jobs(method, noise):
        run = results.runs[job]
        side = run["side"][:, None]
        true = 100 * np.sqrt(measures.eigen(known).major) / side
        theirs.append(true)
        ours.append(true * np.exp(measures.log_ratios(spread(run), known).along))
    return np.nanmedian(np.concatenate(theirs), axis=0), np.nanmedian(np.concatenate(ours), axis=0)
