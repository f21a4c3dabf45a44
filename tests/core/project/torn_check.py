"""States that power cuts leave of recorded work, and looking whether anything is lost in them."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.project import Project
from tests.core.project.disk_recorder import Event
from tests.core.project.project_samples import files
from tests.core.project.torn_disk import Disk
from tests.core.project.torn_writer import NO_SQLITE, STORIES, digest, projects

ROOT = Path(__file__).resolve().parents[3]

Recording = tuple[dict[str, int], dict[str, bytes], list[Event]]
"""What was there before, by name: a number and the bytes; then what happened."""


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


def record(folder: Path) -> dict[str, Recording] | None:
    """What programs did to the disk that worked as the stories tell, by story; None where SQLite cannot be reached."""
    command = [sys.executable, "-m", "tests.core.project.torn_writer", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode == NO_SQLITE:
        return None
    assert done.returncode == 0
    return {story: pickle.loads((folder / f"{story}.recording").read_bytes()) for story in STORIES}


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
