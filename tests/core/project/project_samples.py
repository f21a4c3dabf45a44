"""Small labels, faces and data sets for the project tests."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.face import Box, Label, Prediction
from core.images import ImageInfo
from core.project import Edits, LabelSet, Project, SetLabel

ANNA = "Anna"


@dataclass(frozen=True)
class Face:
    """What an importer hands over."""

    image: Path
    label: Label
    box: Box | None = None
    crop: tuple[float, float, float] | None = None
    tags: tuple[str, ...] = ()
    source: str = "list.txt:1"
    info: ImageInfo | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


def label(seed: int = 0, count: int = 68, scheme: str = "300w-68") -> Label:
    """Fractional, occluded, outside and missing points, all flags, odd weights."""
    rng = np.random.default_rng(seed)
    points = rng.normal(300, 400, (count, 2))
    visibility = rng.integers(0, 3, count).astype(np.uint8)
    points[rng.random(count) < 0.1] = np.nan
    flags = rng.integers(0, 4, count).astype(np.uint8)
    return Label(scheme, points, visibility, flags, rng.random(count).astype(np.float32))


def label_of_the_first_layout(made: Label) -> bytes:
    """As Starmark wrote labels with the first schema."""
    body = made.scheme.encode()
    for array, kind in ((made.points, "<f8"), (made.visibility, "u1"), (made.flags, "u1"), (made.weights, "<f4")):
        body += array.astype(kind).tobytes()
    return struct.pack("<2sBBHHI", b"SL", 1, 0, len(made), len(made.scheme.encode()), zlib.crc32(body)) + body


def prediction(seed: int = 0, count: int = 68) -> Prediction:
    rng = np.random.default_rng(seed)
    half = rng.normal(0, 3, (count, 2, 2))
    second = rng.normal(300, 100, (count, 2))
    second[::3] = np.nan
    return Prediction(
        "300w-68",
        rng.normal(300, 100, (count, 2)),
        half @ half.transpose(0, 2, 1),
        rng.random(count),
        np.ones(count),
        second,
        rng.random(count) / 2,
        np.array([1.5, 300.25, 200.125]),
    )


def dataset(folder: Path, count: int = 5, seed: int = 0) -> list[Face]:
    """One face an image; the images do not exist. Far enough from each other to be told apart."""
    rng = np.random.default_rng(seed)
    return [
        Face(folder / f"{i:04d}.jpg", Label("300w-68", rng.uniform(100, 300, (68, 2))), source=f"{i:04d}.pts")
        for i in range(count)
    ]


def with_face(project: Project, folder: Path, author: str = ANNA) -> tuple[object, LabelSet]:
    """A face in a new image, and the author's label set."""
    image = project.add_images([folder / "one.jpg"])[0]
    face = project.add_face(image.id, Box(10, 20, 30, 40))
    return face.id, project.ensure_label_set(author, "annotator")


def set_to(project: Project, face_id, label_set: LabelSet, after: Label | None, kind: str = "move point") -> SetLabel:
    """The edit that brings the label from its present state to `after`."""
    now = project.label(face_id, label_set.id)
    version = project.label_version(face_id, label_set.id)
    return SetLabel(face_id, label_set.id, None if now is None else now.label, after, version, kind)


def edits(*found: SetLabel, kind: str = "bulk") -> Edits:
    return Edits(found, kind)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())
