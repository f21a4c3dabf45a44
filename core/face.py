"""The values everything passes around: boxes, labels, predictions. Frozen, validated when made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.uint8]


class Visibility(IntEnum):
    """What a label says of one point. A MISSING point has NaN coordinates, and only such a point."""

    VISIBLE = 0
    OCCLUDED = 1
    OUTSIDE = 2
    MISSING = 3


class PointFlag(IntFlag):
    """Bits of `Label.flags`."""

    NONE = 0
    MARKED = 1
    """An annotator asked for a second look."""
    LOCKED = 2
    """No drag, key or bulk move changes the place of the point, until somebody unlocks it."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in image px, the centre of the top-left pixel being (0, 0).

    `x`, `y` is the top-left corner; the box covers [x, x + w] x [y, y + h].
    """

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        if not all(np.isfinite((self.x, self.y, self.w, self.h))) or self.w <= 0 or self.h <= 0:
            raise ValueError(f"a box needs finite numbers and a positive size, not {self!r}")

    @property
    def center(self) -> tuple[float, float]:
        """Centre (x, y) in image px."""
        return self.x + self.w / 2, self.y + self.h / 2

    def to_list(self) -> list[float]:
        """[x, y, w, h] in image px."""
        return [self.x, self.y, self.w, self.h]

    @classmethod
    def around(cls, points: FloatArray) -> Box:
        """Bounding box of the finite rows of `points` (N, 2), image px; ValueError if there is no area."""
        finite = points[np.isfinite(points).all(axis=1)]
        if len(finite) < 2:
            raise ValueError("a bounding box needs at least two points")
        low, high = finite.min(axis=0), finite.max(axis=0)
        return cls(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


@dataclass(frozen=True, eq=False, slots=True)
class Detection:
    """A face found in an image.

    Attributes:
        box: around the face, image px; may stick out of the image.
        score: (0, 1], the last network's confidence.
        five_points: (5, 2) float64, image px: the eyes, the nose tip, the mouth corners; left before right as seen.
    """

    box: Box
    score: float
    five_points: FloatArray


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, [0, 1]."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.w * one.h + other.w * other.h - shared)


def _frozen(array: NDArray[np.generic]) -> None:
    array.setflags(write=False)


@dataclass(frozen=True, eq=False, slots=True)
class Label:
    """The human (or imported) landmarks of one face.

    Attributes:
        scheme: id of the scheme the points follow, such as "300w-68".
        points: (N, 2) float64, x, y, image px; NaN rows are missing.
        visibility: (N,) uint8 of `Visibility`.
        flags: (N,) uint8 of `PointFlag` bits.
        weights: (N,) float32 >= 0, how much the point counts in training.
    """

    scheme: str
    points: FloatArray
    visibility: ByteArray = field(default_factory=lambda: np.zeros(0, np.uint8))
    flags: ByteArray = field(default_factory=lambda: np.zeros(0, np.uint8))
    weights: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"points must be (N, 2), not {points.shape}")
        count = len(points)
        if np.isinf(points).any():
            raise ValueError("points must not be infinite")
        missing = np.isnan(points).any(axis=1)
        points[missing] = np.nan
        visibility = _filled(self.visibility, count, np.uint8, 0)
        if visibility.max(initial=0) > Visibility.MISSING:
            raise ValueError("visibility has an unknown value")
        visibility[missing] = Visibility.MISSING
        if (visibility[~missing] == Visibility.MISSING).any():
            points[visibility == Visibility.MISSING] = np.nan
        flags = _filled(self.flags, count, np.uint8, 0)
        weights = _filled(self.weights, count, np.float32, 1)
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("weights must be finite and not negative")
        for name, value in (("points", points), ("visibility", visibility), ("flags", flags), ("weights", weights)):
            _frozen(value)
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.points)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Label):
            return NotImplemented
        return (
            self.scheme == other.scheme
            and np.array_equal(self.points, other.points, equal_nan=True)
            and np.array_equal(self.visibility, other.visibility)
            and np.array_equal(self.flags, other.flags)
            and np.array_equal(self.weights, other.weights)
        )

    __hash__ = None  # type: ignore[assignment]

    def with_point(self, index: int, xy: Sequence[float]) -> Label:
        """A copy with point `index` at `xy` (image px); a missing point becomes visible."""
        points = self.points.copy()
        points[index] = xy
        visibility = self.visibility.copy()
        if visibility[index] == Visibility.MISSING:
            visibility[index] = Visibility.VISIBLE
        return replace(self, points=points, visibility=visibility)


def _filled(values: NDArray[Any], count: int, dtype: type[np.generic], default: float) -> NDArray[Any]:
    """A private copy of `values`, or `count` defaults where the caller gave nothing."""
    if len(values) == 0 and count:
        return np.full(count, default, dtype)
    array = np.array(values, dtype=dtype)
    if array.shape != (count,):
        raise ValueError(f"expected {count} values, one a point, not shape {array.shape}")
    return array


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """What a model says of one face.

    Attributes:
        scheme: id of the model's scheme.
        mean: (N, 2) float64, x, y, image px: first moment of each heatmap.
        covariance: (N, 2, 2) float64, image px^2: second central moment of each heatmap.
        peak: (N,) float64, the largest value of the heatmap (network units).
        peak_mass: (N,) float64 in [0, 1], share of the map's mass near its highest peak.
        second_peak: (N, 2) float64, image px, place of the second mode; NaN where there is none.
        second_share: (N,) float64 in [0, 1), mass near the second mode; 0 where there is none.
        crop: (3,) float64, scale, centre x, centre y in image px (see `core.transforms.Crop`).
    """

    scheme: str
    mean: FloatArray
    covariance: FloatArray
    peak: FloatArray
    peak_mass: FloatArray
    second_peak: FloatArray
    second_share: FloatArray
    crop: FloatArray

    def __post_init__(self) -> None:
        count = len(self.mean)
        shapes = {
            "mean": (count, 2),
            "covariance": (count, 2, 2),
            "peak": (count,),
            "peak_mass": (count,),
            "second_peak": (count, 2),
            "second_share": (count,),
            "crop": (3,),
        }
        for name, shape in shapes.items():
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != shape:
                raise ValueError(f"{name} must be {shape}, not {value.shape}")
            _frozen(value)
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.mean)
