"""Point and edge maps the attention heads learn (specification section 10)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from core.face import FloatArray
from core.scheme import Region

SIGMA = 1.5
_WINDOW_BEFORE, _WINDOW_AFTER = 4.5, 5.5
_WINDOW_CENTRE = 5
_SAMPLES = 5
_SUPERSAMPLE = 4
_THICKNESS = 4

MapArray = NDArray[np.float32]


def point_maps(points: FloatArray, size: int, *, reference_border: bool = False) -> MapArray:
    """Gaussian of sigma 1.5 px around each point, drawn at `size` px and reduced four times.

    Args:
        points: (..., N, 2) crop px; NaN rows give an empty map.
        size: side of the crop in px.
        reference_border: truncate toward zero at the left and top border, as the reference does, which puts
            most points within 4.5 px of it one pixel too far.

    Returns:
        (..., N, size / 4, size / 4) float32. The Gaussian is centred on a whole pixel, as in the reference, so that
        its peak is 0.811, 0.546 or 0.367 after the reduction.
    """
    clamped = np.clip(points, 0, size - 1)
    start = clamped - _WINDOW_BEFORE
    left = np.trunc(start) if reference_border else np.floor(start)
    end = np.trunc(clamped + _WINDOW_AFTER)
    pixels = np.arange(size)
    inside = (pixels >= left[..., None]) & (pixels < end[..., None])
    profile = np.exp(-((pixels - left[..., None] - _WINDOW_CENTRE) ** 2) / (2 * SIGMA**2))
    profile = np.where(inside, profile, 0.0)
    # Halving bilinearly by four takes the mean of the two middle pixels of each cell.
    reduced = profile.reshape(*profile.shape[:-1], size // 4, 4)[..., 1:3].mean(axis=-1)
    # Rounded to float32 like the reference's map before it is resized, well below what a loss can see.
    columns, rows = reduced[..., 0, :], reduced[..., 1, :]
    return (rows[..., :, None] * columns[..., None, :]).astype(np.float32)


def spline_samples(points: FloatArray, *, closed: bool) -> FloatArray:
    """Points along the interpolating parametric cubic spline with chord-length parameter.

    Args:
        points: (K, 2) knots in order.
        closed: periodic, back to the first knot.

    Returns:
        (M, 2): five samples an interval at equal parameter steps; for an open curve the last knot too. The knots
        themselves where no spline exists (too few, or coincident neighbours).
    """
    knots = np.concatenate([points, points[:1]]) if closed else points
    steps = np.hypot(*np.diff(knots, axis=0).T)
    if len(knots) < 4 or not np.isfinite(steps).all() or (steps <= 0).any():
        return np.asarray(points, dtype=np.float64)
    parameter = np.concatenate([[0.0], np.cumsum(steps)])
    spline = CubicSpline(parameter, knots, bc_type="periodic" if closed else "not-a-knot")
    offsets = np.arange(_SAMPLES) / _SAMPLES
    at = (parameter[:-1, None] + steps[:, None] * offsets).ravel()
    if not closed:
        at = np.append(at, parameter[-1])
    samples: FloatArray = spline(at)
    return samples


def edge_curves(points: FloatArray, groups: Sequence[Region]) -> list[FloatArray | None]:
    """The spline of each contour, in the unit of `points` (N, 2); None for a contour with a missing point.

    A similarity of the points moves the splines alike, so that they are fitted once a face and not once a use.
    """
    curves: list[FloatArray | None] = []
    for group in groups:
        knots = points[list(group.indices)]
        whole = bool(np.isfinite(knots).all())
        curves.append(spline_samples(knots, closed=group.edge_closed) if whole else None)
    return curves


def edge_maps(curves: Sequence[FloatArray | None], groups: Sequence[Region], size: int) -> MapArray:
    """One map a contour: drawn four px thick at four times `size`, averaged down to a quarter of `size`.

    Args:
        curves: from `edge_curves`, in crop px; None gives an empty map.
        groups: the scheme's edge groups.
        size: side of the crop in px.

    Returns:
        (E, size / 4, size / 4) float32 in [0, 1].
    """
    maps = np.zeros((len(groups), size // 4, size // 4), np.float32)
    for target, curve, group in zip(maps, curves, groups, strict=True):
        if curve is not None:
            _draw(target, np.clip(curve, 0, size - 1), closed=group.edge_closed)
    return maps


def _draw(target: MapArray, curve: FloatArray, *, closed: bool) -> None:
    """Draw `curve` (crop px) into `target`, working only on the cells it touches."""
    cell = 4 * _SUPERSAMPLE
    vertices = np.trunc(_SUPERSAMPLE * curve + 0.5).astype(np.int32)
    limit = len(target)
    low = np.maximum((vertices.min(axis=0) - _THICKNESS) // cell, 0)
    high = np.minimum((vertices.max(axis=0) + _THICKNESS) // cell + 1, limit)
    width, height = (high - low).tolist()
    canvas = np.zeros((height * cell, width * cell), np.uint8)
    cv2.polylines(canvas, [vertices - (low * cell).astype(np.int32)], closed, 1, _THICKNESS, cv2.LINE_8)
    # Area averaging by four, then the two middle pixels of four: rows and columns 4 to 11 of every 16.
    blocks = canvas.reshape(height, cell, width, cell)[:, 4:12, :, 4:12]
    target[low[1] : high[1], low[0] : high[0]] = blocks.mean(axis=(1, 3), dtype=np.float32)
