"""Where Starmark keeps what belongs to the user and not to a project."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "STARMARK_HOME"


def user_home() -> Path:
    """The folder for settings, models and schemes (it may not exist yet); STARMARK_HOME overrides."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) if home else Path(platformdirs.user_data_dir("starmark", appauthor=False))
