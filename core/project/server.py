"""A project in a PostgreSQL database while it is open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from core.errors import NoProjectError, ProjectError
from core.paths import user_cache
from core.project import migrate
from core.project.backup import refuse_existing
from core.project.database import Database, new_meta
from core.project.engine import translated
from core.project.postgres import Server, lock_making, reading_engine, writing_engine
from core.project.schema import METADATA, REVISIONS

_ABSOLUTE = r"^(/|\\\\|[A-Za-z]:)"


class ServerDatabase(Database):
    """A project in a database; for reading only where this user cannot write, or the server lets nobody."""

    def __init__(self, server: Server, *, read_only: bool) -> None:
        super().__init__(server.text, server.paths(), read_only=read_only)
        self.writer = None
        try:
            with translated(server.text):
                self.reader = self._keep(reading_engine(server))
                if not self._check_version():
                    kept = migrate.upgrade_server(server)
                    if kept is not None:
                        self.notes.append(f"brought up to date; the project as it was before is kept in {kept}")
                self._check_rights()
                self._check_folder(server)
                if not self.read_only:
                    self.writer = self._keep(writing_engine(server, REVISIONS[-1]))
                self._load_meta()
            with contextlib.suppress(OSError):  # the cache then is in memory only, and says so
                self.cache_path.parent.mkdir(parents=True, exist_ok=True)
        except BaseException:
            self._release(fold=False)
            raise

    @classmethod
    def create(cls, server: Server) -> None:
        """Make an empty project in a database, complete or not at all. ProjectError if there are such tables."""
        with making(server) as connection:
            migrate.make_tables(connection)
            migrate.keep_meta(connection, new_meta())

    @property
    def path(self) -> Path:
        """ProjectError: there is no file."""
        raise ProjectError(
            "a project on a server has no file", where=self.where, remedy="Save it under a name of its own first"
        )

    @property
    def cache_path(self) -> Path:
        """In the user's cache folder, by the project's id."""
        return user_cache() / "projects" / f"{self.meta['id']}.starmark-cache"

    def copy_to(self, target: Path, *, overwrite: bool, keep_id: bool) -> None:
        """See `Database`."""
        from core.project.transfer import to_file

        if not overwrite:
            refuse_existing(target)
        to_file(self, target, overwrite=overwrite, keep_id=keep_id)

    def _check_version(self) -> bool:
        """Whether the schema is the newest. ProjectError if it is none of ours, or must stay an older one."""
        with self.read() as connection:
            found = connection.execute(text("SELECT to_regclass('alembic_version'), to_regclass('meta')")).one()
            if None in found:
                raise NoProjectError(
                    "there is no project in this database", where=self.where, remedy="Check the name, or make one in it"
                )
            newest = migrate.check_version(connection, self.where)
        if not newest and self.read_only:
            raise self._too_old()
        return newest

    def _check_rights(self) -> None:
        if self.read_only:
            return
        query = (
            "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on', "
            "has_table_privilege('revision', 'INSERT')"
        )
        with self.read() as connection:
            fixed, allowed = connection.execute(text(query)).one()
        if fixed or not allowed:
            reason = "the server lets nobody write" if fixed else "the database user may not write"
            self.notes.append(f"opened for reading only: {reason}")
            self.read_only = True

    def _check_folder(self, server: Server) -> None:
        if server.images is not None:
            if not server.images.is_dir():
                self.notes.append(f"the folder of images is not there: {server.images}")
            return
        query = text("SELECT EXISTS (SELECT 1 FROM image WHERE path !~ :absolute)")
        with self.read() as connection:
            if connection.execute(query, {"absolute": _ABSOLUTE}).scalar():
                self.notes.append("images cannot be found: add ?images=FOLDER, the folder they are in, to the address")


@contextmanager
def making(server: Server) -> Iterator[Connection]:
    """A transaction to make a project's tables in. ProjectError if there are any, or the database is unfit."""
    with translated(server.text):
        engine = writing_engine(server, None)
        try:
            with engine.begin() as connection:
                lock_making(connection)
                _check_empty(connection)
                yield connection
        finally:
            engine.dispose()


def _check_empty(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    if {"alembic_version", "meta", "revision"} <= there:
        raise ProjectError("there is a project in this database already", remedy="Open it, or choose another database")
    taken = sorted(there & {*METADATA.tables, "alembic_version"})
    if taken:
        raise ProjectError(
            f"the database has tables of another program ({', '.join(taken)})", remedy="Choose an empty database"
        )
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise ProjectError(
            f"the database keeps text as {encoding}, which cannot hold every name",
            remedy="Choose a database with the encoding UTF8",
        )
