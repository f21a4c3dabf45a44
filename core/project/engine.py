"""What the databases a project may be in have in common: their errors arrive in our words, and name the project."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from core.errors import ProjectError
from core.project.postgres import is_driver_error, server_error
from core.project.sqlite import file_error, sqlite_error

Where = Path | str
"""Where a project is, for messages: its file, or the URL of its database without a password."""


@contextmanager
def reading(where: Where) -> Iterator[None]:
    """`translated` for a block that only reads: there a value that is none comes from a damaged record."""
    with translated(where):
        try:
            yield
        except (ValueError, TypeError) as error:
            raise ProjectError(
                f"a stored record is damaged ({error})", where=where, remedy="Go back to a backup copy of the project"
            ) from error


@contextmanager
def translated(where: Where) -> Iterator[None]:
    """Turn database and file errors of the block into ProjectError, and have every ProjectError name the project."""
    try:
        yield
    except ProjectError as error:
        if error.where is not None:
            raise
        raise type(error)(error.what, where=where, remedy=error.remedy) from error
    except (DBAPIError, sqlite3.Error) as error:
        raise database_error(error, where) from error
    except OSError as error:
        raise file_error(error, where if isinstance(where, Path) else Path(error.filename or where)) from error
    except Exception as error:
        if not is_driver_error(error):
            raise
        raise database_error(error, where) from error


def database_error(error: Exception, where: Where) -> ProjectError:
    """A database error about a project, in words."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(original, sqlite3.Error):
        return sqlite_error(original, Path(where))
    return server_error(original, str(where))
