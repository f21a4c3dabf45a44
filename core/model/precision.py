"""Which numbers a network computes in: reduced precision only where it is quick and this very model stands it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from core.errors import DeviceError
from core.face import ByteArray
from core.images import read_image
from core.model.device import PRECISION_CHOICES, Device, processor_multiplies
from core.model.inference import InferenceNet
from core.model.network import StarNet
from core.model.runner import Runner
from core.transforms import Crop, warp

LIMIT_PX = 0.1
"""Largest shift of a landmark, px of the network's input, for which reduced precision is taken."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_PROBE_FILE = Path(__file__).resolve().parents[2] / "resources" / "models" / "probe.jpg"


@dataclass(frozen=True, slots=True)
class Precision:
    """What a network computes in.

    Attributes:
        dtype: of weights and features.
        reason: why, one clause.
    """

    dtype: torch.dtype
    reason: str

    @property
    def name(self) -> str:
        """Such as "float32"."""
        return str(self.dtype).removeprefix("torch.")


def build_network(network: StarNet, device: Device, choice: str = "auto") -> tuple[InferenceNet, Precision]:
    """`network` ready to predict on `device`, in the quickest precision that is exact enough.

    Args:
        network: trained.
        choice: one of PRECISION_CHOICES; a name takes that precision whatever comes of it.

    Raises:
        DeviceError: there is no such precision.
    """
    if choice not in PRECISION_CHOICES:
        known = ", ".join(PRECISION_CHOICES)
        raise DeviceError(f"there is no precision '{choice}'", remedy=f"Use one of: {known}")
    place = device.torch()
    if choice != "auto":
        return InferenceNet(network, _DTYPES[choice]).to(place), Precision(_DTYPES[choice], "asked for")
    exact = InferenceNet(network).to(place)
    candidates = quick_precisions(device)
    if not candidates:
        return exact, Precision(torch.float32, "this device computes nothing else faster")
    probes = probe_crops(network.config.input_size)
    wanted = _landmarks(exact, place, torch.float32, probes)
    shifts = []
    for dtype in candidates:
        reduced = InferenceNet(network, dtype).to(place)
        shift = float(np.linalg.norm(_landmarks(reduced, place, dtype, probes) - wanted, axis=-1).max())
        precision = Precision(dtype, f"landmarks of a test picture stay within {shift:.2g} px of float32")
        if shift <= LIMIT_PX:
            return reduced, precision
        shifts.append(f"{precision.name} moves landmarks by {shift:.2g} px")
    return exact, Precision(torch.float32, "; ".join(shifts))


def quick_precisions(device: Device) -> list[torch.dtype]:
    """Reduced precisions that `device` has instructions for, best first.

    A processor without them computes the same numbers several times slower than float32.
    """
    if device.kind == "cuda":
        # Both run at the same rate; float16 has three bits more, and these networks' values are far from its limit.
        capable = torch.cuda.get_device_capability() >= (8, 0)
        return [torch.float16, torch.bfloat16] if capable else [torch.float16]
    if device.kind == "cpu":
        return [_DTYPES[name] for name in ("float16", "bfloat16") if processor_multiplies(name)]
    return []


def probe_crops(size: int) -> list[ByteArray]:
    """Views of one portrait, (size, size, 3) uint8 RGB: upright, turned, mirrored, far, dark."""
    picture = _probe_picture()
    side = picture.shape[0]
    middle = (side - 1) / 2
    near, far = (Crop.square(middle, middle, side * share) for share in (1.0, 1.3))
    turned = cv2.warpAffine(picture, cv2.getRotationMatrix2D((middle, middle), 20.0, 1.0), (side, side))
    dark = (picture * 0.5).astype(np.uint8)
    views = ((picture, near), (turned, near), (np.ascontiguousarray(picture[:, ::-1]), far), (dark, near))
    return [warp(np.asarray(view, np.uint8), crop, size, antialias=True) for view, crop in views]


@lru_cache(maxsize=1)
def _probe_picture() -> ByteArray:
    return read_image(_PROBE_FILE)


def _landmarks(network: InferenceNet, place: torch.device, dtype: torch.dtype, crops: list[ByteArray]) -> np.ndarray:
    """(B, N, 2) px of the network's input."""
    mean = Runner(network, place, dtype).moments(crops).mean
    return mean.double().numpy() * (network.config.input_size / 2)
