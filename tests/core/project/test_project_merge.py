"""Merging: what is new comes in with its history, what differs is kept twice, and doing it again changes nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from core.errors import ProjectError, ProjectReadOnlyError, UsageError
from core.face import Box, Label
from core.judgement import Decision, judge_label
from core.project import Edits, FaceInfo, Project, SetFaceInfo
from core.project.conflicts import conflicts, resolve_conflict
from core.project.hashing import hash_images
from core.project.merge import merge
from tests.core.project.project_samples import ANNA, Face, dataset, files, label, set_to, with_face
from tests.core.project.test_project_migrate import first_project

ROOT = Path(__file__).resolve().parents[3]
BEN = "Ben"


def move(project: Project, face: UUID, seed: int, author: str = ANNA, kind: str = "move point") -> None:
    mine = project.ensure_label_set(author, "annotator")
    project.apply(set_to(project, face, mine, None if seed < 0 else label(seed), kind), author)


def of(project: Project, face: UUID, author: str = ANNA) -> Label | None:
    found = project.label(face, project.ensure_label_set(author, "annotator").id)
    return None if found is None else found.label


def tell(project: Project, face: UUID, author: str = ANNA, **changes: object) -> None:
    record = project.face(face)
    after = dataclasses.replace(record.info, **changes)
    project.apply(SetFaceInfo(face, record.info, after, record.version, "tell"), author)


def merged(project: Project, other: Project | Path, author: str = BEN):
    """Merge, check that all is well, and that a second time does nothing."""
    path = other.path if isinstance(other, Project) else other
    report = merge(project, path, author)
    assert project.verify() == []
    again = merge(project, path, author)
    assert not again.changed, again
    return report


@pytest.fixture
def ours(tmp_path: Path):
    (tmp_path / "ours").mkdir()
    with Project.create(tmp_path / "ours" / "ours") as project:
        yield project


@pytest.fixture
def pair(ours: Project, tmp_path: Path):
    """A project with two edits of one face, and a copy that a colleague took home: ours, theirs, face."""
    face, _ = with_face(ours, tmp_path / "ours")
    move(ours, face, 1)
    move(ours, face, 2)
    ours.close()
    shutil.copytree(tmp_path / "ours", tmp_path / "theirs")
    (tmp_path / "theirs" / "ours.starmark").rename(tmp_path / "theirs" / "theirs.starmark")
    with Project.open(ours.path) as mine, Project.open(tmp_path / "theirs" / "theirs.starmark") as yours:
        yield mine, yours, face


def pictures(folder: Path, count: int = 3) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.jpg").write_text(f"picture {number}")
    return [folder / f"{number}.jpg" for number in range(count)]


# What is new


def test_into_an_empty_project(ours: Project, tmp_path: Path) -> None:
    with Project.create(tmp_path / "theirs") as theirs:
        faces = dataset(tmp_path, 4)
        theirs.import_dataset(faces, "300w", author=ANNA)
        face = theirs.faces(theirs.images()[1].id)[0].id
        for seed in (1, 2, 3):
            move(theirs, face, seed, kind=f"step {seed}")
        theirs.undo(ANNA)
        tell(theirs, face, tags=("blur",), note="hm", review="question")
        before = theirs.path.read_bytes()
        report = merged(ours, theirs)
        assert theirs.path.read_bytes() == before
        assert (report.images_added, report.faces_added, report.label_sets_added, report.labels_added) == (4, 4, 2, 5)
        assert report.revisions_added == 6 and report.conflicts == 0
        assert ours.history(face) == theirs.history(face)
        assert ours.face(face) == theirs.face(face)
        assert ours.images() == theirs.images()
        for image in theirs.images():
            assert ours.faces(image.id) == theirs.faces(image.id)
            for one in theirs.faces(image.id):
                assert ours.labels(one.id) == theirs.labels(one.id)
    # Undo of the author goes on where it was.
    assert [ours.undo(ANNA).kind for _ in range(3)] == ["tell", "step 2", "step 1"]
    assert [ours.redo(ANNA).kind for _ in range(3)] == ["step 1", "step 2", "tell"]
    assert ours.verify() == []


def test_images_are_known_by_content(ours: Project, tmp_path: Path) -> None:
    mine = pictures(tmp_path / "ours" / "img")
    ours.add_images(mine)
    others = pictures(tmp_path / "far" / "a" / "b" / "c", 4)
    for number, path in enumerate(others):
        others[number] = path.rename(path.with_name(f"renamed-{number}.jpg"))
    with Project.create(tmp_path / "theirs") as theirs:
        theirs.add_images(reversed(others))
        for image in theirs.images():
            theirs.add_face(image.id, Box(1, 2, 30, 40))
    report = merged(ours, theirs)
    assert (report.images_matched, report.images_added, report.faces_added) == (3, 1, 4)
    assert [image.path.name for image in ours.images()] == ["0.jpg", "1.jpg", "2.jpg", "renamed-3.jpg"]
    assert all(ours.face_counts([image.id for image in ours.images()]).values())


def test_copies_of_one_picture_stay_two_images(ours: Project, tmp_path: Path) -> None:
    for name in ("x/1.jpg", "y/1.jpg"):
        path = tmp_path / "ours" / name
        path.parent.mkdir(parents=True)
        path.write_text("the same")
    ours.add_images([tmp_path / "ours" / "x" / "1.jpg", tmp_path / "ours" / "y" / "1.jpg"])
    shutil.copytree(tmp_path / "ours", tmp_path / "far" / "off" / "away")
    with Project.create(tmp_path / "theirs") as theirs:
        for name in ("z/1.jpg", "y/1.jpg", "x/1.jpg"):
            path = tmp_path / "far" / "off" / "away" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("the same")
            (image,) = theirs.add_images([path])
            theirs.add_face(image.id, Box(1, 2, 30, 40), source=name)
    report = merged(ours, theirs)
    assert (report.images_matched, report.images_added) == (2, 1)
    names = {image.path.parent.name: ours.faces(image.id)[0].source for image in ours.images()}
    assert sorted(names) == ["x", "y", "z"] and len(set(names.values())) == 3


def test_missing_images_are_known_by_name_and_size(ours: Project, tmp_path: Path) -> None:
    ours.add_images(pictures(tmp_path / "ours" / "img"))
    with Project.create(tmp_path / "theirs") as theirs:
        theirs.add_images(pictures(tmp_path / "gone" / "and" / "away" / "img"))
        theirs.add_images([tmp_path / "gone" / "never.jpg"])
    shutil.rmtree(tmp_path / "gone")
    report = merged(ours, theirs)
    assert (report.images_matched, report.images_added) == (3, 1)
    assert ours.images()[3].path == tmp_path / "gone" / "never.jpg"


def test_faces_are_known_by_their_place(ours: Project, tmp_path: Path) -> None:
    """Two people import the same data set on their own, and each corrects it."""
    faces = [Face(tmp_path / "img" / "a.jpg", label(1), Box(0, 0, 100, 100), tags=("x",))]
    ours.import_dataset(faces, "300w", author=ANNA)
    (mine,) = ours.faces(ours.images()[0].id)
    move(ours, mine.id, 5, ANNA)
    with Project.create(tmp_path / "theirs") as theirs:
        theirs.import_dataset(faces, "300w", author=BEN)
        image = theirs.images()[0]
        (same,) = theirs.faces(image.id)
        other = theirs.add_face(image.id, Box(500, 500, 50, 50))
        move(theirs, same.id, 6, BEN)
        move(theirs, other.id, 7, BEN)
        tell(theirs, same.id, BEN, tags=("y",), note="side", review="accepted")
    report = merged(ours, theirs)
    assert (report.faces_matched, report.faces_added, report.conflicts) == (1, 1, 0)
    assert of(ours, mine.id, ANNA) == label(5) and of(ours, mine.id, BEN) == label(6)
    assert of(ours, other.id, BEN) == label(7)
    assert ours.face(mine.id).info == FaceInfo(("y",), "side", "accepted", False, Box(0, 0, 100, 100))
    assert [one.label_set.name for one in ours.labels(mine.id)] == ["300w", ANNA, BEN]
    assert ours.undo(ANNA).changes[0].label is None
    assert ours.undo(BEN) is not None


# What both have


def test_one_side_went_on(pair) -> None:
    ours, theirs, face = pair
    move(theirs, face, 3, kind="at home")
    tell(theirs, face, note="done")
    report = merged(ours, theirs)
    assert (report.labels_changed, report.conflicts, report.images_added, report.faces_added) == (1, 0, 0, 0)
    assert of(ours, face) == label(3) and ours.face(face).note == "done"
    assert ours.history(face) == theirs.history(face)
    assert [ours.undo(ANNA).kind for _ in range(3)] == ["tell", "at home", "move point"]
    assert of(ours, face) == label(1)
    assert ours.verify() == []
    # And the other way round there is now something new for the other.
    ours.close()
    assert merged(theirs, ours.path).labels_changed == 1
    assert of(theirs, face) == label(1)


def test_the_other_side_stayed_behind(pair) -> None:
    ours, theirs, face = pair
    move(ours, face, 3)
    before = ours.history(face)
    assert not merge(ours, theirs.path, BEN).changed
    assert ours.history(face) == before and of(ours, face) == label(3)


def test_both_went_on(pair) -> None:
    ours, theirs, face = pair
    move(ours, face, 3, kind="ours")
    move(theirs, face, 4, kind="theirs")
    move(theirs, face, 5, kind="theirs too")
    report = merged(ours, theirs)
    assert (report.conflicts, report.labels_changed, report.label_sets_added) == (1, 0, 1)
    (found,) = conflicts(ours)
    assert (found.face_id, found.source, found.resolved_at) == (face, "theirs", None)
    assert (found.label_set.name, found.other_set.name) == (ANNA, f"{ANNA} (from theirs)")
    assert found.other_set.kind == "annotator"
    assert of(ours, face) == label(3)
    assert ours.label(face, found.other_set.id) == (label(5), 3)
    there = [step for step in ours.history(face) if step.label_set_id == found.other_set.id]
    assert [(step.action, step.kind, step.author) for step in there] == [
        ("merge", "merge theirs", BEN), ("edit", "theirs", ANNA), ("edit", "theirs too", ANNA),
    ]  # fmt: skip
    assert there[0].after == label(2)
    # Undo is that of this project.
    assert [ours.undo(ANNA).kind for _ in range(2)] == ["ours", "move point"]
    assert ours.label(face, found.other_set.id).label == label(5)
    assert ours.verify() == []


def test_a_conflict_goes_on_and_is_decided(pair) -> None:
    ours, theirs, face = pair
    move(ours, face, 3)
    move(theirs, face, 4)
    merged(ours, theirs)
    move(theirs, face, 5)
    assert merged(ours, theirs).conflicts == 0  # it is the same one still
    (found,) = conflicts(ours)
    assert ours.label(face, found.other_set.id).label == label(5)
    with pytest.raises(UsageError):
        resolve_conflict(ours, found.id, "both", BEN)
    done = resolve_conflict(ours, found.id, "theirs", BEN)
    assert done is not None and of(ours, face) == label(5)
    assert conflicts(ours) == []
    assert [one.resolved_by for one in conflicts(ours, resolved=True)] == [BEN]
    with pytest.raises(ProjectError, match="no such open conflict"):
        resolve_conflict(ours, found.id, "theirs", BEN)
    assert ours.undo(BEN).kind == "take the label from theirs" and of(ours, face) == label(3)
    ours.redo(BEN)
    move(theirs, face, 6)
    assert merged(ours, theirs).conflicts == 0  # it follows from what was taken
    assert of(ours, face) == label(6)


def test_a_decided_conflict_is_not_asked_again(pair) -> None:
    ours, theirs, face = pair
    move(ours, face, 3)
    move(theirs, face, 4)
    merged(ours, theirs)
    assert resolve_conflict(ours, conflicts(ours)[0].id, "ours", BEN) is None
    merged(ours, theirs)
    assert conflicts(ours) == [] and of(ours, face) == label(3)
    move(theirs, face, 5)  # but a new change is a new question
    assert merged(ours, theirs).conflicts == 1
    assert len(conflicts(ours)) == 1


def test_both_came_to_the_same_label(pair) -> None:
    ours, theirs, face = pair
    move(ours, face, 3)
    move(theirs, face, 4, BEN)  # in a set of his own
    move(theirs, face, 9)
    move(theirs, face, 3)
    assert merged(ours, theirs).conflicts == 0
    assert of(ours, face) == label(3) and of(ours, face, BEN) == label(4)
    assert label(9) in [step.after for step in ours.history(face)]  # nothing of the way there is lost
    assert ours.undo(ANNA) is not None
    assert ours.verify() == []


def test_taken_away_on_one_side(pair) -> None:
    ours, theirs, face = pair
    move(ours, face, -1)
    move(theirs, face, 4)
    assert merged(ours, theirs).conflicts == 1
    (found,) = conflicts(ours)
    assert of(ours, face) is None
    assert ours.label(face, found.other_set.id).label == label(4)


def test_faces_are_brought_together(pair) -> None:
    ours, theirs, face = pair
    tell(ours, face, tags=("a", "b"), note="mine", review="accepted")
    tell(theirs, face, tags=("b", "c"), note="yours", review="rejected", box=Box(1, 2, 3, 4))
    tell(theirs, face, removed=True)
    report = merged(ours, theirs)
    assert report.faces_changed == 1
    assert ours.face(face).info == FaceInfo(
        ("a", "b", "c"), "mine\nyours\ntheirs: rejected", "accepted", True, Box(1, 2, 3, 4)
    )
    assert [step.after_info.note for step in ours.history(face) if step.after_info][-3:].count("yours") == 2


def test_decisions_of_both_sides_are_kept(pair) -> None:
    ours, theirs, face = pair
    old, mine, yours = (judge_label(label(7), i, Decision.ACCEPTABLE, "set", ANNA, i) for i in range(3))
    tell(ours, face, judgements=(old, mine))
    tell(theirs, face, judgements=(old,))
    tell(theirs, face, judgements=(old, yours))
    merged(ours, theirs)
    assert ours.face(face).judgements == (old, mine, yours)
    tell(theirs, face, judgements=(yours,))  # who takes a decision back there takes it back here
    merged(ours, theirs)
    assert ours.face(face).judgements == (mine, yours)


def test_a_third_project_and_back_again(pair, tmp_path: Path) -> None:
    """Conflicts, and label sets made for them, travel on."""
    ours, theirs, face = pair
    move(ours, face, 3)
    move(theirs, face, 4)
    merged(ours, theirs)
    with Project.create(tmp_path / "third") as third:
        ours.close()
        assert merged(third, ours.path).conflicts == 1
        (found,) = conflicts(third)
        assert of(third, face) == label(3) and third.label(face, found.other_set.id).label == label(4)
        resolve_conflict(third, found.id, "theirs", BEN)
    with Project.open(ours.path) as again:
        merged(again, tmp_path / "third.starmark")
        assert conflicts(again) == [] and of(again, face) == label(4)
        assert again.undo(BEN) is not None


def test_refused_edits_and_models_come_along(pair) -> None:
    ours, theirs, face = pair
    mine = theirs.ensure_label_set(ANNA, "annotator")
    late = set_to(theirs, face, mine, label(8), "too late")
    move(theirs, face, 3)
    with pytest.raises(ProjectError):
        theirs.apply(late, ANNA)
    theirs.remember_model("hash", "name", {"a": 1})
    report = merged(ours, theirs)
    assert report.models_added == 1
    assert [step.kind for step in ours.history(face) if step.action == "refused"] == ["too late"]


# What may go wrong


def test_an_older_schema_and_an_open_project(ours: Project, tmp_path: Path) -> None:
    old = tmp_path / "old" / "old.starmark"
    old.parent.mkdir()
    face, mine = first_project(old)
    before = old.read_bytes()
    report = merged(ours, old)
    assert (report.images_added, report.source) == (1, "old")
    assert ours.label(face, mine) == (label(2), 4)
    assert ours.images()[0].path == old.parent / "a.jpg"
    assert old.read_bytes() == before and files(old.parent) == ["old.starmark"]


def test_it_is_refused(pair, tmp_path: Path) -> None:
    ours, theirs, face = pair
    move(theirs, face, 4)
    with pytest.raises(UsageError, match="itself"):
        merge(ours, ours.path, BEN)
    with pytest.raises(UsageError, match="author"):
        merge(ours, theirs.path, " ")
    (tmp_path / "no.starmark").write_text("nonsense" * 100)
    for wrong in (tmp_path / "no.starmark", tmp_path / "nowhere.starmark", tmp_path):
        with pytest.raises(ProjectError):
            merge(ours, wrong, BEN)
    ours.close()
    with Project.open(ours.path, read_only=True) as reader, pytest.raises(ProjectReadOnlyError):
        merge(reader, theirs.path, BEN, backup=False)
    with Project.open(ours.path) as again:
        assert of(again, face) == label(2)
        assert again.backups.list() == []


def test_all_or_nothing_with_a_backup_before(pair) -> None:
    ours, theirs, face = pair
    for seed in range(200):
        move(theirs, face, seed)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = ours.history(face)
    with pytest.raises(KeyboardInterrupt):
        merge(ours, theirs.path, BEN, stop)
    assert ours.history(face) == before and ours.verify() == []
    (made,) = ours.backups.list()
    assert made.reason == "before-merge"
    shutil.rmtree(made.path.parent)
    made.path.parent.write_text("in the way")
    with pytest.raises(ProjectError, match="no backup could be made first"):
        merge(ours, theirs.path, BEN)
    assert ours.history(face) == before
    assert merge(ours, theirs.path, BEN, backup=False).revisions_added == 200


@pytest.mark.parametrize("seed", range(int(os.environ.get("STARMARK_MERGES", "4"))))
def test_whatever_was_done_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    """Random edits on copies, merged back and forth: sound, idempotent, every label still there, undo still works."""
    chance = random.Random(seed)
    paths = [tmp_path / name / f"{name}.starmark" for name in "abc"]
    paths[0].parent.mkdir()
    with Project.create(paths[0]) as first:
        first.import_dataset(dataset(tmp_path / "img", 4, seed), "300w", author=ANNA)
    for path in paths[1:]:
        path.parent.mkdir()
        shutil.copyfile(paths[0], path)
    for _ in range(6):
        for path in paths:
            with Project.open(path) as project:
                work(project, chance)
        one, other = chance.sample(paths, 2)
        with Project.open(one) as project, Project.open(other, read_only=True) as theirs:
            faces = [face.id for image in theirs.images() for face in theirs.faces(image.id, removed=True)]
            merged(project, theirs, chance.choice([ANNA, BEN]))
            for face in faces:
                here, there = project.history(face), theirs.history(face)
                assert {step.id for step in there} <= {step.id for step in here}
                now = {one.label for one in map(Hashable, project.labels(face))}
                gone = {Hashable(one).label for one in theirs.labels(face)} - now
                assert not gone or all(known(step, here) for step in gone)
            for author in (ANNA, BEN):
                with contextlib.suppress(ProjectError):  # the label has moved on
                    while chance.random() < 0.7 and project.undo(author) is not None:
                        pass
            assert project.verify() == []


class Hashable:
    def __init__(self, found) -> None:
        self.label = found.label.points.tobytes()


def known(points: bytes, history: list) -> bool:
    return points in [step.after.points.tobytes() for step in history if step.after is not None]


def work(project: Project, chance: random.Random) -> None:
    faces = [face.id for image in project.images() for face in project.faces(image.id)]
    for _ in range(chance.randint(0, 6)):
        author = chance.choice([ANNA, BEN])
        what = chance.random()
        with contextlib.suppress(ProjectError):
            if what < 0.15:
                project.undo(author)
            elif what < 0.25:
                project.redo(author)
            elif what < 0.35:
                some = chance.sample(faces, 2)
                mine = project.ensure_label_set(author, "annotator")
                edits = tuple(set_to(project, face, mine, label(chance.randint(0, 99))) for face in some)
                project.apply(Edits(edits, "both"), author)
            elif what < 0.5:
                tell(project, chance.choice(faces), author, note=f"note {chance.randint(0, 9)}")
            elif what < 0.6:
                tell(project, chance.choice(faces), author, review=chance.choice(["accepted", "rejected"]))
            elif what < 0.65:
                image = chance.choice(project.images())
                project.add_face(image.id, Box(chance.uniform(0, 900), 0, 10, 10))
            else:
                move(project, chance.choice(faces), chance.choice([-1, *range(9)]), author)


MERGE = """
import sys
from core.project import Project
from core.project.merge import merge
with Project.open(sys.argv[1]) as project:
    print(flush=True)
    merge(project, sys.argv[2], "Ben", backup=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_on_the_way(ours: Project, tmp_path: Path) -> None:
    kills = int(os.environ.get("STARMARK_KILLS", "3"))
    rng = np.random.default_rng(0)
    faces = [Face(tmp_path / f"{n}.jpg", Label("300w-68", rng.uniform(0, 300, (68, 2)))) for n in range(500)]
    ours.import_dataset(faces[:100], "300w", author=ANNA)
    ours.close()
    with Project.create(tmp_path / "theirs") as theirs:
        theirs.import_dataset(faces, "300w", author=ANNA)
    for kill in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", MERGE, str(ours.path), str(theirs.path)], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            process.stdout.readline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01 + 0.2 * kill / kills)
            process.kill()
        with Project.open(ours.path) as project:
            assert project.verify() == []
            assert project.face_count() in (100, 500)
    with Project.open(ours.path) as project:
        merge(project, theirs.path, BEN)
        assert project.face_count() == 500
        assert hash_images(project).hashed == 0
