"""Where model files are, by name. Without torch, so that the window can tell a model before it can load one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.paths import user_home

BUNDLED_DIR = Path(__file__).resolve().parents[2] / "resources" / "models"
SUFFIX = ".safetensors"


def user_models_dir() -> Path:
    """Where the user's models are kept (it may not exist yet)."""
    return user_home() / "models"


def model_files(folder: Path) -> list[Path]:
    """The model files of a folder by name; none if it is not there."""
    try:
        return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file() and not path.name.startswith("."))
    except OSError:
        return []


def named_model(name: str, folders: tuple[Path, ...]) -> Path | None:
    """The model called `name` in the first of `folders` that has one."""
    files = (path for folder in folders for path in model_files(folder))
    return next((path for path in files if path.stem == name), None)


def model_hash(name_or_path: str | None) -> str | None:
    """SHA-256 (hex) of the model file that a name, a path or None (the bundled one) stands for: `LoadedModel.hash`.

    None where that takes loading it to tell: there is no such file, or it is a checkpoint that is yet to be converted.
    """
    if name_or_path is None:
        path = next(iter(model_files(BUNDLED_DIR)), None)
    else:
        path = named_model(name_or_path, (BUNDLED_DIR, user_models_dir())) or Path(name_or_path)
    if path is None or path.suffix != SUFFIX or not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
