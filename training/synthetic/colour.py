"""Colours as a screen's numbers and as amounts of light."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]


def to_linear(srgb: ArrayLike) -> NDArray[np.float64]:
    """sRGB in [0, 255] to linear light in [0, 1] (IEC 61966-2-1)."""
    value = np.asarray(srgb, np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def colour(values: ArrayLike) -> Colour:
    """Three numbers as a tuple, none below zero."""
    red, green, blue = (float(max(value, 0.0)) for value in np.asarray(values, np.float64))
    return red, green, blue


def linear(red: float, green: float, blue: float) -> Colour:
    """An sRGB colour (0 to 255) as linear light."""
    return colour(to_linear((red, green, blue)))


def along(anchors: ArrayLike, place: float) -> NDArray[np.float64]:
    """The colour at `place` in [0, 1] of a row of (N, 3) sRGB anchors, mixed as light."""
    row = to_linear(anchors)
    positions = np.linspace(0, 1, len(row))
    return np.array([np.interp(place, positions, row[:, channel]) for channel in range(3)])


def temperature(kelvin: float) -> NDArray[np.float64]:
    """Linear RGB of a black body at 2,000 to 12,000 K, the middle channel 1; a fit by hand to its usual table."""
    warm = np.interp(kelvin, [2000, 3000, 4000, 5000, 6500, 9000, 12000], [2.6, 1.75, 1.38, 1.17, 1.0, 0.84, 0.76])
    cold = np.interp(kelvin, [2000, 3000, 4000, 5000, 6500, 9000, 12000], [0.12, 0.40, 0.63, 0.81, 1.0, 1.24, 1.40])
    return np.array([warm, 1.0, cold])
