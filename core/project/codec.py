"""Labels and predictions as compact bytes: little-endian, with a version, lengths and a CRC-32. Faces as JSON.

The same value always gives the same bytes, so that equal labels can be told by comparing blobs; but for labels of
layout 1, which are read and not written any more.

    0  2s   magic: "SL" label, "SP" prediction
    2  u8   version of the layout: 2 for labels, 1 for predictions
    3  u8   bit i: array i has the same value for every point, and is given for one (layout 2; 0 before)
    4  u16  N, number of points
    6  u16  length of the scheme id
    8  u32  CRC-32 of all that follows, started with byte 3
    12 ...  scheme id (UTF-8), then the arrays, each one whole

Most labels have one weight, one visibility and no flags: then two of 98 points fit on a page of SQLite, and not one.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import ProjectError, UsageError
from core.face import Box, Label, Prediction
from core.judgement import judgements_from_json, judgements_to_json
from core.project.records import FaceInfo

_HEADER = struct.Struct("<2sBBHHI")
_LABEL = b"SL"
_PREDICTION = b"SP"
_VERSIONS = {_LABEL: (1, 2), _PREDICTION: (1,)}

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
    count = len(label)
    arrays = [_bytes(getattr(label, name), kind) for name, kind, _ in _LABEL_FIELDS]
    same = 0
    for i, array in enumerate(arrays if count > 1 else ()):
        one = array[: len(array) // count]
        # By bytes, not values, for NaN and -0.0 are kept too. Most points differ from the next: no need to go on.
        if array.startswith(one, len(one)) and array == one * count:
            arrays[i] = one
            same |= 1 << i
    return _pack(_LABEL, label.scheme, count, b"".join(arrays), same)


def decode_label(data: bytes) -> Label:
    """The label in `data`, bit for bit as it was; ProjectError if the bytes are not an undamaged label."""
    scheme, count, same, body = _unpack(_LABEL, data)
    arrays = _split(_LABEL_FIELDS, count, body, same)
    return _build(lambda: Label(scheme, **arrays))


def canonical_label(data: bytes) -> bytes:
    """The label in `data` in the layout that is written now, so that equal labels are equal bytes."""
    return data if data[2:3] == bytes([_VERSIONS[_LABEL][-1]]) else encode_label(decode_label(data))


def same_label(one: bytes | None, other: bytes | None) -> bool:
    """Whether two blobs are the same label, or both none; the same label may have been written in two layouts."""
    if one is None or other is None or one == other:
        return one == other
    return decode_label(one) == decode_label(other)


def encode_face(info: FaceInfo) -> str:
    """The face as JSON; the same value always gives the same text."""
    box = None if info.box is None else [float(value) for value in info.box.to_list()]
    values: dict[str, Any] = {
        "box": box, "note": info.note, "removed": info.removed, "review": info.review, "tags": info.tags
    }  # fmt: skip
    if info.judgements:  # else the text is as it was before there were any
        values["judgements"] = judgements_to_json(info.judgements)
    return json.dumps(values)


def decode_face(text: str) -> FaceInfo:
    """The face in `text`; ProjectError if that is not what `encode_face` wrote."""
    try:
        values = json.loads(text)
        box = None if values["box"] is None else Box(*values["box"])
        judgements = judgements_from_json(values.get("judgements", ()))
        return FaceInfo(tuple(values["tags"]), values["note"], values["review"], values["removed"], box, judgements)
    except (ValueError, TypeError, LookupError, UsageError) as error:
        raise _damaged("no such face") from error


def encode_prediction(prediction: Prediction) -> bytes:
    """The prediction as bytes: mean, covariance and crop as float64, all else rounded to float32."""
    arrays = [_bytes(getattr(prediction, name), kind) for name, kind, _ in _PREDICTION_FIELDS]
    crop = _bytes(prediction.crop, "<f8")
    return _pack(_PREDICTION, prediction.scheme, len(prediction), crop + b"".join(arrays), 0)


def decode_prediction(data: bytes) -> Prediction:
    """The prediction in `data`; ProjectError if the bytes are not an undamaged prediction."""
    scheme, count, _, body = _unpack(_PREDICTION, data)
    if len(body) < 24:
        raise _damaged("too short")
    crop = np.frombuffer(body[:24], "<f8").astype(np.float64)
    arrays = _split(_PREDICTION_FIELDS, count, body[24:])
    # float32 rounding must not push a share over its bound.
    arrays["peak_mass"] = np.minimum(arrays["peak_mass"].astype(np.float64), 1.0)
    return _build(lambda: Prediction(scheme, crop=crop, **arrays))


def _bytes(array: NDArray[np.generic], kind: str) -> bytes:
    return np.ascontiguousarray(array, dtype=np.dtype(kind)).tobytes()


def _pack(magic: bytes, scheme: str, count: int, arrays: bytes, same: int) -> bytes:
    name = scheme.encode("utf-8")
    if count > 0xFFFF or len(name) > 0xFFFF:
        raise ProjectError(f"{count} points are too many to be stored", remedy="A face can have up to 65535 points")
    body = name + arrays
    return _HEADER.pack(magic, _VERSIONS[magic][-1], same, count, len(name), zlib.crc32(body, same)) + body


def _unpack(magic: bytes, data: bytes) -> tuple[str, int, int, bytes]:
    if len(data) < _HEADER.size:
        raise _damaged("too short")
    found, version, same, count, name_length, crc = _HEADER.unpack_from(data)
    if found != magic:
        raise _damaged("no such record")
    if version not in _VERSIONS[magic]:
        raise ProjectError(f"a record has layout {version}, which is not known", remedy="Update Starmark")
    body = data[_HEADER.size :]
    if zlib.crc32(body, same) != crc or (version == 1 and same):
        raise _damaged("wrong checksum")
    try:
        scheme = body[:name_length].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged("scheme id is not UTF-8") from error
    return scheme, count, same, body[name_length:]


def _split(fields: tuple[_Field, ...], count: int, body: bytes, same: int = 0) -> dict[str, Any]:
    """The arrays named by `fields`, of `count` points, which must take up `body` exactly; `same` as in the header."""
    arrays: dict[str, Any] = {}
    at = 0
    for i, (name, kind, shape) in enumerate(fields):
        dtype = np.dtype(kind)
        once = bool(same >> i & 1)
        length = dtype.itemsize * (1 if once else count) * math.prod(shape)
        part = body[at : at + length]
        if len(part) != length:
            raise _damaged("too short")
        arrays[name] = np.frombuffer(part * count if once else part, dtype).reshape(count, *shape)
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
