"""The edge of the face as it is labelled in pictures: jaw line on the near side, silhouette of the cheek on the far
one.

The 17 (33) points of the jaw have no place of their own on the skin. Labelled pictures have them on the visible edge of
the face, evenly from the level of the eyes to the chin: where the face is turned away that is the outline of the cheek,
not the jaw behind it (Sagonas et al., "300 Faces In-The-Wild Challenge", 2013; Wu et al., "Look at Boundary", 2018). As
in the landmark marching of Zhu et al., "High-Fidelity Pose and Expression Normalization", 2015, each point of the jaw's
edge owns a line across the cheek; the edge of the face is the outermost point of each line as the camera sees it, and
the labels are spaced along it, from either end to the chin, as those of labelled pictures are. A line ends where eye,
nose or mouth begin: in a profile the far edge runs over the hidden cheek beside nose and lips, not along their outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.synthetic.head_model import HeadModel, head_model
from training.synthetic.mesh import PARTS, HeadMesh
from training.synthetic.pose import View
from training.synthetic.surface_curves import SurfaceCurve, locate, surface_curves

FloatArray = NDArray[np.float64]

_LINES = 49
"""Lines a side; they lie evenly along the jaw's edge."""

_STEPS = 15
"""Points on each line, about 5 mm apart: 0.1 mm where a cheek's outline bulges between two of them."""


@dataclass(frozen=True, eq=False, slots=True)
class EdgeLines:
    """The lines of one side, which the edge of the face may wander on.

    Attributes:
        lines: L * K nodes, line after line from the level of the eyes to the chin, each from the jaw inwards.
        outward: (L, 2) unit vectors, where outwards is in the plane of the face: x to the viewer's right, y up.
    """

    lines: SurfaceCurve
    outward: FloatArray


@dataclass(frozen=True, slots=True)
class Spacing:
    """How a scheme spaces the points of one side, from the level of the eyes to the chin, in the picture.

    Attributes:
        front: lengths between neighbours in faces seen from the front; they sum to 1.
        far, near: what is added to them on the side that is turned away and on the other, times the sine of the turn;
            sum 0.
    """

    front: tuple[float, ...]
    far: tuple[float, ...]
    near: tuple[float, ...]

    def shares(self, turned: float) -> FloatArray:
        """(segments + 1,) from 0 to 1, where the points lie; `turned` is the sine of the turn, > 0 on the far side."""
        change = np.array(self.far if turned > 0 else self.near) * min(abs(turned), 0.75)
        return np.concatenate([[0.0], np.cumsum(np.array(self.front) + change)])


SPACING_68 = Spacing(
    front=(0.127, 0.119, 0.115, 0.130, 0.125, 0.103, 0.121, 0.160),
    far=(0.045, 0.021, 0.036, 0.041, 0.010, -0.038, -0.078, -0.037),
    near=(-0.010, -0.022, -0.018, -0.011, 0.014, 0.047, 0.039, -0.039),
)
"""Means of 880 frontal and 130 turned faces with labels in iBUG's scheme: the chin's neighbours keep away from it, and
on the far side the chin's points crowd."""

SPACING_98 = Spacing((1 / 16,) * 16, (0.0,) * 16, (0.0,) * 16)
"""WFLW's points are even."""


def face_edge(mesh: HeadMesh, view: View, spacing: Spacing) -> FloatArray:
    """(2 * segments + 1, 3) cm: the points of the jaw as a scheme numbers them, from the person's right ear to the
    left."""
    right, left = (_side(mesh, view, lines, spacing) for lines in edge_lines())
    return np.concatenate([right, left[-2::-1]])


def _side(mesh: HeadMesh, view: View, edge: EdgeLines, spacing: Spacing) -> FloatArray:
    """(segments + 1, 3) cm, from the level of the eyes to the chin."""
    points = edge.lines.on(mesh).reshape(_LINES, _STEPS, 3)
    seen = view.project(points.reshape(-1, 3)).reshape(_LINES, _STEPS, 2)
    turned = _turned(view, edge)
    outward = _outward_in_image(view, edge.outward, turned)
    reach = np.einsum("lkd,ld->lk", seen, outward)
    edge_points = _along_lines(points, _smooth(reach.argmax(axis=1).astype(np.float64)))
    place = view.project(edge_points)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(place, axis=0), axis=1))])
    wanted = spacing.shares(turned) * length[-1]
    return np.stack([np.interp(wanted, length, edge_points[:, axis]) for axis in range(3)], axis=1)


def _turned(view: View, edge: EdgeLines) -> float:
    """Sine of how far the side is turned away from the camera; negative on the near side."""
    camera = -view.turn.T @ np.array(view.place)  # where the camera is, as the head sees it
    return float(-np.sign(edge.outward[0, 0]) * camera[0] / np.hypot(camera[0], camera[2]))


def _outward_in_image(view: View, outward: FloatArray, turned: float) -> FloatArray:
    """(L, 2) directions in the image, y down, that lead out of the face from the lines with `outward` (L, 2).

    On the side that is turned away the chin's outline runs upwards where that of a face seen from the front runs
    across: there the directions lean to the side with the sine of the turn, but for the chin's own.
    """
    lean = max(0.0, turned) * np.sign(outward[0, 0]) * (1 - np.linspace(0, 1, len(outward)) ** 6)
    right, up = _face_axes(view)
    return (outward[:, :1] + lean[:, None]) * right + outward[:, 1:] * up


def _face_axes(view: View) -> tuple[FloatArray, FloatArray]:
    """Unit vectors (2,) in the image: the face's way up, and what is to its right as the viewer sees it."""
    up = np.array([view.turn[0, 1], -view.turn[1, 1]])
    up /= max(float(np.linalg.norm(up)), 1e-9)
    return np.array([-up[1], up[0]]), up


def _smooth(steps: FloatArray) -> FloatArray:
    """Steps (L,) without jumps from line to line; the ends stay."""
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    middle = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    padded = np.concatenate([middle[:1], middle, middle[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def _along_lines(points: FloatArray, steps: FloatArray) -> FloatArray:
    """(L, 3) of points (L, K, 3) at fractional steps (L,)."""
    first = np.minimum(steps.astype(int), points.shape[1] - 2)
    share = (steps - first)[:, None]
    rows = np.arange(len(points))
    return points[rows, first] * (1 - share) + points[rows, first + 1] * share


@lru_cache(maxsize=1)
def edge_lines() -> tuple[EdgeLines, EdgeLines]:
    """The lines of the right side and of the left."""
    model = head_model()
    curves = surface_curves()
    right, left = (_lines_between(model, side["jaw"], side["cheek"]) for side in (curves.right, curves.left))
    return right, left


def _lines_between(model: HeadModel, jaw: SurfaceCurve, cheek: SurfaceCurve) -> EdgeLines:
    """Lines from the jaw's edge to the cheek, straight in the texture's plane, where the skin of the face is one
    sheet."""
    rest = model.rest.astype(np.float64)
    start, end = jaw.corners[:, 0], cheek.corners[:, 0]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(rest[start], axis=0), axis=1))])
    wanted = np.linspace(0, length[-1], _LINES)
    from_uv, to_uv, place = (
        np.stack([np.interp(wanted, length, values[:, axis]) for axis in range(2)], axis=1)
        for values in (model.uv[start], model.uv[end], rest[start, :2])
    )
    share = np.linspace(0, 1, _STEPS)[None, :, None]
    uv = from_uv[:, None] * (1 - share) + to_uv[:, None] * share
    skin = model.triangles[model.base.part == PARTS.index("skin")]
    return EdgeLines(SurfaceCurve(*locate(model.uv, skin, uv.reshape(-1, 2))), _outward(place))


def _outward(place: FloatArray) -> FloatArray:
    """(L, 2) unit normals of a polyline (L, 2) from an ear to the chin, away from the face, without the mesh's
    corners."""
    along = np.gradient(place, axis=0)
    wide = np.ones(9) / 9
    padded = np.pad(along, ((4, 4), (0, 0)), mode="edge")
    along = np.stack([np.convolve(padded[:, axis], wide, mode="valid") for axis in range(2)], axis=1)
    side = np.sign(place[0, 0])
    normal = np.stack([-along[:, 1] * side, along[:, 0] * side], axis=1)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)
