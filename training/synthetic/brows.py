"""Eyebrows and eyelashes, hair by hair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.synthetic.colour import Colour, colour
from training.synthetic.groom import on_front, ribbons
from training.synthetic.mesh import Eyeball, Float32, HeadMesh, Int32
from training.synthetic.scene import BROW, Surface, UniformValue, compact, pack
from training.synthetic.surface_curves import brow_outline

_INNER_EXTRA = 0.25
"""cm that hairs reach beyond the innermost landmark."""


@dataclass(frozen=True, slots=True)
class BrowLook:
    """Attributes:
    colour: linear. density: hairs an eyebrow. thickness: against the usual. length: of a hair, cm.
    width: of a hair as drawn, cm. lift: cm by which inner end, arch and tail lie higher. opacity: of a hair.
    lashes: opacity of the eyelashes.
    seed: of the places of the hairs.
    """

    colour: Colour
    density: int
    thickness: float
    length: float
    width: float
    lift: tuple[float, float, float]
    opacity: float
    lashes: float
    seed: int


def sample_brows(
    rng: np.random.Generator, photo: np.random.Generator, *, brow: Colour, femininity: float, years: float
) -> BrowLook:
    """Eyebrows: bushier on men, thinner where they are plucked, sparse with age."""
    thickness = float(rng.uniform(0.7, 1.25) * (1.15 - 0.35 * femininity * rng.random()))
    density = rng.uniform(0.35, 1.0) * float(np.interp(years, [8, 16, 60, 85], [0.6, 1, 1, 0.6]))
    lift = tuple(float(rng.normal(0, scale)) for scale in (0.05, 0.07, 0.07))
    return BrowLook(
        colour=brow,
        density=int(200 + 750 * density * thickness),
        thickness=thickness,
        length=float(rng.uniform(0.4, 0.75)),
        width=float(rng.uniform(0.035, 0.06)),
        lift=lift,  # type: ignore[arg-type]
        opacity=float(rng.uniform(0.35, 0.9)),
        lashes=float(np.clip(rng.uniform(0.3, 0.8) + 0.4 * femininity * photo.random(), 0, 1)),
        seed=int(rng.integers(2**31)),
    )


@lru_cache(maxsize=1)
def _shape() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the way from inner end to tail; there the middle (N, 2) on the template, and half its height."""
    outline = brow_outline()[1]
    count = len(outline) // 2 + 1
    upper = outline[:count]
    lower = np.vstack([outline[:1], outline[: count - 1 : -1]])
    middle = ((upper + lower) / 2)[::-1]
    half = (upper - lower)[::-1, 1] / 2 + 0.03
    middle = np.vstack([middle[0] - [_INNER_EXTRA, 0.06], middle])
    half = np.append(0.8 * half[0], half)
    step = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    return np.append(0, np.cumsum(step)) / step.sum(), middle, half


def brow_surface(mesh: HeadMesh, openness: Float32, look: BrowLook) -> Surface:
    """Both eyebrows."""
    rng = np.random.Generator(np.random.PCG64(look.seed))
    count = look.density
    along, side = np.tile(rng.beta(0.95, 1.05, count), 2), np.repeat([-1.0, 1.0], count)
    along = np.clip(along + rng.normal(0, 0.02, 2 * count), 0, 1)
    across = np.clip(rng.normal(0, 0.5, 2 * count), -1, 1) * np.minimum(1, 0.55 + 2.5 * along)
    knots, middle, thick = _shape()
    raised = np.interp(along, [0, 0.55, 1], look.lift)
    half = np.interp(along, knots, thick) * look.thickness
    x = np.interp(along, knots, middle[:, 0])
    y = np.interp(along, knots, middle[:, 1]) + raised + across * half
    # Inner hairs stand up, those of the arch lie outwards, upper ones comb down and lower ones up to the middle.
    angle = np.interp(along, [0, 0.15, 0.5, 1.0], [78, 50, 18, -22]) - 22 * across + rng.normal(0, 11, 2 * count)
    angle = np.radians(angle)
    directions = np.stack([side * np.cos(angle), np.sin(angle)], axis=1)
    length = look.length * np.interp(along, [0, 0.2, 0.7, 1], [0.75, 1, 0.85, 0.6]) * rng.uniform(0.7, 1.2, 2 * count)
    x = x - 0.35 * length * np.cos(angle)
    y = y - 0.35 * length * np.sin(angle)
    roots, heading = on_front(mesh, openness, np.stack([side * x, y], axis=1), directions)
    t = np.linspace(0, 1, 4, dtype=np.float32)
    reach = length[:, None].astype(np.float32) * t
    rise = 0.05 + 0.10 * np.sin(np.pi * 0.6 * t)
    path = roots.position[:, None] + reach[..., None] * heading[:, None] + rise[None, :, None] * roots.normal[:, None]
    outward = np.repeat(roots.normal[:, None], 4, axis=1)
    random = rng.random(2 * count).astype(np.float32)
    width = np.full((2 * count, 4), look.width, np.float32) * (1 - 0.6 * t)
    light = np.full((2 * count, 4), 0.9, np.float32)
    opacity = look.opacity * rng.uniform(0.6, 1.1, 2 * count).astype(np.float32)
    vertices, triangles = ribbons(path, outward, width, random=random, light=light, opacity=opacity, ao=roots.openness)
    uniforms: dict[str, UniformValue] = {
        "u_hair": look.colour,
        "u_tip": look.colour,
        "u_strands": 0.0,
        "u_gloss": (0.4, 20.0),
    }
    return Surface("hair", vertices, triangles, BROW, uniforms, casts_shadow=False)


def lash_surfaces(mesh: HeadMesh, look: BrowLook) -> list[Surface]:
    """The eyelashes of both eyes: the mesh's strips, cut into hairs."""
    made = []
    rest_eye = 2.8859  # template: x of the eyeballs' centres, cm
    for eye, side in ((mesh.right_eye, -1.0), (mesh.left_eye, 1.0)):
        triangles = mesh.of_part("lash")
        triangles = triangles[mesh.rest[triangles].mean(axis=1)[:, 0] * side > 0]
        made.append(_lashes(mesh, eye, np.array([side * rest_eye, 0, 0], np.float32), triangles, look))
    return made


def _lashes(mesh: HeadMesh, eye: Eyeball, centre: Float32, strip: Int32, look: BrowLook) -> Surface:
    offset = mesh.rest - centre
    far = np.linalg.norm(offset, axis=1)
    upper = offset[:, 1] > -0.07
    along = np.clip((far - 1.48) / np.where(upper, 0.75, 0.55), 0, 1)
    uv = np.stack([np.clip((np.abs(mesh.rest[:, 0]) - 1.6) / 3.6, 0, 1), along], axis=1)
    a = np.stack(
        [along, np.full_like(along, 0.3), np.full_like(along, 0.9), np.where(upper, look.lashes, 0.45 * look.lashes)],
        axis=1,
    )
    out = mesh.vertices - eye.centre.astype(np.float32)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    b = np.concatenate([out, np.ones((len(out), 1), np.float32)], axis=1)
    vertices, triangles = compact(pack(mesh.vertices, mesh.normals, uv=uv, rest=mesh.rest, a=a, b=b), strip)
    dark = colour([0.25 * value for value in look.colour])
    uniforms: dict[str, UniformValue] = {"u_hair": dark, "u_tip": dark, "u_strands": 42.0, "u_gloss": (0.1, 20.0)}
    return Surface("hair", vertices, triangles, BROW, uniforms, casts_shadow=False)
