"""Power cuts: whatever a disk may then hold, the project opens as last acknowledged, or in a later whole state."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.project import Project, sqlite
from tests.core.project.disk_recorder import Event
from tests.core.project.project_samples import files
from tests.core.project.torn_disk import Disk, seen_at
from tests.core.project.torn_writer import NO_SQLITE, STORIES, digest, projects

ROOT = Path(__file__).resolve().parents[3]
STATES = int(os.environ.get("STARMARK_TORN_STATES", "60"))
"""A story; thousands by hand: benchmarks/crash.py."""

SEED = int(os.environ.get("STARMARK_TORN_SEED", "0"))

Recording = tuple[dict[str, int], dict[str, bytes], list[Event]]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds files by /proc/self/fd")


@dataclass(frozen=True)
class Cut:
    """A power cut.

    Attributes:
        files: what the disk holds.
        allowed: by project, the digests it may have: what was acknowledged last, and what would have been next.
        known: digests of all states there ever were.
        names: names of all projects there ever were.
        current: names of which one at least must be there; none before the first acknowledgement.
    """

    number: int
    moment: int
    files: dict[str, bytes]
    allowed: dict[str, set[str]]
    known: set[str]
    names: set[str]
    current: set[str]


def record(folder: Path) -> dict[str, Recording]:
    """What a program did to the disk that worked as the stories tell, by story."""
    command = [sys.executable, "-m", "tests.core.project.torn_writer", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode == NO_SQLITE:
        pytest.skip("Python's SQLite cannot be reached")
    assert done.returncode == 0
    return {story: pickle.loads((folder / f"{story}.recording").read_bytes()) for story in STORIES}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    return record(tmp_path_factory.mktemp("stories"))


def cuts(recording: Recording, seed: int, count: int) -> Iterator[Cut]:
    """`count` states, spread over all moments."""
    known, files, events = recording
    chance = random.Random(seed)
    # Renames are few, and each is a risk of its own.
    weights = [1, *(8 if event[0] in ("unlink", "rename", "link") else 1 for event in events)]
    moments = sorted(chance.choices(range(len(events) + 1), weights, k=count))
    disk = Disk.of(known, files)
    names, digests = ({event[i] for event in events if event[0] == "ack"} for i in (1, 2))
    last: dict[str, str] = {}
    here, at = "", 0
    for number, moment in enumerate(moments):
        for event in events[at:moment]:
            disk.do(event)
            if event[0] == "ack":
                here, last = event[1], last | {event[1]: event[2]}
        at = moment
        coming = [event[1:3] for event in events[moment:] if event[0] == "ack"]
        allowed = {name: {state} for name, state in last.items()}
        for name, state in coming[:1]:
            allowed.setdefault(name, set()).add(state)
        current = {here, *(name for name, _ in coming[:1])} if here else set()
        yield Cut(number, moment, disk.after_power_cut(chance), allowed, digests, names, current)


def check(cut: Cut, folder: Path) -> None:
    """Open every project that is there as a user would; AssertionError or StarmarkError if something is lost."""
    folder.mkdir()
    for name, content in cut.files.items():
        (folder / name).write_bytes(content)
    found = list(projects(folder))
    assert not cut.current or {path.name for path in found} & cut.current, "the project is gone"
    for path in found:
        with Project.open(path) as project:
            assert project.verify() == [], path.name
            if cut.number % 4 == 0:
                project.set_setting("after", cut.number)
        assert digest(path) in cut.allowed.get(path.name, cut.known), f"{path.name}: something acknowledged is lost"
    shown = {name for name in files(folder) if name[0] != "."}  # half made copies have a dot there
    # The lock of a copy that came to nothing stays, and locks nothing.
    left = {name for name in shown if not name.endswith(".starmark")} - {f"{name}-lock" for name in cut.names - shown}
    assert not left, f"left behind: {left}"
    shutil.rmtree(folder)


@pytest.mark.parametrize("story", STORIES)
def test_power_cuts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recordings: dict[str, Recording], story: str
) -> None:
    # Bringing a project up to date takes long.
    for cut in cuts(recordings[story], SEED, STATES // 3 if story == "updated" else STATES):
        # Whatever kept the project before, it may now be opened from a share or not.
        monkeypatch.setattr(sqlite, "is_network", lambda _, share=cut.number % 2: bool(share))
        check(cut, tmp_path / "cut")


@pytest.mark.parametrize("story", ["work", "on_a_share", "long_log"])
def test_disks_that_lie_about_syncing(tmp_path: Path, recordings: dict[str, Recording], story: str) -> None:
    """The project and its journal are as they were at two moments: labels are those of one moment, or it is refused."""
    known, before, events = recordings[story]
    chance = random.Random(SEED)
    labels = {event[3] for event in events if event[0] == "ack"}
    outcomes: Counter[str] = Counter()
    while outcomes.total() < STATES:
        old, new = (seen_at(known, before, events[: chance.randrange(len(events))]) for _ in range(2))
        journals = {name: new[name] for name in ("p.starmark-wal", "p.starmark-journal") if new.get(name)}
        if not journals:
            continue  # a file alone: only `verify` can tell
        folder = tmp_path / "lie"
        folder.mkdir()
        for name, data in journals.items() | {("p.starmark", old["p.starmark"])}:
            (folder / name).write_bytes(data)
        outcomes[lied_to(folder / "p.starmark", labels)] += 1
        shutil.rmtree(folder)
    assert outcomes["opened"] and outcomes["refused"]


def lied_to(path: Path, labels: set[str]) -> str:
    try:
        with Project.open(path) as project:
            assert project.verify() == []
    except ProjectError as error:
        assert "damaged" in str(error) and "backup" in str(error)
        with pytest.raises(ProjectError, match="damaged"):  # and again, though the journal may be gone
            Project.open(path)
        return "refused"
    assert digest(path, labels_only=True) in labels
    return "opened"
