"""How much hand work do the editing moves save? python benchmarks/time_on_task.py FACES68 [--tolerance 0.05]

Takes 100 faces of people whom the model never saw, spoils five points of each (by turns: five single points; two single
points and three that slipped along their curve; five that slipped; five neighbours displaced together), predicts the
photo as the window does (detector, then the bundled model), and lets an annotator who is simulated
(`benchmarks/annotator.py`) correct them: once by dragging single points, once with all moves. A point is right within
the tolerance of where it was before, a part of the distance between the outer eye corners; wrong ones are off by two to
five times as much, slipped ones by 0.5 to 0.9 of the gap to their neighbour and at least 1.5 tolerances. The canvas is
900 x 750 px with the face fitted. 95 % intervals from drawing people.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.annotator import Annotator, Effort
from core.calibration import Calibration
from core.face import FloatArray, Prediction
from core.formats.registry import read_dataset
from core.metrics import bootstrap_interval
from core.model.detector import FaceDetector
from core.model.device import choose_device
from core.model.library import load_model
from core.model.pipeline import predict_images
from core.model.predictor import Predictor
from core.model.requests import requests_for
from core.moves.rail import rail
from core.scheme import Scheme
from training.evaluate import select
from training.split import groups_of

WRONG = 5
CANVAS_PX, FACE_MARGIN = (900, 750), 0.15
KINDS = ("single points", "two single, three slipped", "five slipped", "five displaced together")
_TRIES = 200


def spoil(truth: FloatArray, scheme: Scheme, kind: str, tolerance: float, rng: np.random.Generator) -> FloatArray:
    """`truth` (N, 2) px with five points wrong, by more than 1.5 times the tolerance, px."""
    for _ in range(_TRIES):
        points = truth.copy()
        if kind == "single points":
            chosen = rng.choice(len(truth), WRONG, replace=False)
            points[chosen] += _shifts(WRONG, tolerance, rng)
        elif kind == "five displaced together":
            run = _run(scheme, WRONG, rng)
            points[run] += _shifts(1, tolerance, rng)
        else:
            count = WRONG if kind == "five slipped" else 3
            run = _run(scheme, count, rng)
            points = _slipped(points, scheme, run, rng)
            rest = [i for i in range(len(truth)) if i not in run]
            single = rng.choice(rest, WRONG - count, replace=False)
            points[single] += _shifts(WRONG - count, tolerance, rng)
        if (np.hypot(*(points - truth).T) > 1.5 * tolerance).sum() == WRONG:
            return points
    raise RuntimeError(f"no five points could be made wrong: {kind}")


def _shifts(count: int, tolerance: float, rng: np.random.Generator) -> FloatArray:
    size, turn = tolerance * rng.uniform(2, 5, count), rng.uniform(-np.pi, np.pi, count)
    return size[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _run(scheme: Scheme, count: int, rng: np.random.Generator) -> list[int]:
    """Neighbours on one curve."""
    regions = [region for region in scheme.regions if len(region.indices) >= count]
    region = regions[int(rng.integers(len(regions)))]
    start = int(rng.integers(len(region.indices) - count + 1))
    return list(region.indices[start : start + count])


def _slipped(points: FloatArray, scheme: Scheme, run: list[int], rng: np.random.Generator) -> FloatArray:
    region = scheme.region_of(run[0])
    track = None if region is None else rail(points, region)
    assert track is not None
    share = np.isin(track.indices, run).astype(np.float64)
    distance = rng.uniform(0.5, 0.9) * float(track.gaps().mean()) * rng.choice([-1.0, 1.0])
    moved = points.copy()
    moved[track.indices] = track.slide(share, distance)
    rest = track.indices[share == 0]
    moved[rest] = points[rest]
    return moved


def fitted_zoom(points: FloatArray) -> float:
    """Screen px an image px of the face fitted into the canvas."""
    extent = np.ptp(points, axis=0)
    room = extent + 2 * FACE_MARGIN * extent.max()
    return float((np.array(CANVAS_PX) / room).min())


def report(name: str, plain: list[Effort], tools: list[Effort], groups: list[str]) -> None:
    """One block of figures."""
    print(f"\n{name}: {len(plain)} faces of {len(set(groups))} people")
    print(f"{'a face':<26}{'drags only':>12}{'all moves':>12}{'ratio':>26}")
    rows: list[tuple[str, Callable[[Effort], float]]] = [
        ("button presses", lambda e: e.presses),
        ("keys", lambda e: e.keys),
        ("presses and keys", lambda e: e.presses + e.keys),
        ("ways of the mouse", lambda e: e.ways),
        ("mouse travel, screen px", lambda e: e.travel),
        ("seconds of hand work", lambda e: e.seconds),
    ]
    for text, value in rows:
        before, after = (np.array([value(effort) for effort in efforts], float) for efforts in (plain, tools))
        line = f"{text:<26}{before.mean():>12.1f}{after.mean():>12.1f}"
        if before.mean() > 0:
            pairs = np.arange(len(before), dtype=float)
            low, high = bootstrap_interval(pairs, groups, _ratio(before, after))[:2]
            line += f"{after.mean() / before.mean():>10.2f} ({low:.2f} to {high:.2f})"
        print(line)


def _ratio(before: FloatArray, after: FloatArray) -> Callable[[FloatArray], float]:
    """A statistic of drawn row numbers."""
    return lambda rows: float(after[rows.astype(int)].mean() / before[rows.astype(int)].mean())


Face = tuple[FloatArray, Prediction, str]
"""Label (N, 2) px, prediction, person."""


def predict(data: Path, count: int, seed: int, split: str) -> tuple[Scheme, Calibration | None, list[Face]]:
    """`count` faces drawn from the people of a split, with the model's scheme and calibration."""
    device = choose_device("auto")
    predictor = Predictor(load_model(None, device), device)
    faces = select(read_dataset(data).faces, split)
    drawn = np.random.default_rng(seed).permutation(len(faces))[:count]
    faces = [faces[i] for i in sorted(drawn.tolist())]
    asked = requests_for(faces, "detector", predictor.model.header.crop_factor)
    groups = groups_of([face.image for face in faces])
    found = []
    for indices, result in zip(asked.faces, predict_images(asked.requests, predictor, FaceDetector()), strict=True):
        for face in result.faces:
            index = indices[face.request or 0]
            found.append((faces[index].label.points, face.prediction, groups[index]))
    scheme, header = predictor.model.scheme, predictor.model.header
    return scheme, Calibration.from_json(header.calibration, len(scheme)), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of labelled faces (300W .pts)")
    parser.add_argument("--faces", type=int, default=100)
    parser.add_argument("--tolerance", type=float, nargs="+", default=[0.03, 0.05, 0.07])
    parser.add_argument("--split", choices=("val", "report"), default="report", help="val: to choose between moves")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    scheme, calibration, faces = predict(options.data, options.faces, options.seed, options.split)
    for tolerance in options.tolerance:
        rng = np.random.default_rng(options.seed)
        efforts: dict[bool, list[Effort]] = {True: [], False: []}
        moves: Counter[str] = Counter()
        near = []
        for number, (truth, prediction, _) in enumerate(faces):
            reach = tolerance * scheme.norm_distance(truth)
            start = spoil(truth, scheme, KINDS[number % len(KINDS)], reach, rng)
            near.append(float((np.hypot(*(prediction.mean - truth).T) <= reach).mean()))
            for plain in (True, False):
                annotator = Annotator(scheme, truth, prediction, reach, plain, calibration)
                effort, done = annotator.correct(start, fitted_zoom(truth))
                efforts[plain].append(effort)
                moves.update([] if plain else done)
        groups = [group for *_, group in faces]
        print(f"\n=== tolerance {tolerance:.0%}; {np.mean(near):.0%} of predicted points lie within it")
        report("all", efforts[True], efforts[False], groups)
        for n, kind in enumerate(KINDS):
            part = slice(n, None, len(KINDS))
            report(kind, efforts[True][part], efforts[False][part], groups[part])
        print("\nmoves: " + ", ".join(f"{name} {count}" for name, count in moves.most_common()))


if __name__ == "__main__":
    main()
