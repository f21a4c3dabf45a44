"""Edits of faces, snapshots, conflicts, models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Extend faces and indexes; make the new tables."""
    _face()
    _indexes()
    _revision_face()
    _snapshot()
    _snapshot_item()
    _conflict()
    _model()


def _face() -> None:
    kept = {"sqlite_autoincrement": True}  # SQLite makes the table anew, from what can be read back of it
    with op.batch_alter_table("face", table_kwargs=kept) as batch:
        batch.add_column(sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch.add_column(sa.Column("review", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch.add_column(sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch.add_column(sa.Column("extras", sa.Text(), server_default=sa.text("'{}'"), nullable=False))
        batch.add_column(sa.Column("removed", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.add_column(sa.Column("revision_seq", SERIAL, nullable=True))
        batch.create_foreign_key(op.f("fk_face_revision_seq"), "revision", ["revision_seq"], ["seq"])


def _indexes() -> None:
    present = sa.text("data IS NOT NULL")
    columns = ["face_id", "label_set_id", "version", "revision_seq"]
    op.create_index("ix_label_present", "label", columns, sqlite_where=present, postgresql_where=present)
    op.drop_index(op.f("ix_revision_item_face_id"), "revision_item")
    op.create_index(op.f("ix_revision_item_face_id_label_set_id_version"), "revision_item", columns[:3])


def _revision_face() -> None:
    op.create_table(
        "revision_face",
        sa.Column("revision_seq", SERIAL, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_revision_face_face_id")),
        sa.ForeignKeyConstraint(["revision_seq"], ["revision.seq"], name=op.f("fk_revision_face_revision_seq")),
        sa.PrimaryKeyConstraint("revision_seq", "item", name=op.f("pk_revision_face")),
    )
    op.create_index(op.f("ix_revision_face_face_id_version"), "revision_face", ["face_id", "version"])


def _snapshot() -> None:
    op.create_table(
        "snapshot",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("id", name=op.f("uq_snapshot_id")),
        sa.UniqueConstraint("name", name=op.f("uq_snapshot_name")),
        sqlite_autoincrement=True,
    )


def _snapshot_item() -> None:
    op.create_table(
        "snapshot_item",
        sa.Column("snapshot_seq", SERIAL, nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("label_set_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_snapshot_item_face_id")),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"], name=op.f("fk_snapshot_item_label_set_id")),
        sa.ForeignKeyConstraint(["snapshot_seq"], ["snapshot.seq"], name=op.f("fk_snapshot_item_snapshot_seq")),
        sa.PrimaryKeyConstraint("snapshot_seq", "face_id", "label_set_id", name=op.f("pk_snapshot_item")),
        sqlite_with_rowid=False,
    )


def _conflict() -> None:
    op.create_table(
        "conflict",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("label_set_id", sa.Uuid(), nullable=False),
        sa.Column("other_set_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at_us", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_conflict_face_id")),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"], name=op.f("fk_conflict_label_set_id")),
        sa.ForeignKeyConstraint(["other_set_id"], ["label_set.id"], name=op.f("fk_conflict_other_set_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_conflict")),
        sa.UniqueConstraint("id", name=op.f("uq_conflict_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_conflict_face_id"), "conflict", ["face_id"])


def _model() -> None:
    op.create_table(
        "model",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_model")),
        sa.UniqueConstraint("hash", name=op.f("uq_model_hash")),
        sa.UniqueConstraint("id", name=op.f("uq_model_id")),
        sqlite_autoincrement=True,
    )
