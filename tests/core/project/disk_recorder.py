"""Records what reaches the disk, and when it is synced: SQLite's writes at its own file layer, and Python's renames.

SQLite asks a table of functions, the VFS (https://www.sqlite.org/vfs.html), to open files; what that returns has a
table of its own to write, cut and sync them. Both are wrapped in place. Only on Linux, where a descriptor tells its
path; only for a process that does nothing else.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import sqlite3
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any

Event = tuple[Any, ...]
"""("create", name, file), ("write", file, offset, bytes), ("truncate", file, size), ("sync", file),
("unlink", name), ("rename", old, new), ("link", old, new), ("sync names",), ("ack", ...); `file` is a number."""

# Paths as plain pointers: SQLite keeps the one that it opens a file by.
_OPEN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_WRITE = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = ctypes.CFUNCTYPE(c_int, c_void_p, c_int)
_METHODS = 19
"""Pointers in the third version of sqlite3_io_methods: the version's number, then 18 functions."""

_JOURNALS = 0x00000800 | 0x00004000 | 0x00080000
"""SQLITE_OPEN_MAIN_JOURNAL, _SUPER_JOURNAL and _WAL: with their first sync SQLite syncs the folder too."""


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", c_int), ("file_bytes", c_int), ("path_bytes", c_int), ("next", c_void_p), ("name", c_char_p),
        ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p),
    )  # fmt: skip


class Recorder:
    """`events` in the order they happened, of files right in `folder`; those that are there already have no event."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.path.realpath(folder)
        self.events: list[Event] = []
        self._files: dict[str, int] = {}
        self._next = 0
        for path in sorted(Path(folder).iterdir()):
            self._number(path.name)
        self.known = dict(self._files)
        self._open: dict[int, int] = {}
        self._unsynced_names: set[int] = set()
        self._tables: dict[int, Any] = {}
        self._kept: list[Any] = []

    def install(self) -> bool:
        """Record from now on; False where Python's SQLite cannot be reached."""
        path = getattr(_sqlite3, "__file__", None)
        library = ctypes.CDLL(path)
        if not hasattr(library, "sqlite3_vfs_find"):
            return False
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        library.sqlite3_vfs_find.argtypes = [c_char_p]
        vfs = library.sqlite3_vfs_find(None).contents
        open_file, delete = _OPEN(vfs.open), _DELETE(vfs.delete)

        def opened(vfs_at: int, path: int | None, file: int, flags: int, out: int) -> int:
            name = None if path is None else self._name(ctypes.string_at(path))
            code = open_file(vfs_at, path, file, flags, out)
            if code == 0 and name is not None:
                self._watch(name, file, flags)
            return code

        def deleted(vfs_at: int, path: bytes, sync: int) -> int:
            name = self._name(path)
            if name in self._files:
                self._unlinked(name)
            code = delete(vfs_at, path, sync)
            if sync & 1 and name is not None:
                self.events.append(("sync names",))
            return code

        vfs.open, vfs.delete = self._keep(_OPEN(opened)), self._keep(_DELETE(deleted))
        self._wrap_system()
        with_probe = Path(self.folder, ".probe")
        sqlite3.connect(with_probe).execute("CREATE TABLE t (x)").connection.close()
        with_probe.unlink()
        heard = any(event[0] == "write" for event in self.events)
        self.events.clear()
        return heard

    def acknowledge(self, *what: Any) -> None:
        self.events.append(("ack", *what))

    def _keep(self, function: Any) -> int | None:
        self._kept.append(function)
        return ctypes.cast(function, c_void_p).value

    def _name(self, path: bytes | str | os.PathLike[str]) -> str | None:
        """The name in the folder, None for a file elsewhere."""
        found = Path(self.folder, os.fsdecode(path))
        return found.name if str(found.parent) == self.folder else None

    def _number(self, name: str) -> int:
        if name not in self._files:
            self._files[name] = self._next
            self._next += 1
        return self._files[name]

    def _created(self, name: str) -> None:
        if name not in self._files:
            self.events.append(("create", name, self._number(name)))

    def _unlinked(self, name: str) -> None:
        self._files.pop(name, None)
        self.events.append(("unlink", name))

    def _watch(self, name: str, file: int, flags: int) -> None:
        """Put a table of our own in the place of that of the file just opened."""
        fresh = name not in self._files
        self._created(name)
        number = self._open[file] = self._files[name]
        if fresh and flags & _JOURNALS:
            self._unsynced_names.add(number)
        methods = c_void_p.from_address(file)
        if methods.value not in self._tables:
            self._tables[methods.value] = self._table(methods.value)
        methods.value = ctypes.addressof(self._tables[methods.value])

    def _table(self, at: int | None) -> Any:
        assert at is not None
        old = (c_void_p * _METHODS).from_address(at)
        if ctypes.cast(at, ctypes.POINTER(c_int))[0] < 3:
            raise RuntimeError("an older SQLite than this recorder knows")
        table = (c_void_p * _METHODS)(*old)
        write, truncate, sync = _WRITE(old[3]), _TRUNCATE(old[4]), _SYNC(old[5])

        def wrote(file: int, data: int, count: int, offset: int) -> int:
            self.events.append(("write", self._open[file], offset, ctypes.string_at(data, count)))
            return write(file, data, count, offset)

        def cut(file: int, size: int) -> int:
            self.events.append(("truncate", self._open[file], size))
            return truncate(file, size)

        def synced(file: int, flags: int) -> int:
            code = sync(file, flags)
            number = self._open[file]
            self.events.append(("sync", number))
            if number in self._unsynced_names:
                self._unsynced_names.discard(number)
                self.events.append(("sync names",))
            return code

        table[3], table[4], table[5] = map(self._keep, (_WRITE(wrote), _TRUNCATE(cut), _SYNC(synced)))
        return table

    def _wrap_system(self) -> None:
        """What the program does to files without SQLite."""
        original: dict[str, Callable[..., Any]] = {}

        def wrap(function: str, told: Callable[..., None]) -> None:
            original[function] = getattr(os, function)

            def wrapped(*arguments: Any, **options: Any) -> Any:
                result = original[function](*arguments, **options)
                told(*arguments)
                return result

            setattr(os, function, wrapped)

        def removed(path: Any, *_: Any) -> None:
            name = self._name(path)
            if name in self._files:
                self._unlinked(name)

        def moved(old: Any, new: Any, *_: Any) -> None:
            one, other = self._name(old), self._name(new)
            if one is not None and other is not None:
                self._files[other] = self._files.pop(one)
                self.events.append(("rename", one, other))

        def linked(old: Any, new: Any, *_: Any) -> None:
            one, other = self._name(old), self._name(new)
            if one is not None and other is not None:
                self._files[other] = self._files[one]
                self.events.append(("link", one, other))

        def opened(path: Any, flags: int, *_: Any) -> None:
            name = self._name(path) if flags & os.O_CREAT else None
            if name is not None:
                self._created(name)

        def synced(handle: int) -> None:
            path = str(Path(f"/proc/self/fd/{handle}").readlink())
            name = self._name(path)
            if path == self.folder:
                self.events.append(("sync names",))
            elif name in self._files:
                self.events.append(("sync", self._files[name]))

        for function, told in (
            ("unlink", removed), ("remove", removed), ("replace", moved), ("rename", moved), ("link", linked),
            ("open", opened), ("fsync", synced),
        ):  # fmt: skip
            wrap(function, told)
