"""Finding the images that annotation files name. Their text is hostile: it must not reach what nobody meant."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import FormatError, ImageError, shown
from core.files import is_file, walk_folders
from core.formats.values import UnusableError
from core.images import ImageInfo, probe_image

MAX_PATH = 4096
_SAMPLE = 200  # paths looked at to learn which of their leading folders to leave out
_MAX_DROPPED = 8


class ImageFiles:
    """What is known of image files: asks the disk for each once, since several faces may share one."""

    def __init__(self) -> None:
        self._known: dict[Path, ImageInfo | ImageError] = {}

    def info(self, path: Path) -> ImageInfo | None:
        """The image's header; ImageError as `core.images.probe_image`."""
        if path not in self._known:
            try:
                self._known[path] = probe_image(path)
            except ImageError as error:
                self._known[path] = error
        known = self._known[path]
        if isinstance(known, ImageError):
            raise known
        return known

    def exists(self, path: Path) -> bool:
        """Whether there is such a file."""
        return is_file(path)

    def listed(self, folder: Path) -> list[str]:
        """Names of the files in `folder`, sorted; none if there is no such folder."""
        if not folder.is_dir():
            return []
        return next(walk_folders(folder, FormatError, recursive=False))[1]


class KnownImages(ImageFiles):
    """Images whose headers are known already, their files there or not: for reading back what was written."""

    def __init__(self, infos: Mapping[Path, ImageInfo | None]) -> None:
        super().__init__()
        self._infos = {Path(os.path.abspath(path)): info for path, info in infos.items()}  # noqa: PTH100
        self._folders: dict[Path, list[str]] = {}
        for path in self._infos:
            self._folders.setdefault(path.parent, []).append(path.name)

    def info(self, path: Path) -> ImageInfo | None:
        """As given; ImageError for a file that is not among them."""
        full = Path(os.path.abspath(path))  # noqa: PTH100
        if full not in self._infos:
            raise ImageError("is not among the images written", where=path)
        return self._infos[full]

    def exists(self, path: Path) -> bool:
        """Whether it is among the images written."""
        return Path(os.path.abspath(path)) in self._infos  # noqa: PTH100

    def listed(self, folder: Path) -> list[str]:
        """Names of those of the images that lie in `folder`."""
        return sorted(self._folders.get(Path(os.path.abspath(folder)), []))  # noqa: PTH100


def check_size(info: ImageInfo | None, width: Any, height: Any) -> None:
    """Whether the image is of the size that a file says (None: it does not); UnusableError otherwise.

    Points for another size would lie beside the face. That also goes for a picture that is stored turned, where the
    file has the size, and so the points, of the picture as stored.
    """
    if info is None or width is None or height is None or (info.width, info.height) == (width, height):
        return
    if info.orientation >= 5 and (info.height, info.width) == (width, height):
        raise UnusableError("the image is stored turned (EXIF), and the points are of the picture as stored")
    given = f"{shown(width, 20)} x {shown(height, 20)}"
    raise UnusableError(f"the image is {info.width} x {info.height} px, the points are for {given}")


def inside(path: str) -> str:
    """`path` (of `WriteOptions.path_of`) for a place below a folder that is being written.

    Raises:
        FormatError: it leads out of that folder, for the image lies outside the image folder.
    """
    absolute, parts = _parts(path)
    if absolute or os.pardir in parts:
        raise FormatError("lies outside the image folder", where=path, remedy="Choose a folder that holds all images")
    return path


class PathResolver:
    """Turns the image paths of one annotation file (or folder of them) into files.

    Paths often begin with a folder of the machine that wrote them (such as ./rawImages/). As many leading folders are
    left out of every path as make most images be found, the fewest that do: one number for all, since dropping
    folders path by path could find another image of the same name.

    Attributes:
        root: the image folder; nothing outside it is reached, unless `outside`.
        dropped: number of leading folders left out.
    """

    def __init__(self, texts: Iterable[str], root: Path, files: ImageFiles, *, outside: bool = False) -> None:
        self.root = root
        self._files = files
        self._outside = outside
        self.dropped = 0
        sample = [text for text, _ in zip(texts, range(_SAMPLE), strict=False)]
        depth = max((len(_parts(text)[1]) for text in sample), default=1)
        hits = [self._hits(sample, dropped) for dropped in range(min(depth, _MAX_DROPPED))]
        self.dropped = hits.index(max(hits)) if hits else 0

    def _hits(self, sample: list[str], dropped: int) -> int:
        self.dropped = dropped
        return sum(self._is_found(text) for text in sample)

    def _is_found(self, text: str) -> bool:
        try:
            return self._files.exists(self.resolve(text))
        except (ValueError, OSError):
            return False

    def resolve(self, text: str, base: Path | None = None) -> Path:
        """The file that `text` names, relative to `base` (a folder in `root`), else to `root`; it need not exist.

        Raises:
            UnusableError: no path, or one that leads out of the image folder.
        """
        absolute, parts = _parts(text)
        if "\0" in text or not parts:
            raise UnusableError("the image path is not a path")
        if len(text) > MAX_PATH:
            raise UnusableError("the image path is too long")
        kept = parts[min(self.dropped, len(parts) - 1) :]
        # abspath, not resolve: a link inside the image folder is the user's own and may lead anywhere.
        inside = Path(os.path.abspath(self.root))  # noqa: PTH100
        start = inside if base is None else Path(os.path.abspath(base))  # noqa: PTH100
        whole = Path(text.replace("\\", "/")) if absolute and not self.dropped else start.joinpath(*kept)
        candidate = Path(os.path.abspath(whole))  # noqa: PTH100
        if self._outside:
            return candidate
        if not candidate.is_relative_to(inside) or candidate == inside:
            raise UnusableError(f"the image path {text[:200]} leads out of the image folder")
        return self.root / candidate.relative_to(inside)

    def notes(self) -> list[str]:
        """What was assumed, for the user to check."""
        notes = [f"Images are looked for in {self.root}."]
        if self.dropped:
            notes.append(f"The first {self.dropped} folder(s) of each image path are left out.")
        return notes


def _parts(path: str) -> tuple[bool, list[str]]:
    """(absolute, parts without "." and empty ones); Windows and Unix spellings alike."""
    path = path.replace("\\", "/")
    absolute = path.startswith("/") or re.match(r"[A-Za-z]:", path) is not None
    return absolute, [part for part in path.split("/") if part not in ("", ".")]
