"""Ellipses and deviations, against numpy's general routines."""

from __future__ import annotations

import numpy as np
import pytest

from core.ambiguity import (
    MAX_ANISOTROPY,
    ROUNDING_VARIANCE,
    angle_deg,
    anisotropy,
    eigen,
    ellipse_axes,
    ellipse_points,
    split_deviation,
)


def turned(major: float, minor: float, degrees: float) -> np.ndarray:
    t = np.deg2rad(degrees)
    r = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    return r @ np.diag([major, minor]) @ r.T


@pytest.fixture(scope="module")
def covariances() -> np.ndarray:
    a = np.random.default_rng(0).normal(size=(50, 4, 2, 2))
    return a @ a.swapaxes(-1, -2)


def test_eigen_agrees_with_a_general_solver(covariances: np.ndarray) -> None:
    values, vectors = np.linalg.eigh(covariances)
    ours = eigen(covariances)
    np.testing.assert_allclose(ours.minor, values[..., 0], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(ours.major, values[..., 1], rtol=1e-12)
    axis = np.stack([np.cos(ours.angle), np.sin(ours.angle)], axis=-1)
    np.testing.assert_allclose(np.abs((axis * vectors[..., :, 1]).sum(-1)), 1.0, atol=1e-9)
    np.testing.assert_allclose(anisotropy(covariances), np.sqrt(values[..., 1] / values[..., 0]), rtol=1e-6)


@pytest.mark.parametrize("degrees", [-90, -89.5, -45, -10, 0, 30, 45, 89.5])
def test_angle_is_from_x_towards_y(degrees: float) -> None:
    assert angle_deg(turned(9, 1, degrees)) == pytest.approx(degrees, abs=1e-9)


def test_angle_range_is_half_open() -> None:
    for b in (0.0, -0.0, 1e-17, -1e-17):
        angle = float(angle_deg([[1.0, b], [b, 4.0]]))
        assert -90 <= angle < 90
        assert abs(angle) == pytest.approx(90)
    assert float(angle_deg([[1.0, 0.0], [0.0, 4.0]])) == -90.0


def test_anisotropy_of_degenerate_covariances_is_finite() -> None:
    assert anisotropy(np.zeros((2, 2))) == 1
    assert anisotropy(np.eye(2) * 3) == 1
    assert anisotropy([[4.0, 0.0], [0.0, 0.0]]) == MAX_ANISOTROPY
    assert anisotropy([[1.0, 1.0], [1.0, 1.0]]) == MAX_ANISOTROPY
    assert anisotropy(np.eye(2) * 1e-300) == 1
    # Rounding can make the smaller eigenvalue slightly negative.
    assert eigen([[1.0, 1.0 + 1e-12], [1.0 + 1e-12, 1.0]]).minor == 0
    with np.errstate(all="raise"):
        assert np.isfinite(anisotropy(np.zeros((3, 2, 2)))).all()


def test_unknown_covariances_stay_unknown() -> None:
    cov = np.stack([np.eye(2), np.full((2, 2), np.nan)])
    assert np.isnan(anisotropy(cov)).tolist() == [False, True]
    assert np.isnan(eigen(cov).major).tolist() == [False, True]


def test_ellipse_axes_and_points() -> None:
    cov = turned(25, 4, 30)
    axes = ellipse_axes(cov, 2)
    assert (float(axes.semi_major), float(axes.semi_minor)) == pytest.approx((10, 4))
    points = ellipse_points([7.0, -3.0], cov, 2, count=90)
    offset = points - [7, -3]
    distance = np.einsum("ki,ij,kj->k", offset, np.linalg.inv(cov), offset)
    np.testing.assert_allclose(distance, 4.0)
    np.testing.assert_allclose(offset[0], 10 * np.array([np.cos(np.pi / 6), 0.5]))


def test_deviation_is_split_on_the_axes() -> None:
    cov = turned(25, 4, 30)
    t = np.deg2rad(30)
    along, across = np.array([np.cos(t), np.sin(t)]), np.array([-np.sin(t), np.cos(t)])
    mean = np.array([100.0, 50.0])
    label = mean + 6 * along - 3 * across
    d = split_deviation(label, mean, cov)
    assert float(d.along) == pytest.approx(6)
    assert float(d.across) == pytest.approx(-3)
    assert float(d.mahalanobis) == pytest.approx(np.sqrt(36 / 25 + 9 / 4))


def test_mahalanobis_agrees_with_the_inverse(covariances: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    label, mean = rng.normal(size=(2, 50, 4, 2))
    e = label - mean
    expected = np.sqrt(np.einsum("...i,...ij,...j->...", e, np.linalg.inv(covariances), e))
    ours = split_deviation(label, mean, covariances, floor=1e-12).mahalanobis
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_deviation_from_a_point_like_prediction_is_finite() -> None:
    d = split_deviation([3.0, 4.0], [0.0, 0.0], np.zeros((2, 2)))
    assert float(d.mahalanobis) == pytest.approx(5 / np.sqrt(ROUNDING_VARIANCE))
    assert float(split_deviation([0.0, 0.0], [0.0, 0.0], np.zeros((2, 2))).mahalanobis) == 0


def test_missing_label_gives_missing_deviation() -> None:
    d = split_deviation([[np.nan, np.nan], [1.0, 0.0]], np.zeros((2, 2)), np.stack([np.eye(2)] * 2))
    for values in d:
        assert np.isnan(values).tolist() == [True, False]


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"\(\.\.\., 2, 2\)"):
        eigen(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="floor"):
        split_deviation([0, 0], [0, 0], np.eye(2), floor=0)
