"""Faces with known landmarks, labelled by simulated annotators: the data of benchmarks/ambiguity.py."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.face import FloatArray
from core.formats.registry import read_dataset
from core.scheme import Scheme, get_scheme
from core.transforms import crop_from_points
from training.split import Part, identity_of, part_of
from training.synthetic.annotator_spec import AnnotatorSpec, annotator_group
from training.synthetic.annotators import SEEN, Expected, annotate, as_seen, expected_labels, pooled

if TYPE_CHECKING:
    from training.dataset import Face

SCHEME_ID = "300w-68"
ANNOTATORS = 4
GROUP_SEED = 0


@dataclass(frozen=True, eq=False, slots=True)
class TrueFace:
    """One face: its image, true `points` (N, 2) image px, `visibility` (N,) as `annotators.SEEN` and so on, person."""

    image: Path
    points: FloatArray
    visibility: NDArray[np.int8]
    person: str


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """Faces to learn from, to choose the best epoch by, and to measure on; nobody is in two of them."""

    train: list[TrueFace]
    choose: list[TrueFace]
    test: list[TrueFace]


def read_truth(folder: Path) -> list[TrueFace]:
    """Rendered faces with their truth.npz, or any data set of the scheme, whose labels are then taken for the truth.

    Raises:
        UsageError: the data set has other points, or an image is not there.
    """
    truth = folder / "truth.npz"
    if not truth.is_file():
        result = read_dataset(folder)
        if result.scheme_id != SCHEME_ID:
            raise UsageError(f"the faces have scheme {result.scheme_id}", where=folder, remedy=f"Use {SCHEME_ID}")
        seen = np.full(len(get_scheme(SCHEME_ID)), SEEN, np.int8)
        return [TrueFace(f.image, f.label.points, seen, identity_of(f.image)) for f in result.faces]
    with np.load(truth) as arrays:
        names, points = arrays["names"], arrays["points_68"]
        visible = as_seen(arrays["visibility_68"], arrays["covered_68"])
    images = {image.stem: image for image in sorted((folder / "images").iterdir()) if image.suffix in (".jpg", ".png")}
    faces = []
    for name, its_points, its_visible in zip(names.tolist(), points, visible, strict=True):
        image = images.get(Path(name).stem if Path(name).suffix in (".jpg", ".png") else name)
        if image is None:
            raise UsageError(f"there is no image of face '{name}'", where=folder / "images", remedy="Render it again")
        faces.append(TrueFace(image, its_points.astype(np.float64), its_visible, identity_of(image)))
    return faces


def divide(faces: Sequence[TrueFace], train: int, choose: int, test: int) -> Parts:
    """At most so many faces of each part, whole people; people whom nobody learns from are tested on as well.

    People come in the order of a hash of their names, so that a limit takes some from everywhere.
    """
    ordered = sorted(faces, key=lambda face: (zlib.crc32(face.person.encode()[::-1]), face.image.name))
    of = {part: [face for face in ordered if part_of(face.person) == part] for part in Part}
    learnt, rest = _first_people(of[Part.TRAIN], train)
    chosen, _ = _first_people(of[Part.CHOICE], choose)
    tested, _ = _first_people(of[Part.REPORT] + rest, test)
    if not (learnt and chosen and tested):
        raise UsageError(f"{len(faces)} faces are too few people to train, choose and test with", remedy="Render more")
    return Parts(learnt, chosen, tested)


def _first_people(faces: Sequence[TrueFace], limit: int) -> tuple[list[TrueFace], list[TrueFace]]:
    """The first `limit` faces or a little fewer, ending with a whole person, and the rest."""
    cut = min(limit, len(faces))
    while 0 < cut < len(faces) and faces[cut].person == faces[cut - 1].person:
        cut -= 1
    return list(faces[:cut]), list(faces[cut:])


def annotators(noise: float) -> list[AnnotatorSpec]:
    """The group that labels, `noise` times as careless as real annotators; each face is labelled by one of them."""
    return [spec.scaled(noise) for spec in annotator_group(ANNOTATORS, seed=GROUP_SEED)]


def labelled(face: TrueFace, group: Sequence[AnnotatorSpec], scheme: Scheme, seed: int) -> Face | None:
    """The face as training gets it: a label by one annotator, and the crop that the label leads to; None if too bare.

    The same seed gives the same draws at every noise level.
    """
    number = zlib.crc32(face.image.stem.encode())
    rng = np.random.default_rng((seed, number))
    label = annotate(face.points, face.visibility, scheme, group[number % len(group)], rng).label
    try:
        crop = crop_from_points(label.points)
    except ValueError:
        return None
    from training.dataset import Face  # here: it loads torch, which only a training needs

    return Face(face.image, label.points, crop, label.weights)


def exact(face: TrueFace) -> Face:
    """The face with its true landmarks, in the crop they lead to."""
    from training.dataset import Face

    return Face(face.image, face.points, crop_from_points(face.points), np.ones(len(face.points), np.float32))


def known_law(face: TrueFace, group: Sequence[AnnotatorSpec], scheme: Scheme) -> Expected:
    """Mean offset and covariance of an ordinary label of this face by any one of the group."""
    return pooled([expected_labels(face.points, face.visibility, scheme, spec) for spec in group])
