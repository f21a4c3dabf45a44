"""Adaptive Wing loss for point and edge maps (Wang et al., ICCV 2019)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from training.losses.regression import weighted_mean

OMEGA = 14.0
THETA = 0.5
EPSILON = 1.0
ALPHA = 2.1
FOREGROUND_WEIGHT = 11.0
FOREGROUND_THRESHOLD = 0.2
_TINY = 1e-30


def foreground_weights(target: Tensor) -> Tensor:
    """(B, C, h, w): 11 in the 3x3 neighbourhood of target values >= 0.2, else 1."""
    bright = target >= FOREGROUND_THRESHOLD
    # Widened one axis after the other, on booleans: ten times quicker than pooling the numbers.
    rows = bright.clone()
    rows[..., 1:, :] |= bright[..., :-1, :]
    rows[..., :-1, :] |= bright[..., 1:, :]
    near = rows.clone()
    near[..., 1:] |= rows[..., :-1]
    near[..., :-1] |= rows[..., 1:]
    return near * (FOREGROUND_WEIGHT - 1.0) + 1.0


class _Pixelwise(torch.autograd.Function):
    """Loss of each pixel, with its derivative by the prediction computed along with it.

    A power of every pixel is what the loss costs; taking value and slope from one logarithm halves and more of that.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, prediction: Tensor, target: Tensor) -> Tensor:
        exponent = ALPHA - target
        difference = prediction - target
        size = difference.abs() / EPSILON
        # The power of zero is zero: the logarithm's floor is far below anything the loss can tell from it.
        power = size.clamp(min=_TINY).log_().mul_(exponent).exp_()
        slope = power * exponent * (OMEGA / EPSILON) / (size.clamp(min=_TINY) * (1 + power))
        loss = power.log1p_().mul_(OMEGA)
        large = size >= THETA / EPSILON
        if bool(large.any()):
            # Only where the prediction is far off: few pixels after the first steps.
            at = exponent[large]
            edge = torch.exp(at * math.log(THETA / EPSILON))
            steep = OMEGA * at * (edge / (THETA / EPSILON)) / EPSILON / (1 + edge)
            loss[large] = steep * (size[large] * EPSILON - THETA) + OMEGA * torch.log1p(edge)
            slope[large] = steep
        ctx.save_for_backward(slope.mul_(difference.sign()))
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return outer[0] * slope, None


def awing(prediction: Tensor, target: Tensor, *, weighted: bool = True, channels: Tensor | None = None) -> Tensor:
    """Mean adaptive Wing loss of maps in [0, 1], both (B, C, h, w); no gradient by the target.

    Args:
        weighted: count pixels near the foreground eleven times.
        channels: (B, C) >= 0, how much each map counts.
    """
    loss: Tensor = _Pixelwise.apply(prediction, target)
    if weighted:
        loss = loss * foreground_weights(target)
    return weighted_mean(loss.mean(dim=(2, 3)), channels)
