"""Blobs: every bit back, and no damage unnoticed."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import ProjectError, UsageError
from core.face import Box, Label
from core.project import FaceInfo
from core.project.codec import (
    decode_face,
    decode_label,
    decode_prediction,
    encode_face,
    encode_label,
    encode_prediction,
    same_label,
)
from tests.core.project.project_samples import label, label_of_the_first_layout, prediction


@st.composite
def labels(draw: st.DrawFn) -> Label:
    count = draw(st.integers(0, 100))
    points = draw(hnp.arrays(np.float64, (count, 2), elements=st.floats(allow_infinity=False)))
    visibility = draw(hnp.arrays(np.uint8, count, elements=st.integers(0, 3)))
    flags = draw(hnp.arrays(np.uint8, count, elements=st.integers(0, 255)))
    weights = draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1e6, width=32)))
    for array in (points, visibility, flags, weights):
        if count and draw(st.booleans()):
            array[:] = array[0]  # kept once for all points
    return Label(draw(st.text(max_size=20).filter(lambda text: text.isprintable())), points, visibility, flags, weights)


@given(labels())
@settings(max_examples=60, deadline=None)
def test_labels_come_back_bit_for_bit(made: Label) -> None:
    data = encode_label(made)
    back = decode_label(data)
    assert back == made
    assert back.points.tobytes() == made.points.tobytes()  # tells -0.0 from 0.0, and NaNs
    assert back.points.dtype == np.float64 and back.weights.dtype == np.float32
    assert encode_label(back) == data


def test_size_of_a_label() -> None:
    # 12 of header, 7 of scheme id; a point has 16 + 1 + 1 + 4.
    assert len(encode_label(label(count=68))) == 12 + 7 + 68 * 22
    # Like most labels; two of them fit on a page of 4 kB with their rows' keys.
    plain = Label("wflw-98", label(count=98).points * 0 + np.arange(196).reshape(98, 2), weights=np.ones(98))
    assert len(encode_label(Label("wflw-98", np.arange(196).reshape(98, 2)))) == 12 + 7 + 98 * 16 + 1 + 1 + 4
    assert decode_label(encode_label(plain)) == plain


def test_labels_of_the_first_layout_are_read() -> None:
    for made in (label(), Label("wflw-98", np.arange(196).reshape(98, 2))):
        old = label_of_the_first_layout(made)
        assert decode_label(old) == made
        assert same_label(old, encode_label(made)) and not same_label(old, encode_label(label(5)))
        assert not same_label(old, None) and same_label(None, None)


@pytest.mark.parametrize("made", [label(0, count=5), label(1, count=5), label(2, count=1), Label("x", np.eye(2))])
def test_every_flipped_bit_and_every_cut_is_noticed(made: Label) -> None:
    data = encode_label(made)
    for length in range(len(data)):
        with pytest.raises(ProjectError):
            decode_label(data[:length])
    with pytest.raises(ProjectError):
        decode_label(data + b"\0")
    for at in range(len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[at] ^= 1 << bit
            with pytest.raises(ProjectError):
                decode_label(bytes(broken))


@given(st.binary(max_size=200), st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_clear_error(data: bytes, same: int) -> None:
    # Behind a right checksum, so that the parser behind it is reached.
    framed = struct.pack("<2sBBHHI", b"SL", 2, same, 3, 4, zlib.crc32(data, same)) + data
    for blob in (data, framed):
        with pytest.raises(ProjectError, match="record"):
            decode_label(blob)


def test_values_no_label_can_have_are_damage() -> None:
    body = b"s" + struct.pack("<2d", 1, 2) + bytes([7, 0]) + struct.pack("<f", 1)
    framed = struct.pack("<2sBBHHI", b"SL", 1, 0, 1, 1, zlib.crc32(body)) + body
    with pytest.raises(ProjectError, match="visibility"):
        decode_label(framed)


def test_a_newer_layout_is_told_from_damage() -> None:
    data = bytearray(encode_label(label()))
    data[2] = 3
    with pytest.raises(ProjectError, match=r"layout 3.*Update"):
        decode_label(bytes(data))


def test_a_label_is_no_prediction() -> None:
    with pytest.raises(ProjectError):
        decode_prediction(encode_label(label()))


def test_predictions_keep_what_decides_exactly() -> None:
    made = prediction()
    back = decode_prediction(encode_prediction(made))
    for name in ("mean", "covariance", "crop"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    for name in ("peak", "peak_mass", "second_peak", "second_share"):
        np.testing.assert_allclose(getattr(back, name), getattr(made, name), rtol=1e-7)
    assert back.scheme == made.scheme
    with pytest.raises(ProjectError):
        decode_prediction(encode_prediction(made)[:-1])


def test_faces_come_back_as_they_were() -> None:
    for info in (
        FaceInfo(),
        FaceInfo(("blur", 'a"b', "ä\udc80"), "line\n\u2028 “x”", "question", True, Box(0.1, -2.5e-7, 1 / 3, 1e9)),
    ):
        assert decode_face(encode_face(info)) == info
    good = encode_face(FaceInfo(("blur",), "x", "accepted", False, Box(1, 2, 3, 4)))
    for text in ("", "[]", "{}", good[:-1], good.replace("accepted", "maybe"), good.replace("4.0", "-1"), good + "x"):
        with pytest.raises(ProjectError, match="damaged"):
            decode_face(text)


def test_what_no_face_can_have() -> None:
    for values in ({"review": "maybe"}, {"note": "a\0b"}, {"note": "\udc80"}):
        with pytest.raises(UsageError):
            FaceInfo(**values)
