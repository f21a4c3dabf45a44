"""What importers give back, whatever they read, and what all of them need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.errors import FormatError, ImageError
from core.face import Box, Label
from core.images import ImageInfo, probe_image
from core.scheme import Scheme, known_schemes

Progress = Callable[[int, int], object]
"""Called with (done, total) while reading; an exception from it ends the import, which is how to cancel one."""

MAX_COORDINATE = 1e6
"""Image px; a coordinate beyond it is no place in any picture that can be read, but a damaged file."""


@dataclass(frozen=True, slots=True)
class ImportedFace:
    """One labelled face of a data set.

    Attributes:
        image: the image file, there and with a readable header when imported.
        label: points in image px of the upright image, centre of the top-left pixel (0, 0).
        box: the data set's own face box, or None.
        crop: the data set's own (scale, centre x, centre y), image px (see `core.transforms.Crop`), or None.
        tags: names such as "blur" that the data set gives the face.
        source: the annotation file, with line or entry where it holds several, for messages.
        info: size, format and orientation of the image.
    """

    image: Path
    label: Label
    box: Box | None
    crop: tuple[float, float, float] | None
    tags: tuple[str, ...]
    source: str
    info: ImageInfo


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that was left out: which, and why in one clause."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """A data set as read. All labels follow one scheme.

    Attributes:
        faces: in the order of the files.
        skipped: entries left out; the rest is whole.
        scheme_id: such as "300w-68".
        format: name of the format, such as "300w".
        notes: sentences on what was assumed, for the user to check.
    """

    faces: list[ImportedFace]
    skipped: list[Skipped]
    scheme_id: str
    format: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a data set.

    Attributes:
        images_root: folder the image paths are relative to; None: the format's habit.
        index_base: coordinate of the first pixel's centre in the files, 0 or 1; None: the format's habit.
        scheme: what the points mean; None: the built-in scheme with that number of points.
        progress: called while reading.
    """

    images_root: Path | None = None
    index_base: int | None = None
    scheme: Scheme | None = None
    progress: Progress | None = None

    def tell(self, done: int, total: int) -> None:
        """Report progress, if somebody listens."""
        if self.progress is not None:
            self.progress(done, total)


class Format(Protocol):
    """An importer: a name for people and scripts, a look at the source, and the reading of it."""

    name: str
    title: str

    def matches(self, source: Path) -> bool:
        """Whether `source` looks like this format; reads little and raises nothing."""
        ...

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read all of it; FormatError only where nothing at all is usable."""
        ...


class ImageProbe:
    """Header look-ups that ask for each image once; several faces may share one."""

    def __init__(self) -> None:
        self._known: dict[Path, ImageInfo | ImageError] = {}

    def __call__(self, path: Path) -> ImageInfo:
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


def choose_scheme(counts: Iterable[int], scheme: Scheme | None, where: str | Path) -> Scheme:
    """The scheme for entries with these numbers of points.

    That is `scheme` if given; else, of the known schemes, the one whose number of points is most frequent. Where a
    scheme of the user's has as many points as one that ships with Starmark, the latter is meant.

    Raises:
        FormatError: no entry fits.
    """
    frequency = Counter(counts)
    candidates = [scheme] if scheme else reversed(known_schemes().values())
    known = {len(candidate): candidate for candidate in candidates}
    fitting = [count for count, _ in frequency.most_common() if count in known]
    if not fitting:
        seen = ", ".join(str(count) for count in sorted(frequency)[:5]) or "no"
        wanted = " or ".join(str(count) for count in sorted(known))
        remedy = f"Known schemes have {wanted} points" if scheme is None else f"Scheme {scheme.id} has {wanted} points"
        raise FormatError(f"no known scheme has {seen} points", where=where, remedy=remedy)
    return known[fitting[0]]


def nothing_usable(skipped: list[Skipped], where: str | Path) -> FormatError:
    """The error for a data set of which every entry was left out; names the first reason."""
    first = skipped[0]
    more = "" if len(skipped) == 1 else f", and {len(skipped) - 1} more"
    what = f"no face could be read; {first.where}: {first.reason}{more}"
    return FormatError(what, where=where, remedy="Correct the files, or choose another folder")
