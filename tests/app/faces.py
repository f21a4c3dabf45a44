"""Small generated photos with labels, for tests of the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.scheme import get_scheme


def face_points(size: int = 200, shift: float = 0.0) -> NDArray[np.float64]:
    """(68, 2) points somewhat like a face, image px."""
    t = np.linspace(0, np.pi, 17)
    jaw = np.stack([100 - 70 * np.cos(t), 90 + 80 * np.sin(t)], axis=1)
    brows = np.stack([np.r_[np.linspace(45, 85, 5), np.linspace(115, 155, 5)], np.full(10, 65.0)], axis=1)
    nose = np.stack([np.r_[np.full(4, 100.0), np.linspace(85, 115, 5)], np.r_[80:110:4j, np.full(5, 118.0)]], axis=1)
    turn = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    eyes = [np.stack([x - 12 * np.cos(turn), 85 - 6 * np.sin(turn)], axis=1) for x in (65, 135)]
    mouth_turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    mouth = np.stack([100 - 28 * np.cos(mouth_turn), 140 - 12 * np.sin(mouth_turn)], axis=1)
    inner_turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    inner = np.stack([100 - 18 * np.cos(inner_turn), 140 - 5 * np.sin(inner_turn)], axis=1)
    points = np.concatenate([jaw, brows, nose, *eyes, mouth, inner]) * (size / 200) + shift
    assert len(points) == len(get_scheme("300w-68"))
    return points


def write_photo(path: Path, size: tuple[int, int] = (200, 200), seed: int = 0) -> Path:
    """A photo of soft noise."""
    noise = np.random.default_rng(seed).integers(60, 200, (size[1] // 8 + 1, size[0] // 8 + 1, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(size).save(path)
    return path


def write_pts(path: Path, points: NDArray[np.float64]) -> Path:
    """A 300W .pts file (1-based)."""
    lines = [f"{x + 1} {y + 1}" for x, y in points]
    path.write_text("version: 1\nn_points: 68\n{\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")
    return path


def write_dataset(folder: Path, count: int = 3) -> Path:
    """A 300W folder of `count` labelled photos a_0.png, a_1.png…"""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        write_photo(folder / f"a_{i}.png", seed=i)
        write_pts(folder / f"a_{i}.pts", face_points(shift=float(i)))
    return folder
