"""The smallest changes, each of one label or of one face itself: what is there now, and writing what is to be there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from core.errors import StaleEditError
from core.project.codec import decode_face, encode_face
from core.project.images import chunks, face_info, info_values
from core.project.records import FaceInfo
from core.project.schema import FACE, LABEL, REVISION, REVISION_FACE, REVISION_ITEM

Key = tuple[UUID, UUID]
"""Face id, label set id."""


@dataclass(frozen=True, slots=True)
class Step:
    """A label on its way from `before` to `after` (blobs, None for no label); `version` is the one it has now."""

    face_id: UUID
    label_set_id: UUID
    version: int
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class FaceStep:
    """A face itself on its way from `before` to `after`; `version` is the one it has now."""

    face_id: UUID
    version: int
    before: FaceInfo
    after: FaceInfo


AnyStep = Step | FaceStep


def current(connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[int, bytes | None]]:
    """Version and blob of each label that exists or did; by (face id, label set id)."""
    found = {}
    for part in chunks(keys, 200):
        query = select(LABEL).where(tuple_(LABEL.c.face_id, LABEL.c.label_set_id).in_(part))
        for row in connection.execute(query):
            found[row.face_id, row.label_set_id] = (row.version, row.data)
    return found


def current_faces(connection: Connection, face_ids: Iterable[UUID]) -> dict[UUID, tuple[int, FaceInfo]]:
    """Version and state of each of the faces that exist, removed ones too."""
    found = {}
    for part in chunks(face_ids):
        for row in connection.execute(select(FACE).where(FACE.c.id.in_(part))):
            found[row.id] = (row.version, face_info(row))
    return found


def write(connection: Connection, seq: int, steps: Sequence[AnyStep], first: int = 0) -> None:
    """Carry out steps of revision `seq` and keep them there; StaleEditError where a version is not as given.

    `first` is the number of steps that the revision has already.
    """
    labels = [(item, step) for item, step in enumerate(steps, first) if isinstance(step, Step)]
    faces = [(item, step) for item, step in enumerate(steps, first) if isinstance(step, FaceStep)]
    _write_labels(connection, seq, [step for _, step in labels])
    _write_faces(connection, seq, [step for _, step in faces])
    if labels:
        connection.execute(insert(REVISION_ITEM), [_item(seq, i, step, step.version + 1) for i, step in labels])
    if faces:
        connection.execute(insert(REVISION_FACE), [_face_item(seq, i, step, step.version + 1) for i, step in faces])


def keep(connection: Connection, seq: int, steps: Sequence[AnyStep]) -> None:
    """Keep the steps of refused revision `seq` without carrying them out: with minus their version, see `schema`."""
    for i, step in enumerate(steps):
        if isinstance(step, Step):
            connection.execute(insert(REVISION_ITEM), _item(seq, i, step, -step.version))
        else:
            connection.execute(insert(REVISION_FACE), _face_item(seq, i, step, -step.version))


def kept(connection: Connection, seq: int) -> list[AnyStep]:
    """The steps of revision `seq`, with the versions they led to."""
    found: dict[int, AnyStep] = {}
    for row in connection.execute(select(REVISION_ITEM).where(REVISION_ITEM.c.revision_seq == seq)):
        found[row.item] = Step(row.face_id, row.label_set_id, row.version, row.before, row.after)
    for row in connection.execute(select(REVISION_FACE).where(REVISION_FACE.c.revision_seq == seq)):
        found[row.item] = FaceStep(row.face_id, row.version, decode_face(row.before), decode_face(row.after))
    return [found[item] for item in sorted(found)]


def stale(connection: Connection, kind: str, face_id: UUID, label_set_id: UUID | None) -> StaleEditError:
    """The error for an edit of a label that is not as it was; of the face itself if `label_set_id` is None."""
    query = select(REVISION.c.author, REVISION.c.kind)
    if label_set_id is None:
        query = query.join(FACE, FACE.c.revision_seq == REVISION.c.seq).where(FACE.c.id == face_id)
    else:
        query = query.join(LABEL, LABEL.c.revision_seq == REVISION.c.seq)
        query = query.where(LABEL.c.face_id == face_id, LABEL.c.label_set_id == label_set_id)
    row = connection.execute(query).first()
    what = "face" if label_set_id is None else "label"
    last = "" if row is None else f" (last: {row.kind}, by {row.author})"
    return StaleEditError(
        f"'{kind}' was not done, for the {what} has changed since{last}",
        remedy=f"Look at the {what} as it is now, and repeat",
    )


_UPDATE_LABEL = (
    update(LABEL)
    .where(
        LABEL.c.face_id == bindparam("of_face"),
        LABEL.c.label_set_id == bindparam("of_set"),
        LABEL.c.version == bindparam("old"),
    )
    .values(version=bindparam("new"), revision_seq=bindparam("seq"), data=bindparam("blob"))
)


def _write_labels(connection: Connection, seq: int, steps: Sequence[Step]) -> None:
    fresh = [step for step in steps if step.version == 0]
    if fresh:
        rows = [{**_key(step), "revision_seq": seq, "version": 1, "data": step.after} for step in fresh]
        connection.execute(insert(LABEL), rows)
    for step in steps:
        if step.version == 0:
            continue
        values = {"of_face": step.face_id, "of_set": step.label_set_id, "old": step.version, "seq": seq}
        done = connection.execute(_UPDATE_LABEL, values | {"new": step.version + 1, "blob": step.after})
        if done.rowcount != 1:
            # Only where several processes share a database: somebody was quicker than this transaction.
            raise stale(connection, "change", step.face_id, step.label_set_id)


def _write_faces(connection: Connection, seq: int, steps: Sequence[FaceStep]) -> None:
    for step in steps:
        statement = update(FACE).where(FACE.c.id == step.face_id, FACE.c.version == step.version)
        values = info_values(step.after) | {"version": step.version + 1, "revision_seq": seq}
        if connection.execute(statement.values(values)).rowcount != 1:
            raise stale(connection, "change", step.face_id, None)


def _key(step: Step) -> dict[str, Any]:
    return {"face_id": step.face_id, "label_set_id": step.label_set_id}


def _item(seq: int, item: int, step: Step, version: int) -> dict[str, Any]:
    values = {"revision_seq": seq, "item": item, "version": version, "before": step.before, "after": step.after}
    return _key(step) | values


def _face_item(seq: int, item: int, step: FaceStep, version: int) -> dict[str, Any]:
    return {
        "revision_seq": seq,
        "item": item,
        "face_id": step.face_id,
        "version": version,
        "before": encode_face(step.before),
        "after": encode_face(step.after),
    }
