"""Glasses and sunglasses, fitted to a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.colour import Colour, colour
from training.synthetic.mesh import HeadMesh
from training.synthetic.scene import FRAME, LENS, Surface, UniformValue
from training.synthetic.solids import Solid, joined, sheet, tube

_BOW = 0.022
"""1/cm: how frames are bent round the face."""


@dataclass(frozen=True, slots=True)
class Glasses:
    """Attributes:
    frame: linear colour. thickness: radius of the rim, cm; 0 for rimless ones.
    half_width, half_height: of a lens, cm. roundness: exponent of its outline, 2 is an ellipse. droop: cm by which the
        outer corner lies lower (aviators).
    down: cm by which they sit below the eyes' middle.
    tint: linear colour of the lenses; darkness: 0 clear to 1 opaque. mirror: how much they reflect.
    gloss: of the frame.
    """

    frame: Colour
    thickness: float
    half_width: float
    half_height: float
    roundness: float
    droop: float
    down: float
    tint: Colour
    darkness: float
    mirror: float
    gloss: float


def sample_glasses(rng: np.random.Generator) -> Glasses | None:
    """None four times in five."""
    if rng.random() > 0.2:
        return None
    dark = rng.random() < 0.28
    metal = rng.random() < 0.4
    frame = (
        rng.uniform(0.2, 0.6) * np.array([1.0, 0.9, rng.uniform(0.5, 0.9)])
        if metal
        else rng.beta(0.6, 2.5) * np.clip(rng.normal(1, 0.35, 3), 0.1, 2)
    )
    return Glasses(
        frame=colour(frame),
        thickness=float(rng.uniform(0.05, 0.09) if metal else rng.uniform(0.12, 0.26)),
        half_width=float(rng.uniform(2.1, 2.75)),
        half_height=float(rng.uniform(1.3, 2.2) if not dark else rng.uniform(1.7, 2.4)),
        roundness=float(rng.uniform(2.0, 4.5)),
        droop=float(rng.choice([0.0, rng.uniform(0, 0.6)])),
        down=float(rng.uniform(0.0, 0.7)),
        tint=colour(rng.uniform(0.0, 0.06, 3) if dark else rng.uniform(0.3, 0.9, 3)),
        darkness=float(rng.uniform(0.75, 0.98) if dark else rng.choice([0.02, rng.uniform(0.02, 0.15)])),
        mirror=float(rng.uniform(0.04, 0.25) if dark else rng.gamma(1.2, 0.035)),
        gloss=float(rng.uniform(0.5, 3.0)),
    )


def glasses_surfaces(mesh: HeadMesh, look: Glasses) -> list[Surface]:
    """Frame and lenses. Lenses that are nearly opaque hide what is behind them; clear ones do not."""
    right, left = mesh.right_eye.centre, mesh.left_eye.centre
    x0 = (float(left[0]) - float(right[0])) / 2 + 0.25
    depth = _front(mesh, x0, look)
    outlines = {side: _outline(side, x0, depth, look) for side in (-1, 1)}
    solids = [tube(outline, max(look.thickness, 0.03), closed=True) for outline in outlines.values()]
    inner = x0 - look.half_width
    t = np.linspace(-1, 1, 9)
    bridge = np.stack([t * inner, 0.45 - look.down + 0.25 * (1 - t * t), depth + 0.12 * (1 - t * t)], axis=1)
    solids.append(tube(bridge, max(0.9 * look.thickness, 0.06), up=(0.0, 0.0, 1.0)))
    solids += [_temple(mesh, side, x0, depth, look) for side in (-1, 1)]
    vertices, triangles = joined(*solids)
    frame = Surface("plain", vertices, triangles, FRAME, {"u_tint": look.frame, "u_shine": (look.gloss, 60.0)})
    lens_vertices, lens_triangles = joined(*(_lens(side, outline, x0, look) for side, outline in outlines.items()))
    uniforms: dict[str, UniformValue] = {
        "u_tint": look.tint,
        "u_opacity": look.darkness,
        "u_mirror": look.mirror,
        "u_shine": (1.0, 200.0),
    }
    lenses = Surface(
        "plain", lens_vertices, lens_triangles, LENS, uniforms, transparent=True, hides=look.darkness > 0.6
    )
    return [frame, lenses]


def _front(mesh: HeadMesh, x0: float, look: Glasses) -> float:
    """z of the lenses in the middle: before lashes, brows and the root of the nose."""
    x, y, z = np.abs(mesh.vertices[:, 0]), mesh.vertices[:, 1], mesh.vertices[:, 2]
    behind = (np.abs(x - x0) < 0.95 * look.half_width) & (np.abs(y + look.down) < 0.9 * look.half_height)
    return float((z + _BOW * x * x)[behind].max()) + 0.12


def _curved(x: NDArray[np.float64], depth: float) -> NDArray[np.float64]:
    return depth - _BOW * x * x


def _outline(side: int, x0: float, depth: float, look: Glasses, count: int = 40) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    power = 2 / look.roundness
    x = look.half_width * np.sign(c) * np.abs(c) ** power
    y = look.half_height * np.sign(s) * np.abs(s) ** power
    y = y - look.droop * (x / look.half_width) * (y < 0) - look.down
    across = side * (x0 + x)
    return np.stack([across, y, _curved(across, depth)], axis=1)


def _lens(side: int, outline: NDArray[np.float64], x0: float, look: Glasses) -> Solid:
    middle = outline.mean(axis=0)
    ring = np.vstack([outline, outline[:1]])
    rings = [middle + k * (ring - middle) for k in (0.0, 0.5, 1.0)]
    grid = np.stack(rings)
    grid[..., 2] += 0.10 * (1 - ((grid[..., 0] - middle[0]) / look.half_width) ** 2)
    vertices, triangles = sheet(grid)
    normal = np.stack(
        [0.10 * (grid[..., 0] - middle[0]) + 0.05 * side, 0.10 * (grid[..., 1] - middle[1]), np.ones(grid.shape[:2])],
        axis=-1,
    )
    vertices[:, 3:6] = (normal / np.linalg.norm(normal, axis=-1, keepdims=True)).reshape(-1, 3)
    return vertices, triangles


def _temple(mesh: HeadMesh, side: int, x0: float, depth: float, look: Glasses) -> Solid:
    ear = mesh.vertices[(mesh.masks["ears"] > 0.5) & (mesh.vertices[:, 0] * side > 0)]
    top = ear[ear[:, 1].argmax()].astype(np.float64)
    start_x = side * (x0 + look.half_width)
    start = np.array([start_x, 0.35 * look.half_height - look.down, float(_curved(np.array(start_x), depth))])
    hinge = start + np.array([side * 0.35, 0.0, -0.5])
    end = np.array([top[0] - side * 0.1, top[1] + 0.05, top[2] - 0.2])
    far = end + np.array([-side * 0.3, -1.2, -1.2])
    middle = 0.5 * (hinge + end) + [side * 0.25, 0.1, 0]
    return tube(np.stack([start, hinge, middle, end, far]), max(0.8 * look.thickness, 0.07), up=(1.0, 0.0, 0.0))
