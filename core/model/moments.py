"""Heatmaps -> moments and peak measures, in closed form, on the device the maps are on.

Positions are in the decoder's coordinates: cell 0 at u = -1, the last cell at u = 1 (STAR_SPEC.md section 7).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

PEAK_RADIUS = 3.0 / 64.0
"""Radius of the disc that counts as "near a peak", as a share of the map's side."""

MIN_RADIUS_CELLS = 1.5

SECOND_MIN_HEIGHT = 0.2
"""A second peak is at least this high, relative to the first."""

SECOND_MIN_SHARE = 0.05
"""... and this share of the map's mass lies near it."""

SECOND_MAX_VALLEY = 0.8
"""... and the map falls to this share of its height on the way from the first (else it is one ridge)."""

EMPTY_MASS = 1e-6
"""Total mass up to which a map says nothing; the decoder's divisor is clamped at the same value."""


class Moments(NamedTuple):
    """What a batch of heatmaps (B, N, h, w) says.

    Attributes:
        mean: (B, N, 2) x, y, u; the decoder's landmark. The centre for an empty map.
        covariance: (B, N, 2, 2) u^2, plain normalised central moments. An empty map has that of a uniform map.
        peak: (B, N) largest value.
        peak_mass: (B, N) share of the mass within the peak radius of the highest cell; 0 for an empty map.
        second: (B, N, 2) u, place of the second mode; NaN where there is none.
        second_share: (B, N) share of the mass near the second mode; 0 where there is none.
    """

    mean: Tensor
    covariance: Tensor
    peak: Tensor
    peak_mass: Tensor
    second: Tensor
    second_share: Tensor


def heatmap_moments(heat: Tensor) -> Moments:
    """All measures of non-negative maps (B, N, h, w), h, w >= 2; float32 unless the maps are float64."""
    heat = heat if heat.dtype == torch.float64 else heat.float()
    mean, covariance = mean_and_covariance(heat)
    return Moments(mean, covariance, *_peaks(heat))


def mean_and_covariance(heat: Tensor) -> tuple[Tensor, Tensor]:
    """First and second central moments of maps (B, N, h, w): (B, N, 2) u and (B, N, 2, 2) u^2.

    Two passes over the maps (centre first), which keeps float32 accurate for narrow peaks far from the centre.
    """
    gx, gy = _grid(heat)
    total = heat.sum(dim=(2, 3))
    scale = 1.0 / total.clamp(min=EMPTY_MASS)
    columns = heat.sum(dim=2) * scale[..., None]
    rows = heat.sum(dim=3) * scale[..., None]
    x = (columns * gx).sum(dim=2)
    y = (rows * gy).sum(dim=2)
    dx, dy = gx - x[..., None], gy - y[..., None]
    xx = (columns * dx**2).sum(dim=2)
    yy = (rows * dy**2).sum(dim=2)
    xy = (torch.matmul(heat, dx[..., None])[..., 0] * dy).sum(dim=2) * scale
    # No mass is no knowledge, not certainty: report the spread of a uniform map.
    empty = total <= EMPTY_MASS
    xx = torch.where(empty, (gx**2).mean(), xx)
    yy = torch.where(empty, (gy**2).mean(), yy)
    xy = torch.where(empty, torch.zeros_like(xy), xy)
    covariance = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)
    return torch.stack([x, y], -1), covariance


def _grid(heat: Tensor) -> tuple[Tensor, Tensor]:
    height, width = heat.shape[-2:]
    gx = torch.linspace(-1.0, 1.0, width, dtype=heat.dtype, device=heat.device)
    gy = torch.linspace(-1.0, 1.0, height, dtype=heat.dtype, device=heat.device)
    return gx, gy


def _peaks(heat: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(peak, peak_mass, second, second_share) of `Moments`."""
    height, width = heat.shape[-2:]
    flat = heat.flatten(2)
    total = flat.sum(dim=2)
    share = 1.0 / total.clamp(min=EMPTY_MASS)
    peak, first = flat.max(dim=2)
    near_first = _disc(heat, first)
    peak_mass = ((heat * near_first).sum(dim=(2, 3)) * share).clamp(max=1.0)
    # Local maxima are judged on the whole map, so that the flank of the first peak is none.
    is_top = (heat >= F.max_pool2d(heat, 3, stride=1, padding=1)) & (heat > 0) & ~near_first
    height2, second = (heat * is_top).flatten(2).max(dim=2)
    near_second = _disc(heat, second) & ~near_first
    mass2 = (heat * near_second).sum(dim=(2, 3)) * share
    valley = _valley(heat, first, second)
    real = (
        (total > EMPTY_MASS)
        & (height2 >= SECOND_MIN_HEIGHT * peak)
        & (height2 > 0)
        & (mass2 >= SECOND_MIN_SHARE)
        & (valley <= SECOND_MAX_VALLEY * height2)
    )
    place = _local_centre(heat, second)
    # Number by number: a tensor made of a list would be copied to the device, which a recorded CUDA graph cannot do.
    place = torch.stack([place[..., 0] * (2.0 / (width - 1)), place[..., 1] * (2.0 / (height - 1))], dim=-1) - 1.0
    place = torch.where(real[..., None], place, torch.full_like(place, torch.nan))
    return peak, peak_mass, place, torch.where(real, mass2, torch.zeros_like(mass2))


def _disc(heat: Tensor, index: Tensor) -> Tensor:
    """(B, N, h, w) bool: cells within the peak radius of the cells with flat `index` (B, N)."""
    height, width = heat.shape[-2:]
    radius = max(MIN_RADIUS_CELLS, PEAK_RADIUS * max(height, width))
    rows = torch.arange(height, device=heat.device) - (index // width)[..., None]
    columns = torch.arange(width, device=heat.device) - (index % width)[..., None]
    return rows[..., :, None] ** 2 + columns[..., None, :] ** 2 <= radius**2


def _valley(heat: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """(B, N): smallest value on the straight line between two cells of each map."""
    height, width = heat.shape[-2:]
    steps = torch.linspace(0.0, 1.0, max(height, width) + 1, device=heat.device)
    x1, y1 = (first % width).float(), (first // width).float()
    x2, y2 = (second % width).float(), (second // width).float()
    x = (x1[..., None] + (x2 - x1)[..., None] * steps).round().long()
    y = (y1[..., None] + (y2 - y1)[..., None] * steps).round().long()
    return heat.flatten(2).gather(2, y * width + x).amin(dim=2)


def _local_centre(heat: Tensor, index: Tensor) -> Tensor:
    """(B, N, 2) column, row: centre of mass of the 3 x 3 cells around `index`, for sub-cell places."""
    height, width = heat.shape[-2:]
    offset = torch.arange(-1, 2, device=heat.device)
    rows = (index // width)[..., None, None] + offset[:, None]
    columns = (index % width)[..., None, None] + offset[None, :]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    cells = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    values = heat.flatten(2).gather(2, cells.flatten(2)) * inside.flatten(2)
    mass = values.sum(dim=2).clamp(min=torch.finfo(heat.dtype).tiny)
    x = (values * columns.expand_as(cells).flatten(2)).sum(dim=2) / mass
    y = (values * rows.expand_as(cells).flatten(2)).sum(dim=2) / mass
    return torch.stack([x, y], dim=-1)
