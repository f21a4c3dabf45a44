"""The processes of a run: one, or several that torchrun has started, on one machine or many, sharing each step's faces.

Each process computes a part of every batch. Sums of gradients, of what means divide by and of batch statistics go over
all of them, so that a step is the one that a single process would take, but for rounding. Gradients are added up once
a step in one flat tensor, rather than by torch's DistributedDataParallel: that averages over processes, whose shares
differ where points are missing or images are unreadable, and wants every parameter used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core.errors import TrainingError
from training.shared_norm import share_batch_norms

T = TypeVar("T")

_LOST = ("gloo", "connection", "nccl", "socket", "peer")


class Processes:
    """This process among those of the run. Alone, everything is a plain no-operation.

    Attributes:
        rank, count: number of this process, and how many there are.
        device: what this one computes on.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank, self.count, self.device = rank, count, device
        self._parent = os.getppid()

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    @property
    def is_orphaned(self) -> bool:
        """Whether torchrun, which started this one, is gone; never for a process alone."""
        return self.count > 1 and os.getppid() != self._parent

    def gather(self, value: Any) -> list[Any]:
        """What each process has given, in their order. Any small value that can be pickled."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        with noticing_losses():
            dist.all_gather_object(values, value)
        return values

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives in the first process, in all of them."""
        if self.count == 1:
            return make()
        values: list[Any] = [make() if self.is_first else None]
        with noticing_losses():
            dist.broadcast_object_list(values, 0)
        found: T = values[0]
        return found

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes, which are equal in all to the last bit."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with noticing_losses():
            dist.all_reduce(flat)
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].view(tensor.shape))
            start += tensor.numel()

    def share(self, network: nn.Module) -> None:
        """Give all processes the first one's weights, and batch norms the statistics of all."""
        if self.count == 1:
            return
        share_batch_norms(network)
        with noticing_losses(), torch.no_grad():
            for tensor in network.state_dict().values():
                dist.broadcast(tensor, 0)

    def close(self) -> None:
        """Part in peace, at the end of a run that went well."""
        if self.count > 1:
            dist.destroy_process_group()


def join_processes(device: torch.device) -> Processes:
    """Meet the others that torchrun has started, if it has; `device` is the kind that was chosen."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes(0, 1, device)
    rank = int(os.environ["RANK"])
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    else:
        backend = "gloo"
    with noticing_losses():
        dist.init_process_group(backend)
    return Processes(rank, count, device)


@contextmanager
def noticing_losses() -> Iterator[None]:
    """Turn the many errors that the end of another process may be into one. Others pass."""
    try:
        yield
    except RuntimeError as error:
        if not is_loss(error):
            raise
        raise lost_process() from error


def lost_process() -> TrainingError:
    """What to say when another process is gone."""
    return TrainingError(
        "another process of the run has ended",
        remedy="See what it said; start all of them again with --resume to go on from the last state",
    )


def is_loss(error: RuntimeError) -> bool:
    """Whether an error means that another process is gone."""
    return isinstance(error, dist.DistError) or any(word in str(error).lower() for word in _LOST)
