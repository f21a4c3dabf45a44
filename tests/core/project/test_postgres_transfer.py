"""Whole projects between files and databases: the same rows on the other side, or nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.errors import ProjectError, UsageError
from core.project import Edits, Project
from core.project.schema import METADATA
from core.project.transfer import copy_project
from tests.core.project.project_samples import ANNA, dataset, files, label, set_to, with_face
from tests.postgres import TestServer

BOB = "Bob"


def filled(project: Project, folder: Path) -> Any:
    """Something in as many tables as can be; the face that has a history."""
    project.import_dataset(dataset(folder, 603), "300w", author=ANNA)
    face, mine = with_face(project, folder)
    for seed in range(4):
        project.apply(set_to(project, face, mine, label(seed), f"step {seed}"), ANNA)
    project.undo(ANNA)
    other = project.faces(project.images()[3].id)[0].id
    both = (set_to(project, face, mine, None), set_to(project, other, mine, label(9)))
    project.apply(Edits(both, "two at once"), BOB)
    project.undo(BOB)
    project.add_images([Path("/elsewhere/ä \U0001f600.jpg").absolute()])
    project.set_setting("view", {"at": [1, 2.5, None, "é"]})
    return face


def rows(project: Project) -> dict[str, list[tuple]]:
    """All that is in the tables, as Python knows it."""
    with project._read() as connection:
        found = {}
        for name, table in METADATA.tables.items():
            key = list(table.primary_key)
            found[name] = [tuple(row) for row in connection.execute(table.select().order_by(*key))]
        return found


def test_there_and_back_again(postgres: TestServer, tmp_path: Path) -> None:
    url = f"{postgres.database()}?images={tmp_path / 'img'}"
    told: list[tuple[int, int]] = []
    with Project.create(tmp_path / "a") as project:
        face = filled(project, tmp_path / "img")
        before, made, counts = rows(project), project.id, project.image_count()
        assert copy_project(project.path, url, keep_id=True, progress=lambda *at: told.append(at)) == url
    assert told[-1][0] == told[-1][1] > 3 * counts and told == sorted(told)
    with Project.open(url) as project:
        assert project.id == made and project.verify() == []
        there = rows(project)
        assert there.keys() == before.keys()
        for name in before:
            if name not in ("image", "meta"):
                assert there[name] == before[name], name
        paths = [image.path for image in project.images()]
        assert [row[2] for row in there["image"]][:2] == ["0000.jpg", "0001.jpg"]
        assert project.redo(BOB).kind == "two at once" and project.undo(BOB).kind == "two at once"
        assert project.undo(ANNA).kind == "step 2"
        new = project.add_face(project.images()[0].id, None)
        assert project.faces(new.image_id)[-1].id == new.id and project.verify() == []
        there = rows(project)
    back = copy_project(url, tmp_path / "back")
    with Project.open(back) as project:
        assert project.id != made and project.verify() == [] and project.notes == ()
        assert [image.path for image in project.images()] == paths
        again = rows(project)
        assert all(again[name] == there[name] for name in there if name not in ("image", "meta"))
        assert len(project.history(face)) == len([row for row in there["revision_item"] if row[2] == face])
        assert project.redo(ANNA).kind == "step 2" and project.verify() == []
    assert [name for name in files(tmp_path) if not name.endswith("-lock")] == ["a.starmark", "back.starmark"]


def test_between_files_and_between_databases(postgres: TestServer, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er" / "still").mkdir(parents=True)
    with Project.create(tmp_path / "a") as project:
        filled(project, tmp_path)
        before, paths = rows(project), [image.path for image in project.images()]
        quick = copy_project(project.path, tmp_path / "deep" / "er" / "still" / "b")
        paged = copy_project(project.path, tmp_path / "deep" / "c", progress=lambda *_: None)
    first, second = postgres.database(), postgres.database()
    copy_project(paged, first)
    copy_project(first, second)
    for place in (quick, paged, second):
        with Project.open(place) as project:
            assert project.verify() == [] and [image.path for image in project.images()] == paths
            assert rows(project)["revision_item"] == before["revision_item"]


def test_a_copy_that_fails_or_is_stopped_leaves_nothing(postgres: TestServer, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done > 1000:
            raise StoppedError

    url, other = postgres.database(), postgres.database()
    with Project.create(tmp_path / "a") as project, Project.create(other) as on_server:
        filled(project, tmp_path)
        filled(on_server, tmp_path)
    for source, target in ((project.path, url), (other, tmp_path / "b.starmark")):
        with pytest.raises(StoppedError):
            copy_project(source, target, progress=stop)
    with pytest.raises(ProjectError, match="no project in this database"):
        Project.open(url)
    assert files(tmp_path) == ["a.starmark"]
    for source, target in ((other, project.path), (project.path, other), (project.path, project.path)):
        with pytest.raises(ProjectError, match="already"):
            copy_project(source, target)
    with pytest.raises(ProjectError, match="no such project"):
        copy_project(tmp_path / "none.starmark", url)
    copy_project(project.path, url)  # which is as empty as it was


def test_two_names_of_one_image_are_told(postgres: TestServer, tmp_path: Path) -> None:
    url = postgres.database()
    with Project.create(url) as project:
        project.add_images([tmp_path / "a.jpg", tmp_path / "b.jpg"])
    postgres.execute(f"UPDATE image SET path = '{tmp_path}/./a.jpg' WHERE path LIKE '%b.jpg'", url)
    with pytest.raises(ProjectError, match="two images of the project are the same file"):
        copy_project(url, tmp_path / "c")
    assert files(tmp_path) == []


def test_rows_that_refer_to_nothing_are_not_copied_on(postgres: TestServer, tmp_path: Path) -> None:
    with Project.create(tmp_path / "a") as project:
        filled(project, tmp_path)
    with closing(sqlite3.connect(project.path)) as connection:
        connection.execute("DELETE FROM image WHERE seq = 5")
        connection.commit()
    with pytest.raises(ProjectError, match="not in the project"):
        copy_project(project.path, postgres.database())
    with pytest.raises(ProjectError, match="rows that are not there"):
        copy_project(project.path, tmp_path / "b", progress=lambda *_: None)
    assert files(tmp_path) == ["a.starmark"]


def test_a_project_on_a_server_is_saved_as_a_file_and_goes_on_there(postgres: TestServer, tmp_path: Path) -> None:
    url = f"{postgres.database()}?images={tmp_path}"
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        made = project.id
        with pytest.raises(UsageError, match="project copy"):
            project.save_as(url)
        project.save_as(tmp_path / "mine")
        assert project.location == str(tmp_path / "mine.starmark") and project.path.exists() and project.id != made
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert project.undo(ANNA) and project.undo(ANNA) and project.verify() == []
    with Project.open(url) as project:
        assert project.id == made and project.label(face, mine.id) == (label(1), 1)
        assert project.images()[0].path == tmp_path / "one.jpg"


def test_damage_done_by_hand_is_found(postgres: TestServer, tmp_path: Path) -> None:
    url = postgres.database()
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        assert project.verify() == []
        postgres.execute("UPDATE label SET version = 7", url)
        assert "not what its history says" in project.verify()[0]
        postgres.execute("UPDATE label SET version = 1, data = '\\x00'", url)
        assert any("the label of face" in problem for problem in project.verify())
