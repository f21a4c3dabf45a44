"""Restoring: the backup is checked first, the present file kept, and a damaged project says what to go back to."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import ProjectError, ProjectLockedError, UsageError
from core.project import Project, backups
from core.project.backups import backup_folder, list_backups
from core.project.restoring import find_backup, newest_good, problems_of, restore
from tests.core.project.project_samples import ANNA, files, label, set_to, with_face
from tests.core.project.test_project_migrate import first_project

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, object, object, Path]:
    """A project with 40 edits after a backup of its first: path, face, label set, backup."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "one.jpg").write_bytes(b"picture")
    with Project.create(folder / "p") as project:
        face, mine = with_face(project, folder)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        made = project.backups.make()
        for seed in range(2, 42):
            project.apply(set_to(project, face, mine, label(seed)), ANNA)
    return project.path, face, mine.id, made.path


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "header":
        data[:50] = os.urandom(50)
    elif how == "schema":
        data[100:4096] = os.urandom(3996)
    elif how == "empty":
        data = bytearray()
    elif how == "cut":
        data = data[: len(data) * 2 // 3]
    elif how == "middle":
        middle = len(data) // 2 // 4096 * 4096
        data[middle : middle + 8192] = os.urandom(8192)
    path.write_bytes(data)


def test_going_back_and_forth(saved) -> None:
    path, face, mine, backup = saved
    first = restore(path, backup)
    assert (first.project, first.source, first.damaged) == (path, backup, False)
    assert first.at == next(known.at for known in list_backups(path) if known.path == backup)
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)
        assert project.verify() == []
        assert project.undo(ANNA) is not None
    assert [known.reason for known in list_backups(path)] == ["before-restore", "by-hand"]
    restore(path, first.kept)
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(41), 41)
        assert project.verify() == []
    assert files(path.parent) == ["one.jpg", "p.starmark"]


@pytest.mark.parametrize("how", ["header", "schema", "empty", "cut"])
def test_a_damaged_project_names_the_newest_good_backup(saved, how: str) -> None:
    path, face, mine, backup = saved
    damage(path, how)
    bytes_before = path.read_bytes()
    worse = backup_folder(path) / "2099-01-01T00-00-00Z_interval.starmark"
    shutil.copyfile(path, worse)
    for read_only in (False, True):
        with pytest.raises(ProjectError) as caught:
            Project.open(path, read_only=read_only)
        assert f'project restore -p "{path}" {backup.name}' in caught.value.remedy
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == bytes_before
    done = restore(path, find_backup(path, None))
    assert done.damaged and done.source == backup
    assert done.kept.read_bytes() == bytes_before
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)


def test_a_project_that_is_gone_names_its_backup(saved) -> None:
    path, face, mine, backup = saved
    path.unlink()
    with pytest.raises(ProjectError, match=f"no such project.*{backup.name}"):
        Project.open(path)
    assert restore(path, backup).kept is None
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)


def test_a_damaged_file_is_kept_with_its_journal(saved) -> None:
    path, *_, backup = saved
    with Project.open(path) as project:
        project.set_setting("something", 1)
        data, journal = path.read_bytes(), (path.parent / "p.starmark-wal").read_bytes()
    path.write_bytes(data)
    damage(path, "header")
    data = path.read_bytes()
    (path.parent / "p.starmark-wal").write_bytes(journal)
    done = restore(path, backup)
    assert "Z_damaged" in done.kept.name
    assert done.kept.read_bytes() == data
    assert done.kept.with_name(done.kept.name + "-wal").read_bytes() == journal
    assert files(path.parent) == ["one.jpg", "p.starmark"]
    assert {known.reason: known.size for known in list_backups(path)}["damaged"] == len(data) + len(journal)


def test_what_a_killed_program_left_in_the_journal_is_kept(saved) -> None:
    path, face, mine, backup = saved
    with Project.open(path) as project:
        project.apply(set_to(project, face, project.label_sets()[0], label(99)), ANNA)
        data, journal = path.read_bytes(), (path.parent / "p.starmark-wal").read_bytes()
    path.write_bytes(data)
    (path.parent / "p.starmark-wal").write_bytes(journal)
    done = restore(path, backup)
    with Project.open(done.kept) as kept:
        assert kept.label(face, mine) == (label(99), 42)


@pytest.mark.parametrize("how", ["header", "empty", "cut", "middle"])
def test_a_damaged_backup_is_refused(saved, how: str) -> None:
    path, *_, backup = saved
    with Project.open(path) as project:
        big = project.backups.make().path
    before = path.read_bytes()
    damage(big, how)
    with pytest.raises(ProjectError):
        restore(path, big)
    assert path.read_bytes() == before
    assert files(path.parent) == ["one.jpg", "p.starmark"]
    assert newest_good(path).path == backup


def test_a_backup_of_a_newer_program_or_of_another_one_is_refused(saved, tmp_path: Path) -> None:
    path, *_, backup = saved
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ProjectError, match="newer Starmark"):
        restore(path, backup)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    for wrong in (tmp_path / "other.db", tmp_path, ROOT / "README.md"):
        with pytest.raises(ProjectError):
            restore(path, wrong)
    with pytest.raises(UsageError, match="no such backup"):
        find_backup(path, "nowhere.starmark")
    with pytest.raises(UsageError, match="itself"):
        restore(path, path)
    with Project.open(path) as project:
        assert project.verify() == []


def test_the_backup_that_is_restored_is_not_thinned_before_it_is_read(saved) -> None:
    path, face, mine, backup = saved
    for _ in range(backups.ALWAYS_KEPT):
        backups.make(path, "interval")
    for kept in list_backups(path)[-2::-1]:
        kept.path.rename(kept.path.with_name(kept.name.replace("2", "3", 1)))
    old = backup.rename(backup.with_name("2001-01-01T00-00-00Z_interval.starmark"))
    shutil.copyfile(old, old.with_name("2001-01-01T00-00-01Z_interval.starmark"))  # the better one of that month
    assert restore(path, old).source == old
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)


def test_a_backup_of_an_older_schema_is_brought_up_to_date_on_opening(saved, tmp_path: Path) -> None:
    path, *_ = saved
    face, mine = first_project(tmp_path / "old.starmark")
    done = restore(path, tmp_path / "old.starmark")
    assert done.at is None
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(2), 4)
        assert project.verify() == []
    assert next(known.reason for known in list_backups(path)) == "before-migration"


def test_an_open_project_is_not_restored(saved) -> None:
    path, *_, backup = saved
    with Project.open(path), pytest.raises(ProjectLockedError):
        restore(path, backup)
    with Project.open(path, read_only=True), pytest.raises(ProjectLockedError, match="Close it"):
        restore(path, backup)
    restore(path, backup)


def test_nothing_is_restored_where_the_present_file_cannot_be_kept(saved) -> None:
    path, face, mine, backup = saved
    away = path.parent.parent / backup.name
    shutil.copyfile(backup, away)
    shutil.rmtree(backup_folder(path))
    backup_folder(path).write_text("a file in the way")
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="nothing was restored"):
        restore(path, away)
    assert path.read_bytes() == before
    assert restore(path, away, keep_present=False).kept is None
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)


def test_image_paths_are_right_after_a_rename_and_after_a_move(saved, tmp_path: Path) -> None:
    path, *_, backup = saved
    renamed = path.with_name("better name.starmark")
    path.rename(renamed)
    restore(renamed, backup)
    with Project.open(renamed) as project:
        assert project.images()[0].path == path.parent / "one.jpg"
    # The project alone: images and backups stay behind.
    alone = tmp_path / "elsewhere" / "deep" / "down" / "q.starmark"
    alone.parent.mkdir(parents=True)
    shutil.move(renamed, alone)
    restore(alone, backup)
    with Project.open(alone) as project:
        assert project.images()[0].path == path.parent / "one.jpg"
    # The whole folder.
    moved = tmp_path / "moved"
    shutil.move(path.parent, moved)
    restore(moved / "p.starmark", find_backup(moved / "p.starmark", backup.name))
    with Project.open(moved / "p.starmark") as project:
        assert project.images()[0].path == moved / "one.jpg"


SPAN = 0.05
"""Seconds that one backup or restore of this size takes, about."""

RESTORE = "import sys; from core.project.restoring import restore; print(flush=True); restore(*sys.argv[1:])"
BACKUP = """
import sys
from core.project import Project
project = Project.open(sys.argv[1])
print(flush=True)
while True:
    project.backups.make()
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("script", [RESTORE, BACKUP], ids=["restore", "backup"])
def test_killed_on_the_way(saved, script: str) -> None:
    """Moments spread over the work, from its start on; `STARMARK_KILLS` of them."""
    path, face, mine, backup = saved
    backup = shutil.copyfile(backup, path.parent.parent / "first.starmark")  # the others may be thinned
    kills = int(os.environ.get("STARMARK_KILLS", "3"))
    for kill in range(kills):
        before = {known.name for known in list_backups(path)}
        command = [sys.executable, "-c", script, str(path), str(backup)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.001 + SPAN * kill / kills)
            process.kill()
            errors = process.stderr.read()
        assert errors == b""
        with Project.open(path) as project:
            assert project.verify() == []
            found = project.label(face, mine)
            assert found in ((label(1), 1), (label(41), 41))
        for known in list_backups(path):
            if known.name not in before:
                assert problems_of(known.path) == []
        assert problems_of(backup) == []
