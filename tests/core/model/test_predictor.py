"""Image and crop -> prediction: geometry, batches, and what happens when memory runs out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import CheckpointError, DeviceError
from core.model import device as device_module
from core.model.checkpoint import save_model
from core.model.device import DEVICE_CHOICES, choose_device, core_count, set_threads
from core.model.header import ModelHeader
from core.model.library import LoadedModel, ModelLibrary
from core.model.network import StarNet, preset_config, soft_argmax
from core.model.predictor import Predictor
from core.model.runner import network_input
from core.scheme import get_scheme
from core.transforms import Crop, apply, warp

CPU = choose_device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("models")
    network = StarNet(preset_config("lite", get_scheme("300w-68"), width=16, levels=2))
    save_model(folder / "untrained.safetensors", network, ModelHeader("300w-68", "custom", network.config))
    return ModelLibrary(folder, folder).load_model("untrained")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (30, 40, 3), np.uint8)
    return np.kron(coarse, np.ones((10, 10, 1), np.uint8)) + rng.integers(0, 50, (300, 400, 3), np.uint8)


class Seeker(torch.nn.Module):
    """A network by the same contract that marks where its input is red: a known answer for the whole path.

    The heatmap of every point is the red channel minus the others, averaged down to the cells.
    """

    def forward(self, x: Tensor) -> Tensor:
        blue, green, red = x[:, 0], x[:, 1], x[:, 2]
        heat = (red - torch.maximum(blue, green)).clamp(min=0)[:, None]
        return torch.nn.functional.avg_pool2d(heat, 4).expand(-1, 68, -1, -1)


def seeking(model: LoadedModel) -> LoadedModel:
    return replace(model, network=Seeker())  # type: ignore[arg-type]


def red_spot(x: float, y: float, sx: float, sy: float) -> np.ndarray:
    rows, columns = np.mgrid[:480, :640]
    spot = np.exp(-((columns - x) ** 2) / (2 * sx**2) - (rows - y) ** 2 / (2 * sy**2))
    out = np.full((480, 640, 3), 30, np.uint8)
    out[..., 0] = (30 + 220 * spot).round()
    return out


@pytest.mark.parametrize("scale", [0.8, 1.6, 2.4])
def test_a_red_spot_is_placed_and_measured_in_image_pixels(model: LoadedModel, scale: float) -> None:
    x, y = 331.0, 222.0
    crop = Crop(scale, 320.0, 240.0)
    prediction = Predictor(seeking(model), CPU).predict([(red_spot(x, y, 24.0, 12.0), crop)])[0]
    # The decoder reads cell j of a 32-cell map at 128 j / 31 - 0.5 crop px, its middle being 4 j + 1.5.
    cell = (apply(crop.matrix(128), [x, y]) - 1.5) / 4
    expected = apply(np.linalg.inv(crop.matrix(128)), 128 * cell / 31 - 0.5)
    np.testing.assert_allclose(prediction.mean, np.tile(expected, (68, 1)), atol=0.4)
    stretch = 32 / 31
    pixel = crop.size_px / 32
    # Averaging over cells adds the variance of a cell.
    variance = (np.array([24.0, 12.0]) ** 2 + pixel**2 / 12) * stretch**2
    np.testing.assert_allclose(prediction.covariance[0], np.diag(variance), rtol=0.04, atol=4.0)
    np.testing.assert_array_equal(prediction.crop, crop.as_array())
    assert prediction.scheme == "300w-68"


def test_heatmaps_carry_their_place_in_the_image(model: LoadedModel, image: np.ndarray) -> None:
    predictor = Predictor(model, CPU)
    crop = Crop(1.1, 190.0, 140.0)
    prediction = predictor.predict([(image, crop)])[0]
    heatmaps = predictor.heatmaps(image, crop)
    assert heatmaps.maps.shape == (68, 32, 32)
    weight = heatmaps.maps.astype(float)
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    rows, columns = np.mgrid[:32, :32]
    cells = np.stack([(weight * columns).sum((1, 2)), (weight * rows).sum((1, 2))], axis=1)
    np.testing.assert_allclose(apply(heatmaps.to_image, cells), prediction.mean, atol=1e-3)
    np.testing.assert_allclose(heatmaps.maps.max((1, 2)), prediction.peak, rtol=1e-5)


def test_landmarks_equal_the_networks_own(model: LoadedModel, image: np.ndarray) -> None:
    crop = Crop(1.1, 190.0, 140.0)
    prediction = Predictor(model, CPU).predict([(image, crop)])[0]
    x = network_input([warp(image, crop, 128)])
    with torch.inference_mode():
        u = soft_argmax(model.network(x))[0].double().numpy()
    in_crop = ((u + 1) * 128 - 1) / 2
    np.testing.assert_allclose(prediction.mean, apply(np.linalg.inv(crop.matrix(128)), in_crop), atol=2e-3)
    assert np.ptp(prediction.mean, axis=0).min() > 0.5


def test_batches_do_not_change_results(model: LoadedModel, image: np.ndarray) -> None:
    jobs = [(image, Crop(0.7 + 0.1 * i, 150.0 + 9 * i, 140.0)) for i in range(7)]
    together = Predictor(model, CPU, batch_size=4).predict(jobs)
    assert len(together) == 7
    for one, job in zip(together, jobs, strict=True):
        alone = Predictor(model, CPU, batch_size=1).predict([job])[0]
        np.testing.assert_allclose(one.mean, alone.mean, atol=2e-3)
        np.testing.assert_allclose(one.covariance, alone.covariance, rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(one.crop, job[1].as_array())
    assert Predictor(model, CPU).predict([]) == []


def test_a_stream_takes_jobs_as_it_goes(model: LoadedModel, image: np.ndarray) -> None:
    taken = []

    def jobs() -> Iterator[tuple[np.ndarray, Crop]]:
        for i in range(10):
            taken.append(i)
            yield image, Crop(1.0, 100.0 + i, 100.0)

    stream = Predictor(model, CPU, batch_size=2).stream(jobs())
    next(stream)
    assert taken == [0, 1]
    next(stream)
    next(stream)
    assert taken == [0, 1, 2, 3]


class Hungry(torch.nn.Module):
    """Fails like a full graphics card for batches above a limit."""

    def __init__(self, network: torch.nn.Module, limit: int, error: type[BaseException]) -> None:
        super().__init__()
        self.network, self.limit, self.error, self.seen = network, limit, error, []

    def forward(self, x: Tensor) -> Any:
        self.seen.append(len(x))
        if len(x) > self.limit:
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return self.network(x)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_full_memory_halves_the_batch(model: LoadedModel, image: np.ndarray, error: type[BaseException]) -> None:
    jobs = [(image, Crop(1.0, 100.0 + 8 * i, 120.0)) for i in range(9)]
    expected = Predictor(model, CPU).predict(jobs)
    hungry = Hungry(model.network, 2, error)
    predictor = Predictor(replace(model, network=hungry), CPU, batch_size=8)  # type: ignore[arg-type]
    got = predictor.predict(jobs)
    assert hungry.seen == [8, 4, 2, 2, 2, 2, 1]
    assert predictor.batch_size == 2
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, atol=2e-3)
        np.testing.assert_array_equal(one.crop, other.crop)


def test_memory_too_small_for_one_face_is_an_error(model: LoadedModel, image: np.ndarray) -> None:
    hungry = Hungry(model.network, 0, torch.OutOfMemoryError)
    with pytest.raises(DeviceError, match="one face"):
        Predictor(replace(model, network=hungry), CPU, 4).predict([(image, Crop(1, 9, 9))])  # type: ignore[arg-type]
    assert hungry.seen == [1]


def test_other_errors_pass_through(model: LoadedModel, image: np.ndarray) -> None:
    class Broken(torch.nn.Module):
        def forward(self, x: Tensor) -> Any:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Predictor(replace(model, network=Broken()), CPU).predict([(image, Crop(1, 9, 9))])  # type: ignore[arg-type]


def test_a_model_that_computes_nonsense_is_named(model: LoadedModel, image: np.ndarray) -> None:
    class Infinite(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.full((len(x), 68, 32, 32), torch.inf)

    with pytest.raises(CheckpointError, match="'untrained' computes values that are not finite"):
        Predictor(replace(model, network=Infinite()), CPU).predict([(image, Crop(1, 9, 9))])  # type: ignore[arg-type]


def test_a_crop_outside_the_image_is_finite(model: LoadedModel, image: np.ndarray) -> None:
    prediction = Predictor(model, CPU).predict([(image, Crop(0.5, -4000.0, 9000.0))])[0]
    assert np.isfinite(prediction.mean).all()
    assert np.isfinite(prediction.covariance).all()


def test_network_input_is_bgr_from_minus_one_to_one() -> None:
    crop = np.zeros((2, 2, 3), np.uint8)
    crop[0, 1] = [255, 51, 0]
    x = network_input([crop, crop])
    assert x.shape == (2, 3, 2, 2)
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x[1, :, 0, 1], [-1.0, 51 / 127.5 - 1, 1.0], atol=1e-6)
    np.testing.assert_allclose(x[0, :, 0, 0], -1.0)


def test_devices_say_why() -> None:
    assert choose_device("cpu").kind == "cpu"
    auto = choose_device("auto")
    assert auto.reason
    assert auto.torch() == torch.device(auto.kind)
    if auto.kind == "cpu":
        assert "CUDA" in auto.reason
        assert ("MPS" in auto.reason) == (sys.platform == "darwin")
    for choice in DEVICE_CHOICES[2:]:
        if auto.kind != choice:
            with pytest.raises(DeviceError, match=f"'{choice}' cannot be used") as caught:
                choose_device(choice)
            assert "--device cpu" in str(caught.value.remedy)
    with pytest.raises(DeviceError, match="no device 'tpu'"):
        choose_device("tpu")


def test_threads_leave_a_core_free(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        assert core_count() >= 1
        assert set_threads(2) == 2
        assert torch.get_num_threads() == 2
        for cores, threads in ((1, 1), (2, 1), (8, 7)):
            monkeypatch.setattr(device_module, "core_count", lambda cores=cores: cores)
            assert set_threads() == threads
        with pytest.raises(DeviceError, match="at least 1"):
            set_threads(0)
    finally:
        torch.set_num_threads(before)
