"""The tab-separated metadata files of STAR and ADNet: one face a line.

Columns: image path; five points ("x,y,..."); landmarks ("x,y,..."); scale; centre x; centre y; optionally tags (0 or 1,
comma-separated). Coordinates are 0-based image px as the reference uses them. A first line of column names is optional:
the reference's training takes the first line for one whatever it says, its evaluation takes every line for a face.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import FormatError, ImageError, SchemeError
from core.face import FloatArray, Label
from core.formats.base import (
    Holds,
    ImportResult,
    LabelledFace,
    ReadOptions,
    Skipped,
    WriteOptions,
    choose_scheme,
    nothing_usable,
)
from core.formats.image_files import MAX_PATH, PathResolver
from core.formats.peek import Peek
from core.formats.text_lines import MAX_LINE, check_skipped, line_path, text_lines
from core.formats.values import MAX_COORDINATE, UnusableError, number, number_array
from core.formats.wflw import ATTRIBUTES, tags_left_out
from core.scheme import Scheme
from core.scheme_map import SchemeMap, convert_label, find_map
from core.transforms import Crop, crop_from_points

_REMEDY = "Choose a STAR .tsv file"
_FIVE = "face-5"
_COLUMNS = ("image_path", "landmarks_5", "landmarks", "scale", "center_x", "center_y", "tags")
# Where the reference's (unused) way by five points wants them, in half crop sides from the middle.
_TEMPLATE = (np.array([(196, 226), (316, 226), (256, 286), (220, 360.4), (292, 360.4)]) / 256 - 1) * 1.25
# Possessive: a long run of digits that fits nowhere must not be split in every way.
_NUMBER = re.compile(r"\s*+[+-]?+(\d++\.?+\d*+|\.\d++)([eE][+-]?+\d++)?+\s*+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    five: tuple[float, ...]
    points: FloatArray
    crop: tuple[float, float, float]
    tags: tuple[bool, ...]


class FormatStarTsv:
    """STAR .tsv files."""

    name = "star-tsv"
    title = "STAR: a .tsv file of image paths, landmarks, scale and centre"
    kind: Literal["file", "folder"] = "file"
    suffix = ".tsv"
    holds = Holds(crop=True, tags=True)

    def matches(self, source: Peek) -> bool:
        """Whether it is a file named .tsv."""
        return source.suffix == self.suffix

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
            extras = {"five_points": list(row.five)} if row.five else {}
            faces.append(LabelledFace(image, label, None, row.crop, _tag_names(row), where, info, extras))
        options.tell(len(rows), len(rows))
        if not faces:
            raise nothing_usable(skipped, source)
        skipped.sort(key=lambda entry: int(entry.where.rsplit(" ", 1)[-1]))
        return ImportResult(faces, skipped, scheme.id, self.name, _notes(base, header, resolver), base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a line a face; a face without crop gets that of its landmarks, tags only where there are some."""
        base = options.index_base or 0
        way = _way_to_five(scheme)
        tagged = any(tag in ATTRIBUTES for face in faces for tag in face.tags)
        cropless = 0
        with place.open("w", encoding="utf-8", newline="\n") as stream:
            if options.header:
                stream.write("\t".join(_COLUMNS[: 6 + tagged]) + "\n")
            for done, face in enumerate(faces):
                options.tell(done, len(faces))
                cropless += face.crop is None
                stream.write("\t".join(_fields(face, way, tagged, base, options)) + "\n")
        options.tell(len(faces), len(faces))
        notes = [f"Coordinates are written {base}-based; the file does not say so itself."]
        if not options.header:
            notes.append("There is no line of column names: STAR's training would take the first face for one.")
        if way is None and scheme.id != _FIVE:
            notes.append(f"The five points are guessed from the crops, for it is not known how {scheme.id} has them.")
        if cropless:
            notes.append(f"{cropless} faces have no crop; that of their landmarks' extent was written.")
        return notes + tags_left_out(faces)


def _fields(
    face: LabelledFace, way: SchemeMap | None, tagged: bool, base: int, options: WriteOptions
) -> list[str]:
    crop = Crop(*face.crop) if face.crop is not None else _crop(face.label.points)
    five = _five(face, way, crop)
    centre = np.array((crop.cx, crop.cy))
    tags = [",".join(str(int(name in face.tags)) for name in ATTRIBUTES)] if tagged else []
    return [
        line_path(options.path_of(face.image)),
        _joined(five + base),
        _joined(face.label.points + base),
        repr(float(crop.scale)),
        *(repr(float(value)) for value in centre + base),
        *tags,
    ]


def _joined(values: FloatArray) -> str:
    return ",".join(repr(float(value)) for value in values.ravel())


def _crop(points: FloatArray) -> Crop:
    try:
        return crop_from_points(points)
    except ValueError:  # all in one place, which is no face, but no reason to write none of the others either
        return Crop.square(float(points[0, 0]), float(points[0, 1]), 1.0)


def _way_to_five(scheme: Scheme) -> SchemeMap | None:
    try:
        return None if scheme.id == _FIVE else find_map(scheme.id, _FIVE)
    except SchemeError:
        return None


def _five(face: LabelledFace, way: SchemeMap | None, crop: Crop) -> FloatArray:
    """(5, 2) eyes, nose tip, mouth corners, image px: as they were read, else from the landmarks, else a guess."""
    known = face.extras.get("five_points")
    if _are_five(known):
        return np.array(known, dtype=np.float64).reshape(5, 2)
    if face.label.scheme == _FIVE:
        return face.label.points
    if way is not None:
        return convert_label(face.label, way).points
    return np.array((crop.cx, crop.cy)) + _TEMPLATE * (crop.size_px / 2)


def _are_five(values: Any) -> bool:
    """Whether a value out of the extras, which may be anything, is ten coordinates."""
    return (
        isinstance(values, list)
        and len(values) == 10
        and all(isinstance(value, int | float) and abs(value) <= MAX_COORDINATE for value in values)
    )


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
    five = _five_read(fields[1], base)
    return _Row(line_number, fields[0].strip(), five, points, (scale, x - base, y - base), _tags(tags))


def _five_read(text: str, base: int) -> tuple[float, ...]:
    """The ten numbers of the five points; none where they are not, for nothing hangs on them."""
    try:
        values = _numbers(text, "five points")
    except UnusableError:
        return ()
    return tuple(value - base for value in values) if len(values) == 10 else ()


def _tags(text: str) -> tuple[bool, ...]:
    values = _numbers(text, "tags") if text else []
    if any(value not in (0, 1) for value in values):
        raise UnusableError("the tags are not all 0 or 1")
    return tuple(value == 1 for value in values)


def _numbers(text: str, name: str) -> list[float]:
    return number_array(text.rstrip(", ").split(","), name).tolist() if text.strip() else []


def _tag_names(row: _Row) -> tuple[str, ...]:
    known = len(row.tags) == len(ATTRIBUTES)
    return tuple(ATTRIBUTES[i] if known else f"tag{i}" for i, tag in enumerate(row.tags) if tag)
