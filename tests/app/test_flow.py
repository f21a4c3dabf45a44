"""From face to face in the window: accepting, flags, bookmarks, filters, statuses, own keys, name, steps, place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.cheat_sheet import CheatSheet, as_html
from app.dialogs import SettingsDialog
from app.edits import ChangePoints, DescribeFace, MovePoint
from app.image_filter import ImageFilter
from app.main_window import MainWindow
from app.settings import Settings
from core.face import Box, PointFlag
from core.label_change import LabelChange
from core.project import SetLabel
from tests.app.faces import write_dataset, write_photo
from tests.app.window import Start, face_shown

Key, Ctrl, Shift = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
PLAIN = Qt.KeyboardModifier.NoModifier


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
    """Where the keyboard is."""
    QTest.keyClick(QApplication.focusWidget() or window, key, modifiers)


def ready(window: MainWindow, qtbot: QtBot) -> str:
    """The canvas has the keyboard, and a face that can be accepted."""
    qtbot.waitUntil(window.isActiveWindow)
    face = face_shown(window, qtbot)
    window.canvas.setFocus()
    qtbot.waitUntil(window.actions_["accept_next"].isEnabled)
    return face


def statuses(window: MainWindow) -> list[str]:
    return [row.status for row in window.document.rows]


def current_name(window: MainWindow) -> str:
    row = window.document.row(window.document.current_id or "")
    return "" if row is None else row.name


def flag(window: MainWindow, qtbot: QtBot, face: str, points: list[int]) -> None:
    change = LabelChange(np.array(points), flags=np.full(len(points), PointFlag.MARKED, np.uint8))
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(ChangePoints(face, change, "flag"))


def test_return_accepts_and_goes_on_until_nothing_is_left(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 4))
    ready(window, qtbot)
    assert statuses(window) == ["new"] * 4
    qtbot.waitUntil(lambda: window.status.left.text() == "4 left")
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Return)
    assert current_name(window) == "a_1.png" and statuses(window)[0] == "done"
    face = ready(window, qtbot)
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(MovePoint(face, 30, 90.0, 90.0))
    assert statuses(window)[1] == "progress"
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Return, Shift)
    assert statuses(window)[:2] == ["done", "disputed"]
    ready(window, qtbot)
    press(window, Key.Key_Right)  # leaves a_2 as it is
    ready(window, qtbot)
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Enter)
    assert current_name(window) == "a_2.png", "after the end comes what was left out"
    ready(window, qtbot)
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Return, Ctrl)
    assert current_name(window) == "a_2.png"
    qtbot.waitUntil(lambda: window.status.left.text() == "Nothing left")
    press(window, Key.Key_Return)
    assert "Nothing else is left" in window.messages.text()
    assert statuses(window) == ["done", "disputed", "done", "done"]
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Z, Ctrl)
    assert statuses(window)[2] == "new"
    qtbot.waitUntil(lambda: window.status.left.text() == "1 left")


def test_all_faces_of_an_image_come_before_the_next_image(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    first = ready(window, qtbot)
    project, image_id = window.document.project, window.document.current_id
    label = window.document.faces[first].label
    assert project is not None and image_id is not None and label is not None
    second = project.add_face(UUID(image_id), Box(10, 10, 60, 60))
    gold = project.ensure_label_set("set", "import")
    small = replace(label, points=label.points * 0.3 + 10)
    project.apply(SetLabel(second.id, gold.id, None, small, 0, "import"), "Bob")
    window.document.reload_faces()
    qtbot.waitUntil(lambda: len(window.document.faces) == 2)
    row = window.document.row(image_id)
    assert row is not None and row.left == 2
    press(window, Key.Key_N, Shift)
    assert window.workbench.active == str(second.id)
    press(window, Key.Key_N)
    assert window.workbench.active == first
    window.canvas.fit_face(first)
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Return)
    assert window.document.current_id == image_id and window.workbench.active == str(second.id)
    assert (row.status, row.left) == ("progress", 1)
    middle = window.canvas.view_state()[1:]
    assert middle == pytest.approx(small.points.mean(axis=0), abs=15), "looked at as closely as the first"
    with qtbot.waitSignal(window.document.faces_stored):
        press(window, Key.Key_Return)
    assert window.document.current_id != image_id and row.status == "done"


def test_an_image_that_is_not_there_yet_is_not_accepted(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    ready(window, qtbot)
    press(window, Key.Key_Return)
    press(window, Key.Key_Return)  # nobody has seen that face
    ready(window, qtbot)
    qtbot.waitUntil(lambda: window.document.save_state.kind == "saved")
    assert statuses(window) == ["done", "new", "new"]


def test_accepting_a_predicted_face_makes_the_prediction_its_label(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    window = start(write_photo(tmp_path / "photo.png", (300, 240)), model=tiny_model)
    qtbot.waitUntil(lambda: window.document.rows[0].predicted, timeout=20_000)
    project = window.document.project
    assert project is not None and window.document.current_id is not None
    record = project.add_face(UUID(window.document.current_id), Box(60, 40, 120, 150), source="drawn")
    window.document.reload_faces()
    face = str(record.id)
    qtbot.waitUntil(lambda: face in window.document.faces)
    window.workbench.predict_current()
    qtbot.waitUntil(lambda: window.document.faces[face].prediction is not None, timeout=20_000)
    window.workbench.activate_face(face)
    assert window.document.faces[face].status == "predicted"
    with qtbot.waitSignal(window.document.faces_stored):
        window.flow.accept(go_on=False)
    state = window.document.faces[face]
    assert state.label is not None and state.prediction is not None and state.status == "done"
    np.testing.assert_allclose(state.label.points, state.prediction.mean)
    assert window.document.undo_text == "accept prediction"
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.undo()
    assert window.document.faces[face].label is None and window.document.faces[face].review == ""


def test_return_in_a_field_ends_what_is_typed_and_accepts_nothing(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    ready(window, qtbot)
    press(window, Key.Key_F, Ctrl)
    assert QApplication.focusWidget() is window.images.filter
    QTest.keyClicks(window.images.filter, "a_1")
    press(window, Key.Key_Return)
    assert QApplication.focusWidget() is window.images.view
    assert window.images.model.ids() == [window.document.rows[1].id]
    assert statuses(window) == ["new", "new"]


def test_flagged_points_are_gone_to_across_faces_and_images(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 4))
    first = ready(window, qtbot)
    press(window, Key.Key_BracketRight)
    qtbot.waitUntil(lambda: "No point of the listed images is flagged" in window.messages.text())
    flag(window, qtbot, first, [5, 40])
    ids = [row.id for row in window.document.rows]
    window.document.set_current(ids[2])
    third = ready(window, qtbot)
    flag(window, qtbot, third, [7])
    window.document.set_current(ids[0])
    ready(window, qtbot)

    def at(image: int, point: int) -> None:
        face = {0: first, 2: third}[image]
        qtbot.waitUntil(lambda: window.canvas.selection == (face, (point,)))
        assert window.document.current_id == ids[image]
        assert not window.canvas.fitted, "looked at closely"

    for image, point in ((0, 5), (0, 40), (2, 7), (0, 5)):
        press(window, Key.Key_BracketRight)
        at(image, point)
    for image, point in ((2, 7), (0, 40), (0, 5)):
        press(window, Key.Key_BracketLeft)
        at(image, point)


def test_bookmarks_filter_and_order_come_back_with_the_project(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 4))
    ready(window, qtbot)
    ids = [row.id for row in window.document.rows]
    press(window, Key.Key_B, Ctrl)
    assert window.actions_["bookmark"].isChecked()
    for step in (1, 1):
        window.document.set_current(window.images.step(step))
    assert not window.actions_["bookmark"].isChecked()
    press(window, Key.Key_B, Ctrl)
    press(window, Key.Key_B, Ctrl | Shift)
    assert window.document.current_id == ids[0]
    press(window, Key.Key_B, Ctrl | Shift)
    assert window.document.current_id == ids[2]
    window.images.bar.changed.emit(ImageFilter(bookmarked=True))
    window.images.bar.show_filter(ImageFilter(bookmarked=True))
    assert window.images.model.ids() == [ids[0], ids[2]] and window.images.summary.text() == "2 of 4 shown"
    press(window, Key.Key_B, Ctrl)  # the row stays under the hands, and is told of
    assert window.images.model.rowCount() == 2 and window.images.model.outdated == 1
    window.images.bar.again.emit()
    assert window.images.model.ids() == [ids[0]]
    window.close()
    again = start()
    face_shown(again, qtbot)
    assert again.document.current_id == ids[2], "the place comes back, also where the filter hides it"
    assert again.images.bar.filter == ImageFilter(bookmarked=True)
    assert again.images.model.ids() == [ids[0]]
    again.actions_["clear_filter"].trigger()
    assert again.images.model.ids() == ids
    again.settings.set("author", "Bob")  # who has no bookmarks
    qtbot.waitUntil(lambda: not any(row.bookmarked for row in again.document.rows))


def test_filters_follow_tags_and_label_sets(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    face = ready(window, qtbot)
    assert window.images.model.words() == ([], ["set"])
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(DescribeFace(face, tags=("profile",)))
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(MovePoint(face, 3, 50.0, 60.0))
    assert window.images.model.words() == (["profile"], ["Ann", "set"])
    bar = window.images.bar
    bar._fill_menu()
    texts = [action.text() for action in bar.menu.actions()]
    assert {"New", "In progress", "Bookmarked", "Worst label above", "Tag", "Labels of"} <= set(texts)
    window.images.set_filter(ImageFilter(tags=frozenset({"profile"}), label_sets=frozenset({"Ann"})))
    assert window.images.model.ids() == [window.document.current_id]
    chips = [bar._chip_line.itemAt(i).widget() for i in range(bar._chip_line.count())]
    assert [chip.text() for chip in chips] == ["tag profile  ✕", "labels of Ann  ✕", "Clear"]
    chips[0].click()
    assert bar.filter == ImageFilter(label_sets=frozenset({"Ann"}))
    bar.changed.emit(ImageFilter("no such name"))
    assert window.images.hint.isVisible() and "No image matches" in window.images.hint.text()
    window.images.show_all.click()
    assert window.images.model.rowCount() == 3 and bar.filter.empty and not window.images.hint.isVisible()


def test_facts_of_a_long_list_follow_it(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.jobs.store.LISTED_AT_ONCE", 2)
    monkeypatch.setattr("app.facts_reader.IMAGES_AT_A_TIME", 2)
    monkeypatch.setattr("app.panels.image_model.AT_ONCE", 2)
    window = start(write_dataset(tmp_path / "set", 5))
    ready(window, qtbot)
    qtbot.waitUntil(lambda: all(row.facts.label_sets == ("set",) for row in window.document.rows))
    assert len({id(row.facts) for row in window.document.rows}) == 1, "equal facts are kept once"
    qtbot.waitUntil(lambda: window.status.left.text() == "5 left")
    window.images.set_filter(ImageFilter("a_3"))
    qtbot.waitUntil(lambda: window.images.model.ids() == [window.document.rows[3].id])
    window.close()
    again = start()  # shows one image before the list is read
    ready(again, qtbot)
    qtbot.waitUntil(lambda: again.status.left.text() == "5 left")


def test_the_palette_finds_actions_images_and_projects(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    ready(window, qtbot)
    press(window, Key.Key_K, Ctrl)
    palette = window.commands
    assert palette.isVisible() and QApplication.focusWidget() is palette.field
    texts = palette.texts()
    assert texts.index("Next image") < texts.index("Predict this image"), "what cannot be done now comes last"
    QTest.keyClicks(palette.field, "fitfa")
    assert palette.texts()[0] == "Fit face"
    fits: list[bool] = []
    window.actions_["fit_face"].triggered.connect(lambda: fits.append(True))
    press(window, Key.Key_Return)
    assert fits and not palette.isVisible() and QApplication.focusWidget() is window.canvas
    assert statuses(window) == ["new"] * 3, "Return was the palette's"
    qtbot.waitUntil(lambda: window.commands._finder("a_2") != [])
    press(window, Key.Key_K, Ctrl)
    QTest.keyClicks(palette.field, "a_2.p")
    press(window, Key.Key_Return)
    assert current_name(window) == "a_2.png"
    face_shown(window, qtbot)
    press(window, Key.Key_K, Ctrl)
    assert palette.texts()[0] == "a_0.png", "where one was before"
    QTest.keyClicks(palette.field, "qqqqq")
    assert palette.texts() == ["Nothing fits. Try fewer letters."]
    press(window, Key.Key_Escape)
    assert not palette.isVisible()


def test_keys_are_changed_in_the_settings_and_conflicts_are_settled(start: Start, qtbot: QtBot) -> None:
    window = start()
    dialog = SettingsDialog(window.settings, window)
    qtbot.addWidget(dialog)
    page = dialog.keys
    page.search.setText("zoom to")
    assert [item.text(0) for item in page._items.values() if not item.isHidden()] == ["Zoom to point"]
    page.select("fit_point")
    QTest.keyClick(page.edit, Key.Key_J, Ctrl)
    assert page.changed() == {"fit_point": ("Ctrl+J",)} and page.conflict.text() == ""
    QTest.keyClick(page.edit, Key.Key_F)
    assert "“Fit image”" in page.conflict.text() and page.changed() == {"fit_point": ("Ctrl+J",)}
    page.swap.click()
    assert page.changed() == {"fit_point": ("F",), "fit": ("0", "Ctrl+J")}
    QTest.keyClick(page.edit, Key.Key_D)
    page.take.click()
    assert page.changed()["next"] == ("Right", "PgDown") and page.changed()["fit_point"] == ("D",)
    page.select("next")
    page.reset.click()
    assert "next" not in page.changed() and page.changed()["fit_point"] == (), "a reset takes the key back"
    page.select("fit_point")
    QTest.keyClick(page.edit, Key.Key_Escape)
    assert "cannot be given away" in page.conflict.text() and page.changed()["fit_point"] == ()
    QTest.keyClick(page.edit, Key.Key_J, Ctrl)
    page.leave.click()
    assert page.changed()["fit_point"] == ()
    page.add.setChecked(True)
    QTest.keyClick(page.edit, Key.Key_F7)
    dialog.accept()
    assert window.actions_["fit_point"].shortcut().toString() == "F7"
    assert "F7" in window.actions_["fit_point"].toolTip() and "F7" in as_html(window.actions_.keys)
    again = SettingsDialog(Settings(), window)
    qtbot.addWidget(again)
    assert again.keys.changed() == page.changed()
    again.keys.reset_all.click()
    again.accept()
    again.deleteLater()


def test_keys_apply_at_once_and_after_a_restart(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    ready(window, qtbot)
    window.settings.set("shortcuts", '{"next": ["Ctrl+Alt+N"]}')
    press(window, Key.Key_D)
    assert current_name(window) == "a_0.png"
    press(window, Key.Key_N, Ctrl | Qt.KeyboardModifier.AltModifier)
    assert current_name(window) == "a_1.png"
    window.close()
    again = start()
    assert again.actions_["next"].shortcut().toString() == "Ctrl+Alt+N"


def test_the_cheat_sheet_is_searched_and_printed(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = start()
    sheet = CheatSheet(window.actions_.keys, window)
    qtbot.addWidget(sheet)
    sheet.search.setText("bookmark")
    there = [right.text() for _, _, right in sheet._lines if not right.isHidden()]
    assert len(there) == 2 and all("ookmark" in text for text in there)
    target = tmp_path / "keys.html"
    monkeypatch.setattr("app.cheat_sheet.QFileDialog.getSaveFileName", lambda *_: (str(target), ""))
    sheet.copy.click()
    page = target.read_text(encoding="utf-8")
    assert "<th>Return  Enter</th>" in page and "Mouse and canvas" in page and "Wheel, pinch" in page
    assert str(target) in sheet.outcome.text()
    sheet.deleteLater()


def test_the_name_is_asked_once_and_changed_in_the_status_bar(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    first = start(write_dataset(tmp_path / "set", 1))
    ready(first, qtbot)
    assert first.annotator.bar.isHidden(), "Ann has told her name"
    first.close()
    settings = Settings()
    settings._file.remove("author")
    window = MainWindow(settings)
    qtbot.addWidget(window)
    window.show()
    face_shown(window, qtbot)
    bar = window.annotator.bar
    assert bar.isVisible() and bar.field.text() == window.annotator.name == settings.value("author")
    assert QApplication.focusWidget() is not bar.field, "nobody is stopped"
    bar.field.setText("Cleo")
    bar.field.setFocus()
    press(window, Key.Key_Return)
    assert bar.isHidden() and window.annotator.name == "Cleo" and window.status.author.text() == "Cleo"
    window.status.author.click()
    assert bar.isVisible() and QApplication.focusWidget() is bar.field
    bar.field.setText("  ")
    assert not bar.keep.isEnabled()
    bar.field.setText("Dora")
    press(window, Key.Key_Return)
    assert Settings().value("author") == "Dora" and window.status.author.text() == "Dora"
    window.close()


def test_several_own_steps_are_undone_together(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    face = ready(window, qtbot)
    dock = window.steps.panel.parentWidget()
    dock.raise_()
    panel = window.steps.panel
    assert "Nothing to undo" in panel.hint.text()
    label = window.document.faces[face].label
    assert label is not None
    before = label.points.copy()
    for index in range(3):
        with qtbot.waitSignal(window.document.faces_stored):
            window.document.apply(MovePoint(face, index, 20.0 + index, 30.0))
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(DescribeFace(face, review="accepted"))
    qtbot.waitUntil(lambda: len(panel.steps) == 4)
    assert [step.text for step in panel.steps] == ["Accept face", "Move point", "Move point", "Move point"]
    assert {step.image for step in panel.steps} == {"a_0.png"}
    panel.list.setCurrentItem(panel.list.topLevelItem(2))
    assert panel.back.text() == "Undo these 3"
    with qtbot.waitSignal(window.document.faces_stored):
        panel.back.click()
    qtbot.waitUntil(lambda: len(panel.steps) == 1)
    label = window.document.faces[face].label
    assert label is not None and tuple(label.points[0]) == (20.0, 30.0)
    np.testing.assert_array_equal(label.points[1:], before[1:])
    assert window.document.redo_text == "move point" and statuses(window)[0] == "progress"
    for _ in range(3):
        with qtbot.waitSignal(window.document.faces_stored):
            window.document.redo()
    assert statuses(window)[0] == "done"
    window.settings.set("author", "Bob")  # whose list is another one
    qtbot.waitUntil(lambda: window.document.undo_text is None and not panel.steps)
    assert not window.actions_["undo"].isEnabled()


def test_steps_that_somebody_else_built_on_stop_the_undo(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    face = ready(window, qtbot)
    project = window.document.project
    assert project is not None
    for index in range(2):
        with qtbot.waitSignal(window.document.faces_stored):
            window.document.apply(MovePoint(face, index, 20.0, 30.0))
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(DescribeFace(face, review="question"))
    own = next(one for one in project.labels(UUID(face)) if one.label_set.name == "Ann")
    moved = own.label.with_point(1, (1, 1))
    project.apply(SetLabel(UUID(face), own.label_set.id, own.label, moved, own.version, "move point"), "Bob")
    oldest = project.undo_steps("Ann")[-1]
    with qtbot.waitSignal(window.document.failed) as failed:
        window.document.undo_to(str(oldest.revision_id))
    assert "Not all of these steps could be undone" in failed.args[0]
    assert [step.kind for step in project.undo_steps("Ann")] == ["move point", "move point"]
    with qtbot.waitSignal(window.document.failed) as failed:
        window.document.undo_to("gone")
    assert "undone already" in failed.args[0]


def test_zoom_and_selection_come_back(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    ready(window, qtbot)
    window.document.set_current(window.images.step(1))
    face = ready(window, qtbot)
    window.workbench.show_points(face, (33, 34))
    window.canvas.fit_rect(80, 80, 120, 120)
    view = window.canvas.view_state()
    window.close()
    again = start()
    qtbot.waitUntil(lambda: again.canvas.selection == (face, (33, 34)), timeout=20_000)
    assert current_name(again) == "a_1.png" and again.landmarks.selected() == (33, 34)
    zoom, x, y = again.canvas.view_state()
    assert zoom == pytest.approx(view[0], rel=1e-3) and (x, y) == pytest.approx(view[1:], abs=1.0)
    again.canvas.fit_image()
    again.close()
    third = start()
    face_shown(third, qtbot)
    assert third.canvas.fitted


def test_scores_and_statuses_come_back_before_anything_is_predicted(
    start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path
) -> None:
    window = start(write_dataset(tmp_path / "set", 9), model=tiny_model)
    with qtbot.waitSignal(window.workbench.predictions.batch_finished, timeout=60_000):
        window.actions_["predict_all"].trigger()
    worst = {row.id: row.worst for row in window.document.rows}
    assert all(worst.values()) and statuses(window) == ["predicted"] * 9
    window.close()
    again = start(model=tiny_model)
    qtbot.waitUntil(lambda: statuses(again) == ["predicted"] * 9)
    far = again.document.rows[-1]  # no neighbour of the image on screen: nothing was asked of the model
    assert far.scored and not far.predicted
    assert far.worst == pytest.approx(worst[far.id])
    again.images.set_filter(ImageFilter(worst_above=0.01))
    assert again.images.model.rowCount() == 9
    again.document.forget_predictions()
    assert statuses(again) == ["new"] * 9


def test_a_list_that_hides_the_image_on_screen_chooses_none_when_it_gets_the_focus(
    start: Start, qtbot: QtBot, tmp_path: Path
) -> None:
    window = start(write_dataset(tmp_path / "set", 3))
    ready(window, qtbot)
    ids = [row.id for row in window.document.rows]
    press(window, Key.Key_B, Ctrl)
    window.document.set_current(ids[2])
    window.close()
    again = start()
    face_shown(again, qtbot)
    again.images.set_filter(ImageFilter(bookmarked=True))
    assert again.images.model.ids() == [ids[0]]
    again.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
    again.images.view.setFocus(Qt.FocusReason.TabFocusReason)
    assert again.images.view.hasFocus()
    assert again.document.current_id == ids[2] and again.images.current_id() is None
