"""The icon as a user has it: installed from a folder with an odd name, started by the desktop's rules, with a photo."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core.errors import ProjectError
from core.project.codec import decode_prediction
from tests.app.exec_key import words_of
from tests.e2e.program import ROOT
from tests.screen import Screen, needs_xvfb, screen

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about Linux desktops")

BUNDLED = sorted((ROOT / "resources" / "models").glob("*.safetensors"))
PATIENCE_MS = 90_000
POINTS = 68


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program in a folder as people name them."""
    root = tmp_path_factory.mktemp("launch") / "Müller's Gesichter (100%) $neu"
    for name in ("app", "core", "training", "resources"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("main.py", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, root)
    return root


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Screen]:
    with screen(tmp_path) as made:
        yield made


def start(entry: Path, photo: Path, environ: dict[str, str]) -> None:
    """Start it as a desktop does when a photo is dropped on it."""
    if shutil.which("gio"):
        subprocess.run(["gio", "launch", str(entry), str(photo)], env=environ, check=True, timeout=60)
    else:
        subprocess.Popen(words_of(entry, [str(photo)]), env=environ, start_new_session=True)


def predicted(home: Path) -> bool:
    """Whether a prediction was kept beside the project that the start opened."""
    for cache in home.glob("scratch/*.starmark-cache"):
        with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as database:
            try:
                rows = database.execute("SELECT data FROM entry").fetchall()
            except sqlite3.Error:  # it is just being made
                continue
        for (data,) in rows:
            try:
                return bool(len(decode_prediction(data)) == POINTS)
            except ProjectError:
                continue  # a detection
    return False


def processes(root: Path) -> list[int]:
    """Everything that was started from that folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(str(root)) in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


@needs_xvfb
@pytest.mark.skipif(not BUNDLED, reason="no model is bundled with this checkout")
def test_a_photo_dropped_on_the_icon_is_predicted(
    checkout: Path, shown: Screen, isolated_home: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    environ = shown.environ() | {"OMP_NUM_THREADS": "1"}
    main = [sys.executable, str(checkout / "main.py")]
    subprocess.run([*main, "--install-launcher"], env=environ, check=True, timeout=60, stdout=subprocess.DEVNULL)
    entry = Path(environ["XDG_DATA_HOME"]) / "applications" / "starmark.desktop"
    photo = tmp_path / "Photo ä 1.png"
    shutil.copy(ROOT / "docs" / "window.png", photo)  # the free photo that it shows has a face
    home = isolated_home / "starmark"
    assert shown.covered() == 0
    start(entry, photo, environ)
    try:
        qtbot.waitUntil(lambda: shown.covered() > 0.5, timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: predicted(home), timeout=PATIENCE_MS)
        assert len(processes(checkout)) == 2, "the program and its guardian"
        start(entry, photo, environ)  # a second one only tells the first
        qtbot.waitUntil(lambda: "open already" in (home / "logs" / "starmark-start.log").read_text("utf-8"))
        qtbot.waitUntil(lambda: len(processes(checkout)) == 2)
    finally:
        for process in processes(checkout):
            os.kill(process, signal.SIGTERM)
        qtbot.waitUntil(lambda: not processes(checkout), timeout=PATIENCE_MS)
    assert "Traceback" not in (home / "logs" / "starmark-start.log").read_text("utf-8")
    assert shown.covered() == 0, "nothing complained about the end"


@needs_xvfb
def test_a_damaged_program_says_so_in_a_window(
    checkout: Path, shown: Screen, isolated_home: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    root = tmp_path / "damaged ü"
    shutil.copytree(checkout, root)
    (root / "app" / "window_main.py").write_text("import there_is_no_such_package\n", encoding="utf-8")
    words = [sys.executable, str(root / "main.py"), "--from-launcher"]
    process = subprocess.Popen(words, env=shown.environ(), stderr=subprocess.DEVNULL)
    log = isolated_home / "starmark" / "logs" / "starmark-start.log"
    try:
        qtbot.waitUntil(lambda: log.exists() and "there_is_no_such_package" in log.read_text("utf-8"), timeout=60_000)
        qtbot.waitUntil(lambda: shown.covered() > 0.05, timeout=60_000)  # tkinter's window or whichever is there
        assert process.poll() is None, "it waits until that was read"
    finally:
        for number in processes(root):  # the guardian and its dialog
            os.kill(number, signal.SIGTERM)
        process.wait(timeout=60)
