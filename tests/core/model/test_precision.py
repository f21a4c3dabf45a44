"""Which precision a model computes in, and why."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import DeviceError
from core.model import precision
from core.model.checkpoint import load_network
from core.model.device import PRECISION_CHOICES, choose_device
from core.model.library import ModelLibrary
from core.model.network import StarNet, preset_config
from core.model.precision import build_network, probe_crops, quick_precisions
from core.model.runner import Runner
from core.scheme import get_scheme

CPU = choose_device("cpu")


@pytest.fixture(scope="module")
def bundled() -> StarNet:
    return load_network(ModelLibrary().resolve(None))[0]


def test_the_test_pictures_show_a_face_that_the_bundled_model_finds(bundled: StarNet) -> None:
    crops = probe_crops(128)
    assert all(crop.shape == (128, 128, 3) and crop.dtype == np.uint8 for crop in crops)
    built, _ = build_network(bundled, CPU, "float32")
    moments = Runner(built, CPU.torch()).moments(crops)
    points = moments.mean.numpy() * 64 + 64
    eyes, mouth = points[:, 36:48].mean(axis=1), points[:, 48:68].mean(axis=1)
    assert ((mouth - eyes)[:, 1] > 20).all(), "the mouth is below the eyes"


def test_a_processor_without_reduced_precision_keeps_float32(
    bundled: StarNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    network, chosen = build_network(bundled, CPU)
    assert (network.dtype, chosen.dtype, chosen.name) == (torch.float32, torch.float32, "float32")
    assert "nothing else faster" in chosen.reason
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert quick_precisions(CPU) == [torch.bfloat16]
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True, "amx_fp16": True})
    assert quick_precisions(CPU) == [torch.float16, torch.bfloat16]


@pytest.mark.parametrize(("limit", "wanted"), [(50.0, "bfloat16"), (0.0, "float32")])
def test_bfloat16_is_taken_only_where_landmarks_stay(
    bundled: StarNet, monkeypatch: pytest.MonkeyPatch, limit: float, wanted: str
) -> None:
    monkeypatch.setattr(precision, "quick_precisions", lambda _device: [torch.bfloat16])
    monkeypatch.setattr(precision, "LIMIT_PX", limit)
    network, chosen = build_network(bundled, CPU)
    assert chosen.name == wanted
    assert network.dtype == chosen.dtype
    assert " px" in chosen.reason


def test_the_limit_is_a_tenth_of_a_pixel_and_broken_weights_fail_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision.LIMIT_PX == 0.1
    monkeypatch.setattr(precision, "quick_precisions", lambda _device: [torch.bfloat16])
    torch.manual_seed(0)
    untrained = StarNet(preset_config("lite", get_scheme("300w-68"), width=16, levels=2)).eval()
    with torch.no_grad():
        for head in untrained.out_heatmaps:  # differences that float32 sees and eight bits do not
            head.conv.weight.mul_(1e-3).add_(1.0)
    _, chosen = build_network(untrained, CPU)
    assert chosen.name == "float32"
    assert "bfloat16 moves landmarks by" in chosen.reason


def test_a_precision_that_is_asked_for_is_taken(bundled: StarNet) -> None:
    network, chosen = build_network(bundled, CPU, "bfloat16")
    assert (network.dtype, chosen.reason) == (torch.bfloat16, "asked for")
    assert set(PRECISION_CHOICES) - {"auto"} == set(precision._DTYPES)
    with pytest.raises(DeviceError, match="no precision 'int4'"):
        build_network(bundled, CPU, "int4")
