"""kill -9 at random moments: what was acknowledged is there, what is there is whole, and undo goes on working."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from core.errors import ProjectLockedError
from core.project import Project
from tests.core.project.kills import Kills
from tests.core.project.project_samples import ANNA, files, label, set_to, with_face

ROOT = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("STARMARK_KILLS", "5"))
SEED = int(os.environ.get("STARMARK_KILL_SEED", "0"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL")


def test_killed_at_random_moments(tmp_path: Path) -> None:
    kills = Kills.prepared(tmp_path, random.Random(SEED))
    for kill in range(KILLS):
        kills.run("mixed", SEED * 1000 + kill + 1)
    assert kills.acknowledged > KILLS


@pytest.mark.parametrize("kind", ["imports", "merges", "backups", "restores"])
def test_killed_at_random_moments_of(tmp_path: Path, kind: str) -> None:
    kills = Kills.prepared(tmp_path, random.Random(SEED))
    for kill in range(max(1, KILLS // 4)):
        kills.run(kind, SEED * 1000 + kill + 1)


HOLD = """
import sys
from core.project import Project
from core.project.backups import list_backups
from core.project.restoring import problems_of
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
