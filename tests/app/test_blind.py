"""Labelling faces again blind, in the real window: nothing of the first labels is seen, and nothing of them is lost."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from core.blind import blind_samples
from core.project import LabelVersion, Project
from tests.app.faces import write_dataset
from tests.app.window import Start, drag, face_shown

LEFT = Qt.MouseButton.LeftButton


def labels_of_ann(window: MainWindow) -> dict[UUID, LabelVersion | None]:
    project = window.document.project
    assert project is not None
    own = next(one for one in project.label_sets() if (one.name, one.kind) == ("Ann", "annotator"))
    return {face.id: project.label(face.id, own.id) for face in project.faces_where()}


def begin(window: MainWindow, qtbot: QtBot, count: int) -> None:
    window.actions_["blind"].trigger()
    qtbot.waitUntil(window.blind.bar.isVisible)
    window.blind.bar.count.setValue(count)
    QTest.mouseClick(window.blind.bar.draw, LEFT)
    qtbot.waitUntil(lambda: window.blind.active and window.document.faces_known and window.workbench.picture_ready)


def finish(window: MainWindow, qtbot: QtBot, done: int) -> None:
    """Start from the mean shape, and press Return."""
    window.actions_["start_shape"].trigger()
    qtbot.waitUntil(lambda: window.document.undo_text == "start from the mean shape")
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: f" {done} of" in window.blind.bar.words.text() or "all" in window.blind.bar.words.text())
    qtbot.waitUntil(lambda: window.document.faces_known and window.workbench.picture_ready)


def test_first_labels_stay_unseen_and_untouched(start: Start, qtbot: QtBot, tmp_path: Path, tiny_model: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 5), model=tiny_model)
    document, desk = window.document, window.desk
    face = face_shown(window, qtbot)
    drag(window, face, 30, (10, 5))  # the first label is Ann's own
    for _ in range(4):
        QTest.keyClick(window.canvas, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: window.document.faces_known and window.workbench.picture_ready)
        face = face_shown(window, qtbot)
        drag(window, face, 30, (10, 5))
    qtbot.waitUntil(lambda: window.status.saved.text().startswith("All changes saved "))
    qtbot.waitUntil(lambda: document.faces[face].prediction is not None, timeout=20_000)
    before = labels_of_ann(window)
    assert None not in before.values()

    begin(window, qtbot, 5)
    assert window.images.model.rowCount() == 5
    (state,) = document.faces.values()
    assert state.label is not None and np.isnan(state.label.points).all()
    assert state.prediction is None and state.label_set == "Ann (blind)"
    assert desk.details is None and not window.canvas.ghosts
    assert document.undo_text is None  # Ann's own steps cannot be taken back from here
    for name in ("predict", "remove_face", "draw_box", "accept", "dispute_next"):
        assert not window.actions_[name].isEnabled()
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    assert "no points yet" in window.messages.text()
    finish(window, qtbot, 1)
    assert window.document.undo_text == "start from the mean shape"
    document.undo()  # of the second label, of another image
    qtbot.waitUntil(lambda: " 0 of" in window.blind.bar.words.text() or document.undo_text is None)
    document.redo()
    for done in range(2, 6):
        window.blind._go_on(None)
        qtbot.waitUntil(lambda: window.document.faces_known and window.workbench.picture_ready)
        finish(window, qtbot, done)
    qtbot.waitUntil(lambda: window.blind.bar.words.text() == "Blind: all 5 faces done")
    assert labels_of_ann(window) == before

    QTest.mouseClick(window.blind.bar.compare, LEFT)
    qtbot.waitUntil(lambda: window.blind.result is not None, timeout=20_000)
    result = window.blind.result
    assert result is not None and "5 faces of Ann" in result.words.text()
    last = result.table.rowCount() - 1
    cells = [item.text() for column in range(5) if (item := result.table.item(last, column)) is not None]
    assert cells[0] == "All regions" and all(cell.endswith(" %") for cell in cells[1:])
    result.close()
    qtbot.waitUntil(lambda: desk.details is not None)
    assert document.blind == "" and not window.blind.bar.isVisible()
    (state,) = document.faces.values()
    assert state.label_set == "Ann" and state.prediction is not None
    assert document.undo_text == "move point"
    assert labels_of_ann(window) == before


def test_it_goes_on_where_it_was_stopped(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    project = tmp_path / "a.starmark"
    first = start(write_dataset(tmp_path / "set", 4))
    face_shown(first, qtbot)
    with qtbot.waitSignal(first.document.named):
        first.document.save_as(project, False)
    qtbot.waitUntil(lambda: not first.document.busy)
    begin(first, qtbot, 3)
    finish(first, qtbot, 1)
    QTest.mouseClick(first.blind.bar.stop, LEFT)
    qtbot.waitUntil(lambda: not first.blind.active)
    assert first.images.model.rowCount() == 4
    first.close()

    second = start(project=project)
    face_shown(second, qtbot)
    second.actions_["blind"].trigger()
    qtbot.waitUntil(second.blind.bar.isVisible)
    assert second.blind.bar.go_on.text() == "Go on (1 of 3 done)"
    QTest.mouseClick(second.blind.bar.go_on, LEFT)
    qtbot.waitUntil(lambda: second.blind.active and second.document.faces_known)
    assert second.blind.bar.words.text() == "Blind: 1 of 3 faces done"
    second.close()  # in the middle of it
    with Project.open(project, read_only=True) as kept:
        (sample,) = blind_samples(kept, "Ann")
        assert sample.first_set == "set"  # an import: Ann has no labels of her own
        assert [one.kind for one in kept.label_sets()] == ["import", "blind"]
