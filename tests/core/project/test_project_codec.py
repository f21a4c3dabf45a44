"""Blobs: every bit back, and no damage unnoticed."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import ProjectError
from core.face import Label
from core.project.codec import decode_label, decode_prediction, encode_label, encode_prediction
from tests.core.project.project_samples import label, prediction


@st.composite
def labels(draw: st.DrawFn) -> Label:
    count = draw(st.integers(0, 100))
    points = draw(hnp.arrays(np.float64, (count, 2), elements=st.floats(allow_infinity=False)))
    visibility = draw(hnp.arrays(np.uint8, count, elements=st.integers(0, 3)))
    flags = draw(hnp.arrays(np.uint8, count, elements=st.integers(0, 255)))
    weights = draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1e6, width=32)))
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


@pytest.mark.parametrize("seed", range(3))
def test_every_flipped_bit_and_every_cut_is_noticed(seed: int) -> None:
    data = encode_label(label(seed, count=5))
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


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_clear_error(data: bytes) -> None:
    # Behind a right checksum, so that the parser behind it is reached.
    framed = struct.pack("<2sBBHHI", b"SL", 1, 0, 3, 4, zlib.crc32(data)) + data
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
    data[2] = 2
    with pytest.raises(ProjectError, match=r"layout 2.*Update"):
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
