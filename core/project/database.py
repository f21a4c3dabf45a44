"""A project while it is open: its connections; for a file also its lock, and bringing it back to one file."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, event, select

from core.errors import ProjectError
from core.paths import on_server, project_name
from core.project import images, migrate
from core.project.backup import copy_database, replacement
from core.project.backups import home_of
from core.project.checks import problems_after_crash
from core.project.engine import Where, reading, translated
from core.project.images import ImagePaths
from core.project.lock import ProjectLock
from core.project.postgres import parse
from core.project.schema import META, new_id
from core.project.sqlite import (
    check_header,
    file_error,
    file_writable,
    fold_journal,
    folder_writable,
    is_doubtful,
    left_open,
    mark_doubtful,
    read_engine,
    remove_sidecars,
    replaced_error,
    write_engine,
)
from core.version import VERSION

SUFFIX = ".starmark"

# Files open in this process. POSIX locks belong to the process and go when any of its handles to the file is closed
# (https://www.sqlite.org/howtocorrupt.html section 2.2): such a file must not be opened but by SQLite.
_open_here: Counter[Path] = Counter()
_open_lock = threading.Lock()


def real_path(path: str | os.PathLike[str]) -> Path:
    """Absolute, with links followed: SQLite names its journals so, and two names must meet at one lock."""
    return Path(os.path.realpath(path))


def project_path(path: str | os.PathLike[str]) -> Path:
    """`real_path` for a file to be made; ".starmark" is appended where it is missing."""
    found = real_path(path)
    return found if found.name.lower().endswith(SUFFIX) else found.with_name(found.name + SUFFIX)


def open_database(location: str | os.PathLike[str], *, read_only: bool) -> Database:
    """Open the project at `location`, a file or a URL."""
    if not on_server(location):
        return FileDatabase.open(real_path(location), read_only=read_only)
    from core.project.server import ServerDatabase

    return ServerDatabase(parse(os.fspath(location)), read_only=read_only)


def create_database(location: str | os.PathLike[str]) -> str | Path:
    """Make an empty project at `location`, a file or a URL, and say where it is. Never replaces anything."""
    if not on_server(location):
        target = project_path(location)
        FileDatabase.create(target)
        return target
    from core.project.server import ServerDatabase

    ServerDatabase.create(parse(os.fspath(location)))
    return os.fspath(location)


def new_meta(*, scratch: bool = False) -> dict[str, str]:
    """What a new project says of itself."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"id": str(new_id()), "created": now, "written_by": program(), "scratch": str(int(scratch))}


def copied_meta(keep_id: bool) -> list[tuple[str, str]]:
    """What is different in a copy: (value, key)."""
    changed = [("0", "scratch"), (program(), "written_by")]
    return changed if keep_id else [*changed, (str(new_id()), "id")]


def is_open_here(path: Path) -> bool:
    """Whether this process has the file open, for reading or writing."""
    with _open_lock:
        return _open_here[path] > 0


def program() -> str:
    """Name and version, as the file keeps them."""
    return f"Starmark {VERSION}"


class Database(ABC):
    """One open project, wherever it is. Made with `open_database`; `close` when no thread uses it any more.

    Attributes:
        where: the project for messages: its file, or its URL without a password.
        writer: engine of the writing connection; None where the project is open for reading.
        reader: engine of the reading connections.
        paths: how image paths are written in this project.
        meta: what the project says of itself.
        notes: what the user should know about how it was opened.
    """

    writer: Engine | None
    reader: Engine

    def __init__(self, where: Where, paths: ImagePaths, *, read_only: bool) -> None:
        self.where = where
        self.paths = paths
        self.read_only = read_only
        self.notes: list[str] = []
        self.meta: dict[str, str] = {}
        self._engines: list[Engine] = []
        self._readers = 0
        self._idle = threading.Condition()

    @property
    def location(self) -> str:
        """What opens the project again."""
        return str(self.where)

    @property
    def name(self) -> str:
        """What titles and lists call the project."""
        return project_name(self.location)

    @property
    @abstractmethod
    def path(self) -> Path:
        """The project file. ProjectError if there is none."""

    @property
    @abstractmethod
    def cache_path(self) -> Path:
        """Where the project's `PredictionCache` lies."""

    @abstractmethod
    def copy_to(self, target: Path, *, overwrite: bool, keep_id: bool) -> None:
        """Write the project as it is at this moment to a file, complete or not at all, with paths for its new place.

        The copy is a project of its own unless `keep_id`, and has a name.
        """

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the project throughout the block, however much is written meanwhile."""
        # Ended by a rollback: SQLite refuses a commit once it has met a damaged page.
        with reading(self.where), self.reader.connect() as connection:
            yield connection

    def hold(self) -> None:
        """Keep `close` waiting until `let_go`."""
        with self._idle:
            self._readers += 1

    def let_go(self) -> None:
        """End what `hold` began."""
        with self._idle:
            self._readers -= 1
            self._idle.notify_all()

    def close(self, *, delete: bool = False) -> None:
        """Wait for whoever holds it, then end all connections; `delete` removes a project file."""
        with self._idle:
            self._idle.wait_for(lambda: self._readers == 0)
        self._release(fold=True, delete=delete)

    def _keep(self, engine: Engine) -> Engine:
        self._engines.append(engine)
        return engine

    def _load_meta(self) -> None:
        with self.read() as connection:
            self.meta = {row.key: row.value for row in connection.execute(select(META))}
        if "id" not in self.meta:
            raise ProjectError("the project is damaged", where=self.where, remedy="Open a backup copy of it")

    def _too_old(self) -> ProjectError:
        return ProjectError(
            "the project was made by an older Starmark and has to be brought up to date",
            where=self.where,
            remedy="Open it for writing once, or copy it to where it can be written",
        )

    def _release(self, *, fold: bool, delete: bool = False) -> None:
        for engine in self._engines:
            engine.dispose()


class FileDatabase(Database):
    """A project file: its lock, and bringing it back to one file."""

    def __init__(self, path: Path, lock: ProjectLock | None) -> None:
        super().__init__(path, ImagePaths(home_of(path)), read_only=lock is None)
        self._path = path
        self._lock = lock
        self._file = _file_at(path)
        self._written = False
        self._crashed = False
        with _open_lock:
            _open_here[path] += 1
        try:
            with translated(path):
                if not self._check_version():
                    kept = migrate.upgrade(path)
                    self.notes.append(f"brought up to date; the project as it was before is kept in {kept.name}")
                self.writer = None if lock is None else self._watched(write_engine(path))
                self.reader = self._watched(read_engine(path, read_only=self.read_only))
                self._load_meta()
                if self.writer is not None:
                    self._check_after_crash()
        except BaseException:
            self._release(fold=False)
            raise

    @classmethod
    def create(cls, path: Path, *, scratch: bool = False) -> None:
        """Make an empty project file, complete or not at all. ProjectError if there is a file of that name."""
        if not path.parent.is_dir():
            raise file_error(FileNotFoundError(), path)
        with replacement(path, overwrite=False) as temporary:
            migrate.create_schema(temporary, new_meta(scratch=scratch))

    @classmethod
    def open(cls, path: Path, *, read_only: bool) -> FileDatabase:
        """Open an existing file, for reading only where it cannot be written. ProjectError, ProjectLockedError."""
        here = is_open_here(path)
        if not here:
            check_header(path)
        lock, note = (None, None) if read_only else _lock(path, here)
        try:
            database = cls(path, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        if note is not None:
            database.notes.append(note)
        return database

    @property
    def path(self) -> Path:
        """The project file."""
        return self._path

    @property
    def cache_path(self) -> Path:
        """NAME.starmark-cache, beside the file."""
        return self._path.with_name(self._path.name + "-cache")

    def copy_to(self, target: Path, *, overwrite: bool, keep_id: bool) -> None:
        """See `Database`."""

        def change(connection: sqlite3.Connection) -> None:
            images.rebase(connection, self.paths, ImagePaths(target))
            connection.executemany("UPDATE meta SET value = ? WHERE key = ?", copied_meta(keep_id))

        with replacement(target, overwrite=overwrite) as temporary:
            if self._in_place():
                copy_database(self._path, temporary, change)
            else:  # what was opened is still there, without a name, as long as it is open
                with self.reader.connect() as connection:
                    copy_database(_driver(connection), temporary, change)
                self._written = False

    def _watched(self, engine: Engine) -> Engine:
        """Have no transaction committed, and nothing read anew, once another file has the project's name.

        Sync tools replace files, people delete them; SQLite then writes on into a file that nobody finds any more.
        """

        def check(*_: object) -> None:
            if not self._in_place():
                raise replaced_error(self._path)

        def commit(*_: object) -> None:
            check()
            self._written = True

        event.listen(engine, "connect", check)
        event.listen(engine, "commit", commit)
        return self._keep(engine)

    def _part_from_name(self) -> None:
        """Give the log to the file it belongs to, wherever that is by now: SQLite would leave it to the old name."""
        with contextlib.suppress(sqlite3.Error, ProjectError), self.reader.connect() as connection:
            _driver(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if self._written and self._path.exists():
                # Replaced before anybody could be told, and what was saved here would go with its last connection.
                stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
                with replacement(
                    self._path.with_name(f"{self._path.stem}.before-replaced-{stamp}{SUFFIX}"), overwrite=False
                ) as temporary:
                    copy_database(_driver(connection), temporary)
        if not self._path.exists():
            with contextlib.suppress(OSError):
                remove_sidecars(self._path)

    def _in_place(self) -> bool:
        return _file_at(self._path) == self._file

    def _check_version(self) -> bool:
        """Whether the schema is the newest; looked up before anything is written, so that no other file is touched."""
        self._crashed = not self.read_only and left_open(self._path)
        engine = read_engine(self._path, read_only=self.read_only)
        try:
            with reading(self._path), engine.begin() as connection:
                newest = migrate.check_version(connection, self._path)
            if self._crashed:  # said in the file while the engine still holds the journal
                with contextlib.suppress(sqlite3.OperationalError):  # a full disk
                    mark_doubtful(self._path, True)
        finally:
            engine.dispose()
        if not newest and self.read_only:
            raise self._too_old()
        return newest

    def _check_after_crash(self) -> None:
        """Nobody may go on with a mixture of old and new, which a disk leaves that lies about what it has written."""
        with self.read() as connection:
            doubtful = is_doubtful(connection)
            if not (doubtful or self._crashed):
                return
            found = problems_after_crash(connection)
        if found:
            raise ProjectError(
                f"the project is damaged since it was cut off in mid-work ({found[0]})",
                where=self._path,
                remedy="Restore a backup copy of it; opened read-only it shows what is left",
            )
        if doubtful:
            with contextlib.suppress(sqlite3.OperationalError):
                mark_doubtful(self._path, False)

    def _release(self, *, fold: bool, delete: bool = False) -> None:
        try:
            if not self.read_only and fold and not self._in_place():
                self._part_from_name()
            super()._release(fold=fold)
            if not self.read_only and fold and self._in_place():
                with translated(self._path):
                    fold_journal(self._path)
                    if delete:
                        self._path.unlink()
        finally:
            with _open_lock:
                _open_here[self._path] -= 1
            if self._lock is not None:
                self._lock.release()


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells the file of that name from others, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _driver(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.driver_connection
    if not isinstance(found, sqlite3.Connection):
        raise TypeError("not a connection to a file")
    return found


def _lock(path: Path, here: bool) -> tuple[ProjectLock | None, str | None]:
    """The lock for writing, or None and the reason where this file cannot be written at all."""
    if not here and not file_writable(path):
        return None, "opened for reading only: the file cannot be written"
    if not folder_writable(path):
        return None, f"opened for reading only: the folder {path.parent} cannot be written"
    try:
        return ProjectLock(path), None
    except ProjectError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return None, f"opened for reading only: the folder {path.parent} cannot be written"
