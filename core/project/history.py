"""The history of a face, and going back to a point of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, func, select, union_all

from core.errors import ProjectError
from core.face import Label
from core.project import edits
from core.project import steps as single
from core.project.codec import decode_face, decode_label
from core.project.images import chunks
from core.project.records import AppliedEdit, Edits, Revision, SetFaceInfo, SetLabel, UndoStep
from core.project.schema import FACE, REVISION, REVISION_FACE, REVISION_ITEM
from core.project.steps import FaceStep, Step

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_us: int) -> datetime:
    """A time as the tables keep it."""
    return _EPOCH + timedelta(microseconds=at_us)


def history(connection: Connection, face_id: UUID) -> list[Revision]:
    """Every change to the face and its labels, oldest first, and edits that were refused."""
    target = REVISION.alias("target")
    found: list[tuple[int, int, Revision]] = []
    for table in (REVISION_ITEM, REVISION_FACE):
        query = (
            select(REVISION, table, target.c.id.label("target_id"))
            .join(table, table.c.revision_seq == REVISION.c.seq)
            .outerjoin(target, target.c.seq == REVISION.c.target_seq)
            .where(table.c.face_id == face_id)
        )
        found += [(row.seq, row.item, _revision(row, table is REVISION_FACE)) for row in connection.execute(query)]
    return [revision for _, _, revision in sorted(found, key=lambda one: one[:2])]


def first_labels(connection: Connection, face_ids: Iterable[UUID]) -> dict[UUID, Label]:
    """The label that each of the faces got first, in whatever set; of those that ever had one."""
    found: dict[UUID, Label] = {}
    item = REVISION_ITEM.c
    place = func.row_number().over(partition_by=item.face_id, order_by=(item.revision_seq, item.item))
    for part in chunks(dict.fromkeys(face_ids)):
        kept = (item.face_id.in_(part), item.after.is_not(None), item.version > 0)  # below are refused edits
        ranked = select(item.revision_seq, item.item, place.label("place")).where(*kept).subquery()
        same = and_(item.revision_seq == ranked.c.revision_seq, item.item == ranked.c.item)
        query = select(item.face_id, item.after).join(ranked, same).where(ranked.c.place == 1)
        found |= {row.face_id: decode_label(row.after) for row in connection.execute(query)}
    return found


def _revision(row: Any, of_face: bool) -> Revision:
    blobs = (row.before, row.after)
    labels = (None, None) if of_face else tuple(None if blob is None else decode_label(blob) for blob in blobs)
    infos = tuple(decode_face(text) for text in blobs) if of_face else (None, None)
    return Revision(
        id=row.id,
        author=row.author,
        at=moment(row.at_us),
        action=row.action,
        kind=row.kind,
        target_id=row.target_id,
        face_id=row.face_id,
        label_set_id=None if of_face else row.label_set_id,
        before=labels[0],
        after=labels[1],
        version=abs(row.version),  # of a refused edit it is kept as minus the version it was made on
        before_info=infos[0],
        after_info=infos[1],
    )


def undo_steps(connection: Connection, author: str, limit: int) -> list[UndoStep]:
    """What `undo` would take back one after the other, the next one first; up to `limit` steps."""
    columns = (REVISION.c.seq, REVISION.c.id, REVISION.c.kind, REVISION.c.at_us, REVISION.c.below_seq)
    seq = edits.undo_top(connection, author)
    rows: list[Any] = []
    while seq is not None and len(rows) < limit:
        rows.append(connection.execute(select(*columns).where(REVISION.c.seq == seq)).one())
        seq = rows[-1].below_seq
    faces: dict[int, list[UUID]] = {}
    for part in chunks(row.seq for row in rows):
        changed = union_all(
            *(
                select(table.c.revision_seq, table.c.item, FACE.c.id, FACE.c.image_id)
                .join(FACE, FACE.c.id == table.c.face_id)
                .where(table.c.revision_seq.in_(part))
                for table in (REVISION_ITEM, REVISION_FACE)
            )
        ).subquery()
        for row in connection.execute(select(changed).order_by(changed.c.revision_seq, changed.c.item)):
            faces.setdefault(row.revision_seq, []).extend((row.id, row.image_id))
    return [
        UndoStep(
            row.id, row.kind, moment(row.at_us), faces[row.seq][1] if row.seq in faces else None,
            len(set(faces.get(row.seq, ())[::2])),
        )
        for row in rows
    ]  # fmt: skip


def revert(
    connection: Connection, face_id: UUID, revision_id: UUID, author: str, label_set_id: UUID, kind: str
) -> AppliedEdit:
    """One edit that brings the face back to what `revision_id` made of it; see `Project.revert_face`."""
    seq = connection.execute(select(REVISION.c.seq).where(REVISION.c.id == revision_id)).scalar_one_or_none()
    steps = [] if seq is None else [step for step in single.kept(connection, seq) if step.face_id == face_id]
    if not steps:
        raise ProjectError("the face has no such revision", remedy="Load its history again")
    wanted: list[SetLabel | SetFaceInfo] = []
    labels = [step for step in steps if isinstance(step, Step)]
    if labels:
        # The annotator's own one if that changed, else the first that did.
        chosen = next((step for step in labels if step.label_set_id == label_set_id), labels[0])
        version, data = single.current(connection, [(face_id, label_set_id)]).get((face_id, label_set_id), (0, None))
        before, after = (None if blob is None else decode_label(blob) for blob in (data, chosen.after))
        wanted.append(SetLabel(face_id, label_set_id, before, after, version, kind))
    for step in steps:
        if isinstance(step, FaceStep):
            face_version, info = single.current_faces(connection, [face_id])[face_id]
            wanted.append(SetFaceInfo(face_id, info, step.after, face_version, kind))
    return edits.apply(connection, Edits(tuple(wanted), kind), author)
