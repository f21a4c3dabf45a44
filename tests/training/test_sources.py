"""Training on a project: a snapshot decides, whatever is edited afterwards; and who stays together in a split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, TrainingError
from core.formats.registry import read_dataset
from core.project import Project, SetFaceInfo, SetLabel
from training.config import TrainConfig
from training.dataset import Face
from training.sources import Source, read_source, snapshot_faces, take_snapshot
from training.split import Part, groups_by, part_of

CONFIG = TrainConfig(split_by="none")


@pytest.fixture
def project(drawn_faces: Path, tmp_path: Path) -> Path:
    """A project of the drawn faces, of which the first three are accepted and the fourth is rejected."""
    file = tmp_path / "faces.starmark"
    with Project.create(file) as project:
        project.import_dataset(read_dataset(drawn_faces, "300w"), "drawn", author="tester", backup=False)
        for number, face in enumerate(project.faces_where()[:4]):
            review = "accepted" if number < 3 else "rejected"
            project.apply(SetFaceInfo(face.id, face.info, replace(face.info, review=review), 0, "review"), "tester")
    return file


def by_name(faces: list[Face]) -> dict[str, np.ndarray]:
    return {face.image.name: face.points for face in faces}


def test_a_project_gives_the_labels_that_its_files_had(project: Path, drawn_faces: Path) -> None:
    source = take_snapshot(Source(project=str(project)), "all", "tester")
    data = read_source(source, CONFIG)
    files = read_source(Source(dataset=str(drawn_faces)), CONFIG)
    ours, theirs = by_name(data.train), by_name(files.train)
    rejected = set(theirs) - set(ours)
    assert len(theirs) == 48 and len(rejected) == 1
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert [face.image.name for face in data.train] == sorted(ours)
    assert data.source["snapshot"] == source.snapshot and data.source["project"] == project.name
    assert Source.from_json(source.to_json()) == source


def test_only_accepted_faces_and_what_is_edited_later_changes_nothing(project: Path) -> None:
    source = take_snapshot(Source(project=str(project)), "accepted", "tester")
    before = read_source(source, CONFIG)
    assert len(before.train) == 3
    with Project.open(project) as opened:
        face = opened.faces_where(review="accepted")[0]
        (label,) = opened.labels(face.id)
        moved = replace(label.label, points=label.label.points + 5.0)
        opened.apply(SetLabel(face.id, label.label_set.id, label.label, moved, label.version, "move"), "tester")
        other = opened.faces_where(review="")[0]
        opened.apply(SetFaceInfo(other.id, other.info, replace(other.info, review="accepted"), 0, "review"), "tester")
    after = read_source(source, CONFIG)
    assert after.fingerprint() == before.fingerprint()
    fresh = take_snapshot(source, "accepted", "tester")
    assert fresh.snapshot != source.snapshot
    now = read_source(fresh, CONFIG)
    assert len(now.train) == 4 and now.fingerprint() != before.fingerprint()


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    file = tmp_path / "empty.starmark"
    Project.create(file).close()
    with pytest.raises(TrainingError, match="no face with a label was accepted"):
        take_snapshot(Source(project=str(file)), "accepted", "tester")


def test_labels_that_a_model_made_are_not_trained_on(project: Path) -> None:
    with Project.open(project) as opened:
        face = opened.faces_where()[0]
        (label,) = opened.labels(face.id)
        opened.apply(SetLabel(face.id, label.label_set.id, label.label, None, label.version, "delete"), "tester")
        made = opened.ensure_label_set("a model", "model")
        opened.apply(SetLabel(face.id, made.id, None, label.label, 0, "predict"), "tester")
    source = take_snapshot(Source(project=str(project)), "all", "tester")
    with Project.open(project, read_only=True) as opened:
        assert source.snapshot is not None
        kept = snapshot_faces(opened, source.snapshot)
    # Of 48 the rejected one and this one are left out.
    assert len(kept) == 46


PEOPLE = [Path(f"{folder}/{name}.png") for folder, name in (("a", "eva_1"), ("a", "eva_2"), ("b", "ben_1"))]


def test_groups_follow_the_setting() -> None:
    tags = [("person:eva",), ("blur", "person:eva"), ()]
    assert groups_by("identity", PEOPLE, tags) == ["eva", "eva", "ben"]
    assert groups_by("folder", PEOPLE, tags) == ["a", "a", "b"]
    assert groups_by("tag", PEOPLE, tags) == ["person:eva", "person:eva", "ben_1"]
    assert groups_by("file", PEOPLE, tags) == ["eva_1", "eva_2", "ben_1"]
    assert groups_by("none", PEOPLE, tags) == [None] * 3
    with pytest.raises(ConfigError, match="person:NAME"):
        groups_by("tag", PEOPLE, [(), (), ()])


def test_nobody_changes_sides_when_faces_are_added() -> None:
    people = [f"p{number}" for number in range(200)]
    first = [Path(f"{name}_1.png") for name in people[:50]]
    more = first + [Path(f"{name}_{i}.png") for name in people for i in range(2, 5)]

    def sides(paths: list[Path]) -> dict[str, Part]:
        groups = groups_by("identity", paths, [()] * len(paths))
        return {str(group): part_of(str(group)) for group in groups}

    before, after = sides(first), sides(more)
    assert all(after[name] is part for name, part in before.items())
    assert set(after.values()) == set(Part)
