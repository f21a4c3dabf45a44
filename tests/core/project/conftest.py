"""Fixtures of the project tests."""

from __future__ import annotations

from tests.postgres import postgres, postgres_session

__all__ = ["postgres", "postgres_session"]
