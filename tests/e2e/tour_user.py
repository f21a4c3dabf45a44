"""A new user who takes the tour, by mouse and keyboard."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from app.main_window import MainWindow
from app.tour.stage import Stage
from core.sample import Planted
from tests.e2e.telling import tell, wait

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def play_tour(shown: MainWindow) -> None:
    """Press the offer's button, then do what each step asks for."""
    QTest.mouseClick(shown.guide.callout.buttons["take"], LEFT)
    stage = at(shown, "look")
    spots, viewport = stage.plan, shown.canvas.viewport()
    wait(lambda: shown.workbench.active_face().prediction is not None, "the ellipses")
    QTest.mouseClick(viewport, LEFT, PLAIN, place(shown, spots.ambiguous))
    at(shown, "accept")
    wait(shown.desk.face.review.isEnabled, "the face's details")
    choose(shown.desk.face.review, Qt.Key.Key_Down)
    at(shown, "predict")
    shown.activateWindow()
    wait(lambda: shown.actions_["predict_all"].isEnabled() and shown.isActiveWindow(), "the model")
    QTest.keyClick(shown, Qt.Key.Key_P, CTRL | SHIFT)
    at(shown, "find")
    choose(shown.images.order, Qt.Key.Key_End)
    wait(stage.sorted_by_worst, "the order")
    row = shown.images.view.visualRect(shown.images.model.index_of(stage.image_id(spots.wrong)))
    QTest.mouseClick(shown.images.view.viewport(), LEFT, PLAIN, row.center())
    at(shown, "worst")
    QTest.keyClick(shown, Qt.Key.Key_W)
    at(shown, "drag")
    drag(shown, spots.wrong)
    at(shown, "undo")
    QTest.keyClick(shown, Qt.Key.Key_Z, CTRL)
    at(shown, "redo")
    QTest.keyClick(shown, Qt.Key.Key_Z, CTRL | SHIFT)
    at(shown, "end")
    QTest.mouseClick(shown.guide.callout.buttons["finish"], LEFT)
    wait(lambda: shown.guide.tour is None, "the end")


def at(shown: MainWindow, step: str) -> Stage:
    """Wait for a step, and tell what it says."""

    def there() -> bool:
        tour = shown.guide.tour
        return tour is not None and tour.running and tour.step.id == step and tour.begun

    wait(there, f"the step {step}")
    tell(step=step, said=shown.guide.callout.text)
    return shown.guide.stage


def choose(box: QComboBox, key: Qt.Key) -> None:
    """Open a box of choices with the mouse, and take one with the keyboard."""
    QTest.mouseClick(box, LEFT)
    wait(box.view().isVisible, "the choices")
    QTest.keyClick(box.view(), key)
    QTest.keyClick(box.view(), Qt.Key.Key_Return)


def place(shown: MainWindow, spot: Planted) -> QPoint:
    """Where the label's point is on the canvas."""
    face = shown.workbench.active_face()
    return shown.canvas.to_screen(*map(float, face.label.points[spot.point])).toPoint()


def drag(shown: MainWindow, spot: Planted) -> None:
    """Take the label to the cross."""
    viewport, face = shown.canvas.viewport(), shown.workbench.active_face()
    start = place(shown, spot)
    end = shown.canvas.to_screen(*map(float, face.prediction.mean[spot.point])).toPoint()
    QTest.mouseMove(viewport, start)
    QTest.mousePress(viewport, LEFT, PLAIN, start)
    for part in (0.3, 0.6, 1.0):
        QTest.mouseMove(viewport, start + (end - start) * part)
    QTest.mouseRelease(viewport, LEFT, PLAIN, end)
