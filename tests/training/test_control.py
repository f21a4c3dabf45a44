"""Wishes to a running training: lines on its standard input, and their end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import ROOT
from training.control import Command, Control, parse_command, watch_stdin


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("stop", Command("stop")),
        (" pause \r", Command("pause")),
        ("resume", Command("resume")),
        ("threads 3", Command("threads", number=3)),
        ("threads 0", Command("unknown", text="threads 0")),
        ("threads ٣", Command("unknown", text="threads ٣")),
        ("stop now", Command("unknown", text="stop now")),
    ],
)
def test_lines_are_commands(line: str, command: Command) -> None:
    assert parse_command(line) == command


def test_lines_arrive_whole_and_the_end_is_a_stop() -> None:
    control = Control()
    reading, writing = os.pipe()
    thread = watch_stdin(control, reading)
    for piece in (b"pau", b"se\nthreads", b" 2\n\nst"):
        os.write(writing, piece)
    os.close(writing)
    thread.join(10)
    os.close(reading)
    assert not thread.is_alive()
    taken = [control.take(wait=True) for _ in range(3)]
    assert taken[:2] == [Command("pause"), Command("threads", number=2)]
    assert taken[2] is not None and taken[2].kind == "stop" and "has ended" in taken[2].text
    assert control.take() is None


def test_a_training_obeys_and_dies_with_its_parent(drawn_faces: Path, tiny_config: Path, tmp_path: Path) -> None:
    """The real command: it pauses with its state kept, changes threads, goes on, and ends when its input ends."""
    command = [sys.executable, str(ROOT / "main.py"), "train", "--dataset", str(drawn_faces), "--format", "300w"]
    command += ["--config", str(tiny_config), "--epochs", "2000", "-o", str(tmp_path / "run"), "--device", "cpu"]
    seen: list[dict[str, object]] = []
    process = subprocess.Popen(
        [*command, "--json", "--watch-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    replies = {"Samples": "pause\n", "Paused": "threads 2\nhurry\nresume\n", "Continued": None}
    with process, process.stdout:
        for line in process.stdout:
            event = json.loads(line)
            seen.append(event)
            if event["event"] not in replies:
                continue
            reply = replies.pop(event["event"])
            if reply is None:
                process.stdin.close()
            else:
                process.stdin.write(reply)
                process.stdin.flush()
    assert process.returncode == 0
    kinds = [event["event"] for event in seen]
    asked = kinds.index("Paused")
    assert kinds[asked : asked + 4] == ["Paused", "ThreadsChanged", "Warned", "Continued"]
    assert (tmp_path / "run" / "last.pt").is_file()
    assert seen[-1]["event"] == "Ended" and seen[-1]["outcome"] == "stopped"
    assert "the program that started it has ended" in str(seen[-1]["message"])
    timing = next(event for event in seen if event["event"] == "Timing")
    assert timing["left_seconds"] > timing["epoch_seconds"] > timing["step_seconds"] > 0
    sample = next(event for event in seen if event["event"] == "Samples")
    check_samples(tmp_path / "run", sample)


def check_samples(run: Path, event: dict[str, object]) -> None:
    """Predictions lie on the crops that are kept, and covariances are such."""
    import numpy as np

    faces, epoch = np.load(run / str(event["faces"])), np.load(run / str(event["file"]))
    count = len(faces["name"])
    assert 0 < count <= 8 and faces["image"].shape == (count, 64, 64, 3)
    assert epoch["mean"].shape == faces["points"].shape == (count, 68, 2)
    assert (np.linalg.eigvalsh(epoch["covariance"]) > -1e-3).all()
    assert ((epoch["mean"] > -1) & (epoch["mean"] < 64)).all()
