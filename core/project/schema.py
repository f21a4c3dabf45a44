"""The tables of a project, as SQLAlchemy Core: nothing here is peculiar to SQLite.

Rows that people see in an order (images, faces, label sets, revisions, ...) have `seq`, a growing integer given by the
database, beside the UUID by which everything refers to them; UUIDs stay when projects are merged, `seq` does not.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

APPLICATION_ID = 0x53544D4B
"""SQLite's `application_id` of a project: "STMK"."""

REVISIONS = ("0001", "0002", "0003")
"""Schema versions this program can open, oldest first: the ids of the scripts in migrations/versions."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _seq() -> Column[Any]:
    return Column("seq", _SERIAL, primary_key=True, autoincrement=True)


def _id() -> Column[Any]:
    return Column("id", Uuid, nullable=False, unique=True)


META = Table("meta", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
"""What the file says of itself: id, created, written_by, scratch."""

SETTING = Table("setting", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
"""View state kept with the project (JSON), outside undo and history."""

IMAGE = Table(
    "image",
    METADATA,
    _seq(),
    _id(),
    Column("path", Text, nullable=False, unique=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("size", BigInteger),
    Column("mtime_ns", BigInteger),
    Column("content_hash", Text, index=True),
    Column("orientation", Integer),
    sqlite_autoincrement=True,
)

FACE = Table(
    "face",
    METADATA,
    _seq(),
    _id(),
    Column("image_id", Uuid, ForeignKey("image.id"), nullable=False, index=True),
    *(Column(f"box_{name}", Float(53)) for name in "xywh"),
    *(Column(f"crop_{name}", Float(53)) for name in ("scale", "cx", "cy")),
    Column("source", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("review", Text, nullable=False, server_default=text("''")),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("extras", Text, nullable=False, server_default=text("'{}'")),
    Column("removed", Boolean, nullable=False, server_default=false()),
    Column("revision_seq", _SERIAL, ForeignKey("revision.seq")),
    Column("judgements", Text, nullable=False, server_default=text("'[]'")),
    sqlite_autoincrement=True,
)
"""`tags` and `judgements` are JSON lists, `extras` a JSON object: what an import said beyond what we know. `version`
and `revision_seq` are those of the last edit of the face itself (tags, note, review, removed, box, judgements), 0 and
NULL before the first. A face that was removed stays, and its labels with it."""

LABEL_SET = Table(
    "label_set",
    METADATA,
    _seq(),
    _id(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    UniqueConstraint("kind", "name"),
    sqlite_autoincrement=True,
)

LABEL = Table(
    "label",
    METADATA,
    Column("face_id", Uuid, ForeignKey("face.id"), primary_key=True),
    Column("label_set_id", Uuid, ForeignKey("label_set.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("revision_seq", _SERIAL, ForeignKey("revision.seq"), nullable=False),
    Column("data", LargeBinary),
    Index(
        "ix_label_present",
        *("face_id", "label_set_id", "version", "revision_seq"),
        sqlite_where=text("data IS NOT NULL"),
        postgresql_where=text("data IS NOT NULL"),
    ),
)
"""One label a face and label set. `data` is NULL once a label was taken away: its versions go on counting, so that an
edit made against an earlier life of the label is seen to be stale. The index has all that choosing labels asks of them,
for reading a row means reading its blob."""

REVISION = Table(
    "revision",
    METADATA,
    _seq(),
    _id(),
    Column("author", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target_seq", _SERIAL, ForeignKey("revision.seq")),
    Column("below_seq", _SERIAL, ForeignKey("revision.seq")),
    Column("undo_seq", _SERIAL, ForeignKey("revision.seq")),
    Column("redo_seq", _SERIAL, ForeignKey("revision.seq")),
    Index("ix_revision_author_seq", "author", "seq"),
    sqlite_autoincrement=True,
)
"""Append-only. `at_us`: UTC, microseconds since 1970. `target_seq`: what an undo or redo takes back.
The last revision of an author holds the author's two stacks as linked lists: `undo_seq` and `redo_seq` are their tops
after this revision, `below_seq` of a revision is what lies below it on the stack it was pushed on."""

REVISION_ITEM = Table(
    "revision_item",
    METADATA,
    Column("revision_seq", _SERIAL, ForeignKey("revision.seq"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("face_id", Uuid, ForeignKey("face.id"), nullable=False),
    Column("label_set_id", Uuid, ForeignKey("label_set.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", LargeBinary),
    Column("after", LargeBinary),
    Index(None, "face_id", "label_set_id", "version"),
)
"""The labels a revision changed, before and after; `version` is the label's version after it, from 1.
A refused revision changed nothing, and has there minus the version that its edit was made on."""

REVISION_FACE = Table(
    "revision_face",
    METADATA,
    Column("revision_seq", _SERIAL, ForeignKey("revision.seq"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("face_id", Uuid, ForeignKey("face.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index(None, "face_id", "version"),
)
"""The faces a revision changed (what `FaceInfo` has) as JSON; `version` as for labels."""

SNAPSHOT = Table(
    "snapshot",
    METADATA,
    _seq(),
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("author", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    sqlite_autoincrement=True,
)

SNAPSHOT_ITEM = Table(
    "snapshot_item",
    METADATA,
    Column("snapshot_seq", _SERIAL, ForeignKey("snapshot.seq"), primary_key=True),
    Column("face_id", Uuid, ForeignKey("face.id"), primary_key=True),
    Column("label_set_id", Uuid, ForeignKey("label_set.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The labels of a snapshot, by version: a label is what the revision item of that version has as `after`."""

CONFLICT = Table(
    "conflict",
    METADATA,
    _seq(),
    _id(),
    Column("face_id", Uuid, ForeignKey("face.id"), nullable=False, index=True),
    Column("label_set_id", Uuid, ForeignKey("label_set.id"), nullable=False),
    Column("other_set_id", Uuid, ForeignKey("label_set.id"), nullable=False),
    Column("source", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("resolved_at_us", BigInteger),
    Column("resolved_by", Text),
    sqlite_autoincrement=True,
)
"""Two labels of a face that a merge found to differ, in two label sets; `source` is the project the other came from."""

MODEL = Table(
    "model",
    METADATA,
    _seq(),
    _id(),
    Column("hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("header", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Models that predicted for this project; `header` is the model file's own, as JSON."""

_uuid_lock = threading.Lock()
_uuid_last = 0


def new_id() -> UUID:
    """A version 7 UUID (RFC 9562 section 5.7): growing with time, and strictly within this process.

    The 12 bits after the millisecond are its fraction (section 6.2, method 3).
    """
    global _uuid_last
    with _uuid_lock:
        # 60 bits: 48 of milliseconds, 12 of their fraction.
        stamp = (time.time_ns() << 12) // 1_000_000
        stamp = _uuid_last = max(stamp, _uuid_last + 1)
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64
    value |= 0b10 << 62 | int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=value)
