"""How much of its surroundings each place of the head sees: dark under the chin, beside the nose, in the ears."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.synthetic import gl
from training.synthetic.mesh import Float32, HeadMesh, vertex_normals
from training.synthetic.scene import SKIN, Surface, pack
from training.synthetic.shadow import looking_along

_SIZE = 320
_DIRECTIONS = 72
_CENTRE = np.array([0.0, -4.0, -6.0])
_RADIUS = 24.0


def bake_openness(context: Any, programs: gl.Programs, mesh: HeadMesh) -> Float32:
    """(V,) float32 in [0, 1] of the template, whatever the head: shadows of parallel lights from all sides, weighted
    with the cosine."""
    triangles = mesh.triangles
    normals = _welded_normals(mesh)
    table = pack(mesh.rest, normals)
    outside = mesh.of_part("skin", "torso", "eye")
    loaded = gl.Loaded(programs, Surface("depth", table, outside, SKIN))
    target = context.framebuffer(
        [context.renderbuffer((_SIZE, _SIZE), 1, dtype="f4")], context.depth_renderbuffer((_SIZE, _SIZE))
    )
    seen, total = np.zeros(len(table)), np.zeros(len(table))
    context.enable_only(context.DEPTH_TEST)
    for towards in _directions():
        cosine = np.maximum(normals @ towards, 0)
        seen += cosine * _visible(target, programs, loaded, mesh.rest + 0.15 * normals, towards)
        total += cosine
    loaded.release()
    share = np.where(total > 0, seen / np.maximum(total, 1e-6), 1)
    return _smoothed(share, triangles, mesh.source).astype(np.float32)


def _directions() -> NDArray[np.float64]:
    index = np.arange(_DIRECTIONS) + 0.5
    z = 1 - 2 * index / _DIRECTIONS
    turn = index * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)


def _visible(
    target: Any, programs: gl.Programs, loaded: gl.Loaded, points: Float32, towards: NDArray[np.float64]
) -> NDArray[np.bool_]:
    matrix = looking_along(-towards, _CENTRE, _RADIUS)
    target.use()
    target.clear(1.0)
    programs.set(
        "depth",
        {
            "u_clip": tuple(matrix.T.ravel()),
            "u_cut": 0.0,
            "u_strands": 0.0,
            "u_layers": 0.0,
            "u_layer_step": 0.0,
            "u_droop": 0.0,
        },
    )
    loaded.draw()
    depth = np.frombuffer(target.read(components=1, dtype="f4"), np.float32).reshape(_SIZE, _SIZE)
    place = points @ matrix[:3, :3].T + matrix[:3, 3]
    x, y = ((np.clip(place[:, k] * 0.5 + 0.5, 0, 0.9999) * _SIZE).astype(int) for k in (0, 1))
    return place[:, 2] * 0.5 + 0.5 <= depth[y, x] + 0.1 / _RADIUS


def _welded_normals(mesh: HeadMesh) -> Float32:
    """Normals of the template, smooth across seams."""
    _, first, welded = np.unique(mesh.source, return_index=True, return_inverse=True)
    return vertex_normals(mesh.rest[first], welded[mesh.triangles].astype(np.int32))[welded]


def _smoothed(
    values: NDArray[np.float64], triangles: NDArray[np.int32], source: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The mean with the neighbours, across seams, twice."""
    _, welded = np.unique(source, return_inverse=True)
    count = int(welded.max()) + 1
    corners = welded[triangles]
    value = np.bincount(welded, values, count) / np.bincount(welded, minlength=count)
    for _ in range(2):
        total, weight = value * 2, np.full(count, 2.0)
        for a, b in ((0, 1), (1, 2), (2, 0)):
            for i, j in ((a, b), (b, a)):
                total += np.bincount(corners[:, i], value[corners[:, j]], count)
                weight += np.bincount(corners[:, i], minlength=count)
        value = total / weight
    return value[welded]
