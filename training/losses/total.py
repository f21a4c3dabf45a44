"""The training loss: landmarks, point maps and edge maps of every stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from torch import Tensor

from core.errors import ConfigError
from core.model.network import StackOutput
from training.losses import regression
from training.losses.awing import awing
from training.losses.star import star_v1, star_v2

HeatLoss = Callable[..., Tensor]

HEAT_LOSSES: dict[str, HeatLoss] = {
    "star": star_v2,
    "star_l1": partial(star_v2, distance="l1"),
    "star_l2": partial(star_v2, distance="l2"),
    "star_v1": star_v1,
}
POINT_LOSSES: dict[str, Callable[..., Tensor]] = {
    "smoothl1": regression.smooth_l1,
    "l1": regression.l1,
    "l2": regression.l2,
    "wing": regression.wing,
}
LOSS_NAMES = (*HEAT_LOSSES, *POINT_LOSSES)


class Targets(NamedTuple):
    """`landmarks` (B, N, 2) in [-1, 1]; `point` (B, N, h, w); `edge` (B, E, h, w); `weights` (B, N); `edges` (B, E)."""

    landmarks: Tensor
    point: Tensor
    edge: Tensor
    weights: Tensor | None = None
    edges: Tensor | None = None


class Share(NamedTuple):
    """How much a part of a batch counts in the mean over the whole: by its points, and by its edge maps; 1 for all."""

    points: float = 1.0
    edges: float = 1.0


class LossParts(NamedTuple):
    """`total` scalar; `parts` the unweighted landmark, point and edge loss of each stack in turn."""

    total: Tensor
    parts: list[Tensor]


@dataclass(frozen=True, slots=True)
class TotalLoss:
    """Sum over stacks s of 2^s / 2^(S-1) times (landmarks + 10 points + 10 edges) (specification section 13)."""

    landmark: str = "star"
    w_star: float = 1.0
    map_weight: float = 10.0

    def __post_init__(self) -> None:
        if self.landmark not in LOSS_NAMES:
            raise ConfigError(f"there is no loss '{self.landmark}'", remedy=f"Use one of: {', '.join(LOSS_NAMES)}")

    def __call__(self, outputs: Sequence[StackOutput], targets: Targets, share: Share = Share()) -> LossParts:  # noqa: B008
        """The loss of a batch, or of a part of one that counts by `share`: such losses add up to the whole's."""
        if not outputs:
            raise ValueError("a network without stacks has no loss")
        total: Tensor | None = None
        parts: list[Tensor] = []
        for stack, output in enumerate(outputs):
            scale = 2.0**stack / 2.0 ** (len(outputs) - 1)
            landmark = self._landmarks(output, targets)
            parts.append(landmark)
            loss = landmark * share.points
            if output.point is not None and output.edge is not None:
                point = awing(output.point, targets.point, channels=targets.weights)
                edge = awing(output.edge, targets.edge, channels=targets.edges)
                parts += [point, edge]
                loss = loss + self.map_weight * (point * share.points + edge * share.edges)
            total = scale * loss if total is None else total + scale * loss
        assert total is not None
        return LossParts(total, parts)

    def _landmarks(self, output: StackOutput, targets: Targets) -> Tensor:
        if self.landmark in HEAT_LOSSES:
            measure = HEAT_LOSSES[self.landmark]
            return measure(output.heat, targets.landmarks, w_star=self.w_star, weights=targets.weights)
        return POINT_LOSSES[self.landmark](output.landmarks, targets.landmarks, targets.weights)
