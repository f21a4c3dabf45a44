"""Files that lie beside the image they are of, and have its name: which belong together."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from core.errors import FormatError
from core.files import walk_folders
from core.formats.base import ReadOptions
from core.images import IMAGE_SUFFIXES, natural_key


def find_pairs(
    source: Path, suffix: str, options: ReadOptions
) -> tuple[list[tuple[Path, Path | None]], int, int]:
    """Each file of that suffix with its image or None; how many images have none; how many files several images.

    Args:
        source: one such file, or a folder, which is looked through with its subfolders.
        suffix: in lower case, with its point.
        options: `images_root`, if given, has the images in folders of the same names as those of the files.
    """
    single = source.is_file()
    top = source.parent if single else source
    pairs: list[tuple[Path, Path | None]] = []
    unlabelled = twins = 0
    for folder, names in walk_folders(top, FormatError, recursive=not single):
        if options.images_root is None:
            images = _Images(folder, names)
        else:
            home = options.images_root / folder.relative_to(top)
            images = _Images(home, options.files.listed(home))
        used = set()
        for path in (folder / name for name in names):
            if path.suffix.lower() != suffix or (single and path != source):
                continue
            choice = images.named(path.stem)
            used.update(choice)
            twins += len(choice) > 1
            pairs.append((path, choice[0] if choice else None))
        unlabelled += 0 if single else len(set(images.paths) - used)
    pairs.sort(key=lambda pair: natural_key(pair[0]))
    return pairs, unlabelled, twins


class _Images:
    """Images of one folder by stem; by folded stem (letter case, Unicode form) where none has the exact one."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.paths = [folder / name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        self.paths.sort(key=lambda path: (path.suffix.lower(), path.name))
        self._exact: dict[str, list[Path]] = {}
        self._folded: dict[str, list[Path]] = {}
        for path in self.paths:
            self._exact.setdefault(path.stem, []).append(path)
            self._folded.setdefault(_fold(path.stem), []).append(path)

    def named(self, stem: str) -> list[Path]:
        return self._exact.get(stem) or self._folded.get(_fold(stem), [])


def _fold(stem: str) -> str:
    return unicodedata.normalize("NFC", stem).casefold()
