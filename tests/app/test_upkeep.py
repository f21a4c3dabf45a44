"""Backups, restores, missing images, merges and conflicts, from the window."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from app import dialogs
from app.edits import MovePoint
from app.main_window import MainWindow
from app.panels.images import row_caption
from app.upkeep import backups_dialog
from app.upkeep.backups_dialog import BackupsDialog
from app.upkeep.conflicts_dialog import ConflictsDialog
from core.formats import read_dataset
from core.project import Project
from tests.app.faces import write_dataset
from tests.app.window import Start, face_shown, point


def make_project(path: Path, folder: Path) -> Path:
    with Project.create(path) as project:
        project.import_dataset(read_dataset(folder), "set", author="Ben")
    return path


def said(window: MainWindow) -> str:
    return "\n".join(one.text for one in window.messages.messages)


def move(window: MainWindow, qtbot: QtBot, x: float) -> str:
    face = face_shown(window, qtbot)
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(MovePoint(face, 30, x, 99.0))
    return face


def open_dialog(window: MainWindow, kind: type, action: str, qtbot: QtBot) -> object:
    window.actions_[action].trigger()
    (dialog,) = window.findChildren(kind)
    qtbot.waitUntil(lambda: dialog.isVisible())
    return dialog


def test_back_up_now_edit_and_go_back(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_project(tmp_path / "faces.starmark", write_dataset(tmp_path / "set", 2))
    window = start(project=path)
    face = move(window, qtbot, 50.0)
    dialog = open_dialog(window, BackupsDialog, "backups", qtbot)
    assert isinstance(dialog, BackupsDialog)
    qtbot.waitUntil(lambda: "no backup yet" in dialog.state.text())
    assert not dialog.restore_button.isEnabled()
    with qtbot.waitSignal(dialog.listed):
        dialog.now_button.click()
    row = dialog.list.topLevelItem(0)
    assert row is not None and row.text(1) == "by hand"
    dialog.close()
    move(window, qtbot, 60.0)
    dialog = open_dialog(window, BackupsDialog, "backups", qtbot)
    assert isinstance(dialog, BackupsDialog)
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 1)
    dialog.list.setCurrentItem(dialog.list.topLevelItem(0))
    monkeypatch.setattr(backups_dialog, "ask_restore", lambda _parent, _row: False)
    dialog.restore_button.click()
    assert point(window, face, 30) == (60.0, 99.0) and dialog.isVisible()  # the user thought better of it
    monkeypatch.setattr(backups_dialog, "ask_restore", lambda _parent, _row: True)
    with qtbot.waitSignal(window.document.noticed, timeout=20_000) as noticed:
        dialog.restore_button.click()
    assert "kept among the backups" in noticed.args[0]
    assert window.document.path == path
    assert face_shown(window, qtbot) == face
    assert point(window, face, 30) == (50.0, 99.0)
    project = window.document.project
    assert project is not None
    assert [one.reason for one in project.backups.list()] == ["before-restore", "by-hand"]
    move(window, qtbot, 70.0)  # and work goes on


def test_a_backup_is_made_when_one_is_due(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(project=make_project(tmp_path / "faces.starmark", write_dataset(tmp_path / "set", 1)))
    project = window.document.project
    assert project is not None
    move(window, qtbot, 50.0)
    window.keeper.back_up_if_due()
    qtbot.waitUntil(lambda: [one.reason for one in project.backups.list()] == ["interval"])
    # Where none can be made the user is told, once, and edits go on being saved.
    folder = project.backups.list()[0].path.parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way", encoding="utf-8")
    move(window, qtbot, 51.0)
    window.keeper.back_up_if_due()
    qtbot.waitUntil(lambda: window.messages.text().startswith("No backup of the project could be made."))
    assert window.document.save_state.kind == "saved"


def test_the_newest_backup_of_a_damaged_project_is_offered(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    path = make_project(tmp_path / "faces.starmark", write_dataset(tmp_path / "set", 2))
    with Project.open(path) as project:
        project.backups.make()
    content = bytearray(path.read_bytes())
    content[4096:20480] = bytes(16384)
    path.write_bytes(content)
    window = start(project=path)
    assert window.document.is_scratch  # the window is usable meanwhile
    qtbot.waitUntil(lambda: window.keeper.offer is not None, timeout=10_000)
    offer = window.keeper.offer
    assert offer is not None and "faces" in offer.text() and "by hand" in offer.text()
    accept = next(one for one in offer.buttons() if offer.buttonRole(one) is QMessageBox.ButtonRole.AcceptRole)
    with qtbot.waitSignal(window.document.noticed, timeout=20_000):
        accept.click()
    assert window.document.path == path and len(window.document.rows) == 2
    project = window.document.project
    assert project is not None
    assert [one.reason for one in project.backups.list()] == ["damaged", "by-hand"]


def test_missing_images_are_marked_and_found_again(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path / "set", 3)
    path = make_project(tmp_path / "faces.starmark", folder)
    (tmp_path / "elsewhere").mkdir()
    for number in (1, 2):
        (folder / f"a_{number}.png").rename(tmp_path / "elsewhere" / f"a_{number}.png")
    window = start(project=path)
    qtbot.waitUntil(lambda: "2 of 3 images are not where they were" in said(window))
    assert [row_caption(row) for row in window.document.rows] == ["New", *["file is missing"] * 2]
    monkeypatch.setattr(dialogs, "ask_folder", lambda *_: tmp_path / "elsewhere")
    with qtbot.waitSignal(window.document.noticed, timeout=20_000) as noticed:
        window.actions_["relink"].trigger()
    assert noticed.args[0] == "2 images found again in “elsewhere”."
    qtbot.waitUntil(lambda: "not where" not in said(window))
    assert [row_caption(row) for row in window.document.rows] == ["New"] * 3


def merged(window: MainWindow, other: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(dialogs, "ask_project", lambda *_: other)
    with qtbot.waitSignal(window.document.noticed, timeout=20_000) as noticed:
        window.actions_["merge"].trigger()
    return str(noticed.args[0])


def edit_of(path: Path, image: int, to: float) -> None:
    """The same annotator, elsewhere."""
    with Project.open(path) as project:
        face = project.faces(project.images()[image].id)[0].id
        own = project.ensure_label_set("Ann", "annotator")
        current = project.current_label(face, "Ann")
        assert current is not None
        from core.project import SetLabel

        label = current.label.with_point(30, (to, 99.0))
        project.apply(SetLabel(face, own.id, None, label, 0, "move point"), "Ann")


def test_merge_shows_conflicts_and_takes_a_choice(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path / "set", 3)
    ours, theirs = (make_project(tmp_path / f"{name}.starmark", folder) for name in ("ours", "theirs"))
    for path, shift in ((ours, 0.0), (theirs, 5.0)):
        for image in (1, 2):
            edit_of(path, image, 40.0 + 10 * image + shift)
    window = start(project=ours)
    face_shown(window, qtbot)
    text = merged(window, theirs, qtbot, monkeypatch)
    assert "2 labels changed on both sides" in text
    dialog = open_dialog(window, ConflictsDialog, "conflicts", qtbot)
    assert isinstance(dialog, ConflictsDialog)
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 2)
    # The first is selected: its image comes up, with the other label dimmed.
    row = dialog.chosen()[0]
    qtbot.waitUntil(lambda: window.document.current_id == row.image_id and bool(window.canvas.ghosts))
    (ghost,) = window.canvas.ghosts
    assert ghost.points[30, 0] == 55.0 and point(window, row.face_id, 30)[0] == 50.0
    dialog.theirs.click()
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 1)
    qtbot.waitUntil(lambda: dialog.ours.isEnabled())
    dialog.ours.click()
    qtbot.waitUntil(lambda: dialog.state.text() == "There is nothing to decide.")
    project = window.document.project
    assert project is not None
    label = project.current_label(UUID(row.face_id), "Ann")
    assert label is not None and label.label.points[30, 0] == 55.0
    dialog.close()
    QApplication.processEvents()
    assert not window.canvas.ghosts
    assert "nothing new" in merged(window, theirs, qtbot, monkeypatch)


