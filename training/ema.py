"""Exponential moving average of a network's weights and batch-norm statistics."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Ema(Generic[Network]):
    """An averaged copy, always in evaluation mode; its decay halves a weight's share every `half_life` faces."""

    def __init__(self, network: Network, half_life: float) -> None:
        self.network: Network = copy.deepcopy(network)
        self.network.eval().requires_grad_(False)
        self._half_life = half_life

    @torch.no_grad()
    def update(self, network: nn.Module, faces: int) -> None:
        """Move towards `network` after a step on `faces` faces; integer buffers are copied."""
        decay = 0.5 ** (faces / self._half_life)
        mine, theirs = self.network.state_dict(), network.state_dict()
        floats = [key for key, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[key] for key in floats], [theirs[key] for key in floats], 1.0 - decay)
        for key in mine.keys() - set(floats):
            mine[key].copy_(theirs[key])
