"""Starting the real program under the driver, and listening to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("driver.py")
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def program(*words: str, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """The program under its driver, offscreen unless `environ` names a display; gone when the block ends."""
    environ = {**os.environ, "QT_QPA_PLATFORM": "offscreen"} if environ is None else environ
    environment = {**environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
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
