"""Where Starmark keeps what belongs to the user and not to a project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import platformdirs

HOME_VARIABLE = "STARMARK_HOME"
SAMPLE = "starmark://sample"
"""Opens the user's copy of the sample where else a project's file or address stands."""

_SERVER = re.compile(r"postgres(ql)?(\+\w+)?://", re.IGNORECASE)


def user_home() -> Path:
    """The folder for settings, models and schemes (it may not exist yet); STARMARK_HOME overrides."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) if home else Path(platformdirs.user_data_dir("starmark", appauthor=False))


def user_cache() -> Path:
    """The folder for what can be made again (it may not exist yet); STARMARK_HOME overrides."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir("starmark", appauthor=False))


def on_server(location: str | os.PathLike[str]) -> bool:
    """Whether a project's location is the URL of a database, not a file."""
    return _SERVER.match(os.fspath(location)) is not None


def project_name(location: str | os.PathLike[str]) -> str:
    """What titles and lists call the project at `location`: a file's name, or "database on host"."""
    text = os.fspath(location)
    if not on_server(text):
        return Path(text).stem
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return "project on a server"
    database = unquote(parts.path.lstrip("/")) or "project"
    return f"{database} on {host}" if host else database
