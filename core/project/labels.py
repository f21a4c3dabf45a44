"""Reading label sets and labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, insert, select

from core.errors import UsageError
from core.project.codec import decode_label
from core.project.images import chunks
from core.project.records import LABEL_SET_KINDS, FaceLabel, LabelSet, LabelSetKind, LabelVersion
from core.project.schema import LABEL, LABEL_SET, new_id


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


def current_labels(connection: Connection, face_ids: Iterable[UUID], author: str | None) -> dict[UUID, FaceLabel]:
    """The label to show and to train on, for each of the faces that has any.

    The author's own one; else the consensus; else what another annotator changed last; else the latest import; else a
    model's. So corrections stay in sight when a project changes hands or an annotator a name.
    """
    found = {}
    for face_id, rows in _rows(connection, face_ids).items():
        if rows:
            found[face_id] = _face_label(max(rows, key=lambda row: _rank(row, author)))
    return found


def _rank(row: Any, author: str | None) -> tuple[int, int]:
    if row.kind == "annotator":
        return (5 if row.name == author else 3), row.revision_seq
    order = {"consensus": 4, "import": 2, "model": 1}
    return order[row.kind], row.revision_seq


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
