"""Reading files safely (regular, bounded) and writing them whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from core.errors import FileError, StarmarkError

_log = logging.getLogger(__name__)
_FRESH_MODE = 0o666  # less the user's umask, as any program's new file


def write_atomic(
    path: str | Path,
    content: bytes | str | Callable[[BinaryIO], object],
    *,
    overwrite: bool = True,
) -> None:
    """Write a file so that readers see the old content or the whole new one, also after a crash.

    The content goes to a temporary file in the same folder, is flushed to the disk, then takes the name of `path`.
    A symbolic link stays a link: the file it points to is replaced. An existing file's permissions are kept.

    Args:
        path: the target; its folder must exist.
        content: bytes; text, written as UTF-8 with line ends as they are; or a function that gets the open binary
            temporary file (its `.name` is a path, for libraries that only take one) and fills it.
        overwrite: False refuses an existing target, also one that appears while writing.

    Raises:
        FileError: the folder is missing, the target exists (`overwrite=False`) or the disk refuses. What the function
            `content` raises passes through. Nothing is left behind in either case.
    """
    shown = Path(path)
    try:
        target = Path(os.path.realpath(shown))
        if target.is_dir():
            raise _write_error(shown, "is a folder, not a file", "Choose a file name")
        if not overwrite and os.path.lexists(target):
            raise exists_error(shown)
        temporary, handle = _temporary_beside(target)
    except (OSError, ValueError) as error:
        raise _refused(shown, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            _fill(stream, temporary, content)
        publish(temporary, target, shown, overwrite=overwrite)
    except OSError as error:
        raise _refused(shown, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def exists_error(path: str | Path) -> FileError:
    """The error for a target that is there and must not be replaced."""
    return _write_error(path, "the file is there already", "Choose another name, or move the old file away")


def _fill(stream: BinaryIO, temporary: Path, content: bytes | str | Callable[[BinaryIO], object]) -> None:
    if callable(content):
        content(_Named(stream, temporary))  # type: ignore[arg-type]
    else:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)
    if not stream.closed:
        stream.flush()
        os.fsync(stream.fileno())
    else:  # the function closed it: sync through a new descriptor
        with temporary.open("rb+") as again:
            os.fsync(again.fileno())


class _Named:
    """A binary file whose `name` is its path: one opened by descriptor has a number there."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self.name = str(path)

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._stream, attribute)

    def __enter__(self) -> _Named:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stream.flush()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)


def _temporary_beside(target: Path) -> tuple[Path, int]:
    """A new file in the folder of `target`; its short name fits where a long target name only just does."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    handle = os.open(temporary, flags, _FRESH_MODE)
    with contextlib.suppress(OSError):  # no such target yet, or a file system without permissions
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    return temporary, handle


def publish(temporary: Path, target: Path, shown: Path, *, overwrite: bool) -> None:
    """Give a synced file beside `target` its name; FileError, naming `shown`, if there is one and not `overwrite`."""
    if overwrite:
        temporary.replace(target)
    else:
        try:
            os.link(temporary, target)  # unlike a rename, fails when the target has appeared
        except FileExistsError as error:
            raise exists_error(shown) from error
        except OSError:  # a file system without hard links
            if os.path.lexists(target):
                raise exists_error(shown) from None
            temporary.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut, where the system can (not on Windows)."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_error(path: str | Path, what: str, remedy: str) -> FileError:
    return FileError(what, where=path, remedy=remedy)


def _refused(path: Path, error: Exception) -> StarmarkError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _write_error(path, "cannot be written, its folder is missing", "Make the folder, or choose another")
    if isinstance(error, PermissionError):
        return _write_error(path, "cannot be written, permission denied", "Choose a place you may write to")
    reason = getattr(error, "strerror", None) or str(error)
    return _write_error(path, f"cannot be written ({reason})", "Check its name and the free space")


@contextlib.contextmanager
def open_regular(path: str | Path, max_bytes: int, error: type[StarmarkError]) -> Iterator[BinaryIO]:
    """Open a regular file for reading; never blocks on a pipe, never reads a device.

    Raises:
        StarmarkError: of the class `error`, when there is no such file, it is a folder, a device or a pipe, is empty,
            is larger than `max_bytes`, or may not be read.
    """
    try:
        mode = Path(path).stat().st_mode  # before opening: opening some devices has effects
        if stat.S_ISDIR(mode):
            raise error("this is a folder, not a file", where=path, remedy="Choose a file")
        if not stat.S_ISREG(mode):
            raise error("this is not a regular file", where=path, remedy="Choose a file on a disk")
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(path, flags)
    except (OSError, ValueError) as problem:
        raise unreadable(path, problem, error) from problem
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)  # the opened file itself: the name may have changed hands since
        if not stat.S_ISREG(status.st_mode):
            raise error("this is not a regular file", where=path, remedy="Choose a file on a disk")
        if status.st_size == 0:
            raise error("the file is empty", where=path, remedy="Replace it by a whole copy")
        if status.st_size > max_bytes:
            size, limit = status.st_size / 2**20, max_bytes / 2**20
            what = f"the file is too large ({size:.1f} MB, at most {limit:g})"
            raise error(what, where=path, remedy="Choose a smaller file")
        yield stream


def read_limited(path: str | Path, max_bytes: int, error: type[StarmarkError]) -> bytes:
    """The content of a regular file of at most `max_bytes`; problems as `open_regular`."""
    with open_regular(path, max_bytes, error) as stream:
        try:
            data = stream.read(max_bytes + 1)
        except OSError as problem:
            raise unreadable(path, problem, error) from problem
    if len(data) > max_bytes:
        raise error("the file grew while it was read", where=path, remedy="Try again when it is complete")
    return data


def read_head(path: str | Path, count: int) -> bytes:
    """The first `count` bytes of a regular file; b"" where there is none, or it cannot be read."""
    try:
        with open_regular(path, 2**63, StarmarkError) as stream:
            return stream.read(count)
    except (OSError, StarmarkError):
        return b""


def unreadable(path: str | Path, problem: Exception, error: type[StarmarkError]) -> StarmarkError:
    """The error of class `error` for an operating system's refusal to read `path`."""
    if isinstance(problem, FileNotFoundError):
        return error("there is no such file", where=path, remedy="Check the name, or whether it was moved")
    if isinstance(problem, PermissionError):
        return error("no permission to read it", where=path, remedy="Change its permissions, or choose another file")
    reason = getattr(problem, "strerror", None) or str(problem)
    return error(f"cannot be read ({reason})", where=path, remedy="Check the file and its disk")


def walk_folders(
    folder: str | Path, error: type[StarmarkError], *, recursive: bool = True
) -> Iterator[tuple[Path, list[str]]]:
    """A folder and those below it, each with its file names, sorted.

    Hidden entries are left out; linked folders are followed, but each folder is visited once, so that a link upwards
    ends. A subfolder that cannot be listed is logged and left out.

    Raises:
        StarmarkError: of the class `error`, when `folder` itself cannot be listed.
    """
    try:
        os.scandir(folder).close()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise error(f"the folder cannot be listed ({reason})", where=folder, remedy="Check the folder") from problem
    seen: set[tuple[int, int]] = set()
    waiting = [Path(folder)]  # not os.walk, which recurses: a thousand folders in each other end it
    while waiting:
        top = waiting.pop()
        try:
            status = top.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            with os.scandir(top) as entries:
                listed = sorted((entry.name, _is_folder(entry)) for entry in entries if not entry.name.startswith("."))
        except OSError as problem:  # it went away, may not be listed, or its path is too long
            _log.warning("%s: left out (%s)", top, problem.strerror)
            continue
        seen.add((status.st_dev, status.st_ino))
        if recursive:
            waiting += [top / name for name, is_folder in reversed(listed) if is_folder]
        yield top, [name for name, is_folder in listed if not is_folder]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round, or nowhere with too long a name
        return False


def is_file(path: Path) -> bool:
    """Whether there is a regular file, False also where the system refuses to say (`Path.is_file` raises then)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
