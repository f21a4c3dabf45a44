"""kill -9 at random moments: what was acknowledged is there, what is there is whole, and undo goes on working."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from core.errors import ProjectLockedError
from core.project import Project, Revision
from tests.core.project.project_samples import ANNA, dataset, files, label, set_to, with_face

ROOT = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("STARMARK_KILLS", "8"))
SEED = int(os.environ.get("STARMARK_KILL_SEED", "0"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL")


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_killed_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(dataset(tmp_path, 20), "300w", author=ANNA)
    acknowledged: dict[str, list] = {}
    latest: dict[tuple[str, str], tuple[int, float | str | None]] = {}
    for kill in range(KILLS):
        lines = killed_run(project.path, SEED * 1000 + kill + 1, chance)
        imported = [image for line in lines if len(line) == 2 for image in line[1]]
        edits = [line for line in lines if len(line) == 3]
        fresh = {revision: changes for _, revision, changes in edits if revision is not None}
        acknowledged |= fresh
        for _, _, changes in edits:
            for face, label_set, version, x in changes:
                if version > latest.get((face, label_set), (0, None))[0]:
                    latest[face, label_set] = (version, x)
        # All of them at the end; in between those of this run.
        check(project.path, acknowledged if kill == KILLS - 1 else fresh, latest, undo=kill % 3 == 0)
        check_imported(project.path, imported)
    assert len(acknowledged) > KILLS


def killed_run(path: Path, seed: int, chance: random.Random) -> list[list]:
    """Start the writer, kill it after a random number of acknowledgements and a moment, and give what it said."""
    with start("tests.core.project.crash_writer", path, seed) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'"ready"\n'
        lines = [process.stdout.readline() for _ in range(chance.randint(1, 40))]
        # Up to two transactions' time, so that any moment of one is met.
        until = time.perf_counter() + chance.uniform(0, 0.02)
        while time.perf_counter() < until:
            pass
        process.kill()
        lines += process.stdout.readlines()
    assert all(line.endswith(b"\n") for line in lines[:-1])
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def check(path: Path, acknowledged: dict[str, list], latest: dict, *, undo: bool) -> None:
    with Project.open(path) as project:
        assert project.verify() == []
        faces = {UUID(face) for changes in acknowledged.values() for face, *_ in changes}
        steps = {
            (str(step.id), str(step.face_id), str(step.label_set_id or "")): step
            for face in faces
            for step in project.history(face)
        }
        for revision, changes in acknowledged.items():
            for face, label_set, version, x in changes:
                step = steps[revision, face, label_set]
                assert (step.version, made_by(step)) == (version, x)
        for (face, label_set), (version, x) in latest.items():
            now, made = as_it_is(project, UUID(face), label_set)
            assert now >= version  # a change may be on disk whose acknowledgement was not heard any more
            assert now > version or made == x
        if undo and project.can_undo(ANNA):
            before = {face: project.labels(face) for face in faces}
            undone = project.undo(ANNA)
            assert undone is not None and undone.faces
            assert project.redo(ANNA).faces == undone.faces
            for face in faces:
                assert [one.label for one in project.labels(face)] == [one.label for one in before[face]]
    assert [name for name in files(path.parent) if "starmark" in name] == [path.name]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def made_by(step: Revision) -> float | str | None:
    if step.after_info is not None:
        return step.after_info.note
    return None if step.after is None else step.after.points[0, 0]


def as_it_is(project: Project, face: UUID, label_set: str) -> tuple[int, float | str | None]:
    if not label_set:
        record = project.face(face)
        return record.version, record.note
    found = project.label(face, UUID(label_set))
    x = None if found is None else found.label.points[0, 0]
    return project.label_version(face, UUID(label_set)), x


def check_imported(path: Path, images: list[str]) -> None:
    with Project.open(path, read_only=True) as project:
        for image in images:
            (face,) = project.faces(project.find_image(image).id)
            assert project.current_label(face.id).label_set.name == "bulk"


HOLD = """
import sys
from core.project import Project
from tests.core.project.project_samples import ANNA, label, set_to, with_face
from pathlib import Path
path = Path(sys.argv[1])
project = Project.open(path)
face, mine = with_face(project, path.parent)
for seed in (1, 2, 3):
    project.apply(set_to(project, face, mine, label(seed), f"step {seed}"), ANNA)
print(face, mine.id, flush=True)
sys.stdin.read()
project.close()
"""


def hold(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_another_process_is_named_and_its_death_frees_the_project(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        pass
    with hold(project.path) as process:
        face, label_set = (UUID(text.decode()) for text in process.stdout.readline().split())
        with pytest.raises(ProjectLockedError, match=rf"process {process.pid} on .*Close it there, or .*read-only"):
            Project.open(project.path)
        with Project.open(project.path, read_only=True) as reader:  # sees what the other has written so far
            assert reader.label(face, label_set) == (label(3), 3)
        process.kill()
    assert "p.starmark-wal" in files(tmp_path) and "p.starmark-lock" in files(tmp_path)
    with Project.open(project.path, read_only=True) as reader:
        assert reader.label(face, label_set) == (label(3), 3)
    with Project.open(project.path) as again:
        assert again.label(face, label_set) == (label(3), 3)
        assert [again.undo(ANNA).kind for _ in range(3)] == ["step 3", "step 2", "step 1"]
        assert again.label(face, label_set) is None
    assert files(tmp_path) == ["p.starmark"]


def test_a_process_that_ends_well_leaves_one_file(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        pass
    with hold(project.path) as process:
        process.stdout.readline()
        with Project.open(project.path, read_only=True):
            process.communicate(b"")
            assert process.returncode == 0
    with Project.open(project.path) as again:  # the reader kept the journal alive; the next writer folds it
        assert again.face_count() == 1
    assert files(tmp_path) == ["p.starmark"]


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_a_journal_cut_short_gives_an_earlier_whole_state(tmp_path: Path, cut: float) -> None:
    """As a power cut may leave it on a disk that lies about syncing."""
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        for seed in range(30):
            project.apply(set_to(project, face, mine, label(seed), f"{seed}"), ANNA)
        store, journal = project.path.read_bytes(), (tmp_path / "p.starmark-wal").read_bytes()
    (tmp_path / "q.starmark").write_bytes(store)
    (tmp_path / "q.starmark-wal").write_bytes(journal[: int(len(journal) * cut)])
    with Project.open(tmp_path / "q.starmark") as torn:
        assert torn.verify() == []
        steps = torn.history(face)
        assert len(steps) < 30
        for seed, step in enumerate(steps):
            assert step.after == label(seed)
        if steps:
            assert torn.label(face, mine.id) == (label(len(steps) - 1), len(steps))
