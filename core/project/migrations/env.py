"""Run by Alembic: applies the scripts inside the transaction of the connection it is given."""

from __future__ import annotations

from alembic import context

from core.project.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite cannot change a column in place
)
context.run_migrations()
