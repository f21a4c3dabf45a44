"""A start without a terminal: progress and failures come in a window, whichever kind is there.

The windows are played by scripts in the place of zenity and of a terminal: what they are sent and what follows from
their end is the same. tests/e2e has a real one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.setup import viewers
from app.setup.desktop import explain_end
from app.setup.pip import Progress
from tests.app.test_setup_install import NAME, Project
from tests.screen import needs_xvfb, screen

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="plays the programs of Linux desktops")

ENTRY = f"""
import os, signal, sys

def main(argv):
    import {NAME}
    print("running", argv, flush=True)
    {{}}
    return 0
"""

ZENITY = """#!/bin/sh
case "$1" in
--progress) {progress};;
*) echo "$@" > "$LOGS/failure-words"; cat > "$LOGS/failure.part"; mv "$LOGS/failure.part" "$LOGS/failure";;
esac
"""
LISTENS = 'trap "exit 0" TERM; cat > "$LOGS/progress"'
STOPPED_BY_THE_USER = "read line; exit 1"


@dataclass
class Desktop:
    """A checkout with a tiny package, and a desktop that has only zenity."""

    project: Project
    tools: Path
    logs: Path
    home: Path

    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "QT_QPA_PLATFORM")}
        # A display that only says that there is one: tkinter, which needs X11, then gives up, and zenity is next.
        more = {"WAYLAND_DISPLAY": "wayland-test", "LOGS": str(self.logs), "STARMARK_HOME": str(self.home)}
        return kept | more | {"PATH": f"{self.tools}:{os.environ['PATH']}"}

    def zenity(self, progress: str = LISTENS) -> None:
        tool = self.tools / "zenity"
        tool.write_text(ZENITY.replace("{progress}", progress))
        tool.chmod(0o755)

    def program(self, does: str = "pass") -> None:
        (self.project.root / "app" / "entry.py").write_text(ENTRY.replace("{}", does))

    def popen(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.project.root / "main.py"), "--from-launcher", *words]
        return subprocess.Popen(command, env=self.environ(), text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, *words: str) -> int:
        process = self.popen(*words)
        out, err = process.communicate(timeout=60)
        assert (out, err) == ("", ""), "everything goes to the log"
        return process.returncode

    @property
    def log(self) -> str:
        return (self.home / "logs" / "starmark-start.log").read_text(encoding="utf-8")

    @property
    def failure(self) -> str | None:
        shown = self.logs / "failure"
        return shown.read_text(encoding="utf-8") if shown.exists() else None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is set up already."""
    project = Project(tmp_path_factory.mktemp("icon") / "Ordner ä")
    shutil.copy(Path(viewers.__file__).parents[2] / "main.py", project.root)
    code, _out, err = project.run("doctor")
    assert code == 7, err
    return project


@pytest.fixture
def desktop(finished: Project, tmp_path: Path) -> Desktop:
    root = tmp_path / "Kopie ä"
    shutil.copytree(finished.root, root, symlinks=True)
    project = Project.__new__(Project)
    project.root, project.venv = root, root / ".venv"
    project.stamp = project.venv / "starmark-stamp"
    made = Desktop(project, tmp_path / "tools", tmp_path / "logs", tmp_path / "home")
    for folder in (made.tools, made.logs):
        folder.mkdir()
    made.zenity()
    made.program()
    return made


def test_the_first_start_shows_its_progress_and_then_the_program(desktop: Desktop) -> None:
    desktop.project.stamp.unlink()
    (desktop.project.venv / "starmark-building").touch()
    assert desktop.run(str(desktop.project.root)) == 0
    shown = (desktop.logs / "progress").read_text(encoding="utf-8")
    assert "setting itself up" in shown and "Creating the environment" in shown and "1/1 packages" in shown
    assert all(line.startswith("# ") or line.isdigit() for line in shown.splitlines()), "zenity's own language"
    assert f"running ['--from-launcher', '{desktop.project.root}']" in desktop.log
    assert "setting itself up" in desktop.log
    assert desktop.failure is None


def test_later_starts_show_nothing_but_the_program(desktop: Desktop) -> None:
    assert desktop.run() == 0
    assert "running" in desktop.log
    assert list(desktop.logs.iterdir()) == []


def test_a_failed_set_up_is_shown_until_it_was_read(desktop: Desktop) -> None:
    desktop.project.lock("3.0")
    assert desktop.run() == 2
    assert desktop.failure is not None
    assert desktop.failure.startswith(f"There is no build of {NAME}==3.0")
    assert str(desktop.home / "logs" / "starmark-start.log") in desktop.failure
    assert f"starmark: there is no build of {NAME}==3.0" in desktop.log
    assert "could not start" in (desktop.logs / "failure-words").read_text()


def test_closing_the_window_stops_the_set_up_and_the_next_start_goes_on(desktop: Desktop) -> None:
    desktop.project.stamp.unlink()
    (desktop.project.venv / "starmark-building").touch()
    desktop.zenity(STOPPED_BY_THE_USER)
    assert desktop.run() == 130
    assert desktop.failure is None, "who stopped it knows"
    assert "stopped" in desktop.log and "running" not in desktop.log
    assert not desktop.project.stamp.exists()
    desktop.zenity()
    assert desktop.run() == 0
    assert "running" in desktop.log


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [
        ("print('starmark: no such thing. Do that', file=sys.stderr); return 2", 2, "No such thing. Do that"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 139, "signal 11"),
        ("print('qt.qpa: no plugin', file=sys.stderr, flush=True); os.abort()", 134, "qt.qpa: no plugin"),
        ("raise RuntimeError('deep inside')", 1, "RuntimeError: deep inside"),
    ],
)
def test_whatever_ends_the_program_is_shown(desktop: Desktop, does: str, code: int, said: str) -> None:
    desktop.program(does)
    assert desktop.run() == code
    assert desktop.failure is not None and said in desktop.failure


def test_who_ends_the_program_on_purpose_is_not_told(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.program("signal.pause()")
    guardian = desktop.popen()
    qtbot.waitUntil(lambda: (desktop.home / "logs").exists() and "running" in desktop.log, timeout=30_000)
    guardian.send_signal(signal.SIGTERM)  # as at the end of a session; reaches the program
    guardian.communicate(timeout=30)
    assert guardian.returncode == 128 + signal.SIGTERM
    assert desktop.failure is None


def test_a_set_up_without_any_window_works_all_the_same(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop.project.stamp.unlink()
    shutil.rmtree(desktop.tools)
    desktop.tools.mkdir()
    monkeypatch.setenv("PATH", str(desktop.tools))
    assert desktop.run() == 0
    assert "running" in desktop.log


def play_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> Path:
    """A terminal that does not belong to us, as GNOME's; its screen is a file."""
    tool, shown = folder / "x-terminal-emulator", folder / "shown"
    tool.write_text(f'#!/bin/sh\nshift\n"$@" < /dev/null > "{shown}" 2>&1 {ending}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return shown


def test_a_terminal_shows_it_where_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    shown = play_terminal(tmp_path, monkeypatch, "&")
    viewer = viewers.open_terminal()
    assert viewer is not None
    viewer.send({"line": "Creating the environment"})
    viewer.send({"status": "3/4 packages", "fraction": 0.75})
    viewer.send({"fail": "The disk is full. " + "Make room. " * 12, "title": "Starmark could not start", "log": "/x/y"})
    viewer.wait()  # its input has ended, so nobody can press Enter
    viewer.end()
    qtbot.waitUntil(lambda: "Press Enter" in shown.read_text())
    for words in ("Creating the environment", "3/4 packages", "could not start", "The disk is full.", "is in /x/y"):
        assert words in shown.read_text()
    assert max(map(len, shown.read_text().splitlines()[-8:])) < 85, "broken between words"


def test_a_terminal_that_fails_is_given_up_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "xterm"
    tool.write_text("#!/bin/false\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert viewers.open_terminal() is None


@needs_xvfb
@pytest.mark.parametrize("kind", [viewers.open_tk, viewers.open_zenity], ids=["tkinter", "zenity"])
def test_a_real_window_appears_and_goes(
    kind: Callable[[], viewers.Viewer | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    with screen(tmp_path) as shown:
        for name, value in shown.environ().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert viewers.has_screen()
        viewer = kind()
        if viewer is None:
            pytest.skip("not installed here")
        viewer.send({"line": "One & <two> \\ three"})
        viewer.send({"status": "3/4 packages", "fraction": 0.75})
        viewer.send({"status": "unpacking", "fraction": None})
        qtbot.waitUntil(lambda: shown.covered() > 0.02, timeout=30_000)
        viewer.end()
        qtbot.waitUntil(lambda: shown.covered() == 0, timeout=30_000)
        viewer.wait()


def test_no_screen_means_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not viewers.has_screen()  # whatever QT_QPA_PLATFORM says
    assert viewers.open_progress() is None
    assert not viewers.show_failure("title", "text", "log")


def test_the_words_for_an_end() -> None:
    assert explain_end(2, "noise\nstarmark: a. b\n")[1] == "A. b"
    title, text = explain_end(-11, "starmark: something earlier\nlast line\n")
    assert title == "Starmark has ended" and "signal 11" in text and "last line" in text
    assert "exit code 7" in explain_end(7, "")[1]


def test_the_part_that_is_done() -> None:
    progress = Progress(4)
    assert progress.fraction() == 0
    progress.feed("Collecting a==1")
    assert progress.fraction() == 0.25
    for _ in range(9):
        progress.feed("Collecting a==1")
    assert progress.fraction() == 1
    progress.feed("Installing collected packages: a")
    assert progress.fraction() is None
