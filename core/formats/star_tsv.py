"""The tab-separated metadata files of STAR and ADNet: one face a line.

Columns: image path; five points ("x,y,..."); landmarks ("x,y,..."); scale; centre x; centre y; optionally tags (0 or 1,
comma-separated). Coordinates are 0-based image px as the reference uses them. A first line of column names is optional.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import FormatError, ImageError
from core.face import FloatArray, Label
from core.formats.base import (
    ImportResult,
    LabelledFace,
    ReadOptions,
    Skipped,
    choose_scheme,
    nothing_usable,
)
from core.formats.image_files import MAX_PATH, PathResolver
from core.formats.peek import Peek
from core.formats.text_lines import MAX_LINE, check_skipped, text_lines
from core.formats.values import UnusableError, number

_REMEDY = "Choose a STAR .tsv file"
_WFLW_POINTS = 98
_WFLW_TAGS = ("largepose", "expression", "illumination", "makeup", "occlusion", "blur")
# Possessive: a long run of digits that fits nowhere must not be split in every way.
_NUMBER = re.compile(r"\s*+[+-]?+(\d++\.?+\d*+|\.\d++)([eE][+-]?+\d++)?+\s*+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    points: FloatArray
    crop: tuple[float, float, float]
    tags: tuple[bool, ...]


class FormatStarTsv:
    """Importer of STAR .tsv files."""

    name = "star-tsv"
    title = "STAR: a .tsv file of image paths, landmarks, scale and centre"

    def matches(self, source: Peek) -> bool:
        """Whether it is a file named .tsv."""
        return source.suffix == ".tsv"

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file. Lines that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a file, or not one line of it usable.
        """
        base = options.index_base or 0
        rows, skipped, header = _rows(source, base)
        if not rows and not skipped:
            raise FormatError("there is no face in this file", where=source, remedy=_REMEDY)
        if not rows:
            raise nothing_usable(skipped, source)
        scheme = choose_scheme((len(row.points) for row in rows), options.scheme, source)
        root = source.parent if options.images_root is None else options.images_root
        resolver = PathResolver((row.path for row in rows), root, options.files, outside=options.outside)
        faces = []
        for done, row in enumerate(rows):
            options.tell(done, len(rows))
            where = f"{source}, line {row.line}"
            try:
                if len(row.points) != len(scheme):
                    raise UnusableError(f"has {len(row.points)} points, scheme {scheme.id} has {len(scheme)}")
                image = resolver.resolve(row.path)
                info = options.files.info(image)
            except UnusableError as error:
                skipped.append(Skipped(where, str(error)))
                continue
            except ImageError as error:
                skipped.append(Skipped(where, f"{error.where}: {error.what}"))
                continue
            label = Label(scheme.id, row.points)
            faces.append(LabelledFace(image, label, None, row.crop, _tag_names(row), where, info))
        options.tell(len(rows), len(rows))
        if not faces:
            raise nothing_usable(skipped, source)
        skipped.sort(key=lambda entry: int(entry.where.rsplit(" ", 1)[-1]))
        return ImportResult(faces, skipped, scheme.id, self.name, _notes(base, header, resolver), base)


def _notes(base: int, header: bool, resolver: PathResolver) -> list[str]:
    notes = [f"Coordinates are taken as {base}-based; the crops are the file's own."]
    if header:
        notes.append("The first line is column names.")
    return notes + resolver.notes()


def _rows(source: Path, base: int) -> tuple[list[_Row], list[Skipped], bool]:
    """Usable lines, the others with their reason, and whether the first is column names."""
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    header, first = False, True
    for line_number, line in text_lines(source, _REMEDY):
        check_skipped(skipped, source, f"{_REMEDY}, or correct it")
        if first and _is_header(line):
            header = True
        else:
            try:
                rows.append(_row(line_number, line, base))
            except UnusableError as error:
                skipped.append(Skipped(f"{source}, line {line_number}", str(error)))
        first = False
    return rows, skipped, header


def _is_header(line: str) -> bool:
    """Column names: none of the columns that must hold numbers does."""
    if len(line) > MAX_LINE:
        return False
    fields = line.split("\t")
    return len(fields) >= 6 and not any(
        _NUMBER.fullmatch(part) for text in fields[1:6] for part in text[:MAX_LINE].split(",")
    )


def _row(line_number: int, line: str, base: int) -> _Row:
    if len(line) > MAX_LINE:
        raise UnusableError("the line is too long")
    fields = line.split("\t")
    if not 6 <= len(fields) <= 7:
        raise UnusableError(f"has {len(fields)} tab-separated columns, expected 6 or 7")
    if not fields[0].strip():
        raise UnusableError("the image path is empty")
    if len(fields[0]) > MAX_PATH:
        raise UnusableError("the image path is too long")
    values = _numbers(fields[2], "landmarks")
    if not values or len(values) % 2:
        raise UnusableError(f"has {len(values)} landmark numbers, expected an even count")
    names = ("scale", "centre x", "centre y")
    scale, x, y = (number(text, name) for text, name in zip(fields[3:6], names, strict=True))
    if scale <= 0:
        raise UnusableError(f"the scale is {scale:g}, expected more than 0")
    points = np.array(values, dtype=np.float64).reshape(-1, 2) - base
    tags = fields[6].strip() if len(fields) == 7 else ""
    return _Row(line_number, fields[0].strip(), points, (scale, x - base, y - base), _tags(tags))


def _tags(text: str) -> tuple[bool, ...]:
    values = _numbers(text, "tags") if text else []
    if any(value not in (0, 1) for value in values):
        raise UnusableError("the tags are not all 0 or 1")
    return tuple(value == 1 for value in values)


def _numbers(text: str, name: str) -> list[float]:
    return [number(part, name) for part in text.rstrip(", ").split(",")] if text.strip() else []


def _tag_names(row: _Row) -> tuple[str, ...]:
    known = _WFLW_TAGS if len(row.points) == _WFLW_POINTS and len(row.tags) == len(_WFLW_TAGS) else None
    return tuple(known[i] if known else f"tag{i}" for i, tag in enumerate(row.tags) if tag)
