"""Alembic's scripts: env.py runs them on a connection that `core.project.migrate` gives."""
