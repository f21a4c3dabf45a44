"""Blind samples and consensus labels in a real project: what is kept, what is never touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.agreement import agreement
from core.blind import blind_progress, blind_sample, blind_samples, draw_blind, finish_face, vague_box
from core.consensus import consensus
from core.errors import UsageError
from core.exchange.repeats import CONSENSUS_KIND, project_repeats, write_consensus
from core.face import Box, Label
from core.project import LabelSet, Project, SetLabel
from tests.app.faces import face_points

FACES = 8


def fill(path: Path) -> Project:
    """Eight faces labelled by Ann and, but the last, by Ben; by "old", an import, the first three."""
    project = Project.create(path)
    rng = np.random.default_rng(0)
    images = project.add_images(f"/photos/p{number}_0.png" for number in range(FACES))
    faces = [project.add_face(image.id, Box(20, 50, 150, 130)) for image in images]
    kinds = (("Ann", "annotator", FACES), ("Ben", "annotator", FACES - 1), ("old", "import", 3))
    for name, kind, count in kinds:
        label_set = project.ensure_label_set(name, kind)  # type: ignore[arg-type]
        for number, face in enumerate(faces[:count]):
            label = Label("300w-68", face_points(shift=number) + rng.normal(0, 1, (68, 2)))
            project.apply(SetLabel(face.id, label_set.id, None, label, 0, "test"), name)
    return project


def test_a_sample_is_seeded_kept_and_has_a_label_set_of_its_own(tmp_path: Path) -> None:
    with fill(tmp_path / "a.starmark") as project:
        first = draw_blind(project, "Ann", 5, seed=3)
        assert (first.label_set, first.first_set, first.drawn_from) == ("Ann (blind)", "Ann", FACES)
        assert draw_blind(project, "Ann", 5, seed=3).faces == first.faces  # not begun: the same set once more
        other = draw_blind(project, "Ann", 5, seed=4)
        assert other.faces != first.faces and other.label_set == "Ann (blind)"
        assert len(draw_blind(project, "Cleo", 100, seed=0).faces) == FACES  # who has none repeats those of most labels
        blind = project.ensure_label_set("Ann (blind)", "blind")
        shown = project.current_labels(other.faces, "Ben")
        half = np.full((68, 2), np.nan)
        half[:5] = 1.0
        project.apply(
            SetLabel(other.faces[0], blind.id, None, Label("300w-68", half), 0, "place point"), other.label_set
        )
        # Half a second label is nobody's current one, and takes the place of no first one.
        assert project.current_labels(other.faces, "Ben") == shown
        assert project.current_labels(other.faces, "Ann (blind)").keys() == shown.keys()
        progress = blind_progress(project, other)
        assert (progress.done, progress.begun) == (frozenset(), frozenset({other.faces[0]}))
        finish_face(project, other, other.faces[0])
        assert draw_blind(project, "Ann", 2, seed=3).label_set == "Ann (blind 2)"
        with pytest.raises(UsageError, match="no label in a set 'nobody'"):
            draw_blind(project, "Ann", 5, 0, "nobody")
    with Project.open(tmp_path / "a.starmark") as project:  # what is kept outlives a restart
        kept = blind_sample(project, "Ann (blind)")
        assert kept is not None and kept.faces == other.faces
        assert blind_progress(project, kept).done == {other.faces[0]}
        assert [one.label_set for one in blind_samples(project, "Ann")] == ["Ann (blind)", "Ann (blind 2)"]


def test_the_box_shown_does_not_tell_where_the_label_ends(tmp_path: Path) -> None:
    with fill(tmp_path / "a.starmark") as project:
        sample = draw_blind(project, "Ann", FACES, seed=0)
        records = [project.face(face) for face in sample.faces]
        boxes = [vague_box(record, sample) for record in records]
        assert boxes == [vague_box(record, sample) for record in records]
        edges = np.array([[box.x, box.y, box.x + box.w, box.y + box.h] for box in boxes if box is not None])
        moved = np.abs(edges - (20, 50, 170, 180))
        assert len(np.unique(edges, axis=0)) == FACES
        assert (moved.max(axis=1) > 1.0).all() and moved.max() < 0.1 * 150


def made_of(project: Project) -> tuple[LabelSet, list[Label | None]]:
    target = next(one for one in project.label_sets() if one.kind == "consensus")
    repeats = project_repeats(project, ["Ann", "Ben"])
    found = [project.label(face, target.id) for face in repeats.faces]
    return target, [None if one is None else one.label for one in found]


def test_a_consensus_is_one_step_and_leaves_what_a_person_changed(tmp_path: Path) -> None:
    with fill(tmp_path / "a.starmark") as project:
        repeats = project_repeats(project, ["Ann", "Ben"])
        assert (len(repeats.faces), repeats.single, repeats.labels.names) == (FACES - 1, 1, ("Ann", "Ben"))
        made = consensus(repeats.labels)
        first = write_consensus(project, repeats, made, "agreed", "Cleo")
        assert (first.written, first.unchanged, first.kept) == (FACES - 1, 0, [])
        again = write_consensus(project, repeats, made, "agreed", "Cleo")
        assert (again.written, again.unchanged) == (0, FACES - 1)
        assert project.undo_text("Cleo") == CONSENSUS_KIND
        project.undo("Cleo")
        assert made_of(project)[1] == [None] * (FACES - 1)
        assert write_consensus(project, repeats, made, "agreed", "Cleo").written == FACES - 1
        # A person moves a point of one, takes another away, and moves and moves back a third.
        target, labels = made_of(project)
        for face, kind in ((0, "move"), (1, "away"), (2, "move"), (2, "back")):
            now = project.label(repeats.faces[face], target.id)
            assert now is not None
            after = {"move": now.label.with_point(30, (1.0, 2.0)), "away": None, "back": labels[face]}[kind]
            project.apply(
                SetLabel(repeats.faces[face], target.id, now.label, after, now.version, "move point"), "Dan"
            )
        changed = consensus(repeats.labels, agreement(repeats.labels, range(FACES - 1)).law)
        changed.points[:] += 1.0
        last = write_consensus(project, repeats, changed, "agreed", "Cleo")
        assert last.written == FACES - 3
        assert [source for source, _ in last.kept] == repeats.sources[:2]
        assert all(why.startswith("Dan, ") for _, why in last.kept)
        kept = made_of(project)[1]
        assert kept[0] is not None and kept[0].points[30].tolist() == [1.0, 2.0]
        assert kept[1] is None
        assert kept[2] == changed.label(2)
        with pytest.raises(UsageError, match="one of the label sets it is made of"):
            write_consensus(project, repeats, made, "Ann", "Cleo")


def test_first_labels_are_compared_with_all_sets_of_people(tmp_path: Path) -> None:
    with fill(tmp_path / "a.starmark") as project:
        repeats = project_repeats(project)
        assert repeats.labels.names == ("Ann", "Ben", "old")
        assert repeats.labels.labelled.sum(axis=0).tolist() == [7, 7, 3]
        assert repeats.sources[0].endswith("p0_0.png, face 1")
        with pytest.raises(UsageError, match="There are: 'Ann', 'Ben', 'old'"):
            project_repeats(project, ["Ann", "Bob"])
