"""Planted errors are undone, right labels stay, locked points too, and a second run finds nothing to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.audit import Audit, judge
from core.dialects import dialects
from core.face import FloatArray, Label, PointFlag
from core.formats.base import LabelledFace
from core.repair.doubted import DropPoints, ReplacePoints, WeighDown
from core.repair.habits import ShiftDialects, real_dialects
from core.repair.plan import FaceRepair, Repair
from core.repair.set_offset import ShiftSet, direction, set_offsets
from core.repair.sides import Unswap
from core.repair.spacing import Respace, median_shares
from core.scheme import get_scheme
from tests.core.face_shape import SIGMA, face_68, predicted, right_calibration, right_label

SCHEME = get_scheme("300w-68")
JAW = SCHEME.regions[0]
FACES = 60
FLIP = list(SCHEME.flip)


def side_of(face: int) -> float:
    return 120.0 + 4 * face


def people() -> list[str]:
    return [f"person {face // 2}" for face in range(FACES)]


def right_labels() -> list[Label]:
    """Of `FACES` faces of two folders, of different sizes."""
    return [Label(SCHEME.id, right_label(i, face_68(side_of(i)), side_of(i))) for i in range(FACES)]


def audit_of(labels: list[Label]) -> Audit:
    """Even faces lie in the folder "a", odd ones in "b"; people in both."""
    means = [face_68(side_of(i)) for i in range(len(labels))]
    faces = [
        LabelledFace(Path(f"/{'ab'[i % 2]}/{i}.png"), label, None, None, (), f"{i}", None)
        for i, label in enumerate(labels)
    ]
    predictions = [predicted(mean, side_of(i)) for i, mean in enumerate(means)]
    return judge(
        faces, [0] * len(faces), predictions, [None] * len(faces), people()[: len(faces)], SCHEME, right_calibration()
    )


def with_points(label: Label, points: FloatArray) -> Label:
    return replace(label, points=points)


def with_flag(label: Label, index: int) -> Label:
    flags = label.flags.copy()
    flags[index] = PointFlag.LOCKED
    return replace(label, flags=flags)


def repaired(labels: list[Label], plan: list[FaceRepair]) -> list[Label]:
    after = list(labels)
    for one in plan:
        assert one.before == labels[one.face] and one.text.endswith(".")
        after[one.face] = one.after
    return after


def again(repair: Repair, labels: list[Label]) -> list[FaceRepair]:
    """What the repair, carried out, would still do to an audit made anew."""
    return repair.plan(audit_of(repaired(labels, repair.plan(audit_of(labels)))))


def test_suspects_go_where_they_are_expected_or_away_or_count_less() -> None:
    labels = right_labels()
    for face, index in ((3, 30), (8, 40), (8, 48)):
        step = 10 * SIGMA * side_of(face)
        labels[face] = labels[face].with_point(index, labels[face].points[index] + (0, step))
    labels[8] = with_flag(labels[8], 48)
    audit = audit_of(labels)
    plan = ReplacePoints().plan(audit)
    assert [(one.face, one.touched.tolist()) for one in plan] == [(8, [40]), (3, [30])]
    assert "1 point put where expected" in plan[0].text
    for one in plan:
        near = np.hypot(*(one.after.points - face_68(side_of(one.face)))[one.touched[0]])
        assert near < SIGMA * side_of(one.face)
    assert again(ReplacePoints(), labels) == []

    dropped = {one.face: one.after for one in DropPoints().plan(audit)}
    assert set(dropped) == {3, 8}
    assert np.isnan(dropped[8].points[40]).all() and np.isfinite(dropped[8].points[48]).all()
    assert again(DropPoints(), labels) == []

    weighed = {one.face: one.after for one in WeighDown(weight=0.25).plan(audit)}
    assert weighed[3].weights[30] == 0.25 and weighed[3].weights.sum() == 67.25
    assert np.array_equal(weighed[3].points, labels[3].points)
    assert again(WeighDown(weight=0.25), labels) == []


def test_sides_are_exchanged_back_for_whole_faces_and_single_pairs() -> None:
    right = right_labels()
    labels = list(right)
    labels[4] = with_points(right[4], right[4].points[FLIP])
    points = right[7].points.copy()
    points[[36, 45]] = points[[45, 36]]
    labels[7] = with_points(right[7], points)
    locked = with_points(right[9], right[9].points[FLIP])
    labels[9] = with_flag(locked, 36)
    plan = Unswap().plan(audit_of(labels))
    after = repaired(labels, plan)
    assert after[4] == right[4] and after[7] == right[7]
    assert np.array_equal(after[9].points[[36, 45]], labels[9].points[[36, 45]])
    assert {one.face for one in plan} == {4, 7, 9}
    assert [one.face for one in Unswap(faces=False).plan(audit_of(labels))] == [7]


def test_a_contour_is_spaced_evenly_as_usual_or_as_predicted_and_stays_so() -> None:
    labels = [Label(SCHEME.id, face_68(side_of(i))) for i in range(FACES)]
    turn = np.linspace(np.pi, 0, 17) + 0.08 * np.sin(np.linspace(0, 2 * np.pi, 17))
    crowded = labels[5].points.copy()
    side = side_of(5)
    crowded[:17] = np.stack([0.5 + 0.5 * np.cos(turn), 0.3 + 0.7 * np.sin(turn)], -1) * side + (40, 30)
    labels[5] = with_flag(with_points(labels[5], crowded), 10)
    only = frozenset({"jaw"})
    for spacing in ("median", "predicted"):
        plan = Respace(only, spacing).plan(audit_of(labels))
        assert [one.face for one in plan] == [5]
        moved = plan[0].after.points
        assert np.array_equal(moved[[0, 10, 16]], crowded[[0, 10, 16]])
        assert np.array_equal(moved[17:], crowded[17:])
        before, after = (np.hypot(*(jaw - face_68(side))[1:10].T) for jaw in (crowded, moved))
        assert after.max() < 0.75 * before.max()
        assert again(Respace(only, spacing), labels) == []
    even = Respace(only).plan(audit_of(labels))
    assert len(even) >= FACES - 1  # an ellipse's arc is not parted evenly by its angles
    free = next(one for one in even if one.face != 5)
    gaps = np.hypot(*np.diff(free.after.points[:17], axis=0).T)
    assert gaps.max() / gaps.min() < 1.05
    assert again(Respace(only), labels) == []


def test_the_usual_spacing_is_a_median_over_complete_labels() -> None:
    labels = [Label(SCHEME.id, face_68(side_of(i))) for i in range(5)]
    missing = labels[0].points.copy()
    missing[3] = np.nan
    shares = median_shares(audit_of([with_points(labels[0], missing), *labels[1:]]), JAW)
    assert shares is not None and shares.shape == (17,)
    assert np.allclose(shares[:16], shares[:16][::-1], rtol=0.02)
    nothing = with_points(labels[0], np.full((68, 2), np.nan))
    assert median_shares(audit_of([nothing]), JAW) is None


@pytest.mark.parametrize("motion", ["slide", "stretch"])
def test_a_folders_habit_along_the_jaw_is_shifted_back(motion: str) -> None:
    labels = right_labels()
    for face in range(1, FACES, 2):
        side = side_of(face)
        weight = np.ones(17) if motion == "slide" else np.linspace(-1, 1, 17)
        turn = np.linspace(np.pi, 0, 17) - 0.12 * weight
        on_curve = np.stack([0.5 + 0.5 * np.cos(turn), 0.3 + 0.7 * np.sin(turn)], -1) * side + (40, 30)
        points = labels[face].points + 0
        points[:17] += on_curve - face_68(side)[:17]
        labels[face] = with_points(labels[face], points)
    audit = audit_of(labels)
    both = real_dialects(audit, people())
    assert sorted((row.source, row.region, row.motion) for row in both) == [("a", "jaw", motion), ("b", "jaw", motion)]
    rows = [row for row in both if row.source == "b"]
    plan = ShiftDialects(tuple(rows)).plan(audit)
    assert {one.face % 2 for one in plan} == {1}
    assert all(set(one.touched.tolist()) <= set(range(17)) for one in plan)
    after = audit_of(repaired(labels, plan))
    left = [row for row in dialects(after, people()).rows if (row.region, row.motion) == ("jaw", motion)]
    assert abs(left[0].offset) < 0.2 * abs(rows[0].offset)


def test_a_set_that_lies_to_one_side_is_found_measured_and_put_back() -> None:
    labels = [
        with_points(label, label.points + np.array([0.012 * side_of(i) + 1.0, 0.0])) if i % 2 else label
        for i, label in enumerate(right_labels())
    ]
    labels[3] = with_points(labels[3], labels[3].points + 60)  # one that is wrong altogether
    labels[5] = with_flag(labels[5], 0)
    audit = audit_of(labels)
    found = {(one.kind, one.source): one for one in set_offsets(audit, people())}
    assert found["folder", "b"].real and not found["folder", "a"].real
    b = found["folder", "b"]
    for size in (130.0, 200.0, 300.0):
        assert b.at(size) == pytest.approx([0.012 * size + 1.0, 0.0], abs=0.35)
    assert b.interval[0].low < 0.012 * b.size + 1.0 < b.interval[0].high
    plan = ShiftSet((b,)).plan(audit)
    assert {one.face for one in plan} == set(range(1, FACES, 2))
    after = repaired(labels, plan)
    assert np.array_equal(after[5].points[0], labels[5].points[0])
    assert np.hypot(*(after[7].points - right_labels()[7].points).T).max() < 0.4
    assert not any(one.real for one in set_offsets(audit_of(after), people()))


def test_right_labels_have_no_offset_and_directions_are_told() -> None:
    labels = right_labels()
    assert not any(one.real for one in set_offsets(audit_of(labels), people()))
    assert ReplacePoints(frozenset({"shifted", "swapped"})).plan(audit_of(labels)) == []
    assert Unswap().plan(audit_of(labels)) == []
    assert direction(np.array([-1.3, 0.2])) == "1.3 px left and 0.2 px down"
    assert direction(np.array([0.01, 0.0])) == "less than 0.1 px"


def test_progress_can_stop_a_plan_and_settings_are_checked() -> None:
    audit = audit_of(right_labels()[:3])
    seen: list[tuple[int, int]] = []
    WeighDown().plan(audit, [0, 2], lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(ValueError, match="weight"):
        WeighDown(weight=2.0)
    with pytest.raises(ValueError, match="spacing"):
        Respace(spacing="odd")  # type: ignore[arg-type]
