"""Edits, undo and redo: every one a revision, appended in the same transaction as the labels and faces it changes.

Undo never rewrites history. It appends a revision that puts back what was before its target, and redo one that takes
the undo back. Each author has two stacks, kept as linked lists in the revisions themselves (see `schema.REVISION`):
finding and moving their tops costs the same at any depth, and nothing needs to be kept outside the table.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from core.errors import ProjectError, UsageError
from core.project import images
from core.project import steps as single
from core.project.codec import decode_label, encode_label, same_label
from core.project.records import (
    AppliedEdit,
    Change,
    Edit,
    Edits,
    FaceChange,
    FaceRecord,
    NewFace,
    SetFaceInfo,
    SetLabel,
)
from core.project.schema import REVISION, new_id
from core.project.steps import AnyStep, FaceStep, Step


@dataclass(frozen=True, slots=True)
class _Stacks:
    """Revision numbers on top of an author's two stacks."""

    undo: int | None
    redo: int | None


def apply(connection: Connection, edit: Edit, author: str) -> AppliedEdit:
    """Carry out `edit`; StaleEditError if a label or face is not, any more, what the edit was made on."""
    check_author(author)
    singles = edit.edits if isinstance(edit, Edits) else (edit,)
    labels = [(one.face_id, one.label_set_id) for one in singles if isinstance(one, SetLabel)]
    faces = [one.face_id for one in singles if isinstance(one, SetFaceInfo)]
    label_now, face_now = single.current(connection, labels), single.current_faces(connection, faces)
    found: list[AnyStep | None] = []
    for one in singles:
        if isinstance(one, SetLabel):
            found.append(_label_step(connection, one, *label_now.get((one.face_id, one.label_set_id), (0, None))))
        elif one.face_id not in face_now:
            raise ProjectError("there is no such face", remedy="Load the image again")
        else:
            found.append(_face_step(connection, one, *face_now[one.face_id]))
    steps = [step for step in found if step is not None]
    revision_id = record(connection, author, "edit", edit.kind, steps) if steps else None
    return _applied(connection, author, edit.kind, steps, revision_id)


def add_faces(connection: Connection, faces: Sequence[NewFace], author: str, kind: str) -> list[FaceRecord]:
    """Add faces as an edit: undone, they are removed."""
    check_author(author)
    added = [replace(face, version=1) for face in images.add_faces(connection, faces)]
    steps = [FaceStep(face.id, 0, replace(face.info, removed=True), face.info) for face in added]
    if steps:
        record(connection, author, "edit", kind, steps)
    return added


def refuse(connection: Connection, edit: Edit, author: str) -> None:
    """Keep an edit that came too late in the history; it changes nothing else, and cannot be undone."""
    steps: list[AnyStep] = []
    for one in edit.edits if isinstance(edit, Edits) else (edit,):
        if isinstance(one, SetLabel):
            before, after = (None if label is None else encode_label(label) for label in (one.before, one.after))
            steps.append(Step(one.face_id, one.label_set_id, one.expected_version, before, after))
        else:
            steps.append(FaceStep(one.face_id, one.expected_version, one.before, one.after))
    record(connection, author, "refused", edit.kind, steps)


def _label_step(connection: Connection, edit: SetLabel, version: int, data: bytes | None) -> Step | None:
    """What the edit does to the label that is there now; None for nothing."""
    before = None if edit.before is None else encode_label(edit.before)
    # A label taken away leaves its version behind; who never saw it says 0.
    old = edit.expected_version != version and not (edit.expected_version == 0 and data is None)
    if old or not same_label(before, data):
        raise single.stale(connection, edit.kind, edit.face_id, edit.label_set_id)
    after = None if edit.after is None else encode_label(edit.after)
    if same_label(data, after):
        return None
    return Step(edit.face_id, edit.label_set_id, version, data, after)


def _face_step(connection: Connection, edit: SetFaceInfo, version: int, info: Any) -> FaceStep | None:
    if edit.expected_version != version or edit.before != info:
        raise single.stale(connection, edit.kind, edit.face_id, None)
    return None if edit.after == info else FaceStep(edit.face_id, version, info, edit.after)


def undo(connection: Connection, author: str) -> AppliedEdit | None:
    """Take back the author's last edit that still stands; None if there is none.

    StaleEditError if somebody else changed one of its labels or faces since.
    """
    check_author(author)
    stacks = _stacks(connection, author)
    if stacks.undo is None:
        return None
    return _take_back(connection, author, "undo", stacks.undo)


def redo(connection: Connection, author: str) -> AppliedEdit | None:
    """Do again what the author undid last; None if there is nothing. StaleEditError as for `undo`."""
    check_author(author)
    stacks = _stacks(connection, author)
    if stacks.redo is None:
        return None
    return _take_back(connection, author, "redo", stacks.redo)


def undo_top(connection: Connection, author: str) -> int | None:
    """`seq` of the revision that `undo` would take back."""
    return _stacks(connection, author).undo


def undo_texts(connection: Connection, author: str) -> tuple[str | None, str | None]:
    """Kind of what `undo` and `redo` would take back and do again, None for nothing."""
    stacks = _stacks(connection, author)
    wanted = [seq for seq in (stacks.undo, stacks.redo) if seq is not None]
    rows = connection.execute(select(REVISION.c.seq, REVISION.c.kind).where(REVISION.c.seq.in_(wanted)))
    kinds = {row.seq: row.kind for row in rows}
    return (
        None if stacks.undo is None else kinds[stacks.undo],
        None if stacks.redo is None else kinds[stacks.redo],
    )


def record(
    connection: Connection, author: str, action: str, kind: str, steps: Sequence[AnyStep], target: Any = None
) -> UUID:
    """Write one revision and what it changes; its id. Arguments as for `begin`."""
    revision_id, seq = begin(connection, author, action, kind, target)
    (single.keep if action == "refused" else single.write)(connection, seq, steps)
    return revision_id


def begin(connection: Connection, author: str, action: str, kind: str, target: Any = None) -> tuple[UUID, int]:
    """Write a revision that changes nothing yet; its id and `seq`, for `steps.write` in the same transaction.

    Args:
        action: "edit", "undo" or "redo"; or "import", "merge" or "refused", which leave the author's stacks alone and
            cannot be undone; the steps of the last are kept without carrying them out.
        target: row of the revision that an undo or redo takes back.
    """
    revision_id = new_id()
    row = {
        "id": revision_id,
        "author": author,
        "at_us": now_us(),
        "action": action,
        "kind": kind,
        "target_seq": None if target is None else target.seq,
    }
    old = _stacks(connection, author)
    key = connection.execute(insert(REVISION), row).inserted_primary_key
    if key is None:
        raise ProjectError("the database did not number a revision")
    seq = int(key[0])
    below, undo_seq, redo_seq = {
        "edit": lambda: (old.undo, seq, None),
        "undo": lambda: (old.redo, target.below_seq, seq),
        "redo": lambda: (old.undo, seq, target.below_seq),
        "import": lambda: (None, old.undo, old.redo),
        "merge": lambda: (None, old.undo, old.redo),
        "refused": lambda: (None, old.undo, old.redo),
    }[action]()
    values = {"below_seq": below, "undo_seq": undo_seq, "redo_seq": redo_seq}
    connection.execute(update(REVISION).where(REVISION.c.seq == seq).values(values))
    return revision_id, seq


def now_us() -> int:
    """This moment as the tables keep it: microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def _take_back(connection: Connection, author: str, action: str, seq: int) -> AppliedEdit:
    """Append the inverse of revision `seq`, the top of a stack; StaleEditError where what it changed is not so now."""
    target = connection.execute(select(REVISION).where(REVISION.c.seq == seq)).one()
    steps = _inverse(connection, target)
    return _applied(
        connection, author, target.kind, steps, record(connection, author, action, target.kind, steps, target)
    )


def _inverse(connection: Connection, target: Any) -> list[AnyStep]:
    """Steps that put back what was before `target`; StaleEditError where things are not as it left them."""
    kept = single.kept(connection, target.seq)
    label_now = single.current(connection, ((s.face_id, s.label_set_id) for s in kept if isinstance(s, Step)))
    face_now = single.current_faces(connection, (s.face_id for s in kept if isinstance(s, FaceStep)))
    steps: list[AnyStep] = []
    for step in kept:
        if isinstance(step, Step):
            version, data = label_now[step.face_id, step.label_set_id]
            if not same_label(data, step.after):
                raise single.stale(connection, target.kind, step.face_id, step.label_set_id)
            steps.append(Step(step.face_id, step.label_set_id, version, data, step.before))
        else:
            face_version, info = face_now[step.face_id]
            if info != step.after:
                raise single.stale(connection, target.kind, step.face_id, None)
            steps.append(FaceStep(step.face_id, face_version, info, step.before))
    return steps


def _applied(
    connection: Connection, author: str, kind: str, steps: Sequence[AnyStep], revision_id: UUID | None
) -> AppliedEdit:
    changes = tuple(
        Change(s.face_id, s.label_set_id, None if s.after is None else decode_label(s.after), s.version + 1)
        for s in steps
        if isinstance(s, Step)
    )
    faces = tuple(FaceChange(s.face_id, s.after, s.version + 1) for s in steps if isinstance(s, FaceStep))
    return AppliedEdit(revision_id, kind, changes, *undo_texts(connection, author), faces)


def check_author(author: str) -> None:
    """UsageError for a name that would say nothing in the history."""
    if not author.strip():
        raise UsageError("an edit needs the name of its author", remedy="Set the annotator's name")


def _stacks(connection: Connection, author: str) -> _Stacks:
    query = select(REVISION.c.undo_seq, REVISION.c.redo_seq).where(REVISION.c.author == author)
    row = connection.execute(query.order_by(REVISION.c.seq.desc()).limit(1)).first()
    return _Stacks(None, None) if row is None else _Stacks(row.undo_seq, row.redo_seq)
