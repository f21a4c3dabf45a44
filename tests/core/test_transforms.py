"""Crop geometry, against the reference's numbers and brute force."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.transforms import (
    LANDMARK_CROP_FACTOR,
    Crop,
    apply,
    cell_matrix,
    crop_from_points,
    denormalise,
    denormalise_matrix,
    invert,
    map_covariance,
    normalise,
    warp,
    warp_matrix,
)

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"


def blob(height: int, width: int, x: float, y: float, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    value = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(value.round().astype(np.uint8)[..., None], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(float)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def test_matrix_has_the_references_numbers() -> None:
    # Values of the reference for 256 px crops.
    for scale, cx, cy, k, tx, ty in [
        (1.28, 128.0, 128.0, 1.0, -0.5, -0.5),
        (2.37, 411.5, 322.25, 0.540084, -94.74473, -46.542194),
        (0.9, -12.0, 30.0, 1.422222, 144.56667, 84.833336),
    ]:
        expected = np.array([[k, 0, tx], [0, k, ty], [0, 0, 1]])
        np.testing.assert_allclose(Crop(scale, cx, cy).matrix(256), expected, rtol=0, atol=6e-6)


@pytest.mark.shared
def test_crops_and_warp_equal_golden() -> None:
    data = np.load(GOLDEN / "geometry.npz")
    for values, matrix, inverse in zip(data["crop/in"], data["crop/matrix"], data["crop/inverse"], strict=True):
        ours = Crop.from_array(values).matrix(256)
        np.testing.assert_array_equal(ours.astype(np.float32), matrix)
        np.testing.assert_allclose(invert(ours), inverse, rtol=1e-6, atol=2e-5)
    sys.path.insert(0, str(GOLDEN))
    try:
        import fill
    finally:
        sys.path.remove(str(GOLDEN))
    out = warp_matrix(fill.image_u8(), data["warp/matrix"], 256)
    # The file keeps every second row.
    np.testing.assert_array_equal(out[::2], data["warp/crop"])


def test_warp_of_a_whole_pixel_shift_copies_pixels_and_is_black_outside() -> None:
    image = np.random.default_rng(0).integers(1, 256, (40, 50, 3), np.uint8)
    # k = 1 and a centre at half pixels: crop pixel (0, 0) is image pixel (-8, 4).
    crop = Crop.square(-8 + 15.5, 4 + 15.5, 32)
    out = warp(image, crop, 32)
    np.testing.assert_array_equal(out[:, 8:], image[4:36, :24])
    assert not out[:, :8].any()


def test_warp_puts_pixels_where_apply_says() -> None:
    image = blob(200, 300, 170.3, 81.7, 6.0)
    crop = Crop(0.6, 160.0, 90.0)
    np.testing.assert_allclose(
        centroid(warp(image, crop, 96)), apply(crop.matrix(96), [170.3, 81.7]), rtol=0, atol=0.05
    )


def test_warp_by_a_rotation() -> None:
    image = blob(200, 200, 120.4, 77.1, 5.0)
    angle = np.deg2rad(33)
    turn = np.array([[np.cos(angle), -np.sin(angle), 60], [np.sin(angle), np.cos(angle), -70], [0, 0, 1]])
    np.testing.assert_allclose(centroid(warp_matrix(image, turn, 160)), apply(turn, [120.4, 77.1]), rtol=0, atol=0.05)


def test_antialias_averages_where_plain_sampling_skips() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::4] = 255  # average 63.75
    crop = Crop.square(255.5, 255.5, 512)
    plain, smooth = warp(stripes, crop, 64), warp(stripes, crop, 64, antialias=True)
    assert plain.std() > 20 or abs(plain.mean() - 63.75) > 20
    assert smooth.std() < 1
    assert abs(smooth.mean() - 63.75) < 1


@pytest.mark.parametrize("side", [150.0, 401.0, 777.0, 1200.0])
def test_antialias_keeps_the_geometry(side: float) -> None:
    image = blob(900, 1000, 480.2, 433.9, 25.0)
    crop = Crop.square(471.0, 460.5, side)
    np.testing.assert_allclose(
        centroid(warp(image, crop, 64, antialias=True)), centroid(warp(image, crop, 64)), rtol=0, atol=0.06
    )


def test_antialias_changes_nothing_without_strong_reduction() -> None:
    image = np.random.default_rng(1).integers(0, 256, (120, 120, 3), np.uint8)
    crop = Crop.square(60.0, 60.0, 100)
    np.testing.assert_array_equal(warp(image, crop, 64, antialias=True), warp(image, crop, 64))


def test_antialias_far_outside_the_image_is_black() -> None:
    image = np.full((60, 60, 3), 200, np.uint8)
    assert not warp(image, Crop.square(5000.0, -3000.0, 900), 64, antialias=True).any()


def test_warp_of_an_image_wider_than_opencv_can_address() -> None:
    image = np.zeros((20, 40_000, 3), np.uint8)
    image[:, 39_000:39_008] = 255
    out = warp(image, Crop.square(39_003.5, 9.5, 16), 16)
    np.testing.assert_array_equal(np.flatnonzero(out[8, :, 0]), np.arange(4, 12))


def test_conventions_of_pixels_and_cells() -> None:
    assert normalise([0.0, 255.0], 256).tolist() == [1 / 256 - 1, 511 / 256 - 1]
    np.testing.assert_allclose(denormalise([-1.0, 0.0, 1.0], 256), [-0.5, 127.5, 255.5])
    np.testing.assert_allclose(denormalise(normalise([3.25, 200.0], 256), 256), [3.25, 200.0])
    np.testing.assert_allclose(apply(denormalise_matrix(128), [0.5, -0.25]), denormalise([0.5, -0.25], 128))
    # Heatmap cell j means crop pixel 256 j / 63 - 0.5.
    np.testing.assert_allclose(apply(cell_matrix(64, 256), [10.0, 63.0]), [2560 / 63 - 0.5, 255.5])


@given(st.sampled_from([64, 128, 256, 512]), st.floats(-300, 300), st.floats(0.05, 20))
def test_network_coordinates_do_not_depend_on_the_crop_size(size: int, x: float, scale: float) -> None:
    crop = Crop(scale, 40.0, -7.0)
    u = normalise(apply(crop.matrix(size), [x, 11.0]), size)
    np.testing.assert_allclose(u, [2 * (x - 40) / crop.size_px, 36 / crop.size_px], rtol=0, atol=1e-9)


def test_covariance_maps_as_that_of_mapped_points() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(400, 2)) @ [[3.0, 1.0], [0.0, 0.7]]
    matrix = np.array([[0.3, -1.2, 5.0], [0.9, 0.4, -2.0], [0, 0, 1]])
    expected = np.cov(apply(matrix, points).T)
    np.testing.assert_allclose(map_covariance(matrix, np.cov(points.T)), expected, rtol=1e-10)
    many = np.stack([np.cov(points.T)] * 6).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(map_covariance(matrix, many)[1, 2], expected, rtol=1e-10)


def test_missing_points_stay_missing() -> None:
    mapped = apply(np.eye(3), [[1.0, 2.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(mapped, [[1.0, 2.0], [np.nan, np.nan]])


def test_crop_from_points_is_the_landmark_extent() -> None:
    points = np.array([[10.0, 20.0], [110.0, 40.0], [60.0, 80.0], [np.nan, np.nan]])
    crop = crop_from_points(points)
    assert (crop.cx, crop.cy) == (60.0, 50.0)
    assert crop.size_px == pytest.approx(LANDMARK_CROP_FACTOR * 100)


@pytest.mark.parametrize("points", [[[1.0, 1.0]], [[np.nan, np.nan]] * 3, [[2.0, 2.0], [2.0, 2.0]]])
def test_crop_from_points_needs_an_extent(points: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="at least two"):
        crop_from_points(np.array(points))


def test_crop_refuses_nonsense_and_survives_its_array_form() -> None:
    crop = Crop(1.25, 3.5, -4.0)
    assert Crop.from_array(crop.as_array()) == crop
    for bad in [(0, 0, 0), (-1, 0, 0), (np.nan, 0, 0), (1, np.inf, 0)]:
        with pytest.raises(ValueError, match="a crop needs"):
            Crop.from_array(np.array(bad, float))
    with pytest.raises(ValueError, match="three numbers"):
        Crop.from_array(np.zeros(4))
