"""What we write, loaded by the programs that the formats belong to. Skipped where a package is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.formats import LabelledFace, export_dataset
from core.scheme import get_scheme
from tests.core.format_samples import make_faces

SCHEME = get_scheme("300w-68")


@pytest.fixture
def faces(tmp_path: Path) -> list[LabelledFace]:
    """Fractional, missing and outside points; several faces in one image; a name that is no ASCII."""
    return make_faces(tmp_path / "images")


def test_dlib_loads_it(faces: list[LabelledFace], tmp_path: Path) -> None:
    dlib = pytest.importorskip("dlib")
    export_dataset(faces, SCHEME, tmp_path / "out.xml", "dlib", images_root=tmp_path / "images")
    data = dlib.image_dataset_metadata.load_image_dataset_metadata(str(tmp_path / "out.xml"))
    boxes = [(image, box) for image in data.images for box in image.boxes]
    assert len(boxes) == len(faces)
    for (image, box), face in zip(boxes, faces, strict=True):
        assert tmp_path / "images" / image.filename == face.image
        there = np.flatnonzero(np.isfinite(face.label.points[:, 0]))
        assert sorted(box.parts) == [f"{index:02d}" for index in there]  # as the trainer sorts them
        found = np.array([(box.parts[name].x, box.parts[name].y) for name in sorted(box.parts)])
        assert np.abs(found - face.label.points[there]).max() <= 0.5
        if face.box is not None:
            assert abs(box.rect.left() - face.box.x) <= 0.5
            assert abs(box.rect.width() - face.box.w) <= 1
