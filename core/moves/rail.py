"""The smooth curve of a region as a rail on which its points slide, their order kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.face import FloatArray
from core.geometry import Contour, merge_repeated, spline
from core.moves.movable import placed
from core.scheme import Region

SAMPLES = 12
"""Straight pieces a span of the smooth curve is measured by."""

MARGIN = 0.1
"""Part of the present gap to a neighbour that a sliding point leaves."""

_OVERHANG = 0.5
"""How far an open curve goes on straight beyond its ends, as a part of its length: an end that was set too early can
slide out, and a whole curve can slide along itself."""


@dataclass(frozen=True, eq=False, slots=True)
class Rail:
    """A region's curve through the present points.

    Attributes:
        contour: the smooth curve; an open one has straight overhangs at both ends.
        indices: (K,) intp, the region's present points, in order.
        arcs: (K,) float64, px, the place of each on `contour`; never falling.
        overhang: px beyond the first and the last point, 0 of a closed curve.
    """

    contour: Contour
    indices: NDArray[np.intp]
    arcs: FloatArray
    overhang: float

    @property
    def closed(self) -> bool:
        """Whether the curve returns to its start."""
        return self.contour.closed

    def gaps(self) -> FloatArray:
        """Arc length, px, from each point to the next: (K,) of a closed curve, (K - 1,) of an open one."""
        steps = np.diff(self.arcs)
        return np.append(steps, self.contour.length - self.arcs[-1] + self.arcs[0]) if self.closed else steps

    def place(self, arcs: FloatArray) -> FloatArray:
        """(M, 2) px at arcs (M,)."""
        track = self.contour
        at = np.mod(arcs, track.length) if self.closed else arcs
        return np.stack([np.interp(at, track.arcs, track.vertices[:, axis]) for axis in (0, 1)], axis=1)

    def limits(self, weights: FloatArray, margin: float = MARGIN) -> tuple[float, float]:
        """How far, px (lowest <= 0, highest >= 0), points may slide when each goes `weights` (K,) times as far.

        Every gap to a neighbour keeps `margin` of its length, so that the order along the curve holds.
        """
        after = np.roll(weights, -1) if self.closed else weights[1:]
        spread = after - (weights if self.closed else weights[:-1])
        low, high = -math.inf, math.inf
        for gap, change in zip(self.gaps().tolist(), spread.tolist(), strict=True):
            room = (1 - margin) * gap
            if change < 0:
                high = min(high, room / -change)
            elif change > 0:
                low = max(low, -room / change)
        if not self.closed:
            if weights[0] > 0:
                low = max(low, -self.arcs[0] / weights[0])
            if weights[-1] > 0:
                high = min(high, (self.contour.length - self.arcs[-1]) / weights[-1])
        return low, high

    def slide(self, weights: FloatArray, distance: float, margin: float = MARGIN) -> FloatArray:
        """Places (K, 2) px of all points after a slide by `distance` px, cut short where the order would break.

        Args:
            weights: (K,) in [0, 1], part of the distance that each point goes.
        """
        low, high = self.limits(weights, margin)
        return self.place(self.arcs + weights * min(max(distance, low), high))

    def way(self, start: float, xy: FloatArray) -> float:
        """Distance, px, from the place at arc `start` to the one nearest to `xy` (2,), the shorter way round."""
        distance = self.contour.project(xy).arc - start
        if self.closed:
            length = self.contour.length
            distance = (distance + length / 2) % length - length / 2
        return distance


def rail(points: FloatArray, region: Region) -> Rail | None:
    """The rail of a region through `points` (N, 2) px; None where fewer than two of its points are apart."""
    order = np.array(region.indices, np.intp)
    indices = order[placed(points[order])]
    closed = region.closed
    nodes, node_of = merge_repeated(points[indices], closed)
    if closed and len(nodes) < 3:  # two points make no ring
        closed = False
        nodes, node_of = merge_repeated(points[indices], closed)
    if len(nodes) < 2:
        return None
    curve = spline(nodes, closed, SAMPLES)
    overhang = 0.0
    if not closed:
        overhang = _OVERHANG * float(np.hypot(*np.diff(curve, axis=0).T).sum())
        first, last = _away(curve[1], curve[0]), _away(curve[-2], curve[-1])
        curve = np.vstack([curve[0] + overhang * first, curve, curve[-1] + overhang * last])
    arcs = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    node_arcs = arcs[node_of * SAMPLES + (0 if closed else 1)]
    if closed and node_of[-1] == 0:  # the last lies on the first: at the end of the way round
        node_arcs[np.flatnonzero(node_of)[-1] + 1 :] = arcs[-1]
    return Rail(Contour(curve, closed, arcs), indices, node_arcs, overhang)


def _away(inner: FloatArray, end: FloatArray) -> FloatArray:
    step = end - inner
    return step / max(float(np.hypot(*step)), 1e-12)
