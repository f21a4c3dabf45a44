"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables of an empty project."""
    _image()
    _label_set()
    _meta()
    _revision()
    _setting()
    _face()
    _label()
    _revision_item()


def _image() -> None:
    op.create_table(
        "image",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("orientation", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_image")),
        sa.UniqueConstraint("id", name=op.f("uq_image_id")),
        sa.UniqueConstraint("path", name=op.f("uq_image_path")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_image_content_hash"), "image", ["content_hash"], unique=False)


def _label_set() -> None:
    op.create_table(
        "label_set",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_label_set")),
        sa.UniqueConstraint("id", name=op.f("uq_label_set_id")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_label_set_kind_name")),
        sqlite_autoincrement=True,
    )


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )


def _revision() -> None:
    op.create_table(
        "revision",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_seq", SERIAL, nullable=True),
        sa.Column("below_seq", SERIAL, nullable=True),
        sa.Column("undo_seq", SERIAL, nullable=True),
        sa.Column("redo_seq", SERIAL, nullable=True),
        sa.ForeignKeyConstraint(["below_seq"], ["revision.seq"], name=op.f("fk_revision_below_seq")),
        sa.ForeignKeyConstraint(["redo_seq"], ["revision.seq"], name=op.f("fk_revision_redo_seq")),
        sa.ForeignKeyConstraint(["target_seq"], ["revision.seq"], name=op.f("fk_revision_target_seq")),
        sa.ForeignKeyConstraint(["undo_seq"], ["revision.seq"], name=op.f("fk_revision_undo_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_revision")),
        sa.UniqueConstraint("id", name=op.f("uq_revision_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_revision_author_seq", "revision", ["author", "seq"], unique=False)


def _setting() -> None:
    op.create_table(
        "setting",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )


def _face() -> None:
    op.create_table(
        "face",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("box_x", sa.Float(precision=53), nullable=True),
        sa.Column("box_y", sa.Float(precision=53), nullable=True),
        sa.Column("box_w", sa.Float(precision=53), nullable=True),
        sa.Column("box_h", sa.Float(precision=53), nullable=True),
        sa.Column("crop_scale", sa.Float(precision=53), nullable=True),
        sa.Column("crop_cx", sa.Float(precision=53), nullable=True),
        sa.Column("crop_cy", sa.Float(precision=53), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_face_image_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_face")),
        sa.UniqueConstraint("id", name=op.f("uq_face_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_face_image_id"), "face", ["image_id"], unique=False)


def _label() -> None:
    op.create_table(
        "label",
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("label_set_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision_seq", SERIAL, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_label_face_id")),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"], name=op.f("fk_label_label_set_id")),
        sa.ForeignKeyConstraint(["revision_seq"], ["revision.seq"], name=op.f("fk_label_revision_seq")),
        sa.PrimaryKeyConstraint("face_id", "label_set_id", name=op.f("pk_label")),
    )


def _revision_item() -> None:
    op.create_table(
        "revision_item",
        sa.Column("revision_seq", SERIAL, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=False),
        sa.Column("label_set_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("after", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_revision_item_face_id")),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"], name=op.f("fk_revision_item_label_set_id")),
        sa.ForeignKeyConstraint(["revision_seq"], ["revision.seq"], name=op.f("fk_revision_item_revision_seq")),
        sa.PrimaryKeyConstraint("revision_seq", "item", name=op.f("pk_revision_item")),
    )
    op.create_index(op.f("ix_revision_item_face_id"), "revision_item", ["face_id"], unique=False)
