"""One drag of one or many points, free or held to a direction. Made at the press, asked at every move of the mouse."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from core.ambiguity import eigen
from core.face import FloatArray, Label, Prediction
from core.moves.rail import Rail, rail
from core.scheme import Scheme


class Constraint(Enum):
    """Where a drag may lead."""

    FREE = "free"
    CURVE = "curve"
    """Along the smooth curve of the point's region, between its neighbours."""
    MAJOR = "major"
    """Along the major axis of each point's predicted ellipse: the direction of ambiguity."""
    MINOR = "minor"
    """Across it."""


class Drag:
    """Where points go when one of them is dragged.

    Args:
        label: what is shown at the press.
        scheme: of the label.
        grabbed: the point in the hand; it must have a place.
        weights: (N,) in [0, 1], which part of the way each point goes, as `core.moves.soft.weights` gives them.
        prediction: of the same scheme, or None; without it there are no axes.
    """

    def __init__(
        self, label: Label, scheme: Scheme, grabbed: int, weights: FloatArray, prediction: Prediction | None = None
    ) -> None:
        self._points = label.points
        self._grabbed = grabbed
        self._region = scheme.region_of(grabbed)
        self._prediction = prediction
        self._rail: Rail | None = None
        self.set_weights(weights)

    @property
    def start(self) -> FloatArray:
        """(2,) px, where the grabbed point was."""
        return self._points[self._grabbed]

    @property
    def indices(self) -> NDArray[np.intp]:
        """(K,) the points that may move."""
        return self._indices

    def set_weights(self, weights: FloatArray) -> None:
        """Let other points follow, or further."""
        self._weights = weights
        self._indices = np.flatnonzero(weights > 0)

    def possible(self, constraint: Constraint) -> bool:
        """Whether the grabbed point has such a direction."""
        if constraint is Constraint.FREE:
            return True
        if constraint is Constraint.CURVE:
            return self._slide_rail() is not None
        return self._prediction is not None and bool(np.isfinite(self._prediction.covariance[self._grabbed]).all())

    def to(self, xy: FloatArray, constraint: Constraint = Constraint.FREE) -> FloatArray:
        """Places (K, 2) px of `indices` when the grabbed point is dragged towards `xy` (2,); free if not `possible`."""
        shift = np.asarray(xy, np.float64) - self.start
        if self.possible(constraint):
            if constraint is Constraint.CURVE:
                return self._slid(np.asarray(xy, np.float64))
            if constraint is not Constraint.FREE:
                return self._along_axes(shift, constraint)
        return self._points[self._indices] + self._weights[self._indices, None] * shift

    def _along_axes(self, shift: FloatArray, constraint: Constraint) -> FloatArray:
        """Each point by the part of the shift that lies on its own axis; by nothing where it has none."""
        assert self._prediction is not None
        angle = eigen(self._prediction.covariance[self._indices]).angle
        if constraint is Constraint.MINOR:
            angle = angle + np.pi / 2
        axis = np.nan_to_num(np.stack([np.cos(angle), np.sin(angle)], axis=1))
        part = (axis @ shift) * self._weights[self._indices]
        return self._points[self._indices] + part[:, None] * axis

    def _slid(self, xy: FloatArray) -> FloatArray:
        track = self._slide_rail()
        assert track is not None
        places = self._points.copy()
        at = int(np.flatnonzero(track.indices == self._grabbed)[0])
        places[track.indices] = track.slide(self._weights[track.indices], track.way(float(track.arcs[at]), xy))
        fixed = self._weights == 0
        places[fixed] = self._points[fixed]
        return places[self._indices]

    def _slide_rail(self) -> Rail | None:
        if self._rail is None and self._region is not None:
            self._rail = rail(self._points, self._region)
        return self._rail
