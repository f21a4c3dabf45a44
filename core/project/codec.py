"""Labels and predictions as compact bytes: little-endian, with a version, lengths and a CRC-32.

The same value always gives the same bytes, so that equal labels can be told by comparing blobs.

    0  2s   magic: "SL" label, "SP" prediction
    2  u8   version of the layout, 1
    3  u8   0
    4  u16  N, number of points
    6  u16  length of the scheme id
    8  u32  CRC-32 of all that follows
    12 ...  scheme id (UTF-8), then the arrays, each one whole
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import ProjectError
from core.face import Label, Prediction

_HEADER = struct.Struct("<2sBBHHI")
_VERSION = 1
_LABEL = b"SL"
_PREDICTION = b"SP"

_T = TypeVar("_T")
_Field = tuple[str, str, tuple[int, ...]]
"""Name, NumPy type on disk, shape of one point's part."""

_LABEL_FIELDS: tuple[_Field, ...] = (
    ("points", "<f8", (2,)),
    ("visibility", "u1", ()),
    ("flags", "u1", ()),
    ("weights", "<f4", ()),
)
# Means and covariances decide verdicts and keep every bit; the rest is shown or thresholded, and 24 bits are plenty.
_PREDICTION_FIELDS: tuple[_Field, ...] = (
    ("mean", "<f8", (2,)),
    ("covariance", "<f8", (2, 2)),
    ("peak", "<f4", ()),
    ("peak_mass", "<f4", ()),
    ("second_peak", "<f4", (2,)),
    ("second_share", "<f4", ()),
)


def encode_label(label: Label) -> bytes:
    """The label as bytes; ProjectError if it has more than 65,535 points."""
    arrays = [_bytes(getattr(label, name), kind) for name, kind, _ in _LABEL_FIELDS]
    return _pack(_LABEL, label.scheme, len(label), b"".join(arrays))


def decode_label(data: bytes) -> Label:
    """The label in `data`, bit for bit as it was; ProjectError if the bytes are not an undamaged label."""
    scheme, count, body = _unpack(_LABEL, data)
    arrays = _split(_LABEL_FIELDS, count, body)
    return _build(lambda: Label(scheme, **arrays))


def encode_prediction(prediction: Prediction) -> bytes:
    """The prediction as bytes: mean, covariance and crop as float64, all else rounded to float32."""
    arrays = [_bytes(getattr(prediction, name), kind) for name, kind, _ in _PREDICTION_FIELDS]
    crop = _bytes(prediction.crop, "<f8")
    return _pack(_PREDICTION, prediction.scheme, len(prediction), crop + b"".join(arrays))


def decode_prediction(data: bytes) -> Prediction:
    """The prediction in `data`; ProjectError if the bytes are not an undamaged prediction."""
    scheme, count, body = _unpack(_PREDICTION, data)
    if len(body) < 24:
        raise _damaged("too short")
    crop = np.frombuffer(body[:24], "<f8").astype(np.float64)
    arrays = _split(_PREDICTION_FIELDS, count, body[24:])
    # float32 rounding must not push a share over its bound.
    arrays["peak_mass"] = np.minimum(arrays["peak_mass"].astype(np.float64), 1.0)
    return _build(lambda: Prediction(scheme, crop=crop, **arrays))


def _bytes(array: NDArray[np.generic], kind: str) -> bytes:
    return np.ascontiguousarray(array, dtype=np.dtype(kind)).tobytes()


def _pack(magic: bytes, scheme: str, count: int, arrays: bytes) -> bytes:
    name = scheme.encode("utf-8")
    if count > 0xFFFF or len(name) > 0xFFFF:
        raise ProjectError(f"{count} points are too many to be stored", remedy="A face can have up to 65535 points")
    body = name + arrays
    return _HEADER.pack(magic, _VERSION, 0, count, len(name), zlib.crc32(body)) + body


def _unpack(magic: bytes, data: bytes) -> tuple[str, int, bytes]:
    if len(data) < _HEADER.size:
        raise _damaged("too short")
    found, version, zero, count, name_length, crc = _HEADER.unpack_from(data)
    if found != magic or zero != 0:
        raise _damaged("no such record")
    if version != _VERSION:
        raise ProjectError(f"a record has layout {version}, which is not known", remedy="Update Starmark")
    body = data[_HEADER.size :]
    if zlib.crc32(body) != crc:
        raise _damaged("wrong checksum")
    try:
        scheme = body[:name_length].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged("scheme id is not UTF-8") from error
    return scheme, count, body[name_length:]


def _split(fields: tuple[_Field, ...], count: int, body: bytes) -> dict[str, Any]:
    """The arrays named by `fields`, of `count` points, which must take up `body` exactly."""
    arrays: dict[str, Any] = {}
    at = 0
    for name, kind, shape in fields:
        dtype = np.dtype(kind)
        length = dtype.itemsize * count * int(np.prod(shape, dtype=np.int64))
        part = body[at : at + length]
        if len(part) != length:
            raise _damaged("too short")
        arrays[name] = np.frombuffer(part, dtype).reshape(count, *shape)
        at += length
    if at != len(body):
        raise _damaged("too long")
    return arrays


def _build(make: Callable[[], _T]) -> _T:
    try:
        return make()
    except ValueError as error:
        raise _damaged(str(error)) from error


def _damaged(detail: str) -> ProjectError:
    return ProjectError(f"a stored record is damaged ({detail})", remedy="Go back to a backup copy of the project")
