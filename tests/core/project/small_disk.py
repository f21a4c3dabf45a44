"""A disk of a few megabytes for tests: a tmpfs, which only root may mount."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTES = 4


class SmallDisk:
    """A folder on a disk of its own; `leave` fills it but for some bytes, `free` gives the space back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def leave(self, count: int) -> None:
        self.free()
        size = max(0, shutil.disk_usage(self.folder).free - count)
        with self._filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, max(1, size))

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def remount(self, option: str) -> None:
        """ "ro" or "rw"."""
        subprocess.run(["mount", "-o", f"remount,{option}", self.folder], check=True)


@contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk]:
    """The disk at the new folder `folder`; the test is skipped where nothing may be mounted."""
    if os.name != "posix" or shutil.which("mount") is None:
        pytest.skip("no mount here")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
