"""Noise from integers alone: textures that are the same on every machine."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_SEED = 20240229


def tile_noise(size: int, cells: tuple[int, ...], rng: np.random.Generator, gain: float = 0.55) -> Float32:
    """(size, size) float32 smooth noise in [0, 1] that continues over its edges: a sum of grids of `cells` values a
    side, each `gain` times weaker than the one before; evened out, so that every value is about as common."""
    total = np.zeros((size, size), np.float32)
    weight = 1.0
    for cell in cells:
        grid = rng.random((cell, cell), dtype=np.float32)
        wrapped = np.pad(grid, 3, mode="wrap")
        scale = size / cell
        big = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        start = round(3 * scale)
        total += weight * (big[start : start + size, start : start + size] - 0.5)
        weight *= gain
    low, middle, high = np.quantile(total, [0.01, 0.5, 0.99])
    return np.clip(0.5 + (total - middle) / (high - low), 0, 1).astype(np.float32)


def gradient(height: Float32) -> tuple[Float32, Float32]:
    """Slopes to the right and upwards (rows count downwards) of a height map that continues over its edges."""
    across = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    upwards = (np.roll(height, 1, 0) - np.roll(height, -1, 0)) / 2
    return across.astype(np.float32), upwards.astype(np.float32)


@lru_cache(maxsize=1)
def detail_texture() -> NDArray[np.uint8]:
    """(512, 512, 4) uint8: slope across and upwards about 0.5, height, and a slow noise."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    height = tile_noise(512, (32, 64, 128, 256), rng, 0.8)
    slow = tile_noise(512, (8, 16, 32), rng)
    across, upwards = (0.5 + 2.5 * slope for slope in gradient(height))
    stacked = np.stack([across, upwards, height, slow], axis=-1)
    return np.clip(255 * stacked + 0.5, 0, 255).astype(np.uint8)


def fractal_image(size: tuple[int, int], roughness: float, rng: np.random.Generator, coarse: int = 4) -> Float32:
    """(H, W) float32 in about [0, 1] for a size (W, H): clouds, each octave `roughness` times weaker than the last."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    weight, norm = 1.0, 0.0
    cells = coarse
    while cells < 64:
        grid = rng.random((cells + 1, cells + 1), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        norm += weight
        weight *= roughness
        cells *= 2
    return total / norm
