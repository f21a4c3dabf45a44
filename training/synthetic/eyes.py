"""Eyeballs, teeth and tongue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.colour import Colour, along, colour, linear
from training.synthetic.mesh import Eyeball, Float32, HeadMesh
from training.synthetic.scene import EYE, MOUTH, Surface, compact, pack, part_of_head
from training.synthetic.surface_curves import surface_curves

_IRISES = (
    (24, 14, 10),
    (58, 34, 18),
    (96, 62, 30),
    (118, 96, 48),
    (96, 110, 70),
    (92, 122, 122),
    (96, 134, 168),
    (70, 100, 140),
    (120, 130, 138),
)


@dataclass(frozen=True, slots=True)
class EyeLook:
    """Attributes:
    iris, iris_inner, sclera: linear colours.
    iris_size: against the usual 12 mm.
    pupil: its radius as a share of the iris'.
    limbal: darkness of the ring about the iris.
    redness: of the white's corners and veins.
    wet: strength of the highlights.
    lid_shadow: how much the upper lid darkens the eye.
    teeth: linear colour.
    """

    iris: Colour
    iris_inner: Colour
    sclera: Colour
    iris_size: float
    pupil: float
    limbal: float
    redness: float
    wet: float
    lid_shadow: float
    teeth: Colour


def sample_eyes(rng: np.random.Generator, photo: np.random.Generator, *, tone: float, years: float) -> EyeLook:
    """Eyes: dark skin almost always has brown ones."""
    light = rng.random() < max(0.0, 0.75 - 1.2 * tone)
    place = float(rng.uniform(0.3, 1.0) if light else rng.uniform(0.0, 0.3))
    iris = along(_IRISES, place) * rng.uniform(0.8, 1.25)
    inner = (
        iris
        * rng.uniform(0.7, 1.5)
        * np.exp(rng.normal(0, 0.15, 3) + (np.array([0.25, 0.05, -0.3]) if rng.random() < 0.5 else 0))
    )
    yellow = float(np.interp(years, [20, 80], [0.0, 0.25])) * rng.random()
    white = np.array(linear(212, 206, 201)) * (1, 1 - 0.3 * yellow, 1 - 0.8 * yellow) * rng.uniform(0.82, 1.0)
    stain = rng.beta(1.5, 3) + 0.3 * yellow
    return EyeLook(
        iris=colour(iris),
        iris_inner=colour(inner),
        sclera=colour(white),
        iris_size=float(rng.uniform(0.95, 1.06)),
        pupil=float(photo.uniform(0.25, 0.55)),
        limbal=float(rng.uniform(0.3, 0.85)),
        redness=float(rng.beta(2, 4) + 0.1),
        wet=float(photo.uniform(0.5, 1.6)),
        lid_shadow=float(photo.uniform(0.35, 0.75)),
        teeth=colour(np.array(linear(226, 220, 205)) * (1, 1 - 0.15 * stain, 1 - 0.45 * stain) * rng.uniform(0.75, 1)),
    )


def eye_surfaces(mesh: HeadMesh, openness: Float32, look: EyeLook) -> list[Surface]:
    """Both eyeballs, the teeth and the tongue of a head."""
    surfaces = [_eyeball(mesh, eye, look, offset) for eye, offset in ((mesh.right_eye, 0.13), (mesh.left_eye, 0.61))]
    back = np.clip((mesh.rest[:, 2] + 2.5) / 5.0, 0.15, 1.0)  # the mouth's depth is dark
    open_mouth = np.clip(
        0.12 + lip_gap(mesh) / 0.9, 0.12, 1.0
    )  # lips that hardly part leave little light for the teeth
    table = pack(mesh.vertices, mesh.normals, uv=mesh.uv, rest=mesh.rest, ao=back * back * 0.6 * open_mouth)
    for parts, tint, shine in (
        (("upper teeth", "lower teeth"), look.teeth, (2.0, 60.0)),
        (("tongue",), linear(170, 84, 80), (1.5, 30.0)),
    ):
        vertices, triangles = part_of_head(mesh, table, *parts)
        surfaces.append(Surface("plain", vertices, triangles, MOUTH, {"u_tint": tint, "u_shine": shine}))
    return surfaces


def lip_gap(mesh: HeadMesh) -> float:
    """cm between the lips, in their middle."""
    curves = surface_curves().left
    upper, lower = (curves[name].on(mesh)[-1] for name in ("upper lip inner", "lower lip inner"))
    return max(0.0, float(np.linalg.norm(upper - lower)) - 0.16)


def _eyeball(mesh: HeadMesh, eye: Eyeball, look: EyeLook, offset: float) -> Surface:
    triangles = mesh.of_part("eye")
    near = np.linalg.norm(mesh.vertices[triangles].mean(axis=1) - eye.centre, axis=1) < 1.6 * eye.radius
    table = pack(mesh.vertices, mesh.normals, uv=mesh.uv, rest=mesh.rest)
    vertices, triangles = compact(table, triangles[near])
    size = eye.iris_radius * look.iris_size / eye.radius
    x, y, z = (float(v) for v in eye.centre)
    gx, gy, gz = (float(v) for v in eye.gaze)
    return Surface(
        "eye",
        vertices,
        triangles,
        EYE,
        {
            "u_sclera": look.sclera,
            "u_iris": look.iris,
            "u_iris_inner": look.iris_inner,
            "u_eye_shape": (size, size * look.pupil, look.limbal, look.redness),
            "u_gaze": (gx, gy, gz),
            "u_centre": (x, y, z),
            "u_radius": float(eye.radius),
            "u_wet": look.wet,
            "u_lid_shadow": look.lid_shadow,
            "u_noise_offset": (offset, 1 - offset),
        },
    )
