"""The .pts file of iBUG: one face's points as text.

    version: 1
    n_points: 68
    {
    x y            one line a point, in pixels; the first pixel's centre is usually (1, 1)
    }
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import FormatError
from core.face import FloatArray
from core.files import read_limited, write_atomic
from core.formats.values import MAX_COORDINATE

MAX_BYTES = 2**20
# Possessive: a run of digits has one reading, and a long one that fits nowhere must not be split in every way.
_NUMBER = r"[+-]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+"
_POINT = re.compile(rf"({_NUMBER})[\s,]++({_NUMBER})", re.ASCII)
_HEADER = re.compile(r"(\w+)\s*:\s*(\S+)")
_MAX_POINTS = 100_000


def read_pts(path: str | Path, index_base: int = 1) -> FloatArray:
    """Points of a .pts file: (N, 2) float64, x, y, image px with the first pixel's centre at (0, 0).

    Args:
        path: the file.
        index_base: what the file calls the first pixel's centre, 0 or 1; subtracted.

    Raises:
        FormatError: names the file and, where one is to blame, the line.
    """
    return parse_pts(read_limited(path, MAX_BYTES, FormatError), path, index_base)


def parse_pts(data: bytes, where: str | Path, index_base: int = 1) -> FloatArray:
    """As `read_pts`, of a file's content; `where` names it in errors."""
    lines = _lines(data, where)
    position, count = _read_header(lines, where)
    rows: list[tuple[float, float]] = []
    for number, line in lines[position:]:
        position += 1
        if line == "}":
            break
        rows.append(_point(line, where, number))
    else:
        raise _bad("the closing brace } is missing", where)
    if len(rows) != count:
        raise _bad(f"n_points says {count}, but there are {len(rows)} points", where)
    if position < len(lines):
        raise _bad("text after the closing brace", where, lines[position][0])
    return np.array(rows, dtype=np.float64).reshape(-1, 2) - index_base


def format_pts(points: NDArray[np.floating], index_base: int = 1) -> str:
    """The text of a .pts file for `points` (N, 2), image px. Numbers are the shortest that read back the same.

    Raises:
        FormatError: a point is missing (NaN), infinite or out of range, which the format cannot hold.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise ValueError(f"points must be (N, 2) with N >= 1, not {array.shape}")
    shifted = array + index_base
    if not (np.abs(shifted) <= MAX_COORDINATE).all():
        index = int(np.argmin((np.abs(shifted) <= MAX_COORDINATE).all(axis=1)))
        raise FormatError(
            f"point {index} has no place in the image, and a .pts file cannot say so",
            remedy="Place the point, or export to another format",
        )
    body = "".join(f"{float(x)!r} {float(y)!r}\n" for x, y in shifted)
    return f"version: 1\nn_points: {len(array)}\n{{\n{body}}}\n"


def write_pts(path: str | Path, points: NDArray[np.floating], index_base: int = 1, *, overwrite: bool = False) -> None:
    """Write `points` (N, 2), image px, as a .pts file, whole or not at all.

    Raises:
        FormatError: as `format_pts`.
        FileError: the file is there already and `overwrite` is False, or it cannot be written.
    """
    write_atomic(path, format_pts(points, index_base), overwrite=overwrite)


def _bad(what: str, where: str | Path, line: int | None = None) -> FormatError:
    place = str(where) if line is None else f"{where}, line {line}"
    return FormatError(what, where=place, remedy="Correct or remove the file")


def _lines(data: bytes, where: str | Path) -> list[tuple[int, str]]:
    """Numbered lines with content, stripped, without comments (from # or //)."""
    if len(data) > MAX_BYTES:
        raise _bad(f"the file is too large for a .pts file ({len(data) / 2**20:.1f} MB)", where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad("not a text file", where) from error
    if "\0" in text:
        raise _bad("not a text file", where)
    contents = (re.split(r"#|//", line, maxsplit=1)[0].strip() for line in text.splitlines())
    return [(number, content) for number, content in enumerate(contents, 1) if content]


def _read_header(lines: list[tuple[int, str]], where: str | Path) -> tuple[int, int]:
    """(position after the opening brace, number of points)."""
    values: dict[str, str] = {}
    position = 0
    for number, line in lines:
        position += 1
        if line == "{":
            break
        match = _HEADER.fullmatch(line)
        if match is None:
            raise _bad("not a .pts file, expected 'version: 1', 'n_points: N' and a brace {", where, number)
        values[match[1].lower()] = match[2]
    else:
        raise _bad("the opening brace { is missing", where)
    if values.get("version", "1") not in ("1", "1.0"):
        raise _bad(f"version {values['version'][:20]} of the format is not known, only 1", where)
    count = values.get("n_points")
    if count is None:
        raise _bad("the line 'n_points: N' is missing", where)
    if not re.fullmatch(r"\d{1,6}", count, re.ASCII) or not 1 <= int(count) <= _MAX_POINTS:
        raise _bad(f"n_points is {count[:20]!r}, not a number of points", where)
    return position, int(count)


def _point(line: str, where: str | Path, number: int) -> tuple[float, float]:
    match = _POINT.fullmatch(line)
    if match is None:
        shown = line if len(line) <= 40 else line[:37] + "..."
        raise _bad(f"expected two numbers, found {shown!r}", where, number)
    x, y = float(match[1]), float(match[2])
    if abs(x) > MAX_COORDINATE or abs(y) > MAX_COORDINATE:
        raise _bad("a coordinate is far outside any image", where, number)
    return x, y
