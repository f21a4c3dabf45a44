"""Plain CSV: one face a row (`core.formats.table`), for spreadsheets and scripts. Coordinates are 0-based px."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from core.errors import FormatError
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions
from core.formats.csv_text import csv_rows, escaped, first_row
from core.formats.gathering import gather
from core.formats.peek import Peek
from core.formats.table import COLUMNS, STATES, TableReader, find_layout, tags_text
from core.formats.values import UnusableError
from core.scheme import Scheme

_DELIMITERS = ",;\t"
_LEAST_POINTS = 4  # by which a table is told from one that has a centre_x and centre_y


class FormatCsv:
    """Reads and writes one table; reads those of other programs and of `predict`, too."""

    name = "csv"
    title = "CSV: a table with a column of images and columns x0, y0, x1 ..."
    kind: Literal["file", "folder"] = "file"
    suffix = ".csv"
    holds = Holds(
        missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, extras=True, empty=True
    )  # fmt: skip

    def matches(self, source: Peek) -> bool:
        """Whether it is a text file whose first line names images and points."""
        return source.suffix in (".csv", ".tsv", ".txt") and _delimiter(source) is not None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the table. Rows that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a table, or not one row of it usable.
        """
        base = options.index_base or 0
        skipped: list[Skipped] = []
        delimiter = _delimiter(Peek(source)) or ","
        rows = csv_rows(source, delimiter)
        _, header = next(rows, (0, []))
        reader = TableReader(header, source, options.scheme, skipped)
        for line, cells in rows:
            reader.add(f"{source}, line {line}", cells)
        entries = reader.entries()
        options = replace(options, scheme=reader.scheme)
        faces, scheme, notes = gather(entries, skipped, source, options, (source.parent,), base)
        notes = [f"Coordinates are taken as {base}-based.", *reader.notes(), *notes]
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a row a face. Columns of visibility only where a point is occluded or outside."""
        base = options.index_base or 0
        states = any(((face.label.visibility > 0) & (face.label.visibility < 3)).any() for face in faces)
        axes = "xyv" if states else "xy"
        done = 0
        with place.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow([*COLUMNS, *(f"{axis}{index}" for index in range(len(scheme)) for axis in axes)])
            for image, group in groupby(faces, key=lambda face: face.image):
                path = options.path_of(image)
                if not path.isprintable():
                    what = "the image's path has characters that a line of text cannot hold"
                    raise FormatError(what, where=path, remedy="Rename it, or choose another format")
                for number, face in enumerate(group):
                    rows.writerow([*_head(face, path, number, base), *_points(face, base, states)])
                    options.tell(done, len(faces))
                    done += 1
        options.tell(done, len(faces))
        return []


def _delimiter(source: Peek) -> str | None:
    """The delimiter by which the first line names images and points; None if there is none."""
    for delimiter in _DELIMITERS:
        try:
            layout = find_layout(first_row(source.text, delimiter))
            if layout is not None and (layout.long or len(layout.points) >= _LEAST_POINTS):
                return delimiter
        except UnusableError:
            continue
    return None


def _head(face: LabelledFace, path: str, number: int, base: int) -> list[Any]:
    box: Sequence[Any] = ("",) * 4
    if face.box is not None:
        box = (face.box.x + base, face.box.y + base, face.box.w, face.box.h)
    crop: Sequence[Any] = ("",) * 3
    if face.crop is not None:
        crop = (face.crop[0], face.crop[1] + base, face.crop[2] + base)
    extras = json.dumps(dict(face.extras), ensure_ascii=True) if face.extras else ""
    return [
        escaped(path), number, escaped(face.label.scheme), *box, *crop, escaped(tags_text(face.tags)), extras,
    ]  # fmt: skip


def _points(face: LabelledFace, base: int, states: bool) -> list[Any]:
    cells: list[Any] = []
    for (x, y), state in zip((face.label.points + base).tolist(), face.label.visibility.tolist(), strict=True):
        cells += (x, y) if x == x else ("", "")
        if states:
            cells.append(STATES[state])
    return cells
