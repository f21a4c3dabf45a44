"""Mean shapes of schemes: a start for faces that nobody predicted, and where missing points are to be expected."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator

from core.face import Box, FloatArray, Label
from core.moves.movable import placed
from core.scheme import Scheme
from core.similarity import similarity

SHAPE_DIR = Path(__file__).resolve().parent.parent.parent / "resources" / "mean_shapes"

_BENDING = 3
"""Present points from which their residuals bend the expected shape."""
_CALM = 0.1
"""Smoothing of the residuals, so that one wrong point does not drag its neighbours all the way."""


@lru_cache(maxsize=16)
def mean_shape(scheme_id: str) -> FloatArray | None:
    """(N, 2) the scheme's mean shape, centred, of unit scale, upright, y down; None where there is none."""
    file = SHAPE_DIR / f"{Path(scheme_id).name}.json"
    if not file.is_file():
        return None
    points = np.array(json.loads(file.read_text(encoding="utf-8"))["points"], np.float64)
    points.setflags(write=False)
    return points


def fit_into(shape: FloatArray, box: Box) -> FloatArray:
    """`shape` (N, 2) as large as fits into `box` and in its middle, px, its proportions kept."""
    own = Box.around(shape)
    factor = min(box.w / own.w, box.h / own.h) if own.w > 0 and own.h > 0 else 1.0
    return (shape - np.array(own.center)) * factor + np.array(box.center)


def start_label(scheme: Scheme, box: Box) -> Label | None:
    """A label to begin with for a face of which only the box is known: the mean shape in it; None without one."""
    shape = mean_shape(scheme.id)
    return None if shape is None or len(shape) != len(scheme) else Label(scheme.id, fit_into(shape, box))


def expected_places(points: FloatArray, reference: FloatArray) -> FloatArray:
    """Where each point is to be expected, (N, 2) px: present ones where they are, missing ones by the others.

    The reference is laid over the present points by a similarity, then bent by their residuals (linear radial basis
    functions, which stay close to what they interpolate, unlike thin plates beyond their last point).

    Args:
        points: (N, 2) px, NaN where missing.
        reference: (N, 2): a prediction or a mean shape. Points that it misses too stay NaN.
    """
    laid = similarity(reference, points)
    expected = reference.copy() if laid is None else laid(reference)
    known = placed(points)
    anchors = known & placed(reference)
    wanted = ~known & placed(expected)
    if anchors.sum() >= _BENDING and wanted.any():
        at, inverse = np.unique(expected[anchors], axis=0, return_inverse=True)
        residual = np.zeros((len(at), 2))
        np.add.at(residual, inverse.ravel(), (points - expected)[anchors])
        residual /= np.bincount(inverse.ravel())[:, None]
        if len(at) >= _BENDING:
            bend = RBFInterpolator(at, residual, kernel="linear", degree=0, smoothing=_CALM)
            expected[wanted] += bend(expected[wanted])
    return np.where(known[:, None], points, expected)
