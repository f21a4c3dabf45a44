"""What is behind a head: made up, never a photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.colour import Colour
from training.synthetic.mesh import Float32
from training.synthetic.noise import fractal_image

KINDS = ("plain", "gradient", "clouds", "shapes", "room", "lights", "stripes", "foliage", "texture")


@dataclass(frozen=True, slots=True)
class Background:
    """Attributes:
    kind: one of `KINDS`.
    colours: four display colours in [0, 1].
    blur: radius of the defocus as a share of the picture's width.
    amount: how many things.
    seed: of where they are.
    """

    kind: str
    colours: tuple[Colour, Colour, Colour, Colour]
    blur: float
    amount: int
    seed: int


def sample_background(rng: np.random.Generator) -> Background:
    base = rng.beta(1.3, 1.5)
    colours = []
    for _ in range(4):
        value = np.clip(base + rng.normal(0, 0.2), 0, 1)
        tint = rng.normal(0, rng.choice([0.01, 0.03, 0.08]), 3)
        colours.append(tuple(float(v) for v in np.clip(value + tint, 0, 1)))
    return Background(
        kind=str(rng.choice(KINDS, p=[0.12, 0.12, 0.12, 0.16, 0.18, 0.08, 0.06, 0.08, 0.08])),
        colours=tuple(colours),  # type: ignore[arg-type]
        blur=float(rng.choice([0.0, rng.uniform(0, 0.006), rng.uniform(0.006, 0.04)])),
        amount=int(rng.integers(4, 40)),
        seed=int(rng.integers(2**31)),
    )


def paint_background(look: Background, size: tuple[int, int]) -> Float32:
    """(H, W, 3) float32 display values for a size (W, H)."""
    rng = np.random.Generator(np.random.PCG64(look.seed))
    canvas = _PAINTERS[look.kind](look, size, rng)
    radius = look.blur * size[0]
    if radius > 0.5:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), radius, borderType=cv2.BORDER_REFLECT), np.float32)
    return np.clip(canvas, 0, 1).astype(np.float32)


def _mixed(weight: Float32, low: Colour, high: Colour) -> Float32:
    return np.array(low, np.float32) + weight[..., None] * (np.array(high, np.float32) - np.array(low, np.float32))


def _flat(look: Background, size: tuple[int, int]) -> Float32:
    return np.broadcast_to(np.array(look.colours[0], np.float32), (size[1], size[0], 3)).copy()


def _plain(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    return _flat(look, size) + 0.06 * (fractal_image(size, 0.5, rng, 2)[..., None] - 0.5)


def _gradient(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.4:
        centre = rng.uniform(0.2, 0.8, 2)
        ramp = np.hypot(x / size[0] - centre[0], y / size[1] - centre[1]) * 1.3
    else:
        ramp = 0.5 + (np.cos(angle) * (x / size[0] - 0.5) + np.sin(angle) * (y / size[1] - 0.5))
    return _mixed(np.clip(ramp, 0, 1).astype(np.float32), look.colours[0], look.colours[1])


def _clouds(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    first = fractal_image(size, rng.uniform(0.4, 0.9), rng, int(rng.integers(2, 6)))
    second = fractal_image(size, 0.6, rng, 3)
    return _mixed(np.clip(2 * first - 0.5, 0, 1), look.colours[0], look.colours[1]) * 0.6 + 0.4 * _mixed(
        second, look.colours[2], look.colours[3]
    )


def _shapes(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    canvas = _gradient(look, size, rng)
    width, height = size
    for _ in range(look.amount):
        colour = tuple(
            float(v) for v in np.clip(np.array(look.colours[rng.integers(4)]) + rng.normal(0, 0.08, 3), 0, 1)
        )
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        if rng.random() < 0.5:
            axes = (int(rng.uniform(0.02, 0.2) * width), int(rng.uniform(0.02, 0.2) * height))
            cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            corners = np.array(centre) + rng.normal(0, 0.12, (int(rng.integers(3, 6)), 2)) * size
            cv2.fillConvexPoly(canvas, cv2.convexHull(corners.astype(np.int32)), colour)
    return canvas


def _room(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    """Walls, window, shelves, frames: upright rectangles with light that falls off."""
    width, height = size
    canvas = _flat(look, size)
    for _ in range(int(4 + look.amount / 2)):
        tone = np.clip(np.array(look.colours[rng.integers(4)]) * rng.uniform(0.5, 1.5), 0, 1)
        w, h = (rng.gamma(1.6, 0.12) + 0.02) * width, (rng.gamma(1.8, 0.15) + 0.02) * height
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 1) * height
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), tuple(float(v) for v in tone), -1)
        if rng.random() < 0.4:
            edge = tuple(float(v) for v in np.clip(tone * rng.uniform(0.3, 1.6), 0, 1))
            cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), edge, int(rng.integers(1, 5)))
    fall = _gradient(look, size, rng).mean(axis=2, keepdims=True)
    return canvas * (0.7 + 0.6 * fall)


def _lights(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    """Lamps out of focus before the dark."""
    canvas = 0.35 * _gradient(look, size, rng)
    for _ in range(look.amount):
        disc = np.zeros_like(canvas)
        radius = int(rng.uniform(0.01, 0.06) * size[0]) + 1
        centre = (int(rng.uniform(0, size[0])), int(rng.uniform(0, size[1])))
        colour = tuple(float(v) for v in rng.uniform(0.2, 0.9) * np.clip(rng.normal(0.8, 0.25, 3), 0, 1))
        cv2.circle(disc, centre, radius, colour, -1, cv2.LINE_AA)
        canvas += disc
    return canvas


def _stripes(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.03)
    wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * rng.uniform(10, 120) / size[0])
    return _mixed(np.clip(0.5 + rng.uniform(0.5, 3) * wave, 0, 1).astype(np.float32), look.colours[0], look.colours[1])


def _foliage(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    green = np.array([0.25, 0.4, 0.15]) * rng.uniform(0.5, 1.4)
    canvas = _mixed(fractal_image(size, 0.8, rng, 4), tuple(green * 0.4), tuple(green))
    for _ in range(8 * look.amount):
        tone = np.clip(green * rng.uniform(0.3, 2.4) + rng.normal(0, 0.04, 3), 0, 1)
        centre = (int(rng.uniform(0, size[0])), int(rng.uniform(0, size[1])))
        axes = (int(rng.uniform(0.01, 0.05) * size[0]) + 1, int(rng.uniform(0.005, 0.02) * size[0]) + 1)
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, tuple(float(v) for v in tone), -1)
    return canvas


def _texture(look: Background, size: tuple[int, int], rng: np.random.Generator) -> Float32:
    """A rough wall: fine noise, now and then with joints."""
    fine = fractal_image(size, 1.0, rng, 16)
    canvas = _mixed(np.clip(fine * 1.6 - 0.3, 0, 1), look.colours[0], look.colours[1])
    if rng.random() < 0.5:
        row = int(rng.uniform(0.05, 0.15) * size[1]) + 2
        joint = tuple(float(v) for v in np.array(look.colours[2]))
        for k, y in enumerate(range(0, size[1], row)):
            cv2.line(canvas, (0, y), (size[0], y), joint, 2)
            for x in range((k % 2) * row, size[0] + row, 2 * row):
                cv2.line(canvas, (x, y), (x, y + row), joint, 2)
    return canvas


_PAINTERS = {
    "plain": _plain, "gradient": _gradient, "clouds": _clouds, "shapes": _shapes, "room": _room, "lights": _lights,
    "stripes": _stripes, "foliage": _foliage, "texture": _texture,
}  # fmt: skip
