"""Full, read-only and limited disks: one clear error, the last acknowledged state, and work goes on with room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from core.errors import FileError, ProjectError, ProjectReadOnlyError
from core.formats import EXPORTERS, export_dataset
from core.formats.base import LabelledFace
from core.project import Edits, Project, sqlite
from core.scheme import get_scheme
from tests.core.project.project_samples import ANNA, dataset, files, label, set_to
from tests.core.project.small_disk import SmallDisk, mounted

ROOT = Path(__file__).resolve().parents[3]
FULL = "the disk is full.*Free some space"
LEFT = (0, 60_000)
"""Bytes free when operations begin: none at all, or enough for some."""

EXPORTED = [name for name in ("300w", "coco", "csv", "ljson", "star-tsv") if name in EXPORTERS]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture(params=[False, True], ids=["log", "journal"])
def share(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With a write-ahead log, and without."""
    monkeypatch.setattr(sqlite, "is_network", lambda _: request.param)
    return bool(request.param)


def new_project(disk: SmallDisk) -> Project:
    """Twenty faces with imported labels, and Anna's label set without any."""
    for path in disk.folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    project = Project.create(disk.folder / "p")
    project.import_dataset(dataset(disk.folder, 20), "300w", author=ANNA)
    project.ensure_label_set(ANNA, "annotator")
    return project


def faces(project: Project) -> list[UUID]:
    return [face.id for image in project.images(0, 100) for face in project.faces(image.id)]


def one_edit(project: Project, number: int) -> None:
    mine = project.ensure_label_set(ANNA, "annotator")
    project.apply(set_to(project, faces(project)[number % 5], mine, label(number)), ANNA)


def bulk_edit(project: Project, number: int) -> None:
    mine = project.ensure_label_set(ANNA, "annotator")
    every = tuple(set_to(project, face, mine, label(number)) for face in faces(project)[:20])
    project.apply(Edits(every, "bulk"), ANNA)


def an_import(project: Project, number: int) -> None:
    folder = project.path.parent / f"import{number}"
    project.import_dataset(dataset(folder, 30, seed=number), "bulk", author=ANNA)


def save_as(project: Project, number: int) -> None:
    project.save_as(project.path.parent / f"copy{number}")


def state(project: Project) -> list[object]:
    every = faces(project)
    return [[project.history(face) for face in every], [project.labels(face) for face in every]]


@pytest.mark.parametrize("operation", [one_edit, bulk_edit, an_import, save_as])
def test_a_disk_that_fills_up(disk: SmallDisk, share: bool, operation: Callable[[Project, int], None]) -> None:
    for left in LEFT:
        project = new_project(disk)
        disk.leave(left)
        kept, number = state(project), 0
        with pytest.raises(ProjectError, match=FULL):
            for number in range(1, 200):
                operation(project, number)
                kept = state(project)
        assert state(project) == kept  # and reading goes on
        with pytest.raises(ProjectError, match=FULL):
            operation(project, number)
        disk.free()
        assert state(project) == kept
        operation(project, number)  # without a restart
        after, path = state(project), project.path
        project.close()
        with Project.open(path) as again:
            assert again.verify() == []
            assert state(again) == after
        left_behind = [name for name in files(disk.folder) if not name.endswith(".starmark")]
        assert left_behind == []


def test_a_full_disk_when_a_project_is_made_opened_and_closed(disk: SmallDisk, share: bool) -> None:
    project = new_project(disk)
    one_edit(project, 1)
    kept = state(project)
    disk.leave(0)
    project.close()
    for read_only in (False, True):
        with Project.open(project.path, read_only=read_only) as again:
            assert state(again) == kept
    with pytest.raises(ProjectError, match=FULL):
        Project.create(disk.folder / "new")
    assert [name for name in files(disk.folder) if "new" in name] == []


@pytest.mark.parametrize("left", [0, 60_000, 140_000])
def test_a_full_disk_when_a_project_is_brought_up_to_date(disk: SmallDisk, left: int) -> None:
    from tests.core.project.test_project_migrate import first_project

    path = disk.folder / "old.starmark"
    face, mine = first_project(path)
    before = path.read_bytes()
    disk.leave(left)
    with pytest.raises(ProjectError, match=FULL):
        Project.open(path)
    assert path.read_bytes() == before
    for name in set(files(disk.folder)) - {"old.starmark"}:
        (disk.folder / name).unlink()  # the filler, and a backup of this second
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(2), 4) and project.verify() == []


def test_a_full_disk_after_a_kill(disk: SmallDisk, tmp_path: Path) -> None:
    """What was acknowledged is in the journal, and stays there until there is room for its index."""
    project = new_project(disk)
    one_edit(project, 1)
    kept = state(project)
    killed = {path.name: path.read_bytes() for path in disk.folder.iterdir() if path.name.startswith("p.starmark")}
    project.close()
    for name in ("p.starmark", "p.starmark-wal"):
        (disk.folder / name).write_bytes(killed[name])
    disk.leave(0)
    for read_only in (True, False):
        with pytest.raises(ProjectError, match=FULL):
            Project.open(disk.folder / "p.starmark", read_only=read_only)
    disk.leave(40_000)
    with Project.open(disk.folder / "p.starmark") as again:
        assert state(again) == kept
        disk.free()
        one_edit(again, 2)
        assert again.verify() == []


@pytest.mark.parametrize("format", EXPORTED)
def test_a_full_disk_on_export(disk: SmallDisk, tmp_path: Path, format: str) -> None:
    found = [
        LabelledFace(tmp_path / f"{i:03d}.jpg", face.label, None, None, (), "", None)
        for i, face in enumerate(dataset(tmp_path, 60))
    ]
    disk.leave(30_000)
    before = files(disk.folder)
    with pytest.raises(FileError, match=r"No space left|full"):
        export_dataset(found, get_scheme("300w-68"), disk.folder / "out", format)
    assert files(disk.folder) == before
    assert not (disk.folder / "out").exists()


def test_a_read_only_disk(disk: SmallDisk) -> None:
    project = new_project(disk)
    kept, path = state(project), project.path
    project.close()
    before = path.read_bytes()
    disk.remount("ro")
    with Project.open(path) as project:
        assert project.read_only and "reading only" in project.notes[0]
        assert state(project) == kept
        with pytest.raises(ProjectReadOnlyError, match="Save it under another name"):
            project.undo(ANNA)
    with pytest.raises(ProjectError, match=r"read-only|cannot be written"):
        Project.create(disk.folder / "new")
    assert path.read_bytes() == before and files(disk.folder) == ["p.starmark"]


LIMITED = """
import resource, sys
from pathlib import Path
from core.errors import StarmarkError
from core.project import Project
from tests.core.project.project_samples import ANNA, dataset
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
with Project.open(sys.argv[1]) as project:
    for number in range(100):
        try:
            project.import_dataset(dataset(Path(f"{number}"), 10, seed=number), "bulk", author=ANNA)
        except StarmarkError as error:
            print(number, error)
            break
"""


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """A quota, or a file system with small files."""
    with Project.create(tmp_path / "p") as project:
        pass
    command = [sys.executable, "-c", LIMITED, str(project.path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    count, message = done.stdout.strip().split(" ", 1)
    assert int(count) > 0 and "p.starmark: the disk" in message and "\n" not in message
    with Project.open(project.path) as again:
        assert again.verify() == [] and again.face_count() == 10 * int(count)
