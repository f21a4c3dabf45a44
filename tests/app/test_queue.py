"""The review queue: audited, gone through and decided by real keys, undone, and remembered after a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app import verdict_texts
from app.main_window import MainWindow
from app.review_queue import RANDOM, Wanted
from core.face import Label
from core.face_verdicts import TEXTS, FaceVerdict
from core.judgement import Decision
from core.verdicts import Verdict
from tests.app.faces import write_dataset
from tests.app.test_auditor import audited
from tests.app.window import Start, drag, face_shown

Key, Shift = Qt.Key, Qt.KeyboardModifier.ShiftModifier
COUNT = 4


def press(window: MainWindow, key: Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(window.canvas, key, modifier)


def settled(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until everything is on disk, and the audit knows of it."""
    qtbot.waitUntil(
        lambda: window.document.save_state.kind == "saved" and not window.queue._given and not window.auditor.running,
        timeout=20_000,
    )


def at_row(window: MainWindow, qtbot: QtBot, row: int) -> str:
    """Wait until the face of that row is on screen; its id."""
    wanted = window.queue.rows[row]
    qtbot.waitUntil(
        lambda: window.workbench.active == wanted.face_id and window.workbench.picture_ready
        and window.queue.panel.view.currentIndex().row() == row,
        timeout=20_000,
    )  # fmt: skip
    return wanted.face_id


def label_of(window: MainWindow, face: str) -> Label:
    label = window.document.faces[face].label
    assert label is not None
    return label


@pytest.fixture
def window(start: Start, qtbot: QtBot, tiny_model: Path, tmp_path: Path) -> MainWindow:
    """Four faces, audited by a network that knows nothing, and so doubts everything or nothing."""
    window = start(write_dataset(tmp_path / "data", COUNT), model=tiny_model)
    face_shown(window, qtbot)
    assert not window.actions_["queue_next"].isEnabled()
    audited(window, qtbot, COUNT)
    qtbot.waitUntil(lambda: len(window.queue.rows) == COUNT, timeout=20_000)
    window.canvas.setFocus()
    return window


def test_decided_by_keys_undone_and_remembered(
    window: MainWindow, start: Start, qtbot: QtBot, tiny_model: Path
) -> None:
    bench, document = window.workbench, window.document
    press(window, Key.Key_F5)
    first = at_row(window, qtbot, 0)
    qtbot.waitUntil(lambda: bench.picture_ready and first in document.faces)
    bench.show_points(first, (30,))
    before = label_of(window, first)
    prediction = document.faces[first].prediction
    assert prediction is not None

    press(window, Key.Key_F2)  # wrong: on the prediction, and remembered, in one step
    settled(window, qtbot)
    (said,) = document.project.face(_id(first)).judgements
    assert (said.decision, said.point, said.place) == (Decision.LABEL_WRONG, 30, tuple(before.points[30].tolist()))
    kept = document.project.current_label(_id(first), "Ann")
    assert np.allclose(kept.label.points[30], prediction.mean[30], atol=0.01)
    assert document.undo_text == "label wrong: 1 point"
    press(window, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: document.undo_text is None and bench.active == first, timeout=20_000)  # it leads back there
    assert document.project.face(_id(first)).judgements == ()
    assert document.project.current_label(_id(first), "Ann").label == before

    window.queue.go(0)
    at_row(window, qtbot, 0)
    press(window, Key.Key_F3, Shift)  # the whole face is acceptable: on to the next
    second = at_row(window, qtbot, 1)
    press(window, Key.Key_F4, Shift)
    third = at_row(window, qtbot, 2)
    settled(window, qtbot)
    qtbot.waitUntil(lambda: window.queue.panel.summary.text().startswith("2 of 4 looked at"), timeout=20_000)

    path = document.project.path
    window.close()
    again = start(project=path, model=tiny_model)
    face_shown(again, qtbot)
    audited(again, qtbot, COUNT)
    qtbot.waitUntil(lambda: len(again.queue.rows) == COUNT - 2, timeout=20_000)  # not asked again
    assert {first, second}.isdisjoint(row.face_id for row in again.queue.rows)
    assert third in {row.face_id for row in again.queue.rows}
    again.queue.panel.filter.changed.emit(Wanted(decisions=frozenset({"model wrong"})))
    qtbot.waitUntil(lambda: [row.face_id for row in again.queue.rows] == [second], timeout=20_000)


def _id(text: str):
    from uuid import UUID

    return UUID(text)


def test_a_point_mended_by_hand_stays_where_it_is(window: MainWindow, qtbot: QtBot) -> None:
    window.queue.go(0)
    face = at_row(window, qtbot, 0)
    before = label_of(window, face)
    window.workbench.canvas.fit_point(face, 30)
    drag(window, face, 30, (40, 30))
    moved = label_of(window, face)
    assert not np.array_equal(moved.points[30], before.points[30])
    assert window.workbench.selection == (30,)
    press(window, Key.Key_F2)
    settled(window, qtbot)
    project = window.document.project
    assert np.array_equal(project.current_label(_id(face), "Ann").label.points[30], moved.points[30])
    assert project.face(_id(face)).judgements[0].place == tuple(before.points[30].tolist())


def test_a_random_sample_tells_the_share_of_wrong_labels(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.queue.panel
    window.queue._want(Wanted(RANDOM, seed=2))
    qtbot.waitUntil(lambda: panel.estimate.isVisibleTo(panel), timeout=20_000)
    for row, (key, modifier) in enumerate([(Key.Key_F3, Shift), (Key.Key_F2, Shift), (Key.Key_F3, Shift)]):
        if row == 0:
            press(window, Key.Key_F5)
        at_row(window, qtbot, row)
        assert window.workbench.selection == ()  # nothing catches the eye
        press(window, key, modifier)
    at_row(window, qtbot, 3)
    settled(window, qtbot)
    qtbot.waitUntil(lambda: panel.estimate.text().startswith("33%"), timeout=20_000)
    assert panel.plot.told() == "1 errors found in 3 looks."
    assert panel.model.rows and panel.summary.text() == "3 of 4 looked at, 1 with a wrong label, 1 left"


def test_rings_are_drawn_where_the_audit_doubts_and_can_be_switched_off(window: MainWindow, qtbot: QtBot) -> None:
    window.queue.go(0)
    face = at_row(window, qtbot, 0)
    audit = window.auditor.audit
    doubted = audit.audit.doubted[audit.places[face]]
    assert len(window.canvas.verdicts) == doubted.sum()
    window.actions_["verdicts"].trigger()
    assert not window.canvas.layers.verdicts and not window.settings.value("verdicts")


def test_every_verdict_has_a_word_and_every_sentence_a_pattern() -> None:
    words = {**verdict_texts.POINT_VERDICTS, **verdict_texts.FACE_VERDICTS}
    assert set(words) == {*(one.value for one in Verdict), *(one.value for one in FaceVerdict)}
    assert set(verdict_texts.DECISION_TEXTS) == set(Decision)
    text = "left eye 3 is 5.3 px from where it is expected, 7.1 standard deviations: more than ambiguity explains."
    found = [template for template, pattern in verdict_texts._PATTERNS if pattern.fullmatch(text)]
    assert len(found) == 1 and "more than ambiguity" in found[0]
    assert all(TEXTS[verdict] for verdict in FaceVerdict)


def test_what_is_wanted_is_kept() -> None:
    wanted = Wanted(RANDOM, 7, regions=frozenset({"jaw"}), decisions=frozenset({"acceptable"}), settled=True)
    assert Wanted.from_json(wanted.to_json()) == wanted
    assert Wanted.from_json({"order": 3, "seed": -1, "regions": "jaw", "tags": [1]}) == Wanted()
    assert [words for words, _ in wanted.chips()] == ["jaw", "decided: acceptable"]
    assert wanted.chips()[0][1].regions == frozenset() and wanted.cleared().conditions == 0
