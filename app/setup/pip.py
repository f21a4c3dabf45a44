"""Runs pip, turning its output into a few words of progress and its errors into plain ones. Standard library only."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from typing import IO

from app.setup.console import SetupError, clock, say, status

NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For Popen: a child of a program without a console gets none of its own. Windows only; elsewhere it says nothing."""

_QUIET_SECONDS = 15.0
_BIG_BYTES = 10_000_000
_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


class Progress:
    """What pip is at, told from the lines it prints."""

    def __init__(self, packages: int) -> None:
        self.packages = packages
        self.seen = 0
        self.now = "looking up packages"
        self.unpacking = False
        self.errors: list[str] = []

    def feed(self, line: str) -> str | None:
        """Take one line of pip's output; returns a sentence worth a line of its own, if this is one."""
        text = line.strip()
        if match := re.match(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)", text):
            self.seen += 1
            self.now = match[1].rsplit("/", 1)[-1]
        elif match := re.match(r"Downloading (\S+?)-(\d\S*)-\S+\.whl\S* \(([\d.]+) (kB|MB|GB)\)", text):
            self.now = f"{match[1].rsplit('/', 1)[-1]} ({match[3]} {match[4]})"
            if float(match[3]) * _UNITS[match[4]] >= _BIG_BYTES:
                return f"downloading {self.now}"
        elif text.startswith("Installing collected packages"):
            self.unpacking = True
            self.now = "unpacking everything"
            return self.now
        elif text.startswith("ERROR:") or "WARNING: Retrying" in text:
            self.errors.append(text)
        return None

    def fraction(self) -> float | None:
        """Part of the packages that is seen to; None while everything is unpacked, which pip does without a word."""
        return None if self.unpacking else min(1.0, self.seen / max(1, self.packages))

    def status(self, elapsed: float) -> str:
        """One line for a terminal."""
        return f"  {min(self.seen, self.packages)}/{self.packages} packages, {self.now}, {clock(elapsed)}"


def run_pip(command: list[str], packages: int, keep_open: IO[str] | None = None) -> None:
    """Run a pip command to its end. SetupError in plain words if it fails.

    `keep_open` stays open in pip as well: should this process be killed, the set-up's lock holds until pip has ended.
    """
    environ = {**os.environ, "PIP_USER": "0", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environ,
        creationflags=NO_CONSOLE,
        pass_fds=[keep_open.fileno()] if keep_open is not None and os.name == "posix" else (),
    )
    tail: list[str] = []
    try:
        progress = _follow(process, packages, tail)
        code = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    if code:
        problem = explain(progress.errors, tail)
        problem.untouched = not progress.unpacking
        raise problem


def _follow(process: subprocess.Popen[str], packages: int, tail: list[str]) -> Progress:
    """Show progress until pip closes its output; `tail` keeps its last lines."""
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), name="pip output", daemon=True)
    reader.start()
    progress, terminal = Progress(packages), sys.stderr is not None and sys.stderr.isatty()
    started = spoke = time.monotonic()
    while True:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            line = ""
        now = time.monotonic()
        if line is None:
            break
        if line:
            tail[:] = [*tail[-39:], line.rstrip()]
        news = progress.feed(line)
        status(progress.status(now - started).strip(), progress.fraction())
        if terminal:
            width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            sys.stderr.write("\r\x1b[K" + progress.status(now - started)[: max(width, 20)])
            sys.stderr.flush()
        elif news or now - spoke > _QUIET_SECONDS:
            say(f"  {news or progress.status(now - started).strip()}", news=bool(news))
            spoke = now
    if terminal:
        sys.stderr.write("\r\x1b[K")
    reader.join()
    return progress


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


_NO_NETWORK = (
    "name resolution",
    "Name or service not known",
    "nodename nor servname",
    "getaddrinfo failed",
    "Failed to establish a new connection",
    "NewConnectionError",
    "ConnectTimeoutError",
    "Network is unreachable",
    "Connection refused",
    "ProxyError",
    "Read timed out",
    "ReadTimeoutError",
    "Connection broken",
    "IncompleteRead",
    "Connection reset",
)


def explain(errors: list[str], tail: list[str]) -> SetupError:
    """The plain words for what pip printed before it failed."""
    text = "\n".join([*errors, *tail])
    if "No space left on device" in text or "Errno 28" in text or "Disk quota exceeded" in text:
        return SetupError(
            "the disk became full while packages were installed. Make room (3 GB, also in the folder for temporary "
            "files), then start again."
        )
    if "CERTIFICATE_VERIFY_FAILED" in text or "SSLError" in text:
        return SetupError(
            "the package server's certificate could not be verified. In a company network, give pip its certificate "
            "(pip config set global.cert FILE), then start again."
        )
    if any(sign in text for sign in _NO_NETWORK):
        return SetupError(
            "the packages could not be downloaded: there is no connection to the package server. Check the network "
            "(and the proxy settings), then start again; what is already downloaded is kept."
        )
    if match := re.search(r"No matching distribution found for (\S+)", text):
        return SetupError(
            f"there is no build of {match[1]} for Python {sys.version_info[0]}.{sys.version_info[1]} on this system. "
            "Start Starmark with another Python, 3.11 to 3.13: python3.12 main.py"
        )
    if "Permission denied" in text:
        return SetupError("a file of the environment cannot be written. Delete the folder .venv, then start again.")
    last = next((line for line in reversed(errors or tail) if line.strip()), "it gave no reason")
    return SetupError(
        f"pip could not install the packages: {last.removeprefix('ERROR: ')}. Correct that, then start again."
    )
