"""Connections to a project file: SQLite's settings, its errors in our words, and where it may be written.

All that is peculiar to SQLite in the store is in this module, in `backup`, in `lock` and in `database.FileDatabase`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from core.errors import ProjectError
from core.project.schema import APPLICATION_ID

BUSY_SECONDS = 10.0
_READERS = 4
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_NETWORK_TYPES = {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "9p", "fuse.sshfs", "fuse.rclone"}


def check_header(path: Path) -> None:
    """Tell whether `path` is a project without asking SQLite, which would create or recover files.

    ProjectError for a file that is missing, no file, not readable, no database, or another program's database.
    """
    try:
        if path.is_dir():
            raise ProjectError("this is a folder, not a project", where=path, remedy="Open a .starmark file")
        if path.exists() and not path.is_file():
            raise ProjectError("this is not a regular file", where=path, remedy="Open a .starmark file")
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except OSError as error:
        raise file_error(error, path) from error
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        what = "the file is empty" if not header else "this is not a Starmark project"
        raise ProjectError(what, where=path, remedy="Open a .starmark file, or a backup copy if this was one")
    # https://www.sqlite.org/fileformat.html section 1.3: the application id is at offset 68, big-endian.
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise ProjectError(
            "this is a database of another program, not a Starmark project", where=path, remedy="Open a .starmark file"
        )


def file_error(error: OSError, path: Path) -> ProjectError:
    """An operating system error about a project file, in words."""
    if isinstance(error, FileNotFoundError):
        if not path.parent.is_dir():
            return ProjectError("the folder does not exist", where=path.parent, remedy="Create it or choose another")
        return ProjectError("there is no such project", where=path, remedy="Check the name, or create a new project")
    if isinstance(error, PermissionError):
        return ProjectError("no permission", where=path, remedy="Ask for access to it, or choose another folder")
    if error.errno == errno.EROFS:
        return ProjectError("the disk is read-only", where=path, remedy="Choose a folder on another disk")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(path)
    return ProjectError(error.strerror or str(error), where=path, remedy="Check the disk and the file's name")


def _disk_full(path: Path) -> ProjectError:
    return ProjectError(
        "the disk is full, and this could not be written", where=path, remedy="Free some space and try again"
    )


def replaced_error(path: Path) -> ProjectError:
    """What an open project says once another file, or none, has its name."""
    return ProjectError(
        "another program has deleted, moved or replaced the project file while it was open",
        where=path,
        remedy="Save the project under another name, for it is whole until it is closed",
    )


_BY_CODE = {
    sqlite3.SQLITE_NOTADB: ("this is not a project, or it is damaged", "Open a backup copy of the project"),
    sqlite3.SQLITE_CORRUPT: ("the project file is damaged", "Open a backup copy of the project"),
    sqlite3.SQLITE_READONLY: ("the file or its folder cannot be written", "Copy the project to another folder"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "Check the folder, and that you may write in it"),
    sqlite3.SQLITE_PERM: ("no permission", "Ask for access to it, or choose another folder"),
    sqlite3.SQLITE_BUSY: ("another program is using the project", "Close it there and try again"),
    sqlite3.SQLITE_LOCKED: ("another program is using the project", "Close it there and try again"),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk and the connection to it"),
    sqlite3.SQLITE_TOOBIG: ("a value is too large to be stored", "Store less at once"),
    sqlite3.SQLITE_NOMEM: ("out of memory", "Close other programs and try again"),
}


def sqlite_error(error: sqlite3.Error, path: Path) -> ProjectError:
    """An error of SQLite's about a project file, in words."""
    # The low byte is the primary code: https://www.sqlite.org/rescode.html
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for the log's index
        return _disk_full(path)
    if extended == sqlite3.SQLITE_READONLY_DBMOVED:
        return replaced_error(path)
    if isinstance(error, sqlite3.IntegrityError):
        return ProjectError(
            f"the change refers to something that is not in the project ({error})",
            where=path,
            remedy="Load the face again and repeat the change",
        )
    what, remedy = _BY_CODE.get(code, ("the database reports an error", "Open a backup copy of the project"))
    return ProjectError(f"{what} ({error})", where=path, remedy=remedy)


def connect(path: Path, mode: str = "rw", *, immutable: bool = False) -> sqlite3.Connection:
    """A driver connection in autocommit mode; it never creates the file unless `mode` is "rwc"."""
    uri = f"{path.absolute().as_uri()}?mode={mode}" + ("&immutable=1" if immutable else "")
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS, cached_statements=256
    )
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA fullfsync=ON")  # macOS: a plain fsync there may stay in the drive's cache
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def write_engine(path: Path) -> Engine:
    """The one connection that writes: every transaction takes the write lock at once and is synced on commit."""

    def open_one() -> sqlite3.Connection:
        connection = connect(path)
        if is_network(path) or not _set_wal(connection):
            # No shared memory here: a share, or an unusual file system. The rollback journal is slower and as safe.
            connection.execute("PRAGMA journal_mode=DELETE")
            # A large transaction stays in memory until its commit: spilled pages would shut readers out before.
            connection.execute("PRAGMA cache_spill=OFF")
            # A journal that a power cut brings back would undo the last commit: EXTRA makes its deletion certain.
            connection.execute("PRAGMA synchronous=EXTRA")
        else:
            connection.execute("PRAGMA synchronous=FULL")
        return connection

    return _engine(open_one, "BEGIN IMMEDIATE", 1)


def _set_wal(connection: sqlite3.Connection) -> bool:
    """Whether the file now has a write-ahead log, which lets readers read while the writer writes."""
    try:
        return bool(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise
        return False


def schema_engine(path: Path) -> Engine:
    """A connection that makes or changes the tables of the file `path`, and keeps its journal mode.

    Foreign keys are not enforced, for SQLite changes a table by making another in its place; whoever changes tables
    checks the references afterwards.
    """

    def open_one() -> sqlite3.Connection:
        connection = connect(path, "rwc")
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    return _engine(open_one, "BEGIN IMMEDIATE", 1)


def read_engine(path: Path, *, read_only: bool = False) -> Engine:
    """Connections that only read, each transaction seeing one state; `read_only` opens the file itself so."""
    immutable = read_only and not folder_writable(path)
    if immutable and _has_content(sidecar(path, "-wal")):
        raise ProjectError(
            "changes lie in a second file (-wal), and the folder cannot be written",
            where=path,
            remedy="Copy the project and its -wal file to another folder and open it there",
        )

    def open_one() -> sqlite3.Connection:
        connection = connect(path, "ro" if read_only else "rw", immutable=immutable)
        connection.execute("PRAGMA query_only=ON")
        return connection

    return _engine(open_one, "BEGIN", _READERS)


def _engine(open_one: Any, begin: str, size: int) -> Engine:
    # Readers beyond the pool's size get connections of their own rather than wait.
    overflow = 0 if size == 1 else -1
    engine = create_engine("sqlite://", creator=open_one, poolclass=QueuePool, pool_size=size, max_overflow=overflow)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # The driver is in autocommit mode (isolation_level None), so that transactions begin where SQLAlchemy says.
        connection.exec_driver_sql(begin)

    return engine


def fold_journal(path: Path) -> None:
    """Bring all changes into the one file and remove the -wal and -shm files; leave them if somebody still reads."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA busy_timeout=200")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        # By way of PERSIST, for SQLite then also removes a -journal that a power cut left and that means nothing.
        connection.execute("PRAGMA journal_mode=PERSIST").fetchone()
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        # Nothing is lost if it cannot be done now: the next to open the project finds the changes in the -wal file.
        harmless = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)
        if error.sqlite_errorcode & 0xFF not in harmless:
            raise
    finally:
        connection.close()


def sidecar(path: Path, suffix: str) -> Path:
    """The file SQLite keeps beside `path`: "-wal", "-shm" or "-journal"."""
    return path.with_name(path.name + suffix)


def remove_sidecars(path: Path) -> None:
    """Delete journals left beside `path`, before another database takes that name: they would be applied to it."""
    for suffix in ("-wal", "-shm", "-journal"):
        sidecar(path, suffix).unlink(missing_ok=True)


def left_open(path: Path) -> bool:
    """Whether the last to write to `path` did not close it: its journal is still there."""
    return _has_content(sidecar(path, "-wal")) or _has_content(sidecar(path, "-journal"))


def mark_doubtful(path: Path, doubtful: bool) -> None:
    """Have the file say, or say no more, that it must be checked before it is used: its journal may be gone by then."""
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={int(doubtful)}")


def is_doubtful(connection: Connection) -> bool:
    """Whether `mark_doubtful` was the last to be heard of the file."""
    return bool(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def folder_writable(path: Path) -> bool:
    """Whether files can be made beside `path`."""
    effective = os.access in os.supports_effective_ids
    return os.access(path.parent, os.W_OK | os.X_OK, effective_ids=effective)


def file_writable(path: Path) -> bool:
    """Whether the existing file `path` can be written."""
    try:
        with path.open("r+b"):
            return True
    except OSError:
        return False


def is_network(path: Path) -> bool:
    """Whether `path` is on a network file system, where WAL's shared memory does not work between machines."""
    if sys.platform == "win32":
        return _is_network_windows(path)
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return mount_type(mounts, os.path.realpath(path)) in _NETWORK_TYPES


def mount_type(mounts: str, path: str) -> str:
    """File system type of `path`, from the text of /proc/self/mountinfo (proc(5)); "" if none is found."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split()
        if not separator or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = point == "/" or path == point or path.startswith(point + "/")
        if inside and len(point) >= best:  # a later mount on the same point hides the earlier one
            best, kind = len(point), right.split(maxsplit=1)[0]
    return kind


def _is_network_windows(path: Path) -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    drive = os.path.splitdrive(path.absolute())[0]
    drive_remote = 4  # GetDriveTypeW: DRIVE_REMOTE
    return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == drive_remote
