"""What is sampled about the looks of a face."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from training.synthetic.background import KINDS, paint_background, sample_background
from training.synthetic.colour import linear
from training.synthetic.film import Film, develop
from training.synthetic.groom import Hull
from training.synthetic.heads import Identity
from training.synthetic.lighting import harmonics, sample_lighting
from training.synthetic.look import Look, sample_look
from training.synthetic.mesh import HeadMesh
from training.synthetic.noise import detail_texture
from training.synthetic.pose import rotation

MAN = Identity(gender=1.0, years=60, muscle=0.5, weight=0.5, ancestry=(0.3, 0.3, 0.4))
GIRL = replace(MAN, gender=0.0, years=9)


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def numbers(value: object) -> Iterator[float]:
    """All numbers in nested dataclasses and tuples."""
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float):
        yield value


def test_a_person_keeps_skin_and_hair_from_photo_to_photo() -> None:
    first, second = (sample_look(rng(1), rng(photo), MAN) for photo in (2, 3))
    assert first.skin.albedo == second.skin.albedo
    assert first.eyes.iris == second.eyes.iris
    assert first.hair.colour == second.hair.colour
    assert first.beard == second.beard
    assert first.lighting != second.lighting
    assert first.background != second.background
    assert sample_look(rng(1), rng(2), MAN) == first


@pytest.mark.parametrize("seed", range(30))
def test_every_number_is_finite(seed: int) -> None:
    look = sample_look(rng(seed), rng(seed + 1000), MAN if seed % 2 else GIRL)
    values = np.array(list(numbers(look)))
    assert len(values) > 100
    assert np.isfinite(values).all()
    assert min(look.skin.albedo) > 0
    assert max(look.skin.albedo) < 1


def looks(person: Identity, count: int = 200) -> list[Look]:
    return [sample_look(rng(seed), rng(seed + 1000), person) for seed in range(count)]


def test_skin_covers_all_tones_and_age_and_sex_leave_their_marks() -> None:
    men, girls = looks(MAN), looks(GIRL)
    tones = np.array([look.skin.tone for look in men])
    assert np.histogram(tones, 5, (0, 1))[0].min() > 20
    brightness = np.array([np.mean(look.skin.albedo) for look in men])
    assert np.corrcoef(tones, brightness)[0, 1] < -0.9
    assert all(look.beard.kind == "none" for look in girls)
    assert {look.beard.kind for look in men} >= {"none", "stubble", "full", "moustache"}
    assert min(look.skin.wrinkles for look in men) > max(look.skin.wrinkles for look in girls)


def test_light_turns_with_the_head() -> None:
    light = sample_lighting(rng(4))
    turn = rotation(40, -10, 25)
    turned = light.turned(turn.T)
    towards = np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])
    seen = harmonics(towards) @ np.array(light.irradiance)
    same = harmonics(towards @ turn) @ np.array(turned.irradiance)
    assert same == pytest.approx(seen, abs=0.02)
    assert np.array(turned.directions) @ turn.T == pytest.approx(np.array(light.directions))


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_follow_their_seed(kind: str) -> None:
    look = replace(sample_background(rng(3)), kind=kind, blur=0.0)
    painted = paint_background(look, (70, 50))
    assert painted.shape == (50, 70, 3)
    assert painted.min() >= 0 and painted.max() <= 1
    assert np.array_equal(painted, paint_background(look, (70, 50)))
    assert not np.array_equal(painted, paint_background(replace(look, seed=look.seed + 1), (70, 50)))


def test_developing_mixes_covered_and_open_pixels() -> None:
    film = Film((1.0, 1.0, 1.0), 0.0, 1.0, 1.0)
    grey = linear(128, 128, 128)[0]
    light = np.array([[[grey, grey, grey, 1.0], [0, 0, 0, 0], [grey / 2, grey / 2, grey / 2, 0.5]]], np.float32)
    made = develop(light, np.ones((1, 3, 3), np.float32), film)
    assert made[0, :, 0].tolist() == pytest.approx([128, 255, 192], abs=1)


def test_hair_is_kept_outside_of_the_head(average_head: HeadMesh) -> None:
    hull = Hull(average_head)
    inside = np.array([[0, 3, -5], [2, -6, -3], [0, 8, -8]], np.float32)
    out, outward, moved = hull.pushed_out(inside, np.full(3, 0.5, np.float32))
    assert moved.all()
    height, _ = hull.height(out)
    assert height == pytest.approx(0.5, abs=0.01)
    assert np.linalg.norm(outward, axis=1) == pytest.approx(1)
    skin = average_head.vertices[np.unique(average_head.of_part("skin"))]
    upper = skin[skin[:, 1] > 2]
    assert np.quantile(np.abs(hull.height(upper)[0]), 0.9) < 0.6


def test_noise_is_made_of_integers_and_tiles() -> None:
    texture = detail_texture()
    assert texture.shape == (512, 512, 4)
    step = np.abs(np.diff(texture[..., 3].astype(int), axis=0)).max()
    assert np.abs(texture[0, :, 3].astype(int) - texture[-1, :, 3]).max() <= step + 1
