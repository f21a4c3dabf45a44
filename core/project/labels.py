"""Reading label sets and labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, insert, select, text

from core.errors import UsageError
from core.project.codec import decode_label
from core.project.images import chunks
from core.project.records import LABEL_SET_KINDS, FaceLabel, LabelSet, LabelSetKind, LabelVersion
from core.project.schema import FACE, LABEL, LABEL_SET, new_id


def label_sets(connection: Connection) -> list[LabelSet]:
    """All label sets in the order they were made."""
    return [_label_set(row) for row in connection.execute(select(LABEL_SET).order_by(LABEL_SET.c.seq))]


def find_label_set(connection: Connection, name: str, kind: LabelSetKind) -> LabelSet | None:
    """The label set of that name and kind."""
    query = select(LABEL_SET).where(LABEL_SET.c.name == name, LABEL_SET.c.kind == kind)
    row = connection.execute(query).first()
    return None if row is None else _label_set(row)


def ensure_label_set(connection: Connection, name: str, kind: LabelSetKind) -> LabelSet:
    """The label set of that name and kind, made if it is not there. UsageError for an empty name or unknown kind."""
    if not name.strip() or kind not in LABEL_SET_KINDS:
        raise UsageError(f"'{name}' ({kind}) cannot name a label set", remedy="Give a name that is not empty")
    found = find_label_set(connection, name, kind)
    if found is None:
        found = LabelSet(new_id(), name, kind)
        connection.execute(insert(LABEL_SET), {"id": found.id, "name": name, "kind": kind})
    return found


def label(connection: Connection, face_id: UUID, label_set_id: UUID) -> LabelVersion | None:
    """The face's label in a set, None if it has none there."""
    row = connection.execute(_one(face_id, label_set_id)).first()
    return None if row is None or row.data is None else LabelVersion(decode_label(row.data), row.version)


def label_version(connection: Connection, face_id: UUID, label_set_id: UUID) -> int:
    """Version an edit of the label must name, also where it was taken away; 0 if there never was one."""
    row = connection.execute(_one(face_id, label_set_id)).first()
    return 0 if row is None else int(row.version)


def labels(connection: Connection, face_ids: Iterable[UUID]) -> dict[UUID, list[FaceLabel]]:
    """All labels of each of the faces, in the order of the label sets; an empty list for a face without."""
    found = {}
    for face_id, rows in _rows(connection, face_ids).items():
        found[face_id] = [_face_label(row) for row in rows]
    return found


def current_labels(
    connection: Connection, face_ids: Iterable[UUID], author: str | None, *, removed: bool = False
) -> dict[UUID, FaceLabel]:
    """The label to show and to train on, for each of the faces that has any; of removed ones only with `removed`.

    The author's own one; else the consensus; else what another annotator changed last; else the latest import; else a
    model's. Blind ones are for comparing, and may be half done: they are nobody's current label. So corrections stay in
    sight when a project changes hands or an annotator a name.
    """
    found: dict[UUID, FaceLabel] = {}
    for part in chunks(dict.fromkeys(face_ids)):
        best = current(author, LABEL.c.face_id.in_(part), removed=removed).subquery()
        query = (
            select(LABEL, LABEL_SET)
            .join(best, and_(best.c.face_id == LABEL.c.face_id, best.c.label_set_id == LABEL.c.label_set_id))
            .join(LABEL_SET, LABEL_SET.c.id == LABEL.c.label_set_id)
        )
        for row in connection.execute(query):
            found[row.face_id] = _face_label(row)
    return found


def current(author: str | None, *where: ColumnElement[bool], removed: bool = False) -> Select[Any]:
    """A query for (face_id, label_set_id, version) of the current label of each face, in the order of `current_labels`.

    It touches no blob. `where` narrows the rows of the label table it looks at.
    """
    rank = case(
        (and_(LABEL_SET.c.kind == "annotator", LABEL_SET.c.name == (author or "")), 5),
        (LABEL_SET.c.kind == "consensus", 4),
        (LABEL_SET.c.kind == "annotator", 3),
        (LABEL_SET.c.kind == "import", 2),
        else_=1,
    )
    place = func.row_number().over(
        partition_by=LABEL.c.face_id, order_by=(rank.desc(), LABEL.c.revision_seq.desc(), LABEL_SET.c.seq)
    )
    ranked = (
        select(LABEL.c.face_id, LABEL.c.label_set_id, LABEL.c.version, place.label("place"))
        .join(LABEL_SET, LABEL_SET.c.id == LABEL.c.label_set_id)
        .where(text("label.data IS NOT NULL"), LABEL_SET.c.kind != "blind", *where)
    )
    if not removed:
        ranked = ranked.join(FACE, FACE.c.id == LABEL.c.face_id).where(~FACE.c.removed)
    first = ranked.subquery()
    return select(first.c.face_id, first.c.label_set_id, first.c.version).where(first.c.place == 1)


def _rows(connection: Connection, face_ids: Iterable[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {face_id: [] for face_id in face_ids}
    query = select(LABEL, LABEL_SET).join(LABEL_SET, LABEL_SET.c.id == LABEL.c.label_set_id)
    for part in chunks(found):
        where = (LABEL.c.face_id.in_(part), LABEL.c.data.is_not(None))
        for row in connection.execute(query.where(*where).order_by(LABEL_SET.c.seq)):
            found[row.face_id].append(row)
    return found


def _one(face_id: UUID, label_set_id: UUID) -> Select[Any]:
    return select(LABEL.c.version, LABEL.c.data).where(LABEL.c.face_id == face_id, LABEL.c.label_set_id == label_set_id)


def _label_set(row: Any) -> LabelSet:
    return LabelSet(row.id, row.name, row.kind)


def _face_label(row: Any) -> FaceLabel:
    return FaceLabel(row.face_id, _label_set(row), decode_label(row.data), row.version)
