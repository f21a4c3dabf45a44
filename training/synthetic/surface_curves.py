"""Curves on the surface of the head: what landmarks lie on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StarmarkError
from core.toml_file import read_toml
from training.synthetic.head_model import HeadModel, head_model
from training.synthetic.mesh import PARTS, Float32, HeadMesh, Int32

DATA = Path(__file__).with_name("surface_points.toml")

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class SurfaceCurve:
    """A polyline whose nodes are fixed to the surface.

    Attributes:
        corners: (N, 3) int32 vertices of a `HeadMesh`.
        weights: (N, 3) float64 barycentric weights; each row sums to 1.
    """

    corners: Int32
    weights: FloatArray

    def on(self, mesh: HeadMesh) -> FloatArray:
        """(N, 3) cm: the nodes on a head."""
        return self.of(mesh.vertices)

    def of(self, values: NDArray[np.floating]) -> FloatArray:
        """(N, D): the nodes' share in values (V, D) of a head's vertices."""
        return np.einsum("nk,nkd->nd", self.weights, values[self.corners].astype(np.float64))


@dataclass(frozen=True, eq=False, slots=True)
class SurfaceCurves:
    """All curves, by name.

    Attributes:
        right, left: those of the person's right half and of the left.
        lengths: (N,) float64 for each curve, from 0 to 1: how far along it each node lies, on the template seen from
            the front.
    """

    right: Mapping[str, SurfaceCurve]
    left: Mapping[str, SurfaceCurve]
    lengths: Mapping[str, FloatArray]


@lru_cache(maxsize=1)
def surface_curves() -> SurfaceCurves:
    """The curves of `surface_points.toml`.

    Raises:
        StarmarkError: the package anny is missing.
    """
    model = head_model()
    data = read_toml(DATA, StarmarkError, "the file of surface points")
    curves: Mapping[str, Any] = data["curves"]
    right = {name: _of_vertices(model, numbers, mirrored=False) for name, numbers in curves.items()}
    left = {name: _of_vertices(model, numbers, mirrored=True) for name, numbers in curves.items()}
    for name, places in data["front"].items():
        front = np.array(places, np.float64)
        right[name] = _on_front(model, front)
        left[name] = _on_front(model, front * [-1, 1])
    front = model.rest[:, :2].astype(np.float64)
    lengths = {name: _lengths(curve.of(front)) for name, curve in right.items()}
    return SurfaceCurves(right, left, lengths)


def _lengths(nodes: FloatArray) -> FloatArray:
    """(N,) how far along a polyline (N, D) its nodes lie, 0 to 1."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1))])
    return length / length[-1]


def brow_outline() -> tuple[FloatArray, FloatArray]:
    """The right and the left eyebrow on the template: closed polygons (N, 2) of x and y in `HeadMesh.rest`, cm."""
    front = read_toml(DATA, StarmarkError, "the file of surface points")["front"]
    right = np.array(front["brow upper"] + front["brow lower"][:0:-1], np.float64)
    return right, right * [-1, 1]


def first_split(model: HeadModel) -> Int32:
    """(B,) for each base vertex the first vertex of a `HeadMesh` that was made of it."""
    first = np.zeros(len(model.base.ids), np.int32)
    first[model.split[::-1]] = np.arange(len(model.split) - 1, -1, -1)
    return first


def _of_vertices(model: HeadModel, numbers: list[int], *, mirrored: bool) -> SurfaceCurve:
    base = np.array([model.number_of(number) for number in numbers])
    if mirrored:
        base = model.base.mirror[base]
    vertices = first_split(model)[base]
    return SurfaceCurve(np.repeat(vertices[:, None], 3, axis=1), np.tile([1.0, 0.0, 0.0], (len(vertices), 1)))


def _on_front(model: HeadModel, places: FloatArray) -> SurfaceCurve:
    """The foremost points of the template's skin at places (N, 2), cm."""
    triangles = model.triangles[model.base.part == PARTS.index("skin")]
    found = locate(model.rest[:, :2], triangles, places, nearness=model.rest[:, 2])
    return SurfaceCurve(*found)


def locate(
    plane: Float32, triangles: Int32, places: FloatArray, nearness: Float32 | None = None
) -> tuple[Int32, FloatArray]:
    """The triangle that each place lies in, and the place's barycentric weights there.

    Args:
        plane: (V, 2) where the vertices are in the plane.
        triangles: (T, 3) into the vertices.
        places: (N, 2) in the plane.
        nearness: (V,) of several triangles the one with the greatest is taken; else the first.

    Returns:
        (N, 3) vertices and (N, 3) weights.

    Raises:
        ValueError: a place lies in no triangle.
    """
    a, b, c = (plane[triangles[:, corner]].astype(np.float64) for corner in range(3))
    area = _cross(b - a, c - a)
    whole = np.abs(area) > 1e-12
    safe = np.where(whole, area, 1.0)
    corners, weights = [], []
    for place in places:
        first = _cross(b - place, c - place) / safe
        second = _cross(c - place, a - place) / safe
        third = 1 - first - second
        inside = np.flatnonzero(whole & (np.minimum(np.minimum(first, second), third) >= -1e-9))
        if not len(inside):
            raise ValueError(f"no triangle holds {place}")
        shares = np.stack([first, second, third], axis=1)[inside]
        best = 0
        if nearness is not None:
            best = int((shares * nearness[triangles[inside]]).sum(axis=1).argmax())
        corners.append(triangles[inside[best]])
        weights.append(shares[best])
    return np.array(corners, np.int32), np.array(weights)


def _cross(one: FloatArray, other: FloatArray) -> FloatArray:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
