"""`--install-launcher` and `--uninstall-launcher`: an icon among the applications. Standard library only.

One module a desktop knows the places and formats; this one keeps the list of what was made, so that exactly that is
removed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from app.setup.commands import LAUNCHER_OPTIONS
from app.setup.console import SetupError
from app.setup.places import user_home

MARK = "X-Starmark-Launcher"
"""Is in every text file that we make; a file of the same name without it is somebody else's."""


class Installed:
    """The files and folders that were made, with what was in them; kept in the user's data folder."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else user_home() / "launcher.json"
        self.files: dict[str, str] = {}
        self.folders: list[str] = []
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            self.files = {str(name): str(digest) for name, digest in data["files"].items()}
            self.folders = [str(name) for name in data["folders"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # never installed, or damaged: marks and contents tell what is ours as well

    def keep(self) -> None:
        """Write the list."""
        self._make_folder(self.path.parent)
        text = json.dumps({"files": self.files, "folders": self.folders}, indent=1)
        _write(self.path, text.encode())

    def put(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        """Write a file of ours. SetupError if there is one that is not ours."""
        if path.exists() and not self.is_ours(path, content):
            raise SetupError(f"{path} is there already and not Starmark's. Move it away, then try again.")
        self._make_folder(path.parent)
        _write(path, content, mode)
        self.files[str(path)] = _digest(content)

    def _make_folder(self, folder: Path) -> None:
        self.folders += [str(f) for f in (folder, *folder.parents) if not f.exists() and str(f) not in self.folders]
        folder.mkdir(parents=True, exist_ok=True)

    def is_ours(self, path: Path, content: bytes = b"") -> bool:
        """Whether we made the file: it has the mark, is on the list unchanged, or is what we would write."""
        try:
            found = path.read_bytes()
        except OSError:
            return False
        return MARK.encode() in found or found == content or self.files.get(str(path)) == _digest(found)

    def remove(self, known: Mapping[Path, bytes]) -> tuple[list[str], list[str]]:
        """Delete what is ours of the list and of `known`; `remove_folders` comes after.

        Args:
            known: where we put files, with what we would write there now; for when the list was lost.

        Returns:
            (removed files, files that were changed since and are left alone)
        """
        removed, left = [], []
        for path in dict.fromkeys([*map(Path, self.files), *known]):
            if not path.is_file():
                continue
            if self.is_ours(path, known.get(path, b"")):
                path.unlink()
                removed.append(str(path))
            elif str(path) in self.files:
                left.append(str(path))
        self.path.unlink(missing_ok=True)
        return removed, left

    def remove_folders(self) -> None:
        """Delete the folders that we made and that are empty."""
        for folder in sorted(map(Path, self.folders), key=lambda folder: len(folder.parts), reverse=True):
            with contextlib.suppress(OSError):  # gone, or somebody else keeps something there
                folder.rmdir()


def run(option: str) -> int:
    """Do what `option` of `LAUNCHER_OPTIONS` says and tell what was done. Returns the exit code.

    Raises:
        SetupError: in plain words, whatever the reason.
    """
    desktop = _desktop()
    try:
        lines = desktop.install() if option == next(iter(LAUNCHER_OPTIONS)) else desktop.uninstall()
    except OSError as error:
        raise SetupError(f"{error.filename}: {error.strerror or error}. Correct that, then try again.") from error
    print("\n".join(lines))
    return 0


def _desktop() -> ModuleType:
    if sys.platform == "win32":
        from app.setup import launcher_windows as desktop
    elif sys.platform == "darwin":
        from app.setup import launcher_macos as desktop
    else:
        from app.setup import launcher_linux as desktop
    return desktop


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
