"""What cameras do to pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.synthetic.degrade import Degradation, degrade, sample_degradation

CLEAN = Degradation()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture
def picture() -> np.ndarray:
    y, x = np.mgrid[0:60, 0:80]
    return np.stack([3 * x, 4 * y, 255 - 3 * x], axis=-1).astype(np.uint8)


def test_nothing_leaves_the_picture_as_it_is(picture: np.ndarray) -> None:
    assert np.array_equal(degrade(picture, CLEAN, rng()), picture)


@pytest.mark.parametrize("seed", range(20))
def test_any_degradation_keeps_size_and_type(picture: np.ndarray, seed: int) -> None:
    how = sample_degradation(rng(seed))
    assert 30 <= how.jpeg_quality <= 98
    made = degrade(picture, how, rng(seed))
    assert made.shape == picture.shape
    assert made.dtype == np.uint8
    assert np.abs(made.astype(float) - picture).mean() < 60


def test_the_noise_follows_its_seed(picture: np.ndarray) -> None:
    noisy = replace(CLEAN, shot=0.05, read=0.02)
    assert np.array_equal(degrade(picture, noisy, rng(3)), degrade(picture, noisy, rng(3)))
    assert not np.array_equal(degrade(picture, noisy, rng(3)), degrade(picture, noisy, rng(4)))


def test_shot_noise_grows_with_the_light() -> None:
    noisy = replace(CLEAN, shot=0.05)
    dark, light = (degrade(np.full((80, 80, 3), level, np.uint8), noisy, rng()).std() for level in (40, 160))
    assert light / dark == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("how", [replace(CLEAN, defocus=0.05), replace(CLEAN, motion=0.1, motion_angle=30.0)])
def test_blur_keeps_the_place_of_a_point(how: Degradation) -> None:
    picture = np.zeros((81, 81, 3), np.uint8)
    picture[30:33, 40:43] = 255
    made = degrade(picture, how, rng()).astype(float).sum(axis=2)
    y, x = np.mgrid[0:81, 0:81]
    assert (x * made).sum() / made.sum() == pytest.approx(41, abs=0.1)
    assert (y * made).sum() / made.sum() == pytest.approx(31, abs=0.1)
    assert made.max() < 3 * 255


def test_a_reduced_picture_keeps_its_places(picture: np.ndarray) -> None:
    made = degrade(picture, replace(CLEAN, scale=0.4), rng())
    assert np.abs(made.astype(float) - picture)[5:-5, 5:-5].mean() < 2
