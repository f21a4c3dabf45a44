"""What the structure of an image file says, read within bounds before a decoder believes it.

Decoders keep every remark that a file makes and follow each of its pointers, so that a small file can cost minutes and
gigabytes before its first pixel. Here each kind is walked first, and `Outline.plain` is a file that holds one picture
and nothing else: no comment, colour profile, later page or later frame. Layouts: ISO/IEC 10918-1 annex B (JPEG), PNG
third edition, RFC 9649 (WebP), TIFF 6.0 and BigTIFF, BITMAPINFOHEADER (BMP).

Problems are raised as EOFError (cut short) and ValueError (damaged); `core.images` words them.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from core.exif import tiff_orientation

Part = bytes | tuple[int, int]
"""Bytes to put in, or (start, stop) of a stretch of the file to keep."""

_MAX_PARTS = 200_000  # PNG chunks, WebP chunks; a file of the largest size in usual chunks of 8 KB has 65,536
_MAX_SEGMENTS = 10_000  # JPEG; depth maps and profiles come in pieces of 64 KB
_MAX_TABLES = 2**20  # bytes of JPEG tables in front of the picture
_MAX_STRAY = 2**16  # bytes between two JPEG segments
_MAX_EXIF = 2**20
_MAX_TAGS = 4096  # TIFF
_MAX_STRIPS = 2**18
_MAX_TILE = 2**24  # px; more only where the picture has as many
_PNG_RATIO = 1032  # deflate packs no tighter
_JPEG_RATIO = 600  # px a byte: one bit for each block of 64 px, and some room


@dataclass(frozen=True, slots=True)
class Outline:
    """The picture in a file, as its structure describes it.

    Attributes:
        width, height: px, as stored.
        orientation: EXIF's 1..8; 1 where it is missing or malformed.
        parts: what a decoder needs, in order.
        least_bytes: no whole picture of that size is in fewer.
        scans_at: where the first scan of a JPEG begins that may have several; None elsewhere.
        packed_rows: whether rows are run-length coded (BMP).
    """

    width: int
    height: int
    orientation: int
    parts: tuple[Part, ...]
    least_bytes: int = 0
    scans_at: int | None = None
    packed_rows: bool = False

    def plain(self, data: bytes) -> bytes:
        """The file reduced to `parts`; `data` itself where that is all of it."""
        if self.parts == ((0, len(data)),):
            return data
        view = memoryview(data)
        return b"".join(part if isinstance(part, bytes) else view[slice(*part)] for part in self.parts)

    @property
    def kept_bytes(self) -> int:
        """Length of `plain`."""
        return sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in self.parts)


def read_outline(stream: BinaryIO, kind: str) -> Outline:
    """Walk a file of `kind` ("JPEG", "PNG", "WEBP", "TIFF", "BMP") from its start.

    Raises:
        EOFError: it ends too early for what it promises.
        ValueError: it is damaged, or has more parts than any picture.
    """
    return _READERS[kind](stream)


def count_scans(data: bytes, start: int, limit: int) -> int:
    """Scans of a JPEG from its first at `start`; counting ends beyond `limit`."""
    scans = 0
    position = start
    while scans <= limit:
        match = _JPEG_MARKER.search(data, position)
        if match is None or match[0] == b"\xff\xd9":
            break
        scans += match[0] == b"\xff\xda"
        position = match.start() + 2 + max(2, int.from_bytes(data[match.end() : match.end() + 2], "big"))
    return scans


_JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")


def _take(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError("the file ends too early")
    return data


def _length(stream: BinaryIO) -> int:
    here = stream.tell()
    length = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    return length


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """`parts` with neighbouring stretches as one."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else b""
        if not isinstance(part, bytes) and not isinstance(last, bytes) and last[1] == part[0]:
            result[-1] = (last[0], part[1])
        else:
            result.append(part)
    return tuple(result)


# JPEG


def _jpeg_marker(stream: BinaryIO) -> int:
    """The next marker. Stray and fill bytes before it are skipped, as decoders do."""
    last = b""
    for _ in range(_MAX_STRAY):
        byte = _take(stream, 1)
        if last == b"\xff" and byte not in b"\0\xff":
            return byte[0]
        last = byte
    raise ValueError("there is no picture behind its beginning")


def _jpeg_segments(stream: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """(marker, start, stop) of each segment up to the first scan's header; `stream` stands behind the length."""
    stream.seek(2)
    for _ in range(_MAX_SEGMENTS):
        marker = _jpeg_marker(stream)
        start = stream.tell() - 2
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            continue
        if marker == 0xD9:
            raise EOFError("it ends before the picture")
        length = int.from_bytes(_take(stream, 2), "big")
        if length < 2:
            raise ValueError("a segment has no length")
        yield marker, start, start + 2 + length
        if marker == 0xDA:
            return
        stream.seek(start + 2 + length)
    raise ValueError(f"more than {_MAX_SEGMENTS} segments before the picture")


def _jpeg(stream: BinaryIO) -> Outline:
    size = _length(stream)
    parts: list[Part] = [(0, 2)]
    frame = exif = b""
    frame_marker = tables = first_scan = components = 0
    once = {0xE0, 0xEE}  # JFIF and Adobe say how colours are stored; other applications' segments are remarks
    for marker, start, stop in _jpeg_segments(stream):
        if marker == 0xE1 and not exif:
            block = stream.read(stop - start - 4)
            exif = block if block.startswith(b"Exif\0\0") else b""
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame_marker, frame = marker, _take(stream, 6)
        elif marker == 0xDA:
            first_scan, components = start, _take(stream, 1)[0]
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            if marker not in once:
                continue
            once.discard(marker)
        tables += stop - start
        if tables > _MAX_TABLES:
            raise ValueError("its tables are too large")
        parts.append((start, min(stop, size)))
    if not frame:
        raise ValueError("it has no frame before the picture")
    parts.append((min(stop, size), size))
    height, width = struct.unpack_from(">HH", frame, 1)
    is_arithmetic = frame_marker > 0xC8
    is_sequential = frame_marker in (0xC0, 0xC1, 0xC3, 0xC9, 0xCB)
    return Outline(
        width,
        height,
        tiff_orientation(exif),
        _joined(parts),
        least_bytes=0 if is_arithmetic else width * height // _JPEG_RATIO,
        scans_at=None if is_sequential and components == frame[5] else first_scan,
    )


# PNG


def _png(stream: BinaryIO) -> Outline:
    size = _length(stream)
    stream.seek(8)
    parts: list[Part] = [(0, 8)]
    header = exif = b""
    pixels, once = 0, {b"IHDR", b"PLTE", b"tRNS"}
    for _ in range(_MAX_PARTS):
        start = stream.tell()
        head = stream.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        stop = min(start + 12 + length, size)
        if kind == b"IHDR" and not header:
            header = _take(stream, 13)
        elif not header:
            raise ValueError("it does not begin with its size")
        elif kind == b"eXIf" and not exif and length <= _MAX_EXIF:  # it may stand behind the pixels, too
            exif = stream.read(length)
        if kind in once or kind in (b"IDAT", b"IEND"):
            once.discard(kind)
            parts.append((start, stop))
            pixels += length if kind == b"IDAT" else 0
        if kind == b"IEND":
            break
        stream.seek(stop)
    else:
        raise ValueError(f"more than {_MAX_PARTS} chunks")
    if not header or not pixels:
        raise EOFError("it ends before the picture")
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    channels = {2: 3, 4: 2, 6: 4}.get(colour, 1)
    least = height * (1 + width * depth * channels // 8) // _PNG_RATIO
    return Outline(width, height, tiff_orientation(exif), _joined(parts), least_bytes=least)


# WebP


def _webp(stream: BinaryIO) -> Outline:
    size = _length(stream)
    stream.seek(12)
    parts: list[Part] = []
    canvas: tuple[int, int] | None = None
    exif = b""
    has_picture = False
    for _ in range(_MAX_PARTS):
        start = stream.tell()
        head = stream.read(8)
        if len(head) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        stop = min(start + 8 + length + length % 2, size)
        if kind == b"VP8X" and canvas is None and not has_picture:
            flags, sides = _take(stream, 10)[0], start + 12
            stream.seek(sides)
            w, h = (int.from_bytes(_take(stream, 3), "little") + 1 for _ in range(2))
            canvas = w, h
            # Only "has frames" and "has transparency" stay true of what is kept.
            parts += [head + bytes([flags & 0x12, 0, 0, 0]), (sides, stop)]
        elif kind in (b"VP8 ", b"VP8L", b"ANMF") and not has_picture:
            has_picture = True
            canvas = canvas or _webp_size(kind, stream.read(10))
            parts.append((start, stop))
        elif kind in (b"ANIM", b"ALPH") and not has_picture:
            parts.append((start, stop))
        elif kind == b"EXIF" and not exif and length <= _MAX_EXIF:
            exif = stream.read(length)
        stream.seek(stop)
    else:
        raise ValueError(f"more than {_MAX_PARTS} chunks")
    if canvas is None or not has_picture:
        raise EOFError("it ends before the picture")
    outline = Outline(*canvas, tiff_orientation(exif), _joined(parts))
    front = b"RIFF" + struct.pack("<I", 4 + outline.kept_bytes) + b"WEBP"
    return Outline(*canvas, outline.orientation, (front, *outline.parts))


def _webp_size(kind: bytes, start: bytes) -> tuple[int, int]:
    if kind == b"VP8 " and start[3:6] == b"\x9d\x01\x2a" and len(start) == 10:
        width, height = struct.unpack_from("<HH", start, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and start[:1] == b"\x2f" and len(start) >= 5:
        (bits,) = struct.unpack_from("<I", start, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("it does not begin with its size")


# TIFF

_TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TIFF_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 274, 322, 323
_OFFSETS = (273, 279, 324, 325)  # strips and tiles: one number each
# What decoding takes: layout, compression and its options, colours, and where the pixels are.
_TIFF_KEPT = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338, 339, 347}
    | {*range(512, 522), *range(529, 533)}
)


def _tiff(stream: BinaryIO) -> Outline:
    size = _length(stream)
    stream.seek(0)
    head = _take(stream, 8)
    order = "<" if head.startswith(b"II") else ">"
    is_big = struct.unpack_from(order + "H", head, 2)[0] == 43
    if is_big:
        head += _take(stream, 8)
        stream.seek(min(struct.unpack_from(order + "Q", head, 8)[0], size))
    else:
        stream.seek(min(struct.unpack_from(order + "I", head, 4)[0], size))
    count_letter, entry_size = ("Q", 20) if is_big else ("H", 12)
    (count,) = struct.unpack(order + count_letter, _take(stream, struct.calcsize(order + count_letter)))
    if count > _MAX_TAGS:
        raise ValueError(f"more than {_MAX_TAGS} tags")
    table = _take(stream, count * entry_size)
    kept: dict[int, bytes] = {}
    numbers: dict[int, int] = {}
    for start in range(0, len(table), entry_size):
        entry = table[start : start + entry_size]
        tag, kind, number = struct.unpack_from(order + ("HHQ" if is_big else "HHI"), entry)
        if tag in kept or tag in numbers:
            continue
        if kind in _TIFF_LETTERS and number == 1:
            (numbers[tag],) = struct.unpack_from(order + _TIFF_LETTERS[kind], entry, 12 if is_big else 8)
        if tag in _TIFF_KEPT:
            if number * _TIFF_WIDTHS.get(kind, 1) > size or (tag in _OFFSETS and number > _MAX_STRIPS):
                raise ValueError(f"tag {tag} has {number} values")
            kept[tag] = entry
    if not numbers.get(_WIDTH) or not numbers.get(_HEIGHT):
        raise ValueError("it does not say its size")
    _check_tile(numbers)
    turned = numbers.get(_ORIENTATION, 1)
    entries = b"".join(kept.values())
    behind = size + size % 2
    front = head[:8] + struct.pack(order + "Q", behind) if is_big else head[:4] + struct.pack(order + "I", behind)
    directory = struct.pack(order + count_letter, len(kept)) + entries + bytes(8 if is_big else 4)
    parts = (front, (len(front), size), bytes(size % 2) + directory)
    return Outline(numbers[_WIDTH], numbers[_HEIGHT], turned if 1 <= turned <= 8 else 1, parts)


def _check_tile(numbers: dict[int, int]) -> None:
    """Tiles are decoded whole, also where they reach far beyond the picture."""
    tile = numbers.get(_TILE_WIDTH, 1) * numbers.get(_TILE_HEIGHT, 1)
    if tile > max(_MAX_TILE, 2 * numbers[_WIDTH] * numbers[_HEIGHT]):
        raise ValueError("its tiles are much larger than the picture")


# BMP


def _bmp(stream: BinaryIO) -> Outline:
    size = _length(stream)
    stream.seek(10)
    _start, header_size = struct.unpack("<II", _take(stream, 8))
    if header_size == 12:
        width, height, _planes, depth = struct.unpack("<HHHH", _take(stream, 8))
        compression = 0
    elif 40 <= header_size <= 124:
        width, height, _planes, depth, compression = struct.unpack("<IiHHI", _take(stream, 16))
    else:
        raise ValueError("its header is of no known kind")
    height = abs(height)
    packed = compression in (1, 2)
    least = 0 if packed else height * ((width * depth + 31) // 32 * 4)
    # The last row's padding is left out by some programs.
    return Outline(width, height, 1, ((0, size),), least_bytes=max(0, least - 4), packed_rows=packed)


_READERS: dict[str, Callable[[BinaryIO], Outline]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "TIFF": _tiff,
    "BMP": _bmp,
}
