"""Having torch compile a network, where there is what that takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import one_line

_LONGEST = 200


def compiled(network: nn.Module, device: torch.device, told: Callable[[str], object]) -> Callable[[Tensor], Any]:
    """`network` as torch compiles it at its first use; itself, and a sentence to `told`, where there is no compiler.

    On the processor torch needs a C++ compiler, on a graphics card Triton; what is missing shows only in trying.
    """
    try:
        torch.compile(_trial)(torch.ones(2, device=device))
    except Exception as error:
        reason = one_line(str(error).strip().split("\n")[0][:_LONGEST])
        told(f"the network is not compiled, since torch finds no compiler that works ({reason})")
        return network
    return torch.compile(network)


def _trial(values: Tensor) -> Tensor:
    return (values * 2 + 1).sum()
