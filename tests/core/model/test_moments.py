"""Heatmap moments and peaks, against brute force and synthetic Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.ambiguity import angle_deg, anisotropy
from core.model.moments import heatmap_moments, mean_and_covariance
from core.model.network import soft_argmax
from core.transforms import Crop, apply, cell_matrix, denormalise_matrix, invert, map_covariance


def gaussian(size: int, mean: tuple[float, float], cov: np.ndarray, height: float = 1.0) -> np.ndarray:
    """A map with a Gaussian at `mean` (column, row) with covariance in cells^2."""
    rows, columns = np.mgrid[:size, :size]
    d = np.stack([columns - mean[0], rows - mean[1]], axis=-1)
    return height * np.exp(-0.5 * np.einsum("...i,ij,...j->...", d, np.linalg.inv(cov), d))


def turned(sigma1: float, sigma2: float, degrees: float) -> np.ndarray:
    t = np.deg2rad(degrees)
    r = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    return r @ np.diag([sigma1**2, sigma2**2]) @ r.T


def tensor(*maps: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(maps)[None].astype(np.float32))


def test_moments_equal_brute_force_on_random_maps() -> None:
    rng = np.random.default_rng(0)
    heat = rng.gamma(0.3, 1.0, (2, 5, 12, 20))
    mean, covariance = mean_and_covariance(torch.from_numpy(heat))
    gx, gy = np.linspace(-1, 1, 20), np.linspace(-1, 1, 12)
    for b in range(2):
        for n in range(5):
            x, y, w = (v.ravel() for v in (*np.meshgrid(gx, gy), heat[b, n]))
            points = np.stack([x, y])
            np.testing.assert_allclose(mean[b, n], np.average(points, axis=1, weights=w), atol=1e-12)
            np.testing.assert_allclose(covariance[b, n], np.cov(points, aweights=w, ddof=0), atol=1e-12)


def test_float32_moments_stay_accurate_and_agree_with_the_decoder() -> None:
    rng = np.random.default_rng(1)
    maps = np.stack([gaussian(64, tuple(rng.uniform(5, 58, 2)), turned(1.1, 0.8, 20)) for _ in range(8)]) * 37.0
    exact_mean, exact_cov = mean_and_covariance(torch.from_numpy(maps[None]))
    mean, covariance = mean_and_covariance(torch.from_numpy(maps[None]).float())
    assert float((mean - exact_mean).abs().max()) < 1e-6
    assert float(((covariance - exact_cov).abs() / exact_cov.abs().amax((-1, -2), keepdim=True)).max()) < 1e-4
    assert float((mean - soft_argmax(tensor(*maps))).abs().max()) < 1e-6


@pytest.mark.parametrize(("size", "input_size"), [(64, 256), (32, 128)])
@pytest.mark.parametrize("degrees", [-75.0, -30.0, 0.0, 45.0, 80.0])
def test_a_gaussian_reaches_the_image_with_its_place_shape_and_angle(
    size: int, input_size: int, degrees: float
) -> None:
    cells = turned(3.0, 1.2, degrees)
    centre = (size * 0.52, size * 0.47)
    moments = heatmap_moments(tensor(gaussian(size, centre, cells)))
    crop = Crop(1.7, 412.5, 233.25)
    to_image = invert(crop.matrix(input_size)) @ denormalise_matrix(input_size)
    mean = apply(to_image, moments.mean[0].numpy())[0]
    covariance = map_covariance(to_image, moments.covariance[0].numpy())[0]
    cell_to_image = invert(crop.matrix(input_size)) @ cell_matrix(size, input_size)
    np.testing.assert_allclose(mean, apply(cell_to_image, centre), atol=2e-3)
    np.testing.assert_allclose(covariance, map_covariance(cell_to_image, cells), rtol=2e-3, atol=0.05)
    # A cell is 340 px / size, stretched by size / (size - 1) because the grid ends at -1 and 1.
    px = 340 / size * size / (size - 1)
    assert np.sqrt(np.linalg.eigvalsh(covariance)) == pytest.approx([1.2 * px, 3.0 * px], rel=2e-3)
    assert float(anisotropy(covariance)) == pytest.approx(2.5, rel=2e-3)
    assert float(angle_deg(covariance)) == pytest.approx(degrees, abs=0.1)


def test_turning_and_scaling_the_map_turns_and_scales_the_covariance() -> None:
    mean, cov = (30.0, 34.0), turned(4.0, 1.5, 25)
    upright = gaussian(64, mean, cov)
    quarter = np.rot90(upright, k=-1).copy()  # column, row -> 63 - row, column
    doubled = gaussian(64, mean, 4 * cov)
    c = heatmap_moments(tensor(upright, quarter, doubled)).covariance[0].numpy()
    m = heatmap_moments(tensor(upright, quarter)).mean[0].numpy()
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_allclose(c[1], turn @ c[0] @ turn.T, atol=1e-6)
    np.testing.assert_allclose(m[1], turn @ m[0], atol=1e-6)
    np.testing.assert_allclose(c[2], 4 * c[0], rtol=0.02)


def test_an_empty_map_is_the_centre_with_the_spread_of_ignorance() -> None:
    moments = heatmap_moments(torch.zeros(1, 2, 64, 64))
    assert moments.mean.abs().max() == 0
    uniform = heatmap_moments(torch.ones(1, 1, 64, 64))
    np.testing.assert_allclose(moments.covariance[0, 0], uniform.covariance[0, 0], atol=1e-6)
    assert float(moments.covariance[0, 0, 0, 0]) == pytest.approx(1 / 3, rel=0.05)
    assert moments.peak.max() == 0
    assert moments.peak_mass.max() == 0
    assert torch.isnan(moments.second).all()
    assert moments.second_share.max() == 0


@pytest.mark.parametrize(("row", "column"), [(0, 0), (31, 17), (63, 63), (0, 40)])
def test_a_single_cell_is_certain_and_finite(row: int, column: int) -> None:
    heat = torch.zeros(1, 1, 64, 64)
    heat[0, 0, row, column] = 5.0
    moments = heatmap_moments(heat)
    np.testing.assert_allclose(moments.mean[0, 0], [2 * column / 63 - 1, 2 * row / 63 - 1], atol=1e-6)
    assert moments.covariance.abs().max() < 1e-10
    assert (float(moments.peak[0, 0]), float(moments.peak_mass[0, 0])) == (5.0, 1.0)
    assert torch.isnan(moments.second).all()


def test_peak_mass_of_a_gaussian() -> None:
    # Mass of an isotropic Gaussian within radius r: 1 - exp(-r^2 / (2 sigma^2)), r = 3 cells.
    narrow, wide = (gaussian(64, (32, 32), np.eye(2) * s**2) for s in (1.0, 4.0))
    mass = heatmap_moments(tensor(narrow, wide)).peak_mass[0].numpy()
    assert mass[0] == pytest.approx(1 - np.exp(-4.5), abs=0.005)
    assert mass[1] == pytest.approx(1 - np.exp(-9 / 32), abs=0.03)


def test_second_peak_is_found_with_place_and_share() -> None:
    one, two = np.eye(2) * 1.0, np.eye(2) * 1.2
    heat = gaussian(64, (20.0, 30.0), one, 1.0) + gaussian(64, (41.4, 25.7), two, 0.6)
    moments = heatmap_moments(tensor(heat))
    cell = (moments.second[0, 0].numpy() + 1) * 63 / 2
    np.testing.assert_allclose(cell, [41.4, 25.7], atol=0.25)
    share = 0.6 * 1.2 / (1.0 + 0.6 * 1.2)
    assert float(moments.second_share[0, 0]) == pytest.approx(share, abs=0.02)
    assert float(moments.peak_mass[0, 0]) == pytest.approx(1 - share, abs=0.02)


def test_one_mode_has_no_second_peak() -> None:
    rng = np.random.default_rng(5)
    round_one = gaussian(64, (30, 30), np.eye(2) * 9)
    ridge = gaussian(64, (32, 32), turned(12.0, 1.2, 37))
    low = gaussian(64, (20, 20), np.eye(2) * 2) + gaussian(64, (50, 50), np.eye(2) * 2, 0.1)
    rough_ridge = ridge * rng.uniform(0.9, 1.0, ridge.shape)
    uniform = np.ones((64, 64))
    moments = heatmap_moments(tensor(round_one, ridge, low, rough_ridge, uniform))
    assert torch.isnan(moments.second).all()
    assert moments.second_share.abs().max() == 0


def test_shares_add_up_to_at_most_one_and_all_is_finite() -> None:
    heat = torch.from_numpy(np.random.default_rng(2).gamma(0.05, 1.0, (3, 40, 32, 32)).astype(np.float32))
    m = heatmap_moments(heat)
    for value in (m.mean, m.covariance, m.peak, m.peak_mass, m.second_share):
        assert torch.isfinite(value).all()
    assert (m.peak_mass + m.second_share <= 1 + 1e-5).all()
    assert (torch.isnan(m.second[..., 0]) == (m.second_share == 0)).all()
    assert m.second[~torch.isnan(m.second)].abs().max() <= 1


def test_halves_are_computed_in_single_precision() -> None:
    heat = tensor(gaussian(64, (20.0, 30.0), np.eye(2) * 4))
    moments = heatmap_moments(heat.bfloat16())
    assert moments.mean.dtype == torch.float32
    assert (moments.mean - heatmap_moments(heat).mean).abs().max() < 1e-3
