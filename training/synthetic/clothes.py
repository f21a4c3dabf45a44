"""What is worn on the shoulders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.colour import Colour, colour, linear
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.regions import even
from training.synthetic.scene import CLOTH, Surface, UniformValue
from training.synthetic.solids import shell

KINDS = ("crew", "v-neck", "shirt", "suit", "turtleneck", "bare")


@dataclass(frozen=True, slots=True)
class Clothes:
    """Attributes:
    kind: one of `KINDS`.
    outer, inner, tie: linear colours of shirt or jacket, of the shirt below it, of the tie.
    pattern: stripes across, stripes along, amount, grain.
    height: cm by which the neckline lies higher.
    """

    kind: str
    outer: Colour
    inner: Colour
    tie: Colour
    pattern: tuple[float, float, float, float]
    height: float


def sample_clothes(rng: np.random.Generator) -> Clothes:
    kind = str(rng.choice(KINDS, p=[0.30, 0.15, 0.18, 0.22, 0.07, 0.08]))
    outer = rng.beta(0.9, 1.8) * np.clip(rng.normal(1, rng.choice([0.05, 0.5]), 3), 0.05, 1.8)
    if kind == "suit":
        outer = np.array(linear(*(int(v) for v in rng.uniform(15, 80) * np.array([1, 1, 1.1]))))
    striped = rng.random() < 0.3
    return Clothes(
        kind=kind,
        outer=colour(np.clip(outer, 0.01, 0.85)),
        inner=colour(np.clip(rng.uniform(0.4, 0.85) * np.clip(rng.normal(1, 0.08, 3), 0, 1.1), 0.02, 0.88)),
        tie=colour(rng.beta(0.8, 2, 3)),
        pattern=(
            float(rng.choice([0, rng.uniform(8, 60)])),
            float(rng.choice([0, rng.uniform(8, 60)])),
            float(striped * rng.uniform(0.2, 1)),
            float(rng.uniform(0.05, 0.35)),
        ),
        height=float(rng.normal(0, 0.5)),
    )


def clothes_surfaces(mesh: HeadMesh, openness: Float32, look: Clothes) -> list[Surface]:
    """One or two layers over neck and shoulders, or none."""
    if look.kind == "bare":
        return []
    x, y, z = np.abs(mesh.rest[:, 0]), mesh.rest[:, 1], mesh.rest[:, 2]
    base = {"crew": -14.4, "v-neck": -14.8, "shirt": -14.0, "suit": -14.0, "turtleneck": -11.6}[look.kind] + look.height
    edge = base - 0.42 * (z + 6.0)
    if look.kind in ("v-neck", "shirt"):
        depth = 4.5 if look.kind == "v-neck" else 2.4
        edge = edge - depth * np.clip(1 - x / 3.2, 0, 1) * (z > -7)
    below = edge - y
    keep = even(below)
    collar = look.kind in ("shirt", "suit", "turtleneck")
    rim = np.exp(-(((below - 0.8) / 0.9) ** 2))
    offset = 0.25 + (0.45 * rim if collar else 0.1 * rim) + 0.25 * np.clip(below / 6, 0, 1)
    vertices, triangles = shell(mesh, keep, offset.astype(np.float32), openness)
    suit = look.kind == "suit"
    uniforms: dict[str, UniformValue] = {
        "u_tint": look.inner if suit else look.outer,
        "u_second": look.tie,
        "u_pattern": (0.0, 0.0, 0.0, 0.1) if suit else look.pattern,
        "u_shine": (0.25, 8.0),
        "u_cut": 1.0,
        "u_suit": (float(suit), base),
        "u_jacket": look.outer,
        "u_tie": look.tie,
    }
    return [Surface("plain", vertices, triangles, CLOTH, uniforms)]
