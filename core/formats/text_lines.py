"""Text files of one entry a line: bounded in lines and their length, and paths that such a line can hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from core.errors import FormatError
from core.files import read_limited
from core.formats.base import Skipped

MAX_BYTES = 512 * 2**20
MAX_LINE = 2**16
_MAX_LINES = 1_000_000
_MAX_SKIPPED = 100_000


def text_lines(source: Path, remedy: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, without their ends, with their numbers from 1. UTF-8, perhaps with a byte order mark.

    A line of more than MAX_LINE characters comes cut, but still longer than that.

    Raises:
        FormatError: not text, or too many lines; `remedy` says what to choose instead.
    """
    for number, raw in enumerate(io.BytesIO(read_limited(source, MAX_BYTES, FormatError)), 1):
        if number > _MAX_LINES:
            raise FormatError("too many lines", where=source, remedy="Divide it into several files")
        if not raw.isspace():
            yield number, _text(raw, source, remedy)


def _text(raw: bytes, source: Path, remedy: str) -> str:
    if len(raw) > 4 * MAX_LINE:
        return "-" * (MAX_LINE + 1)  # too long whatever it says, and not worth decoding
    try:
        return raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise FormatError("not a text file", where=source, remedy=remedy) from error


def check_skipped(skipped: list[Skipped], source: Path, remedy: str) -> None:
    """FormatError once so many lines are unusable that the file cannot be what it was taken for."""
    if len(skipped) > _MAX_SKIPPED:
        what = f"too many unusable lines; the last: {skipped[-1].reason}"
        raise FormatError(what, where=source, remedy=remedy)


def line_path(path: str) -> str:
    """An image path for a line where spaces or tabs separate fields.

    Raises:
        FormatError: it has a line end or a tab, begins or ends with a space, or is not text.
    """
    if not path.isprintable() or path != path.strip():  # a name that is no UTF-8 has lone surrogates
        what = "the image's path has characters that a line of text cannot hold"
        raise FormatError(what, where=path, remedy="Rename it, or choose another format")
    return path
