"""The triangle mesh of one head, as the renderer and the landmarks see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

PARTS = ("skin", "torso", "eye", "lash", "upper teeth", "lower teeth", "tongue", "mouth", "socket")
"""What a triangle belongs to. "torso" is the body below the collar, "mouth" the inside of mouth and throat, "socket"
the inside of the eye sockets behind the lids."""

MASKS = (
    "lips", "eyelids", "ears", "face", "brows", "scalp", "beard", "moustache", "nose", "nostrils", "cheeks", "neck",
)  # fmt: skip
"""Named vertex weights in [0, 1] that every head has."""


@dataclass(frozen=True, eq=False, slots=True)
class Eyeball:
    """One eyeball.

    Attributes:
        centre: (3,) float64, cm, head coordinates.
        radius: cm, of the white of the eye.
        gaze: (3,) float64 unit vector, out of the pupil.
        pupil: (3,) float64, cm, the point of the eyeball's surface in the middle of the pupil.
        iris_radius: cm, of the iris' rim about the gaze axis.
    """

    centre: NDArray[np.float64]
    radius: float
    gaze: NDArray[np.float64]
    pupil: NDArray[np.float64]
    iris_radius: float


@dataclass(frozen=True, eq=False, slots=True)
class HeadMesh:
    """A head with neck and shoulders, in head coordinates.

    Head coordinates are centimetres, right-handed: for a head that looks into the camera +x is to the viewer's right
    (the person's left), +y up, +z towards the viewer. The origin lies midway between the centres of the eyeballs.

    Vertices are split at the seams of the texture: those of one place differ in `uv` alone and share their `source`.

    Attributes:
        vertices: (V, 3) float32, cm.
        triangles: (T, 3) int32 into the vertices, counter-clockwise seen from outside.
        uv: (V, 2) float32, MakeHuman's texture layout, v up.
        normals: (V, 3) float32, unit length, smooth across seams.
        part: (T,) int8 index into `PARTS`.
        rest: (V, 3) float32, cm: where the vertex is on the template head. It is the same for all heads and
            expressions, so that textures computed from it stick to the skin.
        source: (V,) int32, number of the vertex in MakeHuman's base mesh (hm08).
        masks: (V,) float32 in [0, 1] for each name of `MASKS`.
        right_eye, left_eye: the person's right and left eyeball.
    """

    vertices: Float32
    triangles: Int32
    uv: Float32
    normals: Float32
    part: NDArray[np.int8]
    rest: Float32
    source: Int32
    masks: Mapping[str, Float32]
    right_eye: Eyeball
    left_eye: Eyeball

    def of_part(self, *names: str) -> Int32:
        """(T', 3) triangles of the named parts, in the mesh's order."""
        return self.triangles[np.isin(self.part, [PARTS.index(name) for name in names])]


def vertex_normals(vertices: Float32, triangles: Int32) -> Float32:
    """(V, 3) unit normals: the mean of the adjacent triangles' normals weighted by their area; zero where there is
    none."""
    corners = vertices[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.empty_like(vertices)
    flat = triangles.ravel()
    for axis in range(3):  # bincount adds in the order of the triangles: the same sum on every machine
        normals[:, axis] = np.bincount(flat, np.repeat(faces[:, axis], 3), len(vertices))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-12)).astype(np.float32)
