"""What a renderer draws: surfaces with a material each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from training.synthetic.mesh import Float32, HeadMesh, Int32

UniformValue = float | int | tuple[float, ...] | tuple[tuple[float, ...], ...]

COLUMNS = (("in_position", 3), ("in_normal", 3), ("in_uv", 2), ("in_rest", 3), ("in_a", 4), ("in_b", 4), ("in_ao", 1))
"""What every vertex has, in this order; what in_a and in_b mean is the material's business (see its shader)."""

NOTHING, SKIN, EYE, MOUTH, HAIR, BROW, BEARD, CLOTH, LENS, FRAME, OBJECT = range(11)
"""What is seen at a pixel."""

HIDING = (HAIR, CLOTH, LENS, FRAME, OBJECT)
"""What hides a landmark that lies behind it; of lenses only dark ones are seen as such. Beards and brows do not: they
are where annotators look for the face."""


@dataclass(frozen=True, eq=False, slots=True)
class Surface:
    """One draw call.

    Attributes:
        material: name of the fragment shader.
        vertices: (V, 20) float32, see `COLUMNS`.
        triangles: (T, 3) int32.
        what: one of the numbers above.
        uniforms: values for the shader; those that the material has not are passed over.
        layers: how many times it is drawn, each time further out (fur).
        transparent: blended over what is there already, hides nothing and casts no shadow.
        casts_shadow: whether light is held up by it.
        hides: a transparent surface that hides all the same (dark lenses).
    """

    material: str
    vertices: Float32
    triangles: Int32
    what: int
    uniforms: Mapping[str, UniformValue] = field(default_factory=dict)
    layers: int = 1
    transparent: bool = False
    casts_shadow: bool = True
    hides: bool = False

    def with_uniforms(self, **more: UniformValue) -> Surface:
        return replace(self, uniforms={**self.uniforms, **more})


def pack(
    position: Float32,
    normal: Float32,
    *,
    uv: Float32 | None = None,
    rest: Float32 | None = None,
    a: Float32 | tuple[float, ...] = (1.0, 1.0, 1.0, 1.0),
    b: Float32 | tuple[float, ...] = (0.0, 0.0, 0.0, 1.0),
    ao: Float32 | float = 1.0,
) -> Float32:
    """(V, 20) float32 of the columns of a surface's vertices; (V, 3) position and normal, the rest by `COLUMNS`."""
    count = len(position)
    table = np.empty((count, sum(width for _, width in COLUMNS)), np.float32)
    table[:, 0:3] = position
    table[:, 3:6] = normal
    table[:, 6:8] = 0 if uv is None else uv
    table[:, 8:11] = position if rest is None else rest
    table[:, 11:15] = a
    table[:, 15:19] = b
    table[:, 19] = ao
    return table


def compact(vertices: Float32, triangles: Int32) -> tuple[Float32, Int32]:
    """The vertices that the triangles use, and the triangles into those."""
    used, numbers = np.unique(triangles, return_inverse=True)
    return vertices[used], numbers.reshape(-1, 3).astype(np.int32)


def part_of_head(mesh: HeadMesh, table: Float32, *parts: str) -> tuple[Float32, Int32]:
    """Vertices and triangles of some parts of a head, of a table with a row for each vertex of the head."""
    return compact(table, mesh.of_part(*parts))


def grid_triangles(rows: int, columns: int, *, count: int = 1) -> Int32:
    """(T, 3) int32: `count` grids of rows x columns vertices, one after the other."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    one = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2).reshape(-1, 3)
    offsets = np.arange(count, dtype=np.int32)[:, None, None] * (rows * columns)
    return (one[None] + offsets).reshape(-1, 3)
