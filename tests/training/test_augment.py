"""Augmentation: matrices against golden files, laws against their definition."""

from __future__ import annotations

import numpy as np
import pytest

from core.scheme import get_scheme
from tests.golden import golden
from training.augment import (
    PAPER_TEXTURES,
    Augmentation,
    Blur,
    Gamma,
    Grey,
    Noise,
    Occlusion,
    RandomGeometry,
    flip_matrix,
    geometry_matrix,
)

GEOMETRY = golden("geometry")


def picture(size: int = 64) -> np.ndarray:
    return np.random.default_rng(5).integers(1, 255, (size, size, 3), dtype=np.uint8)


def test_geometry_matrix_equals_the_reference() -> None:
    for (angle, scale, dx, dy), want in zip(GEOMETRY["augment/params"], GEOMETRY["augment/matrix"], strict=True):
        got = geometry_matrix(float(angle), float(scale), (float(dx), float(dy)), 256)
        np.testing.assert_allclose(got, want, atol=2e-5 * 256)
        np.testing.assert_allclose(got[:2, :2], want[:2, :2], atol=2e-6)


@pytest.mark.parametrize(("dataset", "scheme"), [("300W", "300w-68"), ("WFLW", "wflw-98")])
def test_flip_equals_the_reference(dataset: str, scheme: str) -> None:
    points = GEOMETRY[f"flip/{dataset}_in"].astype(np.float64)[list(get_scheme(scheme).flip)]
    width = round(float((GEOMETRY[f"flip/{dataset}_out"][:, 0] + points[:, 0]).mean()) + 1)
    matrix = flip_matrix(width)
    mirrored = points @ matrix[:2, :2].T + matrix[:2, 2]
    np.testing.assert_allclose(mirrored, GEOMETRY[f"flip/{dataset}_out"], atol=1e-4)


def test_geometry_follows_its_normal_laws() -> None:
    rng = np.random.default_rng(0)
    matrices = np.stack([RandomGeometry().draw(rng, 256) for _ in range(4000)])
    scale = np.hypot(matrices[:, 0, 0], matrices[:, 1, 0])
    angle = np.rad2deg(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    centre = matrices[:, :2, :2] @ np.array([127.5, 127.5]) + matrices[:, :2, 2] - 127.5
    assert angle.std() == pytest.approx(18, rel=0.05)
    assert scale.mean() == pytest.approx(1, abs=0.01)
    assert scale.std() == pytest.approx(0.1, rel=0.06)
    assert centre.std(axis=0) == pytest.approx([0.05 * 255] * 2, rel=0.06)


def test_textures_keep_shape_and_change_pixels() -> None:
    for texture in (Occlusion(), Gamma(), Noise(), Grey()):
        changed = texture(picture(), np.random.default_rng(1))
        assert changed.shape == (64, 64, 3) and changed.dtype == np.uint8
        assert (changed != picture()).any(), texture


def test_blur_is_skipped_where_its_box_is_one_pixel() -> None:
    rng = np.random.default_rng(2)
    changed = [(Blur()(picture(), rng) != picture()).any() for _ in range(200)]
    # int(64 * 0.05 * u) exceeds 1 for u >= 0.625.
    assert np.mean(changed) == pytest.approx(0.375, abs=0.1)


def test_grey_weights_are_the_references() -> None:
    pure = np.zeros((4, 4, 3), np.uint8)
    pure[..., 0] = 100
    assert Grey()(pure, np.random.default_rng(0))[0, 0].tolist() == [30, 30, 30]


def test_occlusion_size_follows_its_law() -> None:
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(500):
        black = (Occlusion()(np.full((256, 256, 3), 9, np.uint8), rng) == 0).all(axis=2)
        shares.append(black.any(axis=1).sum())
    assert max(shares) <= 128 * 0.8 + 2
    assert np.mean(shares) > 25


def test_textures_come_with_their_probabilities() -> None:
    assert [p for p, _ in PAPER_TEXTURES] == [0.4, 0.3, 0.2, 0.2, 0.2]
    rng = np.random.default_rng(4)
    untouched = np.mean([(Augmentation().change_texture(picture(), rng) == picture()).all() for _ in range(1500)])
    # No texture, or a blur of at most one pixel alone.
    expected = 0.6 * (0.7 + 0.3 * 0.625) * 0.8**3
    assert untouched == pytest.approx(expected, abs=0.05)
