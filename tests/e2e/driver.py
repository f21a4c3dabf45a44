"""A user, as a child process: starts the real program and works it with mouse and keyboard events.

Usage: driver.py STEP PATH...; prints one JSON line a milestone, for the test that started it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.entry import main
from app.main_window import MainWindow
from app.panels.landmark_model import Col
from app.watchdog import Watchdog
from tests.e2e.correction_user import correct_face, look_again
from tests.e2e.telling import tell, wait
from tests.e2e.tour_user import play_tour

POINT = 30
MOVE_PX = (40, -30)
"""Screen px."""


def window() -> MainWindow:
    """The program's window."""
    return next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow))


def wait_for_face(shown: MainWindow) -> str:
    """The active face once its picture and label are on screen."""
    wait(lambda: shown.workbench.picture_ready and shown.workbench.active is not None, "a face on the canvas")
    face = shown.workbench.active
    assert face is not None
    QApplication.processEvents()  # the bars have found their places: nothing moves under the mouse any more
    return face


def label_point(shown: MainWindow, face: str) -> list[float]:
    """Where the point is, image px."""
    label = shown.document.faces[face].label
    assert label is not None
    return [float(v) for v in label.points[POINT]]


def drag(shown: MainWindow, face: str) -> None:
    """Drag the point as a hand would: press, move in steps, release."""
    viewport = shown.canvas.viewport()
    x, y = label_point(shown, face)
    start = shown.canvas.to_screen(x, y).toPoint()
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseMove(viewport, start)
    QTest.mousePress(viewport, left, none, start)
    for part in (0.3, 0.6, 1.0):
        step = QPointF(*MOVE_PX) * part
        QTest.mouseMove(viewport, start + step.toPoint())
    QTest.mouseRelease(viewport, left, none, start + QPoint(*MOVE_PX))


def step_drag() -> None:
    """Drag one point, tell when the window says it is saved, and wait to be killed."""
    shown = window()
    face = wait_for_face(shown)
    before = label_point(shown, face)
    said: list[str] = []
    shown.document.save_changed.connect(lambda _state: said.append(shown.status.saved.text()))
    drag(shown, face)
    assert shown.status.saved.text() == "Saving…", shown.status.saved.text()
    wait(lambda: shown.status.saved.text().startswith("All changes saved "), "saved")
    tell(saved=shown.status.saved.text(), before=before, after=label_point(shown, face), name=current_name(shown))


def step_place() -> None:
    """Go to the second image, look closely at a point there, tell where that is once it is kept, wait for the end."""
    shown = window()
    wait_for_face(shown)
    QTest.keyClick(shown, Qt.Key.Key_PageDown)
    face = wait_for_face(shown)
    viewport = shown.canvas.viewport()
    at = shown.canvas.to_screen(*label_point(shown, face)).toPoint()
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    QTest.keyClick(shown.canvas, Qt.Key.Key_Z)
    project = shown.document.project
    assert project is not None
    key = f"place:{shown.annotator.name}"
    wait(lambda: (project.get_setting(key) or {}).get("points") == [POINT], "the place to be kept")
    wait(lambda: project.get_setting(key)["view"] is not None, "the view to be kept")
    tell(**place_of(shown))


def step_place_again() -> None:
    """Tell where one is after a start, and close."""
    shown = window()
    wait_for_face(shown)
    wait(lambda: bool(shown.canvas.selection[1]), "the selection")
    tell(**place_of(shown))
    shown.close()


def place_of(shown: MainWindow) -> dict[str, Any]:
    """Image, selection, zoom and middle of the view."""
    zoom, x, y = shown.canvas.view_state()
    return {"name": current_name(shown), "selection": list(shown.canvas.selection[1]), "view": [zoom, x, y]}


def step_reopen() -> None:
    """Tell what is there without opening anything; undo with the keyboard; redo; close."""
    shown = window()
    face = wait_for_face(shown)
    tell(found=label_point(shown, face), name=current_name(shown), threads=threading.active_count())
    for key, modifiers in (
        (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier),
    ):
        before = label_point(shown, face)
        QTest.keyClick(shown, key, modifiers)
        wait(lambda before=before: label_point(shown, face) != before, "undo or redo")
        wait(lambda: shown.document.save_state.kind == "saved", "saved")
        tell(now=label_point(shown, face))
    shown.close()


def step_review() -> None:
    """What an annotator does: predict all, take the worst face, correct its worst point, look at its heatmap."""
    shown = window()
    wait_for_face(shown)
    wait(lambda: shown.workbench.predictions.state.kind not in ("none", "loading"), "the model")
    state = shown.workbench.predictions.state
    tell(model=state.kind, said=state.text, device=shown.status.model.toolTip())
    watchdog = Watchdog()
    watchdog.start()
    QTest.keyClick(shown, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    wait(lambda: all(row.predicted for row in shown.document.rows), "predictions of all")
    tell(worst={row.name: row.worst for row in shown.document.rows}, faces=[row.faces for row in shown.document.rows])
    shown.images.order.setCurrentIndex(shown.images.order.findData("worst"))
    first = shown.images.model.ids()[0]
    shown.images.view.setCurrentIndex(shown.images.model.index(0))
    assert shown.document.current_id == first
    face = wait_for_face(shown)
    wait(lambda: shown.document.faces[face].prediction is not None, "the prediction")
    QTest.keyClick(shown.canvas, Qt.Key.Key_W)
    (index,) = shown.landmarks.selected()
    before = shown.landmarks.model.data(shown.landmarks.model.index(index, Col.PERCENT))
    state_before = shown.document.faces[face]
    assert state_before.label is not None and state_before.prediction is not None
    to = shown.canvas.to_screen(*state_before.prediction.mean[index]).toPoint()
    at = shown.canvas.to_screen(*state_before.label.points[index]).toPoint()
    viewport, left, none = shown.canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(viewport, left, none, at)
    QTest.mouseMove(viewport, (at + to) / 2)
    QTest.mouseMove(viewport, to)
    QTest.mouseRelease(viewport, left, none, to)
    wait(lambda: shown.status.saved.text().startswith("All changes saved "), "saved")
    after = shown.landmarks.model.data(shown.landmarks.model.index(index, Col.PERCENT))
    QTest.keyClick(shown.canvas, Qt.Key.Key_H)
    wait(lambda: shown.workbench._heatmaps is not None, "the heatmap")
    watchdog.stop()
    longest = watchdog.longest
    tell(
        point=index,
        before=float(before),
        after=float(after),
        asked=watchdog.pings,
        wall_ms=0.0 if longest is None else longest.wall_ms,
        own_ms=0.0 if longest is None or longest.cpu_ms is None else longest.cpu_ms,
        report=watchdog.report(),
    )
    shown.close()


def step_idle() -> None:
    """Open, tell, and do nothing until somebody ends it."""
    shown = window()
    wait(lambda: shown.document.is_open, "a project")
    tell(open=True)


def predicted_mean(shown: MainWindow) -> list[list[float]]:
    """Where the network sees the points of the face on screen, once it is known."""
    face = wait_for_face(shown)
    wait(lambda: shown.document.faces[face].prediction is not None, "the prediction")
    prediction = shown.document.faces[face].prediction
    assert prediction is not None
    return [[float(v) for v in point] for point in prediction.mean]


def step_predicted() -> None:
    """Tell the prediction of the first image, and close."""
    shown = window()
    tell(mean=predicted_mean(shown))
    shown.close()


def step_recalled() -> None:
    """As `step_predicted`, and what was loaded when the prediction came."""
    shown = window()
    loaded: set[str] = set()
    shown.workbench.predictions.image_done.connect(
        lambda _outcome: loaded.update(sys.modules), Qt.ConnectionType.SingleShotConnection
    )
    tell(mean=predicted_mean(shown), loaded=[name for name in ("torch", "cv2") if name in loaded])
    shown.close()


def step_serve() -> None:
    """Minimise the window, then tell what it shows whenever another start handed something over."""
    shown = window()
    wait(lambda: shown.document.is_open and not shown.document.busy, "a project")
    shown.showMinimized()
    tell(open=True)

    def tell_state() -> None:
        names = [row.name for row in shown.document.rows]
        tell(names=names, project=str(shown.document.path), minimized=shown.isMinimized())

    shown.document.rows_changed.connect(tell_state)


def step_start() -> None:
    """Tell what was loaded by the time the window had painted itself, then close."""
    tell(loaded=[name for name in ("torch", "cv2", "sqlalchemy") if name in PAINTED])
    shown = window()
    wait(lambda: shown.document.is_open, "a project")
    tell(open=str(shown.document.path))
    shown.close()


def step_tour() -> None:
    """Take the tour as a new user does, from the offer on the sample to its end; tell each step, and close."""
    shown = window()
    shown.activateWindow()  # there may be no window manager that does
    wait(lambda: shown.guide.callout is not None and shown.guide.callout.isVisible(), "the offer")
    tell(offer=shown.guide.callout.text, name=shown.document.name)
    play_tour(shown)
    wait(lambda: not shown.workbench.predictions.batch_running, "the end of the work")
    shown.close()


def step_correct() -> None:
    """Correct the first face whole, accept it, look at the next, and close; tell what was there at each step."""
    correct_face(window())


def step_look_again() -> None:
    """Tell where one is after a start, and how the corrected face is now; close."""
    look_again(window())


PAINTED: set[str] = set()


def current_name(shown: MainWindow) -> str:
    """File name of the image on screen."""
    row = shown.document.row(shown.document.current_id or "")
    return "" if row is None else row.name


def run(step: Callable[[], None]) -> None:
    """Run a step inside the program's event loop; a failure ends the program with its traceback."""
    try:
        step()
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        window().close()
        QApplication.exit(1)


def note_painted() -> None:
    """Called as the first event of the program's loop after its window was shown."""
    PAINTED.update(sys.modules)


if __name__ == "__main__":
    app = QApplication(sys.argv[:1])
    steps = {
        "drag": step_drag,
        "reopen": step_reopen,
        "place": step_place,
        "place_again": step_place_again,
        "review": step_review,
        "idle": step_idle,
        "start": step_start,
        "predicted": step_predicted,
        "recalled": step_recalled,
        "serve": step_serve,
        "tour": step_tour,
        "correct": step_correct,
        "look_again": step_look_again,
    }
    wanted = steps[sys.argv[1]]
    original = MainWindow._start

    def started(self: MainWindow) -> None:
        note_painted()
        original(self)
        QTimer.singleShot(0, lambda: run(wanted))

    MainWindow._start = started  # type: ignore[method-assign]
    paths = [str(Path(path)) for path in sys.argv[2:]]
    sys.exit(main(paths))
