"""Copying a whole project between a file and a database: every row as it is, in pages, so that memory stays flat.

Ids, numbers, histories and undo stacks are kept; only image paths are written anew for the new place. The rows are
read from the tables as they are found, not as this program would make them, so that an older project can be copied
before it is brought up to date.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, inspect, text

from core.errors import ProjectError
from core.paths import on_server
from core.project import migrate
from core.project.backup import refuse_existing, replacement
from core.project.database import Database, FileDatabase, copied_meta, open_database, project_path
from core.project.images import ImagePaths
from core.project.postgres import FolderPaths, Server, parse, reading_engine
from core.project.schema import METADATA
from core.project.server import making
from core.project.sqlite import schema_engine

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all; raising from it cancels the copy, which then leaves nothing behind."""

_PAGE = 500
Row = tuple[Any, ...]


def copy_project(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    keep_id: bool = False,
    progress: Progress | None = None,
) -> str:
    """Copy the project at `source` to `target`, each a file or a URL; where the copy is, as `Project.open` takes it.

    The copy is complete or not there at all, and nothing is ever replaced. It sees one state of the source, which
    others may go on writing. It is a project of its own, unless `keep_id`: for a backup, or to put one back.
    ProjectError if the source cannot be read or the target cannot be made.
    """
    if not on_server(target):
        refuse_existing(project_path(target))
    database = open_database(source, read_only=True)
    try:
        if not on_server(target):
            path = project_path(target)
            if progress is None and isinstance(database, FileDatabase):
                database.copy_to(path, overwrite=False, keep_id=keep_id)
            else:
                to_file(database, path, overwrite=False, keep_id=keep_id, progress=progress)
            return str(path)
        server = parse(os.fspath(target))
        with making(server) as connection, database.read() as old:
            migrate.make_tables(connection)
            copy_rows(old, connection, database.paths, server.paths(), progress)
            _change_meta(connection, keep_id)
        return server.text
    finally:
        database.close()


def to_file(
    database: Database, target: Path, *, overwrite: bool, keep_id: bool, progress: Progress | None = None
) -> None:
    """Copy an open project to the file `target`; see `copy_project`."""
    with replacement(target, overwrite=overwrite) as temporary, database.read() as old:
        _fill_file(old, temporary, database.paths, ImagePaths(target), keep_id, progress)


def backup_server(server: Server, target: Path) -> None:
    """Copy the project in a database, of any schema version, to the new file `target`, the same project."""
    engine = reading_engine(server)
    try:
        with replacement(target, overwrite=False) as temporary, engine.connect() as old:
            _fill_file(old, temporary, server.paths(), ImagePaths(target), True, None)
    finally:
        engine.dispose()


def _fill_file(
    old: Connection, file: Path, paths: ImagePaths, new_paths: ImagePaths, keep_id: bool, progress: Progress | None
) -> None:
    engine = schema_engine(file)
    try:
        with engine.begin() as connection:
            migrate.make_tables(connection, migrate.schema_version(old) or "")
            copy_rows(old, connection, paths, new_paths, progress)
            _change_meta(connection, keep_id)
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise ProjectError("the project refers to rows that are not there", remedy="Verify the project")
    finally:
        engine.dispose()


def _change_meta(connection: Connection, keep_id: bool) -> None:
    for value, key in copied_meta(keep_id):
        connection.execute(text("UPDATE meta SET value = :value WHERE key = :key"), {"value": value, "key": key})


def copy_rows(
    old: Connection, new: Connection, old_paths: ImagePaths, new_paths: ImagePaths, progress: Progress | None = None
) -> None:
    """Fill the empty tables of `new` with the rows of `old`, both within a transaction and of one schema version."""
    source, target = _side(old), _side(new)
    # Tables before those that refer to them. What the database has beside a project's tables is not ours to copy.
    inspector = inspect(new)
    order = [table for table, _ in inspector.get_sorted_table_and_fkc_names() if table and table in METADATA.tables]
    counts = {table: source.count(table) for table in order}
    done, total = 0, sum(counts.values())
    for table in order:
        columns = target.columns(table)
        # All questions are asked before: while a table is filled its connection answers none.
        key = inspector.get_pk_constraint(table)["constrained_columns"]

        def pages(
            table: str = table, columns: Sequence[str] = columns, key: Sequence[str] = key
        ) -> Iterator[list[Row]]:
            nonlocal done
            for page in source.pages(table, columns, key):
                yield _moved(page, columns, old_paths, new_paths) if table == "image" else page
                done += len(page)
                if progress is not None:
                    progress(done, total)

        try:
            target.fill(table, columns, pages())
        except Exception as error:
            if table == "image" and target.is_duplicate(error):
                raise ProjectError(
                    "two images of the project are the same file", remedy="Remove one of them"
                ) from error
            raise
    for table in order:
        if "seq" in target.columns(table):
            target.go_on_from(table, source.last_number(table))


def _moved(page: Iterable[Row], columns: Sequence[str], old: ImagePaths, new: ImagePaths) -> list[Row]:
    at = columns.index("path")

    def moved(path: str) -> str:
        # Relative to a folder nobody named: so it stays, to be found from beside a copy that lies with the images.
        lost = isinstance(old, FolderPaths) and old.leads_nowhere(path)
        return path if lost else new.store(old.load(path))

    return [(*row[:at], moved(row[at]), *row[at + 1 :]) for row in page]


class _Side(Protocol):
    """One end of a copy. Rows have UUIDs, bytes and booleans as Python knows them."""

    def columns(self, table: str) -> list[str]: ...
    def count(self, table: str) -> int: ...
    def pages(self, table: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[list[Row]]: ...
    def fill(self, table: str, columns: Sequence[str], pages: Iterator[list[Row]]) -> None: ...
    def is_duplicate(self, error: Exception) -> bool: ...
    def last_number(self, table: str) -> int: ...
    def go_on_from(self, table: str, number: int) -> None: ...


def _side(connection: Connection) -> _Side:
    driver = connection.connection.driver_connection
    return _FileSide(driver) if isinstance(driver, sqlite3.Connection) else _ServerSide(driver)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


class _FileSide:
    """SQLite, where a UUID is 32 digits and a boolean 0 or 1."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def columns(self, table: str) -> list[str]:
        return list(self._kinds(table))

    def count(self, table: str) -> int:
        return int(self._connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    def pages(self, table: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[list[Row]]:
        kinds = self._kinds(table)
        readers = [_FROM_SQLITE.get(kinds[name]) for name in columns]
        cursor = self._connection.execute(f'SELECT {_names(columns)} FROM "{table}" ORDER BY {_names(order)}')
        while page := cursor.fetchmany(_PAGE):
            yield [
                tuple(
                    value if value is None or read is None else read(value)
                    for value, read in zip(row, readers, strict=True)
                )
                for row in page
            ]

    def fill(self, table: str, columns: Sequence[str], pages: Iterator[list[Row]]) -> None:
        marks = ", ".join("?" * len(columns))
        statement = f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({marks})'
        for page in pages:
            self._connection.executemany(
                statement, [[value.hex if isinstance(value, UUID) else value for value in row] for row in page]
            )

    def is_duplicate(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.IntegrityError)

    def last_number(self, table: str) -> int:
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return 0 if row is None else int(row[0])

    def go_on_from(self, table: str, number: int) -> None:
        # SQLite follows the rows by itself; numbers that were given and not kept are not given again.
        self._connection.execute(
            "UPDATE sqlite_sequence SET seq = ? WHERE name = ? AND seq < ?", (number, table, number)
        )

    def _kinds(self, table: str) -> dict[str, str]:
        return {row[1]: row[2].upper() for row in self._connection.execute(f'PRAGMA table_info("{table}")')}


_FROM_SQLITE: dict[str, Callable[[Any], Any]] = {"CHAR(32)": UUID, "BOOLEAN": bool}


class _ServerSide:
    """PostgreSQL: rows come by a cursor that stays on the server, and go by COPY."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._numbers = itertools.count()

    def columns(self, table: str) -> list[str]:
        return list(self._kinds(table))

    def count(self, table: str) -> int:
        return int(self._connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    def pages(self, table: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[list[Row]]:
        with self._connection.cursor(f"copy{next(self._numbers)}", binary=True) as cursor:
            cursor.execute(f'SELECT {_names(columns)} FROM "{table}" ORDER BY {_names(order)}')
            while page := cursor.fetchmany(_PAGE):
                yield page

    def fill(self, table: str, columns: Sequence[str], pages: Iterator[list[Row]]) -> None:
        kinds = self._kinds(table)
        statement = f'COPY "{table}" ({_names(columns)}) FROM STDIN (FORMAT BINARY)'
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([kinds[name] for name in columns])
            for page in pages:
                for row in page:
                    copy.write_row(row)

    def is_duplicate(self, error: Exception) -> bool:
        return getattr(error, "sqlstate", None) == "23505"

    def last_number(self, table: str) -> int:
        row = self._connection.execute(f'SELECT coalesce(max(seq), 0) FROM "{table}"').fetchone()
        return int(row[0])

    def go_on_from(self, table: str, number: int) -> None:
        if number:
            self._connection.execute("SELECT setval(pg_get_serial_sequence(%s, 'seq'), %s)", (table, number))

    def _kinds(self, table: str) -> dict[str, str]:
        query = (
            "SELECT column_name, udt_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position"
        )
        return dict(self._connection.execute(query, (table,)).fetchall())
