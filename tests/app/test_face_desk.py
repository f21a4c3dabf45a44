"""The docks of the active face: history, going back, review, tags, notes, and label sets side by side."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.edits import MovePoint
from app.main_window import MainWindow
from app.panels.history import HistoryPanel
from tests.app.faces import write_dataset
from tests.app.window import Start, face_shown, point


def details_shown(window: MainWindow, qtbot: QtBot) -> str:
    face = face_shown(window, qtbot)
    qtbot.waitUntil(lambda: window.desk.details is not None and window.desk.details.face_id == face)
    return face


def what(history: HistoryPanel) -> list[str]:
    return [step.text for step in history.steps]


def move(window: MainWindow, qtbot: QtBot, face: str, index: int, x: float, y: float) -> None:
    with qtbot.waitSignal(window.document.faces_stored):
        window.document.apply(MovePoint(face, index, x, y))


def test_history_look_and_back(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    face, history = details_shown(window, qtbot), window.desk.history
    assert what(history) == ["Imported (68 points)"]
    before = point(window, face, 30)
    move(window, qtbot, face, 30, 111.0, 99.0)
    move(window, qtbot, face, 31, 95.0, 120.0)
    qtbot.waitUntil(lambda: len(history.steps) == 3)
    # The first of Ann's edits begins her own label from the import's, and tells what she changed of that.
    assert [text.split(" (")[0] for text in what(history)] == ["Point 31", "Point 30", "Imported"]
    assert history.steps[0].author == "Ann"
    first = next(step for step in history.steps if step.label is not None and step.label_set == "set")
    history.list.setCurrentItem(history.list.topLevelItem(history.steps.index(first)))
    (ghost,) = window.canvas.ghosts
    assert tuple(ghost.points[30]) == before  # the older state is drawn
    assert point(window, face, 30) == (111.0, 99.0)  # and nothing is changed by looking
    assert ghost.name in window.canvas.legend.lines()
    with qtbot.waitSignal(window.document.faces_stored):
        history.back.click()
    assert point(window, face, 30) == before
    assert not window.canvas.ghosts
    assert window.actions_["undo"].text() == "&Undo go back"
    with qtbot.waitSignal(window.document.faces_stored):
        QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert point(window, face, 30) == (111.0, 99.0)
    assert point(window, face, 31) == (95.0, 120.0)


def test_review_tags_and_note_are_edits(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    face, panel = details_shown(window, qtbot), window.desk.face
    project = window.document.project
    assert project is not None
    with qtbot.waitSignal(window.document.faces_stored):
        panel.review.setFocus()
        panel.review.setCurrentIndex(2)
        panel.review.activated.emit(2)
    row = window.document.row(window.document.current_id or "")
    assert row is not None and row.review == "question"
    qtbot.waitUntil(lambda: window.desk.history.steps[0].text == "Disputed")
    window.desk.face.parentWidget().raise_()
    window.activateWindow()
    panel.tags.setFocus()
    qtbot.waitUntil(panel.tags.hasFocus)  # anywhere else Return accepts the face
    panel.tags.setText("profile, , blur ,profile")
    with qtbot.waitSignal(window.document.faces_stored):
        QTest.keyClick(panel.tags, Qt.Key.Key_Return)
    record = project.face(UUID(face))
    assert (record.review, record.tags) == ("question", ("profile", "blur"))
    # A note that is being typed when the image is left belongs to the face that was left.
    details_shown(window, qtbot)
    panel.note.setPlainText("chin is behind the hand")
    with qtbot.waitSignal(window.document.faces_stored):
        window.actions_["next"].trigger()
    assert project.face(UUID(face)).note == "chin is behind the hand"
    other = details_shown(window, qtbot)
    assert other != face and panel.note.toPlainText() == "" and panel.tags.text() == ""
    for kind in ("change note", "change tags", "dispute face"):
        assert window.document.undo_text == kind
        with qtbot.waitSignal(window.document.faces_stored):
            window.document.undo()
    record = project.face(UUID(face))
    assert (record.review, record.tags, record.note) == ("", (), "")


def test_other_label_sets_are_drawn_dimmed(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", 1)
    window = start(folder)
    face = details_shown(window, qtbot)
    imported = point(window, face, 0)
    move(window, qtbot, face, 0, 20.0, 30.0)
    panel = window.desk.face
    qtbot.waitUntil(lambda: panel.sets.count() == 2)
    names = [panel.sets.item(row).text() for row in range(2)]
    assert "Ann – shown" in names and "set" in names
    assert not window.canvas.ghosts
    panel.sets.item(names.index("set")).setCheckState(Qt.CheckState.Checked)
    (ghost,) = window.canvas.ghosts
    assert ghost.name == "set" and np.allclose(ghost.points[0], imported)
    move(window, qtbot, face, 0, 21.0, 31.0)  # the choice outlives edits
    qtbot.waitUntil(lambda: len(window.desk.history.steps) == 3)
    assert [ghost.name for ghost in window.canvas.ghosts] == ["set"]
    panel.sets.item(names.index("set")).setCheckState(Qt.CheckState.Unchecked)
    assert not window.canvas.ghosts
