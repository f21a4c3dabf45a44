"""Edits, undo and redo: every one a revision, appended in the same transaction as the labels it changes.

Undo never rewrites history. It appends a revision that puts back what was before its target, and redo one that takes
the undo back. Each author has two stacks, kept as linked lists in the revisions themselves (see `schema.REVISION`):
finding and moving their tops costs the same at any depth, and nothing needs to be kept outside the table.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, insert, select, tuple_, update

from core.errors import ProjectError, StaleEditError, UsageError
from core.project.codec import decode_label, encode_label
from core.project.images import chunks
from core.project.records import AppliedEdit, Change, Edits, Revision, SetLabel
from core.project.schema import LABEL, REVISION, REVISION_ITEM, new_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Key = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Step:
    """A label on its way from `before` to `after` (blobs, None for no label); `version` is the one it has now."""

    face_id: UUID
    label_set_id: UUID
    version: int
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class _Stacks:
    """Revision numbers on top of an author's two stacks."""

    undo: int | None
    redo: int | None


def apply(connection: Connection, edit: SetLabel | Edits, author: str) -> AppliedEdit:
    """Carry out `edit`; StaleEditError if a label is not, any more, what the edit was made on."""
    check_author(author)
    edits = (edit,) if isinstance(edit, SetLabel) else edit.edits
    now = current(connection, ((item.face_id, item.label_set_id) for item in edits))
    steps = []
    for item in edits:
        version, data = now.get((item.face_id, item.label_set_id), (0, None))
        before = None if item.before is None else encode_label(item.before)
        # A label taken away leaves its version behind; who never saw it says 0.
        stale = item.expected_version != version and not (item.expected_version == 0 and data is None)
        if stale or not _same(before, data):
            raise _stale(connection, item.face_id, item.label_set_id, item.kind)
        after = None if item.after is None else encode_label(item.after)
        if not _same(before, after):
            steps.append(Step(item.face_id, item.label_set_id, version, before, after))
    revision_id = record(connection, author, "edit", edit.kind, steps) if steps else None
    return _applied(connection, author, edit.kind, steps, revision_id)


def undo(connection: Connection, author: str) -> AppliedEdit | None:
    """Take back the author's last edit that still stands; None if there is none.

    StaleEditError if somebody else changed one of its labels since.
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
    connection: Connection, author: str, action: str, kind: str, steps: Sequence[Step], target: Any = None
) -> UUID:
    """Write one revision and the labels it changes; its id.

    Args:
        action: "edit", "undo" or "redo"; or "import", which leaves the author's stacks alone and cannot be undone.
        target: row of the revision that an undo or redo takes back.
    """
    revision_id = new_id()
    row = {
        "id": revision_id,
        "author": author,
        "at_us": time.time_ns() // 1000,
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
    }[action]()
    values = {"below_seq": below, "undo_seq": undo_seq, "redo_seq": redo_seq}
    connection.execute(update(REVISION).where(REVISION.c.seq == seq).values(values))
    _write(connection, seq, steps)
    return revision_id


def _take_back(connection: Connection, author: str, action: str, seq: int) -> AppliedEdit:
    """Append the inverse of revision `seq`, the top of a stack; StaleEditError where its labels changed since."""
    target = connection.execute(select(REVISION).where(REVISION.c.seq == seq)).one()
    steps = _inverse(connection, target)
    return _applied(
        connection, author, target.kind, steps, record(connection, author, action, target.kind, steps, target)
    )


def _applied(
    connection: Connection, author: str, kind: str, steps: Sequence[Step], revision_id: UUID | None
) -> AppliedEdit:
    changes = tuple(
        Change(s.face_id, s.label_set_id, None if s.after is None else decode_label(s.after), s.version + 1)
        for s in steps
    )
    return AppliedEdit(revision_id, kind, changes, *undo_texts(connection, author))


def _write(connection: Connection, seq: int, steps: Sequence[Step]) -> None:
    fresh = [step for step in steps if step.version == 0]
    if fresh:
        connection.execute(
            insert(LABEL),
            [{**_key_values(s), "revision_seq": seq, "version": 1, "data": s.after} for s in fresh],
        )
    for step in steps:
        if step.version == 0:
            continue
        where = and_(
            LABEL.c.face_id == step.face_id,
            LABEL.c.label_set_id == step.label_set_id,
            LABEL.c.version == step.version,
        )
        values = {"version": step.version + 1, "revision_seq": seq, "data": step.after}
        if connection.execute(update(LABEL).where(where).values(values)).rowcount != 1:
            # Only where several processes share a database: somebody was quicker than this transaction.
            raise _stale(connection, step.face_id, step.label_set_id, "change")
    connection.execute(
        insert(REVISION_ITEM),
        [
            {
                "revision_seq": seq,
                "item": item,
                **_key_values(step),
                "version": step.version + 1,
                "before": step.before,
                "after": step.after,
            }
            for item, step in enumerate(steps)
        ],
    )


def _key_values(step: Step) -> dict[str, Any]:
    return {"face_id": step.face_id, "label_set_id": step.label_set_id}


def _inverse(connection: Connection, target: Any) -> list[Step]:
    """Steps that put back what was before `target`; StaleEditError where its labels are not as it left them."""
    query = select(REVISION_ITEM).where(REVISION_ITEM.c.revision_seq == target.seq).order_by(REVISION_ITEM.c.item)
    items = connection.execute(query).all()
    now = current(connection, ((item.face_id, item.label_set_id) for item in items))
    steps = []
    for item in items:
        version, data = now[item.face_id, item.label_set_id]
        if not _same(data, item.after):
            raise _stale(connection, item.face_id, item.label_set_id, target.kind)
        steps.append(Step(item.face_id, item.label_set_id, version, item.after, item.before))
    return steps


def current(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, tuple[int, bytes | None]]:
    """Version and blob of each label that exists or did; by (face id, label set id)."""
    found = {}
    for part in chunks(keys, 200):
        query = select(LABEL).where(tuple_(LABEL.c.face_id, LABEL.c.label_set_id).in_(part))
        for row in connection.execute(query):
            found[row.face_id, row.label_set_id] = (row.version, row.data)
    return found


def history(connection: Connection, face_id: UUID) -> list[Revision]:
    """Every change to a label of the face, oldest first."""
    target = REVISION.alias("target")
    query = (
        select(REVISION, REVISION_ITEM, target.c.id.label("target_id"))
        .join(REVISION_ITEM, REVISION_ITEM.c.revision_seq == REVISION.c.seq)
        .outerjoin(target, target.c.seq == REVISION.c.target_seq)
        .where(REVISION_ITEM.c.face_id == face_id)
        .order_by(REVISION.c.seq, REVISION_ITEM.c.item)
    )
    return [
        Revision(
            id=row.id,
            author=row.author,
            at=_EPOCH + timedelta(microseconds=row.at_us),
            action=row.action,
            kind=row.kind,
            target_id=row.target_id,
            face_id=face_id,
            label_set_id=row.label_set_id,
            before=None if row.before is None else decode_label(row.before),
            after=None if row.after is None else decode_label(row.after),
            version=row.version,
        )
        for row in connection.execute(query)
    ]


def check_author(author: str) -> None:
    """UsageError for a name that would say nothing in the history."""
    if not author.strip():
        raise UsageError("an edit needs the name of its author", remedy="Set the annotator's name")


def _stacks(connection: Connection, author: str) -> _Stacks:
    query = select(REVISION.c.undo_seq, REVISION.c.redo_seq).where(REVISION.c.author == author)
    row = connection.execute(query.order_by(REVISION.c.seq.desc()).limit(1)).first()
    return _Stacks(None, None) if row is None else _Stacks(row.undo_seq, row.redo_seq)


def _same(one: bytes | None, other: bytes | None) -> bool:
    """Whether two blobs are the same label; bytes may differ where they were written by different versions."""
    if one is None or other is None or one == other:
        return one == other
    return decode_label(one) == decode_label(other)


def _stale(connection: Connection, face_id: UUID, label_set_id: UUID, kind: str) -> StaleEditError:
    query = (
        select(REVISION.c.author, REVISION.c.kind)
        .join(LABEL, LABEL.c.revision_seq == REVISION.c.seq)
        .where(LABEL.c.face_id == face_id, LABEL.c.label_set_id == label_set_id)
    )
    row = connection.execute(query).first()
    last = "" if row is None else f" (last: {row.kind}, by {row.author})"
    return StaleEditError(
        f"'{kind}' was not done, for the label has changed since{last}",
        remedy="Look at the label as it is now, and repeat",
    )
