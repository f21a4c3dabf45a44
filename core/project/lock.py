"""One writing process a project: an operating system lock on NAME.starmark-lock beside the project.

The lock is the kernel's, not the file's existence: it goes when its process ends, however it ends, so that a crash
never locks anybody out. It lies beside the project, not in a user's folder, so that two machines on one share meet at
it (flock works over NFS and SMB on current systems; where a file system knows no locks at all, the versions of labels
still keep one writer from overwriting another unseen). The file says who holds it, for the message, and is removed on
a clean close.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from core.errors import ProjectLockedError
from core.project.sqlite import file_error

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Windows locks are mandatory: a byte far behind the text leaves the text readable.
_LOCKED_BYTE = 1 << 30
_BUSY = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


class ProjectLock:
    """Held from construction to `release`. ProjectLockedError names the process that has it instead."""

    def __init__(self, project: Path) -> None:
        self.path = lock_path(project)
        self._handle: int | None = None
        while self._handle is None:
            self._handle = self._try(project)
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            os.ftruncate(self._handle, 0)
            os.write(self._handle, json.dumps(holder).encode())
        except OSError:
            # A full disk: the lock holds all the same, only its message will be poorer.
            pass

    def _try(self, project: Path) -> int | None:
        """The locked handle, or None where the file was removed meanwhile by its last holder."""
        try:
            handle = _open(self.path)
        except FileNotFoundError:
            if self.path.parent.is_dir():
                return None
            raise file_error(FileNotFoundError(), project) from None
        except OSError as error:
            raise file_error(error, project) from error
        try:
            _lock(handle)
        except OSError as error:
            holder = _read(handle)
            os.close(handle)
            if error.errno in _BUSY:
                raise _locked(project, holder) from error
            raise file_error(error, project) from error
        try:
            if os.path.samestat(os.fstat(handle), self.path.stat()):
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)
        return None

    def release(self) -> None:
        """Give the lock up and remove its file. Calling it again does nothing."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        if sys.platform != "win32":
            # While still locked: whoever waits for the old file then sees that it is gone, and makes a new one.
            self._remove()
            os.close(handle)
        else:
            os.close(handle)
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()


def lock_path(project: Path) -> Path:
    """The lock file of a project: NAME.starmark-lock."""
    return project.with_name(project.name + "-lock")


def _open(path: Path) -> int:
    binary = getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | binary, 0o666)
    except PermissionError:
        # Another user's, left by a crash: it can be locked all the same, only not written.
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | binary)


def _lock(handle: int) -> None:
    try:
        if sys.platform == "win32":
            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise


def _read(handle: int) -> dict[str, object]:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        found = json.loads(os.read(handle, 1000))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _locked(project: Path, holder: dict[str, object]) -> ProjectLockedError:
    pid, host = holder.get("pid"), holder.get("host")
    if pid == os.getpid() and host == socket.gethostname():
        who = "this program has the project open already"
    elif pid is None:
        who = "another program has the project open for writing"
    else:
        who = f"process {pid} on {host} has the project open for writing since {holder.get('since')}"
    return ProjectLockedError(who, where=project, remedy="Close it there, or open the project read-only")
