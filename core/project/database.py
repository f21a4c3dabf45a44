"""A project file while it is open: its lock, its connections, and bringing it back to one file."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from core.errors import ProjectError
from core.project import migrate
from core.project.backup import replacement
from core.project.backups import home_of
from core.project.engine import (
    check_header,
    file_error,
    file_writable,
    fold_journal,
    folder_writable,
    read_engine,
    translated,
    write_engine,
)
from core.project.images import ImagePaths
from core.project.lock import ProjectLock
from core.project.schema import META, new_id
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


def is_open_here(path: Path) -> bool:
    """Whether this process has the file open, for reading or writing."""
    with _open_lock:
        return _open_here[path] > 0


def program() -> str:
    """Name and version, as the file keeps them."""
    return f"Starmark {VERSION}"


class Database:
    """One open project file. Made with `create` or `open`; `close` when no thread uses it any more.

    Attributes:
        writer: engine of the writing connection; None where the file is open for reading.
        reader: engine of the reading connections.
        paths: how image paths are written in this file.
        meta: what the file says of itself.
        notes: what the user should know about how it was opened.
    """

    def __init__(self, path: Path, lock: ProjectLock | None) -> None:
        self.path = path
        self.read_only = lock is None
        self.paths = ImagePaths(home_of(path))
        self.notes: list[str] = []
        self._lock = lock
        self._engines: list[Engine] = []
        self._readers = 0
        self._idle = threading.Condition()
        with _open_lock:
            _open_here[path] += 1
        try:
            with translated(path):
                if not self._check_version():
                    kept = migrate.upgrade(path)
                    self.notes.append(f"brought up to date; the project as it was before is kept in {kept.name}")
                self.writer = None if lock is None else self._keep(write_engine(path))
                self.reader = self._keep(read_engine(path, read_only=self.read_only))
                with self.read() as connection:
                    self.meta = {row.key: row.value for row in connection.execute(select(META))}
            if "id" not in self.meta:
                raise ProjectError("the project file is damaged", where=path, remedy="Open a backup copy of it")
        except BaseException:
            self._release(fold=False)
            raise

    @classmethod
    def create(cls, path: Path, *, scratch: bool = False) -> None:
        """Make an empty project file, complete or not at all. ProjectError if there is a file of that name."""
        if not path.parent.is_dir():
            raise file_error(FileNotFoundError(), path)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        meta = {"id": str(new_id()), "created": now, "written_by": program(), "scratch": str(int(scratch))}
        with replacement(path, overwrite=False) as temporary:
            migrate.create_schema(temporary, meta)

    @classmethod
    def open(cls, path: Path, *, read_only: bool) -> Database:
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

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the project throughout the block, however much is written meanwhile."""
        # Ended by a rollback: SQLite refuses a commit once it has met a damaged page.
        with translated(self.path), self.reader.connect() as connection:
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
        """Wait for whoever holds it, leave one file behind (or none, with `delete`), and give the lock up."""
        with self._idle:
            self._idle.wait_for(lambda: self._readers == 0)
        self._release(fold=True, delete=delete)

    def _keep(self, engine: Engine) -> Engine:
        self._engines.append(engine)
        return engine

    def _check_version(self) -> bool:
        """Whether the schema is the newest; looked up before anything is written, so that no other file is touched."""
        engine = read_engine(self.path, read_only=self.read_only)
        try:
            with engine.begin() as connection:
                newest = migrate.check_version(connection, self.path)
        finally:
            engine.dispose()
        if not newest and self.read_only:
            raise ProjectError(
                "the project was made by an older Starmark and has to be brought up to date",
                where=self.path,
                remedy="Open it for writing once, or copy it to where it can be written",
            )
        return newest

    def _release(self, *, fold: bool, delete: bool = False) -> None:
        try:
            for engine in self._engines:
                engine.dispose()
            if not self.read_only and fold:
                with translated(self.path):
                    fold_journal(self.path)
                    if delete:
                        self.path.unlink()
        finally:
            with _open_lock:
                _open_here[self.path] -= 1
            if self._lock is not None:
                self._lock.release()


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
