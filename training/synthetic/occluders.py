"""What gets between the camera and the face: hats, scarves, masks, hands, microphones, things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.colour import Colour, colour
from training.synthetic.mesh import Float32, HeadMesh
from training.synthetic.regions import even, smooth
from training.synthetic.scene import CLOTH, OBJECT, Surface, UniformValue
from training.synthetic.solids import ball, capsule, joined, sheet, shell, tube

WORN = ("none", "beanie", "cap", "hat", "headscarf", "mask", "scarf")
HELD = ("none", "hand", "microphone", "card", "stick", "blob")


@dataclass(frozen=True, slots=True)
class Occluders:
    """Attributes:
    worn: one of `WORN`; held: one of `HELD`.
    worn_colour, worn_second, held_colour, held_second: linear.
    pattern: of cloth, see the shader "plain".
    place: cm on the face's front where the held thing is; angle: degrees; size: a factor.
    seed: of the details.
    """

    worn: str
    held: str
    worn_colour: Colour
    worn_second: Colour
    held_colour: Colour
    held_second: Colour
    pattern: tuple[float, float, float, float]
    place: tuple[float, float]
    angle: float
    size: float
    seed: int

    @property
    def covers_hair(self) -> bool:
        return self.worn in ("beanie", "cap", "hat", "headscarf")


def sample_occluders(rng: np.random.Generator, *, skin: Colour, femininity: float) -> Occluders:
    """Mostly nothing."""
    chances = np.array([1.0, 0.035, 0.04, 0.02, 0.05 * femininity, 0.025, 0.03])
    worn = str(rng.choice(WORN, p=chances / chances.sum()))
    held = str(rng.choice(HELD, p=[0.86, 0.05, 0.03, 0.025, 0.015, 0.02]))
    pick = rng.beta(0.9, 1.6) * np.clip(rng.normal(1, 0.5, 3), 0.03, 1.8)
    second = rng.beta(0.9, 1.6) * np.clip(rng.normal(1, 0.5, 3), 0.03, 1.8)
    thing = rng.beta(0.8, 1.5) * np.clip(rng.normal(1, 0.6, 3), 0.03, 1.8)
    if worn == "mask" and rng.random() < 0.7:
        pick = np.array([0.45, 0.62, 0.72]) * rng.uniform(0.7, 1.2) if rng.random() < 0.6 else np.full(3, 0.8)
    return Occluders(
        worn=worn,
        held=held,
        worn_colour=colour(np.clip(pick, 0.01, 0.85)),
        worn_second=colour(np.clip(second, 0.01, 0.85)),
        held_colour=skin if held == "hand" else colour(np.clip(thing, 0.01, 0.85)),
        held_second=colour(np.clip(second[::-1], 0.01, 0.85)),
        pattern=(
            float(rng.choice([0, rng.uniform(4, 40)])),
            float(rng.choice([0, rng.uniform(4, 40)])),
            float((rng.random() < 0.4) * rng.uniform(0.3, 1)),
            float(rng.uniform(0.05, 0.3)),
        ),
        place=(float(rng.normal(0, 3.2)), float(rng.uniform(-10, 2))),
        angle=float(rng.uniform(0, 360)),
        size=float(rng.uniform(0.75, 1.3)),
        seed=int(rng.integers(2**31)),
    )


def worn_surfaces(mesh: HeadMesh, openness: Float32, look: Occluders) -> list[Surface]:
    """The hat, scarf or mask, or none."""
    if look.worn == "none":
        return []
    keep, offset = worn_region(mesh, look)
    solids = [shell(mesh, keep, offset, np.ones_like(openness) if look.worn != "scarf" else openness)]
    uniforms: dict[str, UniformValue] = {
        "u_tint": look.worn_colour,
        "u_second": look.worn_second,
        "u_pattern": look.pattern,
        "u_shine": (0.2, 10.0),
        "u_cut": 1.0,
    }
    if look.worn in ("cap", "hat"):
        solids.append(_brim(mesh, look))
    vertices, triangles = joined(*solids)
    return [Surface("plain", vertices, triangles, CLOTH if look.worn == "scarf" else OBJECT, uniforms)]


def worn_region(mesh: HeadMesh, look: Occluders) -> tuple[Float32, Float32]:
    """(V,) where it lies and how far off the skin."""
    x, y, z = np.abs(mesh.rest[:, 0]), mesh.rest[:, 1], mesh.rest[:, 2]
    ears = mesh.masks["ears"]
    rng = np.random.Generator(np.random.PCG64(look.seed))
    if look.worn in ("beanie", "cap", "hat"):
        line = rng.uniform(4.2, 6.0) + (0.22 if look.worn == "beanie" else 0.08) * np.minimum(z, 0)
        keep = even(y - line) * (1 - ears)
        rim = np.exp(-(((y - line - 0.6) / 0.7) ** 2)) if look.worn == "beanie" else 0.0
        crown = smooth(7.0, 11.0, y)
        return keep, (0.7 + 0.35 * rim + (1.2 if look.worn == "hat" else 0.6) * look.size * crown).astype(np.float32)
    if look.worn == "headscarf":
        oval = np.hypot(x / 6.6, (y + 2.0) / rng.uniform(8.6, 9.6))
        front = smooth(-5.0, -3.0, z)
        keep = np.maximum(1 - front, even(6.0 * (oval - 0.97)))
        return keep, (0.55 + 0.5 * smooth(-9.0, -14.0, y) + 0.6 * ears).astype(np.float32)
    if look.worn == "mask":
        top = np.interp(x, [0, 1.5, 4, 7.5], [-1.6, -2.2, -3.3, -3.8])
        keep = np.minimum(np.minimum(even(top - y), even(y + 12.2)), even(z + 4.2)) * (1 - ears)
        hollow = 0.9 * np.exp(-((x / 2.4) ** 2) - ((y + 5.6) / 1.6) ** 2)  # the cloth spans from the nose to the chin
        return keep, (0.35 + hollow).astype(np.float32)
    top = rng.uniform(-12.5, -10.0) + 0.12 * -np.minimum(z + 2, 0)
    keep = np.minimum(even(top - y), even(y + 22.0))
    return keep, (1.0 + 0.5 * np.sin(2.2 * y + 0.4 * x) + 0.8 * smooth(-11.0, -13.0, y)).astype(np.float32)


def _brim(mesh: HeadMesh, look: Occluders) -> tuple[Float32, NDArray[np.int32]]:
    """Of a cap to the front, of a hat all round."""
    rng = np.random.Generator(np.random.PCG64(look.seed))
    line = rng.uniform(4.2, 6.0)
    near = (np.abs(mesh.rest[:, 1] - line) < 1.2) & (mesh.masks["ears"] < 0.2)
    ring = mesh.vertices[near]
    centre = ring.mean(axis=0)
    rx, rz = np.abs(ring[:, 0]).max() + 0.6, np.abs(ring[:, 2] - centre[2]).max() + 0.6
    whole = look.worn == "hat"
    turn = np.linspace(0, 2 * np.pi, 41) if whole else np.linspace(-1.15, 1.15, 25)
    reach = look.size * (4.0 if whole else 6.0)
    out = np.linspace(0, 1, 5)[:, None]
    swell = np.ones_like(turn) if whole else np.cos(turn / 1.15 * np.pi / 2) ** 0.6
    x = (rx + reach * out * swell * (1.0 if whole else 0.15)) * np.sin(turn)
    z = centre[2] + (rz + reach * out * swell) * np.cos(turn)
    y = (
        line
        + 0.3
        - (0.06 if whole else 0.09) * (x**2) * (0.3 if whole else 1.0) / 3
        - (0.8 if whole else 1.6) * out**1.3
    )
    return sheet(np.stack(np.broadcast_arrays(x, y, z), axis=-1))


def held_surfaces(mesh: HeadMesh, look: Occluders) -> list[Surface]:
    """The thing before the face, or none."""
    if look.held == "none":
        return []
    px, py = look.place
    near = np.hypot(mesh.vertices[:, 0] - px, mesh.vertices[:, 1] - py) < 2.5
    depth = float(mesh.vertices[near, 2].max()) if near.any() else 2.0
    place = np.array([px, py, depth])
    turn = np.radians(look.angle)
    axis = np.array([np.cos(turn), np.sin(turn), 0.0])
    vertices, triangles = {"hand": _hand, "microphone": _microphone, "card": _card, "stick": _stick, "blob": _blob}[
        look.held
    ](place, axis, look)
    uniforms: dict[str, UniformValue] = {
        "u_tint": look.held_colour,
        "u_second": look.held_second,
        "u_pattern": look.pattern,
        "u_shine": (0.8, 25.0),
    }
    if look.held == "hand":
        uniforms["u_pattern"] = (0.0, 0.0, 0.0, 0.12)
    return [Surface("plain", vertices, triangles, OBJECT, uniforms)]


def _hand(place: NDArray[np.float64], axis: NDArray[np.float64], look: Occluders) -> tuple[Float32, NDArray[np.int32]]:
    """Four fingers, a thumb, the back of the hand and a wrist that comes from below."""
    rng = np.random.Generator(np.random.PCG64(look.seed))
    axis = np.array([0.5 * axis[0], abs(axis[1]) + 0.4, 0.0])  # fingers point upwards, as hands at faces do
    axis /= np.linalg.norm(axis)
    across = np.array([axis[1], -axis[0], 0.0])
    size = look.size
    palm = place - 3.2 * size * axis + [0, 0, 1.4]
    solids = [
        capsule(
            palm - 2.6 * size * axis + k * size * across,
            palm + 1.6 * size * axis + 1.15 * k * size * across,
            1.25 * size,
            1.05 * size,
        )
        for k in (-1.5, -0.5, 0.5, 1.5)
    ]
    for k, length in zip((-1.65, -0.55, 0.55, 1.6), (5.2, 6.2, 5.8, 4.6), strict=True):
        start = palm + 1.6 * size * axis + k * size * across
        spread = axis + 0.10 * k * across + rng.normal(0, 0.05, 3)
        joint = start + 0.5 * length * size * spread + [0, 0, 0.5]
        solids.append(capsule(start, joint, 0.95 * size, 0.85 * size))
        solids.append(
            capsule(joint, start + length * size * spread + [0, 0, -0.4 * rng.random()], 0.85 * size, 0.65 * size)
        )
    side = rng.choice([-1.0, 1.0])
    thumb = palm + 2.2 * side * size * across - 1.0 * size * axis
    solids.append(capsule(thumb, thumb + size * (2.4 * axis + 2.4 * side * across), 1.05 * size, 0.85 * size))
    solids.append(capsule(palm - 3.0 * size * axis, palm - 25.0 * size * axis + [0, 0, 3.0], 2.6 * size, 3.2 * size))
    return joined(*solids)


def _microphone(
    place: NDArray[np.float64], axis: NDArray[np.float64], look: Occluders
) -> tuple[Float32, NDArray[np.int32]]:
    tip = np.array([0.35 * place[0], min(place[1], -6.5), place[2] + 3.0])
    down = np.array([0.4 * axis[0], -1.0, 0.55])
    down /= np.linalg.norm(down)
    head = ball(tip, np.array([2.2, 2.4, 2.2]) * look.size)
    handle = tube(
        tip + np.linspace(1.5, 26, 8)[:, None] * down, np.linspace(1.5, 1.1, 8) * look.size, up=(1.0, 0.0, 0.0)
    )
    return joined(head, handle)


def _card(place: NDArray[np.float64], axis: NDArray[np.float64], look: Occluders) -> tuple[Float32, NDArray[np.int32]]:
    """A phone, a book, a sheet of paper."""
    across = np.array([axis[1], -axis[0], 0.25])
    u = np.linspace(-1, 1, 4)[None, :, None] * 4.5 * look.size * axis
    v = np.linspace(-1, 1, 4)[:, None, None] * 3.0 * look.size * across
    outward = np.array([np.sign(place[0]) * 3.0, min(place[1] + 4.0, 0) * 0.5, 2.5])
    return sheet(place + outward + u + v)


def _stick(place: NDArray[np.float64], axis: NDArray[np.float64], look: Occluders) -> tuple[Float32, NDArray[np.int32]]:
    """A pole, a cable, a twig across the face."""
    t = np.linspace(-30, 30, 13)[:, None]
    bend = np.array([0.0, 0.0, 1.0]) * 0.002 * t * t
    return tube(place + np.array([0, 0, 4.0]) + t * axis + bend, 0.45 * look.size, up=(0.0, 0.0, 1.0))


def _blob(place: NDArray[np.float64], axis: NDArray[np.float64], look: Occluders) -> tuple[Float32, NDArray[np.int32]]:
    """Fruit, cups, balls, whatever is round."""
    return ball(place + np.array([0, 0, 2.0]), np.array([2.4 + abs(axis[0]), 2.4 + abs(axis[1]), 2.2]) * look.size)
