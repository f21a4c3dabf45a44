"""Two real starts: the second gives its files to the window of the first and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.faces import write_photo
from tests.e2e.program import ROOT, milestone, program

OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}


def start(*words: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """A start as by a user, without the driver."""
    command = [sys.executable, str(ROOT / "main.py"), *words]
    return subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **OFFSCREEN}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what it said."""
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_a_second_start_hands_its_files_and_project_to_the_first(tmp_path: Path) -> None:
    write_photo(tmp_path / "ä b.png")
    with program("serve") as first:
        assert milestone(first)["open"]
        code, said = ended(start("ä b.png", cwd=tmp_path))
        assert (code, said.count("\n")) == (0, 1) and "open already" in said
        shown = milestone(first)
        assert (shown["names"], shown["minimized"]) == (["ä b.png"], False)
        code, _ = ended(start("-p", "neu.starmark", "ä b.png", cwd=tmp_path))
        assert code == 0
        assert milestone(first) == {"names": [], "project": str(tmp_path / "neu.starmark"), "minimized": False}
        assert milestone(first)["names"] == ["ä b.png"]
        with program("idle", "--new-window") as alone:
            assert milestone(alone)["open"]  # it stays, with a window of its own
            alone.send_signal(signal.SIGTERM)
            assert ended(alone)[0] == 128 + signal.SIGTERM


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX's")
def test_two_starts_at_once_make_one_window_and_a_kill_leaves_no_obstacle() -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        both = [start(), start()]
        try:
            while (codes := [process.poll() for process in both]).count(None) == 2:
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # until one of them has ended
            assert codes.count(0) == 1
            loser, winner = both if codes[0] == 0 else reversed(both)
            assert "open already" in ended(loser)[1]
        finally:
            for process in both:
                if process.poll() is None:
                    process.send_signal(number)
        code, errors = ended(winner)
        assert code == (-number if number == signal.SIGKILL else 128 + number)
        assert "Traceback" not in errors
