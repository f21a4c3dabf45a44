"""The page headers of a Parquet file, walked before anything is unpacked: a decoder believes the sizes that they state.

Only what is needed of them is understood: three numbers at their beginning, in Thrift's compact encoding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from core.errors import FormatError

_MAX_PAGE = 64 * 2**20
_MAX_CHUNK = 512 * 2**20
"""Bytes of a page, and of a column in a row group, once they are unpacked."""

_MAX_HEADER = 2**20
_MAX_PAGES = 100_000
_MAX_DEPTH = 8
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_WHOLE = (4, 5, 6)
_UNPACKED, _PACKED = 2, 3  # fields of a page header


def check_pages(stream: BinaryIO, metadata: Any, source: Path) -> None:
    """Walk the pages of all columns.

    Raises:
        FormatError: they unpack to too much, or are no pages.
    """
    size = source.stat().st_size
    pages = 0
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            starts = [chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset]
            start, length = min(starts), chunk.total_compressed_size
            if start < 0 or length < 0 or start + length > size:
                raise _damaged(source)
            pages += _check_chunk(stream, start, start + length, source)
            if pages > _MAX_PAGES:
                raise FormatError("the file has too many pages", where=source, remedy="Write it again")


def _check_chunk(stream: BinaryIO, place: int, end: int, source: Path) -> int:
    """The number of pages from `place` to `end`."""
    unpacked = pages = 0
    while place < end:
        stream.seek(place)
        head = stream.read(min(512, end - place))
        try:
            try:
                sizes, used = _page_header(head)
            except IndexError:  # a header with long statistics
                head += stream.read(min(_MAX_HEADER, end - place - len(head)))
                sizes, used = _page_header(head)
        except (IndexError, ValueError) as error:
            raise _damaged(source) from error
        page, packed = sizes.get(_UNPACKED, -1), sizes.get(_PACKED, -1)
        if page < 0 or packed < 0:
            raise _damaged(source)
        unpacked += page
        if page > _MAX_PAGE or unpacked > _MAX_CHUNK:
            what = f"a column unpacks to more than {unpacked / 2**20:.0f} MB"
            raise FormatError(what, where=source, remedy="Write it again with smaller pages and row groups")
        place += used + packed
        pages += 1
        if pages > _MAX_PAGES:
            raise FormatError("the file has too many pages", where=source, remedy="Write it again")
    return pages


def _page_header(data: bytes) -> tuple[dict[int, int], int]:
    """({field: whole number} of the outermost struct, its length). IndexError where it goes on beyond `data`."""
    found: dict[int, int] = {}
    place = _struct(data, 0, found, 0)
    return found, place


def _struct(data: bytes, place: int, found: dict[int, int] | None, depth: int) -> int:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    field = 0
    while True:
        head = data[place]
        place += 1
        kind = head & 15
        if kind == _STOP:
            return place
        if head >> 4:
            field += head >> 4
        else:
            number, place = _varint(data, place)
            field = _signed(number)
        if kind in _WHOLE:
            number, place = _varint(data, place)
            if found is not None:
                found[field] = _signed(number)
        else:
            place = _skip(data, place, kind, depth)


def _skip(data: bytes, place: int, kind: int, depth: int) -> int:
    """The place behind a value of that kind."""
    if kind in (_TRUE, _FALSE):
        return place
    if kind == _BYTE:
        return place + 1
    if kind == _DOUBLE:
        return place + 8
    if kind in _WHOLE:
        return _varint(data, place)[1]
    if kind == _BINARY:
        length, place = _varint(data, place)
        place += length
        if place > len(data):
            raise IndexError
        return place
    if kind in (_LIST, _SET):
        head = data[place]
        place += 1
        count, inner = head >> 4, head & 15
        if count == 15:
            count, place = _varint(data, place)
        for _ in range(count):
            place = place + 1 if inner in (_TRUE, _FALSE) else _skip(data, place, inner, depth + 1)
            if place > len(data):
                raise IndexError
        return place
    if kind == _STRUCT:
        return _struct(data, place, None, depth + 1)
    raise ValueError(f"kind {kind}")


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


def _damaged(source: Path) -> FormatError:
    return FormatError("its pages are not where the file says", where=source, remedy="Replace it by a whole copy")
