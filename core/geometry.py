"""Contours through landmarks: smooth curves, arc length, sliding along them, tangents, and hit tests.

Coordinates are image px (any isotropic unit works). Missing points (NaN) are left out of a curve. Nothing here knows
about screens; the window and the statistics share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from core.face import FloatArray
from core.scheme import Region, Scheme

_SAME = 1e-9
"""px; neighbours closer than this are one point of a curve (labels of whole numbers often coincide)."""


class Place(NamedTuple):
    """A place on a contour: `arc` px from its start, `xy` (2,) px, and the `distance` px of the point asked about."""

    arc: float
    xy: FloatArray
    distance: float


@dataclass(frozen=True, eq=False, slots=True)
class Contour:
    """A polyline measured by arc length.

    Attributes:
        vertices: (K, 2) float64, px, K >= 1; of a closed contour the first is repeated at the end.
        closed: whether moving on from the end arrives at the start.
        arcs: (K,) float64, px, arc length at each vertex, from 0.
    """

    vertices: FloatArray
    closed: bool
    arcs: FloatArray

    @property
    def length(self) -> float:
        """Whole arc length, px."""
        return float(self.arcs[-1])

    def at(self, arc: float) -> FloatArray:
        """The point (2,) at `arc` px from the start; wraps round a closed contour, stops at the ends of an open one."""
        if self.closed and self.length > 0:
            arc %= self.length
        return np.array([np.interp(arc, self.arcs, self.vertices[:, axis]) for axis in (0, 1)])

    def project(self, xy: ArrayLike) -> Place:
        """The place of the contour nearest to `xy` (2,) px."""
        point = np.asarray(xy, np.float64)
        start, step = self.vertices[:-1], np.diff(self.vertices, axis=0)
        if not len(step):
            return Place(0.0, self.vertices[0].copy(), float(np.hypot(*(point - self.vertices[0]))))
        square = (step**2).sum(axis=1)
        along = ((point - start) * step).sum(axis=1)
        share = np.clip(np.divide(along, square, out=np.zeros_like(square), where=square > 0), 0.0, 1.0)
        foot = start + share[:, None] * step
        distance = np.hypot(*(point - foot).T)
        nearest = int(distance.argmin())
        arc = self.arcs[nearest] + share[nearest] * (self.arcs[nearest + 1] - self.arcs[nearest])
        return Place(float(arc), foot[nearest], float(distance[nearest]))

    def slide(self, xy: ArrayLike, distance: float) -> FloatArray:
        """`xy` (2,) px brought onto the contour and moved `distance` px along it (negative: backwards)."""
        return self.at(self.project(xy).arc + distance)


def contour(vertices: ArrayLike, closed: bool = False) -> Contour | None:
    """A contour through `vertices` (K, 2) px, NaN rows left out, closed by its first if asked; None of nothing."""
    kept = _distinct(_present(np.asarray(vertices, np.float64)), closed)
    if not len(kept):
        return None
    if closed and len(kept) > 1:
        kept = np.vstack([kept, kept[:1]])
    arcs = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(kept, axis=0).T))])
    return Contour(kept, closed, arcs)


def region_polyline(points: FloatArray, region: Region) -> FloatArray:
    """Vertices (K, 2) px of a region's straight-edged curve through `points` (N, 2); K = 0 of fewer than two known."""
    made = contour(points[list(region.indices)], region.closed)
    return np.empty((0, 2)) if made is None or len(made.vertices) < 2 else made.vertices


def region_spline(points: FloatArray, region: Region, samples: int = 8) -> FloatArray:
    """Vertices (K, 2) px of a region's smooth curve, `samples` a span, through `points` (N, 2); K = 0 as above."""
    return spline(points[list(region.indices)], region.closed, samples)


def region_contour(points: FloatArray, region: Region, samples: int = 8) -> Contour | None:
    """A region's smooth curve with arc length, for sliding a point along it; None if fewer than two are known."""
    curve = region_spline(points, region, samples)
    if not len(curve):
        return None
    closed = len(curve) > 2 and np.array_equal(curve[0], curve[-1])  # two points make no ring
    return contour(curve[:-1] if closed else curve, closed)


def spline(vertices: ArrayLike, closed: bool = False, samples: int = 8) -> FloatArray:
    """A smooth curve (K, 2) through `vertices` (M, 2), which are on it, `samples` points a span.

    A centripetal Catmull-Rom spline (Yuksel, Schaefer, Keyser 2011: knots at the square roots of the chords), since it
    makes no loops or overshoots between unevenly spaced points. NaN rows and repeated neighbours are left out. Two
    points give the straight line, fewer give K = 0. A closed curve ends where it starts.
    """
    if samples < 1:
        raise ValueError("samples must be at least 1")
    nodes = _distinct(_present(np.asarray(vertices, np.float64)), closed)
    if len(nodes) < 2:
        return np.empty((0, 2))
    closed = closed and len(nodes) > 2
    slope, knot = _slopes(nodes, closed)
    after = np.roll(nodes, -1, axis=0) if closed else nodes[1:]
    slope_after = np.roll(slope, -1, axis=0) if closed else slope[1:]
    before, slope_before = nodes[: len(after)], slope[: len(after)]
    u = np.arange(samples)[None, :, None] / samples
    step = knot[:, None, None]
    # cubic Hermite form on each span
    curve = (
        (1 + 2 * u) * (1 - u) ** 2 * before[:, None]
        + u * (1 - u) ** 2 * step * slope_before[:, None]
        + u**2 * (3 - 2 * u) * after[:, None]
        + u**2 * (u - 1) * step * slope_after[:, None]
    )
    return np.vstack([curve.reshape(-1, 2), nodes[:1] if closed else nodes[-1:]])


def tangents(vertices: ArrayLike, closed: bool = False) -> FloatArray:
    """Direction (M,) of the smooth curve at each of `vertices` (M, 2): radians in (-pi, pi], +x towards +y (down).

    NaN at missing points, and everywhere if fewer than two different points are known.
    """
    points = np.asarray(vertices, np.float64)
    known = np.isfinite(points).all(axis=1)
    angles = np.full(len(points), np.nan)
    nodes, node_of = merge_repeated(points[known], closed)
    if len(nodes) >= 2:
        slope, _ = _slopes(nodes, closed and len(nodes) > 2)
        angles[known] = np.arctan2(slope[:, 1], slope[:, 0])[node_of]
    return angles


def tangent_angles(points: FloatArray, scheme: Scheme) -> FloatArray:
    """Tangent direction (N,) of each point's contour, radians as `tangents`; of its first region if it has several.

    NaN for points in no region or missing. `points` is (N, 2), image px.
    """
    angles = np.full(len(scheme), np.nan)
    for region in reversed(scheme.regions):  # so that the first region of a point has the last word
        indices = list(region.indices)
        angles[indices] = tangents(points[indices], region.closed)
    return angles


def axis_difference(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Angle between two undirected axes given by angles in radians (...): degrees in [0, 90]."""
    turn = np.mod(np.degrees(np.asarray(first, np.float64) - np.asarray(second, np.float64)), 180.0)
    result: FloatArray = np.minimum(turn, 180.0 - turn)
    return result


def nearest_region(
    points: FloatArray, regions: Sequence[Region], xy: ArrayLike, reach: float, samples: int = 4
) -> tuple[Region, Place] | None:
    """The region whose smooth curve passes nearest to `xy` (2,), within `reach` px; None if none does."""
    best: tuple[Region, Place] | None = None
    for region in regions:
        curve = region_contour(points, region, samples)
        if curve is not None:
            place = curve.project(xy)
            if place.distance <= (reach if best is None else best[1].distance):
                best = (region, place)
    return best


def hull(points: FloatArray, margin: float = 0.0) -> FloatArray:
    """Convex outline (K, 2) px, first vertex repeated, of the known rows of `points` (N, 2), grown by `margin` px.

    K = 0 if the known points span no area and no margin gives them one.
    """
    outline = shapely.MultiPoint(_present(points)).convex_hull.buffer(margin, quad_segs=4)
    if outline.is_empty or outline.geom_type != "Polygon":
        return np.empty((0, 2))
    return shapely.get_coordinates(outline.exterior)


def polygon_contains(outline: FloatArray, xy: ArrayLike) -> NDArray[np.bool_]:
    """Whether each of `xy` (..., 2) lies in the polygon `outline` (K, 2); nothing lies in one of K < 3."""
    places = np.asarray(xy, np.float64)
    if len(outline) < 3:
        return np.zeros(places.shape[:-1], np.bool_)
    inside: NDArray[np.bool_] = shapely.contains_xy(shapely.Polygon(outline), places[..., 0], places[..., 1])
    return np.asarray(inside)


def _present(points: FloatArray) -> FloatArray:
    return points[np.isfinite(points).all(axis=1)]


def _distinct(points: FloatArray, closed: bool) -> FloatArray:
    return merge_repeated(points, closed)[0]


def merge_repeated(points: FloatArray, closed: bool) -> tuple[FloatArray, NDArray[np.intp]]:
    """`points` (K, 2) px without repeated neighbours (M, 2), and for each point (K,) the number of the one that stands
    for it; of a closed run the first and the last are neighbours. No NaN."""
    if not len(points):
        return points, np.zeros(0, np.intp)
    new = np.concatenate([[True], np.hypot(*np.diff(points, axis=0).T) > _SAME])
    node_of = np.cumsum(new) - 1
    nodes = points[new]
    if closed and len(nodes) > 1 and np.hypot(*(nodes[-1] - nodes[0])) <= _SAME:
        node_of[node_of == len(nodes) - 1] = 0
        nodes = nodes[:-1]
    return nodes, node_of


def _slopes(nodes: FloatArray, closed: bool) -> tuple[FloatArray, FloatArray]:
    """Derivative (M, 2) at each node by the knot parameter, and the knot steps (spans,); M >= 2, no repeats.

    Inner slopes are those of the parabola through a node and its neighbours, weighted as Catmull-Rom does on uneven
    knots (Barry and Goldman 1988); an open curve ends with the parabola's own slope.
    """
    ring = np.vstack([nodes, nodes[:1]]) if closed else nodes
    chord = np.diff(ring, axis=0)
    step = np.sqrt(np.hypot(*chord.T))
    rate = chord / step[:, None]
    if closed:
        before, after = np.roll(rate, 1, axis=0), rate
        step_before, step_after = np.roll(step, 1)[:, None], step[:, None]
        return (before * step_after + after * step_before) / (step_before + step_after), step
    slope = np.empty_like(nodes)
    step_before, step_after = step[:-1, None], step[1:, None]
    slope[1:-1] = (rate[:-1] * step_after + rate[1:] * step_before) / (step_before + step_after)
    slope[0] = 2 * rate[0] - slope[1] if len(nodes) > 2 else rate[0]
    slope[-1] = 2 * rate[-1] - slope[-2] if len(nodes) > 2 else rate[-1]
    return slope, step
