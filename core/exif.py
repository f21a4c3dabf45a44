"""The one thing wanted of EXIF, the orientation, read without trusting the rest of it."""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_MAX_ENTRIES = 1000
_FRONT = b"Exif\0\0"


def tiff_orientation(exif: bytes) -> int:
    """Orientation 1..8 in an EXIF block ("Exif\\0\\0" before it or not); 1 where it has none or is malformed.

    Layout: EXIF 2.32, section 4.6.2 (a TIFF header, then image file directory 0 with entries of 12 bytes).
    """
    front = 0
    while exif.startswith(_FRONT, front):
        front += len(_FRONT)
    exif = exif[front:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, start + 2 + 12 * min(count, _MAX_ENTRIES), 12):
        if entry + 12 > len(exif):
            break
        tag, kind, number = struct.unpack_from(f"{order}HHI", exif, entry)
        if tag == _ORIENTATION:
            width = {1: "B", 3: "H", 4: "I"}.get(kind)
            if width is None or number < 1:
                return 1
            (value,) = struct.unpack_from(order + width, exif, entry + 8)
            return int(value) if 1 <= value <= 8 else 1
    return 1
