"""Bulk repair in the window: seen before it is done, one step for all, single faces taken back."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.edits import MovePoint
from app.jobs.audit import Collected, Evidenced, ProjectAudit, judge_collected
from app.jobs.engine import ModelInfo
from app.main_window import MainWindow
from app.repair.dialog import RepairDialog
from app.repair.model import State
from core.face import Label
from core.formats.base import LabelledFace
from core.scheme import get_scheme
from tests.app.faces import write_photo, write_pts
from tests.app.window import LEFT, Start, face_shown
from tests.core.face_shape import face_68, predicted, right_label

SCHEME = get_scheme("300w-68")
FACES = 6
SWAPPED, SUSPECT = 2, 4


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Right labels; one with its sides swapped, one with a point far off."""
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(FACES):
        points = (right_label(i, face_68()) + face_68()) / 2  # none is far off by chance
        if i == SWAPPED:
            points = points[list(SCHEME.flip)]
        if i == SUSPECT:
            points[30] += (0, 40)
        write_photo(folder / f"a_{i}.png", (280, 300), seed=i)
        write_pts(folder / f"a_{i}.pts", points)
    return folder


def audit_of(window: MainWindow) -> ProjectAudit:
    """An audit of the open project by a model that knows the plain face."""
    project = window.document.project
    assert project is not None
    faces = []
    for record in project.images():
        face = project.faces(record.id)[0]
        label = project.current_label(face.id, "Ann")
        assert label is not None
        labelled = LabelledFace(record.path, label.label, face.box, None, (), "data", None)
        faces.append(Evidenced(str(face.id), str(record.id), 0, labelled, predicted(face_68()), (280, 300)))
    info = ModelInfo("plain", SCHEME.id, "cpu", "", "float32", "none")
    audit = judge_collected(Collected(faces, SCHEME, info))
    assert audit is not None
    return audit


def open_dialog(window: MainWindow, qtbot: QtBot) -> RepairDialog:
    """As the menu does, with an audit."""
    window.auditor.audit = audit_of(window)
    window.actions_["repair"].trigger()
    dialog = window.findChild(RepairDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: names(dialog) == [f"a_{SWAPPED}.png"], timeout=20_000)
    return dialog


def names(dialog: RepairDialog) -> list[str]:
    return [face.name for face in dialog.model.faces]


def settled_on(dialog: RepairDialog, qtbot: QtBot, expected: list[str]) -> None:
    qtbot.waitUntil(lambda: names(dialog) == expected and dialog._job is None, timeout=20_000)


def choose(dialog: RepairDialog, rule: str) -> None:
    button = dialog.choices.buttons[rule]
    QTest.mouseClick(button, LEFT, pos=QPoint(8, button.height() // 2))


def press(button: QWidget, dialog: RepairDialog, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dialog.settled, timeout=20_000):
        QTest.mouseClick(button, LEFT)


def test_a_plan_is_shown_carried_out_undone_and_taken_back(start: Start, qtbot: QtBot, dataset: Path) -> None:
    window = start(dataset)
    face_shown(window, qtbot)
    dialog = open_dialog(window, qtbot)
    assert "1 of 6 faces" in dialog.state.text()
    shown = dialog.model.faces[0]
    qtbot.waitUntil(lambda: dialog.grid.pictures.get(shown, 200)[1] is not None, timeout=20_000)

    tick = dialog.grid.visualRect(dialog.model.index(0)).topLeft() + QPoint(20, 20)
    QTest.mouseClick(dialog.grid.viewport(), LEFT, pos=tick)
    assert not dialog.apply.isEnabled() and dialog.apply.text() == "Apply to 0 faces"
    QTest.mouseClick(dialog.grid.viewport(), LEFT, pos=tick)
    assert dialog.apply.text() == "Apply to 1 face"

    choose(dialog, "replace")
    settled_on(dialog, qtbot, [f"a_{SUSPECT}.png"])
    repaired = dialog.model.faces[0]
    project = window.document.project
    assert project is not None

    def label_now() -> Label:
        found = project.current_label(UUID(repaired.face_id), "Ann")
        assert found is not None
        return found.label

    press(dialog.apply, dialog, qtbot)
    assert dialog.model.state(0) is State.APPLIED
    assert label_now() == repaired.repair.after
    assert np.hypot(*(label_now().points[30] - face_68()[30])) < 1
    assert window.document.undo_text == "replace points by the prediction"

    dialog.grid.selectAll()
    press(dialog.take_back, dialog, qtbot)
    assert dialog.model.state(0) is State.TAKEN_BACK
    assert label_now() == repaired.repair.before
    with qtbot.waitSignal(window.document.faces_stored, timeout=20_000):
        window.document.undo()
    assert label_now() == repaired.repair.after


def test_a_label_that_changed_meanwhile_is_left_out_and_said(start: Start, qtbot: QtBot, dataset: Path) -> None:
    window = start(dataset)
    face_shown(window, qtbot)
    dialog = open_dialog(window, qtbot)
    swapped = dialog.model.faces[0]
    window.document.set_current(swapped.image_id)
    qtbot.waitUntil(lambda: swapped.face_id in window.document.faces, timeout=20_000)
    with qtbot.waitSignal(window.document.faces_stored, timeout=20_000):
        window.document.apply(MovePoint(swapped.face_id, 0, 5.0, 6.0))
    press(dialog.apply, dialog, qtbot)
    assert dialog.model.state(0) is State.LEFT_OUT
    assert "changed meanwhile" in dialog.state.text()


def test_settings_make_other_plans_and_nothing_is_said_so(start: Start, qtbot: QtBot, dataset: Path) -> None:
    window = start(dataset)
    face_shown(window, qtbot)
    dialog = open_dialog(window, qtbot)
    dialog.choices.pages["unswap"].faces.click()
    settled_on(dialog, qtbot, [])
    assert "none of 6 faces" in dialog.state.text()
    for rule, hint in (("offset", "No labels lie to one side"), ("dialect", "No folder or tag")):
        choose(dialog, rule)
        qtbot.waitUntil(lambda hint=hint: hint in dialog.state.text(), timeout=20_000)
    choose(dialog, "weigh")
    settled_on(dialog, qtbot, [f"a_{SUSPECT}.png"])
    dialog.grid.setCurrentIndex(dialog.model.index(0))
    QTest.keyClick(dialog.grid, Qt.Key.Key_Space)
    assert not dialog.model.is_wanted(0)
    dialog.reject()


def test_without_an_audit_it_offers_one(start: Start, qtbot: QtBot, dataset: Path) -> None:
    window = start(dataset)
    face_shown(window, qtbot)
    window.actions_["repair"].trigger()
    dialog = window.findChild(RepairDialog)
    assert dialog is not None
    assert dialog.audit_button.isVisible() and not dialog.apply.isVisible()
    QTest.mouseClick(dialog.audit_button, LEFT)  # there is no model
    assert "no model" in dialog.audit_text.text()
    window.auditor.audit = audit_of(window)
    window.auditor.changed.emit()
    settled_on(dialog, qtbot, [f"a_{SWAPPED}.png"])
