"""The environment beside `main.py`: where it is, whether it is complete. Standard library only.

The everyday start imports this module and reads two small files (lock and stamp), so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

LOCK_NAME = "requirements.lock"


class Environment:
    """`.venv` in the folder of `main.py`.

    `stamp` is written last and names the lock it was made from; `building` marks an environment that the set-up began
    and did not finish. An environment with neither was made by somebody else and is never deleted while it works.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / LOCK_NAME
        self.path = root / ".venv"
        self.python = self.path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.stamp = self.path / "starmark-stamp"
        self.building = self.path / "starmark-building"

    def wanted_stamp(self) -> str:
        """First word of a stamp that fits the lock: its SHA-256."""
        import hashlib

        return hashlib.sha256(self.lock.read_bytes()).hexdigest()

    def read_stamp(self) -> tuple[str, str]:
        """(hash of the lock, Python version as "3.11") that it was made from; empty texts if there is no stamp."""
        try:
            words = self.stamp.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            return "", ""
        return (words[0], words[1]) if len(words) == 2 else ("", "")

    def write_stamp(self) -> None:
        """Declare the environment complete. The last step of a set-up."""
        temporary = self.stamp.with_suffix(".tmp")
        temporary.write_text(f"{self.wanted_stamp()} {self.version()}\n", encoding="ascii")
        temporary.replace(self.stamp)
        self.building.unlink(missing_ok=True)

    def version(self) -> str:
        """The environment's Python version as "3.11", from the configuration that `venv` wrote."""
        for line in (self.path / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() in ("version", "version_info"):  # venv writes the first, virtualenv and uv the second
                return ".".join(value.strip().split(".")[:2])
        return ""

    def is_current(self) -> bool:
        """Whether this very process runs in it."""
        return os.path.realpath(sys.prefix) == os.path.realpath(self.path)

    def is_complete(self) -> bool:
        """Whether it was finished for the lock as it is now and can still be started."""
        found, version = self.read_stamp()
        if not found or found != self.wanted_stamp():
            return False
        if self.is_current():  # the system's Python may have been upgraded under the environment
            return version == running_version()
        return self.python.exists()

    def is_ours(self) -> bool:
        """Whether the set-up made it, so that the set-up may throw it away."""
        return self.stamp.exists() or self.building.exists()


def running_version() -> str:
    """Python version of this process as "3.11"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def in_active_environment() -> bool:
    """Whether this process runs in a virtual or conda environment that the user activated."""
    if sys.prefix != sys.base_prefix:
        return True
    conda = os.environ.get("CONDA_PREFIX")
    return bool(conda) and os.path.realpath(str(conda)) == os.path.realpath(sys.prefix)


def base_python() -> str:
    """The Python that environments are made from: not the one inside an environment."""
    return getattr(sys, "_base_executable", None) or sys.executable
