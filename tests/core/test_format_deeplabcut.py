"""DeepLabCut's CSV: one and several individuals, one and three columns of the image, and files that are wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import FormatError
from core.face import Visibility
from core.formats import detect_format, export_dataset, read_dataset
from core.formats.base import ImportResult
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

SCHEME = get_scheme("300w-68")
NAMES = [name for name in SCHEME.points for _ in "xy"]
ROW = [str(value) for i in range(68) for value in (i + 0.5, 2 * i)]


def table(*rows: list[str], index: int = 1, names: list[str] | None = None, individuals: int = 0) -> str:
    """A file as DeepLabCut writes it: `rows` of index cells and coordinates."""
    names = (names or NAMES) * max(1, individuals)
    gap = [""] * (index - 1)
    head = [["scorer", *gap, *["me"] * len(names)]]
    if individuals:
        each = len(names) // individuals
        head.append(["individuals", *gap, *(f"mouse{1 + i // each}" for i in range(len(names)))])
    head += [["bodyparts", *gap, *names], ["coords", *gap, *["x", "y"] * (len(names) // 2)]]
    return "".join(",".join(row) + "\n" for row in [*head, *rows])


def read(tmp_path: Path, text: str) -> ImportResult:
    folder = tmp_path / "labeled-data" / "film"
    save_image(folder / "img 1.png")
    path = folder / "CollectedData_me.csv"
    path.write_bytes(text.encode())
    assert detect_format(path) == "deeplabcut"
    return read_dataset(path)


@pytest.mark.parametrize("image", ["labeled-data/film/img 1.png", r"labeled-data\film\img 1.png", "img 1.png"])
def test_one_column_names_the_image(tmp_path: Path, image: str) -> None:
    result = read(tmp_path, table([image, *ROW], [image, "", "", *ROW[2:]]).replace("\n", "\r\n"))
    assert result.faces[0].image == tmp_path / "labeled-data" / "film" / "img 1.png"
    assert not any("left out" in note for note in result.notes)
    assert result.faces[0].label.points[67].tolist() == [67.5, 134]
    assert result.faces[0].extras == {"scorer": "me"}
    assert result.faces[1].label.visibility[:2].tolist() == [Visibility.MISSING, 0]


def test_folders_above_are_not_reached(tmp_path: Path) -> None:
    """Of a project's labeled-data, images are looked for in the project; elsewhere beside the file alone."""
    save_image(tmp_path / "secret.png")
    save_image(tmp_path / "some" / "folder" / "a.png")
    path = tmp_path / "some" / "folder" / "CollectedData_me.csv"
    path.write_text(table(["a.png", *ROW], ["secret.png", *ROW], ["secret.png", *ROW]))
    result = read_dataset(path)
    assert len(result.faces) == 1
    assert "no such file" in result.skipped[0].reason


def test_three_columns_name_the_image_and_names_the_points(tmp_path: Path) -> None:
    names = NAMES[2:] + NAMES[:2]
    image = ["labeled-data", "film", "img 1.png"]
    result = read(tmp_path, table([*image, *ROW], [*image, *[""] * 136], index=3, names=names))
    assert result.faces[0].label.points[[1, 0]].tolist() == [[0.5, 0], [67.5, 134]]
    assert [entry.reason for entry in result.skipped] == ["no point is labelled"]


def test_several_individuals(tmp_path: Path) -> None:
    image = "labeled-data/film/img 1.png"
    text = table([image, *ROW, *ROW[::-1]], [image, *[""] * 136, *ROW], individuals=2)
    result = read(tmp_path, text)
    assert [face.extras["individual"] for face in result.faces] == ["mouse1", "mouse2", "mouse2"]
    assert not result.skipped
    export_dataset(result.faces[:2], SCHEME, tmp_path / "out.csv", "deeplabcut")
    assert "individuals,mouse1" in (tmp_path / "out.csv").read_text()


def test_likelihood_is_left_out(tmp_path: Path) -> None:
    coords = ",".join(f"{x},{y},0.9" for x, y in zip(ROW[::2], ROW[1::2], strict=True))
    names = ",".join(name for name in SCHEME.points for _ in range(3))
    head = "scorer" + ",net" * 204 + f"\nbodyparts,{names}\ncoords" + ",x,y,likelihood" * 68
    result = read(tmp_path, f"{head}\nimg 1.png,{coords}\n")
    assert result.faces[0].label.points[3].tolist() == [3.5, 6]
    assert any("likelihood" in note for note in result.notes)
    with pytest.raises(FormatError, match="frame of a video"):
        read(tmp_path, f"{head}\n0,{coords}\n")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["img 1.png", "", *ROW[1:]], "only one coordinate"),
        (["img 1.png", "inf", *ROW[1:]], "not a number"),
        (["", *ROW], "no image path"),
        (["../../../x.png", *ROW], "leads out"),
        (["img 1.png", *ROW, "1"], "138 cells"),
    ],
)
def test_bad_rows_are_left_out(tmp_path: Path, cells: list[str], reason: str) -> None:
    result = read(tmp_path, table(["img 1.png", *ROW], cells))
    assert len(result.faces) == 1
    assert reason in result.skipped[0].reason
    assert result.skipped[0].where.endswith("line 5")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (table(["img 1.png", "1", "2"], names=["ear", "ear"]), "no known scheme"),
        (table(names=NAMES[:2] * 2), "two columns for x"),
        (table().replace(",x,y\n", ",x,x\n"), "two columns for x"),
        (table().replace(",x,y\n", ",x,likelihood\n"), "not for both"),
        (table().replace("scorer,me", "scorer,you", 1), "several scorers"),
        (table().replace(",x,y\n", ",x\n"), "one length"),
        (table(), "no face"),
    ],
)
def test_files_that_are_no_data_set(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(tmp_path, text)


def test_a_folder_of_videos(tmp_path: Path) -> None:
    for film in ("a", "b"):
        folder = tmp_path / "labeled-data" / film
        save_image(folder / "img1.png")
        (folder / "CollectedData_me.csv").write_text(table([f"labeled-data/{film}/img1.png", *ROW]))
    assert detect_format(tmp_path) == "deeplabcut"
    result = read_dataset(tmp_path)
    assert [face.image.parent.name for face in result.faces] == ["a", "b"]


def test_paths_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 1, nested=False)
    image = faces[0].image.rename(tmp_path / "images" / "=1.png")
    faces = [replace(faces[0], image=image, extras={"scorer": "=2"})]
    export_dataset(faces, SCHEME, tmp_path / "out.csv", "deeplabcut")
    text = (tmp_path / "out.csv").read_text()
    assert "scorer,'=2" in text
    assert "\n./=1.png" in text
    back = read_dataset(tmp_path / "out.csv", images_root=tmp_path / "images").faces[0]
    assert back.image == image
    assert back.extras == {"scorer": "=2"}
