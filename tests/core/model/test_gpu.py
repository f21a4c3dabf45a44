"""On a CUDA device: the same landmarks as on the processor, batches of every size, and memory that runs out."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from core.model.device import Device, choose_device
from core.model.library import LoadedModel, load_model
from core.model.precision import LIMIT_PX, probe_crops
from core.model.predictor import Job, Predictor
from core.transforms import Crop

pytestmark = pytest.mark.gpu

CROP = Crop.square(63.5, 63.5, 128)
"""The whole of a test picture, so that image px are px of the network's input."""


@pytest.fixture(scope="module")
def cuda() -> Device:
    return choose_device("cuda")


def jobs(count: int) -> list[Job]:
    crops = probe_crops(128)
    return [(crops[i % len(crops)], CROP) for i in range(count)]


def means(model: LoadedModel, device: Device, count: int, batch_size: int = 8) -> np.ndarray:
    return np.stack([p.mean for p in Predictor(model, device, batch_size).predict(jobs(count))])


@pytest.mark.parametrize(("precision", "limit"), [("float32", 2e-3), ("auto", LIMIT_PX)])
def test_landmarks_agree_with_the_processor(cuda: Device, precision: str, limit: float) -> None:
    wanted = means(load_model(None, choose_device("cpu"), "float32"), choose_device("cpu"), 6)
    model = load_model(None, cuda, precision)
    got = means(model, cuda, 6)
    assert np.abs(got - wanted).max() < limit, model.precision
    if precision == "auto":
        assert model.precision.name in ("float16", "bfloat16"), model.precision.reason


@pytest.mark.parametrize("count", [1, 3, 8, 11])
def test_recorded_batches_equal_single_faces(cuda: Device, count: int, caplog: pytest.LogCaptureFixture) -> None:
    model = load_model(None, cuda, "float32")
    with caplog.at_level(logging.WARNING):
        together = means(model, cuda, count)
    assert "CUDA graphs do not work" not in caplog.text
    alone = means(model, cuda, count, batch_size=1)
    np.testing.assert_allclose(together, alone, atol=2e-3)


def test_memory_that_runs_out_halves_the_batch(cuda: Device) -> None:
    model = load_model(None, cuda, "float32")
    wanted = means(model, cuda, 64)
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info()
    used = total - free + 600 * 2**20
    predictor = Predictor(model, cuda, batch_size=1024)
    torch.cuda.set_per_process_memory_fraction(min(1.0, used / total))
    try:
        got = np.stack([p.mean for p in predictor.predict(jobs(1024))])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert predictor.batch_size < 1024
    np.testing.assert_allclose(got[:64], wanted, atol=2e-3)
