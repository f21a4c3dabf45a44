"""A first look at something to be opened: enough to tell formats apart, and never much work."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from core.errors import FormatError
from core.files import is_file, read_head, walk_folders

HEAD_BYTES = 65536
_MAX_FOLDERS = 200  # looked into before giving up on finding a file of a kind


class Peek:
    """A file or folder, as far as telling its format needs it. Reads lazily and raises nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return is_file(self.path)

    @property
    def suffix(self) -> str:
        """The file's suffix in lower case, "" for a folder."""
        return self.path.suffix.lower() if self.is_file else ""

    @cached_property
    def head(self) -> bytes:
        """The first 64 KB of the file, b"" for a folder or where it cannot be read."""
        return read_head(self.path, HEAD_BYTES) if self.is_file else b""

    @cached_property
    def text(self) -> str:
        """`head` as text, without a byte order mark; what is no UTF-8 becomes U+FFFD."""
        return self.head.decode("utf-8", "replace").removeprefix("\ufeff")

    @cached_property
    def _names(self) -> list[Path]:
        found: list[Path] = []
        if self.is_file:
            return found
        try:
            for number, (folder, names) in enumerate(walk_folders(self.path, FormatError)):
                found += [folder / name for name in names]
                if number + 1 >= _MAX_FOLDERS:
                    break
        except FormatError:
            pass
        return found

    def first(self, *suffixes: str) -> Peek | None:
        """The first file with one of these suffixes in the folder or not far below it."""
        path = next((path for path in self._names if path.suffix.lower() in suffixes), None)
        return None if path is None else Peek(path)
