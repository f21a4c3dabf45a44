"""What a run keeps on disk survives damage, and runs no code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from core.errors import TrainingError
from training.config import TrainConfig
from training.events import EpochDone, EventLog, Started, Step, encode, history
from training.run_dir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run with two states."""
    run = RunDir(tmp_path / "run")
    run.prepare(resume=False)
    run.save_config(TrainConfig())
    for epoch in (1, 2):
        run.save_state({"epoch": epoch, "net": {"weight": torch.full((3,), float(epoch))}, "losses": [0.5, 2.0]})
    return run


def test_the_last_state_comes_back(run: RunDir) -> None:
    state = run.load_state(pytest.fail)
    assert state["epoch"] == 2 and state["losses"] == [0.5, 2.0]


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "foreign"])
def test_a_damaged_last_state_falls_back_to_the_one_before(run: RunDir, damage: str) -> None:
    data = run.state_file.read_bytes()
    if damage == "missing":
        run.state_file.unlink()
    elif damage == "cut":
        run.state_file.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        run.state_file.write_bytes(data.replace(b"data.pkl", b"dbta.pkl"))
    else:
        torch.save({"version": 1, "epoch": Path("harmless")}, run.state_file)
    said: list[str] = []
    assert run.load_state(said.append)["epoch"] == 1
    assert len(said) == 1 and "goes on from the one before" in said[0]
    run.previous_file.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(TrainingError, match="damaged"):
        run.load_state()


def test_code_in_a_state_is_not_run(run: RunDir, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    for file in (run.state_file, run.previous_file):
        torch.save({"version": 1, "epoch": Evil()}, file)
    with pytest.raises(TrainingError):
        run.load_state()
    assert not (tmp_path / "ran").exists()


def test_what_a_kill_left_unfinished_is_removed(run: RunDir) -> None:
    (run.path / ".0123456789abcdef.tmp").write_bytes(b"half a state")
    (run.path / ".mine.tmp").write_bytes(b"somebody else's")
    run.prepare(resume=True)
    assert sorted(file.name for file in run.path.glob(".*.tmp")) == [".mine.tmp"]


def test_history_leaves_out_what_was_done_again(tmp_path: Path) -> None:
    def step(epoch: int, number: int, loss: float) -> Step:
        return Step(epoch, number, 2, loss, 0.1, 1e-3, 1.0, 0.1, 0.0)

    done = EpochDone(0, 1.0, 0.1, 0.1, True, 2.0)
    first = [Started(9, 1, 2, 0, "cpu", 5), step(0, 0, 1.0), step(0, 1, 1.0), done, step(1, 0, 1.0), step(1, 1, 1.0)]
    again = [Started(9, 1, 2, 1, "cpu", 5, first_step=1), step(1, 1, 1.0)]
    file = tmp_path / "events.jsonl"
    file.write_text("".join(encode(event) + "\n" for event in first) + encode(step(1, 1, 2.0))[:30])
    log = EventLog(file)
    for event in again:
        log(event)
    log.close()
    assert history(file.read_text().splitlines()) == [*first[:-1], *again]
