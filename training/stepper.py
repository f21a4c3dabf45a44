"""One optimiser step: faces through the network in as many parts as memory wants, and what is learnt from them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import TrainingError
from core.model.network import StackOutput, StarNet
from training.compiling import compiled
from training.config import TrainConfig
from training.dataset import Batch
from training.ema import Ema
from training.guard import LossGuard
from training.losses.total import Share, Targets, TotalLoss
from training.processes import Processes

_ALLOCATION_FAILED = ("not enough memory", "can't allocate memory", "out of memory", "alloc_failed", "bad_alloc")


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of a step: losses and gradient norm, in how many parts, and why it was skipped, if it was."""

    loss: float
    landmark: float
    norm: float
    parts: int
    skipped: str | None


class Stepper:
    """A network, its average and its optimiser.

    A step's gradient is that of the mean loss over all its faces, however many parts they go through in; only
    batch norm sees each part alone.

    Args:
        network: the network to train; stays where it is used from outside.
        config: settings.
        device: where to compute.
        told: gets a sentence when memory ran out.
        processes: those that share the work; each steps with its own faces of a batch.
    """

    def __init__(
        self,
        network: StarNet,
        config: TrainConfig,
        device: torch.device,
        told: Callable[[str], object],
        processes: Processes | None = None,
    ) -> None:
        self._processes = Processes(0, 1, device) if processes is None else processes
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._processes.share(self.network)
        self.ema = Ema(self.network, config.ema_half_life)
        self._config, self._device, self._told = config, device, told
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self._loss = TotalLoss(config.loss, config.w_star)
        self._guard = LossGuard(config.spike_factor)
        self._precision = reduced_precision(config.precision, device)
        self._parts = config.accumulate
        self._statistics = _Statistics(self.network)
        self._compiled = compiled(self.network, device, told) if config.compile else self.network

    def step(self, batch: Batch, rate: float) -> StepResult:
        """Learn from a batch at learning rate `rate`.

        Raises:
            TrainingError: there is not enough memory even for the smallest part, or too many steps were skipped.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._statistics.keep()
        whole = self._whole(batch)
        sums = self._gradients(batch, whole)
        while sums is None:
            self._statistics.restore()
            self._halve(len(batch.faces))
            sums = self._gradients(batch, whole)
        loss, landmark = sums.tolist()
        norm = self._clip()
        reason = self._guard.reason(loss, norm)
        if reason is None:
            self._optimizer.step()
            self.ema.update(self.network, whole.faces)
            self._guard.taken(loss)
        else:
            # What the forward pass has left in the running statistics is as bad as its loss.
            self._statistics.restore()
        return StepResult(loss, landmark, norm, self._used_parts(whole.fewest), reason)

    def count_skipped(self, reason: str) -> None:
        """A step was skipped and that was said. TrainingError after too many in a row."""
        self._guard.skipped(reason)

    def _whole(self, batch: Batch) -> _Whole:
        """What the batch comes to over all processes."""
        each = self._processes.gather((*_counts(batch.targets), len(batch.faces)))
        points, edges, faces = (sum(values) for values in zip(*each, strict=True))
        return _Whole((points, edges), int(faces), min(count for _, _, count in each))

    def _gradients(self, batch: Batch, whole: _Whole) -> Tensor | None:
        """Put the gradient in place: (2,) total loss and landmark loss of the last stack. None without the memory."""
        self._optimizer.zero_grad(set_to_none=True)
        try:
            sums = self._accumulate(batch, whole)
            gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
            self._processes.add_up([*gradients, sums])
            return sums
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            if self._processes.count > 1:
                # The others are in the middle of their step and would wait for sums that never come.
                raise TrainingError(
                    "there is not enough memory for this process' share of a batch",
                    remedy="Resume with a larger accumulate, such as --accumulate 4",
                ) from error
        # Out of the handler: what it holds on to is what fills the memory.
        self._optimizer.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _accumulate(self, batch: Batch, whole: _Whole) -> Tensor:
        sums = torch.zeros(2, device=self._device)
        for rows in _split(len(batch.faces), self._used_parts(whole.fewest)):
            image = batch.image[rows].to(self._device, memory_format=torch.channels_last, non_blocking=True)
            own = Targets(*(None if t is None else t[rows] for t in batch.targets))  # type: ignore[arg-type]
            share = Share(*(part / max(all_, 1e-12) for part, all_ in zip(_counts(own), whole.counts, strict=True)))
            targets = Targets(*(None if t is None else t.to(self._device, non_blocking=True) for t in own))  # type: ignore[arg-type]
            with self.autocast():
                outputs = self.forward(image)
            total, parts = self._loss(outputs, targets, share)
            total.backward()
            last = parts[-1] if len(parts) == len(outputs) else parts[-3]
            sums += torch.stack([total.detach(), last.detach() * share.points])
        return sums

    def forward(self, image: Tensor) -> list[StackOutput]:
        """The network in training."""
        outputs: list[StackOutput] = self._compiled(image)
        return outputs

    def _used_parts(self, faces: int) -> int:
        """Parts for the fewest faces that a process has: the same in all, which meet in each of them."""
        # A part of one face may leave batch norm a single value a channel, which has no variance.
        return max(1, min(self._parts, faces // 2 if self._processes.count == 1 else faces))

    def _halve(self, faces: int) -> None:
        """Twice as many parts from now on; TrainingError if they cannot be smaller."""
        now = self._used_parts(faces)
        if 2 * now > max(faces // 2, 1):
            raise TrainingError(
                f"there is not enough memory for {-(-faces // now)} faces at a time",
                remedy="Choose a smaller preset or input_size, or close other programs",
            )
        self._parts = 2 * now
        size = -(-faces // self._parts)
        self._told(f"not enough memory: from now on {size} faces at a time, {self._parts} times a step")

    def _clip(self) -> float:
        limit = self._config.clip_norm or float("inf")
        return float(nn.utils.clip_grad_norm_(self.network.parameters(), limit))

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision to compute in."""
        kind = self._precision or torch.bfloat16
        return torch.autocast(self._device.type, dtype=kind, enabled=self._precision is not None)

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, but for its faces."""
        return {
            "net": self.network.state_dict(),
            "net_ema": self.ema.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "parts": self._parts,
            "guard": self._guard.state(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave. KeyError, RuntimeError or ValueError if it is of another network."""
        self.network.load_state_dict(state["net"])
        self.ema.network.load_state_dict(state["net_ema"])
        self._optimizer.load_state_dict(state["optimizer"])
        # States of the first version have neither.
        self._parts = int(state.get("parts", self._parts))
        if "guard" in state:
            self._guard.load(state["guard"])


@dataclass(frozen=True, slots=True)
class _Whole:
    """A batch over all processes: what its means divide by, its faces, and the fewest of them in a process."""

    counts: tuple[float, float]
    faces: int
    fewest: int


class _Statistics:
    """The running statistics of batch norms as they were before a step."""

    def __init__(self, network: nn.Module) -> None:
        norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        self._live = [buffer for norm in norms for buffer in norm.buffers(recurse=False)]
        self._kept = [buffer.clone() for buffer in self._live]

    @torch.no_grad()
    def keep(self) -> None:
        torch._foreach_copy_(self._kept, self._live)

    @torch.no_grad()
    def restore(self) -> None:
        torch._foreach_copy_(self._live, self._kept)


def _counts(targets: Targets) -> tuple[float, float]:
    """What the means over points and over edge maps divide by."""
    faces = float(len(targets.landmarks))
    points = faces if targets.weights is None else float(targets.weights.sum(dtype=torch.float64))
    edges = faces if targets.edges is None else float(targets.edges.sum(dtype=torch.float64))
    return points, edges


def _split(count: int, parts: int) -> list[slice]:
    """`count` rows in `parts` slices whose sizes differ by at most one."""
    bounds = [count * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory could not be had, on a graphics card or on the processor."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _ALLOCATION_FAILED)


def reduced_precision(wish: str, device: torch.device) -> torch.dtype | None:
    """The reduced number type to compute in, None for float32; `auto` takes bfloat16 where it is native."""
    if wish == "float32":
        return None
    if wish == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    native = device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
    return torch.bfloat16 if native else None
