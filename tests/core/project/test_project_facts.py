"""Facts of images for lists and filters, work statuses, and the list of steps that can be undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from core.project import Edits, Project, SetFaceInfo, SetLabel
from core.work_status import STATUS_TEXTS, STATUSES, ImageFacts, work_status
from tests.core.project.project_samples import ANNA, Face, label


def review(project: Project, face: UUID, state: str, tags: tuple[str, ...] = ()) -> SetFaceInfo:
    record = project.face(face)
    return SetFaceInfo(face, record.info, replace(record.info, review=state, tags=tags), record.version, f"say {state}")


def test_a_status_follows_from_what_people_did() -> None:
    assert [work_status("", False, False), work_status("", False, True)] == ["new", "predicted"]
    assert work_status("", True, True) == "progress"
    assert {work_status(state, started, True) for state in ("accepted", "rejected") for started in (True, False)} == {
        "done"
    }
    assert work_status("question", True, True) == "disputed"
    assert tuple(STATUS_TEXTS) == STATUSES


def test_facts_follow_labels_reviews_tags_and_removal(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        imported = [Face(tmp_path / f"{i}.jpg", label(i)) for i in range(3)]
        project.import_dataset(imported, "gold", author=ANNA)
        empty = project.add_images([tmp_path / "empty.jpg"])[0].id
        images = [project.find_image(face.image).id for face in imported]
        fresh = ImageFacts(1, False, False, (), ("gold",))
        assert project.image_facts() == dict.fromkeys(images, fresh)
        assert len({id(facts) for facts in project.image_facts().values()}) == 1, "equal facts are one object"

        one, two = (project.faces(image)[0].id for image in images[:2])
        mine = project.ensure_label_set(ANNA, "annotator")
        project.apply(SetLabel(one, mine.id, None, label(9), 0, "move point"), ANNA)
        project.apply(review(project, two, "accepted", ("profile", "blur")), ANNA)
        second = project.add_face(images[1], None)
        found = project.image_facts(images[:2])
        assert found == {
            images[0]: ImageFacts(1, True, False, (), ("gold", ANNA)),
            images[1]: ImageFacts(1, True, False, ("blur", "profile"), ("gold",)),
        }
        project.apply(SetFaceInfo(second.id, second.info, replace(second.info, removed=True), 0, "remove"), ANNA)
        assert project.image_facts([images[1]])[images[1]].left == 0
        assert project.image_facts([empty]) == {}
        project.undo(ANNA)
        assert project.image_facts([images[1]])[images[1]].left == 1


def test_undo_steps_are_what_undo_takes_back(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        assert project.undo_steps(ANNA) == []
        imported = [Face(tmp_path / f"{i}.jpg", label(i)) for i in range(2)]
        project.import_dataset(imported, "gold", author=ANNA)
        images = [project.find_image(face.image).id for face in imported]
        faces = [project.faces(image)[0].id for image in images]
        project.apply(review(project, faces[1], "question"), ANNA)
        both = Edits(tuple(review(project, face, "accepted") for face in faces), "accept both")
        project.apply(both, ANNA)
        project.apply(review(project, faces[0], "rejected"), "Bob")
        steps = project.undo_steps(ANNA)
        assert [(step.kind, step.image_id, step.faces) for step in steps] == [
            ("accept both", images[0], 2), ("say question", images[1], 1),
        ]  # fmt: skip
        assert project.undo_steps(ANNA, 1) == steps[:1]
        project.undo("Bob")
        assert project.undo(ANNA).kind == steps[0].kind
        assert project.undo_steps(ANNA) == steps[1:]
        assert project.redo(ANNA).kind == steps[0].kind
        assert [step.kind for step in project.undo_steps(ANNA)] == ["accept both", "say question"]
