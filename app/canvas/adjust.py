"""How a photo's tones are changed for looking at it. The photo, and what the network sees of it, stay as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from app.texts import tr

MAX_GAIN = 4.0
"""Contrast 1 spreads tones by this, contrast -1 squeezes them by it."""
GAMMA_RANGE = (0.25, 4.0)
_TAIL = 0.5
"""Percent of pixels at either end that `auto` lets go black or white."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Tones of a photo as shown: contrast about the middle, brightness, gamma, then inversion.

    Attributes:
        brightness: added, -1 to 1 of the range from black to white.
        contrast: -1 to 1; the gain is `MAX_GAIN` to its power.
        gamma: above 1 lifts the dark parts.
        grey: without colour.
        invert: light for dark.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 1.0
    grey: bool = False
    invert: bool = False

    def __post_init__(self) -> None:
        if not (-1 <= self.brightness <= 1 and -1 <= self.contrast <= 1):
            raise ValueError("brightness and contrast are from -1 to 1")
        if not GAMMA_RANGE[0] <= self.gamma <= GAMMA_RANGE[1]:
            raise ValueError(f"gamma is from {GAMMA_RANGE[0]} to {GAMMA_RANGE[1]}")

    @property
    def neutral(self) -> bool:
        """Whether the photo is shown as it is."""
        return self == NEUTRAL

    def table(self) -> NDArray[np.uint8]:
        """(256,) uint8: what each tone is shown as."""
        tone = np.arange(256) / 255.0
        tone = (tone - 0.5) * MAX_GAIN**self.contrast + 0.5 + self.brightness
        tone = np.clip(tone, 0.0, 1.0) ** (1.0 / self.gamma)
        if self.invert:
            tone = 1.0 - tone
        return np.rint(tone * 255).astype(np.uint8)

    def applied(self, image: QImage) -> QImage:
        """A copy of `image` (RGB32) in other tones: about 3 ms a megapixel, for any thread."""
        import cv2  # not needed before somebody adjusts something

        image = image.copy()
        rows = np.frombuffer(image.bits(), np.uint8).reshape(image.height(), image.width(), 4)
        table = self.table()
        if self.grey:
            grey = cv2.LUT(cv2.cvtColor(rows, cv2.COLOR_BGRA2GRAY), table)
            cv2.cvtColor(grey, cv2.COLOR_GRAY2BGRA, dst=rows)
            return image
        same = np.arange(256, dtype=np.uint8)
        cv2.LUT(rows, np.stack([table, table, table, same], axis=1)[None], dst=rows)
        return image

    def words(self) -> list[str]:
        """What differs from the photo, for the screen."""
        words = []
        if self.brightness:
            words.append(tr("brightness {value}", value=_signed(self.brightness)))
        if self.contrast:
            words.append(tr("contrast {value}", value=_signed(self.contrast)))
        if self.gamma != 1:
            words.append(tr("gamma {value:.2f}", value=self.gamma))
        if self.grey:
            words.append(tr("grey"))
        if self.invert:
            words.append("inverted")
        return words


NEUTRAL = Adjustment()


def auto(image: QImage) -> tuple[float, float]:
    """(brightness, contrast) that spread the tones of `image` (RGB32, best a small one) from black to white."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    light = rows[..., :3] @ np.array([0.114, 0.587, 0.299]) / 255.0  # blue, green, red: BT.601
    low, high = np.percentile(light, [_TAIL, 100 - _TAIL]).tolist()
    gain = min(max(1.0 / max(high - low, 1e-6), 1.0 / MAX_GAIN), MAX_GAIN)
    brightness = min(max(gain * (0.5 - (low + high) / 2), -1.0), 1.0)
    return brightness, math.log(gain, MAX_GAIN)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
