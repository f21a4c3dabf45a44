"""Writing STAR's tables: as its two readers want them, with crops, five points and tags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import FormatError
from core.face import Label
from core.formats import export_dataset, read_dataset
from core.formats.base import LabelledFace
from core.formats.registry import EXPORTERS
from core.scheme import Scheme, get_scheme, load_scheme
from core.scheme_map import convert_label, find_map
from core.transforms import crop_from_points
from tests.core.format_samples import make_faces, save_image

HOLDS = EXPORTERS["star-tsv"].holds


def _export(faces: list[LabelledFace], scheme: Scheme, path: Path, **options: bool | int) -> list[list[str]]:
    """Columns of each line as written."""
    export_dataset(faces, scheme, path, "star-tsv", **options)  # type: ignore[arg-type]
    return [line.split("\t") for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("scheme_id", ["300w-68", "wflw-98", "cofw-29", "face-5"])
def test_the_columns_that_the_reference_splits(scheme_id: str, tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 4, scheme_id, HOLDS) if scheme_id != "face-5" else _small(tmp_path)
    scheme = get_scheme(scheme_id)
    rows = _export(faces, scheme, tmp_path / "a.tsv")
    assert len(rows) == len(faces)
    for row, face in zip(rows, faces, strict=True):
        five = np.array(list(map(float, row[1].split(",")))).reshape(5, 2)
        points = np.array(list(map(float, row[2].split(",")))).reshape(len(scheme), 2)
        assert np.array_equal(points, face.label.points)
        way = None if scheme_id == "face-5" else find_map(scheme_id, "face-5")
        assert np.array_equal(five, points if way is None else convert_label(face.label, way).points)
        crop = face.crop or tuple(crop_from_points(face.label.points).as_array())
        assert tuple(map(float, row[3:6])) == crop
        assert row[6:] == (["0,0,0,0,1,1" if face.tags else "0,0,0,0,0,0"] if scheme_id != "face-5" else [])


def _small(folder: Path) -> list[LabelledFace]:
    face = make_faces(folder / "images", 1)[0]
    return [replace(face, label=convert_label(face.label, find_map("300w-68", "face-5")), crop=None)]


def test_a_line_of_column_names_where_it_is_wanted(tmp_path: Path) -> None:
    faces = [replace(face, tags=()) for face in make_faces(tmp_path / "images", 3, holds=HOLDS)]
    report = export_dataset(faces, get_scheme("300w-68"), tmp_path / "b.tsv", "star-tsv", header=True)
    first = (tmp_path / "b.tsv").read_text("utf-8").splitlines()[0]
    assert first == "image_path\tlandmarks_5\tlandmarks\tscale\tcenter_x\tcenter_y"
    assert "column names" not in " ".join(report.notes)
    again = read_dataset(tmp_path / "b.tsv", images_root=tmp_path / "images")
    assert len(again.faces) == len(faces)
    assert "The first line is column names." in again.notes
    assert "take the first face for one" in " ".join(
        export_dataset(faces, get_scheme("300w-68"), tmp_path / "c.tsv", "star-tsv").notes
    )


@pytest.mark.parametrize("base", [0, 1])
def test_what_was_read_is_written_again(base: int, tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    points = ",".join(str(value / 3) for value in range(196))
    line = f"a.png\t1.5,2,3,4,5,6,7,8,9,10\t{points}\t0.7\t81.25\t60\t1,0,0,0,1,0\n"
    (tmp_path / "a.tsv").write_text(line)
    result = read_dataset(tmp_path / "a.tsv", index_base=base)
    assert result.faces[0].extras == {"five_points": [value - base for value in (1.5, *range(2, 11))]}
    rows = _export(result.faces, get_scheme("wflw-98"), tmp_path / "b.tsv", index_base=base)
    expected = line.rstrip("\n").split("\t")
    assert rows[0][0] == expected[0]
    assert rows[0][6] == expected[6]
    for mine, other in zip(rows[0][1:6], expected[1:6], strict=True):
        assert np.allclose(list(map(float, mine.split(","))), list(map(float, other.split(","))), rtol=0, atol=1e-12)


@pytest.mark.parametrize("five", ["", "a,b", "1,2", "1,2,3,4,5,6,7,8,9,nan"])
def test_bad_five_points_are_made_anew(five: str, tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    points = ",".join(str(value) for value in range(136))
    (tmp_path / "a.tsv").write_text(f"a.png\t{five}\t{points}\t0.7\t81.25\t60\n")
    face = read_dataset(tmp_path / "a.tsv").faces[0]
    assert face.extras == {}
    odd = replace(face, extras={"five_points": ["x"] * 10})
    rows = _export([odd], get_scheme("300w-68"), tmp_path / "b.tsv")
    assert len(rows[0][1].split(",")) == 10


def test_a_scheme_of_ones_own_gets_guessed_five_points(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'id = "own"\ntitle = "Own"\npoints = ["a", "b", "c"]\nregions = []\nflip = [[0, 1]]\n'
        "[normalisers]\nab = [[0], [1]]\n"
    )
    scheme = load_scheme(tmp_path / "own.toml")
    face = make_faces(tmp_path / "images", 1)[0]
    mine = replace(face, label=Label("own", face.label.points[:3]), crop=(0.5, 100.0, 80.0))
    image = save_image(tmp_path / "images/z.png")
    same = replace(mine, label=Label("own", np.full((3, 2), 7.0)), crop=None, image=image)
    report = export_dataset([mine, same], scheme, tmp_path / "a.tsv", "star-tsv")
    assert "guessed from the crops" in " ".join(report.notes)
    five = np.array(list(map(float, (tmp_path / "a.tsv").read_text().split("\t")[1].split(",")))).reshape(5, 2)
    assert (np.abs(five - (100, 80)) < 50).all()
    assert five[0, 0] < five[2, 0] < five[1, 0]
    assert five[0, 1] < five[2, 1] < five[3, 1]


def test_paths_with_tabs_are_refused(tmp_path: Path) -> None:
    face = replace(make_faces(tmp_path / "i", 1)[0], image=save_image(tmp_path / "a\tb.png"))
    with pytest.raises(FormatError, match="characters that a line of text cannot hold"):
        export_dataset([face], get_scheme("300w-68"), tmp_path / "out.tsv", "star-tsv")
