"""STAR loss (Zhou et al., CVPR 2023): the landmark error measured along the axes of the predicted distribution."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from training.losses.regression import (
    Distance,
    huber_of_square,
    identity_of_square,
    length_of_square,
    weighted_mean,
    wing_of_square,
)

_SUM_FLOOR = 1e-6
_EPSILON = 1e-5
_CORRECTION_FLOOR = 0.05
_ISOTROPY = 1e-3
"""Below this relative difference of eigenvalues the direction of the axes gets no gradient."""

DISTANCES: dict[str, Distance] = {
    "smoothl1": huber_of_square,
    "l1": length_of_square,
    "l2": identity_of_square,
    "wing": wing_of_square,
}


class Moments(NamedTuple):
    """`mean` (..., 2) x, y; `var_x`, `var_y`, `cov_xy` (...), all in [-1, 1] map units."""

    mean: Tensor
    var_x: Tensor
    var_y: Tensor
    cov_xy: Tensor


class Axes(NamedTuple):
    """Eigenvalues `minor` <= `major` (...), and the angle of the major axis from +x (...), radians."""

    minor: Tensor
    major: Tensor
    angle: Tensor


class _Sums(torch.autograd.Function):
    """What the moments of a map need of its cells: sums over columns and rows, of squares, and of mixed deviations.

    Written out, because the gradient is then one map made in two passes: cell (i, j) gets
    column_j + row_i + 2 square h_ij + mixed dx_j dy_i. Left to autograd, each sum would make a map of its own.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, heat: Tensor, gx: Tensor, gy: Tensor) -> tuple[Tensor, ...]:
        heat = heat.contiguous()  # a channels-last network's maps lie interleaved
        columns, rows = heat.sum(dim=-2), heat.sum(dim=-1)
        share = _inverse(rows.sum(dim=-1))[..., None]
        # Deviations are from the mean, which is held still: moving the centre of a covariance changes it not at all
        # to first order, so that no gradient passes through it.
        dx = gx - (columns * gx).sum(dim=-1, keepdim=True) * share
        dy = gy - (rows * gy).sum(dim=-1, keepdim=True) * share
        mixed = (torch.matmul(heat, dx[..., None])[..., 0] * dy).sum(dim=-1)
        flat = heat.flatten(-2)
        square = torch.matmul(flat[..., None, :], flat[..., :, None])[..., 0, 0]
        ctx.save_for_backward(heat, dx, dy)
        return columns, rows, square, mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Any) -> tuple[Tensor, None, None]:
        heat, dx, dy = ctx.saved_tensors
        columns, rows, square, mixed = outer
        height, width = heat.shape[-2:]
        gradient: Tensor = heat * (2 * square)[..., None, None]
        down = torch.stack([rows, torch.ones_like(dy), mixed[..., None] * dy], dim=-1)
        across = torch.stack([torch.ones_like(dx), columns, dx], dim=-2)
        gradient.view(-1, height, width).baddbmm_(down.flatten(0, -3), across.flatten(0, -3))
        return gradient, None, None


def _inverse(total: Tensor) -> Tensor:
    """1 / `total`, and zero for an empty map, which says nothing about where its mass should go."""
    empty = total <= _SUM_FLOOR
    return torch.where(empty, 0.0, 1.0 / torch.where(empty, 1.0, total))


def unbiased_moments(heat: Tensor) -> Moments:
    """Mean and reliability-weighted unbiased covariance of maps (B, N, h, w), as the reference computes them.

    Only marginals, one matrix-vector and one scalar product per map are needed, so that memory is read few times.
    """
    height, width = heat.shape[-2:]
    gx = torch.linspace(-1.0, 1.0, width, dtype=heat.dtype, device=heat.device)
    gy = torch.linspace(-1.0, 1.0, height, dtype=heat.dtype, device=heat.device)
    columns, rows, square, mixed = _Sums.apply(heat, gx, gy)
    share = _inverse(rows.sum(dim=-1))
    columns, rows = columns * share[..., None], rows * share[..., None]
    mean_x, mean_y = (columns * gx).sum(dim=-1), (rows * gy).sum(dim=-1)
    dx, dy = gx - mean_x[..., None], gy - mean_y[..., None]
    v1 = rows.sum(dim=-1) + _EPSILON
    v2 = square * share.square() + _EPSILON
    # A map of one cell has no spread to correct: the difference would round to zero or below.
    correction = (v1 - v2 / v1).clamp(min=_CORRECTION_FLOOR)
    var_x = (columns * dx.square()).sum(dim=-1) / correction
    var_y = (rows * dy.square()).sum(dim=-1) / correction
    cov_xy = mixed * share / correction
    return Moments(torch.stack([mean_x, mean_y], dim=-1), var_x, var_y, cov_xy)


def principal_axes(var_x: Tensor, var_y: Tensor, cov_xy: Tensor) -> Axes:
    """Closed-form eigenvalues and major-axis angle of 2x2 covariances, with finite gradients everywhere."""
    centre = (var_x + var_y) / 2
    half = (var_x - var_y) / 2
    q = half.square() + cov_xy.square()
    spread = q > 1e-20
    radius = torch.where(spread, torch.where(spread, q, 1.0).sqrt(), 0.0)
    # Near a circle the direction is kept but not learnt from: its gradient grows without bound there.
    apart = radius > _ISOTROPY * centre
    turning = 0.5 * torch.atan2(torch.where(apart, cov_xy, 0.0), torch.where(apart, half, 1.0))
    angle = torch.where(apart, turning, 0.5 * torch.atan2(cov_xy.detach(), half.detach()))
    return Axes((centre - radius).clamp(min=0.0), centre + radius, angle)


def _axes_and_error(heat: Tensor, target: Tensor) -> tuple[Axes, Tensor, Tensor]:
    """The axes of maps (B, N, h, w), and the squared error of their means along and across them, (B, N) each."""
    moments = unbiased_moments(heat)
    axes = principal_axes(*moments[1:])
    error = target - moments.mean
    cos, sin = axes.angle.cos(), axes.angle.sin()
    along = cos * error[..., 0] + sin * error[..., 1]
    across = cos * error[..., 1] - sin * error[..., 0]
    return axes, along.square(), across.square()


def star_v2(
    heat: Tensor,
    target: Tensor,
    *,
    distance: str = "smoothl1",
    w_star: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """STAR loss, the form in use (specification section 13): each axis' distance over its standard deviation.

    Args:
        heat: (B, N, h, w), non-negative fused heatmaps.
        target: (B, N, 2), x, y in [-1, 1].
        distance: one of `DISTANCES`.
        w_star: weight of the eigenvalue restriction.
        weights: (B, N) >= 0, how much each point counts.
    """
    measure = DISTANCES[distance]
    axes, along, across = _axes_and_error(heat, target)
    scaled = measure(along) / (axes.major + _EPSILON).sqrt() + measure(across) / (axes.minor + _EPSILON).sqrt()
    return weighted_mean(scaled + w_star * (axes.minor + axes.major), weights)


def star_v1(
    heat: Tensor,
    target: Tensor,
    *,
    distance: str = "smoothl1",
    w_star: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """The earlier form: the error is scaled to standard deviations first, then measured as a whole.

    Arguments as for `star_v2`.
    """
    measure = DISTANCES[distance]
    axes, along, across = _axes_and_error(heat, target)
    along, across = along / (axes.major + _EPSILON), across / (axes.minor + _EPSILON)
    # The plain distances average over the two entries of the vector, the others measure its length.
    scaled = (measure(along) + measure(across)) / 2 if distance in ("l1", "l2") else measure(along + across)
    return weighted_mean(scaled + w_star * (axes.minor + axes.major), weights)
