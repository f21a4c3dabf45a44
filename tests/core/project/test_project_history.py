"""The history of a face: everything in one list, what was refused, and going back."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread

import pytest

from core.errors import ProjectError, StaleEditError
from core.project import Edits, Project, SetLabel
from core.project.schema import new_id
from tests.core.project.project_samples import ANNA, dataset, edits, label, set_to, with_face
from tests.core.project.test_project_faces import BOB, change


def test_labels_and_face_in_one_list(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        other, _ = with_face(project, tmp_path / "x")
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        project.apply(change(project, face, "accept", review="accepted"), BOB)
        project.apply(Edits((change(project, face, note="x"), set_to(project, face, mine, label(2))), "both"), ANNA)
        project.apply(change(project, other, note="another face"), ANNA)
        project.undo(ANNA)
        project.undo(ANNA)
        steps = project.history(face)
        assert [(step.author, step.action, step.kind, step.label_set_id is None, step.version) for step in steps] == [
            (ANNA, "edit", "move point", False, 1),
            (BOB, "edit", "accept", True, 1),
            (ANNA, "edit", "both", True, 2),
            (ANNA, "edit", "both", False, 2),
            (ANNA, "undo", "both", True, 3),
            (ANNA, "undo", "both", False, 3),
        ]
        assert (steps[1].before, steps[1].after) == (None, None)
        assert (steps[1].before_info.review, steps[1].after_info.review) == ("", "accepted")
        assert (steps[3].before, steps[3].after, steps[3].after_info) == (label(1), label(2), None)
        assert steps[4].target_id == steps[2].id and steps[4].after_info.note == ""
        assert project.verify() == []


def test_a_refused_edit_is_kept_and_changes_nothing(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1), "a"), ANNA)
        late = Edits((set_to(project, face, mine, label(7)), change(project, face, note="late")), "late")
        project.apply(set_to(project, face, mine, label(2), "b"), BOB)
        project.apply(set_to(project, face, mine, label(3), "c"), ANNA)
        project.undo(ANNA)
        with pytest.raises(StaleEditError):
            project.apply(late, ANNA)
        refused = project.history(face)[-2:]
        assert [(s.author, s.action, s.kind, s.version) for s in refused] == [
            (ANNA, "refused", "late", 1), (ANNA, "refused", "late", 0),
        ]  # fmt: skip
        assert (refused[0].before, refused[0].after, refused[1].after_info.note) == (label(1), label(7), "late")
        assert project.label(face, mine.id) == (label(2), 4) and project.face(face).note == ""
    with Project.open(project.path) as project:
        # Everybody's undo and redo is as it was.
        assert (project.undo_text(ANNA), project.redo_text(ANNA), project.undo_text(BOB)) == ("a", "c", "b")
        project.redo(ANNA)
        project.undo(ANNA)
        project.undo(BOB)
        project.undo(ANNA)
        assert project.label(face, mine.id) is None
        assert project.verify() == []
        back = project.revert_face(face, refused[0].id, ANNA, mine)  # what was refused can be had after all
        assert project.label(face, mine.id).label == label(7) and project.face(face).note == "late"
        assert len(back.changes) == len(back.face_changes) == 1


def test_an_edit_refused_for_another_reason_is_not_kept(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        unknown = SetLabel(new_id(), mine.id, label(1), label(2), 3, "late, of a face that is not there")
        with pytest.raises(StaleEditError):
            project.apply(unknown, ANNA)
        with pytest.raises(ProjectError, match="not in the project"):
            project.apply(SetLabel(face, new_id(), None, label(2), 0, "x"), ANNA)
        assert project.history(face) == [] and project.verify() == []
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        assert [step.version for step in project.history(face)] == [1]


def test_of_two_writers_one_wins_and_both_are_in_the_history(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(0)), ANNA)
        outcomes: dict[str, bool] = {}
        for turn in range(5):
            seeds = {ANNA: 2 * turn + 1, BOB: 2 * turn + 2}
            made = {author: set_to(project, face, mine, label(seed), f"{turn}") for author, seed in seeds.items()}
            start = Barrier(2)

            def work(author: str, made=made, start=start) -> None:
                start.wait()
                try:
                    project.apply(made[author], author)
                    outcomes[author] = True
                except StaleEditError:
                    outcomes[author] = False

            threads = [Thread(target=work, args=(author,)) for author in made]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(outcomes.values()) == [False, True]
            winner = next(author for author, won in outcomes.items() if won)
            assert project.label(face, mine.id).label == label(seeds[winner])
            last = project.history(face)[-2:]
            assert {step.author: (step.action, step.after) for step in last} == {
                author: ("edit" if author == winner else "refused", label(seed)) for author, seed in seeds.items()
            }
        assert project.verify() == []


def test_going_back_to_a_revision_is_an_edit_like_any_other(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        counts = project.import_dataset(dataset(tmp_path, 2), "300w", author=ANNA)
        face = project.faces(project.images()[0].id)[0].id
        theirs = project.ensure_label_set(BOB, "annotator")
        mine = project.ensure_label_set(ANNA, "annotator")
        imported = project.label(face, counts.label_set.id).label
        project.apply(set_to(project, face, theirs, label(1)), BOB)
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        project.apply(set_to(project, face, mine, label(3)), ANNA)
        first, bobs, mine_first, _ = project.history(face)
        for step, wanted in ((first, imported), (bobs, label(1)), (mine_first, label(2))):
            done = project.revert_face(face, step.id, ANNA, mine)
            assert (done.kind, project.undo_text(ANNA)) == ("revert", "revert")
            assert project.label(face, mine.id).label == wanted
            project.undo(ANNA)
            assert project.label(face, mine.id).label == label(3)
        assert project.label(face, theirs.id).label == label(1)
        assert project.label(face, counts.label_set.id).label == imported
        assert {one.label_set.name for one in project.labels(face)} == {"300w", ANNA, BOB}
        other = project.faces(project.images()[1].id)[0].id
        for face_id, revision in ((face, new_id()), (other, bobs.id)):
            with pytest.raises(ProjectError, match="no such revision"):
                project.revert_face(face_id, revision, ANNA, mine)
        assert project.revert_face(face, project.history(face)[-1].id, ANNA, mine).revision_id is None
        assert project.verify() == []


def test_going_back_to_where_there_was_no_label(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        gone = project.apply(set_to(project, face, mine, None, "remove label"), ANNA)
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        project.revert_face(face, gone.revision_id, ANNA, mine)
        assert project.label(face, mine.id) is None and project.labels(face) == []
        project.undo(ANNA)
        assert project.label(face, mine.id) == (label(2), 5)


def test_going_back_of_the_face_itself(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        other, _ = with_face(project, tmp_path / "x")
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        bulk = project.apply(edits(*(change(project, one, review="question") for one in (face, other))), ANNA)
        for one in (face, other):
            project.apply(change(project, one, review="accepted", note="n"), ANNA)
        done = project.revert_face(face, bulk.revision_id, BOB, mine)
        assert done.faces == {face} and not done.changes
        assert (project.face(face).review, project.face(face).note) == ("question", "")
        assert project.face(other).review == "accepted" and project.label(face, mine.id) == (label(1), 1)
        assert project.undo(BOB) is not None and project.face(face).review == "accepted"
        assert project.verify() == []
