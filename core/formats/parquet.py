"""Parquet: one face a row, with lists of x, y and visibility; for data sets of many faces and for pandas.

Columns are those of `core.formats.table`, with tags as a list and the points in three lists x, y, visibility (words as
in tables, "visible" for 0). The key `starmark` of the file's metadata is JSON: version, scheme, names of the points.
Tables of other programs with columns x0, y0 ... are read, too. Coordinates are 0-based px.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal

from core.errors import FormatError, one_line, shown
from core.files import open_regular
from core.formats.base import MAX_EXTRAS, Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions
from core.formats.gathering import gather
from core.formats.image_files import MAX_PATH
from core.formats.parquet_layout import check_layout
from core.formats.peek import Peek
from core.formats.table import COLUMNS, STATES, TableReader, tags_text
from core.formats.values import MAX_POINTS
from core.scheme import Scheme, known_schemes

KEY = b"starmark"
VERSION = 1
_MAGIC = b"PAR1"
_MAX_BYTES = 1024 * 2**20
_BATCH = 250  # rows held at a time
_GROUP = 1000  # faces in each row group that is written
_MAX_WORD = 200  # letters of a text in a list
_MAX_TEXT = 2 * max(MAX_EXTRAS, MAX_PATH)
_REMEDY = "Choose a Parquet file with a column of images, and lists x and y or columns x0, y0 ..."
_LISTS = ("x", "y", "visibility")


class FormatParquet:
    """Reads and writes one file."""

    name = "parquet"
    title = "Parquet: a table with a column of images and lists x, y"
    kind: Literal["file", "folder"] = "file"
    suffix = ".parquet"
    holds = Holds(
        missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, extras=True, empty=True
    )  # fmt: skip

    def matches(self, source: Peek) -> bool:
        """Whether the file begins as Parquet files do."""
        return source.head.startswith(_MAGIC)

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file, one row group after the other. Rows that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a file, one that unpacks to too much, or not one row of it usable.
        """
        base = options.index_base or 0
        skipped: list[Skipped] = []
        with _opened(source) as file:
            names, scheme, notes = _described(file, source)
            scheme = options.scheme or scheme
            reader, left_out = _read(file, source, names, scheme, skipped)
        entries = reader.entries()
        options = replace(options, scheme=reader.scheme)
        faces, scheme, more = gather(entries, skipped, source, options, (source.parent,), base)
        notes = [f"Coordinates are taken as {base}-based.", *notes, *left_out, *reader.notes(), *more]
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a row a face."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        base = options.index_base or 0
        head = {"version": VERSION, "scheme": scheme.id, "points": list(scheme.points)}
        schema = _schema().with_metadata({KEY: json.dumps(head).encode()})
        rows = _rows(faces, base, options)
        with pq.ParquetWriter(place, schema) as writer:
            while group := list(islice(rows, _GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema))
        options.tell(len(faces), len(faces))
        return []


def _schema() -> Any:
    import pyarrow as pa

    numbers = [(name, pa.float64()) for name in COLUMNS[3:10]]
    return pa.schema([
        ("image", pa.string()), ("face", pa.int32()), ("scheme", pa.string()), *numbers,
        ("tags", pa.list_(pa.string())), ("extras", pa.string()),
        ("x", pa.list_(pa.float64())), ("y", pa.list_(pa.float64())), ("visibility", pa.list_(pa.string())),
    ])  # fmt: skip


def _rows(faces: Sequence[LabelledFace], base: int, options: WriteOptions) -> Iterator[dict[str, Any]]:
    words = ("visible", *STATES[1:])
    done = 0
    for image, group in groupby(faces, key=lambda face: face.image):
        path = options.path_of(image)
        try:
            path.encode()
        except UnicodeEncodeError as error:
            what = "the image's path is no text"
            raise FormatError(what, where=path, remedy="Rename it, or choose another format") from error
        for number, face in enumerate(group):
            options.tell(done, len(faces))
            done += 1
            row: dict[str, Any] = {"image": path, "face": number, "scheme": face.label.scheme, "tags": list(face.tags)}
            if face.box is not None:
                box = face.box
                row |= zip(COLUMNS[3:7], (box.x + base, box.y + base, box.w, box.h), strict=True)
            if face.crop is not None:
                crop = face.crop
                row |= zip(COLUMNS[7:10], (crop[0], crop[1] + base, crop[2] + base), strict=True)
            if face.extras:
                row["extras"] = json.dumps(dict(face.extras))
            points = (face.label.points + base).tolist()
            for axis, name in enumerate("xy"):
                row[name] = [point[axis] if point[axis] == point[axis] else None for point in points]
            row["visibility"] = [words[state] for state in face.label.visibility.tolist()]
            yield row


@contextmanager
def _opened(source: Path) -> Iterator[Any]:
    """The file, if it is one that may be read; what goes wrong while it is open is a FormatError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_regular(source, _MAX_BYTES, FormatError) as stream:
        try:
            check_layout(stream, source)
            stream.seek(0)
            schema = pq.read_metadata(stream).schema
            if len(schema) > 4 * MAX_POINTS:
                what = f"the file has too many columns ({len(schema):,}, at most {4 * MAX_POINTS:,})"
                raise FormatError(what, where=source, remedy=_REMEDY)
            stream.seek(0)
            # Texts stay in dictionaries while reading: one long text in many rows is then one text.
            columns = [schema.column(index) for index in range(len(schema))]
            texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
            yield pq.ParquetFile(stream, read_dictionary=texts, pre_buffer=False)
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
            what = f"the file cannot be read as Parquet ({one_line(str(error))[:100]})"
            raise FormatError(what, where=source, remedy="Replace it by a whole copy") from error
        except MemoryError as error:
            raise FormatError("the file unpacks to too much", where=source, remedy="Divide it") from error


def _described(file: Any, source: Path) -> tuple[tuple[str, ...] | None, Scheme | None, list[str]]:
    """(names of the points in the lists, scheme, notes) as the file's own metadata say."""
    text = (file.schema_arrow.metadata or {}).get(KEY)
    if text is None:
        return None, None, []
    version: Any = None
    try:
        data = json.loads(text)
        version, name, points = data["version"], data["scheme"], data["points"]
        good = isinstance(version, int) and isinstance(name, str) and isinstance(points, list)
        good = good and len(points) <= MAX_POINTS and all(isinstance(point, str) for point in points)
    except (ValueError, TypeError, KeyError, RecursionError):
        good = False
    if not good:
        raise FormatError("the key 'starmark' of its metadata is damaged", where=source, remedy=_REMEDY)
    if version > VERSION:
        what = f"the file is of version {version}, a newer one than this program knows"
        raise FormatError(what, where=source, remedy="Update Starmark")
    known = known_schemes().get(name)
    notes = [] if known is not None else [f"The file's scheme {shown(name, 40)} is not known; its point names decide."]
    return tuple(points), known, notes


def _read(
    file: Any, source: Path, names: tuple[str, ...] | None, scheme: Scheme | None, skipped: list[Skipped]
) -> tuple[TableReader, list[str]]:
    schema = file.schema_arrow
    kinds = {name: _kind(schema.field(index).type) for index, name in enumerate(schema.names)}
    columns = [name for name, kind in kinds.items() if kind != "other"]
    if len(kinds) != len(schema.names):
        raise FormatError("the file has two columns of one name", where=source, remedy=_REMEDY)
    lists = kinds.get("x") == "list" and kinds.get("y") == "list"
    columns = [name for name in columns if kinds[name] == "plain" or name in ("tags", *(_LISTS if lists else ()))]
    reader = TableReader(columns, source, scheme, skipped, lists=lists, names=names)
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=columns, use_threads=False):
        cells = [_values(batch.column(batch.schema.get_field_index(name)), source) for name in columns]
        tags = columns.index("tags") if "tags" in columns else None
        for row in zip(*cells, strict=True):
            values = list(row)
            if tags is not None and isinstance(values[tags], list):
                values[tags] = tags_text([tag for tag in values[tags] if isinstance(tag, str)])
            reader.add(f"{source}, row {number}", values)
            number += 1
    left_out = [name for name in kinds if name not in columns]
    some = ", ".join(shown(name, 30) for name in left_out[:3])
    return reader, [f"Columns of kinds that are not read were left out: {some}."] if left_out else []


def _kind(type_: Any) -> str:
    """ "plain" (numbers, texts, truth), "list" of these, or "other"."""
    import pyarrow.types as types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if types.is_list(type_) or types.is_large_list(type_):
        return "list" if _kind(type_.value_type) == "plain" else "other"
    plain = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    return "plain" if any(is_kind(type_) for is_kind in plain) or types.is_null(type_) else "other"


def _values(column: Any, source: Path) -> list[Any]:
    """The column's values, once nothing in it is too long to become Python objects."""
    import pyarrow as pa
    import pyarrow.compute as pc

    longest, inner = 0, column
    limit = _MAX_TEXT
    if isinstance(column, pa.ListArray | pa.LargeListArray):
        longest = pc.max(pc.list_value_length(column)).as_py() or 0
        inner, limit = column.flatten(), _MAX_WORD
    if longest <= MAX_POINTS:
        texts = inner.dictionary if isinstance(inner, pa.DictionaryArray) else inner
        if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
            longest = pc.max(pc.binary_length(texts)).as_py() or 0
    else:
        limit = MAX_POINTS
    if longest > limit:
        what = f"a value is too long ({longest:,}, at most {limit:,})"
        raise FormatError(what, where=source, remedy=_REMEDY)
    values: list[Any] = column.to_pylist()
    return values
