"""The real program, killed at the worst moment: what the window called saved is there afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.app.faces import face_points, write_dataset

DRIVER = Path(__file__).with_name("driver.py")
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def program(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The program under its driver; gone when the block ends."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", str(DRIVER), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def milestone(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line the driver prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, errors = process.communicate(timeout=60)
        pytest.fail(f"the program ended with {process.returncode}:\n{errors[-4000:]}")
    return dict(json.loads(line))


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a clean end; what was said on stderr."""
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors[-4000:]
    return errors


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_saved_drag_survives_kill_9_and_is_undone_after_reopening(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set with ümlaut", 2)
    with program("drag", str(folder)) as process:
        said = milestone(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        assert process.returncode == -signal.SIGKILL
    assert said["saved"].startswith("All changes saved ")
    assert said["before"] == pytest.approx(list(face_points()[30]))
    moved = [after - before for after, before in zip(said["after"], said["before"], strict=True)]
    assert moved[0] > 1 and moved[1] < -1

    with program("reopen") as process:
        found = milestone(process)
        assert found["name"] == said["name"] == "a_0.png"
        assert found["found"] == said["after"]
        assert milestone(process)["now"] == pytest.approx(said["before"])  # undone
        assert milestone(process)["now"] == said["after"]  # and done again
        errors = finish(process)
    assert "Traceback" not in errors
    assert "QThread" not in errors
    scratch = Path(os.environ["STARMARK_HOME"]) / "scratch"
    assert not list(scratch.glob("*-wal")), "a closed project is one file again"


def test_the_window_paints_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    with program("start") as process:
        loaded = milestone(process)["loaded"]
        assert loaded == []
        assert milestone(process)["open"].endswith(".starmark")
        assert "Traceback" not in finish(process)
