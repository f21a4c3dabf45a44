"""Colours of the canvas that no palette changes: scales for anisotropy and heat, boxes, halos, panels. No Qt.

The two scales rise steadily in lightness, so that they also read in grey. Their darkest part is left out: on a photo
it would look like a shadow. The colours of marks are in `app.canvas.colours`; the names here are the standard ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.canvas.colours import RGB, STANDARD
from app.canvas.model import ColourScheme
from core.face import FloatArray

# Ten evenly spaced entries each of the two published maps, darkest first.
_ANCHORS: dict[str, tuple[RGB, ...]] = {
    "viridis": (
        (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142),
        (31, 158, 137), (53, 183, 121), (110, 206, 88), (181, 222, 43), (253, 231, 37),
    ),
    "cividis": (
        (0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115),
        (138, 134, 120), (165, 156, 116), (195, 179, 105), (225, 204, 85), (254, 232, 56),
    ),
}
_START = {"viridis": 0.30, "cividis": 0.30}
_LIFT = {"viridis": 0.22, "cividis": 0.18}
"""White mixed into the darkest colour, less and less towards the brightest: thin lines need light to be seen."""

STEPS = 16
"""Number of colours in a scale: more could not be told apart, and each colour costs a pen."""

MAX_ANISOTROPY = 3.0
"""Anisotropies from here on share the last colour."""

TICKS = (1.0, 1.25, 1.5, 2.0, 3.0)
"""Anisotropies numbered on the legend."""

LABEL: RGB = STANDARD.label
PREDICTION: RGB = STANDARD.prediction
DEVIATION: RGB = STANDARD.deviation
AMBIGUOUS: RGB = STANDARD.ambiguous
SELECTED: RGB = STANDARD.selected
HALO: RGB = (14, 16, 20)
BOX: RGB = (236, 238, 242)
BOX_IDLE: RGB = (168, 172, 180)
GHOSTS: tuple[RGB, ...] = STANDARD.others
BACKGROUND_DARK: RGB = (30, 31, 34)
BACKGROUND_LIGHT: RGB = (218, 220, 224)


@lru_cache(maxsize=8)
def scale(name: ColourScheme) -> tuple[RGB, ...]:
    """The `STEPS` colours of a scale, lowest anisotropy first."""
    anchors = np.array(_ANCHORS[name], dtype=np.float64)
    at = np.linspace(_START[name], 1.0, STEPS) * (len(anchors) - 1)
    white = np.linspace(_LIFT[name], 0.0, STEPS)
    channels = [np.interp(at, np.arange(len(anchors)), anchors[:, c]) * (1 - white) + 255 * white for c in range(3)]
    return tuple((round(r), round(g), round(b)) for r, g, b in zip(*channels, strict=True))


def position(anisotropy: FloatArray | float) -> FloatArray:
    """Place on the scale, 0 to 1, logarithmic: 1 is 0, `MAX_ANISOTROPY` and more is 1; NaN is 0."""
    value = np.clip(np.nan_to_num(np.asarray(anisotropy, np.float64), nan=1.0), 1.0, MAX_ANISOTROPY)
    return np.log(value) / np.log(MAX_ANISOTROPY)


def steps(anisotropy: FloatArray) -> np.ndarray:
    """Index into `scale(...)` for each value, int64, the shape of `anisotropy`."""
    return np.minimum((position(anisotropy) * STEPS).astype(np.int64), STEPS - 1)


@lru_cache(maxsize=4)
def heat_table() -> np.ndarray:
    """(256, 4) uint8 R, G, B, A (alpha not premultiplied) for a heatmap: nothing at 0, hot and opaque-ish at 255."""
    t = np.linspace(0.0, 1.0, 256)
    stops = np.array([0.0, 0.35, 0.7, 1.0])
    red = np.interp(t, stops, [60, 190, 250, 255])
    green = np.interp(t, stops, [20, 40, 140, 250])
    blue = np.interp(t, stops, [120, 110, 40, 200])
    alpha = 215 * np.clip(t / 0.5, 0, 1) ** 0.8
    return np.stack([red, green, blue, alpha], axis=1).round().astype(np.uint8)


@lru_cache(maxsize=16)
def edge_table(rgb: RGB) -> np.ndarray:
    """(256, 4) uint8 R, G, B, A for an edge map: nothing at 0, `rgb` at 255."""
    t = np.linspace(0.0, 1.0, 256)
    light = np.repeat(np.array([rgb], np.float64), 256, axis=0)
    return np.concatenate([light, 215 * np.clip((t[:, None] - 0.08) / 0.92, 0, 1)], axis=1).round().astype(np.uint8)


@dataclass(frozen=True, slots=True)
class PanelColours:
    """Colours of the legend and the callout."""

    background: tuple[int, int, int, int]
    border: tuple[int, int, int, int]
    text: RGB
    faint: RGB


DARK_PANEL = PanelColours((24, 26, 30, 232), (255, 255, 255, 38), (238, 240, 243), (160, 166, 176))
LIGHT_PANEL = PanelColours((252, 252, 253, 236), (0, 0, 0, 45), (28, 30, 34), (98, 104, 114))
