"""Hairs on a head: where they root, how they grow, and the ribbons and cards they are drawn as."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.mesh import Float32, HeadMesh, Int32
from training.synthetic.scene import grid_triangles, pack

_MAP = (96, 48)
"""Columns and rows of the radius map: azimuth and height."""


@dataclass(frozen=True, eq=False, slots=True)
class Roots:
    """Places on the skin.

    Attributes:
        position, normal, rest: (S, 3) float32.
        openness: (S,) float32.
    """

    position: Float32
    normal: Float32
    rest: Float32
    openness: Float32


def scatter(mesh: HeadMesh, weight: Float32, openness: Float32, count: int, rng: np.random.Generator) -> Roots:
    """`count` places spread over the skin of the template, as densely as (V,) `weight` says."""
    triangles = mesh.of_part("skin")
    rest = mesh.rest[triangles]
    area = np.linalg.norm(np.cross(rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0]), axis=1)
    share = np.cumsum(area * weight[triangles].mean(axis=1), dtype=np.float64)
    chosen = triangles[np.searchsorted(share, rng.random(count) * share[-1])]
    u, v = rng.random((2, count))
    flipped = u + v > 1
    u, v = np.where(flipped, 1 - u, u), np.where(flipped, 1 - v, v)
    return at(mesh, openness, chosen, np.stack([1 - u - v, u, v], axis=1))


def at(mesh: HeadMesh, openness: Float32, corners: Int32, shares: NDArray[np.float64]) -> Roots:
    """Places by the corners (S, 3) of their triangles and the shares (S, 3) of those."""

    def mixed(values: Float32) -> Float32:
        return np.einsum("sk,sk...->s...", shares.astype(np.float32), values[corners])

    normal = mixed(mesh.normals)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    return Roots(mixed(mesh.vertices), normal, mixed(mesh.rest), mixed(openness))


def on_front(
    mesh: HeadMesh, openness: Float32, places: NDArray[np.float64], directions: NDArray[np.float64]
) -> tuple[Roots, Float32]:
    """Places (S, 2) of the template's front (x, y cm) on the head, and what (S, 2) unit directions there have become.

    Each is taken to the nearest triangle that faces the front and holds it. Places that none holds go to the nearest.
    """
    triangles = mesh.of_part("skin")
    rest = mesh.rest[triangles]
    low, high = places.min(axis=0) - 1, places.max(axis=0) + 1
    centre = rest.mean(axis=1)
    near = (centre[:, :2] > low).all(axis=1) & (centre[:, :2] < high).all(axis=1) & (centre[:, 2] > -3)
    triangles, rest = triangles[near], rest[near]
    e1, e2 = (rest[:, 1] - rest[:, 0])[:, :2], (rest[:, 2] - rest[:, 0])[:, :2]
    det = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    sample = places[:: max(1, len(places) // 48)]
    close = (np.linalg.norm(rest[:, None].mean(axis=2)[..., :2] - sample[None], axis=2) < 1.0).any(axis=1)
    front = (det > 1e-6) & close
    triangles, rest, e1, e2, det = triangles[front], rest[front], e1[front], e2[front], det[front]
    offset = places.astype(np.float32)[:, None] - rest[None, :, 0, :2]
    u = (offset[..., 0] * e2[:, 1] - offset[..., 1] * e2[:, 0]) / det
    v = (offset[..., 1] * e1[:, 0] - offset[..., 0] * e1[:, 1]) / det
    inside = np.minimum(np.minimum(u, v), 1 - u - v)
    best = np.where(inside > -1e-6, 10 + rest[None, :, 0, 2], inside).argmax(axis=1)
    row = np.arange(len(places))
    u, v = u[row, best], v[row, best]
    roots = at(mesh, openness, triangles[best], np.stack([1 - u - v, u, v], axis=1))
    a = (directions[:, 0] * e2[best, 1] - directions[:, 1] * e2[best, 0]) / det[best]
    b = (directions[:, 1] * e1[best, 0] - directions[:, 0] * e1[best, 1]) / det[best]
    now = mesh.vertices[triangles[best]]
    moved = a[:, None] * (now[:, 1] - now[:, 0]) + b[:, None] * (now[:, 2] - now[:, 0])
    return roots, (moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)).astype(np.float32)


class Hull:
    """The outside of head, neck and shoulders as a distance from a point within, in every direction."""

    centre = np.array([0.0, -1.0, -6.0], np.float32)

    def __init__(self, mesh: HeadMesh) -> None:
        triangles = mesh.of_part("skin", "torso")
        corners = mesh.vertices[triangles]
        points = np.concatenate(
            [corners.reshape(-1, 3), corners.mean(axis=1), *((corners[:, k] + corners[:, k - 1]) / 2 for k in range(3))]
        )
        offset = points - self.centre
        far = np.linalg.norm(offset, axis=1)
        x, y = self._place(offset / far[:, None])
        columns, rows = _MAP
        radius = np.zeros((rows, columns), np.float32)
        np.maximum.at(
            radius,
            (np.rint(y).astype(int) % rows, np.rint(x).astype(int) % columns),
            np.minimum(far, 40.0).astype(np.float32),
        )
        wide = np.concatenate([radius, radius, radius], axis=1)
        for _ in range(6):  # directions that no point fell into
            grown = cv2.dilate(wide, np.ones((3, 3), np.uint8))
            wide = np.where(wide > 0, wide, grown)
        wide = cv2.GaussianBlur(wide, (0, 0), 0.7)
        self._radius = np.ascontiguousarray(wide[:, columns : 2 * columns])

    @staticmethod
    def _place(unit: Float32) -> tuple[Float32, Float32]:
        columns, rows = _MAP
        azimuth = np.arctan2(unit[:, 0], unit[:, 2]) / (2 * np.pi) + 0.5
        x, y = azimuth * (columns - 1), (unit[:, 1] * 0.5 + 0.5) * (rows - 1)
        return x.astype(np.float32), y.astype(np.float32)

    def height(self, points: Float32) -> tuple[Float32, Float32]:
        """(S,) cm outside of the surface, negative within, and (S, 3) the outward directions at (S, 3) points."""
        offset = points - self.centre
        far = np.maximum(np.linalg.norm(offset, axis=1), 1e-3)
        unit = (offset / far[:, None]).astype(np.float32)
        x, y = (each[:, None] for each in self._place(unit))
        surface = cv2.remap(self._radius, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
        return (far - surface).astype(np.float32), unit

    def pushed_out(self, points: Float32, margin: Float32) -> tuple[Float32, Float32, NDArray[np.bool_]]:
        """(S, 3) points kept at least (S,) `margin` cm outside; the outward directions; which were moved."""
        height, unit = self.height(points)
        missing = np.maximum(margin - height, 0)
        return points + missing[:, None] * unit, unit, missing > 0


@dataclass(frozen=True, eq=False, slots=True)
class Growth:
    """How hairs grow; per strand arrays of (S,) or (S, 3).

    Attributes:
        length: cm. start: unit directions at the root. pull: what bends them, per cm.
        stiffness: cm over which the start is kept.
        margin: cm kept from the skin at the tip.
        curl: radius of the curls in cm; turns: per cm.
        cling: how much hair sinks back to the head.
        sweep: (S,) how strongly hair that would fall over the face is drawn to the right (negative: to the left).
    """

    length: Float32
    start: Float32
    pull: Float32
    stiffness: float
    margin: Float32
    curl: float
    turns: float
    cling: float
    sweep: Float32


def grow(roots: Roots, growth: Growth, hull: Hull, steps: int, rng: np.random.Generator) -> Float32:
    """(S, steps + 1, 3) float32 paths of hairs that bend with their pull and stay outside of the head."""
    count = len(roots.position)
    path = np.empty((count, steps + 1, 3), np.float32)
    path[:, 0] = roots.position + 0.02 * roots.normal
    heading: Float32 = growth.start.copy()
    step = (growth.length / steps)[:, None]
    phase = rng.random(count).astype(np.float32) * 6.2832
    sway = rng.normal(0, 1, (count, 3)).astype(np.float32)
    for k in range(steps):
        bend = np.minimum(step / growth.stiffness, 0.8)
        far, outward = hull.height(path[:, k])
        margin = growth.margin * np.float32(min(1.0, (k + 1) / (0.3 * steps)))
        # Hair lies on hair: what stands off further than its layer sinks back, the more the closer it is to the head.
        sink = growth.cling * np.clip((far - margin) / 3.0, 0, 1) * (far < 9.0)
        aim = growth.pull + 0.18 * sway - sink[:, None] * outward
        here = path[:, k]
        before = (here[:, 2] > -4.5) & (here[:, 1] < 8.0) & (np.abs(here[:, 0]) < 7.5)
        aim[:, 0] += before * growth.sweep
        aim[:, 2] -= before * 0.6 * np.abs(growth.sweep)
        aim /= np.maximum(np.linalg.norm(aim, axis=1, keepdims=True), 1e-6)
        heading = ((1 - bend) * heading + bend * aim).astype(np.float32)
        heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-6)
        path[:, k + 1], outward, moved = hull.pushed_out((path[:, k] + step * heading).astype(np.float32), margin)
        inward = np.minimum((heading * outward).sum(axis=1, keepdims=True), 0)
        heading = np.where(moved[:, None], heading - inward * outward, heading).astype(np.float32)
    if growth.curl > 0:
        angle = phase[:, None] + 6.2832 * growth.turns * growth.length[:, None] * np.linspace(0, 1, steps + 1)
        swell = growth.curl * np.minimum(1, np.linspace(0, 3, steps + 1))
        path[..., 0] += swell * np.cos(angle)
        path[..., 1] += 0.5 * swell * np.sin(2.1 * angle + 1)
        path[..., 2] += swell * np.sin(angle)
    return path


def ribbons(
    path: Float32,
    outward: Float32,
    width: Float32,
    *,
    random: Float32,
    light: Float32,
    opacity: Float32 | float = 1.0,
    ao: Float32 | float = 1.0,
) -> tuple[Float32, Int32]:
    """Flat strips along paths, as vertices and triangles of a surface of material "hair".

    Args:
        path: (S, K, 3).
        outward: (S, K, 3) about where the strip's face looks.
        width: (S, K) cm.
        random: (S,) in [0, 1], tells strips apart.
        light: (S, K) how much light reaches this depth.
        opacity: (S,) or one for all. ao: (S,) or one for all.
    """
    count, length, _ = path.shape
    tangent = np.gradient(path, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-6)
    aside = np.cross(tangent, outward)
    aside /= np.maximum(np.linalg.norm(aside, axis=2, keepdims=True), 1e-6)
    normal = np.cross(aside, tangent)
    half = 0.5 * width[..., None] * aside
    bulge = 0.35 * width[..., None] * normal
    edges = np.stack([path - half, path + bulge * 0.3, path + half], axis=2)
    tilt = np.stack([normal - 0.6 * aside, normal, normal + 0.6 * aside], axis=2)
    tilt /= np.linalg.norm(tilt, axis=3, keepdims=True)
    shape = (count, length, 3)
    a = np.empty((*shape, 4), np.float32)
    a[..., 0] = np.linspace(0, 1, length, dtype=np.float32)[None, :, None]
    a[..., 1] = random[:, None, None]
    a[..., 2] = light[:, :, None]
    a[..., 3] = opacity[:, None, None] if isinstance(opacity, np.ndarray) else opacity
    b = np.ones((*shape, 4), np.float32)
    b[..., :3] = tangent[:, :, None]
    uv = np.zeros((*shape, 2), np.float32)
    uv[..., 0] = (0.0, 0.5, 1.0)
    flat_ao = (
        np.broadcast_to(np.asarray(ao, np.float32).reshape(-1, 1, 1), shape).reshape(-1)
        if isinstance(ao, np.ndarray)
        else ao
    )
    table = pack(
        edges.reshape(-1, 3),
        tilt.reshape(-1, 3),
        uv=uv.reshape(-1, 2),
        a=a.reshape(-1, 4),
        b=b.reshape(-1, 4),
        ao=flat_ao,
    )
    return table, grid_triangles(length, 3, count=count)
