"""Makes the sample of `resources/sample` from rendered faces with known truth; see `core.sample` for its layout.

    python -m training.synthetic.sample RENDERED --portrait astronaut.png -o resources/sample

The same folder, portrait, seed and bundled model give the same files, byte for byte.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.ambiguity import anisotropy, eigen, split_deviation
from core.errors import FormatError
from core.face import Box, ByteArray, FloatArray, Label, Prediction, Visibility
from core.files import write_atomic
from core.formats import LabelledFace, export_dataset
from core.geometry import region_contour
from core.images import probe_image, read_image
from core.model.detector import FaceDetector
from core.model.device import choose_device
from core.model.library import load_model
from core.model.pipeline import FaceRequest, ImageRequest, predict_images
from core.model.predictor import Predictor
from core.sample import IMAGES, LABEL_SETS, PLANTED, TRUTH, Plan, Planted, plan_json
from core.scheme import Scheme, get_scheme
from training.synthetic.annotator_spec import AnnotatorSpec, annotator_group
from training.synthetic.annotators import COVERED, OUTSIDE, SEEN, SELF_HIDDEN, Kind, annotate, as_seen
from training.synthetic.truth import load_truth

COUNT = 40
SIDE = 320
"""Longer side of a picture, px."""
QUALITY = 82
DECIMALS = 2

SLIPS, GROSS = (0.14, 0.18, 0.22), 0.45
"""How far the labels that the tour shows are off, as a share of the distance between the outer eye corners."""

_JAW = tuple(range(2, 7)) + tuple(range(10, 15))
_DISTINCT = (30, 36, 45, 48, 54)
"""Nose tip, outer eye corners, mouth corners: points that everybody places alike."""
_WELL_SEEN = 0.04
"""Largest error of a prediction, as a share of the same distance, at a point that the tour shows."""
_FARTHEST = 0.25
"""Largest deviation from the prediction of the slip that the tour shows; beyond it nobody would shrug."""
_LONG = 1.2
"""Least anisotropy of an ellipse that anybody would call long."""
_FRONTAL = 1.6
"""Largest ratio of the distances from the nose tip to the outer eye corners."""

_BASE = AnnotatorSpec(gross_rate=0.002, swap_rate=0.03, shift_rate=0.03, hidden_missing_rate=0.02)
"""Fewer gross errors than in real labels, which hide what the tour shows; more of the rest, so that all kinds occur."""

_SEEN = {
    SEEN: Visibility.VISIBLE, SELF_HIDDEN: Visibility.OCCLUDED, COVERED: Visibility.OCCLUDED,
    OUTSIDE: Visibility.OUTSIDE,
}  # fmt: skip


@dataclass(eq=False, slots=True)
class _Face:
    """One picture on its way.

    Attributes:
        truth: (68, 2) image px of the small picture.
        seen: (68,) as `training.synthetic.annotators` has it.
        labels: by label set.
        kinds: (68,) of `Kind`, likewise.
    """

    name: str
    truth: FloatArray
    seen: NDArray[np.int8]
    labels: dict[str, Label] = field(default_factory=dict)
    kinds: dict[str, ByteArray] = field(default_factory=dict)
    prediction: Prediction | None = None

    @property
    def states(self) -> ByteArray:
        """(68,) uint8 of `Visibility`: what a label without errors says."""
        return np.array([_SEEN[int(value)] for value in self.seen], np.uint8)

    @property
    def scale(self) -> float:
        """Distance between the outer eye corners, px."""
        return get_scheme("300w-68").norm_distance(self.truth)


def make_sample(rendered: Path, portrait: Path, out: Path, seed: int = 0) -> Plan:
    """Write the sample's pictures, labels, truth and plan into the folder `out`.

    Args:
        rendered: a rendered data set: see `training.synthetic.dataset`.
        portrait: a picture that goes along without labels.
        seed: of the choice of pictures and of the annotators.

    Raises:
        FormatError: no picture is fit for the tour.
    """
    scheme = get_scheme("300w-68")
    (out / IMAGES).mkdir(parents=True, exist_ok=True)
    faces = _shrunk(rendered, out / IMAGES, seed)
    _shrink(portrait, out / IMAGES / "astronaut.jpg")
    for label_set, spec in zip(LABEL_SETS, annotator_group(len(LABEL_SETS), _BASE, seed=seed), strict=True):
        for face in faces:
            given = annotate(face.truth, face.seen, scheme, spec, _random(seed, label_set, face.name))
            face.labels[label_set] = replace(given.label, points=np.round(given.label.points, DECIMALS))
            face.kinds[label_set] = given.kind.copy()
    _predict(faces, out / IMAGES)
    ambiguous = _plant_slip(faces, rendered)
    wrong = _plant_gross([face for face in faces if face.name != ambiguous.image], rendered)
    plan = Plan(_errors(faces), ambiguous, wrong)
    for label_set in LABEL_SETS:
        _write(faces, [face.labels[label_set] for face in faces], out, f"{label_set}.json", scheme)
    (out / TRUTH).parent.mkdir(exist_ok=True)
    _write(faces, [Label(scheme.id, np.round(face.truth, DECIMALS), face.states) for face in faces], out, TRUTH, scheme)
    write_atomic(out / PLANTED, plan_json(plan))
    return plan


def _random(seed: int, *words: str) -> np.random.Generator:
    """Depends on the words alone, not on the order of the pictures."""
    return np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in words)])


def _shrunk(rendered: Path, images: Path, seed: int) -> list[_Face]:
    """COUNT of the pictures, of as many people as there are, made small."""
    truth = load_truth(rendered)
    stems, known = truth.names, truth.faces["300w-68"]
    order = np.random.default_rng(seed).permutation(len(stems))
    rank: dict[str, int] = {}
    keyed = []
    for index in order:
        person = stems[index].rpartition("_")[0]
        rank[person] = rank.get(person, -1) + 1
        keyed.append((rank[person], int(index)))
    chosen = sorted(index for _, index in sorted(keyed, key=lambda pair: pair[0])[:COUNT])
    faces = []
    for index in chosen:
        name = f"{stems[index]}.jpg"
        factor = _shrink(rendered / IMAGES / name, images / name)
        # Pixel centres have whole numbers: the picture begins half a pixel before the first.
        points = (known.points[index] + 0.5) * factor - 0.5
        faces.append(_Face(name, points, as_seen(known.visibility[index], known.covered[index])))
    return faces


def _shrink(source: Path, target: Path) -> float:
    """Write a small JPEG without metadata; by how much it was scaled."""
    picture = Image.fromarray(read_image(source))
    factor = min(1.0, SIDE / max(picture.size))
    width, height = (max(1, round(side * factor)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    write_atomic(target, lambda stream: picture.save(stream, "JPEG", quality=QUALITY, optimize=True))
    return factor


def _predict(faces: Sequence[_Face], images: Path) -> None:
    """What the bundled model says of each picture, as the window will show it."""
    device = choose_device("cpu")
    predictor = Predictor(load_model(None, device, "float32"), device, threads=1)
    requests = [ImageRequest(images / face.name, (FaceRequest(Box.around(face.truth)),)) for face in faces]
    for face, result in zip(faces, predict_images(requests, predictor, FaceDetector()), strict=True):
        face.prediction = result.faces[0].prediction if result.faces else None


def _plant_slip(faces: Sequence[_Face], rendered: Path) -> Planted:
    """Slide one jaw point along the jaw, where the model is as unsure as people are."""
    scheme, label_set = get_scheme("300w-68"), LABEL_SETS[-1]
    best: tuple[float, _Face, int, FloatArray] | None = None
    for face in _clear(faces):
        contour = region_contour(face.truth, scheme.regions[0])
        if contour is None or face.prediction is None:
            continue
        for point in _JAW:
            if face.seen[point] != SEEN:
                continue
            for way in (*SLIPS, *(-slip for slip in SLIPS)):
                label = np.round(contour.slide(face.truth[point], way * face.scale), DECIMALS)
                covariance = face.prediction.covariance[point]
                deviation = split_deviation(label, face.prediction.mean[point], covariance)
                along, across = abs(float(deviation.along)), abs(float(deviation.across))
                long = float(anisotropy(covariance))
                if long < _LONG or not SLIPS[0] <= along / face.scale <= _FARTHEST:
                    continue
                score = across / along + 1 / long
                if best is None or score < best[0]:
                    best = score, face, point, label
    if best is None:
        raise FormatError("no picture has a jaw point fit for the tour", where=rendered, remedy="Render more")
    return _put(best[1], label_set, best[2], best[3], Kind.SLIP)


def _plant_gross(faces: Sequence[_Face], rendered: Path) -> Planted:
    """Put one distinct point far off, to the side in which the model is surest, where the model sees it well."""
    label_set = LABEL_SETS[-1]
    best: tuple[float, _Face, int] | None = None
    for face in _clear(faces):
        assert face.prediction is not None
        error = np.hypot(*(face.prediction.mean - face.truth).T) / face.scale
        for point in _DISTINCT:
            score = float(error[point] + error.mean())
            if face.seen[point] == SEEN and error[point] < _WELL_SEEN and (best is None or score < best[0]):
                best = score, face, point
    if best is None:
        raise FormatError("no picture has a point fit for the tour", where=rendered, remedy="Render more")
    _, face, point = best
    assert face.prediction is not None
    angle = float(eigen(face.prediction.covariance[point]).angle)
    aside = np.array([-np.sin(angle), np.cos(angle)]) * GROSS * face.scale
    # The end that is farther from other points is easier to take hold of.
    ends = [face.truth[point] + way * aside for way in (-1, 1)]
    label = max(ends, key=lambda end: float(np.hypot(*(face.truth - end).T).min()))
    return _put(face, label_set, point, np.round(label, DECIMALS), Kind.GROSS)


def _clear(faces: Sequence[_Face]) -> list[_Face]:
    """Those that the model understands."""
    return [
        face
        for face in faces
        if face.prediction is not None
        and _turned(face.truth) < _FRONTAL
        and float(np.hypot(*(face.prediction.mean - face.truth).T).mean()) < 2 * _WELL_SEEN * face.scale
    ]


def _turned(points: FloatArray) -> float:
    """How much farther the nose tip is from one outer eye corner than from the other: 1 seen from the front."""
    right, left = (float(np.hypot(*(points[30] - points[corner]))) for corner in (36, 45))
    return max(right, left) / max(min(right, left), 1e-6)


def _put(face: _Face, label_set: str, point: int, xy: FloatArray, kind: Kind) -> Planted:
    """Spoil one label, and see to it that no other of that face and annotator is wrong: it shall be found first."""
    kinds, points = face.kinds[label_set], face.labels[label_set].points.copy()
    others = kinds > Kind.SLIP
    points[others], kinds[others] = np.round(face.truth[others], DECIMALS), Kind.NONE
    points[point], kinds[point] = xy, kind
    face.labels[label_set] = replace(face.labels[label_set], points=points, visibility=face.states)
    return _planted(face, label_set, point)


def _planted(face: _Face, label_set: str, point: int) -> Planted:
    (x, y), (lx, ly) = np.round(face.truth[point], DECIMALS), face.labels[label_set].points[point]
    kind = Kind(face.kinds[label_set][point])
    label = None if kind is Kind.MISSING else (float(lx), float(ly))
    return Planted(face.name, label_set, point, kind.name.lower(), (float(x), float(y)), label)


def _errors(faces: Sequence[_Face]) -> tuple[Planted, ...]:
    return tuple(
        _planted(face, label_set, int(point))
        for face in faces
        for label_set in reversed(LABEL_SETS)
        for point in np.flatnonzero(face.kinds[label_set] > Kind.SLIP)
    )


def _write(faces: Sequence[_Face], labels: Sequence[Label], out: Path, name: str, scheme: Scheme) -> None:
    labelled = []
    for face, label in zip(faces, labels, strict=True):
        path = out / IMAGES / face.name
        # The true box for all, so that every label of a picture is known to be of the same face.
        box = Box(*(round(value, DECIMALS) for value in Box.around(face.truth).to_list()))
        labelled.append(LabelledFace(path, label, box, None, (), "", probe_image(path)))
    export_dataset(labelled, scheme, out / name, "coco", images_root=out, overwrite=True)


def main() -> None:
    """Make the sample."""
    parser = argparse.ArgumentParser(description="Make resources/sample from a rendered data set.")
    parser.add_argument("rendered", type=Path, help="folder with images/ and truth.npz")
    parser.add_argument("--portrait", type=Path, required=True, help="the picture that goes along without labels")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    args = parser.parse_args()
    plan = make_sample(args.rendered, args.portrait, args.out, args.seed)
    print(f"{len(plan.errors)} labels are wrong; the tour shows {plan.ambiguous} and {plan.wrong}")


if __name__ == "__main__":
    main()
