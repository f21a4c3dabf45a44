"""The document: what it shows, when it says saved, undo across sessions, and how it takes trouble."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.edits import DrawBox, MovePoint
from app.face_state import FaceState
from app.jobs import store
from core.errors import ProjectError
from core.face import Box, Prediction
from core.formats import read_dataset
from core.project import Project
from tests.app.faces import face_points, write_dataset, write_photo, write_pts


@pytest.fixture
def document(qtbot: QtBot) -> Iterator[Document]:
    made = Document(lambda: "Ann")
    yield made
    made.close()


def open_scratch(document: Document, folder: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(document.opened, timeout=10_000):
        document.open_scratch(folder)


def add(document: Document, paths: list[Path], qtbot: QtBot, labelled: bool = False) -> tuple[str, str]:
    """Add and wait for the faces of the image that is then shown; the notice."""
    notices: list[tuple[str, str]] = []

    def heard(text: str, details: str, _incomplete: bool) -> None:
        notices.append((text, details))

    document.noticed.connect(heard)
    with qtbot.waitSignals([document.noticed, document.faces_loaded], timeout=10_000, order="none"):
        document.add_paths(paths, labelled)
    document.noticed.disconnect(heard)
    return notices[-1]


def saved(document: Document, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: document.save_state.kind == "saved", timeout=10_000)


def only_face(document: Document) -> str:
    (face_id,) = document.faces
    return face_id


def prediction(points: np.ndarray) -> Prediction:
    count = len(points)
    return Prediction(
        "300w-68", points, np.tile(np.eye(2), (count, 1, 1)), np.ones(count), np.ones(count),
        np.full((count, 2), np.nan), np.zeros(count), np.array([1.0, 100.0, 100.0]),
    )  # fmt: skip


def test_a_data_set_is_imported_and_its_first_face_shown(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    text, _ = add(document, [write_dataset(tmp_path / "set", 3)], qtbot)
    assert "3 labelled faces" in text
    assert [row.name for row in document.rows] == ["a_0.png", "a_1.png", "a_2.png"]
    assert [row.faces for row in document.rows] == [1, 1, 1]
    face = document.faces[only_face(document)]
    assert face.label is not None
    np.testing.assert_allclose(face.label.points, face_points())
    assert document.current_id == document.rows[0].id


def test_faces_that_were_read_before_an_edit_was_saved_do_not_undo_it(
    document: Document, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [write_dataset(tmp_path / "set", 1)], qtbot)
    face, read, edited, load = only_face(document), threading.Event(), threading.Event(), store.load_faces

    def slow(*args: Any) -> list[FaceState]:
        found = load(*args)
        read.set()
        assert edited.wait(10)
        return found

    monkeypatch.setattr(store, "load_faces", slow)
    with qtbot.waitSignal(document.faces_loaded, timeout=10_000):
        document.reload_faces()
        qtbot.waitUntil(read.is_set)
        document.apply(MovePoint(face, 0, 5.0, 6.0))
        saved(document, qtbot)
        edited.set()
    label = document.faces[face].label
    assert label is not None and label.points[0].tolist() == [5.0, 6.0]


def test_importing_again_adds_nothing_and_says_so(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    folder = write_dataset(tmp_path / "set", 2)
    add(document, [folder], qtbot)
    text, _ = add(document, [folder], qtbot)
    assert "already" in text
    assert len(document.rows) == 2
    assert [row.faces for row in document.rows] == [1, 1]


def test_bad_entries_are_listed_and_stop_nobody(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    folder = write_dataset(tmp_path / "set", 2)
    write_photo(folder / "b.png")
    (folder / "b.pts").write_text("version: 1\nn_points: 68\n{\n1 2\n}\n", encoding="utf-8")
    open_scratch(document, tmp_path / "scratch", qtbot)
    text, details = add(document, [folder, tmp_path / "gone.jpg"], qtbot)
    assert "2 labelled faces" in text
    assert "1 entry left out" in text
    assert "b.pts" in details
    assert "gone.jpg" in details


def test_a_drag_shows_at_once_and_is_saved_when_the_store_has_it(
    document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [write_dataset(tmp_path / "set", 1)], qtbot)
    face_id = only_face(document)
    document.apply(MovePoint(face_id, 30, 55.0, 66.0))
    label = document.faces[face_id].label
    assert label is not None and tuple(label.points[30]) == (55.0, 66.0)
    assert document.save_state.text == "Saving…"
    saved(document, qtbot)
    assert document.save_state.text.startswith("All changes saved ")
    project = document.project
    assert project is not None
    current = project.current_label(UUID(face_id), "Ann")
    assert current is not None
    assert (current.label_set.name, current.label_set.kind) == ("Ann", "annotator")
    assert tuple(current.label.points[30]) == (55.0, 66.0)
    imported = next(found for found in project.labels(UUID(face_id)) if found.label_set.kind == "import")
    np.testing.assert_allclose(imported.label.points, face_points())  # the import itself is never touched
    assert document.undo_text == "move point"


def test_edits_in_a_hurry_add_up(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [write_dataset(tmp_path / "set", 1)], qtbot)
    face_id = only_face(document)
    for i in range(20):
        document.apply(MovePoint(face_id, i, 10.0 + i, 20.0))
    saved(document, qtbot)
    label = document.faces[face_id].label
    assert label is not None
    np.testing.assert_array_equal(label.points[:20, 0], 10.0 + np.arange(20))
    for _ in range(20):
        document.undo()
    saved(document, qtbot)
    label = document.faces[face_id].label
    assert label is not None
    np.testing.assert_allclose(label.points, face_points())
    assert document.undo_text is None
    assert document.redo_text == "move point"


def test_a_label_survives_closing_and_is_undone_after_opening_again(tmp_path: Path, qtbot: QtBot) -> None:
    first = Document(lambda: "Ann")
    open_scratch(first, tmp_path / "scratch", qtbot)
    add(first, [write_dataset(tmp_path / "set", 2)], qtbot)
    first.set_current(first.rows[1].id)
    qtbot.waitUntil(lambda: first.faces_known)
    face_id = only_face(first)
    first.apply(MovePoint(face_id, 8, 1.0, 2.0))
    path = first.path
    first.close()  # while the edit is on its way
    second = Document(lambda: "Ann")
    assert path is not None
    with qtbot.waitSignal(second.faces_loaded, timeout=10_000):
        second.open(path)
    assert second.current_id == second.rows[1].id  # the place, too
    label = second.faces[face_id].label
    assert label is not None and tuple(label.points[8]) == (1.0, 2.0)
    assert second.undo_text == "move point"
    second.set_current(second.rows[0].id)
    qtbot.waitUntil(lambda: second.faces_known)
    second.undo()
    saved(second, qtbot)
    assert second.current_id == second.rows[1].id  # what was undone is shown
    qtbot.waitUntil(lambda: second.faces_known)
    label = second.faces[face_id].label
    assert label is not None
    np.testing.assert_allclose(label.points, face_points(shift=1.0))
    second.redo()
    saved(second, qtbot)
    label = second.faces[face_id].label
    assert label is not None and tuple(label.points[8]) == (1.0, 2.0)
    second.close()


def test_a_point_of_a_prediction_becomes_a_label(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    photo = write_photo(tmp_path / "photo.png")
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [photo], qtbot)
    image_id = document.current_id
    assert image_id is not None
    with qtbot.waitSignal(document.box_added, timeout=10_000) as added:
        document.apply(DrawBox(image_id, Box(20, 20, 150, 150)))
    face_id = str(added.args[0])
    face = document.faces[face_id]
    assert document.row(image_id).faces == 1  # type: ignore[union-attr]
    document.set_predictions(image_id, [face], {face_id: prediction(face_points())}, None)
    document.apply(MovePoint(face_id, 0, 12.0, 34.0))
    saved(document, qtbot)
    label = document.faces[face_id].label
    assert label is not None
    assert tuple(label.points[0]) == (12.0, 34.0)
    np.testing.assert_allclose(label.points[1:], face_points()[1:])
    document.undo()
    saved(document, qtbot)
    assert document.faces[face_id].label is None
    assert document.faces[face_id].prediction is not None


def test_a_failed_save_is_told_and_the_view_goes_back(
    document: Document, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [write_dataset(tmp_path / "set", 1)], qtbot)
    face_id = only_face(document)

    def full(*_: object) -> None:
        raise ProjectError("the disk is full", remedy="Free some space")

    monkeypatch.setattr(document.project, "apply", full, raising=True)
    with qtbot.waitSignal(document.failed, timeout=10_000) as failed:
        document.apply(MovePoint(face_id, 30, 1.0, 1.0))
    assert "could not be saved" in failed.args[0]
    assert "Free some space." in failed.args[0]
    assert document.save_state.text == "Not saved"
    qtbot.waitUntil(lambda: _shows_import(document, face_id))
    monkeypatch.undo()
    document.apply(MovePoint(face_id, 30, 2.0, 2.0))
    qtbot.waitUntil(lambda: document.save_state.kind == "saved")


def _shows_import(document: Document, face_id: str) -> bool:
    label = document.faces[face_id].label if face_id in document.faces else None
    return label is not None and bool(np.allclose(label.points, face_points()))


def test_a_file_that_is_no_project_leaves_the_open_one_alone(
    document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [write_dataset(tmp_path / "set", 1)], qtbot)
    before = document.path
    bad = tmp_path / "bad.starmark"
    bad.write_text("nothing of the kind", encoding="utf-8")
    with qtbot.waitSignal(document.failed, timeout=10_000) as failed:
        document.open(bad)
    assert "bad.starmark" in failed.args[0]
    assert document.path == before
    document.apply(MovePoint(only_face(document), 30, 2.0, 2.0))
    saved(document, qtbot)


def test_at_start_a_broken_project_gives_way_to_a_scratch_one(
    document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    bad = tmp_path / "bad.starmark"
    bad.write_bytes(b"")
    with qtbot.waitSignals([document.failed, document.opened], timeout=10_000):
        document.open(bad, fallback=tmp_path / "scratch")
    assert document.is_scratch


def test_a_folder_without_images_is_told(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "empty").mkdir()
    open_scratch(document, tmp_path / "scratch", qtbot)
    with qtbot.waitSignal(document.failed, timeout=10_000) as failed:
        document.add_paths([tmp_path / "empty"])
    assert "empty" in failed.args[0]
    assert not document.busy


def test_naming_a_project_moves_it_and_refuses_to_replace(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    add(document, [write_dataset(tmp_path / "set", 1)], qtbot)
    target = tmp_path / "named.starmark"
    with qtbot.waitSignal(document.noticed, timeout=10_000):
        document.save_as(target, replace_existing=False)
    assert document.path == target
    assert not document.is_scratch
    with Project.create(tmp_path / "other.starmark"):
        pass
    with qtbot.waitSignal(document.failed, timeout=10_000):
        document.save_as(tmp_path / "other.starmark", replace_existing=False)
    assert document.path == target
    document.apply(MovePoint(only_face(document), 30, 2.0, 2.0))
    saved(document, qtbot)


def test_a_long_job_can_be_stopped_and_leaves_nothing(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    folder = write_dataset(tmp_path / "set", 30)
    open_scratch(document, tmp_path / "scratch", qtbot)
    with qtbot.waitSignal(document.noticed, timeout=10_000) as noticed:
        document.add_paths([folder])
        document.cancel()
    assert noticed.args[0].startswith("Stopped")
    assert document.rows == []
    assert not document.busy
    write_pts(folder / "a_0.pts", face_points(shift=2.0))
    text, _ = add(document, [folder], qtbot)  # and it can be begun again
    assert "30 labelled faces" in text


def test_a_second_long_job_is_refused_in_words(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    open_scratch(document, tmp_path / "scratch", qtbot)
    folder = write_dataset(tmp_path / "set", 5)
    with qtbot.waitSignal(document.failed, timeout=10_000) as failed:
        document.add_paths([folder])
        document.add_paths([folder])
    assert "wait" in failed.args[0]
    qtbot.waitUntil(lambda: len(document.rows) == 5, timeout=10_000)


def test_of_a_large_project_the_last_image_is_shown_before_the_list_is_read(
    document: Document, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "faces.starmark"
    with Project.create(path) as project:
        project.import_dataset(read_dataset(write_dataset(tmp_path / "set", 6)), "set", author="Ben")
        last = project.images()[4].id
        project.set_setting(store.IMAGE_KEY, str(last))
    monkeypatch.setattr(store, "LISTED_AT_ONCE", 5)
    seen: list[tuple[int, str | None]] = []
    document.rows_changed.connect(lambda: seen.append((len(document.rows), document.current_id)))
    called: list[int] = []
    document.open(path, lambda: called.append(len(document.rows)))
    qtbot.waitUntil(lambda: bool(called))
    assert seen == [(1, None), (6, str(last))]  # the current image stays while the list grows around it
    assert called == [6]
    assert [row.faces for row in document.rows] == [1] * 6
