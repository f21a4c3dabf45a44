"""A small data set that a tiny network can learn: dots on a plain ground where the landmarks are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.scheme import get_scheme

SCHEME = get_scheme("300w-68")


def mean_face() -> np.ndarray:
    """(68, 2) a plausible face, px of a 128 px picture."""
    from tests.golden import fill

    points = fill().face68().astype(np.float64)
    points[[0, 1, 8]] = [[28.0, 112.0], [30.0, 140.0], [128.0, 228.0]]
    return points * 0.5 + 0.0


def draw_face(points: np.ndarray, rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """(size, size, 3) uint8: the scheme's curves in white on noise."""
    image = rng.integers(0, 60, (size, size, 3), dtype=np.uint8)
    for region in SCHEME.regions:
        line = np.round(points[list(region.indices)] * 8).astype(np.int32)
        cv2.polylines(image, [line], region.closed, (255, 255, 255), 2, cv2.LINE_AA, shift=3)
    return image


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks of a few channels are quickest so."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def drawn_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 300W-style folder of 48 drawn faces of 24 identities."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = np.random.default_rng(7)
    for number in range(48):
        angle, scale = rng.normal(0, 0.1), rng.normal(1, 0.05)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = (mean_face() - 64) @ turn.T + 64 + rng.normal(0, 2, 2)
        stem = folder / f"person{number // 2:02d}_{number % 2}"
        cv2.imwrite(str(stem) + ".png", draw_face(points, rng))
        body = "\n".join(f"{x + 1:.3f} {y + 1:.3f}" for x, y in points)
        Path(str(stem) + ".pts").write_text(f"version: 1\nn_points: 68\n{{\n{body}\n}}\n")
    return folder


TINY = {
    "width": 16,
    "stacks": 1,
    "input_size": 64,
    "epochs": 2,
    "batch_size": 8,
    "precision": "float32",
    "threads": 1,
    "learning_rate": 0.01,
    "seed": 3,
}


@pytest.fixture
def tiny_config(tmp_path: Path) -> Path:
    """A configuration file of a run of seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text("".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in TINY.items()))
    return path
