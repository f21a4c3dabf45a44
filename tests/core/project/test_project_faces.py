"""Faces themselves: tags, notes, review states, boxes, removal; edited, undone and found like labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ProjectError, StaleEditError, UsageError
from core.face import Box
from core.project import Edits, FaceInfo, NewFace, Project, SetFaceInfo
from core.project.schema import new_id
from tests.core.project.project_samples import ANNA, dataset, edits, label, set_to, with_face

BOB = "Bob"


def change(project: Project, face_id, kind: str = "change face", **values) -> SetFaceInfo:
    """The edit that gives the face as it is now these values."""
    now = project.face(face_id)
    return SetFaceInfo(face_id, now.info, replace(now.info, **values), now.version, kind)


def test_an_edit_of_a_face_is_kept_and_undone_after_a_restart(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, _ = with_face(project, tmp_path)
        start = project.face(face)
        assert (start.review, start.note, start.removed, start.version, start.extras) == ("", "", False, 0, {})
        first = project.apply(change(project, face, review="question", note="left eye?\n“x”", tags=("a", "b")), ANNA)
        second = project.apply(change(project, face, "move box", box=Box(1.5, 2, 3, 4)), ANNA)
        assert (first.changes, first.faces) == ((), {face})
        assert (second.face_changes[0].version, second.face_changes[0].info) == (2, project.face(face).info)
    with Project.open(project.path) as project:
        now = project.face(face)
        assert (now.review, now.note, now.tags) == ("question", "left eye?\n“x”", ("a", "b"))
        assert (now.box, now.version) == (Box(1.5, 2, 3, 4), 2)
        assert project.undo(ANNA).kind == "move box" and project.face(face).box == start.box
        assert project.undo(ANNA).kind == "change face" and project.face(face).info == start.info
    with Project.open(project.path) as project:
        assert project.redo(ANNA).faces == {face} and project.face(face).review == "question"
        assert project.face(face).version == 5  # never the same number twice
        assert project.verify() == []


def test_stale_edits_of_faces_are_refused_both_ways(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, _ = with_face(project, tmp_path)
        old = change(project, face, note="mine")
        project.apply(change(project, face, "accept", review="accepted"), BOB)
        wrong_before = replace(old, expected_version=1)
        wrong_version = replace(change(project, face, note="mine"), expected_version=0)
        for edit in (old, wrong_before, wrong_version):
            with pytest.raises(StaleEditError, match=r"the face has changed since \(last: accept, by Bob\)"):
                project.apply(edit, ANNA)
        assert project.face(face).info == FaceInfo(review="accepted", box=Box(10, 20, 30, 40))
        project.apply(change(project, face, note="mine"), ANNA)
        with pytest.raises(StaleEditError, match="by Anna"):
            project.undo(BOB)
        with pytest.raises(ProjectError, match="no such face"):
            project.apply(replace(old, face_id=new_id()), ANNA)
        assert project.verify() == []


def test_labels_and_faces_change_together_or_not_at_all(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        both = Edits((set_to(project, face, mine, label(1)), change(project, face, review="accepted")), "accept")
        done = project.apply(both, ANNA)
        assert (len(done.changes), len(done.face_changes), done.undo_text) == (1, 1, "accept")
        again = Edits((set_to(project, face, mine, label(2)), both.edits[1]), "accept")
        with pytest.raises(StaleEditError):
            project.apply(again, ANNA)
        assert project.label(face, mine.id) == (label(1), 1)
        project.undo(ANNA)
        assert project.label(face, mine.id) is None and project.face(face).review == ""
        project.redo(ANNA)
        assert project.label(face, mine.id).label == label(1) and project.face(face).review == "accepted"
        assert project.verify() == []
        one = change(project, face, note="x")
        with pytest.raises(UsageError):
            edits(one, one)


def test_nothing_changed_leaves_no_trace(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, _ = with_face(project, tmp_path)
        assert project.apply(change(project, face), ANNA).revision_id is None
        assert project.history(face) == [] and not project.can_undo(ANNA)


def test_a_removed_face_is_hidden_and_comes_back(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        image = project.images()[0].id
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        other = project.add_face(image, None)
        project.apply(change(project, face, "remove face", removed=True), ANNA)
        assert project.faces(image) == [other] and project.faces_of([image]) == {image: [other]}
        assert [one.id for one in project.faces(image, removed=True)] == [face, other.id]
        assert (project.face_count(), project.face_counts([image])) == (1, {image: 1})
        assert project.image_list() == [(image, str(tmp_path / "one.jpg"), 1, "")]
        assert project.current_labels([face], ANNA) == {} and project.faces_where() == [other]
        assert project.current_labels([face], ANNA, removed=True)[face].label == label(1)
        assert project.current_label(face, ANNA).label == label(1) and project.face(face).removed
        with pytest.raises(UsageError, match="no label"):
            project.create_snapshot("s", ANNA)
        assert project.snapshots() == [] and project.verify() == []
    with Project.open(project.path) as project:
        assert project.undo(ANNA).kind == "remove face"
        assert [one.id for one in project.faces(image)] == [face, other.id] and project.face_count() == 2
        assert project.current_labels([face], ANNA)[face].label == label(1)
        assert project.create_snapshot("s", ANNA).faces == 1


def test_adding_a_face_can_be_undone_where_an_author_is_named(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        image = project.add_images([tmp_path / "a.jpg"])[0].id
        found = project.add_face(image, None, source="detector")
        assert project.undo(ANNA) is None and project.history(found.id) == []
        drawn = project.add_face(image, Box(1, 2, 3, 4), source="drawn", author=ANNA)
        assert project.face(drawn.id) == drawn and drawn.version == 1 and not drawn.removed
        assert project.undo_text(ANNA) == "add face"
    with Project.open(project.path) as project:
        undone = project.undo(ANNA)
        assert undone.faces == {drawn.id} and undone.face_changes[0].info.removed
        assert project.faces(image) == [found]
        assert project.redo(ANNA).kind == "add face"
        assert project.faces(image) == [found, replace(drawn, version=3)]
        assert [step.kind for step in project.history(drawn.id)] == ["add face"] * 3
        both = project.add_faces([NewFace(image, None), NewFace(image, None)], author=ANNA, kind="find faces")
        assert project.undo(ANNA).faces == {face.id for face in both} and project.face_count() == 2
        with pytest.raises(ProjectError, match="not in the project"):
            project.add_face(new_id(), None, author=ANNA)
        with pytest.raises(UsageError, match="author"):
            project.add_face(image, None, author=" ")
        assert project.verify() == [] and project.redo_text(ANNA) == "find faces"


def test_importing_again_knows_a_removed_face(tmp_path: Path) -> None:
    found = dataset(tmp_path, 3)
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(found, "300w", author=ANNA)
        image = project.images()[1].id
        project.apply(change(project, project.faces(image)[0].id, removed=True), ANNA)
        again = project.import_dataset(found, "300w", author=ANNA)
        assert (again.faces_added, again.labels_unchanged, project.face_count()) == (0, 3, 2)
        assert project.faces(image) == []


def test_what_an_import_says_beyond_the_rest_is_kept(tmp_path: Path) -> None:
    given = {"pose": [1, 2.5, None], "text": 'ä "x" \x00', "more": {"a": True}}
    plain, rich = dataset(tmp_path, 2)
    with Project.create(tmp_path / "p") as project:
        project.import_dataset([plain, replace(rich, extras=given)], "300w", author=ANNA)
        one, two = (project.faces(image.id)[0] for image in project.images())
        assert (one.extras, two.extras) == ({}, given)
        project.apply(change(project, two.id, tags=("x",)), ANNA)
        assert project.face(two.id).extras == given
        with pytest.raises(UsageError, match="JSON"):
            project.add_faces([NewFace(one.image_id, None, extras={"a": object()})])
        assert project.face_count() == 2


def test_faces_are_found_by_review_state_and_tag(tmp_path: Path) -> None:
    tags = [(), ("blur",), ("Blur", "x"), ("blurred",), ('say "blur"',), ("a", "blur"), ("a,b", "%"), ('c"lur', " x")]
    with Project.create(tmp_path / "p") as project:
        image = project.add_images([tmp_path / "a.jpg"])[0].id
        made = project.add_faces(NewFace(image, None, tags=one) for one in tags)
        for face, review in zip(made, ("question", "accepted", "question", "", "", "question", "", ""), strict=True):
            project.apply(change(project, face.id, review=review), ANNA)

        def places(**wanted) -> list[int]:
            ids = [face.id for face in made]
            return [ids.index(face.id) for face in project.faces_where(**wanted)]

        assert places(tag="blur") == [1, 5]
        assert places(tag="Blur") == [2]
        assert places(tag='say "blur"') == [4]
        assert places(tag="%") == places(tag="a,b") == [6]
        assert places(tag=" x") == places(tag='c"lur') == [7]
        assert places(tag=", ") == places(tag="") == places(tag=",") == places(tag="lur") == places(tag="]") == []
        assert places(review="question") == [0, 2, 5]
        assert places(review="question", offset=1, limit=1) == [2]
        assert places(review="", tag="blur") == []
        assert places(review="accepted", tag="blur") == [1]


def test_the_list_of_images_says_what_asks_for_a_look(tmp_path: Path) -> None:
    cases = [
        ((), ""), (("accepted",), "accepted"), (("accepted", ""), ""), (("rejected",), "rejected"),
        (("rejected", "accepted"), "accepted"), (("", "question", "accepted"), "question"),
    ]  # fmt: skip
    with Project.create(tmp_path / "p") as project:
        images = project.add_images([tmp_path / f"é{i}.jpg" for i in range(len(cases))] + [Path("/far/off.jpg")])
        for image, (reviews, _) in zip(images, cases, strict=False):
            for review in reviews:
                face = project.add_face(image.id, None)
                project.apply(change(project, face.id, review=review), ANNA)
        found = project.image_list()
        assert [(one.id, Path(one.path)) for one in found] == [(image.id, image.path) for image in images]
        assert [(one.faces, one.review) for one in found] == [(len(r), s) for r, s in cases] + [(0, "")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE face SET note = 'tampered'",
        "UPDATE face SET version = 9",
        "UPDATE revision_face SET version = 3 WHERE version = 2",
        "UPDATE revision_face SET before = after WHERE version = 2",
        "DELETE FROM revision_face WHERE version = 2",
    ],
)
def test_a_face_that_does_not_follow_from_its_history_is_noticed(tmp_path: Path, statement: str) -> None:
    with Project.create(tmp_path / "p") as project:
        face, _ = with_face(project, tmp_path)
        for note in ("one", "two"):
            project.apply(change(project, face, note=note), ANNA)
        assert project.verify() == []
        project._writer.submit(lambda connection: connection.exec_driver_sql(statement)).result()
        assert any(str(face) in problem for problem in project.verify())
