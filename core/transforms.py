"""Crop <-> image geometry for images, points and covariances.

Two conventions meet here (STAR_SPEC.md sections 7 and 8). A crop of `size` px is the square of side `200 * scale` image
px around (cx, cy), whose centre maps to ((size - 1) / 2, (size - 1) / 2). Network coordinates u in [-1, 1] follow the
half-pixel convention u = (2 p + 1) / size - 1, so that u does not depend on the crop's pixel size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.face import ByteArray, FloatArray

LANDMARK_CROP_FACTOR = 1.30
"""Side of a landmark-extent crop over the longer side of the landmarks' bounding box."""

UNIT_PX = 200.0
"""Image px that a crop of scale 1 covers."""

# OpenCV's remapping addresses source pixels with 16-bit integers, in some versions with an error beyond.
_MAX_SOURCE_SIDE = 32766


@dataclass(frozen=True, slots=True)
class Crop:
    """An upright square of the image, in the reference's metadata convention.

    Attributes:
        scale: side of the square over 200 image px, > 0.
        cx: centre x, image px.
        cy: centre y, image px.
    """

    scale: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if not all(np.isfinite((self.scale, self.cx, self.cy))) or self.scale <= 0:
            raise ValueError(f"a crop needs finite numbers and a positive scale, not {self!r}")

    @property
    def size_px(self) -> float:
        """Side of the square, image px."""
        return UNIT_PX * self.scale

    def matrix(self, out_size: int) -> FloatArray:
        """(3, 3) float64, image px -> px of a crop of `out_size` x `out_size` (STAR_SPEC.md section 8)."""
        k = out_size / self.size_px
        middle = (out_size - 1) / 2
        return np.array([[k, 0.0, middle - k * self.cx], [0.0, k, middle - k * self.cy], [0.0, 0.0, 1.0]])

    def as_array(self) -> FloatArray:
        """(3,) float64: scale, cx, cy; the form a `Prediction` keeps."""
        return np.array([self.scale, self.cx, self.cy], np.float64)

    @classmethod
    def from_array(cls, values: ArrayLike) -> Crop:
        """Inverse of `as_array`; ValueError if it is not three finite numbers with a positive scale."""
        array = np.asarray(values, np.float64)
        if array.shape != (3,):
            raise ValueError(f"a crop is three numbers (scale, cx, cy), not shape {array.shape}")
        return cls(float(array[0]), float(array[1]), float(array[2]))

    @classmethod
    def square(cls, cx: float, cy: float, side: float) -> Crop:
        """The crop of side `side` image px around (cx, cy)."""
        return cls(side / UNIT_PX, cx, cy)


def crop_from_points(points: FloatArray, factor: float = LANDMARK_CROP_FACTOR) -> Crop:
    """The landmark-extent crop: the square that training and evaluation on labels use.

    Args:
        points: (N, 2), image px; missing points (NaN) are ignored.
        factor: side over max(width, height) of the points' bounding box.

    Raises:
        ValueError: fewer than two different points are present.
    """
    finite = np.asarray(points, np.float64)
    finite = finite[np.isfinite(finite).all(axis=1)]
    if len(finite) < 2:
        raise ValueError("a crop needs at least two points")
    low, high = finite.min(axis=0), finite.max(axis=0)
    extent = float((high - low).max())
    if extent <= 0:
        raise ValueError("a crop needs at least two different points")
    cx, cy = (low + high) / 2
    return Crop.square(float(cx), float(cy), factor * extent)


def warp(image: ByteArray, crop: Crop, out_size: int, *, antialias: bool = False) -> ByteArray:
    """Cut `crop` out of `image` (H, W, C): (out_size, out_size, C) uint8, bilinear, 0 outside the image.

    Without `antialias` this is the reference's sampling, which skips pixels where it shrinks by more than two. With it
    the region is first averaged down by the largest whole factor that leaves at least the crop's resolution.
    """
    return warp_matrix(image, crop.matrix(out_size), out_size, antialias=antialias)


def warp_matrix(image: ByteArray, matrix: FloatArray, out_size: int, *, antialias: bool = False) -> ByteArray:
    """As `warp`, by an (affine) matrix (3, 3) from image px to crop px: what augmentation composes."""
    import cv2  # here: crops are needed, and compared, long before any is cut

    matrix = np.asarray(matrix, np.float64)
    factor = 1
    if antialias:
        shrink = 1 / np.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))
        factor = int(max(1, np.floor(shrink + 1e-6)))
    if factor > 1 or max(image.shape[:2]) > _MAX_SOURCE_SIDE:
        image, matrix = _region(image, matrix, out_size, factor)
    # float32, as the reference stores the matrix: the result is then the same to the last bit.
    out: Any = cv2.warpPerspective(
        image,
        matrix.astype(np.float32),
        (out_size, out_size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    result: ByteArray = out.reshape(out_size, out_size, *image.shape[2:])
    return result


def _region(image: ByteArray, matrix: FloatArray, out_size: int, factor: int) -> tuple[ByteArray, FloatArray]:
    """The part of `image` that `matrix` samples, averaged down by `factor`, and the matrix from it."""
    import cv2

    corners = np.array([[-1.0, -1.0], [out_size, -1.0], [-1.0, out_size], [out_size, out_size]])
    seen = apply(invert(matrix), corners)
    height, width = image.shape[:2]
    low = np.floor(seen.min(axis=0)).astype(int) - factor
    high = np.ceil(seen.max(axis=0)).astype(int) + factor + 1
    x0, y0 = (int(v) for v in np.clip(low, 0, [width - 1, height - 1]))
    x1, y1 = (int(v) for v in np.clip(high, [x0 + 1, y0 + 1], [width, height]))
    part: Any = image[y0:y1, x0:x1]
    if factor > 1:
        # Whole blocks only; the zeros added on the far side are the same as the border outside the image.
        pad_x, pad_y = -part.shape[1] % factor, -part.shape[0] % factor
        if pad_x or pad_y:
            part = cv2.copyMakeBorder(part, 0, pad_y, 0, pad_x, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
        size = (part.shape[1] // factor, part.shape[0] // factor)
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    # Block q holds pixels x0 + q f .. x0 + q f + f - 1, whose middle is x0 + q f + (f - 1) / 2.
    shift = (factor - 1) / 2
    back = np.array([[factor, 0.0, x0 + shift], [0.0, factor, y0 + shift], [0.0, 0.0, 1.0]])
    return np.ascontiguousarray(part), matrix @ back


def apply(matrix: FloatArray, points: ArrayLike) -> FloatArray:
    """Map points (..., 2) by an affine (3, 3) or (2, 3) matrix; NaN stays NaN."""
    points = np.asarray(points, np.float64)
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def invert(matrix: FloatArray) -> FloatArray:
    """Inverse (3, 3) float64 of an affine (3, 3) matrix."""
    inverse: FloatArray = np.linalg.inv(np.asarray(matrix, np.float64))
    return inverse


def map_covariance(matrix: FloatArray, covariance: ArrayLike) -> FloatArray:
    """A C A^T for covariances (..., 2, 2), A the linear part of an affine (3, 3), (2, 3) or (2, 2) matrix."""
    linear = np.asarray(matrix, np.float64)[:2, :2]
    return linear @ np.asarray(covariance, np.float64) @ linear.T


def normalise(points: ArrayLike, size: int) -> FloatArray:
    """Crop px -> network coordinates u = (2 p + 1) / size - 1 (half-pixel convention), (..., 2)."""
    return (2 * np.asarray(points, np.float64) + 1) / size - 1


def denormalise(uv: ArrayLike, size: int) -> FloatArray:
    """Network coordinates -> crop px p = ((u + 1) size - 1) / 2, (..., 2)."""
    return ((np.asarray(uv, np.float64) + 1) * size - 1) / 2


def denormalise_matrix(size: int) -> FloatArray:
    """(3, 3) float64 of `denormalise`: network coordinates -> px of a crop of `size`."""
    half = size / 2
    return np.array([[half, 0.0, half - 0.5], [0.0, half, half - 0.5], [0.0, 0.0, 1.0]])


def cell_matrix(cells: int, size: int) -> FloatArray:
    """(3, 3) float64, heatmap cell (column, row) -> px of a crop of `size`, as the decoder reads cells.

    The decoder puts cell 0 at u = -1 and the last cell at u = 1 (STAR_SPEC.md section 7).
    """
    step = 2 / (cells - 1)
    grid = np.array([[step, 0.0, -1.0], [0.0, step, -1.0], [0.0, 0.0, 1.0]])
    return denormalise_matrix(size) @ grid
