"""One window a user, data folder and display: whether Starmark is open already, asked before anything heavy is loaded.

The first start holds a lock that the system frees however the process ends, and listens at an address beside it
(`app.single_instance`). A later start finds the lock taken, sends one line of JSON and gets one back.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import StarmarkError
from core.paths import on_server, user_home

PATIENCE_S = 10.0
LIMIT_BYTES = 4_000_000
"""No message is longer; a command line is at most half of this."""

_PAUSE_S = 0.05
_VERSION = 1
_ADDRESS_BYTES = 100  # what a socket's name may have: 104 on macOS, 108 on Linux, with its end


class BusyError(StarmarkError):
    """The Starmark that is open does not answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a later start hands to the first.

    Attributes:
        paths: photos, folders, data sets, projects; absolute.
        project: the project of `--project`, absolute; None for the one that is open.
        token: what the desktop gave this start so that a window may come to the front; may be empty.
    """

    paths: tuple[str, ...] = ()
    project: str | None = None
    token: str = ""

    @classmethod
    def here(cls, paths: list[str], project: str | None, environ: Mapping[str, str] = os.environ) -> Request:
        """The request of this process: relative paths mean its own folder, and the URL of a database a project."""
        if project is None:
            project = next(filter(on_server, paths), None)
            paths = [path for path in paths if path != project]
        token = environ.get("XDG_ACTIVATION_TOKEN") or environ.get("DESKTOP_STARTUP_ID") or ""
        return cls(tuple(map(_absolute, paths)), None if project is None else _absolute(project), token)

    def to_line(self) -> bytes:
        """For the socket."""
        data = {"version": _VERSION, "paths": self.paths, "project": self.project, "token": self.token}
        return json.dumps(data).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Request:
        """ValueError for anything that `to_line` does not write."""
        data = json.loads(line.decode("ascii"))
        if not isinstance(data, dict) or data.get("version") != _VERSION:
            raise ValueError("not a request of this version")
        paths, project, token = data.get("paths"), data.get("project"), data.get("token")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise ValueError("paths must be texts")
        if not isinstance(token, str):
            raise ValueError("the token must be a text")
        if project is not None and not isinstance(project, str):
            raise ValueError("the project must be a text")
        return cls(tuple(paths), project, token)


class Claim:
    """The right to be the one with the window, held until `release` or the end of the process.

    Attributes:
        address: where later starts will ask; None where this system offers no safe place.
    """

    def __init__(self, address: str | None, lock: IO[str] | None = None) -> None:
        self.address = address
        self._lock = lock

    def release(self) -> None:
        """Let the next start be the first."""
        if self._lock is not None:
            if os.name == "posix":
                Path(self._lock.name).unlink(missing_ok=True)  # while it is held: see `_try_lock`
            self._lock.close()
            self._lock = None


def claim(request: Request, patience: float = PATIENCE_S) -> Claim | None:
    """Become the first, or hand `request` to the first.

    Args:
        request: what this start was asked to open.
        patience: seconds to wait for an answer.

    Returns:
        The claim of this process; None if another has taken the request, so that nothing is left to do.

    Raises:
        BusyError: another holds the lock and does not answer.
    """
    place = _place()
    if place is None:
        return Claim(None)
    lock_path, address = place
    deadline = time.monotonic() + patience
    while True:
        try:
            lock = _try_lock(lock_path)
        except OSError:  # a file system without locks: two windows are better than none
            return Claim(None)
        if lock is not None:
            return Claim(address, lock)
        left = deadline - time.monotonic()
        if left > 0 and _hand_over(address, request.to_line(), left):
            return None
        if time.monotonic() >= deadline:
            raise BusyError(
                f"Starmark is open already{_who(lock_path)} but does not answer",
                remedy="Wait until it does or end it, or start another window with --new-window",
            )
        time.sleep(_PAUSE_S)  # it is just starting or just ending


def read_reply(line: bytes) -> bool:
    """Whether the first has taken the request."""
    try:
        reply = json.loads(line)
    except ValueError:
        return False
    return isinstance(reply, dict) and reply.get("ok") is True


def reply_line(ok: bool) -> bytes:
    """The answer of the first."""
    return json.dumps({"ok": ok, "pid": os.getpid()}).encode() + b"\n"


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())


def _key(environ: Mapping[str, str] = os.environ) -> str:
    """Names this data folder on this display: a window elsewhere could not be brought to the front."""
    display = environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY") or ""
    words = f"{os.path.realpath(user_home())}\n{display}"
    return hashlib.sha256(os.fsencode(words)).hexdigest()[:16]


def _place() -> tuple[Path, str] | None:
    """Lock file and address. On this machine and out of reach of other users; None where there is no such place."""
    if sys.platform == "win32":
        folder = user_home()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return folder / f"instance-{_key()}.lock", f"starmark-{os.environ.get('USERNAME', '')}-{_key()}"
    runtime = _runtime_folder()
    if runtime is None:
        return None
    address = str(runtime / f"{_key()}.socket")
    if len(os.fsencode(address)) + 16 > _ADDRESS_BYTES:  # Qt binds under a longer name first
        return None
    return runtime / f"{_key()}.lock", address


def _runtime_folder() -> Path | None:
    """A folder that only we can enter: in the session's own, or in the one for temporary files."""
    if sys.platform == "win32":
        return None
    uid = os.getuid()
    for base in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}"):
        if base and _is_private(Path(base), uid):
            folder = Path(base) / "starmark"
            break
    else:
        folder = Path(tempfile.gettempdir()) / f"starmark-{uid}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return folder if _is_private(folder, uid) else None  # somebody else may have made it first


def _is_private(folder: Path, uid: int) -> bool:
    import stat

    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077


def _who(lock_path: Path) -> str:
    try:
        return f" (process {int(lock_path.read_text(encoding='ascii'))})"
    except (OSError, ValueError):
        return ""


if sys.platform == "win32":

    def _try_lock(path: Path) -> IO[str] | None:
        import msvcrt

        file = path.open("a+", encoding="ascii")
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            file.close()
            return None
        return file

    def _hand_over(address: str, line: bytes, patience: float) -> bool:
        import ctypes

        from app.single_instance import hand_over

        ctypes.windll.user32.AllowSetForegroundWindow(-1)  # the first may come to the front in our place
        return hand_over(address, line, patience)

else:

    def _try_lock(path: Path) -> IO[str] | None:
        import fcntl

        while True:
            file = path.open("a+", encoding="ascii")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return None
            except BaseException:
                file.close()
                raise
            if _is_file(path, file):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                return file
            file.close()  # its holder removed it between our opening and locking

    def _is_file(path: Path, file: IO[str]) -> bool:
        try:
            return os.path.samestat(path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False

    def _hand_over(address: str, line: bytes, patience: float) -> bool:
        """Whether the first has taken the line. The plain socket, since importing Qt takes longer than all of this."""
        import socket

        deadline = time.monotonic() + patience
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(patience)
            try:
                channel.connect(address)
                channel.sendall(line)
                answer = b""
                while not answer.endswith(b"\n"):
                    channel.settimeout(max(0.001, deadline - time.monotonic()))
                    part = channel.recv(4096)
                    if not part:  # it ended, or gave up on us
                        break
                    answer += part
            except OSError:
                return False
        return read_reply(answer)
