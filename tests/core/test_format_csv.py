"""Plain tables: headers of many kinds, long tables, cells that a spreadsheet would run, and files that are wrong."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cli.output import CSV_COLUMNS
from core.errors import FormatError
from core.face import Label, Visibility
from core.formats import detect_format, export_dataset, read_dataset
from core.formats.base import ImportResult
from core.formats.csv_text import escaped, unescaped
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
NUMBERED = [f"{axis}{i}" for i in range(68) for axis in "xy"]
ROW = [str(value) for i in range(68) for value in (i + 0.5, 2 * i)]


def read(tmp_path: Path, *rows: list[str], delimiter: str = ",", start: str = "", end: str = "\n") -> ImportResult:
    save_image(tmp_path / "a.png")
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(start)
        csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(rows)
    assert detect_format(path) == "csv"
    return read_dataset(path)


HEADERS = [
    NUMBERED,
    [f"{axis}_{i}" for i in range(68) for axis in "xy"],
    [f"{axis}{i}" for i in range(1, 69) for axis in "XY"],
    [f"landmark_{i}_{axis}" for i in range(68) for axis in "xy"],
    [f"{axis}[{i}]" for i in range(68) for axis in "xy"],
    [f"{name}_{axis}" for name in SCHEME.points for axis in "xy"],
    [f"{name.upper()} {axis}" for name in SCHEME.points for axis in "xy"],
    [f"p{i}{axis}" for i in range(68) for axis in "xy"],
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[0])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_headers_of_other_programs(tmp_path: Path, header: list[str], delimiter: str) -> None:
    if "X1" in header:
        header = [name.lower() for name in header]
    result = read(tmp_path, ["File Name", *header], ["a.png", *ROW], delimiter=delimiter, start="\ufeff", end="\r\n")
    assert result.scheme_id == "300w-68"
    assert result.faces[0].label.points[[0, 67]].tolist() == [[0.5, 0], [67.5, 134]]


def test_names_decide_and_further_columns_are_kept(tmp_path: Path) -> None:
    order = [*range(1, 68), 0]
    header = [f"{SCHEME.points[i]}_{axis}" for i in order for axis in "xy"]
    result = read(tmp_path, ["image", *header, "gaze_x", "gaze_y", "sex"], ["a.png", *ROW, "1", "2", "'=f"])
    assert result.faces[0].label.points[[1, 0]].tolist() == [[0.5, 0], [67.5, 134]]
    assert result.faces[0].extras == {"sex": "=f"}
    assert any("another order" in note for note in result.notes)
    assert any("'gaze'" in note for note in result.notes)


def test_the_output_of_predict_is_read(tmp_path: Path) -> None:
    head = ["a.png", "", "0", "1", "2", "30", "40", "0.75"]
    rows = [[*head, str(i), SCHEME.points[i], str(i), "2.5", "1", "0", "1", "1", "0"] for i in range(68)]
    empty = [""] * (len(CSV_COLUMNS) - 2)
    result = read(tmp_path, list(CSV_COLUMNS), *rows, ["b.png", "it is broken", *empty], ["c.png", "", *empty])
    assert result.faces[0].label.points[67].tolist() == [67, 2.5]
    assert result.faces[0].extras == {"score": 0.75}
    assert result.faces[0].box is not None
    assert [entry.reason.split(":")[0] for entry in result.skipped] == [
        "the table has an error instead of a face", "no face was found in the image",
    ]  # fmt: skip
    unnamed = [[*row[:9], "", *row[10:]] for row in reversed(rows)]
    assert read(tmp_path, list(CSV_COLUMNS), *unnamed).faces[0].label == result.faces[0].label


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["a.png", "x", *ROW[1:]], "not a number"),
        (["a.png", "inf", *ROW[1:]], "not a number"),
        (["a.png", "1e300", *ROW[1:]], "far outside"),
        (["a.png", "1_0", *ROW[1:]], "not a number"),
        (["a.png", "", *ROW[1:]], "only one coordinate"),
        (["", *ROW], "no image path"),
        (["../b.png", *ROW], "leads out"),
        (["none.png", *ROW], "no such file"),
        (["a.png", *ROW, "1"], "138 cells"),
        (["a.png", *",".join(ROW).replace(".", ",").split(",")], "decimal commas"),
    ],
)
def test_bad_rows_are_left_out(tmp_path: Path, cells: list[str], reason: str) -> None:
    result = read(tmp_path, ["image", *NUMBERED], ["a.png", *ROW], cells, ["a.png", "", "NaN", *ROW[2:]])
    assert len(result.faces) == 2
    assert result.faces[1].label.visibility[:2].tolist() == [Visibility.MISSING, 0]
    assert reason in result.skipped[0].reason
    assert result.skipped[0].where.endswith("line 3")


def test_tables_that_are_no_data_set(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for text, reason in [
        (b"image,x0,y0\na.png,1,2\n", "no known scheme"),
        (b"image,x0,y0,x0\n", "two columns"),
        (b"image,x0,y0,x_0\n", "two columns"),
        (("image," + ",".join(NUMBERED[:-1]) + "\na,1").encode(), "not for both"),
        (("image," + ",".join(NUMBERED) + "\n").encode(), "no face"),
        (("image," + ",".join(NUMBERED) + "\n'\"a").encode() + b"\xff,1\n", "UTF-8"),
        (("image," + ",".join(NUMBERED) + "\n\"a" + "\nb" * 2000).encode(), "quote"),
        (("image," + ",".join(NUMBERED) + "\na\0," + ",".join(ROW)).encode(), "not a path"),
        (("image;" + ";".join(NUMBERED) + "\na.png;" + ";".join(["1,5"] * 136)).encode(), "decimal comma"),
        (b"image,x0,y0," * 2000, "columns"),
        (b"frame,x0,y0\n", "does not name a column of images"),
    ]:
        path.write_bytes(text)
        with pytest.raises(FormatError, match=reason):
            read_dataset(path, "csv")
    path.write_bytes(b"scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\nimg.png,1,2\n")
    assert detect_format(path) == "deeplabcut"


def test_cells_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    for text in ("=1+1", "+a", "-a", "@a", "\tx", "'=a", "''=a", "'a", "a", "-1.5", "+3", "-"):
        assert unescaped(escaped(text)) == text
        assert not escaped(text).startswith(("=", "@", "\t", "+a", "-a"))
    assert escaped("-1.5") == "-1.5"
    faces = make_faces(tmp_path / "images", 2, nested=False)
    image = tmp_path / "images" / "=cmd|a.png"
    faces[0].image.rename(image)
    extras = {"=a": "=b", "list": [1, "x"]}
    faces[0] = replace(faces[0], image=image, tags=("=SUM(A1)", "a;b"), extras=extras)
    export_dataset(faces, SCHEME, tmp_path / "out.csv", "csv", images_root=tmp_path / "images")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    for cell in cells:
        if cell.startswith(("=", "+", "-", "@")):
            float(cell)
    back = read_dataset(tmp_path / "out.csv", images_root=tmp_path / "images").faces[0]
    assert (back.image, back.tags, back.extras) == (image, faces[0].tags, extras)


def test_everything_comes_back(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4)
    faces[2] = replace(faces[2], label=Label(SCHEME.id, np.full((68, 2), np.nan)))
    export_dataset(faces, SCHEME, tmp_path / "out.csv", "csv", images_root=tmp_path / "images")
    again = read_dataset(tmp_path / "out.csv", images_root=tmp_path / "images").faces
    for face, back in zip(faces, again, strict=True):
        assert (back.label, back.box, back.crop, back.tags) == (face.label, face.box, face.crop, face.tags)
