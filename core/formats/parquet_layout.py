"""What a Parquet file says of itself, looked at before its decoder may: that believes every size, and some of its own
checks end the process instead of raising.

The footer and the head of each page are structs in Thrift's compact encoding. Only the few numbers that tell how much
there will be are understood; the names of their fields in the format's definition stand beside them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import FormatError

_MAGIC = b"PAR1"
_MAX_FOOTER = 4 * 2**20
_MAX_HEAD = 2**20
_MAX_PAGE = 64 * 2**20
_MAX_CHUNK = 512 * 2**20
"""Bytes of a page, and of a column in a row group, once they are unpacked."""

_MAX_CHUNKS = 100_000
_MAX_PAGES = 100_000
_MAX_DEPTH = 12
# What a file may hold for its size: repeated values take next to no bytes, but faces are not all the same.
_FREE_ROWS, _LEAST_ROW = 2000, 16
_FREE_VALUES, _MOST_VALUES = 1_000_000, 16

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_WHOLE = (4, 5, 6)
_ROWS, _GROUPS = 3, 4  # FileMetaData: num_rows, row_groups
_COLUMNS, _GROUP_ROWS = 1, 3  # RowGroup: columns, num_rows
_ELSEWHERE, _OF_CHUNK = 1, 3  # ColumnChunk: file_path, meta_data
_VALUES, _LENGTH, _DATA, _DICTIONARY = 5, 7, 9, 11
"""ColumnMetaData: num_values, total_compressed_size, data_page_offset, dictionary_page_offset."""

_UNPACKED, _PACKED = 2, 3  # PageHeader: uncompressed_page_size, compressed_page_size


def check_layout(stream: BinaryIO, source: Path) -> None:
    """Look at the footer and at the head of every page.

    Raises:
        FormatError: it is no Parquet file, claims more rows or values than its bytes can hold, or unpacks to too much.
    """
    size = source.stat().st_size
    try:
        footer = _footer(stream, size)
        rows, values, chunks = _claims(footer)
        if not 0 <= rows <= _FREE_ROWS + size // _LEAST_ROW:
            raise _too_much(f"the file claims {rows:,} rows in {size:,} bytes", source)
        if not 0 <= values <= _FREE_VALUES + _MOST_VALUES * size:
            raise _too_much(f"the file claims {values:,} values in {size:,} bytes", source)
        pages = 0
        for start, end in chunks:
            if not 0 <= start <= end <= size:
                raise ValueError("a column lies outside the file")
            pages += _unpacked(stream, start, end, source)
            if pages > _MAX_PAGES:
                raise _too_much("the file has too many pages", source)
    except (IndexError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        what = "the file is damaged, or no Parquet file"
        raise FormatError(what, where=source, remedy="Replace it by a whole copy") from error


def _too_much(what: str, source: Path) -> FormatError:
    return FormatError(what, where=source, remedy="Write it again in smaller parts, or choose another format")


def _footer(stream: BinaryIO, size: int) -> dict[int, Any]:
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    length = struct.unpack("<I", tail[:4])[0]
    if tail[4:] != _MAGIC or length > min(_MAX_FOOTER, size - 12):
        raise ValueError("no footer")
    stream.seek(size - 8 - length)
    return _struct(stream.read(length), 0, 0)[0]


def _claims(footer: dict[int, Any]) -> tuple[int, int, list[tuple[int, int]]]:
    """(rows, values, first and last byte of each column in each row group)."""
    rows = int(footer[_ROWS])
    in_groups = values = 0
    chunks = []
    for group in footer[_GROUPS]:
        in_groups += abs(int(group[_GROUP_ROWS]))
        for column in group[_COLUMNS]:
            if _ELSEWHERE in column:
                raise ValueError("a column lies in another file")
            about = column[_OF_CHUNK]
            values += abs(int(about[_VALUES]))
            start = min(int(about[_DATA]), int(about.get(_DICTIONARY, about[_DATA])))
            chunks.append((start, start + int(about[_LENGTH])))
            if len(chunks) > _MAX_CHUNKS:
                raise ValueError("too many columns")
    return max(rows, in_groups, key=abs), values, chunks


def _unpacked(stream: BinaryIO, place: int, end: int, source: Path) -> int:
    """The number of pages from `place` to `end`, once it is clear that they unpack to a size that can be read."""
    unpacked = pages = 0
    while place < end:
        stream.seek(place)
        data = stream.read(min(512, end - place))
        try:
            head, used = _struct(data, 0, 0)
        except IndexError:  # one with long statistics
            data += stream.read(max(0, min(_MAX_HEAD, end - place - len(data))))
            head, used = _struct(data, 0, 0)
        page, packed = int(head[_UNPACKED]), int(head[_PACKED])
        if page < 0 or packed < 0:
            raise ValueError("a page has a negative size")
        unpacked += page
        if page > _MAX_PAGE or unpacked > _MAX_CHUNK:
            raise _too_much(f"a column unpacks to more than {unpacked / 2**20:.0f} MB", source)
        place += used + packed
        pages += 1
        if pages > _MAX_PAGES:
            raise _too_much("the file has too many pages", source)
    return pages


def _struct(data: bytes, place: int, depth: int) -> tuple[dict[int, Any], int]:
    """({field: value}, place behind it). IndexError where it goes on beyond `data`, ValueError where it is none."""
    found: dict[int, Any] = {}
    field = 0
    while True:
        head = data[place]
        place += 1
        kind = head & 15
        if kind == _STOP:
            return found, place
        if head >> 4:
            field += head >> 4
        else:
            number, place = _varint(data, place)
            field = _signed(number)
        if field in found:  # a decoder may take the other one
            raise ValueError("a field occurs twice")
        found[field], place = _value(data, place, kind, depth)


def _value(data: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if kind in _WHOLE:
        number, place = _varint(data, place)
        return _signed(number), place
    if kind in (_TRUE, _FALSE):
        return None, place
    if kind == _STRUCT:
        return _struct(data, place, depth + 1)
    if kind in (_LIST, _SET):
        head = data[place]
        count, inner = head >> 4, head & 15
        place += 1
        if count == 15:
            count, place = _varint(data, place)
        return _items(data, place, count, inner, depth)
    if kind == _BINARY:
        length, place = _varint(data, place)
        place += length
    elif kind in (_BYTE, _DOUBLE):
        place += 1 if kind == _BYTE else 8
    else:
        raise ValueError(f"there is no kind {kind}")
    if place > len(data):
        raise IndexError
    return None, place


def _items(data: bytes, place: int, count: int, kind: int, depth: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(count):
        if kind in (_TRUE, _FALSE):
            item, place = None, place + 1
        else:
            item, place = _value(data, place, kind, depth + 1)
        if place > len(data):
            raise IndexError
        if kind == _STRUCT or kind in _WHOLE:
            items.append(item)
    return items, place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _signed(number: int) -> int:
    """Thrift's zigzag: 0, -1, 1, -2 ..."""
    return (number >> 1) ^ -(number & 1)
