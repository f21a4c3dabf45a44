"""The .pts text: exact round trips, tolerance where harmless, a named line where not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import FileError, FormatError
from core.formats import format_pts, parse_pts, read_pts, write_pts
from core.formats.values import MAX_COORDINATE

PLAIN = "version: 1\nn_points: 3\n{\n1 1\n2.5 3\n10 20.25\n}\n"
EXPECTED = [[0, 0], [1.5, 2], [9, 19.25]]

_points = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 70), st.just(2)),
    elements=st.floats(-MAX_COORDINATE + 2, MAX_COORDINATE - 2, width=64),
)


@settings(max_examples=60, deadline=None)
@given(_points, st.sampled_from([0, 1]))
def test_round_trip(points: np.ndarray, base: int) -> None:
    back = parse_pts(format_pts(points, base).encode(), "x.pts", base)
    if base == 0:
        assert np.array_equal(back, points)
    else:  # adding and subtracting 1 costs at most the last bit at that size
        assert np.allclose(back, points, rtol=1e-15, atol=3e-16 * MAX_COORDINATE)


def test_index_base() -> None:
    assert parse_pts(PLAIN.encode(), "x").tolist() == EXPECTED
    assert parse_pts(PLAIN.encode(), "x", 0).tolist() == [[1, 1], [2.5, 3], [10, 20.25]]
    assert format_pts(np.array(EXPECTED)) == "version: 1\nn_points: 3\n{\n1.0 1.0\n2.5 3.0\n10.0 20.25\n}\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        PLAIN.rstrip(),
        PLAIN.replace("version: 1\n", ""),
        PLAIN.replace(": ", ":   ").replace("version", "  Version"),
        PLAIN.replace("2.5 3", "  2.5\t 3.  "),
        PLAIN.replace("2.5 3", "2.5e0, +3"),
        PLAIN.replace("\n", "\n\n"),
        "# made by hand\n" + PLAIN.replace("2.5 3", "2.5 3 # nose") + "// end\n",
        PLAIN.replace("version: 1", "version: 1.0"),
    ],
    ids=["crlf", "cr", "bom", "no-end", "no-version", "header-spaces", "spaces", "comma", "blank", "comments", "1.0"],
)
def test_harmless_variations(text: str) -> None:
    assert parse_pts(text.encode(), "x").tolist() == EXPECTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "opening brace"),
        (PLAIN.replace("{\n", ""), "line 3: not a .pts file"),
        (PLAIN.replace("}\n", ""), "closing brace"),
        (PLAIN.replace("n_points: 3\n", ""), "n_points: N' is missing"),
        (PLAIN.replace("n_points: 3", "n_points: 4"), "n_points says 4, but there are 3"),
        (PLAIN.replace("n_points: 3", "n_points: 0"), "not a number of points"),
        (PLAIN.replace("n_points: 3", "n_points: 3.5"), "not a number of points"),
        (PLAIN.replace("n_points: 3", "n_points: 999999999999"), "not a number of points"),
        (PLAIN.replace("2.5 3", "2.5"), "line 5: expected two numbers, found '2.5'"),
        (PLAIN.replace("2.5 3", "2.5 3 4"), "line 5: expected two numbers"),
        (PLAIN.replace("2.5 3", "a b"), "line 5: expected two numbers, found 'a b'"),
        (PLAIN.replace("2.5 3", "nan 3"), "line 5: expected two numbers"),
        (PLAIN.replace("2.5 3", "inf 3"), "line 5: expected two numbers"),
        (PLAIN.replace("2.5 3", "1_0 3"), "line 5: expected two numbers"),
        (PLAIN.replace("2.5 3", "1e400 3"), "line 5: a coordinate is far outside"),
        (PLAIN.replace("2.5 3", "1e7 3"), "line 5: a coordinate is far outside"),
        (PLAIN.replace("version: 1", "version: 2"), "version 2"),
        (PLAIN + "1 2\n", "line 8: text after the closing brace"),
        ("\0\0\0\0", "not a text file"),
        ('{"points": []}', "line 1: not a .pts file"),
    ],
)
def test_errors_name_file_and_line(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_pts(text.encode(), "folder/x.pts")
    assert "folder/x.pts" in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.remedy


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text("{}:.\n 0123456789eE+-npoitsverion_#", max_size=200).map(str.encode))
def test_any_bytes_give_points_or_a_format_error(data: bytes) -> None:
    try:
        points = parse_pts(data, "fuzz.pts")
    except FormatError as error:
        assert "fuzz.pts" in str(error)
    else:
        assert points.ndim == 2
        assert np.isfinite(points).all()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_never_gives_another_number_of_points(data: st.DataObject) -> None:
    raw = bytearray(PLAIN.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        points = parse_pts(bytes(raw), "fuzz.pts")
    except FormatError:
        return
    declared = re.search(r"n_points\s*:\s*(\d+)", raw.decode("utf-8").lower())
    assert declared is not None
    assert len(points) == int(declared[1])


def test_binary_and_large_files(tmp_path: Path) -> None:
    path = tmp_path / "x.pts"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    with pytest.raises(FormatError, match="not a text file"):
        read_pts(path)
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(FormatError, match="too large"):
        read_pts(path)
    with pytest.raises(FormatError, match="no such file"):
        read_pts(tmp_path / "gone.pts")


def test_writing_never_replaces_unasked(tmp_path: Path) -> None:
    path = tmp_path / "ä.pts"
    write_pts(path, np.array(EXPECTED))
    assert read_pts(path).tolist() == EXPECTED
    with pytest.raises(FileError, match="already"):
        write_pts(path, np.zeros((3, 2)))
    assert read_pts(path).tolist() == EXPECTED
    write_pts(path, np.zeros((3, 2)), overwrite=True)
    assert not read_pts(path).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e9])
def test_points_without_a_place_cannot_be_written(tmp_path: Path, bad: float) -> None:
    points = np.zeros((3, 2))
    points[1, 0] = bad
    with pytest.raises(FormatError, match="point 1 has no place"):
        write_pts(tmp_path / "x.pts", points)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["1" * 1_000_000, "1" * 500_000 + "x", "1." + "1" * 500_000 + " e", "1 " * 400_000])
def test_long_runs_of_digits_have_one_reading(line: str) -> None:
    """Digits that fit nowhere were once split in every way, which took hours."""
    with pytest.raises(FormatError, match="line 4: expected two numbers"):
        parse_pts(f"version: 1\nn_points: 1\n{{\n{line}\n}}\n".encode(), "a.pts")
