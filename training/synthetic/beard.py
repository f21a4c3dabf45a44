"""Beards and moustaches, from a shadow to a full beard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.colour import Colour
from training.synthetic.hair import fur_surface
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.regions import Regions, even
from training.synthetic.scene import BEARD, Surface

KINDS = ("none", "shadow", "stubble", "moustache", "goatee", "full", "long")


@dataclass(frozen=True, slots=True)
class BeardLook:
    """Attributes:
    kind: one of `KINDS`.
    colour, tip: linear.
    length: cm.
    density: share of the skin that it covers.
    shadow: how far it darkens the skin below.
    seed: of the noise.
    """

    kind: str
    colour: Colour
    tip: Colour
    length: float
    density: float
    shadow: float
    seed: int


def sample_beard(
    rng: np.random.Generator, *, colour: Colour, tip: Colour, femininity: float, years: float
) -> BeardLook:
    grown = rng.random() > femininity and years > 17
    kind = str(rng.choice(KINDS, p=[0.42, 0.21, 0.16, 0.05, 0.06, 0.08, 0.02])) if grown else "none"
    length = {
        "none": (0.1, 0.1),
        "shadow": (0.05, 0.1),
        "stubble": (0.1, 0.25),
        "moustache": (0.2, 0.5),
        "goatee": (0.2, 0.8),
        "full": (0.25, 0.9),
        "long": (1.0, 2.6),
    }[kind]
    return BeardLook(
        kind=kind,
        colour=colour,
        tip=tip,
        length=float(rng.uniform(*length)),
        density=float(rng.uniform(0.8, 1.1)),
        shadow={"none": 0.0, "shadow": 0.45}.get(kind, 0.75) * float(rng.uniform(0.6, 1.2)),
        seed=int(rng.integers(2**31)),
    )


def bearded(mesh: HeadMesh, parts: Regions, look: BeardLook) -> Float32:
    """(V,) float32 even weight: where the beard grows."""
    x, y = np.abs(mesh.rest[:, 0]), mesh.rest[:, 1]
    if look.kind == "none":
        return np.zeros_like(x)
    if look.kind == "moustache":
        return parts.moustache
    beard = parts.beard
    if look.kind == "goatee":
        beard = np.minimum(beard, even(np.minimum(3.0 - x, -5.8 - y)))
    return np.maximum(parts.moustache, beard)


def beard_surfaces(mesh: HeadMesh, parts: Regions, openness: Float32, look: BeardLook) -> list[Surface]:
    """The hairs that stand off the skin, or none."""
    if look.kind in ("none", "shadow"):
        return []
    rng = np.random.Generator(np.random.PCG64(look.seed))
    layers = int(np.clip(5 + 9 * look.length, 5, 20))
    offset = (float(rng.random()), float(rng.random()))
    density = (0.62 if look.kind == "stubble" else 0.97) * look.density
    return [
        fur_surface(
            mesh,
            bearded(mesh, parts, look),
            openness,
            length=look.length,
            density=density,
            scale=float(rng.uniform(5.0, 8.0)),
            layers=layers,
            droop=0.75 if look.length > 0.3 else 0.2,
            gloss=(1.0, 30.0),
            colours=(look.colour, look.tip),
            offset=offset,
            what=BEARD,
        )
    ]
