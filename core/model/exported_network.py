"""The network as it is given away: pixels of a crop in, landmarks and covariances in px of that crop out.

Everything that a user without Starmark would have to know is inside: channel order, value range, soft-argmax, both
coordinate conventions (`core.transforms`) and the calibration's scales. `torch.export` traces it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.calibration import Calibration
from core.model.moments import mean_and_covariance
from core.model.network import StarNet
from core.model.runner import as_input
from core.transforms import denormalise_matrix

CROPS = "crops"
"""Name of the one input."""

LANDMARKS, COVARIANCES, CALIBRATED = "landmarks", "covariances", "calibrated_covariances"
"""Names of the outputs; the last is there only for a calibrated model."""


class ExportedNetwork(nn.Module):
    """Input (B, S, S, 3) uint8 RGB; output landmarks (B, N, 2) and covariances (B, N, 2, 2), float32.

    Both are in the crop: x, y in px with the centre of its top-left pixel at (0, 0), and px^2. The covariances are the
    plain moments of the heatmaps. For a calibrated model a third output has them with the calibration's scales, as
    `Calibration.covariance` computes them.

    Args:
        network: trained; used as it is, in evaluation mode. Unlike `InferenceNet` it is made of few, plain operators,
            which other runtimes fuse by themselves: ONNX Runtime takes a fifth less time for it than for that one.
        calibration: of this network; None where there is none.
    """

    scales: Tensor

    def __init__(self, network: StarNet, calibration: Calibration | None) -> None:
        super().__init__()
        self.network = network
        self.calibrated = calibration is not None
        if calibration is not None:
            self.register_buffer("scales", torch.tensor(calibration.scales, dtype=torch.float32))
        self.size = network.config.input_size
        self.requires_grad_(False)
        self.eval()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` returns, in order."""
        return (LANDMARKS, COVARIANCES, CALIBRATED) if self.calibrated else (LANDMARKS, COVARIANCES)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        mean, covariance = mean_and_covariance(self.network(as_input(crops, torch.float32))[-1].heat)
        to_px = denormalise_matrix(self.size)
        step, shift = float(to_px[0, 0]), float(to_px[0, 2])
        landmarks, covariance = mean * step + shift, covariance * step**2
        if not self.calibrated:
            return landmarks, covariance
        return landmarks, covariance, scaled_along_axes(covariance, self.scales)


def scaled_along_axes(covariance: Tensor, scales: Tensor) -> Tensor:
    """Covariances (B, N, 2, 2) with standard deviations along and across the major axis times `scales` (N, 2).

    `Calibration.covariance` without its angles: for [[a, b], [b, c]] with d = (a - c) / 2 and r = sqrt(d^2 + b^2), the
    double angle of the major axis has cosine d / r and sine b / r (`core.ambiguity`). A circle's is 0.
    """
    a, b, c = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    middle, half = (a + c) / 2, (a - c) / 2
    radius = torch.sqrt(half**2 + b**2)
    circle = radius <= 0
    divisor = torch.where(circle, torch.ones_like(radius), radius)
    cos = torch.where(circle, torch.ones_like(radius), half / divisor)
    sin = torch.where(circle, torch.zeros_like(radius), b / divisor)
    along = (middle + radius).clamp(min=0.0) * scales[:, 0] ** 2
    across = (middle - radius).clamp(min=0.0) * scales[:, 1] ** 2
    level, spread = (along + across) / 2, (along - across) / 2
    xx, yy, xy = level + spread * cos, level - spread * cos, spread * sin
    return torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)
