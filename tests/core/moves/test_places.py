"""Mirrors, swaps, snaps, marks, turns and expected places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.face import Box, Label, PointFlag, Visibility
from core.moves import marking, taking
from core.moves.mean_shape import expected_places, fit_into, mean_shape, start_label
from core.moves.symmetry import mid_line, mirror, reflected, swap_sides
from core.moves.turning import turned
from core.scheme import builtin_schemes, get_scheme
from core.similarity import similarity
from tests.core.moves.faces import BASE, SCHEME, noisy_label, prediction
from tests.core.moves.test_curves import with_flags, without

ANGLES = st.floats(-np.pi, np.pi)
QUICK = settings(max_examples=40, deadline=None)


def turn(points: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return (points - 300) @ np.array([[cos, sin], [-sin, cos]]) + 300


@QUICK
@given(angle=ANGLES, side=st.sampled_from([range(17, 22), range(36, 42), range(9), range(68)]))
def test_mirroring_a_symmetric_face_changes_nothing_however_it_is_turned(angle: float, side: range) -> None:
    label = Label(SCHEME.id, turn(BASE, angle))
    after = mirror(label, SCHEME, side).applied_to(label)
    assert np.abs(after.points - label.points).max() < 0.01  # the shape is rounded
    assert np.abs(mirror(after, SCHEME, side).applied_to(after).points - label.points).max() < 0.01


@QUICK
@given(seed=st.integers(0, 1000), angle=ANGLES)
def test_mirroring_there_and_back_is_where_it_was(seed: int, angle: float) -> None:
    label = Label(SCHEME.id, turn(noisy_label(seed).points, angle))
    line = mid_line(label.points, SCHEME)
    assert line is not None
    once = reflected(label.points, *line)
    assert np.allclose(reflected(once, *line), label.points)
    left = mirror(label, SCHEME, range(42, 48)).applied_to(label)
    back = mirror(left, SCHEME, range(36, 42)).applied_to(left)
    # by the same line, since neither eye takes part in it
    assert np.abs(back.points[36:42] - label.points[36:42]).max() < 1e-6


def test_a_displaced_side_is_mended_from_the_other() -> None:
    points = BASE.copy()
    points[22:27] += (25.0, -18.0)
    label = with_flags(Label(SCHEME.id, points), [24])
    after = mirror(label, SCHEME, range(22, 27)).applied_to(label)
    mended = [22, 23, 25, 26]
    assert np.abs(after.points[mended] - BASE[mended]).max() < 0.01
    assert np.array_equal(after.points[24], points[24])
    gone = without(Label(SCHEME.id, BASE), [22, 30])
    placed = mirror(gone, SCHEME, [22, 30]).applied_to(gone)
    assert np.abs(placed.points[22] - BASE[22]).max() < 0.01 and np.isnan(placed.points[30]).all()


def test_without_pairs_there_is_no_mid_line() -> None:
    label = without(noisy_label(), list(range(9, 68)))
    assert mid_line(label.points, SCHEME) is None
    assert len(mirror(label, SCHEME, range(68))) == 0


def test_swapping_twice_is_nothing_and_locks_hold() -> None:
    label = replace(noisy_label(), visibility=np.array([1] * 9 + [0] * 59, np.uint8))
    once = swap_sides(label, SCHEME).applied_to(label)
    assert np.array_equal(once.points, label.points[list(SCHEME.flip)]) and once.visibility[16] == 1
    assert swap_sides(once, SCHEME).applied_to(once) == label
    eyes = swap_sides(label, SCHEME, range(36, 42))
    assert set(eyes.indices.tolist()) == set(range(36, 48))
    held = swap_sides(with_flags(label, [36]), SCHEME)
    assert not {36, 45} & set(held.indices.tolist())


def test_snapping_takes_the_means_and_leaves_locks() -> None:
    label, said = without(with_flags(noisy_label(), [3]), [5]), prediction()
    after = taking.snap(label, said, range(10)).applied_to(label)
    free = [i for i in range(10) if i != 3]
    assert np.array_equal(after.points[free], said.mean[free])
    assert np.array_equal(after.points[[3, *range(10, 68)]], label.points[[3, *range(10, 68)]])
    assert after.visibility[5] == Visibility.VISIBLE


def test_snapping_across_keeps_the_place_along_the_axis() -> None:
    label, said = noisy_label(4, 5.0), prediction()
    after = taking.snap_across(label, said).applied_to(label)
    shift = after.points - label.points
    _, vectors = np.linalg.eigh(said.covariance)
    assert np.abs((shift * vectors[:, :, 1]).sum(axis=1)).max() < 1e-9
    assert np.abs(((after.points - said.mean) * vectors[:, :, 0]).sum(axis=1)).max() < 1e-9


def test_taking_from_another_label() -> None:
    label = noisy_label(0)
    other = marking.set_visibility(noisy_label(1), [4], Visibility.OCCLUDED).applied_to(noisy_label(1))
    other = without(other, [6])
    after = taking.take(label, other, [4, 5, 6]).applied_to(label)
    assert np.array_equal(after.points[[4, 5]], other.points[[4, 5]])
    assert np.array_equal(after.points[[6, 7]], label.points[[6, 7]])
    assert after.visibility[4] == Visibility.OCCLUDED
    assert len(taking.take(other, other)) == 0
    with pytest.raises(ValueError, match="do not fit"):
        taking.take(label, Label("face-5", np.zeros((5, 2))))


def test_marks() -> None:
    label = without(with_flags(noisy_label(), [2]), [3])
    seen = marking.next_visibility(label, [3, 1, 2]).applied_to(label)
    assert seen.visibility[[1, 2, 3]].tolist() == [1, 1, 3]
    again = marking.next_visibility(seen, [1]).applied_to(seen)
    assert again.visibility[1] == Visibility.OUTSIDE
    assert marking.next_visibility(again, [1]).applied_to(again).visibility[1] == Visibility.VISIBLE
    assert len(marking.next_visibility(label, [3])) == 0
    gone = marking.set_visibility(label, [1, 2], Visibility.MISSING).applied_to(label)
    assert np.isnan(gone.points[1]).all() and np.isfinite(gone.points[2]).all()
    locked = marking.toggle_flag(label, [1, 2], PointFlag.LOCKED).applied_to(label)
    assert locked.flags[[1, 2]].tolist() == [2, 2]
    assert marking.toggle_flag(locked, [1, 2], PointFlag.LOCKED).applied_to(locked).flags[[1, 2]].tolist() == [0, 0]
    marked = marking.toggle_flag(locked, [1], PointFlag.MARKED).applied_to(locked)
    assert marked.flags[1] == PointFlag.LOCKED | PointFlag.MARKED


def test_turning_keeps_the_middle_and_the_form() -> None:
    label = noisy_label()
    chosen = range(36, 42)
    after = turned(label, chosen, np.pi / 2, 2.0).applied_to(label)
    before = label.points[36:42]
    assert np.allclose(after.points[36:42].mean(axis=0), before.mean(axis=0))
    assert np.hypot(*(after.points[36] - after.points[39])) == pytest.approx(2 * np.hypot(*(before[0] - before[3])))
    assert len(turned(label, [5], 1.0)) == 0
    with pytest.raises(ValueError, match="positive"):
        turned(label, chosen, 0.0, 0.0)


@pytest.mark.parametrize("scheme_id", sorted(builtin_schemes()))
def test_every_scheme_has_a_mean_shape_that_fits_a_box(scheme_id: str) -> None:
    scheme, box = get_scheme(scheme_id), Box(10, 20, 200, 260)
    label = start_label(scheme, box)
    assert label is not None and len(label) == len(scheme) and np.isfinite(label.points).all()
    own = Box.around(label.points)
    assert own.center == pytest.approx(box.center)
    assert max(own.w / box.w, own.h / box.h) == pytest.approx(1)
    for i, partner in enumerate(scheme.flip):  # it is symmetric, and right is left of left on the picture
        assert label.points[i, 1] == pytest.approx(label.points[partner, 1], abs=0.1)
    assert mean_shape("../schemes/300w-68") is mean_shape("300w-68") or mean_shape("nobody") is None


@QUICK
@given(angle=ANGLES, scale=st.floats(0.2, 5), lost=st.sets(st.integers(0, 67), min_size=1, max_size=60))
def test_missing_points_are_expected_where_the_shape_has_them(angle: float, scale: float, lost: set[int]) -> None:
    truth = turn(BASE, angle) * scale
    points = truth.copy()
    points[list(lost)] = np.nan
    expected = expected_places(points, np.asarray(mean_shape("300w-68")))
    assert np.isfinite(expected).all()
    assert np.abs(expected - truth).max() < 1e-6 * max(scale, 1) * 300


def test_expected_places_follow_how_this_face_differs() -> None:
    truth = BASE.copy()
    truth[:17] += (0.0, 12.0)  # a long chin
    points = truth.copy()
    points[[7, 9]] = np.nan
    expected = expected_places(points, BASE)
    plain = similarity(BASE, points)
    assert plain is not None
    for index in (7, 9):
        assert np.hypot(*(expected[index] - truth[index])) < 0.5 * np.hypot(*(plain(BASE)[index] - truth[index]))
    assert np.array_equal(expected[8], truth[8])
    nothing = np.full_like(truth, np.nan)
    assert np.array_equal(expected_places(nothing, BASE), BASE)
    one = nothing.copy()
    one[30] = BASE[30] + 7
    assert np.allclose(expected_places(one, BASE), BASE + 7)
    assert similarity(nothing, BASE) is None


def test_fitting_keeps_proportions() -> None:
    fitted = fit_into(BASE, Box(0, 0, 50, 5000))
    assert Box.around(fitted).w == pytest.approx(50)
    assert Box.around(fitted).h / 50 == pytest.approx(Box.around(BASE).h / Box.around(BASE).w)
