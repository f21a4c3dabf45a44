"""The editing moves in the window: by keys on a generated face, each one step of undo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.gestures import Tool
from app.edits import MovePoint
from app.main_window import MainWindow
from app.panels.goto_point import find
from core.face import PointFlag, Prediction, Visibility
from core.scheme import get_scheme
from tests.app.faces import face_points, write_dataset, write_photo
from tests.app.window import LEFT, PLAIN, Start, face_shown, point

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Key = Qt.Key


class Desk:
    """A window with one labelled face, its keyboard on the canvas."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window, self.qtbot = window, qtbot
        self.face = face_shown(window, qtbot)
        window.activateWindow()
        window.canvas.setFocus()

    @property
    def label(self):
        return self.window.document.faces[self.face].label

    def predict(self, mean: np.ndarray) -> None:
        count, document = len(mean), self.window.document
        covariance = np.tile(np.diag([9.0, 1.0]), (count, 1, 1))
        ones = np.ones(count)
        said = Prediction("300w-68", mean, covariance, ones, ones, np.full((count, 2), np.nan), 0 * ones, ones[:3])
        document.set_predictions(document.current_id or "", list(document.faces.values()), {self.face: said}, None)

    def select(self, *indices: int) -> None:
        self.window.canvas.select(indices)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = PLAIN) -> None:
        QTest.keyClick(self.window.canvas, key, keys)

    def saved(self, undo_text: str) -> None:
        """Wait for the edit to be on disk under that name."""
        document = self.window.document
        self.qtbot.waitUntil(
            lambda: document.undo_text == undo_text and document.save_state.kind == "saved", timeout=10_000
        )

    def message(self) -> str:
        return self.window.status.currentMessage()


@pytest.fixture
def desk(start: Start, qtbot: QtBot, tmp_path: Path) -> Desk:
    return Desk(start(write_dataset(tmp_path / "set", 1)), qtbot)


def test_snap_by_keys_and_back_by_undo(desk: Desk) -> None:
    before = desk.label
    desk.select(30)
    desk.key(Key.Key_S)
    assert "no prediction" in desk.message() and desk.label is before
    mean = face_points() + np.array([3.0, -2.0])
    desk.predict(mean)
    desk.select(30, 36)
    desk.key(Key.Key_S)
    assert np.allclose(desk.label.points[[30, 36]], mean[[30, 36]], atol=1e-3)
    assert np.array_equal(desk.label.points[31], before.points[31])
    desk.saved("snap 2 points to prediction")
    desk.key(Key.Key_S, SHIFT)
    eye = [30, *range(36, 42)]
    assert np.allclose(desk.label.points[eye], mean[eye], atol=1e-3)
    desk.saved("snap curve to prediction")
    desk.key(Key.Key_S)
    assert "already" in desk.message()
    for _ in range(2):
        desk.key(Key.Key_Z, CONTROL)
    desk.qtbot.waitUntil(lambda: desk.window.document.undo_text is None)
    assert np.array_equal(desk.label.points, before.points)


def test_the_worst_points_one_after_another_by_two_keys(desk: Desk) -> None:
    mean = face_points()
    for index, off in ((30, 9.0), (8, 7.0), (48, 5.0), (60, 3.0)):
        mean[index] += (off, 0.0)
    before = desk.label.points
    desk.predict(mean)
    visited = []
    desk.key(Key.Key_X)  # nothing is selected yet: it only goes there
    visited.append(desk.window.workbench.selection)
    desk.key(Key.Key_X)
    visited.append(desk.window.workbench.selection)
    desk.key(Key.Key_W)  # this one is right as it is
    visited.append(desk.window.workbench.selection)
    desk.key(Key.Key_X)
    visited.append(desk.window.workbench.selection)
    assert visited == [(30,), (8,), (48,), (60,)]
    after = desk.label.points
    assert np.allclose(after[[30, 48]], mean[[30, 48]]) and np.array_equal(after[8], before[8])
    desk.select(5)
    desk.key(Key.Key_W)  # from elsewhere it begins with the worst again
    assert desk.window.workbench.selection == (8,)


def test_snap_across_keeps_the_place_along(desk: Desk) -> None:
    before = desk.label.points
    desk.predict(before + np.array([5.0, 2.0]))
    desk.select(8)
    desk.window.actions_["snap_across"].trigger()
    assert desk.label.points[8] == pytest.approx(before[8] + (0.0, 2.0), abs=1e-3)


def test_snapping_a_face_without_label_takes_the_prediction_as_its_label(
    start: Start, qtbot: QtBot, tmp_path: Path
) -> None:
    window = start(write_photo(tmp_path / "a.png"))
    qtbot.waitUntil(lambda: window.workbench.picture_ready and window.document.faces_known, timeout=20_000)
    _draw_box(window, qtbot)
    desk = Desk(window, qtbot)
    window.document.undo()  # the start from the mean shape
    qtbot.waitUntil(lambda: desk.label is None)
    desk.predict(face_points())
    window.actions_["snap_face"].trigger()
    assert np.allclose(desk.label.points, face_points(), atol=1e-3)
    desk.saved("snap face to prediction")


def test_spread_smooth_and_mirror(desk: Desk) -> None:
    desk.key(Key.Key_E)
    assert "Select points first" in desk.message()
    desk.select(3)
    desk.key(Key.Key_E)
    desk.saved("spread jaw")
    jaw = desk.label.points[:17]
    steps = np.hypot(*np.diff(jaw, axis=0).T)
    assert np.ptp(steps) < 0.05 * steps.mean()
    assert np.array_equal(jaw[[0, 16]], face_points()[[0, 16]])
    desk.key(Key.Key_Right, SHIFT)
    desk.select(2)
    desk.key(Key.Key_E, SHIFT)
    desk.saved("smooth jaw")
    desk.select(36, 37, 38)
    desk.key(Key.Key_Down, SHIFT)
    desk.key(Key.Key_M)
    desk.saved("mirror 3 points from the other side")
    assert np.abs(desk.label.points[36:39] - face_points()[36:39]).max() < 0.5


def test_visibility_lock_flag_and_taking_away(desk: Desk) -> None:
    desk.select(30, 31)
    desk.key(Key.Key_V)
    assert desk.label.visibility[[30, 31]].tolist() == [Visibility.OCCLUDED] * 2
    desk.saved("set occluded: 2 points")
    desk.key(Key.Key_V, SHIFT)
    desk.saved("set visible: 2 points")
    desk.key(Key.Key_L)
    desk.saved("lock 2 points")
    desk.key(Key.Key_K)
    assert desk.label.flags[30] == PointFlag.LOCKED | PointFlag.MARKED
    before = desk.label
    desk.key(Key.Key_Delete)
    desk.key(Key.Key_Right)
    assert desk.label is before or desk.label == before  # a lock holds against both
    desk.key(Key.Key_L)
    desk.saved("unlock 2 points")
    desk.key(Key.Key_Delete)
    assert np.isnan(desk.label.points[30]).all()
    desk.saved("take away 2 points")


def test_several_points_are_dragged_as_one_step(desk: Desk) -> None:
    desk.select(48, 54)
    canvas, before = desk.window.canvas, desk.label.points
    at = canvas.to_screen(*point(desk.window, desk.face, 48)).toPoint()
    QTest.mouseMove(canvas.viewport(), at)
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, at)
    QTest.mouseMove(canvas.viewport(), at + QPoint(10, 0))
    QTest.mouseMove(canvas.viewport(), at + QPoint(30, 12))
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, at + QPoint(30, 12))
    desk.saved("move 2 points")
    moved = desk.label.points - before
    assert np.allclose(moved[48], moved[54], atol=0.002) and np.abs(moved[48]).min() > 0
    assert np.flatnonzero(np.abs(moved).max(axis=1)).tolist() == [48, 54]


def test_missing_points_are_placed_one_after_another(desk: Desk) -> None:
    truth = desk.label.points
    desk.key(Key.Key_T)
    assert desk.message() == "No point of this face is missing." and desk.window.canvas.tool is Tool.SELECT
    assert not desk.window.actions_["place"].isChecked()
    desk.select(8, 30, 40)
    desk.key(Key.Key_Delete)
    desk.key(Key.Key_T)
    canvas, placing = desk.window.canvas, desk.window.points.placing
    with desk.qtbot.waitSignal(desk.window.document.faces_loaded):
        desk.window.document.reload_faces()  # as after an edit of the face itself: nothing ends by it
    assert canvas.tool is Tool.PLACE and desk.window.actions_["place"].isChecked()
    assert canvas.target == "8 jaw 9 (3 to go)"
    desk.key(Key.Key_Tab)
    assert placing.index == 30
    desk.key(Key.Key_Tab, SHIFT)
    assert placing.index == 8
    desk.key(Key.Key_Return)  # the offered place, from the mean shape and the other points
    assert np.hypot(*(desk.label.points[8] - truth[8])) < 25
    assert placing.index == 30
    QTest.mouseClick(canvas.viewport(), LEFT, PLAIN, canvas.to_screen(*truth[30]).toPoint())
    assert np.hypot(*(desk.label.points[30] - truth[30])) < 1
    desk.saved("place point")
    desk.key(Key.Key_Z, CONTROL)
    desk.qtbot.waitUntil(lambda: bool(np.isnan(desk.label.points[30]).all()))
    assert placing.index == 40
    desk.key(Key.Key_Space)
    desk.key(Key.Key_Space)
    assert canvas.tool is Tool.SELECT and canvas.target == "" and placing.index is None
    assert "All points are placed" in desk.message()
    assert np.isfinite(desk.label.points).all()


def test_go_to_a_point_by_number_and_name(desk: Desk) -> None:
    desk.key(Key.Key_G)
    field = desk.window.points.goto
    assert field.isVisible()
    QTest.keyClicks(field, "48")  # no action hears these keys
    QTest.keyClick(field, Key.Key_Return)
    assert desk.window.workbench.selection == (48,) and not field.isVisible()
    desk.key(Key.Key_G)
    QTest.keyClicks(field, "nothing like it")
    QTest.keyClick(field, Key.Key_Return)
    assert field.isVisible()
    QTest.keyClick(field, Key.Key_Escape)
    assert not field.isVisible() and desk.window.canvas.hasFocus()
    scheme = get_scheme("300w-68")
    assert [find(scheme, text) for text in ("30", "68", "", "jaw 1", "LIP inner c", "5  jaw 6", "-1")] == [
        30, None, None, 0, 62, 5, None]  # fmt: skip


def test_tab_goes_through_points_only_while_the_canvas_has_the_keyboard(desk: Desk) -> None:
    desk.key(Key.Key_Tab)
    desk.key(Key.Key_Tab)
    assert desk.window.workbench.selection == (1,) and desk.window.landmarks.selected() == (1,)
    desk.key(Key.Key_A, CONTROL)
    assert len(desk.window.workbench.selection) == 68
    desk.window.images.filter.setFocus()
    QTest.keyClick(desk.window.images.filter, Key.Key_Tab)
    assert not desk.window.images.filter.hasFocus() and len(desk.window.workbench.selection) == 68


def test_points_are_taken_from_another_label_set_and_an_earlier_state(desk: Desk) -> None:
    before = desk.label.points
    desk.select(10, 11)
    desk.key(Key.Key_Right, SHIFT)
    desk.saved("move 2 points")
    desk.qtbot.waitUntil(lambda: desk.window.desk.details is not None and len(desk.window.desk.details.labels) == 2)
    desk.select(10)
    desk.window.points.take_menu.aboutToShow.emit()
    sources = [action for action in desk.window.points.take_menu.actions() if not action.isSeparator()]
    assert sources[0].text() == "set"
    sources[0].trigger()
    assert np.array_equal(desk.label.points[10], before[10])
    assert not np.array_equal(desk.label.points[11], before[11])
    desk.saved("take 1 point from set")
    sources[0].trigger()
    assert "same points" in desk.message()


def test_soft_drag_is_a_switch_that_keeps_its_radius(desk: Desk) -> None:
    desk.key(Key.Key_O)
    assert desk.window.canvas.soft == 2.0 and desk.window.actions_["soft"].isChecked()
    desk.window.canvas.set_soft(4.0)
    desk.key(Key.Key_O)
    assert desk.window.canvas.soft == 0.0
    desk.key(Key.Key_O)
    assert desk.window.canvas.soft == 4.0


def test_one_direction_is_kept_to_at_a_time(desk: Desk) -> None:
    actions, canvas = desk.window.actions_, desk.window.canvas
    desk.predict(face_points())
    actions["slide"].trigger()
    actions["keep_across"].trigger()
    assert not actions["slide"].isChecked() and actions["keep_across"].isChecked()
    before = desk.label.points[30]
    desk.select(30)
    desk.key(Key.Key_Right, SHIFT)  # the ellipses lie along x
    desk.key(Key.Key_Up)
    assert desk.label.points[30] == pytest.approx(before - np.array([0.0, 0.5]), abs=2e-3)
    actions["keep_across"].trigger()
    desk.key(Key.Key_Right)
    assert desk.label.points[30] == pytest.approx(before + np.array([0.5, -0.5]), abs=2e-3)
    assert canvas.soft == 0


def test_a_face_is_deleted_and_brought_back(desk: Desk) -> None:
    desk.key(Key.Key_Delete, CONTROL)
    desk.qtbot.waitUntil(lambda: not desk.window.document.faces)
    desk.saved("delete face")
    desk.key(Key.Key_Z, CONTROL)
    desk.qtbot.waitUntil(lambda: desk.face in desk.window.document.faces)
    assert np.array_equal(desk.label.points, face_points())


def _draw_box(window: MainWindow, qtbot: QtBot) -> None:
    canvas = window.canvas
    window.actions_["draw_box"].trigger()
    start, end = (canvas.to_screen(*place).toPoint() for place in ((30.0, 40.0), (170.0, 180.0)))
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, start)
    QTest.mouseMove(canvas.viewport(), end)
    with qtbot.waitSignal(window.document.box_added, timeout=10_000):
        QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, end)


def test_a_drawn_face_begins_with_the_mean_shape_where_no_model_is(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_photo(tmp_path / "a.png"))
    qtbot.waitUntil(lambda: window.workbench.picture_ready and window.document.faces_known, timeout=20_000)
    _draw_box(window, qtbot)
    desk = Desk(window, qtbot)
    desk.saved("start from the mean shape")
    points = desk.label.points
    assert points.min(axis=0) == pytest.approx((30, 40), abs=12)
    assert points.max(axis=0) == pytest.approx((170, 180), abs=12)
    window.actions_["start_shape"].trigger()
    assert "has a label already" in desk.message()


def test_the_bar_says_what_the_mouse_would_do(desk: Desk) -> None:
    canvas = desk.window.canvas
    QTest.mouseMove(canvas.viewport(), canvas.to_screen(*point(desk.window, desk.face, 30)).toPoint())
    assert desk.window.status.hint.text().startswith("Drag to move 30 nose bridge 4; Shift: along the nose")


def test_mending_is_proposed_then_done_in_one_step(desk: Desk) -> None:
    """C selects what looks wrong and shows where it would go; Ctrl+click keeps a point out of it; C again moves."""
    before, canvas = desk.label, desk.window.canvas
    rng = np.random.default_rng(0)
    desk.predict(before.points + rng.normal(0, 0.3, before.points.shape) + (3.0, -1.0))
    desk.key(Key.Key_C)
    assert "looks wrong" in desk.message() and not len(canvas.proposed)
    for index, shift in ((30, (14.0, 3.0)), (54, (-4.0, 15.0)), (9, (6.0, 16.0))):
        desk.window.document.apply(MovePoint(desk.face, index, *(before.points[index] + shift).tolist()))
    desk.key(Key.Key_C)
    assert set(desk.window.workbench.selection) == {9, 30, 54} and len(canvas.proposed) == 3
    canvas.select([9, 30])  # what Ctrl+click does to 54
    assert len(canvas.proposed) == 2 and not np.array_equal(desk.label.points[54], before.points[54])
    desk.key(Key.Key_C)
    assert not len(canvas.proposed)
    assert np.abs(desk.label.points[[9, 30]] - before.points[[9, 30]]).max() < 2.0  # the label's own place
    assert np.abs(desk.label.points[54] - before.points[54]).max() > 10
    desk.saved("fit 2 points to the rest of the face")
    desk.key(Key.Key_Z, CONTROL)
    desk.qtbot.waitUntil(lambda: np.abs(desk.label.points[30] - before.points[30]).max() > 10)
    desk.key(Key.Key_C)
    assert len(canvas.proposed) == 3
    canvas.select([3])
    assert not len(canvas.proposed)  # other points are meant now
