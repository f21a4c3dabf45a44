"""Edits, undo, redo, history: against a simple model, and through closing and opening."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.errors import ProjectError, StaleEditError, UsageError
from core.face import Label
from core.project import Edits, Project, SetFaceInfo, SetLabel
from core.project.schema import new_id
from tests.core.project.project_samples import ANNA, dataset, edits, label, set_to, with_face

BOB = "Bob"


def test_an_edit_is_kept_with_its_history(tmp_path: Path) -> None:
    start = datetime.now(UTC)
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        assert project.label(face, mine.id) is None and project.label_version(face, mine.id) == 0
        first = project.apply(set_to(project, face, mine, label(1), "copy import"), ANNA)
        second = project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert first.versions == {(face, mine.id): 1} and second.versions == {(face, mine.id): 2}
        assert first.faces == {face} and second.changes[0].label == label(2)
        assert (second.undo_text, second.redo_text, second.kind) == ("move point", None, "move point")
    with Project.open(project.path) as project:
        assert project.label(face, mine.id) == (label(2), 2)
        one, two = project.history(face)
        assert (one.id, one.author, one.action, one.kind) == (first.revision_id, ANNA, "edit", "copy import")
        assert (one.before, one.after, one.version) == (None, label(1), 1)
        assert (two.before, two.after, two.version) == (label(1), label(2), 2)
        assert start - timedelta(seconds=1) <= one.at <= two.at <= datetime.now(UTC) + timedelta(seconds=1)


def test_stale_edits_are_refused_and_change_nothing(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        stale_new = set_to(project, face, mine, label(9))
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        stale = set_to(project, face, mine, label(9))
        project.apply(set_to(project, face, mine, label(2), "align curve"), BOB)
        wrong_before = SetLabel(face, mine.id, label(7), label(9), 2, "x")
        future = SetLabel(face, mine.id, label(2), label(9), 3, "x")
        never = SetLabel(face, mine.id, None, label(9), 0, "x")
        for edit in (stale_new, stale, wrong_before, future, never):
            with pytest.raises(StaleEditError, match=r"changed since \(last: align curve, by Bob\)"):
                project.apply(edit, ANNA)
        assert project.label(face, mine.id) == (label(2), 2)
        assert [step.kind for step in project.history(face) if step.action != "refused"] == [
            "move point",
            "align curve",
        ]


def test_a_compound_edit_is_all_or_nothing_and_one_step(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        other = project.add_face(project.images()[0].id, None).id
        both = edits(set_to(project, face, mine, label(1)), set_to(project, other, mine, label(2)), kind="flip all")
        project.apply(set_to(project, other, mine, label(3)), ANNA)
        with pytest.raises(StaleEditError):
            project.apply(both, ANNA)
        assert project.label(face, mine.id) is None
        both = edits(set_to(project, face, mine, label(1)), set_to(project, other, mine, label(2)), kind="flip all")
        done = project.apply(both, ANNA)
        assert done.faces == {face, other} and project.undo_text(ANNA) == "flip all"
        undone = project.undo(ANNA)
        assert undone.faces == {face, other}
        assert (project.label(face, mine.id), project.label(other, mine.id).label) == (None, label(3))
        assert (undone.undo_text, undone.redo_text) == ("move point", "flip all")
        project.redo(ANNA)
        assert (project.label(face, mine.id).label, project.label(other, mine.id).label) == (label(1), label(2))


def test_an_edit_that_changes_nothing_leaves_no_trace(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        project.undo(ANNA)
        nothing = project.apply(set_to(project, face, mine, None), ANNA)
        assert (nothing.revision_id, nothing.changes, nothing.redo_text) == (None, (), "move point")
        assert len(project.history(face)) == 2


def test_versions_never_come_twice(tmp_path: Path) -> None:
    """An edit on an earlier life of a label is stale, though the label looks and counts as it did."""
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        stale = set_to(project, face, mine, label(5))
        project.apply(set_to(project, face, mine, None, "delete"), ANNA)
        assert project.label(face, mine.id) is None and project.label_version(face, mine.id) == 2
        assert project.labels(face) == [] and project.current_label(face) is None
        again = project.apply(SetLabel(face, mine.id, None, label(1), 0, "who never saw it says 0"), ANNA)
        assert again.versions == {(face, mine.id): 3}
        with pytest.raises(StaleEditError):
            project.apply(stale, ANNA)


def test_edits_of_what_is_not_there(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        for edit in (
            SetLabel(new_id(), mine.id, None, label(), 0, "x"),
            SetLabel(face, new_id(), None, label(), 0, "x"),
        ):
            with pytest.raises(ProjectError, match="not in the project"):
                project.apply(edit, ANNA)
        with pytest.raises(UsageError, match="author"):
            project.apply(set_to(project, face, mine, label()), " ")
        assert project.history(face) == [] and project.undo(ANNA) is None and project.verify() == []


def test_undo_is_each_authors_own(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        theirs = project.ensure_label_set(BOB, "annotator")
        project.apply(set_to(project, face, mine, label(1), "a"), ANNA)
        project.apply(set_to(project, face, theirs, label(2), "b"), BOB)
        assert project.undo(ANNA).kind == "a"
        assert project.undo(ANNA) is None
        assert (project.can_undo(ANNA), project.can_redo(ANNA), project.can_undo(BOB)) == (False, True, True)
        assert project.label(face, theirs.id).label == label(2)


def test_undo_refuses_where_somebody_else_went_on(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        project.apply(set_to(project, face, mine, label(2), "correct"), BOB)
        with pytest.raises(StaleEditError, match="by Bob"):
            project.undo(ANNA)
        assert project.label(face, mine.id).label == label(2)
        project.undo(BOB)
        assert project.undo(ANNA) is not None
        assert project.label(face, mine.id) is None


def test_history_shows_what_was_undone(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        project.undo(ANNA)
        project.redo(ANNA)
        made, undone, redone = project.history(face)
        assert [step.action for step in (made, undone, redone)] == ["edit", "undo", "redo"]
        assert (undone.target_id, redone.target_id) == (made.id, undone.id)
        assert (undone.before, undone.after) == (label(1), None)
        assert [step.version for step in (made, undone, redone)] == [1, 2, 3]


def test_a_long_chain_through_closing(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        for i in range(60):
            project.apply(set_to(project, face, mine, label(i), f"step {i}"), ANNA)
    for i in range(59, -1, -1):
        if i % 20 == 19:
            project.close()
            project = Project.open(project.path)
        assert project.undo(ANNA).kind == f"step {i}"
    assert project.label(face, mine.id) is None and project.undo(ANNA) is None
    project.close()
    with Project.open(project.path) as project:
        for i in range(60):
            assert project.redo(ANNA).kind == f"step {i}"
            assert project.label(face, mine.id).label == label(i)
        assert project.redo(ANNA) is None
        assert project.verify() == []


def test_current_label(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)

        def put(name: str, kind, seed: int) -> None:
            found = project.ensure_label_set(name, kind)
            project.apply(set_to(project, face, found, label(seed)), name)

        assert project.current_label(face, ANNA) is None
        put("lite", "model", 1)
        assert project.current_label(face, ANNA).label == label(1)
        put("300w", "import", 2)
        put("lite", "model", 3)
        assert project.current_label(face, ANNA).label_set.name == "300w"
        put(BOB, "annotator", 4)
        assert project.current_label(face, ANNA).label == label(4)
        assert project.current_label(face).label == label(4)
        put("Cleo", "annotator", 8)
        assert project.current_label(face, ANNA).label == label(8)  # the latest of the others
        put(BOB, "annotator", 4)
        put(BOB, "annotator", 9)
        assert project.current_label(face, ANNA).label == label(9)
        put("agreed", "consensus", 5)
        assert project.current_label(face, ANNA).label == label(5)
        put(ANNA, "annotator", 6)
        put(BOB, "annotator", 7)
        found = project.current_label(face, ANNA)
        assert (found.label, found.label_set, found.version) == (label(6), mine, 1)
        assert [one.label_set.name for one in project.labels(face)] == [ANNA, "lite", "300w", BOB, "Cleo", "agreed"]
        assert project.current_labels([new_id()]) == {}


# Importing


def test_import_is_one_revision_and_keeps_everything(tmp_path: Path) -> None:
    found = dataset(tmp_path, 700)
    told: list[tuple[int, int]] = []
    with Project.create(tmp_path / "p") as project:
        counts = project.import_dataset(found, "300w", author=ANNA, progress=lambda *at: told.append(at))
        assert (counts.images_added, counts.faces_added, counts.labels_added) == (700, 700, 700)
        assert told[-1] == (700, 700) and told == sorted(told) and len(told) > 2
        for image, made in list(zip(project.images(), found, strict=True))[::50]:
            (face,) = project.faces(image.id)
            assert (image.path, face.source) == (made.image, made.source)
            now = project.current_label(face.id)
            assert (now.label, now.version, now.label_set.kind) == (made.label, 1, "import")
            assert [one.id for one in project.history(face.id)] == [counts.revision_id]
            low, high = made.label.points.min(axis=0), made.label.points.max(axis=0)
            np.testing.assert_allclose(face.box.to_list(), [*low, *(high - low)])
        assert not project.can_undo(ANNA)
        assert project.verify() == []


def test_importing_again_changes_only_what_differs(tmp_path: Path) -> None:
    found = dataset(tmp_path, 6)
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(found, "300w", author=ANNA)
        again = project.import_dataset(reversed(found), "300w", author=ANNA)
        assert (again.revision_id, again.labels_unchanged, again.faces_added) == (None, 6, 0)
        moved = [
            type(one)(one.image, one.label if i != 2 else one.label.with_point(5, (1.5, 2.5)))
            for i, one in enumerate(found)
        ]
        more = [*moved, *dataset(tmp_path / "more", 1)]
        counts = project.import_dataset(more, "300w", author=ANNA)
        assert (counts.labels_changed, counts.labels_added, counts.labels_unchanged) == (1, 1, 5)
        changed = project.faces(project.find_image(found[2].image).id)
        assert len(changed) == 1
        assert project.label(changed[0].id, counts.label_set.id) == (moved[2].label, 2)
        other = project.import_dataset(found, "second source", author=ANNA)
        assert (other.faces_added, other.labels_added, project.face_count()) == (0, 6, 7)
        assert project.verify() == []


def test_faces_of_one_image_are_told_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = tmp_path / "group.jpg"
    base = rng.uniform(0, 100, (68, 2))
    found = [type(dataset(tmp_path, 1)[0])(image, Label("300w-68", base + np.array([90 * i, 3 * i]))) for i in range(6)]
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(found, "wflw", author=ANNA)
        assert (project.image_count(), project.face_count()) == (1, 6)
        again = project.import_dataset(found[::-1], "wflw", author=ANNA)
        assert again.labels_unchanged == 6
        less = project.import_dataset(found[3:4], "wflw", author=ANNA)
        assert (less.labels_unchanged, less.faces_added) == (1, 0)


@pytest.mark.parametrize("where", [250, 500, "end"])
def test_a_cancelled_import_leaves_nothing(tmp_path: Path, where: int | str) -> None:
    class CancelledError(Exception):
        pass

    def progress(done: int, total: int) -> None:
        if done == where or (where == "end" and done == total):
            raise CancelledError

    with Project.create(tmp_path / "p") as project:
        project.add_images([tmp_path / "mine.jpg"])
        with pytest.raises(CancelledError):
            project.import_dataset(dataset(tmp_path / "img", 600), "300w", author=ANNA, progress=progress)
        assert (project.image_count(), project.face_count(), project.label_sets()) == (1, 0, [])
        with pytest.raises(UsageError, match="no face"):
            project.import_dataset([], "300w", author=ANNA)
        assert project.import_dataset(dataset(tmp_path / "img", 3), "300w", author=ANNA).faces_added == 3


def test_undo_goes_back_past_an_import(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1), "first"), ANNA)
        project.undo(ANNA)
        project.import_dataset(dataset(tmp_path, 3), "300w", author=ANNA)
        assert project.redo_text(ANNA) == "first"
        project.redo(ANNA)
        project.import_dataset(dataset(tmp_path, 3, seed=1), "more", author=ANNA)
        assert project.undo(ANNA).kind == "first" and project.undo(ANNA) is None


class UndoModel(RuleBasedStateMachine):
    """The store against two plain lists of states; closed and opened at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()

    @initialize()
    def begin(self) -> None:
        folder = Path(self.folder.name)
        self.project = Project.create(folder / "p")
        images = self.project.add_images([folder / f"{i}.jpg" for i in range(3)])
        self.faces = [self.project.add_face(image.id, None).id for image in images]
        self.set = self.project.ensure_label_set("common", "consensus")
        # 0 to 2: the label of a face; 3 to 5: the note of a face.
        self.state: dict[int, int | None] = dict.fromkeys(range(6))
        self.refusals = 0
        # Per author: (before, after) of each edit on the stack, as partial states.
        self.undos: dict[str, list] = {ANNA: [], BOB: []}
        self.redos: dict[str, list] = {ANNA: [], BOB: []}

    def teardown(self) -> None:
        if hasattr(self, "project"):
            assert self.project.verify() == []
            self.project.close()
        self.folder.cleanup()

    def single(self, key: int, seed: int | None, ahead: int = 0) -> SetLabel | SetFaceInfo:
        face = self.faces[key % 3]
        if key < 3:
            made = set_to(self.project, face, self.set, None if seed is None else label(seed, count=3))
            return replace(made, expected_version=made.expected_version + ahead)
        now = self.project.face(face)
        after = replace(now.info, note="" if seed is None else f"note {seed}")
        return SetFaceInfo(face, now.info, after, now.version + ahead, "note")

    def faces_of(self, keys) -> set[object]:
        return {self.faces[key % 3] for key in keys}

    @rule(
        author=st.sampled_from([ANNA, BOB]),
        changes=st.dictionaries(st.integers(0, 5), st.none() | st.integers(0, 3), min_size=1),
    )
    def edit(self, author: str, changes: dict[int, int | None]) -> None:
        steps = [self.single(key, seed) for key, seed in changes.items()]
        done = self.project.apply(steps[0] if len(steps) == 1 else Edits(tuple(steps), "bulk"), author)
        real = {key: seed for key, seed in changes.items() if self.state[key] != seed}
        assert done.faces == self.faces_of(real)
        assert (done.revision_id is None) == (not real)
        if real:
            self.undos[author].append(({key: self.state[key] for key in real}, real))
            self.redos[author].clear()
            self.state.update(real)

    @rule(author=st.sampled_from([ANNA, BOB]), first=st.integers(0, 5), late=st.integers(0, 5))
    def refused_edit(self, author: str, first: int, late: int) -> None:
        if first == late:
            return
        steps = (self.single(first, 1), self.single(late, 2, ahead=1))
        with pytest.raises(StaleEditError):
            self.project.apply(Edits(steps, "late"), author)
        self.refusals += len(steps)

    @rule(author=st.sampled_from([ANNA, BOB]))
    def undo(self, author: str) -> None:
        self._step(author, self.undos[author], self.redos[author], self.project.undo, 0)

    @rule(author=st.sampled_from([ANNA, BOB]))
    def redo(self, author: str) -> None:
        self._step(author, self.redos[author], self.undos[author], self.project.redo, 1)

    def _step(self, author: str, source: list, target: list, call, side: int) -> None:
        if not source:
            assert call(author) is None
            return
        pair = source[-1]
        if any(self.state[key] != seed for key, seed in pair[1 - side].items()):
            with pytest.raises(StaleEditError):
                call(author)
            return
        assert call(author).faces == self.faces_of(pair[side])
        target.append(source.pop())
        self.state.update(pair[side])

    @precondition(lambda self: hasattr(self, "project"))
    @rule()
    def reopen(self) -> None:
        self.project.close()
        self.project = Project.open(self.project.path)

    @invariant()
    def state_agrees(self) -> None:
        for key, seed in self.state.items() if hasattr(self, "state") else ():
            if key < 3:
                now = self.project.label(self.faces[key], self.set.id)
                assert (None if now is None else now.label) == (None if seed is None else label(seed, count=3))
            else:
                assert self.project.face(self.faces[key - 3]).note == ("" if seed is None else f"note {seed}")

    @invariant()
    def refusals_are_kept(self) -> None:
        steps = [step for face in getattr(self, "faces", ()) for step in self.project.history(face)]
        assert sum(step.action == "refused" for step in steps) == getattr(self, "refusals", 0)

    @invariant()
    def stacks_agree(self) -> None:
        for author in (ANNA, BOB) if hasattr(self, "undos") else ():
            assert self.project.can_undo(author) == bool(self.undos[author])
            assert self.project.can_redo(author) == bool(self.redos[author])


TestUndoModel = UndoModel.TestCase
TestUndoModel.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
