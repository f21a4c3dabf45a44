"""Snapshots, which name labels for good, and the models that predictions name by their hash.

A snapshot has no labels of its own, only their versions: what a version was, its revision says for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, and_, func, insert, literal, select

from core.errors import ProjectError, UsageError
from core.project import labels
from core.project.codec import decode_label
from core.project.edits import check_author, now_us
from core.project.history import moment
from core.project.images import chunks, face_record
from core.project.records import LabelSet, ModelRecord, SnapshotLabel, SnapshotRecord
from core.project.schema import FACE, LABEL, LABEL_SET, MODEL, REVISION_ITEM, SNAPSHOT, SNAPSHOT_ITEM, new_id

PAGE = 250
"""Labels read at a time."""


def create(
    connection: Connection, name: str, author: str, note: str, face_ids: Sequence[UUID] | None
) -> SnapshotRecord:
    """Make a snapshot; see `Project.create_snapshot`."""
    check_author(author)
    if not name.strip():
        raise UsageError("a snapshot needs a name", remedy="Give it one that is not empty")
    if connection.execute(select(SNAPSHOT.c.seq).where(SNAPSHOT.c.name == name)).first() is not None:
        raise UsageError(f"there is a snapshot '{name}' already", remedy="Choose another name")
    row = {"id": new_id(), "name": name, "author": author, "at_us": now_us(), "note": note}
    connection.execute(insert(SNAPSHOT), row)
    seq = number(connection, name)
    columns = [column.name for column in SNAPSHOT_ITEM.columns]
    wanted = [()] if face_ids is None else [(LABEL.c.face_id.in_(part),) for part in chunks(dict.fromkeys(face_ids))]
    for where in wanted:
        now = labels.current(author, *where).subquery()
        rows = select(literal(seq, BigInteger), now.c.face_id, now.c.label_set_id, now.c.version)
        connection.execute(insert(SNAPSHOT_ITEM).from_select(columns, rows))
    made = _records(connection, SNAPSHOT.c.seq == seq)[0]
    if not made.faces:
        raise UsageError("there is no label to take a snapshot of", remedy="Label a face first")
    return made


def snapshots(connection: Connection) -> list[SnapshotRecord]:
    """All snapshots in the order they were made."""
    return _records(connection)


def _records(connection: Connection, *where: Any) -> list[SnapshotRecord]:
    counts = select(SNAPSHOT_ITEM.c.snapshot_seq, func.count().label("faces")).group_by(SNAPSHOT_ITEM.c.snapshot_seq)
    count = counts.subquery()
    query = select(SNAPSHOT, func.coalesce(count.c.faces, 0).label("faces"))
    query = query.outerjoin(count, count.c.snapshot_seq == SNAPSHOT.c.seq).where(*where).order_by(SNAPSHOT.c.seq)
    return [
        SnapshotRecord(row.id, row.name, row.author, moment(row.at_us), row.note, row.faces)
        for row in connection.execute(query)
    ]


def number(connection: Connection, name: str) -> int:
    """`seq` of the snapshot of that name. ProjectError if there is none."""
    seq = connection.execute(select(SNAPSHOT.c.seq).where(SNAPSHOT.c.name == name)).scalar_one_or_none()
    if seq is None:
        raise ProjectError(f"there is no snapshot '{name}'", remedy="Look at the list of snapshots")
    return int(seq)


def page(connection: Connection, seq: int, after: UUID | None) -> list[SnapshotLabel]:
    """The labels of snapshot `seq` that come next after face `after`; an empty list at the end."""
    items = select(SNAPSHOT_ITEM).where(SNAPSHOT_ITEM.c.snapshot_seq == seq)
    if after is not None:
        items = items.where(SNAPSHOT_ITEM.c.face_id > after)
    chosen = items.order_by(SNAPSHOT_ITEM.c.face_id).limit(PAGE).subquery()
    item = REVISION_ITEM
    same = and_(
        item.c.face_id == chosen.c.face_id,
        item.c.label_set_id == chosen.c.label_set_id,
        item.c.version == chosen.c.version,
    )
    label_set = (LABEL_SET.c.id.label("set_id"), LABEL_SET.c.name, LABEL_SET.c.kind)
    query = (
        select(FACE, *label_set, item.c.after, item.c.version.label("label_version"))
        .select_from(chosen)
        .join(item, same)
        .join(FACE, FACE.c.id == chosen.c.face_id)
        .join(LABEL_SET, LABEL_SET.c.id == chosen.c.label_set_id)
        .order_by(chosen.c.face_id)
    )
    return [
        SnapshotLabel(
            face_record(row), LabelSet(row.set_id, row.name, row.kind), decode_label(row.after), row.label_version
        )
        for row in connection.execute(query)
    ]


def remember_model(connection: Connection, model_hash: str, name: str, header: Mapping[str, Any]) -> ModelRecord:
    """Keep a model, unless its hash is known. UsageError for an empty hash or a header that is not JSON."""
    if not model_hash.strip():
        raise UsageError("a model needs a hash", remedy="Give the hash of its file")
    if not (known := models(connection, MODEL.c.hash == model_hash)):
        try:
            text = json.dumps(dict(header))
        except (TypeError, ValueError) as error:
            raise UsageError("the header of a model is not JSON", remedy="Give text and numbers only") from error
        row = {"id": new_id(), "hash": model_hash, "name": name, "header": text, "at_us": now_us()}
        connection.execute(insert(MODEL), row)
        known = models(connection, MODEL.c.hash == model_hash)
    return known[0]


def models(connection: Connection, *where: Any) -> list[ModelRecord]:
    """The models that were remembered, in the order they were first seen."""
    return [
        ModelRecord(row.id, row.hash, row.name, json.loads(row.header), moment(row.at_us))
        for row in connection.execute(select(MODEL).where(*where).order_by(MODEL.c.seq))
    ]
