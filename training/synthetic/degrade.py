"""What cameras and files do to pictures: blur, noise, few pixels, halos; compression is the encoder's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Degradation:
    """Lengths are shares of the picture's longer side, so that a larger picture suffers as much.

    Attributes:
        defocus: radius of the circle of confusion.
        motion, motion_angle: length and degrees of the smear.
        scale: the picture is reduced to this share of its size and enlarged again; 1 leaves it.
        vignette: darkening of the corners, 0 to 1.
        shot, read: noise of light, at white, and of the sensor; standard deviations in [0, 1] display values.
        chroma: share of the noise that differs between channels.
        sharpen: strength of the halos.
        gamma: of the whole picture. cast: factor of each channel.
        jpeg_quality: for whoever writes the file, 0 to 100.
    """

    defocus: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    scale: float = 1.0
    vignette: float = 0.0
    shot: float = 0.0
    read: float = 0.0
    chroma: float = 0.5
    sharpen: float = 0.0
    gamma: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg_quality: int = 92


def sample_degradation(rng: np.random.Generator) -> Degradation:
    """From a clean studio picture to a bad video frame."""
    bad = rng.beta(0.9, 1.8)
    return Degradation(
        defocus=float(rng.gamma(1.5, 0.0012) * 2 * bad) if rng.random() < 0.6 else 0.0,
        motion=float(rng.uniform(0.004, 0.02) * bad) if rng.random() < 0.15 else 0.0,
        motion_angle=float(rng.uniform(0, 180)),
        scale=float(rng.uniform(0.3, 0.9)) if rng.random() < 0.1 + 0.4 * bad else 1.0,
        vignette=float(rng.uniform(0.05, 0.5)) if rng.random() < 0.25 else 0.0,
        shot=float(rng.gamma(1.5, 0.014) * (0.3 + 1.2 * bad)),
        read=float(rng.gamma(1.5, 0.005) * (0.3 + 1.2 * bad)),
        chroma=float(rng.uniform(0.2, 1.0)),
        sharpen=float(rng.gamma(1.2, 0.45)) if rng.random() < 0.4 else 0.0,
        gamma=float(np.exp(rng.normal(0, 0.07))),
        cast=tuple(float(v) for v in np.exp(rng.normal(0, 0.02, 3))),  # type: ignore[arg-type]
        jpeg_quality=int(np.clip(rng.normal(96 - 40 * bad, 6), 30, 98)),
    )


def degrade(image: Image, how: Degradation, rng: np.random.Generator) -> Image:
    """(H, W, 3) uint8 RGB of the same size; `rng` gives the noise."""
    height, width = image.shape[:2]
    longer = max(height, width)
    light = _float(image) / np.float32(255)
    light = _blurred(light, how, longer)
    if how.vignette > 0:
        light *= _vignette(width, height, how.vignette)
    small = how.scale < 1
    if small:
        size = (max(8, round(width * how.scale)), max(8, round(height * how.scale)))
        light = _float(cv2.resize(light, size, interpolation=cv2.INTER_AREA))
    light = _noisy(light, how, rng)
    if how.sharpen > 0:
        radius = max(0.6, 0.0022 * max(light.shape[:2]))
        light = light + np.float32(how.sharpen) * (light - cv2.GaussianBlur(light, (0, 0), radius))
    if small:
        light = _float(cv2.resize(np.clip(light, 0, 1), (width, height), interpolation=cv2.INTER_CUBIC))
    light = np.clip(light * np.array(how.cast, np.float32), 0, 1)
    if how.gamma != 1:
        light = light ** np.float32(how.gamma)
    return np.clip(255 * light + 0.5, 0, 255).astype(np.uint8)


def _float(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


def _blurred(light: NDArray[np.float32], how: Degradation, longer: int) -> NDArray[np.float32]:
    radius = how.defocus * longer
    if radius > 0.3:
        light = _float(cv2.filter2D(light, -1, _disc(radius), borderType=cv2.BORDER_REFLECT))
    length = how.motion * longer
    if length > 1:
        light = _float(cv2.filter2D(light, -1, _streak(length, how.motion_angle), borderType=cv2.BORDER_REFLECT))
    return light


def _disc(radius: float) -> NDArray[np.float32]:
    """The picture of a point out of focus, with soft edges of a pixel."""
    half = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _streak(length: float, degrees: float) -> NDArray[np.float32]:
    """The picture of a point that moves while the shutter is open."""
    half = int(np.ceil(length / 2)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    a = np.radians(degrees)
    along, across = x * np.cos(a) + y * np.sin(a), -x * np.sin(a) + y * np.cos(a)
    kernel = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _vignette(width: int, height: int, amount: float) -> NDArray[np.float32]:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (1 - amount * 0.5 * (x * x + y * y))[..., None].astype(np.float32)


def _noisy(light: NDArray[np.float32], how: Degradation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise that grows with the light (shot) and one that does not (read), partly common to the channels."""
    if how.shot <= 0 and how.read <= 0:
        return light
    height, width = light.shape[:2]
    common = rng.standard_normal((height, width, 1), dtype=np.float32)
    own = rng.standard_normal((height, width, 3), dtype=np.float32)
    mixed = np.float32(np.sqrt(1 - how.chroma**2)) * common + np.float32(how.chroma) * own
    deviation = np.sqrt(np.float32(how.shot**2) * np.maximum(light, 0) + np.float32(how.read**2))
    return light + mixed * deviation
