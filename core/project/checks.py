"""Whether a project file is sound."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from core.errors import ProjectError
from core.project.codec import decode_face, decode_label
from core.project.images import face_info
from core.project.records import FaceInfo
from core.project.schema import FACE, LABEL, REVISION_FACE, REVISION_ITEM

_ROWS = 500


def problems(connection: Connection) -> list[str]:
    """One sentence for each thing wrong; an empty list for a sound project. Reads the whole project."""
    return _run(connection, (_pages, _references, _labels, _faces, _revisions))


def page_problems(connection: Connection) -> list[str]:
    """`problems` as far as they can be told of an older schema too: damage and dangling references."""
    return _run(connection, (_pages, _references))


def _run(connection: Connection, wanted: Sequence[Callable[[Connection], list[str]]]) -> list[str]:
    # Rows come in parts from a server too, which would else send all of them at once.
    connection = connection.execution_options(stream_results=True, max_row_buffer=_ROWS)
    found: list[str] = []
    for check in wanted:
        try:
            found.extend(check(connection))
        except DBAPIError as error:
            found.append(f"the project cannot be read to its end ({error.orig})")
            connection.rollback()
        except (ValueError, TypeError, ProjectError) as error:  # a text that is none, a key that is none
            found.append(f"the project has a damaged record ({error})")
    return list(dict.fromkeys(found))


_EMPTY = """
    SELECT r.seq FROM revision AS r LEFT JOIN revision_item AS i ON i.revision_seq = r.seq
    LEFT JOIN revision_face AS f ON f.revision_seq = r.seq
    WHERE r.action IN ('edit', 'undo', 'redo') AND i.revision_seq IS NULL AND f.revision_seq IS NULL"""

_FOLLOWS = {
    "a label is not what its history says": """
        SELECT 1 FROM label AS l LEFT JOIN revision_item AS i ON i.face_id = l.face_id
        AND i.label_set_id = l.label_set_id AND i.version = l.version AND i.revision_seq = l.revision_seq
        WHERE i.version IS NULL OR i.after IS NOT l.data""",
    "a label is older than its history": """
        SELECT 1 FROM revision_item AS i LEFT JOIN label AS l ON l.face_id = i.face_id
        AND l.label_set_id = i.label_set_id AND l.version >= i.version WHERE i.version > 0 AND l.version IS NULL""",
    "a revision does not follow from the one before": """
        SELECT 1 FROM revision_item AS i LEFT JOIN revision_item AS b ON b.face_id = i.face_id
        AND b.label_set_id = i.label_set_id AND b.version = i.version - 1
        WHERE i.version > 1 AND (b.version IS NULL OR b.after IS NOT i.before)""",
    "a face is older than its history": """
        SELECT 1 FROM revision_face AS i LEFT JOIN face AS f ON f.id = i.face_id AND f.version >= i.version
        WHERE f.id IS NULL""",
    "a revision lost what it changed": _EMPTY,
}


def problems_after_crash(connection: Connection) -> list[str]:
    """`problems` that a disk causes which did not keep what it had said was kept; found in a fraction of the time.

    Such a disk mixes pages of several moments, each whole.
    """
    try:
        found = [*_pages(connection), *_references(connection)]
        found += [what for what, query in _FOLLOWS.items() if connection.exec_driver_sql(f"{query} LIMIT 1").first()]
    except DBAPIError as error:
        found = [f"the file cannot be read to its end ({error.orig})"]
    return found


def _pages(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []  # a server checks its pages as it reads them
    return [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]


def _references(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT conname FROM pg_constraint WHERE NOT convalidated AND connamespace = current_schema()::regnamespace"
        )
        return [f"the rule '{row[0]}' was never checked" for row in rows]
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return [f"a row of '{row[0]}' refers to a row of '{row[2]}' that is not there" for row in rows]


def _labels(connection: Connection) -> list[str]:
    """Whether labels can be read, each revision follows from the one before, and the last is what is shown."""
    found = []
    last: dict[tuple[UUID, UUID], tuple[int, bytes | None]] = {}
    items = select(REVISION_ITEM).where(REVISION_ITEM.c.version > 0)  # refused edits are kept apart from the chain
    for item in connection.execute(items.order_by(REVISION_ITEM.c.revision_seq, REVISION_ITEM.c.item)):
        key = (item.face_id, item.label_set_id)
        version, data = last.get(key, (0, None))
        if item.version != version + 1 or _digest(item.before) != data:
            found.append(f"revision {item.revision_seq} of face {item.face_id} does not follow from the one before")
        last[key] = (item.version, _digest(item.after))
    for row in connection.execute(select(LABEL)):
        if last.pop((row.face_id, row.label_set_id), None) != (row.version, _digest(row.data)):
            found.append(f"the label of face {row.face_id} is not what its history says")
        try:
            if row.data is not None:
                decode_label(row.data)
        except ProjectError as error:
            found.append(f"the label of face {row.face_id}: {error.what}")
    found.extend(f"the label of face {face_id} is gone" for face_id, _ in last)
    return found


def _faces(connection: Connection) -> list[str]:
    """The same for faces themselves; a face that was never edited has no history."""
    found = []
    last: dict[UUID, tuple[int, FaceInfo]] = {}
    items = select(REVISION_FACE).where(REVISION_FACE.c.version > 0)
    for item in connection.execute(items.order_by(REVISION_FACE.c.revision_seq, REVISION_FACE.c.item)):
        before, after = decode_face(item.before), decode_face(item.after)
        version, info = last.get(item.face_id, (0, before))
        if item.version != version + 1 or info != before:
            found.append(f"revision {item.revision_seq} of face {item.face_id} does not follow from the one before")
        last[item.face_id] = (item.version, after)
    for row in connection.execute(select(FACE)):
        now = (row.version, face_info(row))
        if last.pop(row.id, (0, now[1])) != now:
            found.append(f"face {row.id} is not what its history says")
    return found


def _revisions(connection: Connection) -> list[str]:
    return [f"revision {row[0]} lost what it changed" for row in connection.exec_driver_sql(_EMPTY)]


def _digest(data: bytes | None) -> bytes | None:
    """Stands for a blob, so that the labels need not all be held in memory."""
    return None if data is None else hashlib.blake2b(data, digest_size=16).digest()
