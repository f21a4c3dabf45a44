"""The paper's augmentations (specification section 11), one class each, composed in its order.

Every random draw comes from the generator that is handed in, so that a sample depends on its seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from core.face import ByteArray, FloatArray

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class RandomGeometry:
    """Rotation, scale and shift about the crop's centre; normal laws, unbounded as in the reference."""

    angle_sd: float = 18.0
    scale_sd: float = 0.1
    shift_sd: float = 0.05
    min_scale: float = 0.5

    def draw(self, rng: Rng, size: int) -> FloatArray:
        """(3, 3) float64, crop px -> augmented crop px, for a crop of `size` px."""
        shift = rng.normal(0.0, self.shift_sd, 2) * (size - 1)
        angle = np.deg2rad(rng.normal(0.0, self.angle_sd))
        # A normal law has no lower bound; a scale near zero would leave nothing to learn from.
        scale = max(rng.normal(1.0, self.scale_sd), self.min_scale)
        return geometry_matrix(angle, scale, shift, size)


def geometry_matrix(angle: float, scale: float, shift: Sequence[float] | FloatArray, size: int) -> FloatArray:
    """(3, 3) float64 similarity about the centre of a crop of `size` px: `angle` in radians, `shift` in crop px."""
    centre = (size - 1) / 2
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    return np.array(
        [
            [a, -b, centre - centre * a + centre * b + shift[0]],
            [b, a, centre - centre * b - centre * a + shift[1]],
            [0.0, 0.0, 1.0],
        ]
    )


def flip_matrix(width: int) -> FloatArray:
    """(3, 3) float64 mirroring of an image or crop of `width` px about its vertical centre line."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


class Texture(Protocol):
    """Changes the pixels of a crop (S, S, 3) uint8, blue channel first, and leaves its geometry alone."""

    def __call__(self, crop: ByteArray, rng: Rng) -> ByteArray:
        """The changed crop; the argument may be changed in place."""


@dataclass(frozen=True, slots=True)
class Occlusion:
    """A black box of 20 to 80 % of half the crop's side."""

    def __call__(self, crop: ByteArray, rng: Rng) -> ByteArray:
        size = len(crop)
        u, v, a, b = rng.random(4)
        tall = 0.2 + 0.6 * u
        wide = tall - 0.2 + 0.4 * v
        cx, cy = int((size - 1) * a), int((size - 1) * b)
        half_h, half_w = int(size / 2 * tall) // 2, int(size / 2 * wide) // 2
        crop[max(cy - half_h, 0) : cy + half_h + 1, max(cx - half_w, 0) : cx + half_w + 1] = 0
        return crop


@dataclass(frozen=True, slots=True)
class Blur:
    """Box filter of up to 5 % of the crop's side."""

    def __call__(self, crop: ByteArray, rng: Rng) -> ByteArray:
        side = int(len(crop) * 0.05 * rng.random())
        return crop if side <= 1 else np.asarray(cv2.blur(crop, (side, side)), np.uint8)


@dataclass(frozen=True, slots=True)
class Gamma:
    """Darker or brighter by a power law, either with the same chance."""

    def __call__(self, crop: ByteArray, rng: Rng) -> ByteArray:
        gamma = 0.25 + 0.75 * rng.random() if rng.random() < 0.5 else 1.0 + 3.0 * rng.random()
        table = (255.0 * (np.arange(256) / 255.0) ** gamma).astype(np.uint8)
        return np.asarray(cv2.LUT(crop, table), np.uint8)


@dataclass(frozen=True, slots=True)
class Noise:
    """Blend with uniform noise of weight up to one half."""

    def __call__(self, crop: ByteArray, rng: Rng) -> ByteArray:
        weight = 0.5 * rng.random()
        noise = np.frombuffer(rng.bytes(crop.size), np.uint8).reshape(crop.shape)
        return (crop * np.float32(1 - weight) + noise * np.float32(weight)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Grey:
    """Grey image; red and blue weights as the reference has them, that is swapped."""

    def __call__(self, crop: ByteArray, rng: Rng) -> ByteArray:
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        return np.asarray(cv2.merge([grey, grey, grey]), np.uint8)


PAPER_TEXTURES: tuple[tuple[float, Texture], ...] = (
    (0.4, Occlusion()),
    (0.3, Blur()),
    (0.2, Gamma()),
    (0.2, Noise()),
    (0.2, Grey()),
)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Flip, geometry and textures with their probabilities."""

    flip: float = 0.5
    geometry: RandomGeometry = RandomGeometry()
    textures: tuple[tuple[float, Texture], ...] = PAPER_TEXTURES

    def change_texture(self, crop: ByteArray, rng: Rng) -> ByteArray:
        """Each texture with its own probability, in order; `crop` (S, S, 3) uint8, blue channel first."""
        for probability, texture in self.textures:
            if rng.random() < probability:
                crop = texture(crop, rng)
        return crop
