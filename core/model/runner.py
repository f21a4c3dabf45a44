"""A network on its device: crops in, moments out. What a kind of device needs to be quick is here, nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.face import ByteArray
from core.model.inference import InferenceNet
from core.model.moments import Moments, heatmap_moments

_log = logging.getLogger(__name__)

_HALF = 127.5


def as_input(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """(B, S, S, 3) uint8 RGB -> (B, 3, S, S) `dtype`, BGR, value / 127.5 - 1, channels-last.

    Source: STAR_SPEC.md section 8.
    """
    bgr = pixels.flip(3).permute(0, 3, 1, 2)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    return bgr.to(wide).div_(_HALF).sub_(1.0).to(dtype)


def network_input(crops: Sequence[ByteArray], dtype: torch.dtype = torch.float32) -> Tensor:
    """`as_input` of RGB crops (S, S, 3) uint8."""
    return as_input(torch.from_numpy(np.stack(crops)), dtype)


class Runner:
    """Runs a network whose output are heatmaps (`core.model.inference.InferenceNet`).

    On CUDA the crops travel as bytes through pinned memory, and everything from bytes to moments is recorded once for
    each batch size and replayed: a forward pass is some 300 small kernels, whose starts cost more than their work.

    Args:
        network: on `device` already.
        dtype: what the network computes in.
    """

    def __init__(self, network: nn.Module, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.network = network
        self.device = device
        self.dtype = dtype
        self._graphs: dict[int, _Graph] = {}
        self._graphs_work = device.type == "cuda"
        if device.type == "cuda":
            # TF32 has ten bits: landmarks would differ from the CPU's by a tenth of a pixel.
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cudnn.benchmark = True

    def heat(self, crops: Sequence[ByteArray]) -> Tensor:
        """Fused heatmaps (B, N, h, w) float32 of crops (S, S, 3) uint8 RGB, on the device."""
        with torch.inference_mode():
            heat: Tensor = self.network(network_input(crops, self.dtype).to(self.device))
            return heat

    def heat_and_edges(self, crops: Sequence[ByteArray]) -> tuple[Tensor, Tensor | None]:
        """As `heat`, and the edge maps (B, E, h, w) float32 in [0, 1]; None for a network without any."""
        with torch.inference_mode():
            image = network_input(crops, self.dtype).to(self.device)
            if isinstance(self.network, InferenceNet):
                return self.network.with_edges(image)
            return self.network(image), None

    def moments(self, crops: Sequence[ByteArray]) -> Moments:
        """Moments of each map, on the CPU."""
        pixels = torch.from_numpy(np.stack(crops))
        with torch.inference_mode():
            if self.device.type != "cuda":
                return Moments(*(value.cpu() for value in self._compute(pixels.to(self.device))))
            return self._on_cuda(pixels)

    def _compute(self, pixels: Tensor) -> Moments:
        return heatmap_moments(self.network(as_input(pixels, self.dtype)))

    def _on_cuda(self, pixels: Tensor) -> Moments:
        count = len(pixels)
        moments = self._replayed(pixels) if self._graphs_work else None
        if moments is None:
            moments = self._compute(pixels.pin_memory().to(self.device, non_blocking=True))
        return Moments(*(value[:count].cpu() for value in moments))

    def _replayed(self, pixels: Tensor) -> Moments | None:
        """Moments by a recorded graph; None where recording does not work here."""
        size = 1 << (len(pixels) - 1).bit_length()  # few sizes: the last batch of a job is padded
        graph = self._graphs.get(size)
        if graph is None:
            try:
                graph = self._graphs[size] = _record(self._compute, (size, *pixels.shape[1:]), self.device)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                _log.warning("CUDA graphs do not work here, going on without: %s", str(error).splitlines()[0])
                self._graphs_work = False
                return None
        return graph.replay(pixels)

    def shrink(self) -> None:
        """Give memory back after there was not enough."""
        self._graphs.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


@dataclass(eq=False, slots=True)
class _Graph:
    """A recorded computation with its fixed places in memory."""

    graph: torch.cuda.CUDAGraph
    staging: Tensor
    source: Tensor
    result: Moments

    def replay(self, pixels: Tensor) -> Moments:
        """Result for `pixels` (B, S, S, 3); valid until the next replay. Rows behind the B-th mean nothing."""
        self.staging[: len(pixels)].copy_(pixels)
        self.source.copy_(self.staging, non_blocking=True)
        self.graph.replay()
        return self.result


def _record(compute: Callable[[Tensor], Moments], shape: tuple[int, ...], device: torch.device) -> _Graph:
    staging = torch.zeros(shape, dtype=torch.uint8, pin_memory=True)
    source = staging.to(device)
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(2):  # libraries choose their algorithms and allocate before anything may be recorded
            compute(source)
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = compute(source)
    return _Graph(graph, staging, source, result)
