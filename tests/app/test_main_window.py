"""The window, driven by mouse and keyboard on generated photos, with and without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import dialogs
from app.action_table import TABLE
from app.actions import ActionSet
from app.cheat_sheet import CheatSheet
from app.jobs.predict import ModelState
from app.main_window import MainWindow
from app.panels.images import row_caption
from app.settings import Settings, scratch_dir
from tests.app.faces import face_points, write_dataset, write_photo
from tests.app.window import Start, drag, face_shown, point

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def test_an_empty_window_says_what_to_do(start: Start, qtbot: QtBot) -> None:
    window = start()
    assert window.pages.currentWidget() is window.welcome
    assert not window.actions_["predict_all"].isEnabled()
    assert not window.actions_["next"].isEnabled()
    assert "Nothing can be predicted" in window.messages.text()  # the model of the settings is not there
    assert window.status.model.text() == "No model"


def test_data_set_list_canvas_drag_saved(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    face = face_shown(window, qtbot)
    assert window.pages.currentWidget() is window.canvas
    assert window.images.model.rowCount() == 3
    before = point(window, face, 30)
    drag(window, face, 30, (40, -20))
    after = point(window, face, 30)
    assert after != before
    qtbot.waitUntil(lambda: window.status.saved.text().startswith("All changes saved "))
    assert window.landmarks.selected() == (30,)
    assert window.actions_["undo"].text() == "&Undo move point"
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: point(window, face, 30) == before)
    QTest.keyClick(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: point(window, face, 30) == after)


def test_selection_goes_both_ways(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    face = face_shown(window, qtbot)
    window.landmarks.table.selectRow(12)
    assert window.canvas.selection == (face, (12,))
    at = window.canvas.to_screen(*point(window, face, 8)).toPoint()
    before = point(window, face, 8)
    QTest.mouseClick(window.canvas.viewport(), LEFT, PLAIN, at)
    assert window.landmarks.selected() == (8,)
    assert point(window, face, 8) == before  # a click moves nothing


def test_keys_turn_the_images_unless_a_point_is_selected(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    face = face_shown(window, qtbot)
    names = [row.name for row in window.document.rows]
    window.canvas.setFocus()
    for key, expected in ((Qt.Key.Key_Right, 1), (Qt.Key.Key_D, 2), (Qt.Key.Key_PageUp, 1), (Qt.Key.Key_A, 0)):
        QTest.keyClick(window.canvas, key)
        row = window.document.row(window.document.current_id or "")
        assert row is not None and row.name == names[expected]
    face = face_shown(window, qtbot)
    before = point(window, face, 5)
    window.canvas.set_selection(face, (5,))
    QTest.keyClick(window.canvas, Qt.Key.Key_Right)
    assert point(window, face, 5) == pytest.approx((before[0] + 0.5, before[1]), abs=1e-3)
    assert window.document.current_id == window.document.rows[0].id


def test_a_bad_image_is_marked_and_the_next_one_works(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "1.jpg").write_text("no image at all", encoding="utf-8")
    write_photo(folder / "2.png")
    window = start(folder)
    qtbot.waitUntil(lambda: window.pages.currentWidget() is window.problem)
    assert "1.jpg" in window.problem.text()
    assert window.document.rows[0].problem
    QTest.keyClick(window, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: window.workbench.picture_ready)
    assert window.pages.currentWidget() is window.canvas
    assert window.document.rows[1].problem is None


def test_a_drop_opens_what_was_dropped(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(write_dataset(tmp_path / "set", 2)))])
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, LEFT, PLAIN)
    window.dropEvent(event)
    face = face_shown(window, qtbot)
    assert window.document.faces[face].label is not None
    assert len(window.document.rows) == 2


def test_the_last_project_and_place_come_back(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    first = start(write_dataset(tmp_path / "set", 3))
    face_shown(first, qtbot)
    first.document.set_current(first.images.step(2))
    face_shown(first, qtbot)
    first.close()
    second = start()
    face_shown(second, qtbot)
    assert len(second.document.rows) == 3
    assert second.document.current_id == second.document.rows[2].id


def test_a_new_project_keeps_the_old_one(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    face_shown(window, qtbot)
    old = window.document.path
    with qtbot.waitSignal(window.document.opened, timeout=10_000):
        window.actions_["new"].trigger()
    assert window.document.rows == []
    assert window.pages.currentWidget() is window.welcome
    with qtbot.waitSignal(window.document.faces_loaded, timeout=10_000):
        window.opening.open_recent(str(old))
    assert len(window.document.rows) == 1


def test_naming_the_project(start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = start(write_dataset(tmp_path / "set", 1))
    target = tmp_path / "mine.starmark"
    monkeypatch.setattr(dialogs, "ask_new_name", lambda *_: target)
    with qtbot.waitSignal(window.document.named, timeout=10_000):
        window.actions_["save_as"].trigger()
    assert window.windowTitle().startswith("mine")
    assert Settings().value("last_project") == str(target)
    assert Settings().value("recent") == (str(target),)
    assert not (scratch_dir() / "scratch.starmark").exists()


def test_a_project_from_the_command_line_is_made_if_it_is_not_there(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(project=tmp_path / "fresh.starmark")
    assert window.document.path == tmp_path / "fresh.starmark"
    assert not window.document.is_scratch


def test_prediction_of_a_labelled_face_fills_table_and_canvas(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    window = start(write_dataset(tmp_path / "set", 2), model=tiny_model)
    assert window.workbench.predictions.state.kind == "ready", window.messages.text()
    face = face_shown(window, qtbot)
    qtbot.waitUntil(lambda: window.document.faces[face].prediction is not None, timeout=20_000)
    assert window.status.model.text() == "tiny on CPU"
    assert "Device: CPU (" in window.status.model.toolTip()
    worst = window.landmarks.model.worst()
    assert worst is not None
    row = window.document.row(window.document.current_id or "")
    assert row is not None and row.worst is not None and row.worst > 0
    QTest.keyClick(window.canvas, Qt.Key.Key_W)
    assert window.landmarks.selected() == (worst,)
    window.view_options.threshold.slider.setValue(window.view_options.threshold.slider.minimum())
    assert window.view_options.count.text().startswith("▲ 68 of 68")  # every ellipse is at least as long as wide
    window.actions_["heatmap"].trigger()
    qtbot.waitUntil(lambda: window.workbench._heatmaps is not None, timeout=20_000)


def test_predict_all_goes_through_the_list_past_a_bad_image(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_dataset(tmp_path / "set", 10)
    window = start(folder, model=tiny_model)
    (folder / "a_4.png").write_bytes(b"")
    with qtbot.waitSignal(window.workbench.predictions.batch_finished, timeout=60_000) as finished:
        window.actions_["predict_all"].trigger()
        assert window.actions_["cancel"].isEnabled()
    outcome = finished.args[0]
    assert (outcome.done, outcome.total, outcome.stopped) == (10, 10, False)
    assert len(outcome.errors) == 1
    assert [row.predicted for row in window.document.rows].count(True) == 9
    assert "a_4.png" in window.messages.messages[-1].details
    assert not window.actions_["cancel"].isEnabled()


def test_predict_all_can_be_stopped_and_keeps_what_is_done(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    window = start(write_dataset(tmp_path / "set", 40), model=tiny_model)
    service = window.workbench.predictions

    def stop(done: int, _total: int) -> None:
        if done:
            window.actions_["cancel"].trigger()

    service.batch_progressed.connect(stop)
    with qtbot.waitSignal(service.batch_finished, timeout=60_000) as finished:
        window.actions_["predict_all"].trigger()
    outcome = finished.args[0]
    assert outcome.stopped
    assert 0 < outcome.done < 40
    assert [row.predicted for row in window.document.rows].count(True) >= outcome.done
    assert "Stopped" in window.messages.text()


def test_predictions_come_from_the_cache_after_reopening(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    first = start(write_dataset(tmp_path / "set", 1), model=tiny_model)
    face = face_shown(first, qtbot)
    qtbot.waitUntil(lambda: first.document.faces[face].prediction is not None, timeout=20_000)
    mean = first.document.faces[face].prediction.mean
    first.close()
    second = start(model=tiny_model)
    second.workbench.predictions._engine._predictor = None  # nothing may be computed again
    face_shown(second, qtbot)
    qtbot.waitUntil(lambda: second.document.faces[face].prediction is not None, timeout=20_000)
    np.testing.assert_array_equal(second.document.faces[face].prediction.mean, mean)


def new_window(qtbot: QtBot, model: Path) -> MainWindow:
    """A window that has not been shown yet, so that nothing of its start is missed."""
    settings = Settings()
    settings.set("model", str(model))
    window = MainWindow(settings)
    qtbot.addWidget(window)
    return window


def test_cached_predictions_show_while_the_model_is_still_loading(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    first = start(write_dataset(tmp_path / "set", 2), model=tiny_model)
    face = face_shown(first, qtbot)
    qtbot.waitUntil(lambda: first.document.faces[face].prediction is not None, timeout=20_000)
    row = first.document.row(first.document.current_id or "")
    first.close()
    second = new_window(qtbot, tiny_model)
    service, states, outcomes = second.workbench.predictions, [], []
    service.image_done.connect(lambda outcome: (states.append(service.state.kind), outcomes.append(outcome)))
    second.show()
    qtbot.waitUntil(lambda: bool(outcomes), timeout=20_000)
    assert states[0] == "loading"
    assert outcomes[0].image_id == second.document.current_id
    assert second.document.faces[face].prediction is not None
    assert row is not None and outcomes[0].worst == row.worst  # as the network's own thread told it
    qtbot.waitUntil(lambda: service.state.kind == "ready", timeout=60_000)
    assert [outcome.image_id for outcome in outcomes].count(outcomes[0].image_id) == 1, "it was predicted again"


def test_cached_predictions_of_another_model_are_taken_back(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    first = start(write_dataset(tmp_path / "set", 1), model=tiny_model)
    face = face_shown(first, qtbot)
    qtbot.waitUntil(lambda: first.document.faces[face].prediction is not None, timeout=20_000)
    first.close()
    second = new_window(qtbot, tiny_model)
    service = second.workbench.predictions

    def replace(_outcome: object) -> None:
        service._recalled = "the hash of a file that was replaced before it was loaded"

    service.image_done.connect(replace, Qt.ConnectionType.SingleShotConnection)
    shown: list[bool] = []

    def note() -> None:
        if face in second.document.faces:
            shown.append(second.document.faces[face].prediction is not None)

    second.document.faces_loaded.connect(note)
    service.image_done.connect(lambda _outcome: note())
    with qtbot.waitSignal(service.outdated, timeout=60_000):
        second.show()
    assert shown[-2:] == [True, False]
    qtbot.waitUntil(lambda: second.document.faces[face].prediction is not None, timeout=20_000)


def test_the_model_goes_on_loading_when_another_project_is_opened(
    qtbot: QtBot, tmp_path: Path, tiny_model: Path, isolated_home: Path
) -> None:
    window = new_window(qtbot, tiny_model)
    service, kinds = window.workbench.predictions, []

    def open_another(state: ModelState) -> None:
        kinds.append(state.kind)
        if state.kind == "loading":
            window.document.open_scratch(tmp_path / "other")

    service.model_changed.connect(open_another)
    window.show()
    qtbot.waitUntil(lambda: window.document.path is not None and window.document.path.parent == tmp_path / "other")
    qtbot.waitUntil(lambda: kinds == ["loading", "ready"], timeout=60_000)


def test_a_start_with_images_shows_no_welcome_page_meanwhile(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    start(write_photo(tmp_path / "a.png"), model=tiny_model).close()
    window = new_window(qtbot, tiny_model)
    pages: list[bool] = [window.pages.currentWidget() is window.canvas]
    window.pages.currentChanged.connect(lambda _index: pages.append(window.pages.currentWidget() is window.canvas))
    with qtbot.waitSignal(window.workbench.image_shown, timeout=20_000):
        window.show()
    assert pages == [True]


def test_a_last_project_that_cannot_be_opened_leads_to_the_welcome_page(
    qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    broken = tmp_path / "broken.starmark"
    broken.write_bytes(b"no project")
    Settings().set("last_project", str(broken))
    window = new_window(qtbot, tiny_model)
    with qtbot.waitSignal(window.document.opened, timeout=20_000):
        window.show()
    assert window.pages.currentWidget() is window.welcome
    assert "broken.starmark" in window.messages.text()


def test_a_broken_picture_does_not_hold_up_the_model(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    photo = write_photo(tmp_path / "a.png")
    start(photo, model=tiny_model).close()
    photo.write_bytes(b"no longer a picture")
    window = new_window(qtbot, tiny_model)
    service = window.workbench.predictions
    with qtbot.waitSignal(window.workbench.image_failed, timeout=20_000):
        window.show()
    assert not service._hold.isActive()
    qtbot.waitUntil(lambda: service.state.kind == "ready", timeout=60_000)


def test_a_photo_without_a_face_says_what_to_do(start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path) -> None:
    photo = tmp_path / "plain.png"
    Image.new("RGB", (200, 160), (120, 130, 140)).save(photo)
    window = start(photo, model=tiny_model)
    qtbot.waitUntil(lambda: window.document.rows[0].predicted, timeout=20_000)
    assert "draw a box" in window.messages.text()
    assert row_caption(window.document.rows[0]) == "no face found"


def test_a_drawn_box_becomes_a_predicted_face(start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path) -> None:
    window = start(write_photo(tmp_path / "photo.png", (300, 240)), model=tiny_model)
    qtbot.waitUntil(lambda: window.workbench.picture_ready)
    qtbot.waitUntil(lambda: window.document.rows[0].predicted, timeout=20_000)
    for known in list(window.document.faces):
        assert known  # noise may look like a face to the detector; the drawn one comes on top
    count = len(window.document.faces)
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_B)
    assert window.actions_["draw_box"].isChecked()
    viewport = window.canvas.viewport()
    start_at, end_at = (window.canvas.to_screen(*xy).toPoint() for xy in ((60.0, 40.0), (180.0, 190.0)))
    QTest.mousePress(viewport, LEFT, PLAIN, start_at)
    QTest.mouseMove(viewport, (start_at + end_at) / 2)
    QTest.mouseMove(viewport, end_at)
    QTest.mouseRelease(viewport, LEFT, PLAIN, end_at)
    assert not window.actions_["draw_box"].isChecked()
    qtbot.waitUntil(lambda: len(window.document.faces) == count + 1, timeout=10_000)
    face = window.workbench.active
    assert face is not None
    qtbot.waitUntil(lambda: window.document.faces[face].prediction is not None, timeout=20_000)
    assert window.document.faces[face].source == "drawn"


def test_an_exception_nobody_caught_is_shown(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    window = start()
    error = ValueError("out of the blue")
    window.report_unexpected(ValueError, error, None)
    assert "ValueError: out of the blue" in window.messages.text()
    assert "out of the blue" in window.messages.messages[-1].details
    assert "out of the blue" in capsys.readouterr().err


def test_themes_and_icons(start: Start, qtbot: QtBot) -> None:
    window = start()
    window.settings.set("theme", "dark")
    assert QApplication.palette().window().color().lightness() < 128
    window.settings.set("theme", "light")
    assert QApplication.palette().window().color().lightness() > 128


def test_the_settings_dialog_keeps_only_what_was_accepted(start: Start, qtbot: QtBot) -> None:
    window = start()
    dialog = dialogs.SettingsDialog(window.settings, window)
    dialog._fields["author"].setText("Bert")  # type: ignore[union-attr]
    dialog.reject()
    assert window.settings.value("author") == "Ann"
    dialog._fields["author"].setText("Bert")  # type: ignore[union-attr]
    dialog.accept()
    assert window.settings.value("author") == "Bert"


def test_every_action_is_explained_and_no_key_is_taken_twice(qtbot: QtBot) -> None:
    keys = [key for spec in TABLE for key in spec.shortcuts]
    assert len(keys) == len(set(keys))
    for spec in TABLE:
        assert spec.tip.endswith("."), spec.id
    with pytest.raises(KeyError):
        ActionSet(QApplication.instance()).connect({"no such action": print})


def test_the_cheat_sheet_names_every_key(start: Start, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QLabel

    window = start()
    sheet = CheatSheet(window.actions_.keys, window)
    text = "\n".join(label.text() for label in sheet.findChildren(QLabel))
    for spec in TABLE:
        if spec.shortcuts:
            assert spec.tip in text, spec.id
    sheet.deleteLater()


def test_generated_faces_have_the_scheme_s_extent() -> None:
    points = face_points()
    assert np.ptp(points[:, 0]) > 100


def test_what_another_start_hands_over_waits_for_its_turn(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start()
    photos = [write_photo(tmp_path / f"{name}.png") for name in ("one", "two", "three")]
    take = window.opening.take
    take(None, [])  # only to the front: nothing to open
    assert not window.document.busy
    take(None, photos[:1])
    assert window.document.busy
    take(None, photos[1:2])
    assert "two.png will be opened" in window.messages.text()
    take(tmp_path / "new.starmark", photos[2:])
    qtbot.waitUntil(lambda: [row.name for row in window.document.rows] == ["three.png"], timeout=20_000)
    assert window.document.path == tmp_path / "new.starmark"
    window.opening.open_project(scratch_dir() / "scratch.starmark")
    qtbot.waitUntil(lambda: window.document.is_scratch and not window.document.busy, timeout=20_000)
    assert sorted(row.name for row in window.document.rows) == ["one.png", "two.png"]
    take(tmp_path / "no such folder" / "x.starmark", [])
    qtbot.waitUntil(lambda: "the folder does not exist" in window.messages.text(), timeout=20_000)
    assert window.document.is_scratch, "what was open stays open"
