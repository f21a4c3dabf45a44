"""Simple bodies as triangles: tubes, balls, sheets, and shells over the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.synthetic.mesh import Float32, HeadMesh, Int32
from training.synthetic.scene import compact, grid_triangles, pack

Solid = tuple[Float32, Int32]


def joined(*solids: Solid) -> Solid:
    """Several bodies as one."""
    vertices, triangles, start = [], [], 0
    for table, faces in solids:
        vertices.append(table)
        triangles.append(faces + start)
        start += len(table)
    return np.concatenate(vertices), np.concatenate(triangles)


def tube(
    path: ArrayLike, radius: ArrayLike, *, sides: int = 8, closed: bool = False, up: ArrayLike = (0.0, 0.0, 1.0)
) -> Solid:
    """A tube along (K, 3) points with a radius for all or one each (cm); `up` is not along it; ends are open."""
    line = np.asarray(path, np.float64)
    if closed:
        line = np.vstack([line, line[:1]])
    tangent = np.gradient(line, axis=0)
    if closed:
        tangent[0] = tangent[-1] = line[1] - line[-2]
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    side = np.cross(tangent, np.asarray(up, np.float64))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    third = np.cross(side, tangent)
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    normal = side[:, None] * np.cos(turn)[None, :, None] + third[:, None] * np.sin(turn)[None, :, None]
    wide = (
        np.broadcast_to(np.asarray(radius, np.float64), len(line) if not closed else (len(line),))
        if np.ndim(radius) == 0
        else np.asarray(radius)
    )
    if closed and np.ndim(radius) > 0:
        wide = np.append(wide, wide[0])
    points = line[:, None] + wide[:, None, None] * normal
    uv = np.stack(
        np.broadcast_arrays(np.linspace(0, 1, sides + 1)[None, :], np.linspace(0, len(line) / 4, len(line))[:, None]),
        axis=-1,
    )
    table = pack(
        points.reshape(-1, 3).astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        uv=uv.reshape(-1, 2).astype(np.float32),
    )
    return table, grid_triangles(len(line), sides + 1)


def capsule(start: ArrayLike, end: ArrayLike, radius: float, tip: float) -> Solid:
    """A finger: a tube with round ends."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    t = np.array([-1.0, -0.9, -0.6, 0.0, 0.35, 0.7, 1.0, 1.6, 1.9, 2.0])
    place = np.clip(t, 0, 1)
    axis = (b - a) / np.linalg.norm(b - a)
    wide = radius + (tip - radius) * place
    before, after = np.minimum(t, 0), np.maximum(t - 1, 0)
    line = a + place[:, None] * (b - a) + ((before + after) * wide)[:, None] * axis
    shrink = np.sqrt(np.maximum(1 - (before + after) ** 2, 0.0))
    knuckle = 1 + 0.06 * np.cos(place * 4 * np.pi)
    up = np.cross(axis, [0.3, 0.8, 0.5])
    return tube(line, np.maximum(wide * shrink * knuckle, 1e-3), sides=10, up=up)


def ball(centre: ArrayLike, radii: ArrayLike, *, rows: int = 14, columns: int = 20) -> Solid:
    """An ellipsoid along the axes."""
    theta = np.linspace(0, np.pi, rows)[:, None]
    phi = np.linspace(0, 2 * np.pi, columns)[None, :]
    unit = np.stack(
        np.broadcast_arrays(np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)), axis=-1
    )
    points = np.asarray(centre) + unit * np.asarray(radii)
    normal = unit / np.asarray(radii)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    uv = np.stack(np.broadcast_arrays(phi / np.pi, theta / np.pi), axis=-1)
    table = pack(
        points.reshape(-1, 3).astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        uv=uv.reshape(-1, 2).astype(np.float32),
    )
    return table, grid_triangles(rows, columns)


def sheet(points: NDArray[np.floating], uv: NDArray[np.floating] | None = None) -> Solid:
    """A surface through (rows, columns, 3) points."""
    rows, columns, _ = points.shape
    down, across = np.gradient(points, axis=0), np.gradient(points, axis=1)
    normal = np.cross(across, down)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    normal *= np.where(normal[..., 2:] < 0, -1, 1)
    if uv is None:
        uv = np.stack(
            np.broadcast_arrays(np.linspace(0, 1, columns)[None, :], np.linspace(0, 1, rows)[:, None]), axis=-1
        )
    table = pack(
        points.reshape(-1, 3).astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        uv=uv.reshape(-1, 2).astype(np.float32),
    )
    return table, grid_triangles(rows, columns)


def shell(mesh: HeadMesh, keep: Float32, offset: Float32 | float, openness: Float32) -> Solid:
    """The skin where (V,) `keep` is above a half, moved out by `offset` cm; the weight is left in v_a.w for the cut."""
    points = mesh.vertices + np.reshape(np.asarray(offset, np.float32), (-1, 1)) * mesh.normals
    a = np.stack([np.ones_like(keep)] * 3 + [keep], axis=1)
    uv = np.stack([mesh.rest[:, 0] + 0.6 * mesh.rest[:, 2], mesh.rest[:, 1]], axis=1) / np.float32(6)
    table = pack(points, mesh.normals, uv=uv.astype(np.float32), rest=mesh.rest, a=a, ao=0.3 + 0.7 * openness)
    triangles = mesh.of_part("skin", "torso")
    return compact(table, triangles[keep[triangles].max(axis=1) >= 0.5])
