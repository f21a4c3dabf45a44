"""Hit testing, shapes and colours: no Qt."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from app.canvas import palette, shapes
from app.canvas.hit import Target, find_face, find_point, nearest
from app.canvas.model import FaceView, Layers
from core.face import Box, Label, Visibility
from core.geometry import spline

NOTHING = np.zeros((0, 2))


def target(
    face_id: str, movable: list, fixed: list | None = None, active: bool = False, box: Box | None = None
) -> Target:
    fixed_points = np.array(fixed, np.float64) if fixed else NOTHING
    return Target(face_id, np.array(movable, np.float64).reshape(-1, 2), fixed_points, active, box)


def test_nearest_ignores_missing_points_and_takes_the_lower_of_equals() -> None:
    points = np.array([[np.nan, np.nan], [10.0, 0.0], [-10.0, 0.0]])
    assert nearest(points, 0, 0, 10) == (1, 10.0)
    assert nearest(points, 0, 0, 9.99) is None
    assert nearest(NOTHING, 0, 0, 10) is None
    assert nearest(points[:1], 0, 0, 1e9) is None


def test_active_face_wins_over_a_nearer_point() -> None:
    near, far = target("near", [[1, 0]]), target("far", [[5, 0]], active=True)
    for order in ([near, far], [far, near]):
        hit = find_point(order, 0, 0, 6)
        assert hit is not None and hit.face_id == "far"
    hit = find_point([near, far], 0, 0, 3)
    assert hit is not None and hit.face_id == "near"


def test_a_label_wins_over_the_prediction_beside_it() -> None:
    both = target("a", [[4, 0], [np.nan, np.nan]], [[0, 0], [np.nan, np.nan]])
    hit = find_point([both], 0, 0, 6)
    assert hit is not None and (hit.index, hit.movable) == (0, True)
    hit = find_point([both], -3, 0, 6)
    assert hit is not None and (hit.index, hit.movable) == (0, False)


def test_equal_points_of_two_faces_give_the_earlier_face() -> None:
    first, second = target("first", [[0, 0]]), target("second", [[0, 0]])
    for faces in ([first, second], [second, first]):
        hit = find_point(faces, 0, 0, 1)
        assert hit is not None and hit.face_id == faces[0].face_id


def test_find_face_prefers_the_active_then_the_smaller_box() -> None:
    large = target("large", [], box=Box(0, 0, 100, 100))
    small = target("small", [], box=Box(20, 20, 20, 20))
    assert find_face([large, small], 30, 30) == "small"
    assert find_face([target("large", [], active=True, box=large.box), small], 30, 30) == "large"
    assert find_face([large, small], 5, 5) == "large"
    assert find_face([large, small, target("none", [])], 101, 5) is None


def test_hit_testing_needs_no_qt() -> None:
    modules = "app.canvas.hit, app.canvas.shapes, app.canvas.palette"
    code = f"import sys, {modules}; sys.exit(any('PySide6' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _flatten(run: np.ndarray, steps: int) -> np.ndarray:
    """Points on cubic Bezier pieces (3 S + 1, 2), `steps` a piece, and the last."""
    u = np.arange(steps)[:, None] / steps
    parts = []
    for i in range(0, len(run) - 1, 3):
        a, b, c, d = run[i : i + 4]
        parts.append((1 - u) ** 3 * a + 3 * u * (1 - u) ** 2 * b + 3 * u**2 * (1 - u) * c + u**3 * d)
    return np.concatenate([*parts, run[-1:]])


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("count", [3, 4, 9])
def test_drawn_curve_is_the_one_that_points_slide_along(closed: bool, count: int) -> None:
    points = np.random.default_rng(count).normal(size=(count, 2)) * 50
    (run,) = shapes.bezier_runs(points, closed)
    np.testing.assert_allclose(run[::3], np.concatenate([points, points[:1]]) if closed else points)
    np.testing.assert_allclose(_flatten(run, 8), spline(points, closed, samples=8), atol=1e-9)


def test_two_points_give_a_straight_piece() -> None:
    (run,) = shapes.bezier_runs(np.array([[0.0, 0.0], [9.0, 3.0]]), closed=False)
    np.testing.assert_allclose(run, [[0, 0], [3, 1], [6, 2], [9, 3]])


def test_missing_points_break_a_curve_and_a_lone_point_has_none() -> None:
    points = np.array([[0.0, 0], [10, 0], [np.nan, np.nan], [30, 0], [np.nan, np.nan], [50, 0], [60, 5], [70, 0]])
    runs = shapes.bezier_runs(points, closed=False)
    assert [len(run) for run in runs] == [4, 7]
    runs = shapes.bezier_runs(points, closed=True)  # the seam joins the last run and the first
    assert [len(run) for run in runs] == [13]
    np.testing.assert_allclose(runs[0][::3], points[[5, 6, 7, 0, 1]])
    assert shapes.bezier_runs(np.full((4, 2), np.nan), closed=True) == []
    assert shapes.bezier_runs(NOTHING, closed=False) == []


def test_coinciding_points_give_a_finite_curve() -> None:
    points = np.array([[5.0, 5.0], [5.0, 5.0], [9.0, 5.0], [9.0, 5.0]])
    for closed in (False, True):
        (run,) = shapes.bezier_runs(points, closed)
        assert np.isfinite(run).all()
        assert np.abs(run - 7).max() <= 4


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("moved", [0, 4, 11])
def test_touched_area_covers_all_that_changes(closed: bool, moved: int) -> None:
    before = np.random.default_rng(moved).normal(size=(12, 2)) * 80
    after = before.copy()
    after[moved] += (35.0, -20.0)
    indices = tuple(range(12))
    old, new = (np.concatenate(shapes.bezier_runs(points, closed)) for points in (before, after))
    changed = np.abs(old - new).max(axis=1) > 1e-9
    cover = np.concatenate([shapes.touched_by(points, indices, closed, moved) for points in (before, after)])
    low, high = cover.min(axis=0) - 1e-6, cover.max(axis=0) + 1e-6
    assert changed.any()
    for points in (old[changed], new[changed]):
        assert (points >= low).all() and (points <= high).all()


def test_half_extent_bounds_the_ellipse(make_face) -> None:
    face = make_face()
    found = shapes.ellipses(face.prediction)
    np.testing.assert_allclose(found.half_extent()[0], [6, 2])
    np.testing.assert_allclose(found.anisotropy[[0, 5]], [3, 1])


def test_flagged_follows_measure_and_threshold(make_face) -> None:
    face = make_face()
    assert not shapes.flagged(face, Layers()).any()
    assert shapes.flagged(face, Layers(ambiguous_threshold=3)).tolist() == [True] * 5 + [False]
    along = Layers(ambiguous_threshold=2.9, ambiguous_measure="sigma_along")
    assert shapes.flagged(face, along).all()
    assert not shapes.flagged(make_face(predicted=False), Layers(ambiguous_threshold=1)).any()


def test_facts_of_a_labelled_point(make_face) -> None:
    known = shapes.facts(make_face(), 1, Layers(ambiguous_threshold=2))
    assert known is not None
    assert (known.name, known.region, known.source, known.ambiguous) == ("brow 2", "brow", "label", True)
    assert (known.x, known.y) == (140, 90)
    assert (known.sigma_along, known.sigma_across) == pytest.approx((6, 2))
    assert (known.anisotropy, known.angle_deg) == pytest.approx((3, 0))
    assert (known.along, known.across) == pytest.approx((-12, -8))
    assert known.mahalanobis == pytest.approx(np.hypot(2, 4), rel=0.01)


def test_facts_without_label_without_prediction_and_while_moving(make_face, scheme) -> None:
    known = shapes.facts(make_face(label=False), 0, Layers())
    assert known is not None and known.source == "prediction, not labelled"
    assert (known.x, known.along, known.distance) == (112, None, None)
    known = shapes.facts(make_face(predicted=False), 0, Layers())
    assert known is not None and known.sigma_along is None
    known = shapes.facts(make_face(), 0, Layers(), moved=(112, 118))
    assert known is not None and known.source == "label, being moved"
    assert (known.along, known.across) == pytest.approx((0, 10))
    assert shapes.facts(make_face(label=False, predicted=False), 0, Layers()) is None
    hidden = np.zeros(6, np.uint8)
    hidden[0] = Visibility.OCCLUDED
    face = FaceView("a", scheme, label=Label(scheme.id, make_face().label_points, hidden))
    known = shapes.facts(face, 0, Layers())
    assert known is not None and known.source == "label, occluded"


def test_points_fall_back_to_the_prediction(make_face, scheme) -> None:
    face = make_face()
    points = face.label_points.copy()
    points[2] = np.nan
    face = FaceView("a", scheme, None, Label(scheme.id, points), face.prediction)
    np.testing.assert_array_equal(face.points[2], face.predicted_points[2])
    np.testing.assert_array_equal(face.points[1], points[1])
    with pytest.raises(ValueError, match="does not fit"):
        FaceView("a", scheme, None, Label(scheme.id, points[:3]))


@pytest.mark.parametrize("name", ["viridis", "cividis"])
def test_scales_get_lighter_all_the_way(name) -> None:
    colours = np.array(palette.scale(name), np.float64)
    luminance = colours @ (0.2126, 0.7152, 0.0722)
    assert len(colours) == palette.STEPS
    assert (np.diff(luminance) > 0).all()
    assert luminance[0] > 70  # readable on a shadow


def test_anisotropy_positions() -> None:
    np.testing.assert_allclose(palette.position(np.array([0.5, 1, 5, 99, np.nan])), [0, 0, 1, 1, 0])
    assert palette.position(np.sqrt(palette.MAX_ANISOTROPY)) == pytest.approx(0.5)
    assert palette.steps(np.array([1.0, 1000.0])).tolist() == [0, palette.STEPS - 1]


def test_marks_differ_in_lightness_or_hue_for_common_colour_blindness() -> None:
    """Deuteranopia after Vienot, Brettel and Mollon (1999), in linear RGB."""
    matrix = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    seen = [matrix @ ((np.array(rgb) / 255) ** 2.2) for rgb in (palette.LABEL, palette.PREDICTION, palette.AMBIGUOUS)]
    for i in range(3):
        for j in range(i):
            assert np.abs(seen[i] - seen[j]).max() > 0.15


def test_layers_are_validated() -> None:
    with pytest.raises(ValueError, match="sigma"):
        Layers(sigma_levels=(4,))
    with pytest.raises(ValueError, match="scale"):
        Layers(ellipse_scale=0)
    with pytest.raises(ValueError, match="size"):
        Layers(point_size=0)
