"""Another program deletes, moves or replaces the project file while it is open, as sync tools and people do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from core.errors import ProjectError
from core.project import LabelSet, Project, sqlite
from tests.core.project.project_samples import ANNA, files, label, set_to, with_face

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows lets nobody touch an open file")


def delete(folder: Path) -> None:
    (folder / "p.starmark").unlink()


def move(folder: Path) -> None:
    (folder / "p.starmark").rename(folder / "moved.starmark")


def replace(folder: Path) -> None:
    shutil.copy(folder / "other.starmark", folder / "arriving")
    (folder / "arriving").replace(folder / "p.starmark")


def delete_folder(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.fixture(params=[False, True], ids=["log", "journal"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple:
    """A project with two edits, open for writing, and another beside it."""
    monkeypatch.setattr(sqlite, "is_network", lambda _: request.param)
    folder = tmp_path / "synced"
    folder.mkdir()
    Project.create(folder / "other").close()
    project = Project.create(folder / "p")
    face, mine = with_face(project, folder)
    for number in (1, 2):
        edit(project, face, mine, number)
    return project, face, mine


def edit(project: Project, face: UUID, mine: LabelSet, number: int) -> None:
    project.apply(set_to(project, face, mine, label(number)), ANNA)


@pytest.mark.parametrize("event", [delete, move, replace, delete_folder])
def test_no_edit_is_acknowledged_and_the_project_can_be_saved_elsewhere(
    tmp_path: Path, opened: tuple, event: Callable[[Path], None]
) -> None:
    project, face, mine = opened
    event(project.path.parent)
    for _ in range(2):
        with pytest.raises(ProjectError, match=r"deleted, moved or replaced.*Save the project under another name"):
            edit(project, face, mine, 3)
    assert project.label(face, mine.id) == (label(2), 2)  # reading goes on
    project.save_as(tmp_path / "saved")
    edit(project, face, mine, 3)
    project.close()
    with Project.open(tmp_path / "saved.starmark") as again:
        assert again.verify() == [] and again.label(face, mine.id) == (label(3), 3)
        assert again.undo(ANNA) is not None
    if event is replace:
        with Project.open(tmp_path / "synced" / "p.starmark") as other:
            assert other.verify() == [] and other.face_count() == 0
        assert files(tmp_path / "synced")[:2] == ["other.starmark", "p.starmark"]


@pytest.mark.parametrize(("event", "left"), [(move, "moved.starmark"), (replace, "p.before-replaced-*.starmark")])
def test_closing_keeps_what_was_saved_before_it_happened(
    tmp_path: Path, opened: tuple, event: Callable[[Path], None], left: str
) -> None:
    project, face, mine = opened
    event(project.path.parent)
    project.close()
    (found,) = (tmp_path / "synced").glob(left)
    with Project.open(found) as again:
        assert again.verify() == [] and again.label(face, mine.id) == (label(2), 2)
    if event is move:
        assert files(tmp_path / "synced") == ["moved.starmark", "other.starmark"]
    else:
        with Project.open(tmp_path / "synced" / "p.starmark") as other:
            assert other.verify() == [] and other.face_count() == 0


def test_a_project_that_was_only_looked_at_leaves_nothing(opened: tuple) -> None:
    project, *_ = opened
    project.close()
    folder = project.path.parent
    looked_at = Project.open(project.path)
    assert looked_at.face_count() == 1
    replace(folder)
    looked_at.close()
    assert [name for name in files(folder) if name.endswith(".starmark")] == ["other.starmark", "p.starmark"]
