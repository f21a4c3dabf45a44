"""Light: a surrounding from all sides and up to three lamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.colour import Colour, colour, temperature

Direction = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Lighting:
    """Light as the camera sees it: +x to the right, +y up, +z from the face towards the camera.

    Attributes:
        directions: three unit vectors towards the lamps; the first is the key light, which casts shadows.
        colours: their linear colours, black for those that are off, which come last.
        irradiance: nine colours, the spherical harmonics up to order two of the light from all sides, convolved with
            the cosine, in the order of `harmonics`.
        shadow_softness: size of the key light, as a share of the width of its shadow map.
        window: the catch light in the cornea: x, y of the mirrored direction, half its width, half its height.
    """

    directions: tuple[Direction, Direction, Direction]
    colours: tuple[Colour, Colour, Colour]
    irradiance: tuple[Colour, ...]
    shadow_softness: float
    window: tuple[float, float, float, float]

    def turned(self, rotation: NDArray[np.float64]) -> Lighting:
        """The same light in other coordinates: `rotation` (3, 3) takes the camera's to those."""
        directions = tuple(direction(rotation @ np.array(each)) for each in self.directions)
        sphere = _sphere()
        seen = harmonics(sphere @ rotation) @ np.array(self.irradiance)  # sphere @ R = R^T sphere: back to the camera's
        return Lighting(directions, self.colours, _project(sphere, seen), self.shadow_softness, self.window)  # type: ignore[arg-type]

    @property
    def count(self) -> int:
        """How many lamps are on."""
        return sum(any(light) for light in self.colours)

    def towards_camera(self) -> float:
        """Mean light that a white surface facing the camera gets; for the exposure."""
        facing = np.array([[0.0, 0.0, 1.0], [0.45, 0.2, 0.87], [-0.45, 0.2, 0.87], [0.0, -0.3, 0.95]])
        total = harmonics(facing) @ np.array(self.irradiance)
        for towards, light in zip(self.directions, self.colours, strict=True):
            total += np.maximum(facing @ np.array(towards), 0)[:, None] * np.array(light)
        return float((total @ [0.2126, 0.7152, 0.0722]).mean())


def direction(vector: NDArray[np.float64]) -> Direction:
    x, y, z = (float(value) for value in vector / np.linalg.norm(vector))
    return x, y, z


def harmonics(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 9) the polynomials of the shader's `ambient` at (N, 3) unit vectors."""
    x, y, z = directions.T
    one = np.ones_like(x)
    return np.stack([one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)


def _sphere(count: int = 256) -> NDArray[np.float64]:
    """(count, 3) unit vectors spread evenly (golden spiral)."""
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    turn = index * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)


_BASIS_POWER = np.array([1, 1 / 3, 1 / 3, 1 / 3, 1 / 15, 1 / 15, 4 / 5, 1 / 15, 4 / 15])
"""Mean square of each polynomial over the sphere."""


def _project(sphere: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[Colour, ...]:
    """Nine colours whose sum of harmonics is nearest to the (N, 3) values at the (N, 3) directions."""
    coefficients = harmonics(sphere).T @ values / len(sphere) / _BASIS_POWER[:, None]
    return tuple((float(r), float(g), float(b)) for r, g, b in coefficients)


_COSINE = np.array([1, 2 / 3, 2 / 3, 2 / 3, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 1 / 4])
"""What the cosine leaves of each order, over pi (Ramamoorthi and Hanrahan, 2001)."""


def _surroundings(rng: np.random.Generator, white: NDArray[np.float64]) -> tuple[Colour, ...]:
    """Irradiance of a made-up room or sky: brighter above, a floor that reflects, a few broad bright or dark walls."""
    sphere = _sphere()
    floor = rng.uniform(0.15, 0.8) * rng.uniform(0.7, 1.1, 3)
    sky = rng.uniform(0.7, 1.6) * rng.uniform(0.85, 1.15, 3)
    share = (0.5 + 0.5 * sphere[:, 1])[:, None]
    light = floor + (sky - floor) * share
    for _ in range(rng.integers(1, 5)):
        centre = rng.normal(size=3)
        centre /= np.linalg.norm(centre)
        patch = np.exp(rng.uniform(1.0, 5.0) * (sphere @ centre - 1))[:, None]
        light = light * (1 - 0.6 * patch) + patch * rng.gamma(1.5, 0.6) * rng.uniform(0.6, 1.3, 3)
    coefficients = np.array(_project(sphere, light * white)) * _COSINE[:, None]
    return tuple((float(r), float(g), float(b)) for r, g, b in coefficients)


def sample_lighting(rng: np.random.Generator) -> Lighting:
    """Anything from a bright overcast day to a lamp from the side in a dim room."""
    kind = rng.choice(["soft", "key", "side", "flash", "back", "top"], p=[0.27, 0.33, 0.14, 0.12, 0.07, 0.07])
    azimuth, elevation = {
        "soft": (rng.normal(0, 50), rng.uniform(10, 60)),
        "key": (rng.choice([-1, 1]) * rng.uniform(15, 60), rng.uniform(10, 50)),
        "side": (rng.choice([-1, 1]) * rng.uniform(60, 100), rng.uniform(-5, 40)),
        "flash": (rng.normal(0, 6), rng.normal(4, 5)),
        "back": (rng.choice([-1, 1]) * rng.uniform(100, 160), rng.uniform(10, 60)),
        "top": (rng.normal(0, 30), rng.uniform(55, 80)),
    }[str(kind)]
    ratio = {"soft": 0.35, "key": 1.3, "side": 1.4, "flash": 1.8, "back": 1.8, "top": 1.2}[str(kind)] * rng.uniform(
        0.6, 1.5
    )
    white, lamp = (
        temperature(rng.uniform(4200, 8500)),
        temperature(rng.choice([rng.uniform(3000, 4500), rng.uniform(4500, 7500)])),
    )
    irradiance = _surroundings(rng, white)
    mean = float(np.array(irradiance[0]) @ [0.2126, 0.7152, 0.0722])
    directions, colours = [_from_angles(azimuth, elevation)], [colour(lamp * ratio * mean)]
    for on in sorted(rng.random(2) < 0.4, reverse=True):
        directions.append(_from_angles(rng.uniform(-130, 130), rng.uniform(-25, 60)))
        colours.append(
            colour(on * rng.uniform(0.05, 0.6) * mean * temperature(rng.uniform(2800, 9000)) * rng.uniform(0.9, 1.1, 3))
        )
    softness = float(rng.choice([rng.uniform(0.008, 0.014), rng.uniform(0.014, 0.04)]))
    towards = np.array(directions[0])
    window = (
        float(0.9 * towards[0] + rng.normal(0, 0.1)),
        float(0.9 * towards[1] + rng.normal(0.05, 0.1)),
        float(rng.uniform(0.04, 0.2)),
        float(rng.uniform(0.06, 0.22)),
    )
    return Lighting(tuple(directions), tuple(colours), irradiance, softness, window)  # type: ignore[arg-type]


def _from_angles(azimuth: float, elevation: float) -> Direction:
    """Degrees to the right of the camera and above it."""
    a, e = np.radians([azimuth, elevation])
    return float(np.sin(a) * np.cos(e)), float(np.sin(e)), float(np.cos(a) * np.cos(e))
