"""Batch norm over the faces of all processes. torch has one for graphics cards alone; this one runs on the processor.

Mean and variance of the parts are put together after Chan, Golub and LeVeque, "Algorithms for computing the sample
variance" (1983), which loses no digits where the mean is large; the gradient is batch norm's own (Ioffe and Szegedy,
2015) with its two sums taken over all processes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

_AXES = (0, 2, 3)


class _Normalise(torch.autograd.Function):
    """(x, weight, bias, eps) -> (normalised x, mean, biased variance, number of values); x (B, C, h, w)."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, ...]:
        wide = _wide(x)
        own_variance, own_mean = torch.var_mean(wide, dim=_AXES, correction=0)
        own_count = torch.full_like(own_mean[:1], wide.numel() / wide.shape[1])
        own = torch.cat([own_mean, own_variance, own_count])
        parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own)
        means, variances, counts = torch.stack(parts).split([len(own_mean), len(own_mean), 1], dim=1)
        count = counts.sum()
        share = counts / count
        mean = (share * means).sum(dim=0)
        variance = (share * (variances + (means - mean).square())).sum(dim=0)
        result = F.batch_norm(wide, mean, variance, weight, bias, False, 0.0, eps)
        scale = (variance + eps).rsqrt()
        ctx.save_for_backward(wide, weight, mean, scale, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return result.to(x.dtype), mean, variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        wide, weight, mean, scale, count = ctx.saved_tensors
        gradient = _wide(outer[0])
        unit = (wide - mean[:, None, None]) * scale[:, None, None]
        own = torch.stack([gradient.sum(dim=_AXES), (gradient * unit).sum(dim=_AXES)])
        total = own.clone()
        dist.all_reduce(total)
        total /= count
        centred = gradient - total[0][:, None, None] - unit * total[1][:, None, None]
        inner = centred * (weight * scale)[:, None, None]
        return inner.to(outer[0].dtype), own[1], own[0], None


def _wide(values: Tensor) -> Tensor:
    """Sums want at least single precision."""
    return values if values.dtype == torch.float64 else values.float()


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of all processes; in evaluation it is as any."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w), B > 0 in every process."""
        if not self.training:
            return super().forward(x)
        result, mean, variance, count = _Normalise.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.num_batches_tracked is not None and self.momentum is not None
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            # The running variance is the unbiased one, as torch keeps it.
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        normalised: Tensor = result
        return normalised


def share_batch_norms(network: nn.Module) -> None:
    """Make the batch norms of `network` share their statistics, in place; weights and their names stay.

    On graphics cards torch's own kernels do it.
    """
    for parent in list(network.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm) is nn.BatchNorm2d:
                setattr(parent, name, _shared(norm))


def _shared(norm: nn.BatchNorm2d) -> nn.Module:
    if norm.weight.device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)
        return converted
    shared = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum)
    shared.load_state_dict(norm.state_dict())
    return shared.to(norm.weight.device, norm.weight.dtype).train(norm.training)
