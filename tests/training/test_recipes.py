"""The paper's recipe: settings, learning rates, averaging and textures by the specification's formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.model.network import PRESETS
from tests.golden import ROOT, golden
from training.augment import Gamma, Noise, Occlusion
from training.config import TrainConfig, load_config
from training.ema import Ema
from training.schedule import learning_rate

RECIPES = sorted((ROOT / "resources" / "recipes").glob("*.toml"))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_recipes_are_the_papers(file) -> None:  # type: ignore[no-untyped-def]
    config = load_config(file)
    assert (config.preset, config.loss, config.w_star, config.attention) == ("star", "star", 1.0, True)
    assert PRESETS["star"] == {} and not config.network_changes().keys() - {"attention"}
    assert (config.epochs, config.batch_size, config.clip_norm, config.precision) == (500, 128, 0.0, "float32")
    steps = 25
    rates = [learning_rate(config, epoch * steps, steps) for epoch in (0, 199, 200, 349, 350, 449, 450, 499)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])


def test_there_is_a_recipe_for_each_data_set() -> None:
    assert [file.stem for file in RECIPES] == ["star-300w", "star-cofw", "star-wflw"]


def test_rates_rise_and_fall_as_set() -> None:
    config = TrainConfig(schedule="cosine", epochs=10, warmup_steps=4, learning_rate=1e-2)
    rates = [learning_rate(config, step, 10) for step in range(100)]
    full = [1e-2 * 0.5 * (1 + np.cos(np.pi * step / 100)) for step in range(100)]
    assert rates[4:] == pytest.approx(full[4:])
    assert rates[:4] == pytest.approx([full[step] * (step + 1) / 4 for step in range(4)])


@pytest.mark.parametrize(("batch", "decay"), [(128, 0.99117), (32, 0.99778)])
def test_averages_decay_as_the_reference_says(batch: int, decay: float) -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    ema = Ema(network, TrainConfig().ema_half_life)
    start = network.weight.item()
    with torch.no_grad():
        network.weight.add_(1.0)
    ema.update(network, batch)
    assert ema.network.weight.item() - start == pytest.approx(1 - decay, abs=5e-6)


class Draws:
    """A generator that gives what it is told."""

    def __init__(self, *values: float, noise: int = 0) -> None:
        self.values, self.noise = list(values), noise

    def random(self, count: int | None = None) -> object:
        return self.values.pop(0) if count is None else np.array([self.values.pop(0) for _ in range(count)])

    def bytes(self, count: int) -> bytes:
        return bytes([self.noise]) * count


def test_occlusion_is_the_box_of_the_formula() -> None:
    # u = 0.5, v = 0.25: rh = 0.5, rw = 0.4; height int(64), width int(51.2); centre (int(127.5), int(51.0)).
    crop = Occlusion()(np.full((256, 256, 3), 9, np.uint8), Draws(0.5, 0.25, 0.5, 0.2))  # type: ignore[arg-type]
    rows, columns = np.nonzero((crop == 0).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (51 - 32, 51 + 32, 127 - 25, 127 + 25)


@pytest.mark.parametrize(("draws", "gamma"), [((0.4, 0.2), 0.25 + 0.75 * 0.2), ((0.6, 0.3), 1.0 + 3.0 * 0.3)])
def test_gamma_is_the_power_of_the_formula(draws: tuple[float, float], gamma: float) -> None:
    ramp = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    changed = Gamma()(ramp, Draws(*draws))  # type: ignore[arg-type]
    assert np.array_equal(changed, (255 * (ramp / 255) ** gamma).astype(np.uint8))


def test_noise_is_blended_by_half_the_draw() -> None:
    changed = Noise()(np.full((4, 4, 3), 100, np.uint8), Draws(0.5, noise=200))  # type: ignore[arg-type]
    assert (changed == int(0.75 * 100 + 0.25 * 200)).all()


def test_a_sample_without_augmentation_is_the_references() -> None:
    """Label and sums of the maps of the golden evaluation sample, by the modules that training samples go through."""
    from core.scheme import get_scheme
    from core.transforms import Crop, apply, normalise
    from training.targets import edge_curves, edge_maps, point_maps

    want = golden("geometry")
    groups = get_scheme("300w-68").edge_groups
    matrix = Crop(*want["sample/scale_center"].astype(np.float64)).matrix(256)
    points = apply(matrix, want["sample/landmarks_in"])
    np.testing.assert_allclose(matrix, want["sample/matrix"], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(np.clip(normalise(points, 256), -1, 1), want["sample/label"], atol=1e-5)
    points_sum = point_maps(points, 256, reference_border=True).sum(axis=(1, 2))
    np.testing.assert_allclose(points_sum, want["sample/point_sum"], rtol=1e-4, atol=1e-4)
    edges_sum = edge_maps(edge_curves(points, groups), groups, 256).sum(axis=(1, 2))
    np.testing.assert_allclose(edges_sum, want["sample/edge_sum"], rtol=2e-3)
