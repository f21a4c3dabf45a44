"""Decisions about labels that a model doubts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let faces have decisions; those that are there have none. No row is written anew."""
    op.add_column("face", sa.Column("judgements", sa.Text(), server_default=sa.text("'[]'"), nullable=False))
