"""Folders of 300W and STAR metadata files: good entries in, bad ones listed with a reason."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import FormatError, UsageError
from core.formats import FORMATS, ImportResult, detect_format, read_dataset, write_pts
from core.scheme import get_scheme

SHARED = Path(__file__).resolve().parents[3] / "shared/data/faces68"


def _points(count: int = 68, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(5, 90, (count, 2)).round(3)


def _face(folder: Path, name: str, points: np.ndarray | None = None, suffix: str = ".jpg") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / f"{name}{suffix}"
    Image.new("RGB", (120, 100), "grey").save(image, "PNG")
    if points is not None:
        write_pts(folder / f"{name}.pts", points)
    return image


def _reasons(result: ImportResult) -> str:
    return "\n".join(f"{entry.where}: {entry.reason}" for entry in result.skipped)


def test_folder_with_subfolders(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        _face(tmp_path / "indoor", f"face_{number}", _points(seed=number))
    _face(tmp_path / "outdoor" / "ümläut", "a b", _points(), suffix=".PNG")
    _face(tmp_path, "unlabelled")
    assert detect_format(tmp_path) == "300w"
    result = read_dataset(tmp_path)
    names = [face.image.relative_to(tmp_path).as_posix() for face in result.faces]
    assert names == ["indoor/face_1.jpg", "indoor/face_2.jpg", "indoor/face_10.jpg", "outdoor/ümläut/a b.PNG"]
    assert (result.scheme_id, result.format, result.skipped) == ("300w-68", "300w", [])
    assert np.allclose(result.faces[2].label.points, _points(seed=10), atol=1e-12)
    face = result.faces[0]
    assert (face.box, face.crop, face.tags) == (None, None, ())
    assert (face.info.width, face.info.height, face.info.format) == (120, 100, "PNG")
    assert face.source.endswith("face_1.pts")
    notes = " ".join(result.notes)
    assert "1-based" in notes
    assert "1 images have no .pts file" in notes


def test_index_base_is_an_option_and_noted(tmp_path: Path) -> None:
    _face(tmp_path, "a", _points())
    one, zero = read_dataset(tmp_path, index_base=1), read_dataset(tmp_path, index_base=0)
    assert np.array_equal(one.faces[0].label.points + 1, zero.faces[0].label.points)
    assert np.array_equal(read_dataset(tmp_path).faces[0].label.points, one.faces[0].label.points)
    assert "0-based" in zero.notes[0]
    with pytest.raises(UsageError, match="index base"):
        read_dataset(tmp_path, index_base=2)


def test_bad_entries_are_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    _face(tmp_path, "good", _points())
    _face(tmp_path, "wrong_count", _points(5))
    _face(tmp_path, "torn", _points())
    torn = tmp_path / "torn.pts"
    torn.write_text(torn.read_text().replace("}", ""))
    (tmp_path / "no_image.pts").write_text((tmp_path / "good.pts").read_text())
    _face(tmp_path, "not_an_image", _points()).write_text("not one")
    (tmp_path / "binary.pts").write_bytes(bytes(range(256)))
    _face(tmp_path, "binary")
    result = read_dataset(tmp_path)
    assert [face.image.name for face in result.faces] == ["good.jpg"]
    assert len(result.skipped) == 5
    text = _reasons(result)
    for expected in (
        "wrong_count.pts: has 5 points, scheme 300w-68 has 68",
        "torn.pts: the closing brace",
        "no_image.pts: there is no image of this name",
        "not_an_image.jpg: not an image",
        "binary.pts: not a text file",
    ):
        assert expected in text


def test_of_several_schemes_the_most_frequent_or_the_chosen_one(tmp_path: Path) -> None:
    for number in range(3):
        _face(tmp_path, f"w{number}", _points(98))
    _face(tmp_path, "a", _points(68))
    result = read_dataset(tmp_path)
    assert (result.scheme_id, len(result.faces), len(result.skipped)) == ("wflw-98", 3, 1)
    chosen = read_dataset(tmp_path, scheme=get_scheme("300w-68"))
    assert (chosen.scheme_id, len(chosen.faces), len(chosen.skipped)) == ("300w-68", 1, 3)


def test_stems_match_whatever_the_letter_case_and_unicode_form(tmp_path: Path) -> None:
    _face(tmp_path, "Photo", suffix=".JPG")
    _face(tmp_path, "e\u0301", suffix=".png")  # as macOS writes it
    write_pts(tmp_path / "photo.PTS", _points())
    write_pts(tmp_path / "\u00e9.pts", _points())
    assert len(read_dataset(tmp_path).faces) == 2


def test_an_exact_stem_goes_before_a_folded_one(tmp_path: Path) -> None:
    exact = _face(tmp_path, "a", _points())
    _face(tmp_path, "A", suffix=".jpeg")
    result = read_dataset(tmp_path)
    assert [face.image.name for face in result.faces] == [exact.name]


def test_one_pts_file_and_images_elsewhere(tmp_path: Path) -> None:
    _face(tmp_path, "a", _points())
    _face(tmp_path, "b", _points())
    one = read_dataset(tmp_path / "b.pts")
    assert [face.image.name for face in one.faces] == ["b.jpg"]
    labels, images = tmp_path / "labels", tmp_path / "images"
    _face(images / "x", "c")
    (labels / "x").mkdir(parents=True)
    write_pts(labels / "x" / "c.pts", _points())
    assert read_dataset(labels, images_root=images).faces[0].image == images / "x" / "c.jpg"


def test_nothing_usable_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="looks like no known data set"):
        read_dataset(tmp_path)
    with pytest.raises(FormatError, match=r"there is no \.pts file here"):
        read_dataset(tmp_path, "300w")
    _face(tmp_path, "a", _points(7))
    with pytest.raises(FormatError, match="no known scheme has 7 points"):
        read_dataset(tmp_path)
    (tmp_path / "a.pts").write_text("junk")
    with pytest.raises(FormatError, match=r"a\.pts, line 1: not a \.pts file"):
        read_dataset(tmp_path)
    with pytest.raises(FormatError, match="no such file or folder"):
        read_dataset(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"there is no format 'x'\. Use one of auto"):
        read_dataset(tmp_path, "x")
    with pytest.raises(FormatError, match="image folder is not there"):
        read_dataset(tmp_path, images_root=tmp_path / "gone")


def test_hints_in_the_notes(tmp_path: Path) -> None:
    points = np.full((68, 2), 5.0)
    points[0] = -1
    points[1] = 500
    _face(tmp_path, "a", points)
    _face(tmp_path, "a", suffix=".png")
    notes = " ".join(read_dataset(tmp_path).notes)
    for expected in ("may be 0-based", "whole numbers", "1 faces have points outside", "several images"):
        assert expected in notes


def test_progress_and_cancel(tmp_path: Path) -> None:
    for number in range(4):
        _face(tmp_path, str(number), _points())
    seen: list[tuple[int, int]] = []
    read_dataset(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (8, 8)
    assert all(done <= total for done, total in seen)

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_dataset(tmp_path, progress=cancel)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared faces")
def test_the_shared_faces() -> None:
    start = time.perf_counter()
    result = read_dataset(SHARED)
    print(f"read in {time.perf_counter() - start:.1f} s")
    assert (len(result.faces), result.skipped, result.scheme_id) == (2811, [], "300w-68")
    first = next(face for face in result.faces if face.image.name == "Abdullah_Gul_10.jpg")
    assert first.label.points[0].tolist() == [83.0, 132.0]


# STAR metadata


def _row(path: str, points: np.ndarray, *, scale: str = "0.75", tags: str | None = None) -> str:
    five = ",".join(["1.5"] * 10)
    landmarks = ",".join(repr(float(v)) for v in points.ravel())
    fields = [path, five, landmarks, scale, "60.5", "50.25"]
    return "\t".join(fields if tags is None else [*fields, tags]) + "\n"


def _tsv(folder: Path, *rows: str, name: str = "test.tsv") -> Path:
    path = folder / name
    path.write_text("".join(rows), encoding="utf-8")
    return path


def test_tsv_with_tags_crop_and_no_shift(tmp_path: Path) -> None:
    _face(tmp_path, "a")
    points = _points(98)
    source = _tsv(tmp_path, _row("a.jpg", points, tags="0,0,1,0,0,1"), _row("a.jpg", points + 1, tags="0,0,0,0,0,0"))
    assert detect_format(source) == "star-tsv"
    result = read_dataset(source)
    assert (result.scheme_id, result.format, result.skipped) == ("wflw-98", "star-tsv", [])
    first, second = result.faces
    assert np.array_equal(first.label.points, points)
    assert first.crop == (0.75, 60.5, 50.25)
    assert first.tags == ("illumination", "blur")
    assert second.tags == ()
    assert second.source == f"{source}, line 2"
    shifted = read_dataset(source, index_base=1).faces[0]
    assert np.array_equal(shifted.label.points, points - 1)
    assert shifted.crop == (0.75, 59.5, 49.25)


def test_tsv_header_is_noticed_and_no_first_face_lost(tmp_path: Path) -> None:
    _face(tmp_path, "a")
    names = "image_path\tlandmarks5\tlandmarks68\tscale\tcenter_x\tcenter_y\n"
    with_names = read_dataset(_tsv(tmp_path, names, _row("a.jpg", _points()), name="h.tsv"))
    without = read_dataset(_tsv(tmp_path, _row("a.jpg", _points()), _row("a.jpg", _points()), name="n.tsv"))
    assert (len(with_names.faces), len(without.faces)) == (1, 2)
    assert "The first line is column names." in with_names.notes
    assert with_names.faces[0].source.endswith("line 2")


@pytest.mark.parametrize(
    "prefix", ["", "./", ".\\", "./rawImages/300W/", "rawImages\\", "/home/someone/data/", "C:\\data\\faces\\"]
)
def test_tsv_paths_of_the_machine_that_wrote_them(tmp_path: Path, prefix: str) -> None:
    images = tmp_path / "images"
    _face(images / "afw", "1")
    _face(images / "ibug", "1")
    separator = "\\" if "\\" in prefix else "/"
    rows = [_row(f"{prefix}{folder}{separator}1.jpg", _points()) for folder in ("afw", "ibug")]
    result = read_dataset(_tsv(tmp_path, *rows), images_root=images)
    assert [face.image for face in result.faces] == [images / "afw" / "1.jpg", images / "ibug" / "1.jpg"]


def test_tsv_paths_never_leave_the_image_folder(tmp_path: Path) -> None:
    images = tmp_path / "images"
    _face(images, "a")
    secret = _face(tmp_path, "secret")
    rows = [
        _row("a.jpg", _points()),
        _row("../secret.jpg", _points()),
        _row("x/../../secret.jpg", _points()),
        _row(str(secret), _points()),
        _row("..\\secret.jpg", _points()),
        _row("nul\0byte.jpg", _points()),
        _row(".", _points()),
    ]
    result = read_dataset(_tsv(tmp_path, *rows), images_root=images)
    assert [face.image.name for face in result.faces] == ["a.jpg"]
    assert len(result.skipped) == 6
    text = _reasons(result)
    assert text.count("leads out of the image folder") == 4
    assert text.count("is not a path") == 2
    inside = read_dataset(_tsv(tmp_path, _row(str(images / "a.jpg"), _points())), images_root=images)
    assert len(inside.faces) == 1
    up = read_dataset(_tsv(tmp_path, _row("../images/a.jpg", _points())), images_root=images)
    assert len(up.faces) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.jpg\t1\t2\n", "has 3 tab-separated columns"),
        (_row("a.jpg", _points()).replace("0.75", "zero"), "scale: 'zero' is not a number"),
        (_row("a.jpg", _points(), scale="0"), "the scale is 0"),
        (_row("a.jpg", _points(), scale="-1"), "the scale is -1"),
        (_row("a.jpg", _points(), scale="nan"), "scale: 'nan' is not a number"),
        (_row("a.jpg", _points(), scale="1e30"), "far outside"),
        (_row("a.jpg", _points()).replace("60.5", ""), "centre x: '' is not a number"),
        (_row("a.jpg", _points(5)), "has 5 points, scheme 300w-68 has 68"),
        (_row("a.jpg", np.full((68, 2), np.nan)), "'nan' is not a number"),
        (_row("", _points()), "image path is empty"),
        (_row("gone.jpg", _points()), "there is no such file"),
        (_row("a.jpg", _points(), tags="0,2"), "not all 0 or 1"),
        (_row("a.jpg", _points(9000)), "too long"),
    ],
)
def test_tsv_bad_lines_are_listed_with_their_number(tmp_path: Path, row: str, reason: str) -> None:
    _face(tmp_path, "a")
    source = _tsv(tmp_path, _row("a.jpg", _points()), row, "\n", _row("a.jpg", _points()))
    result = read_dataset(source)
    assert len(result.faces) == 2
    assert len(result.skipped) == 1
    assert result.skipped[0].where == f"{source}, line 2"
    assert reason in result.skipped[0].reason


def test_tsv_without_a_usable_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="the file is empty"):
        read_dataset(_tsv(tmp_path, ""))
    with pytest.raises(FormatError, match="there is no face"):
        read_dataset(_tsv(tmp_path, "\n"))
    with pytest.raises(FormatError, match=r"no face could be read; .*line 1: has 1 tab-separated columns"):
        read_dataset(_tsv(tmp_path, "hello\n"))
    (tmp_path / "b.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not a text file"):
        read_dataset(tmp_path / "b.tsv")
    with pytest.raises(FormatError, match=r"no such file"):
        read_dataset(_tsv(tmp_path, _row("gone.jpg", _points())))


def test_names_are_those_of_the_design() -> None:
    named = {"300w", "wflw", "cofw", "star-tsv", "coco", "labelme", "cvat", "labelstudio", "ljson", "dlib"}
    assert set(FORMATS) <= named | {"deeplabcut", "csv", "parquet", "patch"}
    assert {"300w", "star-tsv"} <= set(FORMATS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\t1\t" + b"1" * 60_000 + b"x\t1\t1\t1\n", "is not a number"),  # once minutes, for its many readings
        (b"a\t1\t" + b"1," * 30_000 + b"\t" + b" " * 5000 + b"x\t1\t1\n", "is not a number"),
        (b"x\n" * 200_000, "too many unusable lines; the last: has 1 tab-separated columns"),
        (b"\n" * 2_000_000, "too many lines"),
        (b"\t" * 3_000_000, "there is no face"),
        (b"x" * 3_000_000, "the line is too long"),
        ("\U0001f600".encode() * 500_000, "the line is too long"),
        (b"a\xff\n", "not a text file"),
        (b"a/" * 30_000 + b"\t\t1,2\t1\t1\t1\n", "the image path is too long"),
    ],
)
def test_tables_without_end(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_dataset(path, "star-tsv")
    assert len(str(caught.value)) < 1000
