"""Lists of WFLW: as published, with other numbers of points, with bad lines, and with paths that lead astray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import FormatError
from core.face import Box, Label
from core.formats import ImportResult, detect_format, export_dataset, read_dataset
from core.scheme import get_scheme
from tests.core.format_samples import make_faces, save_image

WFLW = get_scheme("wflw-98")
IMAGE = "37--Soccer/37_Soccer_soccer_ball_37_45.jpg"


def _points(count: int = 98, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(5, 150, (count, 2)).round(6)


def _line(path: str, points: np.ndarray, rest: str = "10 20 150 155 1 0 0 0 1 0") -> str:
    numbers = " ".join(f"{value:.6f}" for value in points.ravel())
    return f"{numbers} {rest} {path}\n" if rest else f"{numbers} {path}\n"


def _wflw(top: Path, lines: list[str], split: str = "train") -> Path:
    """A list where WFLW has it."""
    folder = top / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"list_98pt_rect_attr_{split}.txt"
    path.write_bytes("".join(lines).encode())
    return path


def _reasons(result: ImportResult) -> str:
    return "\n".join(f"{entry.where}: {entry.reason}" for entry in result.skipped)


def test_a_list_as_published(tmp_path: Path) -> None:
    image = save_image(tmp_path / "WFLW_images" / IMAGE)
    points = _points()
    source = _wflw(tmp_path, [_line(IMAGE, points), _line(IMAGE, points + 1, "0 0 10 10 0 1 1 1 0 1")])
    assert detect_format(source) == "wflw"
    result = read_dataset(source)
    assert (result.scheme_id, result.format, result.skipped, result.index_base) == ("wflw-98", "wflw", [], 0)
    first, second = result.faces
    assert first.image == second.image == image
    assert np.array_equal(first.label.points, points)
    assert first.box == Box(10, 20, 140, 135)
    assert first.tags == ("largepose", "occlusion")
    assert second.tags == ("expression", "illumination", "makeup", "blur")
    assert second.source == f"{source}, line 2"
    one = read_dataset(source, index_base=1).faces[0]
    assert np.array_equal(one.label.points, points - 1)
    assert one.box == Box(9, 19, 140, 135)


def test_the_folder_is_read_with_both_lists(tmp_path: Path) -> None:
    save_image(tmp_path / "WFLW_images" / IMAGE)
    _wflw(tmp_path, [_line(IMAGE, _points())], "test")
    _wflw(tmp_path, [_line(IMAGE, _points()), _line("gone.jpg", _points())])
    for source in (tmp_path, tmp_path / "WFLW_annotations"):
        assert detect_format(source) == "wflw"
        result = read_dataset(source)
        assert [face.extras["split"] for face in result.faces] == ["train", "test"]
        assert "read together" in " ".join(result.notes)
        assert "list_98pt_rect_attr_train.txt, line 2: " in _reasons(result)


@pytest.mark.parametrize("rest", ["", "10 20 150 155"])
def test_lists_without_attributes_or_box(tmp_path: Path, rest: str) -> None:
    save_image(tmp_path / IMAGE)
    source = tmp_path / "list_98pt_test_blur.txt"
    source.write_text("\ufeff" + _line(IMAGE, _points(), rest).replace("\n", "\r\n"), encoding="utf-8")
    assert detect_format(source) == "wflw"
    face = read_dataset(source).faces[0]
    assert np.array_equal(face.label.points, _points())
    assert face.box == (Box(10, 20, 140, 135) if rest else None)
    assert face.tags == ()


def test_paths_with_spaces_and_numbers(tmp_path: Path) -> None:
    names = ["12 13 a b.png", "1 0/0 1  two.png", "plain.png"]
    for name in names:
        save_image(tmp_path / name)
    source = tmp_path / "list.txt"
    source.write_text("".join(_line(name, _points()) for name in names))
    assert [face.image.relative_to(tmp_path).as_posix() for face in read_dataset(source).faces] == names


def test_other_numbers_of_points(tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    source = tmp_path / "list.txt"
    for count, rest in ((68, ""), (29, "1 2 3 4 0 0 0 0 0 1")):
        source.write_text(_line("a.png", _points(count), rest))
        result = read_dataset(source)
        assert len(get_scheme(result.scheme_id)) == count
    with pytest.raises(FormatError, match=r"the first has 68 before its path.*196 numbers"):
        read_dataset(source, "wflw", scheme=WFLW)
    source.write_text("12 13 a.png\n")
    with pytest.raises(FormatError, match="looks like no known data set"):
        read_dataset(source)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (_line("a.png", _points(97)), "has 205 fields, expected 206 numbers"),
        (_line("a.png", _points()).replace(" 1 0 a.png", " 1 2 a.png"), "the attributes are not all 0 or 1"),
        (_line("a.png", _points()).replace(" 20 ", " nan "), "number 197: 'nan' is not a number"),
        (_line("a.png", _points()).replace(" 20 ", " 1_0 "), "number 197: '1_0' is not a number"),
        (_line("a.png", _points()).replace(" 20 ", " 1e300 "), "far outside any image"),
        ("1 2 3 a.png\n", "has 4 fields, expected 206 numbers and an image path"),
        (_line("", _points()), "has 206 fields"),
        (_line("gone.png", _points()), "no such file"),
        (_line("../../secret.png", _points()), "leads out of the image folder"),
        (_line("C:\\secret.png", _points()), "leads out of the image folder"),
        ("1 " * 40_000 + "a.png\n", "the line is too long"),
    ],
)
def test_bad_lines_are_listed_with_their_number(tmp_path: Path, line: str, reason: str) -> None:
    save_image(tmp_path / "secret.png")
    save_image(tmp_path / "x" / "WFLW_images" / "a.png")
    good = _line("a.png", _points())
    source = _wflw(tmp_path / "x", [good, line, good, "\n", good])
    result = read_dataset(source)
    assert len(result.faces) == 3
    assert [entry.where for entry in result.skipped] == [f"{source}, line 2"]
    assert reason in result.skipped[0].reason


def test_a_box_without_area_says_nothing_against_the_points(tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    source = tmp_path / "list.txt"
    source.write_text(_line("a.png", _points(), "150 20 150 10 0 0 0 0 0 0"))
    assert read_dataset(source).faces[0].box is None


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\0", b"x\n" * 200_000, b"0 " * 5_000_000])
def test_what_is_no_list(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "list.txt"
    source.write_bytes(content)
    with pytest.raises(FormatError):
        read_dataset(source, "wflw")


def test_written_lists_are_wflws_own(tmp_path: Path) -> None:
    faces = [f for f in make_faces(tmp_path / "images", 4, "wflw-98") if np.isfinite(f.label.points).all()]
    faces[0] = replace(faces[0], tags=("blur", "crowd"), box=None)
    report = export_dataset(faces, WFLW, tmp_path / "out.txt", "wflw", images_root=tmp_path / "images")
    assert report.drift == 0
    assert {len(line.split()) for line in (tmp_path / "out.txt").read_text().splitlines()} == {207}
    notes = " ".join(report.notes)
    assert "knows 6 tags only: crowd" in notes
    assert "have no box" in notes
    again = read_dataset(tmp_path / "out.txt", images_root=tmp_path / "images")
    assert again.faces[0].tags == ("blur",)


def test_a_path_that_a_line_cannot_hold_is_refused(tmp_path: Path) -> None:
    image = save_image(tmp_path / "a\nb.png")
    face = replace(make_faces(tmp_path / "i", 1)[0], image=image, label=Label(WFLW.id, _points()))
    with pytest.raises(FormatError, match="characters that a line of text cannot hold"):
        export_dataset([face], WFLW, tmp_path / "out.txt", "wflw")
    assert not (tmp_path / "out.txt").exists()
