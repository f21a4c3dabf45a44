"""Sliding, soft drags, spreading and smoothing: order, ends, locks and evenness hold whatever the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ambiguity import eigen
from core.face import Label, PointFlag
from core.geometry import contour
from core.moves import arrange
from core.moves.drag import Constraint, Drag
from core.moves.rail import MARGIN, rail
from core.moves.soft import weights
from core.scheme import Region
from tests.core.moves.faces import BASE, SCHEME, noisy_label, prediction, region_named

SEEDS = st.integers(0, 10_000)
REGIONS = pytest.mark.parametrize("name", [region.name for region in SCHEME.regions])
QUICK = settings(max_examples=15, deadline=None)


def with_flags(label: Label, indices: list[int], flag: PointFlag = PointFlag.LOCKED) -> Label:
    flags = label.flags.copy()
    flags[indices] |= np.uint8(flag)
    return replace(label, flags=flags)


def without(label: Label, indices: list[int]) -> Label:
    points = label.points.copy()
    points[indices] = np.nan
    return replace(label, points=points)


@REGIONS
@QUICK
@given(seed=SEEDS, sigma=st.floats(0, 20), distance=st.floats(-500, 500), radius=st.floats(0, 6))
def test_a_slide_keeps_the_order_and_a_gap(name: str, seed: int, sigma: float, distance: float, radius: float) -> None:
    label, region = noisy_label(seed, sigma), region_named(name)
    track = rail(label.points, region)
    assert track is not None
    grabbed = region.indices[seed % len(region.indices)]
    share = weights(label, SCHEME, [grabbed], radius)[track.indices]
    low, high = track.limits(share)
    assert low <= 0 <= high
    way = min(max(distance, low), high)
    moved = track.arcs + share * way
    gaps, before = np.diff(moved), np.diff(track.arcs)
    if track.closed:
        gaps = np.append(gaps, track.contour.length - moved[-1] + moved[0])
        before = track.gaps()
    assert (gaps >= MARGIN * before - 1e-6).all()
    assert np.allclose(track.slide(share, distance), track.place(moved))
    for place in track.slide(share, distance):
        assert track.contour.project(place).distance < 1e-6


def test_a_slid_point_stays_on_the_curve_and_follows_the_mouse() -> None:
    label = noisy_label(3, 0.0)
    drag = Drag(label, SCHEME, 4, weights(label, SCHEME, [4]))
    towards = (BASE[5] + BASE[4]) / 2 + (9.0, -4.0)
    (place,) = drag.to(towards, Constraint.CURVE)
    track = rail(label.points, region_named("jaw"))
    assert track is not None
    assert np.allclose(place, track.contour.project(towards).xy, atol=1e-6)
    (far,) = drag.to(BASE[9], Constraint.CURVE)  # beyond its neighbour: it stops before
    assert 0 < np.hypot(*(far - BASE[5])) < np.hypot(*(BASE[4] - BASE[5])) * 0.2


def test_a_whole_open_curve_slides_along_itself_past_its_ends() -> None:
    label, jaw = noisy_label(0, 0.0), region_named("jaw")
    drag = Drag(label, SCHEME, 8, weights(label, SCHEME, jaw.indices))
    moved = drag.to(BASE[9], Constraint.CURVE)
    assert drag.indices.tolist() == list(jaw.indices)
    assert np.allclose(moved[8], BASE[9], atol=1e-6)
    track = rail(label.points, jaw)
    assert track is not None
    shift = track.arcs[9] - track.arcs[8]
    assert np.hypot(*(moved[16] - BASE[16])) == pytest.approx(shift)


def test_a_closed_curve_slides_round() -> None:
    label, eye = noisy_label(0, 0.0), region_named("left eye")
    drag = Drag(label, SCHEME, 42, weights(label, SCHEME, eye.indices))
    moved = drag.to(BASE[47], Constraint.CURVE)
    assert np.allclose(moved[0], BASE[47], atol=1e-6)
    track = rail(label.points, eye)
    assert track is not None
    assert max(track.contour.project(place).distance for place in moved) < 1e-6


@QUICK
@given(seed=SEEDS, dx=st.floats(-50, 50), dy=st.floats(-50, 50))
def test_axis_moves_stay_on_the_axis(seed: int, dx: float, dy: float) -> None:
    label, said = noisy_label(seed), prediction(seed=seed)
    drag = Drag(label, SCHEME, 30, weights(label, SCHEME, [30]), said)
    angle = eigen(said.covariance[30]).angle
    axis = np.array([np.cos(angle), np.sin(angle)])
    shift = np.array([dx, dy])
    along = drag.to(label.points[30] + shift, Constraint.MAJOR)[0] - label.points[30]
    across = drag.to(label.points[30] + shift, Constraint.MINOR)[0] - label.points[30]
    assert abs(along[0] * axis[1] - along[1] * axis[0]) < 1e-9
    assert abs(across @ axis) < 1e-9
    assert np.allclose(along + across, shift)


def test_without_a_direction_a_drag_is_free() -> None:
    label = noisy_label(0)
    drag = Drag(label, SCHEME, 30, weights(label, SCHEME, [30]))
    assert not drag.possible(Constraint.MAJOR)
    assert np.allclose(drag.to(label.points[30] + 5, Constraint.MAJOR), label.points[[30]] + 5)
    alone = Drag(without(label, [27, 28, 29]), SCHEME, 30, weights(label, SCHEME, [30]))
    assert not alone.possible(Constraint.CURVE)


def test_soft_weights_fall_along_the_curve_only_and_wrap_round_closed_ones() -> None:
    label = noisy_label(0)
    jaw = weights(label, SCHEME, [0], 3)
    assert jaw[0] == 1 and (np.diff(jaw[:5]) < 0).all() and (jaw[4:] == 0).all()
    eye = weights(label, SCHEME, [36], 1)
    assert eye[37] == eye[41] == pytest.approx(0.5)
    assert eye[[38, 39, 40]].max() == 0 and eye.sum() == pytest.approx(2)
    assert weights(label, SCHEME, [36]).sum() == 1


def test_soft_drag_leaves_locked_and_missing_points() -> None:
    label = without(with_flags(noisy_label(0), [5]), [7])
    share = weights(label, SCHEME, [6], 3)
    assert share[5] == share[7] == 0
    assert share[8] == weights(noisy_label(0), SCHEME, [6], 3)[7]  # past the missing one, it is the next
    drag = Drag(label, SCHEME, 6, share)
    assert 5 not in drag.indices and np.isfinite(drag.to(BASE[6] + 10)).all()


@REGIONS
@QUICK
@given(seed=SEEDS, sigma=st.floats(0, 3))
def test_spread_points_have_even_arcs_on_the_curve_they_came_from(name: str, seed: int, sigma: float) -> None:
    label, region = noisy_label(seed, sigma), region_named(name)
    change = arrange.spread(label, region)
    after = change.applied_to(label)
    track = rail(label.points, region)
    assert track is not None and np.isfinite(change.points).all()
    stays = {0, len(region.indices) - 1}
    if region.closed:
        stays = set(arrange.farthest_pair(label.points[list(region.indices)]))
    for k in stays:
        assert np.array_equal(after.points[region.indices[k]], label.points[region.indices[k]])
    spaced = contour(after.points[list(region.indices)], region.closed)
    assert spaced is not None
    for index in region.indices:
        assert track.contour.project(after.points[index]).distance < 1e-6
    first = min(stays)
    run = [(first + k) % len(region.indices) for k in range(max(stays) - first + 1)]
    arcs = [track.arcs[first]]
    for k in run[1:-1]:  # from the arc before on, so that a curve that nearly touches itself does not mislead
        arcs.append(_arc_near(track, after.points[region.indices[k]], arcs[-1]))
    arcs.append(track.arcs[run[-1]])
    assert np.ptp(np.diff(arcs)) < 1e-3 * track.contour.length


def _arc_near(track, xy, least: float) -> float:
    arcs = np.linspace(least, track.contour.length, 4000)
    distance = np.hypot(*(track.place(arcs) - xy).T)
    start = arcs[int(distance.argmin())]
    return float(start)


def test_spread_between_selected_and_around_locked_points() -> None:
    label, jaw = noisy_label(1), region_named("jaw")
    change = arrange.spread(label, jaw, chosen=[3, 8])
    assert set(change.indices.tolist()) == {4, 5, 6, 7}
    held = arrange.spread(with_flags(label, [5]), jaw)
    assert not {0, 5, 16} & set(held.indices.tolist())
    across = arrange.spread(label, region_named("right eye"), chosen=[41, 37])  # over the seam, not the long way
    assert set(across.indices.tolist()) == {36}
    assert len(arrange.spread(without(label, list(range(1, 17))), jaw)) == 0


def test_spread_as_another_face_spaces_its_points() -> None:
    rng = np.random.default_rng(0)
    region = region_named("outer lips")
    label = noisy_label(0, 0.0)
    points = label.points.copy()
    track = rail(points, region)
    assert track is not None
    shuffled = np.sort(track.arcs + rng.uniform(-4, 4, len(track.arcs)))
    corners = arrange.farthest_pair(points[list(region.indices)])
    for k, index in enumerate(region.indices):
        if k not in corners:
            points[index] = track.contour.at(float(shuffled[k]))
    change = arrange.spread(replace(label, points=points), region, like=label.points)
    assert np.abs(change.applied_to(label).points - label.points).max() < 1.0


@REGIONS
@QUICK
@given(seed=SEEDS, amount=st.floats(0.05, 0.95))
def test_smoothing_calms_and_keeps_what_stays(name: str, seed: int, amount: float) -> None:
    region = region_named(name)
    label = with_flags(noisy_label(seed, 4.0), [region.indices[2]])
    after = arrange.smooth(label, region, amount).applied_to(label)
    fixed = {region.indices[2]}
    if region.closed:
        fixed |= {region.indices[k] for k in arrange.farthest_pair(label.points[list(region.indices)])}
    else:
        fixed |= {region.indices[0], region.indices[-1]}
    for index in fixed:
        assert np.array_equal(after.points[index], label.points[index])
    others = [i for i in range(68) if i not in region.indices]
    assert np.array_equal(after.points[others], label.points[others])
    assert np.isfinite(after.points).all()
    if not region.closed and len(region.indices) > 6:
        run = list(region.indices)[2:]
        rough = [np.abs(np.diff(face.points[run], n=3, axis=0)).sum() for face in (label, after)]
        assert rough[1] < rough[0]


def test_smoothing_leaves_an_evenly_bent_curve() -> None:
    x = np.linspace(0, 10, 9)
    line = Label("x", np.stack([x, 3 + x - 0.2 * x**2], axis=1))
    region = Region("r", tuple(range(9)), closed=False, edge=True, edge_closed=False)
    assert np.abs(arrange.smooth(line, region, 0.9).applied_to(line).points - line.points).max() < 1e-9
    with pytest.raises(ValueError, match="amount"):
        arrange.smooth(line, region, 1.0)


def test_coinciding_points_neither_crash_nor_make_nan() -> None:
    points = BASE.copy()
    points[37:39] = points[36]
    points[41] = points[36]
    label, eye = Label(SCHEME.id, points), region_named("right eye")
    track = rail(points, eye)
    assert track is not None and (np.diff(track.arcs) >= 0).all()
    for change in (arrange.spread(label, eye), arrange.smooth(label, eye)):
        assert np.isfinite(change.applied_to(label).points).all()
    drag = Drag(label, SCHEME, 36, weights(label, SCHEME, [36]))
    assert np.isfinite(drag.to(BASE[39], Constraint.CURVE)).all()
    same = np.repeat(BASE[:1], 68, axis=0)
    assert rail(same, eye) is None and len(arrange.spread(Label(SCHEME.id, same), eye)) == 0
