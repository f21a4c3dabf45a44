"""The STAR network: a stacked hourglass with point and edge attention, sized by a config.

Zhou et al., "STAR Loss: Reducing Semantic Ambiguity in Facial Landmark Detection", CVPR 2023.
Module names follow the published checkpoints, so that these load by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import ConfigError
from core.scheme import Scheme

STEM_STRIDE = 4
BOUNDARY_THRESHOLD = 0.05
INSTANCE_EPS = 1e-5


@dataclass(frozen=True, slots=True)
class NetConfig:
    """Size of a network.

    Attributes:
        points: number of landmarks N.
        edge_groups: point indices of each edge map, in order.
        stacks: number of hourglasses.
        width: channels at the working resolution; a multiple of 4.
        levels: pooling levels of an hourglass.
        input_size: side of the square input in px; the maps have a quarter of it.
        attention: whether point and edge maps gate the heatmaps.
        spare_skips: keep the skip convolutions that published checkpoints hold but never evaluate.
    """

    points: int
    edge_groups: tuple[tuple[int, ...], ...]
    stacks: int = 4
    width: int = 256
    levels: int = 4
    input_size: int = 256
    attention: bool = True
    spare_skips: bool = True

    def __post_init__(self) -> None:
        limits = {"points": 1000, "stacks": 16, "width": 1024, "levels": 8, "input_size": 1024}
        for name, limit in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
                raise ConfigError(f"network setting '{name}' must be a whole number from 1 to {limit}, not {value!r}")
        if self.width % 4:
            raise ConfigError(f"network setting 'width' must be a multiple of 4, not {self.width}")
        step = STEM_STRIDE * 2**self.levels
        if self.input_size % step:
            raise ConfigError(f"network setting 'input_size' must be a multiple of {step}, not {self.input_size}")
        for group in self.edge_groups:
            if not all(0 <= index < self.points for index in group):
                raise ConfigError("network setting 'edge_groups' names a point that does not exist")

    @property
    def map_size(self) -> int:
        """Side of the heatmaps in cells."""
        return self.input_size // STEM_STRIDE

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a header file."""
        return asdict(self) | {"edge_groups": [list(group) for group in self.edge_groups]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NetConfig:
        """The inverse of `to_dict`; ConfigError on unknown or wrong entries."""
        try:
            groups = tuple(tuple(int(i) for i in group) for group in data["edge_groups"])
            return cls(**(dict(data) | {"edge_groups": groups}))
        except (TypeError, KeyError, ValueError) as error:
            raise ConfigError(f"the network settings are damaged ({error})") from error


PRESETS: dict[str, dict[str, Any]] = {
    "star": {},
    "lite": {"stacks": 2, "width": 128, "levels": 4, "input_size": 128, "spare_skips": False},
}


def preset_config(name: str, scheme: Scheme, **changes: Any) -> NetConfig:
    """The named preset for a scheme; ConfigError for an unknown name."""
    if name not in PRESETS:
        raise ConfigError(f"there is no preset '{name}'", remedy=f"Use one of: {', '.join(PRESETS)}")
    groups = tuple(region.indices for region in scheme.edge_groups)
    base = NetConfig(points=len(scheme), edge_groups=groups)
    return replace(base, **(PRESETS[name] | changes))


class StackOutput(NamedTuple):
    """What one stack predicts.

    `landmarks` (B, N, 2) x, y in [-1, 1]; `heat` (B, N, h, w) >= 0, the fused heatmap the landmarks come from;
    `point` (B, N, h, w) and `edge` (B, E, h, w) in [0, 1], None without attention.
    """

    landmarks: Tensor
    heat: Tensor
    point: Tensor | None
    edge: Tensor | None


class ConvBlock(nn.Module):
    """Convolution with bias, then batch norm and ReLU where asked for."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, *, bn: bool = False, relu: bool = False
    ):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2)
        self.bn = nn.BatchNorm2d(outputs) if bn else None
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        return F.relu(x) if self.relu else x


class Residual(nn.Module):
    """Pre-activation bottleneck: 1x1, 3x3, 1x1 with half the output width inside."""

    def __init__(self, inputs: int, outputs: int, *, spare_skip: bool):
        super().__init__()
        middle = outputs // 2
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = ConvBlock(inputs, middle)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv2 = ConvBlock(middle, middle, 3)
        self.bn3 = nn.BatchNorm2d(middle)
        self.conv3 = ConvBlock(middle, outputs)
        self.changes_width = inputs != outputs
        self.skip_layer = ConvBlock(inputs, outputs) if self.changes_width or spare_skip else None

    def forward(self, x: Tensor) -> Tensor:
        t = self.conv1(F.relu(self.bn1(x)))
        t = self.conv2(F.relu(self.bn2(t)))
        t = self.conv3(F.relu(self.bn3(t)))
        if self.changes_width and self.skip_layer is not None:
            x = self.skip_layer(x)
        return t + x


def coordinate_maps(height: int, width: int) -> Tensor:
    """(1, 3, H, W): vertical coordinate, horizontal coordinate, scaled radius (specification section 4)."""
    # On the CPU even where shapes are all that is wanted (device "meta"): arithmetic there imports torch's compiler.
    vertical, horizontal = (torch.arange(size, device="cpu") for size in (height, width))
    rows = (2.0 * vertical / (height - 1) - 1.0)[:, None].expand(height, width)
    columns = (2.0 * horizontal / (width - 1) - 1.0)[None, :].expand(height, width)
    radius = torch.sqrt(rows**2 + columns**2)
    return torch.stack([rows, columns, radius / radius.max()])[None].contiguous()


class CoordConv(ConvBlock):
    """Convolution that also sees where it is, and where the previous heatmap of the last landmark is."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        boundary: bool = False,
        bn: bool = False,
    ):
        super().__init__(inputs + (5 if boundary else 3), outputs, kernel, stride, bn=bn, relu=bn)
        self.boundary = boundary
        self.register_buffer("maps", coordinate_maps(size, size), persistent=False)

    def forward(self, x: Tensor, heat: Tensor | None = None) -> Tensor:
        maps = self.get_buffer("maps").to(x.dtype).expand(x.shape[0], -1, -1, -1)
        channels = [x, maps]
        if self.boundary and heat is not None:
            # The reference takes the last channel for a boundary map; it is the last landmark.
            mask = heat[:, -1:].clamp(0.0, 1.0) > BOUNDARY_THRESHOLD
            channels.append(maps[:, :2] * mask)
        return super().forward(torch.cat(channels, dim=1))


class Hourglass(nn.Module):
    """One level of the hourglass; the next level is `low2`."""

    def __init__(self, levels: int, width: int, *, spare_skip: bool):
        super().__init__()

        def residual() -> Residual:
            return Residual(width, width, spare_skip=spare_skip)

        self.up1 = residual()
        self.low1 = residual()
        self.low2: nn.Module = Hourglass(levels - 1, width, spare_skip=spare_skip) if levels > 1 else residual()
        self.low3 = residual()

    def forward(self, x: Tensor) -> Tensor:
        low = self.low3(self.low2(self.low1(F.max_pool2d(x, 2))))
        return self.up1(x) + F.interpolate(low, scale_factor=2.0, mode="nearest")


class EntryHourglass(Hourglass):
    """Outermost level, entered through coordinate channels."""

    def __init__(self, config: NetConfig, *, boundary: bool):
        super().__init__(config.levels, config.width, spare_skip=config.spare_skips)
        self.coordconv = CoordConv(config.width, config.width, config.map_size, boundary=boundary)

    def forward(self, x: Tensor, heat: Tensor | None = None) -> Tensor:
        return super().forward(self.coordconv(x, heat))


class EdgeToHeat(nn.Module):
    """Sums the edge maps each landmark belongs to; 1 for landmarks in no group. Fixed, not trained."""

    def __init__(self, points: int, groups: tuple[tuple[int, ...], ...]):
        super().__init__()
        weight = torch.zeros(points, len(groups), 1, 1, device="cpu")
        for column, group in enumerate(groups):
            weight[list(group), column] = 1.0
        self.register_buffer("weight", weight)
        self.register_buffer("bias", (weight.sum(dim=(1, 2, 3)) == 0).float())

    def forward(self, edge: Tensor) -> Tensor:
        return F.conv2d(edge, self.get_buffer("weight").to(edge.dtype), self.get_buffer("bias").to(edge.dtype))


def soft_argmax(heat: Tensor) -> Tensor:
    """Centre of mass of non-negative maps (B, N, h, w) -> (B, N, 2) x, y in [-1, 1], cell 0 at -1 and the last at 1.

    An all-zero map gives (0, 0).
    """
    height, width = heat.shape[-2:]
    gx = torch.linspace(-1.0, 1.0, width, dtype=heat.dtype, device=heat.device)
    gy = torch.linspace(-1.0, 1.0, height, dtype=heat.dtype, device=heat.device)
    total = heat.sum(dim=(2, 3)).clamp(min=1e-6)
    x = (heat.sum(dim=2) * gx).sum(dim=2)
    y = (heat.sum(dim=3) * gy).sum(dim=2)
    return torch.stack([x, y], dim=-1) / total[..., None]


class StarNet(nn.Module):
    """Input (B, 3, S, S), BGR in [-1, 1]; output one `StackOutput` a stack, the last being the result."""

    def __init__(self, config: NetConfig):
        super().__init__()
        self.config = config
        width, stacks, edges = config.width, config.stacks, len(config.edge_groups)
        spare = config.spare_skips
        self.pre = nn.Sequential(
            CoordConv(3, width // 4, config.input_size, 7, 2, bn=True),
            Residual(width // 4, width // 2, spare_skip=spare),
            nn.MaxPool2d(2),
            Residual(width // 2, width // 2, spare_skip=spare),
            Residual(width // 2, width, spare_skip=spare),
        )
        self.hgs = nn.ModuleList(EntryHourglass(config, boundary=s > 0) for s in range(stacks))
        self.features = nn.ModuleList(
            nn.Sequential(Residual(width, width, spare_skip=spare), ConvBlock(width, width, bn=True, relu=True))
            for _ in range(stacks)
        )
        self.out_heatmaps = _heads(width, config.points, stacks)
        if config.attention:
            self.e2h_transform = EdgeToHeat(config.points, config.edge_groups)
            self.out_edgemaps = _heads(width, edges, stacks)
            self.out_pointmaps = _heads(width, config.points, stacks)
            self.merge_edgemaps = _heads(edges, width, stacks - 1)
            self.merge_pointmaps = _heads(config.points, width, stacks - 1)
        self.merge_features = _heads(width, width, stacks - 1)
        self.merge_heatmaps = _heads(config.points, width, stacks - 1)

    def forward(self, image: Tensor) -> list[StackOutput]:
        x = self.pre(image)
        outputs = []
        heat: Tensor | None = None
        for s in range(self.config.stacks):
            features = self.features[s](self.hgs[s](x, heat))
            heat = F.relu(F.instance_norm(_wide(self.out_heatmaps[s](features)), eps=INSTANCE_EPS))
            point = edge = None
            fused = heat
            if self.config.attention:
                point = torch.sigmoid(_wide(self.out_pointmaps[s](features)))
                edge = torch.sigmoid(_wide(self.out_edgemaps[s](features)))
                with torch.autocast(heat.device.type, enabled=False):
                    fused = self.e2h_transform(edge) * point * heat
            outputs.append(StackOutput(soft_argmax(fused), fused, point, edge))
            if s + 1 < self.config.stacks:
                x = x + self.merge_features[s](features) + self.merge_heatmaps[s](heat)
                if point is not None and edge is not None:
                    x = x + self.merge_pointmaps[s](point) + self.merge_edgemaps[s](edge)
        return outputs


def _wide(maps: Tensor) -> Tensor:
    """At least float32: moments of a map need more digits than reduced precision has."""
    return maps if maps.dtype == torch.float64 else maps.float()


def _heads(inputs: int, outputs: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(ConvBlock(inputs, outputs) for _ in range(count))
