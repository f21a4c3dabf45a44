"""The window's audit: made of cached predictions, with the missing ones predicted, and made anew after edits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from app.edits import MovePoint
from app.main_window import MainWindow
from tests.app.faces import write_dataset
from tests.app.window import Start, face_shown


def audited(window: MainWindow, qtbot: QtBot, faces: int) -> None:
    """Run an audit to its end."""
    window.auditor.run()
    qtbot.waitUntil(
        lambda: not window.auditor.running
        and window.auditor.audit is not None
        and len(window.auditor.audit.faces) == faces,
        timeout=60_000,
    )


def test_the_audit_predicts_what_is_missing_and_follows_an_edit(
    start: Start, qtbot: QtBot, tiny_model: Path, tmp_path: Path
) -> None:
    window = start(write_dataset(tmp_path / "data", 4), model=tiny_model)
    face = face_shown(window, qtbot)
    audited(window, qtbot, 4)
    audit = window.auditor.audit
    assert audit is not None and audit.unpredicted == 0
    place = audit.places[face]
    label = window.document.faces[face].label
    assert label is not None and np.array_equal(audit.audit.evidence.labels[place], label.points)

    with qtbot.waitSignal(window.auditor.changed, timeout=20_000):
        window.document.apply(MovePoint(face, 30, 5.0, 6.0))
    again = window.auditor.audit
    assert again is not None and again is not audit
    assert again.audit.evidence.labels[place, 30].tolist() == [5.0, 6.0]
    others = [i for i in range(4) if i != place]
    assert np.array_equal(again.audit.evidence.labels[others], audit.audit.evidence.labels[others])


def test_another_project_ends_the_audit(start: Start, qtbot: QtBot, tiny_model: Path, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "data", 2), model=tiny_model)
    face_shown(window, qtbot)
    audited(window, qtbot, 2)
    with qtbot.waitSignal(window.document.opened, timeout=20_000):
        window.actions_["new"].trigger()
    assert window.auditor.audit is None and not window.auditor.running


def test_without_a_model_it_says_so(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "data", 1))
    with qtbot.waitSignal(window.auditor.failed):
        window.auditor.run()
