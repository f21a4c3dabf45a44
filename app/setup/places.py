"""Where the program's own files are, before anything is installed. Standard library only."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ICONS = ROOT / "resources" / "icons"

_LOG_BYTES = 1_000_000


def user_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of `core.paths.user_home`, found without its packages."""
    if home := environ.get("STARMARK_HOME"):
        return Path(home)
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "starmark"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "starmark"
    return data_home(environ) / "starmark"


def data_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Linux: the user's folder for applications' data."""
    given = environ.get("XDG_DATA_HOME", "").strip()
    return Path(given) if given else Path.home() / ".local" / "share"


def new_log() -> Path:
    """The log of starts without a terminal, ready to be appended to; the one before is kept when it grew large."""
    for folder in (user_home() / "logs", Path(tempfile.gettempdir())):
        log = folder / "starmark-start.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if log.exists() and log.stat().st_size > _LOG_BYTES:
                log.replace(log.with_suffix(".old.log"))
            log.open("ab").close()
        except OSError:
            continue
        return log
    return Path(os.devnull)


def start_command() -> list[str]:
    """The words that start the program as it was started now, for a launcher; more words may follow."""
    from app.setup.environment import Environment, base_python, in_active_environment

    if getattr(sys, "frozen", False):
        return [sys.executable]
    environment = Environment(ROOT)
    # An environment of the user's own is what the program runs in; ours may be made anew, so its maker is named.
    own = in_active_environment() and not (environment.is_current() and environment.is_ours())
    python = windowed(sys.executable if own else base_python())
    main = ROOT / "main.py"
    return [python, str(main)] if main.exists() else [python, "-m", "app.entry"]


def windowed(python: str) -> str:
    """Windows: the Python that opens no console."""
    if sys.platform == "win32":
        candidate = Path(python).with_name("pythonw.exe")
        if candidate.exists():
            return str(candidate)
    return python
