"""Patches: corrections travel to whoever has the same images and labels, and land on nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileError, FormatError, UsageError
from core.exchange import apply_patch, import_labels, is_patch, project_labels, read_patch, write_patch
from core.face import Box, Label, Visibility
from core.formats import LabelledFace
from core.formats.base import ImportResult
from core.project import Project, SetFaceInfo, SetLabel
from tests.core.format_samples import make_faces


@pytest.fixture
def faces(tmp_path: Path) -> list[LabelledFace]:
    return make_faces(tmp_path / "anna" / "images")


@pytest.fixture
def anna(tmp_path: Path, faces: list[LabelledFace]) -> Iterator[Project]:
    """A project with an import."""
    with Project.create(tmp_path / "anna" / "faces.starmark") as project:
        import_labels(project, ImportResult(faces, [], "300w-68", "test"), "public", author="anna")
        yield project


@pytest.fixture
def bert(tmp_path: Path, faces: list[LabelledFace], anna: Project) -> Iterator[Project]:
    """The same data set on another machine, under other names."""
    shutil.copytree(tmp_path / "anna" / "images", tmp_path / "bert" / "pictures")
    moved = []
    for number, face in enumerate(faces):
        relative = face.image.relative_to(tmp_path / "anna" / "images")
        image = tmp_path / "bert" / "pictures" / relative
        renamed = image.with_name(f"other {image.name}")
        if image.exists():
            image.rename(renamed)
        moved.append(LabelledFace(renamed, face.label, None, None, (), f"{number}", face.info))
    with Project.create(tmp_path / "bert" / "mine.starmark") as project:
        import_labels(project, ImportResult(moved, [], "300w-68", "test"), "the data set", author="bert")
        yield project


def _edit(project: Project, number: int, change: dict[int, tuple[float, float]], author: str = "anna") -> Label:
    image = project.images()[number]
    face = project.faces(image.id)[0]
    own = project.ensure_label_set(author, "annotator")
    label = project.current_label(face.id, author)
    assert label is not None
    after = label.label
    for index, xy in change.items():
        after = after.with_point(index, xy)
    old = project.label(face.id, own.id)
    version = project.label_version(face.id, own.id)
    project.apply(SetLabel(face.id, own.id, None if old is None else old.label, after, version, "move point"), author)
    return after


def test_corrections_travel(anna: Project, bert: Project, tmp_path: Path, faces: list[LabelledFace]) -> None:
    one = _edit(anna, 0, {4: (33.3, 44.4), 60: (12.0625, 99.9)})
    two = _edit(anna, 1, {7: (101.5, 55.25)})  # a point that was missing
    report = write_patch(anna, tmp_path / "fix.json", author="anna")
    assert (report.faces, report.points, report.skipped) == (2, 3, ())
    text = (tmp_path / "fix.json").read_text()
    assert str(tmp_path) not in text  # nobody's folders
    assert is_patch(tmp_path / "fix.json")
    patch = read_patch(tmp_path / "fix.json")
    applied = apply_patch(bert, patch, author="bert")
    assert (applied.faces, applied.points, applied.skipped) == (2, 3, ())
    out = [face.label for face in project_labels(bert, author="bert").faces]
    assert out[0] == one
    assert out[1] == two
    assert out[2:] == [face.label for face in faces[2:]]
    assert project_labels(bert, label_set="the data set").faces[0].label == faces[0].label
    again = apply_patch(bert, patch, author="bert")
    assert (again.faces, again.unchanged) == (0, 2)
    assert bert.undo("bert") is not None  # one step
    assert project_labels(bert, author="bert").faces[0].label == faces[0].label
    assert bert.undo_text("bert") is None
    assert bert.verify() == []


def test_a_second_face_of_an_image_is_told_apart(anna: Project, bert: Project, tmp_path: Path) -> None:
    image = anna.images()[2]
    second = anna.faces(image.id)[1]
    own = anna.ensure_label_set("anna", "annotator")
    base = anna.current_label(second.id, "anna")
    assert base is not None
    anna.apply(SetLabel(second.id, own.id, None, base.label.with_point(0, (1.5, 2.5)), 0, "move point"), "anna")
    write_patch(anna, tmp_path / "fix.json", author="anna")
    apply_patch(bert, read_patch(tmp_path / "fix.json"), author="bert")
    labels = [face.label for face in project_labels(bert, author="bert").faces]
    assert labels[2].points[0].tolist() != [1.5, 2.5]
    assert labels[3].points[0].tolist() == [1.5, 2.5]


def test_a_patch_lands_on_nothing_else(anna: Project, bert: Project, tmp_path: Path) -> None:
    _edit(anna, 0, {4: (33.3, 44.4)})
    _edit(anna, 3, {4: (35.3, 44.4)})
    write_patch(anna, tmp_path / "fix.json", author="anna")
    patch = read_patch(tmp_path / "fix.json")
    image = bert.images()[0]  # the same pixels, saved again: other bytes
    image.path.write_bytes(image.path.read_bytes() + b"\0")
    _edit(bert, 3, {9: (1.0, 2.0)}, author="anna")  # corrected otherwise in the same set
    report = apply_patch(bert, patch, author="bert")
    assert report.faces == 0
    assert sorted(entry.reason for entry in report.skipped) == [
        "no image of the project has these bytes", "the face has other corrections of that label set already",
    ]  # fmt: skip
    other_set = apply_patch(bert, patch, author="bert", label_set="review")
    assert other_set.faces == 1


def test_another_import_is_not_corrected(
    anna: Project, tmp_path: Path, faces: list[LabelledFace]
) -> None:
    _edit(anna, 0, {4: (33.3, 44.4)})
    write_patch(anna, tmp_path / "fix.json", author="anna")
    shifted = [
        LabelledFace(f.image, Label("300w-68", f.label.points + 1, f.label.visibility), None, None, (), "", f.info)
        for f in faces
    ]
    with Project.create(tmp_path / "other.starmark") as other:
        import_labels(other, ImportResult(shifted, [], "300w-68", "test"), "shifted", author="carl")
        report = apply_patch(other, read_patch(tmp_path / "fix.json"), author="carl")
    assert [entry.reason for entry in report.skipped] == ["no face has the imported label that the patch corrects"]


def test_a_new_face_travels_too(anna: Project, bert: Project, tmp_path: Path) -> None:
    image = anna.images()[4]
    face = anna.add_face(image.id, Box(100, 50, 60, 60))
    own = anna.ensure_label_set("anna", "annotator")
    points = np.random.default_rng(0).uniform(60, 120, (68, 2))
    points[3] = np.nan
    label = Label("300w-68", points, np.where(np.arange(68) == 5, Visibility.OCCLUDED, 0).astype(np.uint8))
    anna.apply(SetLabel(face.id, own.id, None, label, 0, "draw face"), "anna")
    write_patch(anna, tmp_path / "fix.json", author="anna")
    for _ in range(2):
        apply_patch(bert, read_patch(tmp_path / "fix.json"), author="bert")
    group = [one for one in project_labels(bert, author="bert").faces if one.image == bert.images()[4].path]
    assert [one.label for one in group][1:] == [label]


def test_nothing_to_write(anna: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no label differs"):
        write_patch(anna, tmp_path / "fix.json", author="anna")
    _edit(anna, 0, {4: (33.3, 44.4)})
    anna.undo("anna")
    with pytest.raises(UsageError, match="no label differs"):
        write_patch(anna, tmp_path / "fix.json", author="anna")
    _edit(anna, 0, {4: (33.3, 44.4)})
    (tmp_path / "fix.json").write_text("mine")
    with pytest.raises(FileError, match="there already"):
        write_patch(anna, tmp_path / "fix.json", author="anna")


BROKEN = {
    "format": ("something", "not a patch"),
    "version": (2, "newer Starmark"),
    "scheme": (7, "not a text"),
    "faces": ({}, "not a list"),
}


@pytest.mark.parametrize("key", BROKEN)
def test_broken_heads(anna: Project, tmp_path: Path, key: str) -> None:
    value, message = BROKEN[key]
    _rewritten(anna, tmp_path, lambda data: data.__setitem__(key, value))
    with pytest.raises(FormatError, match=message):
        read_patch(tmp_path / "fix.json")


BROKEN_FACES = [
    (lambda face: face.pop("image"), r"faces\[0\] has no 'image'"),
    (lambda face: face["after"]["points"].update({"-1": [1, 2, 0]}), r"points.-1"),
    (lambda face: face["after"]["points"].update({"1000": [1, 2, 0]}), r"points.1000"),
    (lambda face: face["after"]["points"].update({"4": [1e300, 2, 0]}), "far outside"),
    (lambda face: face["after"]["points"].update({"4": [1, 2, 9]}), "whole number from 0 to 3"),
    (lambda face: face["after"]["points"].update({"4": [1, 2]}), "visibility"),
    (lambda face: face["after"]["points"].update({"4": ["1", 2, 0]}), "not a number"),
    (lambda face: face.update(box=[1, 2, 0, 4]), "box"),
]


@pytest.mark.parametrize("number", range(len(BROKEN_FACES)))
def test_broken_faces(anna: Project, tmp_path: Path, number: int) -> None:
    spoil, message = BROKEN_FACES[number]
    _rewritten(anna, tmp_path, lambda data: spoil(data["faces"][0]))
    with pytest.raises(FormatError, match=message):
        read_patch(tmp_path / "fix.json")


def test_a_point_beyond_the_scheme_is_left_alone(anna: Project, bert: Project, tmp_path: Path) -> None:
    _rewritten(anna, tmp_path, lambda data: data["faces"][0]["after"]["points"].update({"68": [1, 2, 0]}))
    report = apply_patch(bert, read_patch(tmp_path / "fix.json"), author="bert")
    assert report.skipped[0].reason == "names a point that scheme 300w-68 has not"


def _rewritten(project: Project, folder: Path, change: object) -> None:
    _edit(project, 0, {4: (33.3, 44.4)})
    write_patch(project, folder / "fix.json", author="anna")
    data = json.loads((folder / "fix.json").read_text())
    change(data)  # type: ignore[operator]
    (folder / "fix.json").write_text(json.dumps(data))


def test_a_removed_face_is_removed_there_too(anna: Project, bert: Project, tmp_path: Path) -> None:
    face = anna.faces(anna.images()[1].id)[0]
    anna.apply(SetFaceInfo(face.id, face.info, replace(face.info, removed=True), face.version, "remove face"), "anna")
    report = write_patch(anna, tmp_path / "fix.json", author="anna")
    assert (report.faces, report.points) == (1, 0)
    before = bert.face_count()
    assert apply_patch(bert, read_patch(tmp_path / "fix.json"), author="bert").faces == 1
    assert bert.face_count() == before - 1
    assert apply_patch(bert, read_patch(tmp_path / "fix.json"), author="bert").unchanged == 1
    bert.undo("bert")
    assert bert.face_count() == before


def test_a_face_added_and_removed_again_is_no_correction(anna: Project, tmp_path: Path) -> None:
    face = anna.add_face(anna.images()[0].id, Box(1, 2, 3, 4))
    own = anna.ensure_label_set("anna", "annotator")
    anna.apply(SetLabel(face.id, own.id, None, Label("300w-68", np.ones((68, 2))), 0, "draw face"), "anna")
    anna.apply(SetFaceInfo(face.id, face.info, replace(face.info, removed=True), face.version, "remove face"), "anna")
    with pytest.raises(UsageError, match="no label differs"):
        write_patch(anna, tmp_path / "fix.json", author="anna")
