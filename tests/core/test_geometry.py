"""Contours, splines, sliding, tangents and hit tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core import geometry as geo
from core.scheme import Region, get_scheme

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
BOTH = pytest.mark.parametrize("closed", [False, True])

_vertices = hnp.arrays(np.float64, st.tuples(st.integers(2, 12), st.just(2)), elements=st.integers(-50, 50).map(float))


def _region(indices: list[int], closed: bool) -> Region:
    return Region("r", tuple(indices), closed, True, closed)


def _circle(count: int, radius: float = 100.0) -> np.ndarray:
    turn = np.arange(count) * 2 * np.pi / count
    return radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


@settings(max_examples=150, deadline=None)
@given(_vertices, st.booleans(), st.integers(1, 9))
def test_splines_pass_through_their_points(vertices: np.ndarray, closed: bool, samples: int) -> None:
    curve = geo.spline(vertices, closed, samples)
    assert np.isfinite(curve).all()
    if len(np.unique(vertices, axis=0)) < 2:
        assert len(curve) == 0
        return
    distance = np.hypot(*(curve[:, None] - vertices[None]).transpose(2, 0, 1)).min(axis=0)
    assert distance.max() < 1e-9
    assert np.allclose(curve[0], vertices[0])
    # a centripetal spline stays near its points
    assert np.abs(curve).max() <= np.abs(vertices).max() + np.ptp(vertices, axis=0).max()


def test_spline_of_a_circle_is_nearly_round() -> None:
    curve = geo.spline(_circle(16), closed=True, samples=10)
    assert np.allclose(curve[0], curve[-1])
    assert len(curve) == 161
    assert np.abs(np.hypot(*curve.T) - 100).max() < 0.2
    half = geo.spline(_circle(16)[:9], closed=False, samples=10)
    assert np.abs(np.hypot(*half.T) - 100).max() < 0.4
    assert np.allclose(half[[0, -1]], _circle(16)[[0, 8]])


def test_spline_of_a_line_is_the_line() -> None:
    curve = geo.spline(np.array([[0.0, 0], [1, 1], [7, 7], [8, 8]]))
    assert np.allclose(curve[:, 0], curve[:, 1])
    assert (np.diff(curve[:, 0]) > 0).all()
    assert geo.spline(np.array([[0.0, 0], [4, 0]]), samples=4).tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [4, 0]]


@BOTH
def test_degenerate_curves(closed: bool) -> None:
    nothing = np.full((3, 2), np.nan)
    assert geo.spline(nothing, closed).shape == (0, 2)
    assert geo.spline(np.ones((4, 2)), closed).shape == (0, 2)
    assert geo.contour(nothing, closed) is None
    single = geo.contour(np.ones((4, 2)), closed)
    assert single is not None
    assert single.length == 0
    assert single.at(5).tolist() == [1, 1]
    assert single.project((4, 5)) == (0.0, pytest.approx([1, 1]), 5.0)
    assert np.isnan(geo.tangents(np.ones((4, 2)), closed)).all()
    with pytest.raises(ValueError, match="samples"):
        geo.spline(SQUARE, closed, 0)


@BOTH
def test_missing_and_repeated_points_are_left_out(closed: bool) -> None:
    gappy = np.insert(SQUARE, 2, np.nan, axis=0)
    doubled = np.insert(SQUARE, 2, SQUARE[1], axis=0)
    expected = geo.spline(SQUARE, closed)
    assert np.array_equal(geo.spline(gappy, closed), expected)
    assert np.array_equal(geo.spline(doubled, closed), expected)
    already_closed = np.vstack([SQUARE, SQUARE[:1]])
    assert np.array_equal(geo.spline(already_closed, True), geo.spline(SQUARE, True))


def test_arc_length_and_places_on_a_square() -> None:
    ring, path = geo.contour(SQUARE, True), geo.contour(SQUARE, False)
    assert ring is not None
    assert path is not None
    assert (ring.length, path.length) == (40, 30)
    assert ring.at(15).tolist() == [10, 5]
    assert ring.at(45).tolist() == [5, 0]
    assert ring.at(-5).tolist() == [0, 5]
    assert path.at(45).tolist() == [0, 10]
    assert path.at(-5).tolist() == [0, 0]
    place = ring.project((12, 4))
    assert (place.arc, place.xy.tolist(), place.distance) == (14, [10, 4], 2)
    assert path.project((-3, 5)).distance == pytest.approx(np.hypot(3, 5))
    assert ring.project((-3, 5)) == (35, pytest.approx([0, 5]), 3)


def test_sliding_moves_by_arc_length() -> None:
    ring, path = geo.contour(SQUARE, True), geo.contour(SQUARE, False)
    assert ring is not None
    assert path is not None
    assert ring.slide((9, -1), 3).tolist() == [10, 2]
    assert ring.slide((1, -1), -3).tolist() == [0, 2]
    assert path.slide((1, -1), -3).tolist() == [0, 0]
    curve = geo.region_contour(_circle(16), _region(list(range(16)), True))
    assert curve is not None
    quarter = curve.slide((100, 0), curve.length / 4)
    assert np.allclose(quarter, (0, 100), atol=0.3)
    assert np.allclose(curve.slide(quarter, -curve.length / 4), (100, 0), atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(_vertices, st.booleans(), st.floats(-500, 500))
def test_what_is_on_a_contour_projects_to_itself(vertices: np.ndarray, closed: bool, arc: float) -> None:
    made = geo.contour(vertices, closed)
    assert made is not None
    place = made.project(made.at(arc))
    assert place.distance < 1e-9
    assert np.allclose(made.at(place.arc), made.at(arc), atol=1e-6)


def test_tangents_on_a_circle_and_ends() -> None:
    angles = geo.tangents(_circle(12), closed=True)
    expected = np.arange(12) * 2 * np.pi / 12 + np.pi / 2
    assert np.allclose(np.exp(1j * angles), np.exp(1j * expected))
    line = geo.tangents(np.array([[0.0, 0.0], [1, 1], [2, 2], [np.nan, 0], [2, 2]]))
    assert np.allclose(line[[0, 1, 2, 4]], np.pi / 4)
    assert np.isnan(line[3])
    half = geo.tangents(_circle(24)[:13])
    assert np.degrees(geo.axis_difference(0, 0)) == 0
    assert geo.axis_difference(half[0], np.pi / 2) < 1.5  # the end's slope, extrapolated
    ends = geo.tangents(np.array([[0.0, 0.0], [0, 3]]), closed=True)
    assert np.allclose(ends, np.pi / 2)


def test_tangent_angles_of_a_face() -> None:
    scheme = get_scheme("300w-68")
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    points[5] = np.nan
    angles = geo.tangent_angles(points, scheme)
    assert np.isnan(angles).nonzero()[0].tolist() == [5]
    jaw = scheme.regions[0]
    assert np.array_equal(angles[:17], geo.tangents(points[list(jaw.indices)], jaw.closed), equal_nan=True)
    pupils = geo.tangent_angles(np.random.default_rng(0).uniform(0, 100, (98, 2)), get_scheme("wflw-98"))
    assert np.isnan(pupils).nonzero()[0].tolist() == [96, 97]


def test_a_point_of_two_regions_takes_the_first() -> None:
    scheme = get_scheme("cofw-29")
    points = np.random.default_rng(1).uniform(0, 100, (29, 2))
    first = next(region for region in scheme.regions if 22 in region.indices)
    expected = geo.tangents(points[list(first.indices)], first.closed)[first.indices.index(22)]
    assert geo.tangent_angles(points, scheme)[22] == expected


@pytest.mark.parametrize(
    ("first", "second", "degrees"),
    [(0, 0, 0), (0, 90, 90), (10, -10, 20), (89, -89, 2), (0, 180, 0), (170, -170, 20), (45, 225, 0), (-90, 90, 0)],
)
def test_axes_differ_by_at_most_90(first: float, second: float, degrees: float) -> None:
    assert geo.axis_difference(math.radians(first), math.radians(second)) == pytest.approx(degrees, abs=1e-9)
    assert geo.axis_difference(math.radians(second), math.radians(first)) == pytest.approx(degrees, abs=1e-9)


def test_axis_difference_keeps_unknown_unknown() -> None:
    assert np.isnan(geo.axis_difference(np.array([0.0, np.nan]), np.zeros(2))).tolist() == [False, True]


def test_region_curves() -> None:
    points = np.vstack([SQUARE, [[np.nan, np.nan]]])
    open_, ring = _region([0, 1, 2], False), _region([0, 1, 2, 3, 4], True)
    assert geo.region_polyline(points, open_).tolist() == SQUARE[:3].tolist()
    assert geo.region_polyline(points, ring).tolist() == [*SQUARE.tolist(), SQUARE[0].tolist()]
    assert len(geo.region_spline(points, ring, 5)) == 21
    gone = np.full((5, 2), np.nan)
    assert geo.region_polyline(gone, ring).shape == (0, 2)
    assert geo.region_contour(gone, ring) is None
    two = points.copy()
    two[2:] = np.nan
    between = geo.region_contour(two, ring)
    assert between is not None
    assert (between.closed, between.length) == (False, 10)


def test_nearest_region() -> None:
    points = np.vstack([SQUARE, SQUARE + 100])
    low, high = _region([0, 1, 2, 3], True), _region([4, 5, 6, 7], True)
    hit = geo.nearest_region(points, [low, high], (105, 98), reach=5)
    assert hit is not None
    assert hit[0] is high
    assert geo.nearest_region(points, [low, high], (50, 50), reach=5) is None
    assert geo.nearest_region(np.full((8, 2), np.nan), [low, high], (5, 0), reach=5) is None


def test_hull_and_containment() -> None:
    outline = geo.hull(np.vstack([SQUARE, [[5.0, 5.0]], [[np.nan, 1.0]]]))
    assert sorted(map(tuple, outline[:-1])) == sorted(map(tuple, SQUARE))
    assert geo.polygon_contains(outline, [[5, 5], [11, 5], [-1, -1]]).tolist() == [True, False, False]
    assert bool(geo.polygon_contains(geo.hull(SQUARE, 2.0), (11.5, 5)))
    assert geo.hull(SQUARE[:2]).shape == (0, 2)
    assert len(geo.hull(SQUARE[:2], 1.0)) > 3
    assert geo.hull(np.full((3, 2), np.nan), 5).shape == (0, 2)
    assert not geo.polygon_contains(np.empty((0, 2)), [[0, 0]]).any()
