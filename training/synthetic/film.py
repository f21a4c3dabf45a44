"""From light to the numbers of a picture: exposure, white balance, tone curve, black and white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.colour import temperature
from training.synthetic.lighting import Lighting
from training.synthetic.mesh import Float32

_STEPS = 4096


@dataclass(frozen=True, slots=True)
class Film:
    """How the camera develops.

    Attributes:
        gain: (3,) factor of each channel: exposure and white balance.
        shoulder: how soon highlights are compressed, 0 hard clipping to 1.
        contrast: of the tone curve about the middle, 1 leaves it.
        saturation: 0 is black and white.
    """

    gain: tuple[float, float, float]
    shoulder: float
    contrast: float
    saturation: float


def sample_film(rng: np.random.Generator, lighting: Lighting, albedo: tuple[float, float, float]) -> Film:
    """An exposure for the light and, as automatic ones do, partly for the face; the white point is roughly found."""
    face = float(np.dot(albedo, [0.2126, 0.7152, 0.0722]))
    aim = 0.36 * (0.30 / face) ** rng.uniform(0.25, 0.6)
    exposure = aim / lighting.towards_camera() * np.exp(rng.normal(0.05, 0.25)) / 0.30
    white = (
        _white_of(lighting) ** -rng.uniform(0.75, 1.0)
        * temperature(rng.normal(6500, 500))
        * np.exp(rng.normal(0, 0.02, 3))
    )
    grey = rng.random() < 0.08
    return Film(
        gain=tuple(float(v) for v in exposure * 0.5 * white),  # type: ignore[arg-type]
        shoulder=float(rng.uniform(0.3, 1.0)),
        contrast=float(np.clip(rng.normal(1.1, 0.1), 0.93, 1.4)),
        saturation=0.0 if grey else float(np.clip(rng.normal(0.92, 0.13), 0.4, 1.3)),
    )


def _white_of(lighting: Lighting) -> NDArray[np.float64]:
    """The colour of the light that a face gets, the middle channel 1."""
    total = np.array(lighting.irradiance[0]) + 0.5 * np.array(lighting.irradiance[2])
    for towards, light in zip(lighting.directions, lighting.colours, strict=True):
        total = total + max(0.6 * towards[2] + 0.2, 0.0) * np.array(light)
    total = np.maximum(total, 1e-3)
    return np.asarray(total / total[1])


def _curve(film: Film) -> NDArray[np.float32]:
    """(steps,) float32 linear output of light 0 to 4."""
    light = np.linspace(0, 4, _STEPS) ** 1.0
    knee = 1 - 0.55 * film.shoulder
    above = np.maximum(light - knee, 0)
    span = 1 - knee
    out = np.where(light <= knee, light, knee + span * (1 - np.exp(-above / max(span, 1e-3))))
    display = np.where(out <= 0.0031308, 12.92 * out, 1.055 * np.maximum(out, 1e-9) ** (1 / 2.4) - 0.055)
    display = np.clip(0.45 + (display - 0.45) * film.contrast, 0, 1) if film.contrast != 1 else display
    display = np.where(light == 0, 0, display)
    return display.astype(np.float32)


def develop(light: Float32, background: Float32, film: Film) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of (H, W, 4) premultiplied light over a (H, W, 3) background in display values, both float32."""
    light = np.nan_to_num(light, posinf=0.0, neginf=0.0)  # grazing surfaces divide by nothing at a pixel now and then
    cover = light[..., 3:]
    face = light[..., :3] / np.maximum(cover, 1e-4) * np.array(film.gain, np.float32)
    index = np.clip(face * ((_STEPS - 1) / 4), 0, _STEPS - 1)
    display = _curve(film)[index.astype(np.int32)]
    display = background + cover * (display - background)
    if film.saturation != 1:
        grey = display @ np.array([0.299, 0.587, 0.114], np.float32)
        display = grey[..., None] + np.float32(film.saturation) * (display - grey[..., None])
    return np.clip(255 * display + 0.5, 0, 255).astype(np.uint8)
