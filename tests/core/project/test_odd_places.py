"""Projects under odd names, at odd times, beside what other programs left."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.project import Project, schema
from core.project.restoring import restore
from tests.core.project.project_samples import ANNA, files, label, set_to, with_face

ODD = ["two words", "50%20off", "what? #1&mode=ro", 'it\'s "q"; DROP', "tab\tline\nend", "ümläut 顔 😀", "a" * 80]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such names")
@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_odd_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with Project.create(folder / name) as project:
        path = project.path
        face, mine = with_face(project, folder)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        killed = [path.read_bytes(), (folder / f"{path.name}-wal").read_bytes()]
    path.write_bytes(killed[0])
    (folder / f"{path.name}-wal").write_bytes(killed[1])
    with Project.open(path) as project:
        assert project.verify() == [] and project.label(face, mine.id) == (label(1), 1)
        backup = project.backups.make().path
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        project.save_as(tmp_path / f"{name[:100]} copy")
        assert project.images()[0].path == folder / "one.jpg"
    restore(path, backup)
    with Project.open(path) as project:
        assert project.verify() == [] and project.label(face, mine.id) == (label(1), 1)
    assert files(folder) == [path.name]


def test_a_clock_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """History is in the order that things happened, and undo goes back the same way."""
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(0), "0"), ANNA)
    monkeypatch.setattr(schema, "_uuid_last", schema._uuid_last)  # other tests are not to go on from the future
    day = 86_400 * 10**9
    now = time.time_ns
    for number, days in enumerate((30, -400, 0), 1):
        monkeypatch.setattr(time, "time_ns", lambda days=days: now() + days * day)
        with Project.open(project.path) as again:
            again.apply(set_to(again, face, mine, label(number), str(number)), ANNA)
            assert again.backups.make().path.exists()
    with Project.open(project.path) as again:
        assert [step.kind for step in again.history(face)] == ["0", "1", "2", "3"]
        assert [again.undo(ANNA).kind for _ in range(3)] == ["3", "2", "1"]
        assert again.label(face, mine.id).label == label(0)
        assert again.verify() == []


@pytest.mark.parametrize("left", [b"", b"{", b'{"pid": 1, "host": "elsewhere"}', b"\xff" * 5000])
def test_a_lock_file_that_a_crash_left(tmp_path: Path, left: bytes) -> None:
    Project.create(tmp_path / "p").close()
    (tmp_path / "p.starmark-lock").write_bytes(left)
    with Project.open(tmp_path / "p.starmark") as project:
        assert not project.read_only
    assert files(tmp_path) == ["p.starmark"]


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be opened there")
def test_a_folder_where_the_lock_should_be(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    (tmp_path / "p.starmark-lock").mkdir()
    with pytest.raises(ProjectError, match=r"p\.starmark"):
        Project.open(tmp_path / "p.starmark")
    with Project.open(tmp_path / "p.starmark", read_only=True) as project:
        assert project.face_count() == 0
