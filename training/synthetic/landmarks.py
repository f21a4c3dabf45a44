"""Where the landmarks of a scheme lie on a head, and where a camera sees them.

Definitions are those of the iBUG 68-point markup (Sagonas et al., "300 Faces In-The-Wild Challenge", 2013) and of
WFLW's 98 points (Wu et al., "Look at Boundary: A Boundary-Aware Face Alignment Algorithm", 2018). Points of lids, lips,
brows and nose are fixed to the skin (`surface_points.toml`); those of the jaw depend on the view (`contours`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import StarmarkError
from core.face import ByteArray, FloatArray, Label, Visibility
from core.scheme import get_scheme
from core.scheme_map import convert_label, find_map
from training.synthetic.contours import SPACING_68, SPACING_98, face_edge
from training.synthetic.mesh import HeadMesh
from training.synthetic.pose import View
from training.synthetic.surface_curves import surface_curves
from training.synthetic.visibility import self_occluded

SCHEMES = ("300w-68", "wflw-98")
"""Schemes that are measured on the head; "cofw-29" follows from WFLW by the scheme map."""

_SKIN_TOLERANCE = 0.5
"""cm that skin may lie before a point which is seen none the less: the depth of the crease at a closed mouth or the
corner of an eye, and what an outline's chord cuts off."""

_EDGE_TOLERANCE = 1.5
"""cm, the same for the edge of the face: where it is an outline, a little aside is much in depth."""

_MOUTH_TOLERANCE = 1.0
"""cm, the same for the line where the lips touch, which labelled faces have on closed and on pressed mouths alike."""

_PUPIL_TOLERANCE = 0.05
"""cm: lids are thin, and a pupil behind them is hidden."""

_MIDDLE = 0.69
"""Where along the inner lips, from the corner to the middle, the points beside the middle lie in labelled faces."""


@dataclass(frozen=True, eq=False, slots=True)
class FaceLandmarks:
    """The landmarks of one face in one picture.

    Attributes:
        scheme: id of the scheme.
        space: (N, 3) float64, cm, head coordinates.
        points: (N, 2) float64, image px.
        visibility: (N,) uint8 of `core.face.Visibility`: VISIBLE, OCCLUDED by the head itself, or OUTSIDE the picture.
    """

    scheme: str
    space: FloatArray
    points: FloatArray
    visibility: ByteArray

    def label(self) -> Label:
        """As a label of the project."""
        return Label(self.scheme, self.points, self.visibility)


def face_landmarks(mesh: HeadMesh, view: View, scheme: str) -> FaceLandmarks:
    """The landmarks of `scheme`, one of `SCHEMES`.

    Raises:
        StarmarkError: they are not known for this scheme.
    """
    if scheme not in SCHEMES:
        raise StarmarkError(
            f"synthetic faces have no landmarks of '{scheme}'", remedy=f"Use one of {', '.join((*SCHEMES, 'cofw-29'))}"
        )
    along = _curve_points(mesh)
    space = (_points_68 if scheme == "300w-68" else _points_98)(mesh, view, along)
    points = view.project(space)
    tolerance = _tolerances(scheme)
    hidden = self_occluded(mesh, view, space, tolerance)
    edge = _region(scheme, "jaw")
    hidden[edge] &= self_occluded(mesh, view, _moved_out(view, space[edge], points), tolerance[edge])
    visibility = np.zeros(len(space), np.uint8)
    visibility[hidden] = Visibility.OCCLUDED
    visibility[~view.inside(points)] = Visibility.OUTSIDE
    return FaceLandmarks(scheme, space, points, visibility)


def _tolerances(scheme: str) -> FloatArray:
    """(N,) cm for `self_occluded`."""
    tolerance = np.full(len(get_scheme(scheme)), _SKIN_TOLERANCE)
    tolerance[_region(scheme, "jaw")] = _EDGE_TOLERANCE
    tolerance[_region(scheme, "inner lips")] = _MOUTH_TOLERANCE
    if scheme == "wflw-98":
        tolerance[96:] = _PUPIL_TOLERANCE
    return tolerance


def _region(scheme: str, name: str) -> list[int]:
    return next(list(region.indices) for region in get_scheme(scheme).regions if region.name == name)


def _moved_out(view: View, edge: FloatArray, points: FloatArray) -> FloatArray:
    """Points (E, 3) of the face's edge, 2 mm outwards as the camera sees it: an outline is seen at its outer side.

    `points` (N, 2) are all landmarks, image px; outwards is away from their middle.
    """
    out = points[: len(edge)] - points.mean(axis=0)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    step = 0.2 * np.stack([out[:, 0], -out[:, 1], np.zeros(len(out))], axis=1)
    return edge + step @ view.turn  # rows times the matrix: back to head axes


def face_label(mesh: HeadMesh, view: View, scheme: str) -> Label:
    """The landmarks as a label of one of `SCHEMES`, or of "cofw-29" or another that a scheme map makes of WFLW.

    Raises:
        StarmarkError: there is no way to the scheme.
    """
    if scheme in SCHEMES:
        return face_landmarks(mesh, view, scheme).label()
    return convert_label(face_landmarks(mesh, view, "wflw-98").label(), find_map("wflw-98", scheme))


Along = Callable[[str, str, tuple[float, ...]], FloatArray]
"""Points on a curve: side, name and shares of its length from its start."""


def _curve_points(mesh: HeadMesh) -> Along:
    """A function that gives points (n, 3) of this head's curves.

    Lengths are those of the template as seen from the front: annotators space points evenly in the picture, and a share
    is the same place on the skin for every head, expression and view.
    """
    curves = surface_curves()
    sides = {"right": curves.right, "left": curves.left}

    def along(side: str, name: str, shares: tuple[float, ...]) -> NDArray[np.float64]:
        nodes = sides[side][name].on(mesh)
        lengths = curves.lengths[name]
        return np.stack([np.interp(shares, lengths, nodes[:, axis]) for axis in range(3)], axis=1)

    return along


def _points_68(mesh: HeadMesh, view: View, along: Along) -> FloatArray:
    brow = (0.0, 0.25, 0.5, 0.75, 1.0)
    third = (1 / 3, 2 / 3)
    return np.concatenate([
        face_edge(mesh, view, SPACING_68),
        along("right", "brow", brow),
        along("left", "brow", brow[::-1]),
        _nose(along),
        along("right", "upper lid", (0.0, *third, 1.0)),
        along("right", "lower lid", third[::-1]),
        along("left", "upper lid", (1.0, *third[::-1], 0.0)),
        along("left", "lower lid", third),
        _mouth(along),
    ])


def _points_98(mesh: HeadMesh, view: View, along: Along) -> FloatArray:
    brow = (0.25, 0.5, 0.75, 1.0)
    quarter = (0.25, 0.5, 0.75)
    return np.concatenate([
        face_edge(mesh, view, SPACING_98),
        along("right", "brow upper", (0.0, *brow)),
        along("right", "brow lower", brow[::-1]),
        along("left", "brow upper", (*brow[::-1], 0.0)),
        along("left", "brow lower", brow),
        _nose(along),
        along("right", "upper lid", (0.0, *quarter, 1.0)),
        along("right", "lower lid", quarter[::-1]),
        along("left", "upper lid", (1.0, *quarter[::-1], 0.0)),
        along("left", "lower lid", quarter),
        _mouth(along),
        np.stack([mesh.right_eye.pupil, mesh.left_eye.pupil]),
    ])


def _nose(along: Along) -> FloatArray:
    """(9, 3): four points down the ridge, five along the base from the person's right; the same in both schemes."""
    return np.concatenate([
        along("right", "nose bridge", (0.0, 1 / 3, 2 / 3, 1.0)),
        along("right", "nose base", (0.0, 0.5, 1.0)),
        along("left", "nose base", (0.5, 0.0)),
    ])


def _mouth(along: Along) -> FloatArray:
    """(20, 3): twelve points around the lips' red, eight where the lips part; the same in both schemes."""
    lower = (0.46, 0.73)
    return np.concatenate([
        along("right", "upper lip outer", (0.0, 0.55, 1.0)),
        along("right", "cupid's bow", (1.0,)),
        along("left", "upper lip outer", (1.0, 0.55, 0.0)),
        along("left", "lower lip outer", (*lower, 1.0)),
        along("right", "lower lip outer", lower[::-1]),
        along("right", "upper lip inner", (0.0, _MIDDLE, 1.0)),
        along("left", "upper lip inner", (_MIDDLE, 0.0)),
        along("left", "lower lip inner", (_MIDDLE, 1.0)),
        along("right", "lower lip inner", (_MIDDLE,)),
    ])
