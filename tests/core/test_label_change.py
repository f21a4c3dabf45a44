"""A change touches the points that it names, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from core.face import Label, PointFlag, Visibility
from core.label_change import LabelChange, difference


@pytest.fixture
def label() -> Label:
    points = np.arange(10.0).reshape(5, 2)
    points[3] = np.nan
    return Label("x", points)


def test_named_points_move_and_the_rest_stays(label: Label) -> None:
    after = LabelChange(np.array([4, 0]), np.array([[1.0, 2.0], [3.0, 4.0]])).applied_to(label)
    assert after.points[[4, 0]].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert np.array_equal(after.points[1:4], label.points[1:4], equal_nan=True)
    assert after.visibility.tolist() == label.visibility.tolist()


def test_points_come_and_go(label: Label) -> None:
    placed = LabelChange(np.array([3]), np.array([[7.0, 8.0]])).applied_to(label)
    assert placed.visibility[3] == Visibility.VISIBLE
    assert LabelChange(np.array([3]), np.array([[np.nan, np.nan]])).applied_to(placed) == label
    assert LabelChange(np.array([3]), visibility=np.array([Visibility.MISSING])).applied_to(placed) == label
    occluded = LabelChange(np.array([3]), np.array([[7.0, 8.0]]), np.array([Visibility.OCCLUDED])).applied_to(label)
    assert occluded.visibility[3] == Visibility.OCCLUDED


def test_marks_leave_places_alone(label: Label) -> None:
    after = LabelChange(np.array([1]), flags=np.array([PointFlag.LOCKED]), weights=np.array([0.5])).applied_to(label)
    assert np.array_equal(after.points, label.points, equal_nan=True)
    assert after.flags.tolist() == [0, 2, 0, 0, 0]
    assert after.weights.tolist() == [1, 0.5, 1, 1, 1]


def test_a_difference_leads_from_one_label_to_the_other(label: Label) -> None:
    change = LabelChange(np.array([0, 3]), np.array([[9.0, 9.0], [1.0, 1.0]]), flags=np.array([1, 0]))
    after = change.applied_to(label)
    found = difference(label, after)
    assert found.indices.tolist() == [0, 3]
    assert found.applied_to(label) == after
    assert difference(after, label).applied_to(after) == label
    assert len(difference(label, label)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: LabelChange(np.array([1, 1])),
        lambda: LabelChange(np.array([-1])),
        lambda: LabelChange(np.array([0]), np.zeros((2, 2))),
        lambda: LabelChange(np.array([5]), np.zeros((1, 2))).applied_to(Label("x", np.zeros((5, 2)))),
        lambda: difference(Label("x", np.zeros((5, 2))), Label("y", np.zeros((5, 2)))),
    ],
)
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        wrong()  # type: ignore[operator]
