"""Labelled faces for tests of formats: fractional, missing, occluded, outside the image, several in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from core.face import Box, Label, Visibility
from core.formats import LabelledFace
from core.formats.base import Holds
from core.images import probe_image
from core.scheme import Scheme, get_scheme


def save_image(path: Path, size: tuple[int, int] = (200, 160), seed: int = 0) -> Path:
    """A small picture, different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size).save(path)
    return path


def shape_of(scheme: Scheme, seed: int = 0) -> np.ndarray:
    """Points (N, 2) of a face-like shape, px: mirrored pairs left and right of a middle line, each a little turned."""
    rng = np.random.default_rng(5)  # one shape for all faces, so that sides can be told
    points = np.zeros((len(scheme), 2))
    for index, partner in enumerate(scheme.flip):
        if partner >= index:
            x, y = rng.uniform(10, 45), rng.uniform(-50, 50)
            points[index] = (-x if partner > index else 0, y)
            points[partner] = (x if partner > index else 0, y)
    own = np.random.default_rng(seed)
    angle = own.uniform(-0.3, 0.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T * own.uniform(0.8, 1.1) + np.array((100, 80)) + own.normal(0, 1, points.shape)


def make_faces(
    folder: Path, count: int = 6, scheme_id: str = "300w-68", holds: Holds | None = None, nested: bool = True
) -> list[LabelledFace]:
    """Faces with all that a label can say, as far as a format `holds` it; images are written into `folder`."""
    scheme = get_scheme(scheme_id)
    holds = holds or Holds(missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, several=True)
    faces = []
    for number in range(count):
        name = f"sub ümläut/face {number:02d}.png" if nested and number % 3 == 1 else f"face_{number:02d}.png"
        image = save_image(folder / name, seed=number)
        points = shape_of(scheme, number)
        visibility = np.zeros(len(scheme), np.uint8)
        if number % 2:
            points[3] = (-4.75, 12.125)  # outside the image
            visibility[3] = Visibility.OUTSIDE if holds.outside else 0
            visibility[5] = Visibility.OCCLUDED if holds.occluded else 0
            if holds.missing:
                points[7] = np.nan
        faces.append(
            LabelledFace(
                image, Label(scheme.id, points, visibility),
                Box(20.5, 30.25, 110.125, 99.75) if holds.box else None,
                (0.61803398875, 101.5, 80.25) if holds.crop else None,
                ("blur", "occlusion") if holds.tags and number % 2 else (), f"{image}, face", probe_image(image),
            )
        )
        if holds.several and number == 2:  # a second face in the same image
            other = Label(scheme.id, points + np.array((20, -7.5)), visibility)
            faces.append(LabelledFace(image, other, None, None, (), f"{image}, face 2", probe_image(image)))
    return faces


def assert_same(faces: list[LabelledFace], again: list[LabelledFace], holds: Holds) -> None:
    """Whether what was read is what was written, as far as the format holds it; order of images may differ."""
    assert len(faces) == len(again)
    order = {image: [f for f in again if f.image.resolve() == image.resolve()] for image in {f.image for f in faces}}
    for face in faces:
        found = order[face.image].pop(0)
        expected = holds.expected(face.label)
        assert found.label.scheme == expected.scheme
        assert np.allclose(found.label.points, expected.points, rtol=0, atol=holds.precision + 1e-9, equal_nan=True)
        assert found.label.visibility.tolist() == expected.visibility.tolist()
        if holds.tags:
            assert set(found.tags) == set(face.tags)
        if holds.crop and face.crop is not None:
            assert found.crop is not None
            assert np.allclose(found.crop, face.crop, atol=holds.precision + 1e-9)
        if holds.box and face.box is not None:
            assert found.box is not None
            assert np.allclose(found.box.to_list(), face.box.to_list(), atol=2 * holds.precision + 1e-6)
