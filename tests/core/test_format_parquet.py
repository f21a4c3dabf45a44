"""Parquet: our own columns, those of other programs, and files that claim more than they are."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import FormatError
from core.face import Label, Visibility
from core.formats import detect_format, export_dataset, read_dataset
from core.formats.base import ImportResult
from core.formats.parquet import KEY
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
XS = [i + 0.5 for i in range(68)]
YS = [2.0 * i for i in range(68)]


def read(tmp_path: Path, columns: dict[str, Any], metadata: object = None, **options: Any) -> ImportResult:
    save_image(tmp_path / "a.png")
    table = pa.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({KEY: json.dumps(metadata).encode()})
    pq.write_table(table, tmp_path / "table.parquet", **options)
    assert detect_format(tmp_path / "table.parquet") == "parquet"
    return read_dataset(tmp_path / "table.parquet")


def test_everything_comes_back(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    faces[0] = replace(faces[0], extras={"licence": 7, "list": [1, None, "ü"]}, tags=("a;b", "c"))
    faces[2] = replace(faces[2], label=Label(SCHEME.id, np.full((68, 2), np.nan)))
    export_dataset(faces, SCHEME, tmp_path / "out.parquet", "parquet", images_root=tmp_path / "images")
    again = read_dataset(tmp_path / "out.parquet", images_root=tmp_path / "images").faces
    for face, back in zip(faces, again, strict=True):
        assert (back.label, back.box, back.crop) == (face.label, face.box, face.crop)
        assert (back.tags, back.extras) == (face.tags, face.extras)


def test_columns_as_in_other_tables(tmp_path: Path) -> None:
    wide = {f"{axis}{i}": [values[i], None] for axis, values in (("x", XS), ("y", YS)) for i in range(68)}
    result = read(tmp_path, {"path": ["a.png"] * 2, "box_x": [None, 1.0], **wide, "age": [31, None]})
    assert result.faces[0].label.points[67].tolist() == [67.5, 134]
    assert result.faces[0].extras == {"age": 31}
    assert (result.faces[1].label.visibility == Visibility.MISSING).all()


def test_lists_without_names_are_read_by_position(tmp_path: Path) -> None:
    xs = [XS, XS[:5], [None, *XS[1:]], XS, XS]
    ys = [YS, YS[:5], [float("nan"), *YS[1:]], YS[:5], [None, *YS[1:]]]
    nested = pa.array([{"a": 1}] * 5)
    result = read(tmp_path, {"image": ["a.png"] * 5, "x": xs, "y": ys, "nested": nested})
    assert result.scheme_id == "300w-68"
    assert len(result.faces) == 2
    assert result.faces[1].label.visibility[0] == Visibility.MISSING
    assert [entry.reason.split(",")[0] for entry in sorted(result.skipped, key=lambda entry: entry.where)] == [
        "has 5 points", "y is no list of as many values as there are points", "point '0' has only one coordinate",
    ]  # fmt: skip
    assert any("nested" in note for note in result.notes)


def test_names_of_the_metadata_decide(tmp_path: Path) -> None:
    points = [*SCHEME.points[1:], SCHEME.points[0]]
    own = {"version": 1, "scheme": "mine", "points": points}
    columns = {"image": ["a.png"], "x": [XS], "y": [YS], "visibility": [["occluded"] + ["visible"] * 67]}
    result = read(tmp_path, columns, own)
    assert result.faces[0].label.points[[1, 0]].tolist() == [[0.5, 0], [67.5, 134]]
    assert result.faces[0].label.visibility[:2].tolist() == [0, Visibility.OCCLUDED]
    for bad, reason in (
        ({**own, "version": 2}, "newer"),
        ({**own, "points": [1]}, "damaged"),
        ([], "damaged"),
        ({**own, "points": points[:5]}, "the file says that there are 5"),
    ):
        with pytest.raises(FormatError, match=reason):
            read(tmp_path, columns, bad)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"image": ["../b.png"], "x": [XS], "y": [YS]}, "leads out"),
        ({"image": ["a.png"], "x": [[1e300] * 68], "y": [YS]}, "far outside"),
        ({"image": ["a.png"], "x": [[float("inf")] * 68], "y": [YS]}, "not finite"),
        ({"image": ["a.png"], "x": [["1"] * 67 + ["?"]], "y": [YS]}, "not a number"),
        ({"image": [None], "x": [XS], "y": [YS]}, "no image path"),
        ({"image": [[1]], "x": [XS], "y": [YS]}, "does not name a column of images"),
        ({"image": ["a.png"], "x": [XS], "y": [YS], "visibility": [["?"] * 68]}, "is none of visible"),
        ({"image": ["a.png"], "x": [[0.0] * 5000], "y": [[0.0] * 5000]}, "too long"),
        ({"image": ["a" * 50_000], "x": [XS], "y": [YS]}, "too long"),
        ({"image": ["a.png"], "x": [XS], "y": [YS], "extras": ["[1]"]}, "no JSON object"),
        ({"image": pa.array([b"\xff"]).view(pa.string()), "x": [XS], "y": [YS]}, "cannot be read as Parquet"),
        ({"image": ["a.png"] * 100_000, "x": [[1.0]] * 100_000, "y": [[1.0]] * 100_000}, "claims 100,000 rows"),
        ({"image": ["a.png"] * 300, "x": [[1.0] * 5000] * 300, "y": [[1.0]] * 300}, "claims 1,500,600 values"),
    ],
)
def test_files_that_are_no_data_set(tmp_path: Path, columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(tmp_path, columns)


def test_pages_that_unpack_to_too_much(tmp_path: Path) -> None:
    """70 MB of one letter in a page of kilobytes, which a decoder would unpack before anybody could look."""
    columns = {"image": ["a" * 70_000_000], "x": [XS], "y": [YS]}
    with pytest.raises(FormatError, match="unpacks to more than"):
        read(tmp_path, columns, compression="zstd", use_dictionary=False, write_statistics=False)
    assert (tmp_path / "table.parquet").stat().st_size < 100_000


def test_damaged_files(tmp_path: Path) -> None:
    read(tmp_path, {"image": ["a.png"], "x": [XS], "y": [YS]})
    path = tmp_path / "table.parquet"
    whole = path.read_bytes()
    footer = struct.unpack("<I", whole[-8:-4])[0] + 8
    for data in (whole[:4], whole[:-9], b"PAR1" + whole[-footer:], whole[: len(whole) // 3], b"PAR1" * 20):
        path.write_bytes(data)
        with pytest.raises(FormatError):
            read_dataset(path, "parquet")


def test_footers_of_other_kinds(tmp_path: Path) -> None:
    """Thrift that a decoder would follow: lists in lists, a number without end, a field twice, nothing."""
    path = tmp_path / "table.parquet"
    for footer in (b"\x19\x19" + b"\x19" * 5000, b"\x16" + b"\xff" * 20, b"\x16\x02\x06\x02\x02\x00", b""):
        path.write_bytes(b"PAR1" + bytes(40) + footer + struct.pack("<I", len(footer)) + b"PAR1")
        with pytest.raises(FormatError, match="damaged"):
            read_dataset(path, "parquet")
