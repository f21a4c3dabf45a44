"""Writing data sets: whole or not at all, read back and compared before anything takes its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileError, FormatError, UsageError
from core.face import Label
from core.formats import EXPORTERS, FORMATS, LabelledFace, export_dataset, read_dataset
from core.formats.base import WriteOptions
from core.formats.exporting import write_dataset
from core.formats.suspects import duplicates, swapped_sides
from core.formats.w300 import Format300W
from core.scheme import Scheme, get_scheme
from tests.core.format_samples import assert_same, make_faces, save_image

SCHEME = get_scheme("300w-68")


def test_every_format_can_be_read_and_written() -> None:
    assert set(EXPORTERS) <= set(FORMATS)


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_round_trip(name: str, tmp_path: Path) -> None:
    exporter = EXPORTERS[name]
    counts = exporter.holds.counts
    scheme = SCHEME if counts is None or 68 in counts else get_scheme("cofw-29")
    faces = make_faces(tmp_path / "images", scheme_id=scheme.id, holds=exporter.holds)
    target = tmp_path / f"out{exporter.suffix}"
    report = export_dataset(faces, scheme, target, name, copy_images=False)
    assert report.faces == len(faces)
    assert not report.skipped
    assert report.drift is not None
    assert report.drift <= exporter.holds.precision + 1e-9
    again = read_dataset(target, images_root=tmp_path / "images")
    assert again.format == name
    if name != "cofw":  # its images lie in the file itself
        assert_same(faces, again.faces, exporter.holds)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_copies_of_the_images_travel_along(name: str, tmp_path: Path) -> None:
    exporter = EXPORTERS[name]
    counts = exporter.holds.counts
    scheme = SCHEME if counts is None or 68 in counts else get_scheme("cofw-29")
    faces = make_faces(tmp_path / "images", 3, scheme.id, holds=exporter.holds)
    (tmp_path / "there").mkdir()
    export_dataset(faces, scheme, tmp_path / "there" / f"out{exporter.suffix}", name, copy_images=True)
    (tmp_path / "there").rename(tmp_path / "elsewhere")
    (tmp_path / "images").rename(tmp_path / "hidden")
    again = read_dataset(tmp_path / "elsewhere" / f"out{exporter.suffix}")
    assert len(again.faces) == len(faces)
    assert not again.skipped


def test_faces_that_the_format_cannot_hold_are_listed(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images")
    report = export_dataset(faces, SCHEME, tmp_path / "out", "300w")
    reasons = [entry.reason for entry in report.skipped]
    assert report.faces == 3
    assert any("point 7 is missing" in reason for reason in reasons)
    assert any("another face" in reason for reason in reasons)
    assert "boxes of 3 faces" in report.lost


def test_what_is_there_stays(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 1)
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("months of work")
    with pytest.raises(FileError, match="there already"):
        export_dataset(faces, SCHEME, target, "300w")
    export_dataset(faces, SCHEME, target, "300w", overwrite=True)
    assert (target / "mine.txt").read_text() == "months of work"
    assert (target / "face_00.pts").is_file()
    with pytest.raises(FileError, match="folder is missing"):
        export_dataset(faces, SCHEME, tmp_path / "nowhere" / "out", "300w")
    with pytest.raises(UsageError, match="no labelled face"):
        export_dataset([], SCHEME, tmp_path / "none", "300w")


class _Careless(Format300W):
    """Writes two points in each other's place, or a little off."""

    def __init__(self, off: float) -> None:
        self.off = off

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        order = [1, 0, *range(2, len(scheme))] if not self.off else range(len(scheme))
        moved = [replace(face, label=Label(scheme.id, face.label.points[list(order)] + self.off)) for face in faces]
        return super().write(moved, scheme, place, options)


@pytest.mark.parametrize("off", [0.0, 1e-6])
def test_an_export_that_reads_back_differently_is_refused(off: float, tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images", 1)
    with pytest.raises(FormatError, match="reads back"):
        write_dataset(faces, SCHEME, tmp_path / "out", _Careless(off), Format300W())
    assert not (tmp_path / "out").exists()


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    faces = make_faces(tmp_path / "images")

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_dataset(faces, SCHEME, tmp_path / "out", "300w", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_swapped_sides_are_found_and_turned_faces_are_not(tmp_path: Path) -> None:
    faces = make_faces(tmp_path, 10, nested=False)
    flip = list(SCHEME.flip)
    wrong = replace(faces[0], label=Label(SCHEME.id, faces[0].label.points[flip]))
    upside_down = replace(faces[4], label=Label(SCHEME.id, 200 - faces[4].label.points))
    data = [*faces, wrong, upside_down]
    assert swapped_sides(data, SCHEME) == [len(faces)]


def test_duplicates(tmp_path: Path) -> None:
    faces = make_faces(tmp_path, 4)
    other = save_image(tmp_path / "other.png", seed=9)
    copied = replace(faces[1], image=other)
    found = duplicates([*faces, faces[0], copied])
    assert found == [(0, len(faces)), (1, len(faces) + 1)]


def test_report_says_all_in_words_and_numbers(tmp_path: Path) -> None:
    faces = [face for face in make_faces(tmp_path / "images") if np.isfinite(face.label.points).all()]
    report = export_dataset(faces[:2], SCHEME, tmp_path / "out", "300w")
    text = "\n".join(report.lines())
    assert "2 faces of 2 images written (300w, 300w-68)." in text
    assert "The first pixel's centre is 1 in the files." in text
    assert "Largest move" in text
    assert report.to_json()["drift"] == report.drift
    assert report.to_json()["version"] == 1
