"""Power cuts: whatever a disk may then hold, the project opens as last acknowledged, or in a later whole state."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.project import Project, sqlite
from tests.core.project.torn_check import Recording, check, cuts, record
from tests.core.project.torn_disk import seen_at
from tests.core.project.torn_writer import STORIES, digest

ROOT = Path(__file__).resolve().parents[3]
STATES = int(os.environ.get("STARMARK_TORN_STATES", "30"))
"""A story; thousands by hand: benchmarks/crash.py."""

SEED = int(os.environ.get("STARMARK_TORN_SEED", "0"))


BACKUP = "2026-01-01T00-00-00Z_by-hand.starmark"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds files by /proc/self/fd")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    found = record(tmp_path_factory.mktemp("stories"))
    if found is None:
        pytest.skip("Python's SQLite cannot be reached")
    return found


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
        (folder / "p.starmark-backups").mkdir(parents=True)
        (folder / "p.starmark-backups" / BACKUP).write_bytes(before["p.starmark"])
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
        assert "damaged" in str(error) and BACKUP in str(error)
        with pytest.raises(ProjectError, match=f"damaged.*{BACKUP}"):  # and again, though the journal may be gone
            Project.open(path)
        return "refused"
    assert digest(path, labels_only=True) in labels
    return "opened"
