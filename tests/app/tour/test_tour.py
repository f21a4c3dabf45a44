"""The sample and its tour in the window, with a network that knows nothing: what matters is what the user does."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.settings import Settings
from app.tour.guide import DECLINED, FINISHED
from app.tour.stage import Stage
from core import sample
from core.paths import SAMPLE, user_home
from core.sample import Plan
from tests.app.faces import write_dataset
from tests.app.window import Start, face_shown
from tests.sample_folder import write_sample

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A sample that comes with the program."""
    monkeypatch.setattr(sample, "SOURCE", tmp_path / "installed")
    return write_sample(tmp_path / "installed")


def press(window: MainWindow, button: str) -> None:
    assert window.guide.callout is not None
    QTest.mouseClick(window.guide.callout.buttons[button], LEFT)


def at_step(window: MainWindow, qtbot: QtBot, step: str) -> Stage:
    guide = window.guide

    def there() -> bool:
        tour = guide.tour
        return tour is not None and tour.running and tour.step.id == step and tour.begun

    qtbot.waitUntil(there, timeout=20_000)
    assert guide.callout is not None and guide.callout.isVisible()
    assert guide.stage is not None
    return guide.stage


def take_tour(window: MainWindow, qtbot: QtBot) -> Stage:
    window.actions_["tour"].trigger()
    return at_step(window, qtbot, "look")


def centre(window: MainWindow, stage: Stage, spot: sample.Planted) -> object:
    place = stage.point_of(spot)
    assert place is not None
    return window.canvas.viewport().mapFrom(window, place.center())


def test_the_whole_tour_by_mouse_and_keyboard(start: Start, qtbot: QtBot, plan: Plan, tiny_model: Path) -> None:
    window = start(model=tiny_model)
    assert window.welcome.isVisible() and window.guide.offer.decline.isVisible()
    QTest.mouseClick(window.guide.offer.tour, LEFT)
    stage = at_step(window, qtbot, "look")
    viewport = window.canvas.viewport()
    ambiguous, wrong = plan.ambiguous, plan.wrong
    assert window.guide.callout.text.startswith("What the ellipse says") and "1 of 9" in window.guide.callout.text
    QTest.mouseClick(viewport, LEFT, PLAIN, centre(window, stage, ambiguous))
    at_step(window, qtbot, "accept")
    review = window.desk.face.review
    assert review.isVisible(), "its dock is in front"
    qtbot.waitUntil(review.isEnabled)
    QTest.keyClick(review, Qt.Key.Key_Down)
    at_step(window, qtbot, "predict")
    QTest.keyClick(window, Qt.Key.Key_P, CTRL | SHIFT)
    at_step(window, qtbot, "find")
    QTest.keyClick(window.images.order, Qt.Key.Key_End)
    view = window.images.view
    row = view.visualRect(window.images.model.index_of(stage.image_id(wrong)))
    QTest.mouseClick(view.viewport(), LEFT, PLAIN, row.center())
    at_step(window, qtbot, "worst")
    press(window, "show")  # this network finds others worse
    at_step(window, qtbot, "drag")
    a, b = centre(window, stage, wrong), window.canvas.to_screen(*wrong.truth).toPoint()
    QTest.mousePress(viewport, LEFT, PLAIN, a)
    for part in (0.3, 0.7, 1.0):
        QTest.mouseMove(viewport, a + (b - a) * part)
    QTest.mouseRelease(viewport, LEFT, PLAIN, b)
    at_step(window, qtbot, "undo")
    QTest.keyClick(window, Qt.Key.Key_Z, CTRL)
    at_step(window, qtbot, "redo")
    QTest.keyClick(window, Qt.Key.Key_Z, CTRL | SHIFT)
    at_step(window, qtbot, "end")
    assert stage.accepted(ambiguous) and stage.off(wrong) < 0.1
    press(window, "finish")
    assert Settings().value("tour") == FINISHED
    assert window.guide.callout.isHidden() and window.guide.callout.ring.isHidden()
    assert window.guide.offer.decline.isHidden()


def test_show_me_does_all_of_it(start: Start, qtbot: QtBot, plan: Plan, tiny_model: Path) -> None:
    window = start(model=tiny_model)
    stage = take_tour(window, qtbot)
    for step in ("look", "accept", "predict", "find", "worst", "drag", "undo", "redo"):
        at_step(window, qtbot, step)
        if step == "accept":
            qtbot.waitUntil(window.desk.face.review.isEnabled)
        press(window, "show")
    at_step(window, qtbot, "end")
    assert stage.accepted(plan.ambiguous)


def test_it_can_be_skipped_through_without_a_model(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start()
    take_tour(window, qtbot)
    for step in ("look", "accept", "predict", "find", "worst", "drag"):
        at_step(window, qtbot, step)
        press(window, "skip")  # and so there is no move to be undone
    at_step(window, qtbot, "end")


def test_esc_ends_it_and_it_is_not_offered_again(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start()
    take_tour(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert window.guide.tour is None and window.guide.callout.isHidden()
    assert Settings().value("tour") == DECLINED
    window.close()
    again = start(project=SAMPLE)
    assert again.guide.callout is None


def test_who_leaves_the_picture_is_led_back(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start()
    stage = take_tour(window, qtbot)
    window.document.set_current(window.document.rows[-1].id)
    qtbot.waitUntil(lambda: "another picture" in window.guide.callout.text)
    press(window, "back")
    qtbot.waitUntil(lambda: stage.at(plan.ambiguous) and "another picture" not in window.guide.callout.text)


def test_another_project_ends_it_without_a_verdict(
    start: Start, qtbot: QtBot, plan: Plan, tmp_path: Path
) -> None:
    window = start()
    take_tour(window, qtbot)
    with qtbot.waitSignal(window.document.opened, timeout=20_000):
        window.actions_["new"].trigger()
    assert window.guide.tour is None and window.guide.callout.isHidden()
    assert Settings().value("tour") == ""


def test_a_tour_of_a_corrected_sample_takes_a_fresh_copy(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start(project=SAMPLE)
    face_shown(window, qtbot)
    stage = Stage(window, plan)
    stage.go_to(plan.wrong)
    face_shown(window, qtbot)
    stage.put_right(plan.wrong, 0)
    qtbot.waitUntil(lambda: stage.off(plan.wrong) < 0.1 and stage.saved())
    take_tour(window, qtbot)
    assert window.document.path == user_home() / "sample 2" / "Sample 2.starmark"
    assert (user_home() / "sample" / "Sample.starmark").exists()


def test_the_sample_offers_the_tour_once(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start(project=SAMPLE)
    face_shown(window, qtbot)
    assert window.windowTitle().startswith("Sample – ")
    assert "A look around?" in window.guide.callout.text
    press(window, "later")
    assert window.guide.callout.isHidden() and Settings().value("tour") == DECLINED


def test_the_offer_starts_it(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start(project=SAMPLE)
    face_shown(window, qtbot)
    press(window, "take")
    at_step(window, qtbot, "look")
    assert window.document.path == user_home() / "sample" / "Sample.starmark"


def test_the_sample_is_opened_again_as_it_was_and_afresh_beside_it(start: Start, qtbot: QtBot, plan: Plan) -> None:
    Settings().set("tour", DECLINED)
    window = start()
    for action, name in (("sample", "Sample"), ("sample_afresh", "Sample 2")):
        with qtbot.waitSignal(window.document.opened, timeout=20_000):
            window.actions_[action].trigger()
        assert window.document.name == name
        qtbot.waitUntil(lambda: not window.document.busy)
    window.actions_["sample"].trigger()
    qtbot.waitUntil(lambda: "open already" in window.messages.text())
    window.opening.take(SAMPLE, [])
    assert window.document.name == "Sample 2"


def test_nobody_with_files_in_hand_is_bothered(start: Start, qtbot: QtBot, plan: Plan, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    face_shown(window, qtbot)
    assert window.guide.callout is None and not window.guide.offer.isVisible()


def test_the_invitation_can_be_declined(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start()
    QTest.mouseClick(window.guide.offer.decline, LEFT)
    assert Settings().value("tour") == DECLINED
    assert window.guide.offer.decline.isHidden() and window.guide.offer.sample.isVisible()


def test_a_program_without_its_sample_says_nothing_of_it(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "SOURCE", tmp_path)
    window = start(project=SAMPLE)
    assert window.document.is_scratch
    assert any("sample is missing" in message.text for message in window.messages.messages)
    assert window.guide.offer.isHidden() and not window.actions_["tour"].isVisible()


def test_the_callout_never_takes_the_keyboard_unasked(start: Start, qtbot: QtBot, plan: Plan) -> None:
    window = start()
    take_tour(window, qtbot)
    window.canvas.setFocus()
    press(window, "skip")
    at_step(window, qtbot, "accept")
    assert window.canvas.hasFocus()
    window.guide.callout.buttons["show"].setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(window.guide.callout.buttons["show"], Qt.Key.Key_Escape)
    assert window.guide.tour is None
    assert window.canvas.hasFocus()
