"""Snapshots never change, whatever happens to the labels; models are remembered by their hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ProjectError, ProjectReadOnlyError, UsageError
from core.project import Project
from core.project.schema import new_id
from tests.core.project.project_samples import ANNA, dataset, label, set_to
from tests.core.project.test_project_faces import BOB, change


def test_a_snapshot_keeps_what_was_current(tmp_path: Path) -> None:
    count = 600  # several pages
    with Project.create(tmp_path / "p") as project:
        imported = project.import_dataset(dataset(tmp_path, count), "300w", author=ANNA).label_set
        faces = [project.faces(image.id)[0].id for image in project.images(0, 6)]
        sets = {name: project.ensure_label_set(name, "annotator") for name in (ANNA, BOB)}
        agreed = project.ensure_label_set("agreed", "consensus")
        for i, (face, where) in enumerate(
            [(0, sets[ANNA]), (0, sets[BOB]), (1, sets[BOB]), (2, sets[BOB]), (2, agreed), (3, sets[ANNA])]
        ):
            project.apply(set_to(project, faces[face], where, label(i)), where.name)
        project.apply(set_to(project, faces[3], sets[ANNA], None), ANNA)
        project.apply(change(project, faces[5], removed=True), ANNA)
        every = [face.id for image in project.images() for face in project.faces(image.id)]
        expected = project.current_labels(every, ANNA)
        made = project.create_snapshot("first", ANNA, note="for the run of May")
        assert (made.faces, made.author, made.note) == (count - 1, ANNA, "for the run of May")
        assert project.create_snapshot("Bob's", BOB, face_ids=[*faces[:2], faces[0], faces[5], new_id()]).faces == 2

        def check(project: Project) -> None:
            found = list(project.snapshot_labels("first"))
            assert [one.face.id for one in found] == every
            for one in found:
                now = expected[one.face.id]
                assert (one.label_set, one.label, one.version) == (now.label_set, now.label, now.version)
            assert [one.label_set.name for one in found[:4]] == [ANNA, BOB, "agreed", "300w"]
            bobs = list(project.snapshot_labels("Bob's"))
            assert [one.label for one in bobs] == [label(1), label(2)]

        check(project)
        for i, face in enumerate(faces[:3]):  # whatever happens afterwards
            project.apply(set_to(project, face, sets[ANNA], label(50 + i)), ANNA)
            project.apply(set_to(project, face, sets[BOB], None), BOB)
        project.import_dataset(dataset(tmp_path, count, seed=1), "300w", author=ANNA)
        project.apply(change(project, faces[0], removed=True, note="x"), ANNA)
        check(project)
        assert next(project.snapshot_labels("first")).face.note == "x"
    with Project.open(project.path, read_only=True) as project:
        check(project)
        assert [(one.name, one.faces) for one in project.snapshots()] == [("first", count - 1), ("Bob's", 2)]
        assert project.snapshots()[0] == made
        with pytest.raises(ProjectReadOnlyError):
            project.create_snapshot("second", ANNA)
    assert imported.kind == "import"


def test_names_of_snapshots(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        with pytest.raises(UsageError, match="no label"):
            project.create_snapshot("a", ANNA)
        project.import_dataset(dataset(tmp_path, 2), "300w", author=ANNA)
        project.create_snapshot("a", ANNA)
        for name in ("a", " ", ""):
            with pytest.raises(UsageError, match=r"another name|not empty"):
                project.create_snapshot(name, ANNA)
        with pytest.raises(UsageError, match="author"):
            project.create_snapshot("b", "")
        with pytest.raises(UsageError, match="no label"):
            project.create_snapshot("b", ANNA, face_ids=[])
        assert [one.name for one in project.snapshots()] == ["a"]
        with pytest.raises(ProjectError, match="no snapshot 'b'"):
            project.snapshot_labels("b")
        project.create_snapshot("b", ANNA)
        assert len(project.snapshots()) == 2 and project.verify() == []


def test_a_snapshot_meets_no_half_edit(tmp_path: Path) -> None:
    """Reading goes on undisturbed while labels are written between its pages."""
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(dataset(tmp_path, 300), "300w", author=ANNA)
        mine = project.ensure_label_set(ANNA, "annotator")
        face = project.faces(project.images(299)[0].id)[0].id
        project.create_snapshot("a", ANNA)
        before = project.current_label(face).label
        reading = project.snapshot_labels("a")
        next(reading)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        rest = list(reading)
        assert len(rest) == 299 and rest[-1].face.id == face and rest[-1].label == before


def test_models_are_remembered_once(tmp_path: Path) -> None:
    header = {"scheme": "300w-68", "metrics": {"nme": 0.0351}, "text": "ä\x00"}
    with Project.create(tmp_path / "p") as project:
        one = project.remember_model("sha256:1", "lite", header)
        assert project.remember_model("sha256:1", "another name", {}) == one
        two = project.remember_model("sha256:2", "lite", {})
        with pytest.raises(UsageError, match="hash"):
            project.remember_model("", "x", {})
        with pytest.raises(UsageError, match="JSON"):
            project.remember_model("sha256:3", "x", {"a": object()})
    with Project.open(project.path) as project:
        assert project.models() == [one, two]
        assert (one.hash, one.name, one.header) == ("sha256:1", "lite", header)


def test_the_first_label_of_a_face_is_known_whatever_became_of_it(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        data = dataset(tmp_path, 3)
        imported = project.import_dataset(data, "300w", author=ANNA).label_set
        faces = [project.faces(image.id)[0].id for image in project.images()]
        first = project.current_labels(faces)
        own = project.ensure_label_set(ANNA, "annotator")
        project.apply(set_to(project, faces[0], own, label(7)), ANNA)
        project.apply(set_to(project, faces[1], imported, None), ANNA)
        project.apply(set_to(project, faces[2], imported, label(8)), ANNA)
        found = project.first_labels([*faces, new_id()])
        assert found == {face: one.label for face, one in first.items()}
