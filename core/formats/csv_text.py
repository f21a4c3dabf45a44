"""CSV as text: rows within bounds, and cells that a spreadsheet must not run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from core.errors import FormatError
from core.files import open_regular
from core.formats.values import NUMBER

MAX_BYTES = 512 * 2**20
_MAX_LINE = 2**20
_MAX_ROWS = 2_000_000
_MAX_LINES_OF_ROW = 1000
_REMEDY = "Correct the file, or save it again as CSV (UTF-8)"
_FORMULA = "=+-@\t\r\n＝＋－＠"
_ESCAPED = re.compile(f"'[{_FORMULA}']")


def csv_rows(source: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of its last line. UTF-8, perhaps with a byte order mark.

    Raises:
        FormatError: no text, quotes that do not close, or more than can be meant; says the line.
    """
    line = 0
    with open_regular(source, MAX_BYTES, FormatError) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        bounded = _Lines(text, source)
        reader = csv.reader(bounded, delimiter=delimiter, strict=True)
        with closing(text):
            try:
                for cells in reader:
                    line = reader.line_num
                    bounded.row_starts = line
                    if any(cells):
                        yield line, cells
            except csv.Error as error:
                where = f"{source}, line {reader.line_num}"
                raise FormatError(f"the line cannot be read as CSV ({error})", where=where, remedy=_REMEDY) from error
            except UnicodeDecodeError as error:
                raise FormatError("not UTF-8 text", where=source, remedy=_REMEDY) from error


class _Lines:
    """The lines of a file, as long as they and the rows that they make stay within bounds."""

    def __init__(self, text: io.TextIOWrapper, source: Path) -> None:
        self._text = text
        self._source = source
        self._count = 0
        self.row_starts = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_MAX_LINE + 1)
        if not line:
            raise StopIteration
        self._count += 1
        what = None
        if len(line) > _MAX_LINE:
            what = "the line is too long"
        elif self._count - self.row_starts > _MAX_LINES_OF_ROW:
            what = "the row has too many lines; a quote may not be closed"
        elif self._count > _MAX_ROWS:
            what = "too many lines"
        if what is not None:
            raise FormatError(what, where=f"{self._source}, line {self._count}", remedy=_REMEDY)
        return line


def first_row(text: str, delimiter: str) -> list[str]:
    """The cells of the first line of `text`; none if that is no CSV."""
    try:
        return next(csv.reader([text.split("\n", 1)[0].rstrip("\r")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def escaped(text: str) -> str:
    """`text` for a cell: with an apostrophe before it where a spreadsheet would run it. Numbers stay as they are."""
    if _ESCAPED.match(text) or (text.startswith(tuple(_FORMULA)) and NUMBER.fullmatch(text) is None):
        return f"'{text}"
    return text


def unescaped(text: str) -> str:
    """The text that `escaped` made a cell of; other cells stay as they are."""
    return text[1:] if _ESCAPED.match(text) else text
