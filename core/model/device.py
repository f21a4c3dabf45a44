"""Which device computes, and why. torch is imported only when asked."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import DeviceError

if TYPE_CHECKING:
    import torch

DEVICE_CHOICES = ("auto", "cpu", "cuda", "mps")
PRECISION_CHOICES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Device:
    """A compute device.

    Attributes:
        name: for people, such as "CPU" or the graphics card's name.
        kind: "cpu", "cuda" or "mps".
        reason: why it was chosen, one clause.
    """

    name: str
    kind: str
    reason: str

    def torch(self) -> torch.device:
        """The torch device."""
        import torch

        return torch.device(self.kind)


def choose_device(choice: str = "auto") -> Device:
    """The device for "auto", "cpu", "cuda" or "mps"; DeviceError if it was asked for and is not there."""
    if choice not in DEVICE_CHOICES:
        raise DeviceError(f"there is no device '{choice}'", remedy=f"Use one of: {', '.join(DEVICE_CHOICES)}")
    if choice == "cpu":
        return Device("CPU", "cpu", "asked for")
    problems = {"cuda": _cuda_problem(), "mps": _mps_problem()}
    if choice in problems:
        problem = problems[choice]
        if problem is not None:
            raise DeviceError(f"the device '{choice}' cannot be used: {problem}", remedy="Use --device cpu, or auto")
        return Device(_title(choice), choice, "asked for")
    for kind, problem in problems.items():
        if problem is None:
            return Device(_title(kind), kind, "the fastest device found")
    # Only a Mac could have the other one: elsewhere its absence explains nothing.
    relevant = problems.values() if sys.platform == "darwin" else (problems["cuda"],)
    return Device("CPU", "cpu", "; ".join(str(problem) for problem in relevant))


def _cuda_problem() -> str | None:
    import torch

    if not torch.backends.cuda.is_built():
        return "this build of torch is without CUDA"
    if not torch.cuda.is_available():
        return "no CUDA graphics card or driver was found"
    try:
        torch.zeros(1, device="cuda")
    except RuntimeError as error:
        return f"the CUDA graphics card does not work ({str(error).splitlines()[0]})"
    return None


def _mps_problem() -> str | None:
    import torch

    if not torch.backends.mps.is_built():
        return "this build of torch is without MPS"
    if not torch.backends.mps.is_available():
        return "no MPS graphics (Apple) was found"
    return None


def _title(kind: str) -> str:
    import torch

    return torch.cuda.get_device_name() if kind == "cuda" else "Apple graphics (MPS)"


def core_count() -> int:
    """Processor cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def processor_multiplies(precision: str) -> bool:
    """Whether the processor has instructions for "bfloat16" or "float16": without, they are slower than float32."""
    import torch

    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    names = {"bfloat16": ("avx512_bf16", "amx_bf16", "bf16"), "float16": ("avx512_fp16", "amx_fp16")}[precision]
    return any(capabilities.get(name, False) for name in names)


def set_threads(threads: int | None = None) -> int:
    """Limit torch to `threads` threads, for the whole process; by default all cores but one, which the window gets."""
    import torch

    count = max(1, core_count() - 1) if threads is None else threads
    if count < 1:
        raise DeviceError(f"the number of threads must be at least 1, not {threads}", remedy="Give a positive number")
    torch.set_num_threads(count)
    return count
