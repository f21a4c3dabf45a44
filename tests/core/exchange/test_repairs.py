"""Repairs in a project: one edit and one undo for all, faces that changed meanwhile left out, each taken back alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UsageError
from core.exchange import LabelRepair, apply_repairs, import_labels, project_labels
from core.face import Label
from core.formats.base import ImportResult
from core.project import Project, SetLabel
from tests.core.format_samples import make_faces

KIND = "shift labels back"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "faces.starmark")
    import_labels(made, ImportResult(make_faces(tmp_path / "images"), [], "300w-68", "test"), "first", author="anna")
    return made


def shifted(label: Label) -> Label:
    return replace(label, points=label.points + 1 / 3)


def repairs_of(project: Project) -> list[LabelRepair]:
    found = project_labels(project, author="anna")
    return [
        LabelRepair(face_id, face.label, shifted(face.label))
        for face_id, face in zip(found.face_ids, found.faces, strict=True)
    ]


def shown(project: Project) -> list[Label]:
    return [face.label for face in project_labels(project, author="anna").faces]


def test_one_step_for_all_and_the_import_stays(project: Project) -> None:
    with project:
        before, repairs = shown(project), repairs_of(project)
        done = apply_repairs(project, "anna", repairs, KIND)
        assert done.applied is not None and len(done.applied.changes) == len(repairs) and done.left_out == []
        assert shown(project) == [shifted(label) for label in before]
        assert [face.label for face in project_labels(project, label_set="first").faces] == before
        assert project.undo_text("anna") == KIND
        project.undo("anna")
        assert shown(project) == before
        assert not project.can_undo("anna")


def test_a_face_that_changed_since_is_left_out(project: Project) -> None:
    with project:
        repairs = repairs_of(project)
        changed = repairs[1]
        own = project.ensure_label_set("anna", "annotator")
        mine = changed.before.with_point(0, (3.5, 4.5))
        project.apply(SetLabel(changed.face_id, own.id, None, mine, 0, "move point"), "anna")
        done = apply_repairs(project, "anna", repairs, KIND)
        assert done.left_out == [changed.face_id]
        now = project.current_label(changed.face_id, "anna")
        assert now is not None and now.label == mine
        again = apply_repairs(project, "anna", repairs, KIND)
        assert again.applied is None and len(again.left_out) == len(repairs)


def test_one_face_is_taken_back_and_the_others_stay(project: Project) -> None:
    with project:
        repairs = repairs_of(project)
        apply_repairs(project, "anna", repairs, KIND)
        first = repairs[0]
        back = LabelRepair(first.face_id, first.after, first.before)
        done = apply_repairs(project, "anna", [back], "take a repair back")
        assert done.applied is not None and done.left_out == []
        assert shown(project) == [first.before, *(shifted(one.before) for one in repairs[1:])]
        revision = project.history(repairs[2].face_id)[0]
        own = project.ensure_label_set("anna", "annotator")
        project.revert_face(repairs[2].face_id, revision.id, "anna", own)
        assert shown(project)[2] == repairs[2].before


def test_a_cancelled_repair_writes_nothing(project: Project) -> None:
    def stop(_done: int, _total: int) -> None:
        raise UsageError("stopped")

    with project:
        before = shown(project)
        with pytest.raises(UsageError):
            apply_repairs(project, "anna", repairs_of(project), KIND, stop)
        assert shown(project) == before
        assert not project.can_undo("anna")
