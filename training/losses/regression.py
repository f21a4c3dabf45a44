"""Losses on coordinates: smooth-L1, Wing, L1, L2. The last axis holds the coordinates of one point."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

SMOOTH_L1_WIDTH = 0.01
WING_OMEGA = 0.01
WING_EPSILON = 2.0
_FLOOR = 1e-6

Distance = Callable[[Tensor], Tensor]
"""Maps squared lengths q >= 0 (any shape) to losses of the same shape."""


def huber_of_square(q: Tensor, width: float = SMOOTH_L1_WIDTH) -> Tensor:
    """Huber loss of a length given by its square: quadratic below `width`, then linear (specification section 13)."""
    return torch.where(q < width * width, 0.5 / width * q, q.clamp(min=_FLOOR).sqrt() - 0.5 * width)


def length_of_square(q: Tensor) -> Tensor:
    """Length given by its square, with a zero instead of an infinite gradient at zero."""
    positive = q > 0
    return torch.where(positive, torch.where(positive, q, 1.0).sqrt(), 0.0)


def wing_of_square(q: Tensor, omega: float = WING_OMEGA, epsilon: float = WING_EPSILON) -> Tensor:
    """Wing loss (Feng et al., CVPR 2018) of a length given by its square, with STAR's settings."""
    length = q.clamp(min=_FLOOR).sqrt()
    offset = omega - omega * math.log(1 + omega / epsilon)
    return torch.where(length < omega, omega * torch.log1p(length / epsilon), length - offset)


def identity_of_square(q: Tensor) -> Tensor:
    """The square itself."""
    return q


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of `values`; with `weights` (same shape) the sum of weighted values over the sum of weights."""
    if weights is None:
        return values.mean()
    # Where no point counts there is nothing to learn: zero, not a division by zero.
    return (values * weights).sum() / weights.sum().clamp(min=1e-12)


def smooth_l1(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Isotropic Huber loss, mean over points; (..., 2) against (..., 2), `weights` (...)."""
    return weighted_mean(smooth_l1_each(prediction, target), weights)


def smooth_l1_each(prediction: Tensor, target: Tensor) -> Tensor:
    """Isotropic Huber loss of each point: (..., 2) -> (...)."""
    return huber_of_square((prediction - target).square().sum(dim=-1))


def wing(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Wing loss on the Euclidean error, mean over points."""
    return weighted_mean(wing_of_square((prediction - target).square().sum(dim=-1)), weights)


def l1(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error over all coordinates."""
    return weighted_mean((prediction - target).abs().mean(dim=-1), weights)


def l2(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared error over all coordinates."""
    return weighted_mean((prediction - target).square().mean(dim=-1), weights)
