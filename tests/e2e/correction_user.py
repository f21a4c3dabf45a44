"""An annotator who corrects one face from its worst point to its review, by mouse and keyboard."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.face_state import FaceState
from app.main_window import MainWindow
from app.watchdog import Watchdog
from tests.e2e.telling import tell, wait

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
OFF_THE_CURVE_PX = 14
"""Screen px that the hand strays beside the curve it slides along."""


def correct_face(shown: MainWindow) -> None:
    """Worst point, slide along the curve, spread, undo and redo, visibility, accept and next; tell of each."""
    shown.activateWindow()  # there may be no window manager that does
    wait(lambda: shown.isActiveWindow() and predicted(shown), "the prediction")
    watchdog = Watchdog()
    watchdog.start()
    press(shown, Qt.Key.Key_W)
    (index,) = shown.workbench.selection
    before = state(shown)
    tell(name=name_shown(shown), point=index, region=curve_of(shown, index), **before)
    slide(shown, index)
    stages = [saved(shown, before)]
    for key, keys in (
        (Qt.Key.Key_E, PLAIN), (Qt.Key.Key_Z, CTRL), (Qt.Key.Key_Z, CTRL), (Qt.Key.Key_Z, CTRL | SHIFT),
        (Qt.Key.Key_Z, CTRL | SHIFT), (Qt.Key.Key_V, PLAIN),
    ):  # fmt: skip
        press(shown, key, keys)
        stages.append(saved(shown, stages[-1]))
    names = ("slid", "spread", "undone", "undone_twice", "redone", "redone_twice", "occluded")
    tell(**dict(zip(names, stages, strict=True)), history=shown.document.undo_text)
    first = name_shown(shown)
    press(shown, Qt.Key.Key_Return)
    wait(lambda: name_shown(shown) != first and predicted(shown), "the next face")
    press(shown, Qt.Key.Key_W)
    keep_place(shown)
    watchdog.stop()
    tell(next=name_shown(shown), **place(shown), left=shown.status.left.text(), **report(watchdog))
    shown.close()


def look_again(shown: MainWindow) -> None:
    """Tell where one is after a start; go back to the face that was corrected; tell how it is there."""
    shown.activateWindow()
    wait(lambda: predicted(shown) and bool(shown.canvas.selection[1]), "the place that was kept")
    wait(shown.isActiveWindow, "the keyboard")
    there = name_shown(shown)
    tell(name=there, **place(shown))
    press(shown, Qt.Key.Key_PageUp)
    wait(lambda: name_shown(shown) != there and predicted(shown), "the face before")
    face = active(shown)
    tell(name=name_shown(shown), review=face.review, status=shown.desk.face.status.text(), **state(shown))
    shown.close()


def slide(shown: MainWindow, index: int) -> None:
    """Shift-drag the point a third of the way to its neighbour, with a hand that does not keep to the curve."""
    scheme = shown.workbench.scheme_for(active(shown))
    region = scheme.region_of(index)
    assert region is not None and active(shown).label is not None
    at = region.indices.index(index)
    beside = region.indices[at + 1] if at + 1 < len(region.indices) else region.indices[at - 1]
    start, towards = screen_place(shown, index), screen_place(shown, beside)
    way = towards - start
    across = QPointF(-way.y(), way.x()) / max(float(np.hypot(way.x(), way.y())), 1.0)
    end = start + way / 3 + across * OFF_THE_CURVE_PX
    mouse(shown, QEvent.Type.MouseMove, start, PLAIN, held=False)
    mouse(shown, QEvent.Type.MouseButtonPress, start, SHIFT)
    for part in (0.25, 0.5, 0.75, 1.0):
        mouse(shown, QEvent.Type.MouseMove, start + (end - start) * part, SHIFT)
    mouse(shown, QEvent.Type.MouseButtonRelease, end, SHIFT, held=False)


def mouse(shown: MainWindow, kind: QEvent.Type, at: QPointF, keys: Qt.KeyboardModifier, held: bool = True) -> None:
    """One event as the window system sends it: moves, too, tell which keys are held."""
    viewport, place_ = shown.canvas.viewport(), QPointF(QPoint(round(at.x()), round(at.y())))
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
    buttons = LEFT if held else Qt.MouseButton.NoButton
    QApplication.sendEvent(
        viewport, QMouseEvent(kind, place_, viewport.mapToGlobal(place_), button, buttons, keys)
    )
    QApplication.processEvents()


def press(shown: MainWindow, key: Qt.Key, keys: Qt.KeyboardModifier = PLAIN) -> None:
    """One key, where the keyboard is: on the picture."""
    shown.canvas.setFocus()
    QTest.keyClick(shown.canvas, key, keys)


def saved(shown: MainWindow, before: dict[str, Any]) -> dict[str, Any]:
    """What the label is once it is another one and on disk."""
    wait(lambda: state(shown) != before, "a change")
    wait(lambda: shown.status.saved.text().startswith("All changes saved "), "saved")
    return state(shown)


def keep_place(shown: MainWindow) -> None:
    """Wait until the project knows where one is."""
    project, key, selection = shown.document.project, f"place:{shown.annotator.name}", list(shown.workbench.selection)
    assert project is not None and selection

    def kept() -> bool:
        found = project.get_setting(key) or {}
        return bool(found.get("points") == selection and found.get("view") is not None)

    wait(kept, "the place to be kept")


def active(shown: MainWindow) -> FaceState:
    face = shown.workbench.active_face()
    assert face is not None
    return face


def predicted(shown: MainWindow) -> bool:
    """Whether picture, label and ellipses of a face are on screen."""
    face = shown.workbench.active_face()
    return shown.workbench.picture_ready and face is not None and face.prediction is not None


def state(shown: MainWindow) -> dict[str, Any]:
    """Places and visibility of the label's points."""
    label = active(shown).label
    assert label is not None
    return {"points": label.points.tolist(), "visibility": label.visibility.tolist()}


def place(shown: MainWindow) -> dict[str, Any]:
    """Selection, zoom and middle of the view."""
    return {"selection": list(shown.canvas.selection[1]), "view": list(shown.canvas.view_state())}


def curve_of(shown: MainWindow, index: int) -> str:
    region = shown.workbench.scheme_for(active(shown)).region_of(index)
    return "" if region is None else region.name


def screen_place(shown: MainWindow, index: int) -> QPointF:
    """Where the label's point is on the canvas."""
    label = active(shown).label
    assert label is not None
    return shown.canvas.to_screen(*map(float, label.points[index]))


def name_shown(shown: MainWindow) -> str:
    row = shown.document.row(shown.document.current_id or "")
    return "" if row is None else row.name


def report(watchdog: Watchdog) -> dict[str, Any]:
    """How long the window ever kept one waiting."""
    longest = watchdog.longest
    own = 0.0 if longest is None or longest.cpu_ms is None else longest.cpu_ms
    return {"own_ms": own, "asked": watchdog.pings, "report": watchdog.report()}
