"""Adaptive Wing loss for point and edge maps (Wang et al., ICCV 2019)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.regression import weighted_mean

OMEGA = 14.0
THETA = 0.5
EPSILON = 1.0
ALPHA = 2.1
FOREGROUND_WEIGHT = 11.0
FOREGROUND_THRESHOLD = 0.2


def foreground_weights(target: Tensor) -> Tensor:
    """(B, C, h, w): 11 in the 3x3 neighbourhood of target values >= 0.2, else 1."""
    near = F.max_pool2d(target, 3, stride=1, padding=1)
    return torch.where(near >= FOREGROUND_THRESHOLD, FOREGROUND_WEIGHT, 1.0)


def awing(prediction: Tensor, target: Tensor, *, weighted: bool = True, channels: Tensor | None = None) -> Tensor:
    """Mean adaptive Wing loss of maps in [0, 1], both (B, C, h, w).

    Args:
        weighted: count pixels near the foreground eleven times.
        channels: (B, C) >= 0, how much each map counts.
    """
    exponent = ALPHA - target
    difference = (prediction - target).abs()
    small = OMEGA * torch.log1p((difference / EPSILON) ** exponent)
    # math, not tensors, wherever the target does not enter.
    base = THETA / EPSILON
    power = torch.exp(exponent * math.log(base))
    slope = OMEGA * exponent * (power / base) / EPSILON / (1 + power)
    offset = THETA * slope - OMEGA * torch.log1p(power)
    loss = torch.where(difference < THETA, small, slope * difference - offset)
    if weighted:
        loss = loss * foreground_weights(target)
    return weighted_mean(loss.mean(dim=(2, 3)), channels)
