"""Where things are on the template head: smooth weights from its coordinates (`HeadMesh.rest`, cm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.mesh import Float32, HeadMesh


@dataclass(frozen=True, eq=False, slots=True)
class Regions:
    """(V,) float32 weights in [0, 1] each.

    The first three have an edge that must look smooth although vertices are up to a centimetre apart: they rise evenly
    over several vertices and are a half at the edge ("even" weights, see `even`); shaders and `within` sharpen them.

    Attributes:
        scalp: where hair grows, even. beard: jaw, chin and neck below, even. moustache: the upper lip, even.
        cheeks, nose: where blood shows.
        sockets: about the eyes, where skin is thin.
        lips, eyelids, ears: of the mesh.
    """

    scalp: Float32
    beard: Float32
    moustache: Float32
    cheeks: Float32
    nose: Float32
    sockets: Float32
    lips: Float32
    eyelids: Float32
    ears: Float32


_EVEN = 12.0
"""cm over which even weights rise."""


def even(inside: NDArray[np.floating]) -> Float32:
    """An even weight of a place that lies `inside` cm within a region, negative outside."""
    return np.clip(0.5 + inside / _EVEN, 0, 1).astype(np.float32)


def within(weight: Float32, soft: float = 0.5) -> Float32:
    """How much a place belongs to the region of an even weight: 0 to 1 over `soft` cm on both sides of the edge."""
    return smooth(0.5 - soft / _EVEN, 0.5 + soft / _EVEN, weight)


def smooth(low: float, high: float, value: Float32) -> Float32:
    """GLSL's smoothstep; falls where low > high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _blob(rest: Float32, centre: tuple[float, float, float], radius: tuple[float, float, float]) -> Float32:
    """A Gaussian on both sides of the face."""
    mirrored = np.stack([np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]], axis=1)
    away = (mirrored - np.array(centre, np.float32)) / np.array(radius, np.float32)
    return np.exp(-0.5 * (away**2).sum(axis=1)).astype(np.float32)


def regions(mesh: HeadMesh) -> Regions:
    """The regions of a head; a millisecond."""
    rest = mesh.rest
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    ears, lips = mesh.masks["ears"], mesh.masks["lips"]
    bare = np.minimum(even(3 - 6 * ears), even(3 - 6 * lips))
    return Regions(
        scalp=np.minimum(_scalp(x, y, z), even(3 - 6 * ears)),
        beard=np.minimum(_beard(x, y, z), bare),
        moustache=np.minimum(_moustache(x, y, z), bare),
        cheeks=_blob(rest, (4.6, -3.2, 1.0), (1.7, 1.5, 2.5)),
        nose=_blob(rest, (0.0, -3.6, 4.0), (1.3, 1.0, 1.4)),
        sockets=_blob(rest, (2.9, -1.1, 1.6), (1.6, 0.7, 1.5)),
        lips=lips,
        eyelids=mesh.masks["eyelids"],
        ears=ears,
    )


_HAIRLINE = (
    (-17.0, -7.0), (-12.0, -7.0), (-9.5, -3.5), (-7.2, 1.2), (-6.0, 0.8), (-4.6, 1.6), (-3.0, 4.4), (-1.0, 5.0),
    (0.5, 5.6), (3.0, 6.4),
)  # fmt: skip
"""(z, y) cm: nape, round the ear, temple, forehead."""

_BEARD_TOP = ((-6.5, 0.8), (-4.5, -1.5), (-2.0, -4.6), (0.0, -5.9), (1.5, -6.4), (3.0, -7.4))
_BEARD_END = ((-9.0, -7.5), (-5.0, -9.8), (0.0, -11.6), (3.0, -12.2))
"""(z, y) cm of its edges on cheek and throat."""


def _height(line: tuple[tuple[float, float], ...], z: Float32) -> Float32:
    along, height = np.array(line).T
    return np.interp(z, along, height).astype(np.float32)


def _scalp(x: Float32, y: Float32, z: Float32) -> Float32:
    temple = 0.9 * smooth(1.5, 5.5, x) * smooth(-4.0, -1.0, z)
    return even(y - _height(_HAIRLINE, z) - temple)


def _beard(x: Float32, y: Float32, z: Float32) -> Float32:
    edges = np.minimum(_height(_BEARD_TOP, z) - y, y - _height(_BEARD_END, z))
    return even(np.minimum(edges, z + 6.6))


def _moustache(x: Float32, y: Float32, z: Float32) -> Float32:
    top = -5.0 - 0.09 * x * x  # it falls towards the corners of the mouth and joins the beard there
    return even(np.minimum(np.minimum(top - y, y + 7.5), np.minimum(3.3 - x, z + 0.3)))
