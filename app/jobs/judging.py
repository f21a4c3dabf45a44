"""What the store's thread does with a decision about a doubted label."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from app.edits import ChangePoints, Judge
from app.jobs.store import Stored, label_step, stored
from core.judgement import Judgement, judge_label, with_judgements

if TYPE_CHECKING:
    from core.project import Project


def given(edit: Judge, author: str, at_us: int | None = None) -> tuple[Judgement, ...]:
    """The decisions of an edit, one for each point; `at_us` is now by default."""
    now = time.time_ns() // 1000 if at_us is None else at_us
    return tuple(
        judge_label(edit.label, point, edit.decision, edit.label_set, author, now) for point in edit.points
    )


def judge_face(project: Project, author: str, edit: Judge) -> Stored:
    """Keep a decision with the face, and the correction that goes with it in the annotator's own label."""
    from core.project import Edits, SetFaceInfo

    record = project.face(UUID(edit.face_id))
    info = record.info
    after = replace(info, judgements=with_judgements(info.judgements, given(edit, author)))
    said = SetFaceInfo(record.id, info, after, record.version, edit.what)
    if edit.change is None:
        return stored(project, author, project.apply(said, author))
    moved = label_step(project, author, ChangePoints(edit.face_id, edit.change, edit.what), None)
    return stored(project, author, project.apply(Edits((moved, said), edit.what), author))
