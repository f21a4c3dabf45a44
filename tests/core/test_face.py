"""Boxes, labels and predictions: valid when made, frozen ever after."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from core.errors import FormatError, StarmarkError
from core.face import Box, Label, PointFlag, Prediction, Visibility

POINTS = np.array([[1.0, 2.0], [np.nan, 3.0], [5.0, 6.0]])


def test_box() -> None:
    box = Box(1, 2, 30, 40)
    assert box.center == (16, 22)
    assert box.to_list() == [1, 2, 30, 40]
    around = Box.around(np.array([[1.0, 9.0], [np.nan, 0], [4.0, 2.0]]))
    assert around == Box(1, 2, 3, 7)


@pytest.mark.parametrize("values", [(0, 0, 0, 1), (0, 0, 1, -1), (np.nan, 0, 1, 1), (0, np.inf, 1, 1)])
def test_box_needs_a_size(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="positive size"):
        Box(*values)


def test_box_around_too_little() -> None:
    with pytest.raises(ValueError, match="at least two"):
        Box.around(POINTS[:2])
    with pytest.raises(ValueError, match="positive size"):
        Box.around(np.array([[1.0, 1.0], [1.0, 5.0]]))


def test_label_defaults_and_missing_points() -> None:
    label = Label("x", POINTS)
    assert len(label) == 3
    assert np.isnan(label.points[1]).all()
    assert label.visibility.tolist() == [Visibility.VISIBLE, Visibility.MISSING, Visibility.VISIBLE]
    assert label.flags.tolist() == [0, 0, 0]
    assert label.weights.tolist() == [1, 1, 1]
    assert (label.points.dtype, label.visibility.dtype, label.flags.dtype) == (np.float64, np.uint8, np.uint8)
    assert label.weights.dtype == np.float32
    hidden = Label("x", POINTS, visibility=np.array([Visibility.MISSING, 0, Visibility.OCCLUDED], np.uint8))
    assert np.isnan(hidden.points[0]).all()
    assert hidden.visibility.tolist() == [Visibility.MISSING, Visibility.MISSING, Visibility.OCCLUDED]


def test_label_is_a_frozen_copy() -> None:
    source = POINTS.copy()
    label = Label("x", source)
    source[0] = 99
    assert label.points[0].tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        label.points[0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        label.scheme = "y"  # type: ignore[misc]
    with pytest.raises(TypeError):
        hash(label)


def test_label_equality_counts_everything() -> None:
    label = Label("x", POINTS)
    assert label == Label("x", POINTS.copy())
    assert label != Label("y", POINTS)
    assert label != Label("x", POINTS + 1)
    assert label != Label("x", POINTS, flags=np.array([PointFlag.MARKED, 0, 0], np.uint8))
    assert label != Label("x", POINTS, weights=np.array([1, 1, 0.5], np.float32))
    assert label != "x"
    assert pickle.loads(pickle.dumps(label)) == label


def test_moving_a_point() -> None:
    label = Label("x", POINTS, visibility=np.array([0, 3, 1], np.uint8))
    moved = label.with_point(1, (7, 8))
    assert moved.points[1].tolist() == [7, 8]
    assert moved.visibility.tolist() == [0, Visibility.VISIBLE, Visibility.OCCLUDED]
    assert label.with_point(2, (0, 0)).visibility[2] == Visibility.OCCLUDED
    assert np.isnan(label.points[1]).all()
    gone = label.with_point(0, (np.nan, np.nan))
    assert gone.visibility[0] == Visibility.MISSING


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": np.zeros(4)}, r"points must be \(N, 2\)"),
        ({"points": np.zeros((3, 3))}, r"points must be \(N, 2\)"),
        ({"points": np.full((3, 2), np.inf)}, "must not be infinite"),
        ({"visibility": np.array([0, 0, 9], np.uint8)}, "unknown value"),
        ({"visibility": np.zeros(2, np.uint8)}, "expected 3 values"),
        ({"flags": np.zeros(4, np.uint8)}, "expected 3 values"),
        ({"weights": np.array([1, 1, -1], np.float32)}, "not negative"),
        ({"weights": np.array([1, 1, np.nan], np.float32)}, "finite"),
    ],
)
def test_label_refuses(changes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Label(**{"scheme": "x", "points": POINTS, **changes})


def test_prediction_checks_and_freezes() -> None:
    arrays = {
        "mean": np.zeros((3, 2)),
        "covariance": np.tile(np.eye(2), (3, 1, 1)),
        "peak": np.ones(3),
        "peak_mass": np.ones(3),
        "second_peak": np.full((3, 2), np.nan),
        "second_share": np.zeros(3),
        "crop": np.array([1.0, 50, 50]),
    }
    prediction = Prediction("x", **arrays)
    assert len(prediction) == 3
    arrays["mean"][0] = 9
    assert not prediction.mean.any()
    with pytest.raises(ValueError, match="read-only"):
        prediction.covariance[0] = 0
    for name in arrays:
        with pytest.raises(ValueError, match="must be"):
            Prediction("x", **{**arrays, name: np.zeros((2, 5))})


def test_errors_say_what_where_and_what_to_do() -> None:
    error = FormatError("wrong count", where="a.pts, line 3", remedy="Correct the file")
    assert str(error) == "a.pts, line 3: wrong count. Correct the file."
    assert str(StarmarkError("just this")) == "just this"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.where, again.remedy) == (FormatError, str(error), error.where, error.remedy)
