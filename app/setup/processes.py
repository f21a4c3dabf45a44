"""Runs a program so that none of its children outlives us when we are stopped. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import IO

from app.setup.pip import NO_CONSOLE

_GRACE_SECONDS = 10.0


def run_with_children(command: Sequence[str], keep_open: IO[str] | None = None) -> tuple[int, str]:
    """Run a command to its end; its exit code and all that it printed.

    `keep_open` stays open in it as well: should this process be killed, a lock on that file holds until it has ended.

    It leads a process group of its own. Whatever stops this process meanwhile, such as Ctrl-C, ends the whole group and
    waits for it: `python -m venv`, for one, has a child that would go on writing for seconds.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        creationflags=NO_CONSOLE,
        start_new_session=os.name == "posix",
        pass_fds=[keep_open.fileno()] if keep_open is not None and os.name == "posix" else (),
    )
    try:
        printed, _ = process.communicate()
    except BaseException:
        _end_group(process)
        raise
    return process.returncode, printed


def _end_group(process: subprocess.Popen[str]) -> None:
    """Kill a command and its children, and wait until the last has closed the pipe that all of them hold."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_GRACE_SECONDS)
