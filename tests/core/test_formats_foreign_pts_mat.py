"""What others read of the files written here: menpo of .pts, hdf5storage (as COFW's readers use it) of .mat."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.formats import LabelledFace, export_dataset, read_dataset
from core.images import read_image
from core.scheme import get_scheme
from core.scheme_map import convert_label, find_map

SHARED = Path(__file__).resolve().parents[3] / "shared/data/faces68"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared faces"),
    pytest.mark.filterwarnings("ignore"),  # theirs
]


def _theirs(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def _real_faces() -> list[LabelledFace]:
    """20 faces, moved by fractions of a pixel, since they are labelled in whole ones."""
    faces = read_dataset(SHARED).faces[::140]
    moves = np.random.default_rng(0).uniform(0, 1, (len(faces), 68, 2))
    return [
        replace(face, label=replace(face.label, points=face.label.points + move))
        for face, move in zip(faces, moves, strict=True)
    ]


def test_menpo_reads_the_pts_files(tmp_path: Path) -> None:
    pio = _theirs("menpo.io")
    faces = _real_faces()
    export_dataset(faces, get_scheme("300w-68"), tmp_path / "out", "300w")
    for face in faces:
        group = pio.import_landmark_file(tmp_path / "out" / f"{face.image.stem}.pts")
        points = next(iter(group.values())).points if hasattr(group, "values") else group.points
        assert np.allclose(points[:, ::-1], face.label.points, rtol=0, atol=1e-9)  # menpo has y, x, 0-based


def test_hdf5storage_reads_the_mat_file(tmp_path: Path) -> None:
    hdf5storage = _theirs("hdf5storage")
    way = find_map("300w-68", "cofw-29")
    faces = [replace(face, label=convert_label(face.label, way)) for face in _real_faces()]
    export_dataset(faces, way.target, tmp_path / "COFW_test_color.mat", "cofw")
    mat = hdf5storage.loadmat(str(tmp_path / "COFW_test_color.mat"))
    assert mat["IsTr"].shape == (len(faces), 1)
    assert mat["phisTr"].shape == (len(faces), 87)
    for number, face in enumerate(faces):
        assert np.array_equal(mat["phisTr"][number, :58].reshape(2, 29).T, face.label.points + 1)
        image = mat["IsTr"][number, 0]
        assert image.dtype == np.uint8
        whole = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        assert np.array_equal(whole, read_image(face.image))

