"""Moves of one and of many points by real mouse and key events: constraints, soft drags, ranges, frames, placing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas import selecting
from app.canvas.gestures import Tool
from app.canvas.hints import Situation, hint
from core.face import PointFlag
from core.moves.drag import Constraint
from tests.app.canvas.conftest import POINTS

LEFT = Qt.MouseButton.LeftButton
PLAIN, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Hand:
    """A mouse whose moves tell which keys are held, as real ones do."""

    def __init__(self, view) -> None:
        self.view = view
        self.moved: list[tuple] = []
        view.pointsMoved.connect(lambda *args: self.moved.append(args))

    def at(self, x: float, y: float) -> QPoint:
        return self.view.to_screen(x, y).toPoint()

    def send(self, kind: QEvent.Type, place: QPoint, keys=PLAIN, held: bool = True) -> None:
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        buttons = LEFT if held else Qt.MouseButton.NoButton
        viewport, position = self.view.viewport(), QPointF(place)
        event = QMouseEvent(kind, position, viewport.mapToGlobal(position), button, buttons, keys)
        QApplication.sendEvent(viewport, event)

    def press(self, place: QPoint, keys=PLAIN) -> None:
        self.send(QEvent.Type.MouseMove, place, keys, held=False)
        self.send(QEvent.Type.MouseButtonPress, place, keys)

    def move(self, place: QPoint, keys=PLAIN) -> None:
        self.send(QEvent.Type.MouseMove, place, keys)

    def release(self, place: QPoint, keys=PLAIN) -> None:
        self.send(QEvent.Type.MouseButtonRelease, place, keys, held=False)

    def drag(self, index: int, by: tuple[int, int], keys=PLAIN) -> None:
        start = self.at(*POINTS[index])
        self.press(start, keys)
        self.move(start + QPoint(by[0] // 2, by[1] // 2), keys)
        self.move(start + QPoint(*by), keys)
        self.release(start + QPoint(*by), keys)

    def wheel(self, steps: int) -> None:
        viewport = self.view.viewport()
        place = QPointF(viewport.rect().center())
        event = QWheelEvent(
            place, viewport.mapToGlobal(place), QPoint(), QPoint(0, 120 * steps), LEFT, PLAIN,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(viewport, event)


@pytest.fixture
def hand(canvas, make_face) -> Hand:
    canvas.set_faces([make_face()])
    canvas.setFocus()
    return Hand(canvas)


def locked_face(make_face, index: int):
    face = make_face()
    flags = face.label.flags.copy()
    flags[index] = PointFlag.LOCKED
    return replace(face, label=replace(face.label, flags=flags))


def test_all_selected_points_are_dragged_together(canvas, hand) -> None:
    canvas.set_selection("a", (0, 1, 4))
    hand.drag(1, (40, 20))
    ((face, places, what),) = hand.moved
    assert face == "a" and what == "move 3 points" and set(places) == {0, 1, 4}
    for index, place in places.items():
        assert place == pytest.approx(POINTS[index] + np.array([40, 20]) / canvas.zoom, abs=0.002)
    assert canvas.selection == ("a", (0, 1, 4))
    hand.drag(2, (10, 0))  # one that is not selected goes alone
    assert canvas.selection == ("a", (2,))


def test_escape_puts_all_of_them_back(canvas, hand) -> None:
    canvas.set_selection("a", (0, 1))
    start = hand.at(*POINTS[0])
    hand.press(start)
    hand.move(start + QPoint(50, 50))
    assert canvas.point_at(QPointF(hand.at(*POINTS[1]))) is None
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    hand.release(start + QPoint(50, 50))
    assert not hand.moved
    assert [canvas.point_at(QPointF(hand.at(*POINTS[i]))).index for i in (0, 1)] == [0, 1]


def test_control_keeps_to_the_long_axis_and_with_shift_to_the_short_one(canvas, hand) -> None:
    hand.drag(1, (30, 24), CONTROL)  # the ellipse of point 1 lies along x
    hand.drag(4, (30, 24), CONTROL | SHIFT)
    (_, along, first), (_, across, second) = hand.moved
    assert first == "move point along the ellipse" and second == "move point across it"
    assert along[1] == pytest.approx((POINTS[1, 0] + 30 / canvas.zoom, POINTS[1, 1]), abs=0.002)
    assert across[4] == pytest.approx((POINTS[4, 0], POINTS[4, 1] + 24 / canvas.zoom), abs=0.002)


def test_shift_slides_along_the_curve_between_the_neighbours(canvas, hand) -> None:
    hand.drag(1, (300, 0), SHIFT)
    ((_, places, what),) = hand.moved
    assert what == "move point along the curve"
    x, y = places[1]
    assert 140 < x < 180 and 85 < y < 101  # short of point 2 at (180, 100)
    assert canvas.selection == ("a", (1,))


def test_keys_pressed_and_let_go_in_a_drag_change_where_it_leads(canvas, hand) -> None:
    start = hand.at(*POINTS[1])
    hand.press(start)
    hand.move(start + QPoint(30, 24))
    QTest.keyPress(canvas, Qt.Key.Key_Control)
    hand_free = canvas._items["a"].moved[1]
    assert hand_free == pytest.approx((POINTS[1, 0] + 30 / canvas.zoom, POINTS[1, 1]), abs=0.002)
    QTest.keyRelease(canvas, Qt.Key.Key_Control)
    assert canvas._items["a"].moved[1][1] == pytest.approx(POINTS[1, 1] + 24 / canvas.zoom, abs=0.002)
    hand.release(start + QPoint(30, 24))


def test_the_mode_slides_without_a_key(canvas, hand) -> None:
    canvas.set_constraint(Constraint.CURVE)
    hand.drag(2, (0, 40))
    assert hand.moved[0][2] == "move point along the curve"
    canvas.set_constraint(Constraint.MAJOR)
    canvas.set_selection("a", (1,))
    QTest.keyClick(canvas, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(canvas, Qt.Key.Key_Down, SHIFT)  # across the axis: it leads nowhere
    assert hand.moved[-1][1][1] == pytest.approx(POINTS[1] + (5, 0))


def test_soft_drags_take_neighbours_along_and_the_wheel_says_how_many(canvas, hand) -> None:
    canvas.set_soft(1.0)
    told: list[float] = []
    canvas.softChanged.connect(told.append)
    start, zoom = hand.at(*POINTS[0]), canvas.zoom
    hand.press(start)
    hand.move(start + QPoint(0, 40))
    assert set(canvas._items["a"].moved) == {0, 1}
    hand.wheel(1)
    assert told == [2.0] and canvas.zoom == zoom
    assert set(canvas._items["a"].moved) == {0, 1, 2}
    hand.wheel(-1)
    assert set(canvas._items["a"].moved) == {0, 1}  # the third is back where it was
    hand.release(start + QPoint(0, 40))
    ((_, places, what),) = hand.moved
    assert what == "soft move"
    shift = 40 / zoom
    assert places[0][1] == pytest.approx(POINTS[0, 1] + shift, abs=0.002)
    assert places[1][1] == pytest.approx(POINTS[1, 1] + shift / 2, abs=0.002)
    hand.wheel(1)  # outside a drag it zooms
    assert canvas.zoom > zoom


def test_locked_points_stay_under_mouse_and_keys(canvas, hand, make_face) -> None:
    canvas.set_faces([locked_face(make_face, 1)])
    hand.drag(1, (30, 0))  # moves the picture
    assert not hand.moved and not canvas._items["a"].moved
    canvas.fit_image()
    canvas.set_selection("a", (0, 1, 2))
    hand.drag(0, (30, 0))
    assert set(hand.moved[0][1]) == {0, 2}
    canvas.set_selection("a", (1,))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert len(hand.moved) == 1


def test_arrows_nudge_all_selected_points(canvas, hand) -> None:
    canvas.set_selection("a", (0, 3))
    QTest.keyClick(canvas, Qt.Key.Key_Down, SHIFT)
    ((_, places, what),) = hand.moved
    assert what == "move 2 points"
    assert places[3] == pytest.approx(POINTS[3] + (0, 5))


def test_shift_click_selects_the_way_along_the_curve(canvas, hand) -> None:
    QTest.mouseClick(canvas.viewport(), LEFT, PLAIN, hand.at(*POINTS[0]))
    QTest.mouseClick(canvas.viewport(), LEFT, SHIFT, hand.at(*POINTS[3]))
    assert canvas.selection == ("a", (0, 1, 2, 3))
    QTest.mouseClick(canvas.viewport(), LEFT, CONTROL, hand.at(*POINTS[1]))
    assert canvas.selection == ("a", (0, 2, 3))
    assert not hand.moved


def test_double_click_selects_the_curve_and_drags_it(canvas, hand) -> None:
    place = hand.at(*POINTS[1])
    QTest.mouseClick(canvas.viewport(), LEFT, PLAIN, place)
    hand.send(QEvent.Type.MouseButtonDblClick, place)
    hand.release(place)
    assert canvas.selection == ("a", (0, 1, 2, 3))
    hand.send(QEvent.Type.MouseButtonDblClick, place)
    hand.move(place + QPoint(20, 0))
    hand.release(place + QPoint(20, 0))
    assert set(hand.moved[0][1]) == {0, 1, 2, 3}


def test_a_frame_selects_what_lies_in_it(canvas, hand, make_face) -> None:
    def frame(one: tuple[float, float], other: tuple[float, float], keys) -> None:
        hand.press(hand.at(*one), keys)
        hand.move(hand.at(*other), keys)
        hand.release(hand.at(*other), keys)

    frame((90, 60), (190, 120), SHIFT)
    assert canvas.selection == ("a", (0, 1, 2))
    frame((130, 200), (160, 175), SHIFT | CONTROL)
    assert canvas.selection == ("a", (0, 1, 2, 4))
    frame((5, 5), (30, 30), SHIFT)
    assert canvas.selection == (None, ())
    canvas.set_faces([make_face(), make_face("b", shift=130.0, active=False)])
    frame((225, 210), (330, 240), SHIFT)  # only points of b lie there
    assert canvas.selection == ("b", (0, 1, 2)) and canvas.active_face == "b"


def test_stepping_and_choosing_by_call(canvas, hand) -> None:
    told: list[tuple] = []
    canvas.selectionChanged.connect(lambda *args: told.append(args))
    canvas.select_step(1)
    canvas.select_step(-1)
    canvas.select_step(1)
    assert [indices for _, indices in told] == [(0,), (5,), (0,)]
    canvas.select_regions()
    canvas.select_all()
    assert [len(indices) for _, indices in told[3:]] == [4, 6]
    canvas.set_zoom(20.0, QPointF(0, 0))
    canvas.select([5])
    canvas.select_step(-1)
    place = canvas.to_screen(*POINTS[4])
    assert canvas.viewport().rect().contains(place.toPoint())


def test_placing_asks_for_clicks_and_shows_where(canvas, hand) -> None:
    placed: list[object] = []
    canvas.placed.connect(placed.append)
    canvas.set_tool(Tool.PLACE)
    canvas.show_target((200.0, 150.0), "9 chin (2 to go)")
    assert canvas.target == "9 chin (2 to go)"
    QTest.mouseClick(canvas.viewport(), LEFT, PLAIN, hand.at(210, 160))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert placed[0] == pytest.approx((210, 160), abs=0.5) and placed[1:] == [None, None]
    hand.press(hand.at(*POINTS[0]))  # a drag moves the picture, not a point
    hand.move(hand.at(*POINTS[0]) + QPoint(60, 0))
    hand.release(hand.at(*POINTS[0]))
    assert len(placed) == 3 and not hand.moved
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.tool is Tool.SELECT


def test_the_hint_follows_the_hand(canvas, hand, make_face) -> None:
    told: list[str] = []
    canvas.hintChanged.connect(told.append)
    start = hand.at(*POINTS[1])
    hand.send(QEvent.Type.MouseMove, start, held=False)
    assert told[-1].startswith("Drag to move 1 brow 2; Shift: along the brow; Ctrl")
    QTest.keyPress(canvas, Qt.Key.Key_Shift)
    assert told[-1] == "Drag to move 1 brow 2 along the brow"
    QTest.keyRelease(canvas, Qt.Key.Key_Shift)
    hand.press(start)
    hand.move(start + QPoint(20, 0))
    assert told[-1] == "1 point moving; Esc puts back"
    hand.release(start + QPoint(20, 0))
    canvas.set_faces([locked_face(make_face, 0)])
    hand.send(QEvent.Type.MouseMove, hand.at(*POINTS[0]), held=False)
    assert "locked" in told[-1]
    canvas.set_tool(Tool.BOX)
    assert "box" in told[-1]


@pytest.mark.parametrize(
    ("now", "part"),
    [
        (Situation(Tool.SELECT), "Press B"),
        (Situation(Tool.SELECT, True), "double-click"),
        (Situation(Tool.SELECT, True, selected=3), "3 points selected"),
        (Situation(Tool.SELECT, True, "5 x"), "as predicted"),
        (Situation(Tool.SELECT, True, "5 x", True, soft=2.0), "2 neighbours"),
        (Situation(Tool.SELECT, True, "5 x", True, dragging=1, constraint=Constraint.CURVE), "on no curve"),
        (Situation(Tool.SELECT, True, "5 x", True, dragging=1, constraint=Constraint.MAJOR), "no ellipse"),
        (Situation(Tool.PLACE, True), "Tab skips"),
    ],
)
def test_hints(now: Situation, part: str) -> None:
    assert part in hint(now)


def test_ranges(scheme) -> None:
    assert selecting.along(scheme, 3, 0) == (3, 2, 1, 0)
    assert selecting.along(scheme, 5, 3) == (5, 3)  # round the closed triangle the short way
    assert selecting.along(scheme, 0, 4) == (0, 4)
    assert selecting.along(scheme, 4, 4) == (4,)
    assert selecting.regions_of(scheme, (4, 0)) == (3, 4, 5, 0, 1, 2)
    points = np.array([[1.0, 1], [np.nan, np.nan], [3, 3]])
    assert selecting.inside(points, 0, 0, 3, 3) == (0, 2)
    assert [selecting.step(points, *a) for a in ((None, 1), (None, -1), (0, 1), (2, 1), (0, -1))] == [0, 2, 2, 0, 2]
    assert selecting.step(np.full((2, 2), np.nan), None, 1) is None
