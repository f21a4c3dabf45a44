"""Where things are on the template head: smooth weights from its coordinates (`HeadMesh.rest`, cm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.mesh import Float32, HeadMesh


@dataclass(frozen=True, eq=False, slots=True)
class Regions:
    """(V,) float32 weights in [0, 1] each.

    Attributes:
        scalp: where hair grows, with a soft hairline.
        beard: jaw, chin and neck below; moustache: the upper lip.
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


def smooth(low: float, high: float, value: Float32) -> Float32:
    """GLSL's smoothstep; falls where low > high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _blob(rest: Float32, centre: tuple[float, float, float], radius: tuple[float, float, float]) -> Float32:
    """A Gaussian on both sides of the face."""
    mirrored = np.stack([np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]], axis=1)
    return np.exp(-0.5 * (((mirrored - np.float32(centre)) / np.float32(radius)) ** 2).sum(axis=1)).astype(np.float32)


def regions(mesh: HeadMesh) -> Regions:
    """The regions of a head; a millisecond."""
    rest = mesh.rest
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    skin = np.zeros(len(rest), np.float32)
    skin[np.unique(mesh.of_part("skin"))] = 1
    ears = mesh.masks["ears"]
    lips = mesh.masks["lips"]
    ends = -4.9 - 0.09 * x * x  # it falls towards the corners of the mouth and joins the beard there
    moustache = smooth(0.35, -0.35, y - ends) * smooth(-8.0, -7.0, y) * smooth(3.7, 2.9, x) * smooth(-1.0, 0.5, z) * (1 - lips)
    return Regions(
        scalp=skin * _scalp(x, y, z) * (1 - ears),
        beard=skin * _beard(x, y, z) * (1 - lips) * (1 - ears),
        moustache=skin * moustache,
        cheeks=_blob(rest, (4.6, -3.2, 1.0), (1.7, 1.5, 2.5)),
        nose=_blob(rest, (0.0, -3.6, 4.0), (1.3, 1.0, 1.4)),
        sockets=_blob(rest, (2.9, -1.1, 1.6), (1.6, 0.7, 1.5)),
        lips=lips,
        eyelids=mesh.masks["eyelids"],
        ears=ears,
    )


def _scalp(x: Float32, y: Float32, z: Float32) -> Float32:
    """Above the hairline: over the forehead, down the temples before the ears, round the ears to the nape."""
    # The hairline as a height that depends on how far back a place lies.
    line = np.interp(z, [-17.0, -12.0, -9.5, -7.2, -6.0, -4.6, -3.0, -1.0, 0.5, 3.0], [-7.0, -7.0, -3.5, 1.2, 0.8, 1.6, 4.4, 5.0, 5.6, 6.4])
    temple = 0.9 * smooth(1.5, 5.5, x) * smooth(-4.0, -1.0, z)
    return smooth(-0.55, 0.55, (y - line - temple).astype(np.float32))


def _beard(x: Float32, y: Float32, z: Float32) -> Float32:
    """From the side whiskers along the jaw to the chin and a little below it."""
    top = np.interp(z, [-6.5, -4.5, -2.0, 0.0, 1.5, 3.0], [0.8, -1.5, -4.2, -5.4, -6.0, -7.2])
    below = np.interp(z, [-9.0, -5.0, 0.0, 3.0], [-8.0, -11.0, -12.5, -12.5])
    return smooth(0.5, -0.6, (y - top).astype(np.float32)) * smooth(-0.8, 0.8, (y - below).astype(np.float32)) * smooth(-7.2, -6.0, z)
