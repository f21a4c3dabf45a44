"""What the user can do to faces: real mouse and key events, real signals."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow

from app.canvas.gestures import Tool
from app.canvas.model import Layers
from core.face import Label

LEFT = Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier


def at(view, x: float, y: float) -> QPoint:
    return view.to_screen(x, y).toPoint()


def press(view, place: QPoint, keys=NO_KEY) -> None:
    QTest.mouseMove(view.viewport(), place)
    QTest.mousePress(view.viewport(), LEFT, keys, place)


def move(view, place: QPoint) -> None:
    QTest.mouseMove(view.viewport(), place)


def release(view, place: QPoint) -> None:
    QTest.mouseRelease(view.viewport(), LEFT, NO_KEY, place)


def click(view, place: QPoint, keys=NO_KEY) -> None:
    QTest.mouseClick(view.viewport(), LEFT, keys, place)


class Heard:
    """All emissions of a canvas's signals, in order."""

    def __init__(self, view) -> None:
        self.log: list[tuple] = []
        points = ("selectionChanged", "hovered", "pointDragging", "pointMoved", "pointDragCancelled")
        for name in (*points, "faceActivated", "boxDrawn", "toolChanged"):
            getattr(view, name).connect(lambda *args, name=name: self.log.append((name, *args)))

    def of(self, name: str) -> list[tuple]:
        return [entry[1:] for entry in self.log if entry[0] == name]


@pytest.fixture
def heard(canvas) -> Heard:
    return Heard(canvas)


def test_click_selects_and_does_not_move(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    click(canvas, at(canvas, 140, 90) + QPoint(4, 3))
    assert heard.of("selectionChanged") == [("a", (1,))]
    assert canvas.selection == ("a", (1,))
    press(canvas, at(canvas, 140, 90))
    move(canvas, at(canvas, 140, 90) + QPoint(2, 1))  # a trembling hand
    release(canvas, at(canvas, 140, 90) + QPoint(2, 1))
    assert not heard.of("pointMoved") and not heard.of("pointDragging")


def test_drag_previews_live_and_commits_once(canvas, heard, make_face) -> None:
    face = make_face()
    canvas.set_faces([face])
    start = at(canvas, 180, 100)
    press(canvas, start)
    for step in range(1, 6):
        move(canvas, start + QPoint(8 * step, 4 * step))
    assert not heard.of("pointMoved")
    assert len(heard.of("pointDragging")) == 5
    release(canvas, start + QPoint(40, 20))
    (moved,) = heard.of("pointMoved")
    assert moved[:2] == ("a", 2)
    assert moved[2:] == pytest.approx((180 + 40 / canvas.zoom, 100 + 20 / canvas.zoom), abs=0.002)
    assert heard.of("pointDragging")[-1] == moved
    np.testing.assert_array_equal(face.label.points[2], (180, 100))  # the view changed no data
    assert canvas.faces[0] is face


def test_drag_keeps_the_grip_beside_the_centre(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 100, 100) + QPoint(5, -4)
    press(canvas, start)
    move(canvas, start + QPoint(30, 0))
    release(canvas, start + QPoint(30, 0))
    (moved,) = heard.of("pointMoved")
    assert moved[2:] == pytest.approx((100 + 30 / canvas.zoom, 100), abs=0.002)


def test_moved_point_stays_until_the_document_answers(canvas, make_face) -> None:
    face = make_face()
    canvas.set_faces([face])
    start, end = at(canvas, 100, 100), at(canvas, 100, 100) + QPoint(60, 0)
    press(canvas, start)
    move(canvas, end)
    release(canvas, end)
    assert canvas.point_at(QPointF(end)).movable
    assert canvas.point_at(QPointF(start)) is None
    canvas.update_face(face)  # the document turned it down
    assert canvas.point_at(QPointF(end)) is None
    assert canvas.point_at(QPointF(start)).movable


def test_escape_cancels_a_drag(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 180, 100)
    press(canvas, start)
    move(canvas, start + QPoint(30, 30))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert heard.of("pointDragCancelled") == [("a", 2)]
    move(canvas, start + QPoint(60, 60))
    release(canvas, start + QPoint(60, 60))
    assert not heard.of("pointMoved")
    assert canvas.point_at(QPointF(start)).index == 2
    assert canvas.selection == ("a", (2,))


def test_escape_returns_to_the_place_before_this_drag_not_before_the_last(canvas, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 180, 60)
    canvas.set_faces([make_face(predicted=False)])
    first = at(canvas, 180, 100)
    press(canvas, first)
    move(canvas, start)
    release(canvas, start)  # not answered yet
    press(canvas, start)
    move(canvas, start + QPoint(50, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.point_at(QPointF(start)).index == 2
    assert canvas.point_at(QPointF(first)) is None


def test_dragging_a_prediction_without_label_reports_it(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face(label=False)])
    start = at(canvas, 112, 108)
    press(canvas, start)
    move(canvas, start + QPoint(20, 0))
    release(canvas, start + QPoint(20, 0))
    (moved,) = heard.of("pointMoved")
    assert moved[:2] == ("a", 0)
    assert moved[2:] == pytest.approx((112 + 20 / canvas.zoom, 108), abs=0.002)


def test_prediction_beside_a_label_selects_but_never_moves(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 112, 108)
    press(canvas, start)
    move(canvas, start + QPoint(20, 0))
    release(canvas, start + QPoint(20, 0))
    assert not heard.of("pointMoved") and not heard.of("pointDragging")
    assert canvas.selection == ("a", (0,))


def test_hidden_marks_are_not_hit_or_moved(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    label, mean = QPointF(at(canvas, 100, 100)), QPointF(at(canvas, 112, 108))
    canvas.set_layers(Layers(labels=False))
    assert canvas.point_at(label) is None
    assert not canvas.point_at(mean).movable
    canvas.set_layers(Layers(predictions=False, ellipses=False))
    assert canvas.point_at(label).movable and canvas.point_at(mean) is None
    canvas.set_layers(Layers(points=False))
    assert not canvas.point_at(label).movable


def test_control_click_adds_and_takes_away(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    control = Qt.KeyboardModifier.ControlModifier
    click(canvas, at(canvas, 100, 100))
    click(canvas, at(canvas, 140, 90), control)
    click(canvas, at(canvas, 180, 100), control)
    click(canvas, at(canvas, 140, 90), control)
    assert [indices for _, indices in heard.of("selectionChanged")] == [(0,), (0, 1), (0, 1, 2), (0, 2)]
    click(canvas, at(canvas, 180, 100))
    assert canvas.selection == ("a", (2,))


def test_click_beside_clears_and_escape_too(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    canvas.set_selection("a", (1,))
    click(canvas, at(canvas, 390, 290))
    assert heard.of("selectionChanged") == [(None, ())]
    canvas.set_selection("a", (1,))
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.selection == (None, ())


def test_setters_are_silent_and_forgiving(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    canvas.set_selection("a", (3, 3, 99, -1, 0))
    assert canvas.selection == ("a", (3, 0))
    canvas.set_selection("nobody", (1,))
    assert canvas.selection == (None, ())
    canvas.set_active(None)
    assert heard.log == []


def test_other_faces_are_activated_by_point_and_by_box(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face("a"), make_face("b", shift=90.0, active=False)])
    click(canvas, at(canvas, 270, 190))  # point 2 of b
    told = [entry for entry in heard.log if entry[0] != "hovered"]
    assert told == [("faceActivated", "b"), ("selectionChanged", "b", (2,))]
    assert canvas.active_face == "b"
    click(canvas, at(canvas, 90, 90))  # inside a's box only
    assert heard.of("faceActivated") == [("b",), ("a",)]
    assert canvas.selection == (None, ())
    click(canvas, at(canvas, 90, 95))
    assert len(heard.of("faceActivated")) == 2  # already active


def test_active_face_wins_where_faces_overlap(canvas, make_face) -> None:
    canvas.set_faces([make_face("a", active=False), make_face("b", shift=2.0)])
    assert canvas.point_at(QPointF(at(canvas, 100, 100))).face_id == "b"
    canvas.set_active("a")
    assert canvas.point_at(QPointF(at(canvas, 102, 102))).face_id == "a"


def test_hover_tells_the_facts_and_leaves(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    canvas.set_layers(Layers(ambiguous_threshold=2))
    move(canvas, at(canvas, 140, 90))
    assert heard.of("hovered") == [("a", 1)]
    assert canvas.viewport().cursor().shape() == Qt.CursorShape.PointingHandCursor
    callout = canvas.callout
    assert callout.isVisible()
    text = callout.accessibleName()
    for part in ("1  brow 2", "140.0, 90.0", "6.00 / 2.00 px", "anisotropy 3.00", "−12.0 / −8.0 px", "0°"):
        assert part in text
    place = at(canvas, 140, 90)
    assert not callout.geometry().contains(place)
    assert canvas.viewport().rect().contains(callout.geometry())
    move(canvas, at(canvas, 139, 91))
    assert len(heard.of("hovered")) == 1  # the same point
    move(canvas, at(canvas, 390, 10))
    assert heard.of("hovered")[-1] == (None, None)
    assert not callout.isVisible()


@pytest.mark.parametrize("corner", [(2, 2), (398, 2), (2, 298), (398, 298)])
def test_callout_stays_inside_and_off_the_point(canvas, make_face, scheme, corner) -> None:
    face = make_face()
    points = face.label_points.copy()
    points[0] = corner
    canvas.set_faces([type(face)("a", scheme, None, Label(scheme.id, points), face.prediction, True)])
    canvas.resize(420, 330)
    canvas.fit_image()
    move(canvas, at(canvas, *corner))
    assert canvas.callout.isVisible()
    assert canvas.rect().contains(canvas.callout.geometry())
    assert not canvas.callout.geometry().contains(at(canvas, *corner))


def test_hover_ends_when_the_cursor_leaves_or_the_face_goes(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    move(canvas, at(canvas, 140, 90))
    QTest.qWait(0)
    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert heard.of("hovered")[-1] == (None, None)
    move(canvas, at(canvas, 180, 100))
    canvas.set_faces([])
    assert heard.of("hovered")[-1] == (None, None)
    assert not canvas.callout.isVisible()


def test_callout_follows_a_drag(canvas, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 180, 100)
    press(canvas, start)
    move(canvas, start + QPoint(40, 0))
    known = canvas.callout.facts
    assert known.source == "label, being moved"
    assert known.x == pytest.approx(180 + 40 / canvas.zoom, abs=0.01)
    release(canvas, start + QPoint(40, 0))


@pytest.mark.parametrize(
    ("keys", "step"),
    [(NO_KEY, 0.5), (Qt.KeyboardModifier.ShiftModifier, 5.0), (Qt.KeyboardModifier.ControlModifier, 0.1)],
)
def test_arrows_nudge_the_selected_point(canvas, heard, make_face, keys, step) -> None:
    canvas.set_faces([make_face()])
    canvas.set_selection("a", (1,))
    QTest.keyClick(canvas, Qt.Key.Key_Right, keys)
    QTest.keyClick(canvas, Qt.Key.Key_Right, keys)  # before the document answered the first
    QTest.keyClick(canvas, Qt.Key.Key_Up, keys)
    moved = heard.of("pointMoved")
    assert [m[:2] for m in moved] == [("a", 1)] * 3
    assert moved[-1][2:] == pytest.approx((140 + 2 * step, 90 - step))


def test_arrows_do_nothing_without_one_movable_point(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    canvas.set_selection("a", (1, 2))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    canvas.set_selection("a", (1,))
    canvas.set_layers(Layers(labels=False))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert not heard.of("pointMoved")


def test_arrows_belong_to_the_canvas_only_while_a_point_is_selected(canvas, heard, make_face, qtbot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    turned: list[int] = []
    action = QAction("Next image", window)
    action.setShortcut(QKeySequence(Qt.Key.Key_Right))
    action.triggered.connect(lambda: turned.append(1))
    window.addAction(action)
    window.setCentralWidget(canvas)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    canvas.setFocus()
    canvas.set_faces([make_face()])
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert turned == [1] and not heard.of("pointMoved")
    canvas.set_selection("a", (1,))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert turned == [1] and len(heard.of("pointMoved")) == 1
    window.takeCentralWidget()


def test_point_can_leave_the_image_but_not_get_lost(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 100, 100)
    press(canvas, start)
    move(canvas, start - QPoint(5000, 0))
    release(canvas, start - QPoint(5000, 0))
    (moved,) = heard.of("pointMoved")
    assert moved[2] == pytest.approx(-200.5)


def test_prediction_arriving_in_a_drag_does_not_end_it(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face(predicted=False)])
    start = at(canvas, 180, 100)
    press(canvas, start)
    move(canvas, start + QPoint(30, 0))
    canvas.update_face(make_face())
    move(canvas, start + QPoint(40, 0))
    release(canvas, start + QPoint(40, 0))
    (moved,) = heard.of("pointMoved")
    assert moved[2] == pytest.approx(180 + 40 / canvas.zoom, abs=0.002)


def test_face_vanishing_in_a_drag_ends_it_quietly(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face()])
    start = at(canvas, 180, 100)
    press(canvas, start)
    move(canvas, start + QPoint(30, 0))
    canvas.set_faces([make_face("other", shift=50)])
    move(canvas, start + QPoint(40, 0))
    release(canvas, start + QPoint(40, 0))
    assert not heard.of("pointMoved")


def test_box_tool_draws_one_box_inside_the_image(canvas, heard) -> None:
    canvas.set_tool(Tool.BOX)
    assert canvas.viewport().cursor().shape() == Qt.CursorShape.CrossCursor
    press(canvas, at(canvas, 300, 200))
    move(canvas, at(canvas, 200, 120))
    release(canvas, at(canvas, 100, -40))
    (box,) = heard.of("boxDrawn")
    assert box == pytest.approx((100, -0.5, 200, 200.5), abs=0.5)
    assert canvas.tool is Tool.SELECT
    assert heard.of("toolChanged") == [(Tool.BOX,), (Tool.SELECT,)]


def test_box_tool_ignores_a_slip_and_escape_puts_it_away(canvas, heard) -> None:
    canvas.set_tool(Tool.BOX)
    press(canvas, at(canvas, 200, 120))
    release(canvas, at(canvas, 200, 120) + QPoint(3, 50))
    assert canvas.tool is Tool.BOX
    press(canvas, at(canvas, 200, 120))
    move(canvas, at(canvas, 250, 180))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)  # the box
    assert canvas.tool is Tool.BOX
    release(canvas, at(canvas, 250, 180))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)  # the tool
    assert canvas.tool is Tool.SELECT
    assert not heard.of("boxDrawn")


def test_double_click_goes_to_the_face_and_back(canvas, heard, make_face) -> None:
    canvas.set_faces([make_face(), make_face("b", shift=90, active=False)])
    fitted = canvas.zoom
    QTest.mouseDClick(canvas.viewport(), LEFT, NO_KEY, at(canvas, 330, 200))
    assert canvas.zoom > fitted
    assert heard.of("faceActivated") == [("b",)]
    beside = at(canvas, 365, 150)
    assert canvas.viewport().rect().contains(beside)
    QTest.mouseDClick(canvas.viewport(), LEFT, NO_KEY, beside)
    assert canvas.zoom == pytest.approx(fitted)


def test_fit_face_and_fit_point(canvas, make_face) -> None:
    canvas.set_faces([make_face(), make_face("b", shift=90, active=False)])
    canvas.fit_face("b")
    assert canvas.to_image(QPointF(400, 310)).x() == pytest.approx(170 + 80, abs=1)
    canvas.set_selection("a", (4,))
    zoom = canvas.zoom
    canvas.fit_point()
    place = canvas.to_image(QPointF(400, 310))
    assert (place.x(), place.y()) == pytest.approx((150, 180), abs=0.5)
    assert canvas.zoom >= zoom
    canvas.fit_point("nobody", 3)
    canvas.set_faces([])
    canvas.fit_face()


def test_faces_are_kept_replaced_and_checked(canvas, make_face) -> None:
    canvas.set_faces([make_face("a"), make_face("b", active=False)])
    canvas.set_selection("a", (2,))
    canvas.set_faces([make_face("b", active=False), make_face("a")])
    assert [face.face_id for face in canvas.faces] == ["b", "a"]
    assert canvas.selection == ("a", (2,))
    canvas.set_faces([make_face("b")])
    assert canvas.selection == (None, ())
    with pytest.raises(ValueError, match="two faces"):
        canvas.set_faces([make_face(), make_face()])
    with pytest.raises(KeyError):
        canvas.update_face(make_face("gone"))
