"""The STAR network rewritten for prediction: the same heatmaps as `StarNet` in evaluation mode, in fewer passes.

What is done differently, and leaves the result alone but for rounding:

* Batch norms behind a convolution are folded into it. One in front (a residual block's first) becomes a clamp: for
  s > 0, relu(s x + b) = s max(x, -b / s) + b, whose scale and offset the convolution behind it takes over.
* Coordinate channels are constant, so that what a convolution makes of them is computed once.
* ReLU, sums and shortcuts are done by the convolution that comes before, where oneDNN is there to do it.
* The heads of a stack are one convolution, and so are its merges; only the last stack's maps are returned.
* Memory is laid out channels-last.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from core.model.device import processor_multiplies
from core.model.network import (
    BOUNDARY_THRESHOLD,
    INSTANCE_EPS,
    ConvBlock,
    CoordConv,
    EntryHourglass,
    Hourglass,
    NetConfig,
    Residual,
    StarNet,
)

_CL = torch.channels_last
_DEAD_SCALE = 1e-12
"""A batch norm's factor so small that its channel is a constant."""


class InferenceNet(nn.Module):
    """Input (B, 3, S, S), BGR in [-1, 1]; output the last stack's fused heatmaps (B, N, h, w), float32.

    Args:
        network: trained; read, not changed.
        dtype: of weights and features; the maps are float32 all the same.
    """

    def __init__(self, network: StarNet, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config: NetConfig = network.config
        self.dtype = dtype
        with torch.no_grad():
            stem, *rest = network.pre
            assert isinstance(stem, CoordConv)
            self.stem = _Stem(stem)
            self.pre = nn.Sequential(*(_Block(m, dtype) if isinstance(m, Residual) else m for m in rest))
            self.stacks = nn.ModuleList(_Stack(network, s, dtype) for s in range(self.config.stacks))
        self.requires_grad_(False)
        self.to(dtype).eval()
        for module in self.modules():
            if isinstance(module, _Conv):
                module.settle()

    def forward(self, image: Tensor) -> Tensor:
        last, x, heat = self._before_last(image)
        return last.fused(last.maps(x, heat)[1])

    def with_edges(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """(what `forward` gives, the last stack's edge maps (B, E, h, w) in [0, 1], None without attention)."""
        last, x, heat = self._before_last(image)
        maps = last.maps(x, heat)[1]
        edges = maps[:, 2 * last.points :].clone() if last.attention else None
        return last.fused(maps), edges

    def _before_last(self, image: Tensor) -> tuple[_Stack, Tensor, Tensor | None]:
        x = self.pre(self.stem(image.to(self.dtype, memory_format=_CL)))
        heat: Tensor | None = None
        *stacks, last = self.stacks
        for stack in stacks:
            x, heat = stack(x, heat)
        assert isinstance(last, _Stack)
        return last, x, heat


def _has_fused_convolution() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")


_FUSED = _has_fused_convolution()


class _Conv(nn.Module):
    """A convolution with what follows it: an addend, then ReLU."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: int = 1) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())
        self.register_buffer("bias", None if bias is None else bias.detach().clone())
        self.stride = [stride, stride]
        self.padding = [(weight.shape[-1] - 1) // 2] * 2
        self._fused = False

    def settle(self) -> None:
        """To be called once the weight has its type: lay it out as the features are, choose the way to compute."""
        self.weight = self.weight.contiguous(memory_format=_CL)
        kind = str(self.weight.dtype).removeprefix("torch.")
        reduced = kind in ("bfloat16", "float16")
        self._fused = _FUSED and (kind == "float32" or (reduced and processor_multiplies(kind)))

    def forward(self, x: Tensor, *, relu: bool = False) -> Tensor:
        if self._fused and x.device.type == "cpu":
            act = "relu" if relu else "none"
            out: Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, self.weight, self.bias, self.padding, self.stride, [1, 1], 1, act, [], ""
            )
            return out
        out = F.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        return out.relu_() if relu else out

    def onto(self, addend: Tensor, x: Tensor, *, relu: bool = False) -> Tensor:
        """`addend` + convolution of `x`, written over `addend`."""
        if self._fused and x.device.type == "cpu":
            after = "relu" if relu else None
            out: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
                addend, x, self.weight, self.bias, self.padding, self.stride, [1, 1], 1, "add", 1.0, after, [], None
            )
            return out
        out = addend.add_(F.conv2d(x, self.weight, self.bias, self.stride, self.padding))
        return out.relu_() if relu else out


def _folded(block: ConvBlock, norm: nn.Module | None = None) -> _Conv:
    """The convolution of `block` with the batch norm behind it."""
    conv, norm = block.conv, block.bn if norm is None else norm
    weight, bias = conv.weight, conv.bias
    if isinstance(norm, nn.BatchNorm2d):
        assert norm.running_mean is not None and norm.running_var is not None
        weight, bias = fuse_conv_bn_weights(
            weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
    return _Conv(weight, bias, conv.stride[0])


class _Gate(nn.Module):
    """Batch norm and ReLU as one clamp between `low` and `high`; `scale` and `offset` are left to what follows."""

    low: Tensor
    high: Tensor

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        scale, offset = _scale_and_offset(norm)
        dead = scale.abs() < _DEAD_SCALE
        bound = -offset / torch.where(dead, 1.0, scale)
        low = torch.where(scale > 0, bound, -torch.inf)
        high = torch.where(scale > 0, torch.inf, bound)
        self.register_buffer("low", torch.where(dead, 0.0, low)[:, None, None])
        self.register_buffer("high", torch.where(dead, 0.0, high)[:, None, None])
        self.scale = torch.where(dead, 0.0, scale)
        self.offset = torch.where(dead, offset.clamp(min=0), offset)
        self.one_sided = bool((scale >= _DEAD_SCALE).all())

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, self.low) if self.one_sided else torch.clamp(x, self.low, self.high)


class _PlainGate(nn.Module):
    """Batch norm and ReLU as such, for reduced precision: the bounds of a clamp would be rounded too coarsely there."""

    scale_: Tensor
    offset_: Tensor

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        scale, offset = _scale_and_offset(norm)
        self.register_buffer("scale_", scale[:, None, None])
        self.register_buffer("offset_", offset[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.offset_, x, self.scale_).relu_()


def _scale_and_offset(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """(C,) each: what the norm multiplies by and adds in evaluation mode."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale.detach(), (norm.bias - norm.running_mean * scale).detach()


class _Block(nn.Module):
    """A residual block."""

    def __init__(self, block: Residual, dtype: torch.dtype) -> None:
        super().__init__()
        self.conv1 = _folded(block.conv1, block.bn2)
        if dtype in (torch.float32, torch.float64):
            gate = _Gate(block.bn1)
            weight = self.conv1.weight
            assert self.conv1.bias is not None
            self.conv1.bias = self.conv1.bias + weight[:, :, 0, 0] @ gate.offset
            self.conv1.weight = weight * gate.scale[:, None, None]
            self.gate: nn.Module = gate
        else:
            self.gate = _PlainGate(block.bn1)
        self.conv2 = _folded(block.conv2, block.bn3)
        self.conv3 = _folded(block.conv3)
        changes = block.changes_width and block.skip_layer is not None
        self.skip = _folded(block.skip_layer) if changes and block.skip_layer is not None else None

    def forward(self, x: Tensor) -> Tensor:
        t = self.conv2(self.conv1(self.gate(x), relu=True), relu=True)
        return self.conv3.onto(x.clone(memory_format=_CL) if self.skip is None else self.skip(x), t)


class _Level(nn.Module):
    """One level of an hourglass."""

    def __init__(self, level: Hourglass, dtype: torch.dtype) -> None:
        super().__init__()
        inner = level.low2
        self.up1, self.low1, self.low3 = (_Block(b, dtype) for b in (level.up1, level.low1, level.low3))
        self.low2: nn.Module = _Level(inner, dtype) if isinstance(inner, Hourglass) else _block(inner, dtype)

    def forward(self, x: Tensor) -> Tensor:
        low = self.low3(self.low2(self.low1(F.max_pool2d(x, 2))))
        out: Tensor = self.up1(x)
        height, width = low.shape[-2:]
        # Nearest upsampling and the sum in one pass: each cell of `low` is added to its four cells.
        out.unflatten(3, (width, 2)).unflatten(2, (height, 2)).add_(low[:, :, :, None, :, None])
        return out


def _block(module: nn.Module, dtype: torch.dtype) -> _Block:
    assert isinstance(module, Residual)
    return _Block(module, dtype)


class _Stem(nn.Module):
    """The first convolution: its coordinate channels make a constant, the picture alone is convolved."""

    constant: Tensor

    def __init__(self, stem: CoordConv) -> None:
        super().__init__()
        whole = _folded(stem)
        maps = stem.get_buffer("maps").to(whole.weight.dtype)
        planes = whole.weight.shape[1] - maps.shape[1]
        constant = F.conv2d(maps, whole.weight[:, planes:], whole.bias, whole.stride, whole.padding)
        self.register_buffer("constant", constant.contiguous(memory_format=_CL))
        self.conv = _Conv(whole.weight[:, :planes], None, whole.stride[0])

    def forward(self, image: Tensor) -> Tensor:
        return self.conv.onto(_repeated(self.constant, len(image)), image, relu=True)


class _Entry(nn.Module):
    """The convolution with coordinates at the entry of an hourglass."""

    constant: Tensor
    masked: Tensor

    def __init__(self, entry: CoordConv, width: int) -> None:
        super().__init__()
        weight, bias = entry.conv.weight.detach(), entry.conv.bias
        maps = entry.get_buffer("maps").to(weight.dtype)
        self.conv = _Conv(weight[:, :width], None)
        seen = weight[:, width : width + maps.shape[1]]
        self.register_buffer("constant", F.conv2d(maps, seen, bias).detach().contiguous(memory_format=_CL))
        if entry.boundary:
            masked = F.conv2d(maps[:, :2], weight[:, -2:])
            self.register_buffer("masked", masked.contiguous(memory_format=_CL))

    def forward(self, x: Tensor, heat: Tensor | None) -> Tensor:
        if heat is None:
            return self.conv.onto(_repeated(self.constant, len(x)), x)
        mask = (heat[:, -1:].clamp(0.0, 1.0) > BOUNDARY_THRESHOLD).to(x.dtype)
        size = len(x), *self.constant.shape[1:]
        base = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=_CL)
        torch.addcmul(self.constant, self.masked, mask, out=base)
        return self.conv.onto(base, x)


def _repeated(constant: Tensor, count: int) -> Tensor:
    """(count, C, H, W), a copy of its own, channels-last."""
    return constant.expand(count, -1, -1, -1).clone(memory_format=_CL)


class _Stack(nn.Module):
    """An hourglass with its heads, and the merges into the next one."""

    groups: Tensor
    no_group: Tensor

    def __init__(self, network: StarNet, index: int, dtype: torch.dtype) -> None:
        super().__init__()
        config = network.config
        self.points, self.attention = config.points, config.attention
        hourglass = network.hgs[index]
        assert isinstance(hourglass, EntryHourglass)
        self.entry = _Entry(hourglass.coordconv, config.width)
        self.hourglass = _Level(hourglass, dtype)
        residual, last = _pair(network.features[index])
        self.residual = _block(residual, dtype)
        self.last = _folded(last)
        names = ["heatmaps", "pointmaps", "edgemaps"] if config.attention else ["heatmaps"]
        heads = [_heads(network, f"out_{name}", index) for name in names]
        self.heads = _Conv(
            torch.cat([head.conv.weight for head in heads]), torch.cat([_bias(head.conv) for head in heads])
        )
        if config.attention:
            e2h = network.e2h_transform
            self.register_buffer("groups", e2h.get_buffer("weight")[:, :, 0, 0].clone())
            self.register_buffer("no_group", e2h.get_buffer("bias")[:, None].clone())
        if index + 1 < config.stacks:
            self.merge_features = _folded(_heads(network, "merge_features", index))
            merges = [_heads(network, f"merge_{name}", index) for name in names]
            self.merge_maps = _Conv(
                torch.cat([merge.conv.weight for merge in merges], dim=1),
                torch.stack([_bias(merge.conv) for merge in merges]).sum(dim=0),
            )

    def forward(self, x: Tensor, heat: Tensor | None) -> tuple[Tensor, Tensor]:
        """The next stack's input, written over `x`, and this stack's heat."""
        features, maps = self.maps(x, heat)
        x = self.merge_maps.onto(self.merge_features.onto(x, features), maps.to(x.dtype, memory_format=_CL))
        return x, maps[:, : self.points]

    def fused(self, maps: Tensor) -> Tensor:
        """The heatmaps that landmarks are decoded from: (B, N, h, w) float32; `maps` of `self.maps` is used up."""
        n = self.points
        if not self.attention:
            return maps
        edges = maps[:, 2 * n :].flatten(2)
        gates = torch.matmul(self.groups.float(), edges).add_(self.no_group.float()).view(-1, n, *maps.shape[2:])
        return gates.mul_(maps[:, n : 2 * n]).mul_(maps[:, :n])

    def maps(self, x: Tensor, heat: Tensor | None) -> tuple[Tensor, Tensor]:
        """(features, maps); maps (B, N or 2 N + E, h, w) float32: heat, then point and edge maps."""
        features = self.last(self.residual(self.hourglass(self.entry(x, heat))), relu=True)
        maps = self.heads(features).to(torch.float32, memory_format=torch.contiguous_format)
        own = maps[:, : self.points]
        # Moments of a map need more digits than reduced precision has: float32 from here on.
        variance, mean = torch.var_mean(own, dim=(2, 3), correction=0, keepdim=True)
        rate = torch.rsqrt(variance + INSTANCE_EPS)
        own.sub_(mean).mul_(rate).relu_()
        maps[:, self.points :].sigmoid_()
        return features, maps


def _pair(module: nn.Module) -> tuple[nn.Module, ConvBlock]:
    assert isinstance(module, nn.Sequential)
    residual, last = module
    assert isinstance(last, ConvBlock)
    return residual, last


def _heads(network: StarNet, name: str, index: int) -> ConvBlock:
    head: Any = getattr(network, name)[index]
    assert isinstance(head, ConvBlock)
    return head


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
