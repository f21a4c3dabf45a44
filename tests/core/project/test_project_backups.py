"""Backups: whole, readable names, made before what is large and at intervals, thinned with age."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.project import Project, backups
from core.project.backups import Backup, backup_folder, list_backups, make, to_thin
from core.project.sqlite import connect
from tests.core.project.project_samples import ANNA, dataset, edits, files, label, set_to, with_face

NOW = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)


def sample(folder: Path) -> tuple[Project, object, object]:
    folder.mkdir(exist_ok=True)
    project = Project.create(folder / "p")
    face, mine = with_face(project, folder)
    project.apply(set_to(project, face, mine, label(1)), ANNA)
    return project, face, mine


def test_a_backup_is_the_project_at_that_moment(tmp_path: Path) -> None:
    project, face, mine = sample(tmp_path)
    with project:
        made = project.backups.make()
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert made.reason == "by-hand"
        assert made.path.parent == tmp_path / "p.starmark-backups"
        assert made.name == f"{made.at:%Y-%m-%dT%H-%M-%S}Z_by-hand.starmark"
        assert abs(made.at - datetime.now(UTC)) < timedelta(minutes=1)
        assert made.size == made.path.stat().st_size
        assert project.backups.list() == [made] == list_backups(project.path)
    with Project.open(made.path) as copy:
        assert copy.read_only and "backup" in copy.notes[0]
        assert copy.label(face, mine.id) == (label(1), 1)
        assert copy.verify() == []
        assert copy.images()[0].path == tmp_path / "one.jpg"
    assert files(made.path.parent) == [made.name]


def test_two_of_one_second_have_two_names_and_stay_in_order(tmp_path: Path) -> None:
    project, *_ = sample(tmp_path)
    with project:
        made = [make(project.path, reason, now=NOW) for reason in ("interval", "by-hand", "interval")]
        assert project.backups.list() == made[::-1]
        assert len({backup.name for backup in made}) == 3


def test_other_files_in_the_folder_are_no_backups_and_stay(tmp_path: Path) -> None:
    project, *_ = sample(tmp_path)
    with project:
        assert project.backups.list() == []
        folder = backup_folder(project.path)
        folder.mkdir()
        names = ["mine.starmark", "2026-99-01T00-00-00Z_interval.starmark", "notes.txt"]
        for name in names:
            (folder / name).touch()
        young, old = folder / ".young.tmp", folder / ".old.tmp"
        for path in (young, old):
            path.touch()
        os.utime(old, (0, 0))
        made = project.backups.make()
        assert project.backups.list() == [made]
    assert sorted(files(folder)) == sorted([*names, made.name, young.name])


def test_before_an_import_unless_there_is_nothing_yet(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(dataset(tmp_path, 3), "300w", author=ANNA)
        assert project.backups.list() == []
        project.import_dataset(dataset(tmp_path, 5, seed=1), "300w", author=ANNA)
        (made,) = project.backups.list()
    assert made.reason == "before-import"
    with Project.open(made.path) as copy:
        assert copy.image_count() == 3


def test_before_a_bulk_edit_and_no_other(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(dataset(tmp_path, 20), "300w", author=ANNA)
        mine = project.ensure_label_set(ANNA, "annotator")
        faces = [face.id for image in project.images() for face in project.faces(image.id)]
        steps = [set_to(project, face, mine, label(1)) for face in faces]
        project.apply(edits(*steps[:19]), ANNA)
        assert project.backups.list() == []
        project.undo(ANNA)
        steps = [set_to(project, face, mine, label(2)) for face in faces]
        project.apply(edits(*steps), ANNA)
        (made,) = project.backups.list()
    assert made.reason == "before-bulk-edit"
    with Project.open(made.path) as copy:
        assert all(copy.label(face, mine.id) is None for face in faces)


def test_at_intervals_only_after_a_change(tmp_path: Path) -> None:
    project, face, mine = sample(tmp_path)
    with project:
        first = project.backups.if_due()
        assert first is not None and first.reason == "interval"
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert project.backups.if_due() is None  # too early
        later = datetime.now(UTC) + timedelta(minutes=11)
        second = project.backups.if_due(now=later)
        assert second is not None
        project.set_setting("view", 1)
        assert project.backups.if_due(now=later + timedelta(minutes=11)) is None  # nothing worth it
    with Project.open(project.path) as again:
        assert again.backups.if_due(now=later + timedelta(hours=11)) is None
        again.undo(ANNA)
        assert again.backups.if_due(now=later + timedelta(hours=11)) is not None


def test_an_empty_project_is_not_worth_one_and_a_read_only_one_gets_none(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        assert project.backups.if_due() is None
    project, *_ = sample(tmp_path / "two")
    project.close()
    with Project.open(project.path, read_only=True) as reader:
        assert reader.backups.if_due() is None
        assert reader.backups.make().reason == "by-hand"  # asked for by hand it is made all the same


def test_a_backup_that_fails_stops_an_import_but_no_edit(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(dataset(tmp_path, 20), "300w", author=ANNA)
        mine = project.ensure_label_set(ANNA, "annotator")
        backup_folder(project.path).write_text("a file where the folder would be")
        with pytest.raises(ProjectError, match="nothing was done, for no backup could be made first"):
            project.import_dataset(dataset(tmp_path, 25), "300w", author=ANNA)
        assert project.image_count() == 20
        with pytest.raises(ProjectError):
            project.backups.if_due()
        faces = [face.id for image in project.images() for face in project.faces(image.id)]
        project.apply(edits(*[set_to(project, face, mine, label(1)) for face in faces]), ANNA)
        assert project.label(faces[0], mine.id) == (label(1), 1)
        assert project.backups.problem is not None
        project.import_dataset(dataset(tmp_path, 25), "300w", author=ANNA, backup=False)
        assert project.image_count() == 25
        backup_folder(project.path).unlink()
        project.backups.make()
        assert project.backups.problem is None


def test_edits_and_readers_go_on_during_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, face, mine = sample(tmp_path)
    real = backups.copy_database

    def meanwhile(source: Path, target: Path) -> None:
        with closing(connect(source, "ro")) as old:
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM image").fetchone()
            project.apply(set_to(project, face, mine, label(2)), ANNA)  # as between two steps of the copying
            assert project.label(face, mine.id) == (label(2), 2)
        real(source, target)

    monkeypatch.setattr(backups, "copy_database", meanwhile)
    with project:
        project.backups.make()


def test_a_damaged_project_is_not_taken_as_a_backup_and_nothing_is_thinned(tmp_path: Path) -> None:
    project, face, mine = sample(tmp_path)
    with project:
        for seed in range(60):
            project.apply(set_to(project, face, mine, label(seed)), ANNA)
        for _ in range(12):
            make(project.path, "interval", now=NOW - timedelta(minutes=50))
    data = bytearray(project.path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 8192] = os.urandom(8192)
    project.path.write_bytes(data)
    before = list_backups(project.path)
    with pytest.raises(ProjectError, match=r"damaged.*not taken as a backup"):
        make(project.path, "interval", now=NOW + timedelta(days=300))
    assert list_backups(project.path) == before


def test_a_scratch_project_takes_its_backups_along(tmp_path: Path) -> None:
    home, place = tmp_path / "home", tmp_path / "far" / "away" / "named"
    place.mkdir(parents=True)
    with Project.scratch(home) as project:
        face, mine = with_face(project, home)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        made = project.backups.make()
        project.save_as(place / "p")
        (kept,) = project.backups.list()
        assert (kept.name, kept.path.parent) == (made.name, place / "p.starmark-backups")
    assert list(home.iterdir()) == []
    with Project.open(kept.path) as copy:
        assert copy.images()[0].path == home / "one.jpg"


# Thinning


def at(*ages: timedelta, reason: str = "interval", size: int = 10) -> list[Backup]:
    return [Backup(Path(f"{NOW - age}_{reason}"), NOW - age, reason, size) for age in ages]


def kept_ages(found: list[Backup], now: datetime = NOW, most: int = 10**9) -> list[timedelta]:
    gone = to_thin(found, now, most)
    return sorted(now - backup.at for backup in found if backup not in gone)


def test_the_last_hour_keeps_ten() -> None:
    found = at(*(timedelta(minutes=3 * n) for n in range(20)))
    assert kept_ages(found) == [timedelta(minutes=3 * n) for n in range(10)]


def test_a_year_of_every_half_hour() -> None:
    """Run as it happens: one more every half hour, thinned each time."""
    found: list[Backup] = []
    start = NOW - timedelta(days=400)
    for step in range(400 * 24 * 2):
        now = start + timedelta(minutes=30 * step)
        found.append(Backup(Path(str(now)), now, "interval", 10))
        gone = {id(backup) for backup in to_thin(found, now)}
        found = [backup for backup in found if id(backup) not in gone]
    ages = [now - backup.at for backup in found]
    count = lambda low, high: sum(timedelta(days=low) < age <= timedelta(days=high) for age in ages)  # noqa: E731
    hour = 1 / 24
    assert count(-1, hour) == 3
    assert 22 <= count(hour, 1) <= 24
    assert 6 <= count(1, 7) <= 7
    assert 3 <= count(7, 31) <= 5
    assert 11 <= count(31, 400) <= 13
    assert to_thin(found, now) == []
    gaps = sorted((one - other for one, other in pairwise(ages)), reverse=True)
    assert gaps[0] < timedelta(days=63)


def test_the_newest_from_before_a_migration_and_the_newest_damaged_one_stay() -> None:
    recent = at(*(timedelta(minutes=n) for n in range(30)))
    special = [
        backup
        for reason in ("before-migration", "damaged")
        for backup in at(timedelta(days=100, hours=2), timedelta(days=100, hours=3), reason=reason)
    ]
    later = at(timedelta(days=100))
    gone = to_thin([*recent, *special, *later], NOW)
    assert special[0] not in gone and special[2] not in gone
    assert special[1] in gone and special[3] in gone
    assert special[0] not in to_thin([*recent, *special, *later], NOW, 1)


def test_a_bound_on_the_size_takes_the_oldest_but_leaves_three() -> None:
    found = at(*(timedelta(days=40 * n) for n in range(8)))
    assert kept_ages(found, most=50) == [timedelta(days=40 * n) for n in range(5)]
    assert kept_ages(found, most=1) == [timedelta(days=40 * n) for n in range(3)]


def test_a_clock_that_was_wrong_loses_nothing() -> None:
    found = at(timedelta(days=-400), timedelta(days=-300), timedelta(0), timedelta(minutes=5))
    assert to_thin(found, NOW) == []


def test_thinning_happens_on_disk(tmp_path: Path) -> None:
    project, *_ = sample(tmp_path)
    with project:
        for minutes in range(0, 60 * 26, 20):
            make(project.path, "interval", now=NOW + timedelta(minutes=minutes))
    names = files(backup_folder(project.path))
    assert 24 <= len(names) <= 29
    with closing(sqlite3.connect(backup_folder(project.path) / min(names))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
