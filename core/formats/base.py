"""What all formats have in common: a labelled face, how to read and write, and what a format can hold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from core.errors import FormatError
from core.face import Box, Label, Visibility
from core.formats.image_files import ImageFiles
from core.formats.peek import Peek
from core.images import ImageInfo
from core.judgement import Judgement
from core.scheme import Scheme, known_schemes

Progress = Callable[[int, int], object]
"""Called with (done, total) while working; an exception from it ends the work, which is how to cancel it."""

MAX_EXTRAS = 20_000
"""Characters of JSON kept of a face's extras."""


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One labelled face of a data set, on its way in or out.

    Attributes:
        image: the image file, absolute or relative to the working folder.
        label: points in image px of the upright image, centre of the top-left pixel (0, 0).
        box: the data set's own face box, or None.
        crop: the data set's own (scale, centre x, centre y), image px (see `core.transforms.Crop`), or None.
        tags: names such as "blur" that the data set gives the face.
        source: the annotation file, with line or entry where it holds several, for messages.
        info: size, format and orientation of the image; None only on the way out, where the file is not there.
        extras: what else the format says of the face, as JSON values, for a way back into a format that has room.
        judgements: what people decided about the face's labels in a project; no format has them.
    """

    image: Path
    label: Label
    box: Box | None
    crop: tuple[float, float, float] | None
    tags: tuple[str, ...]
    source: str
    info: ImageInfo | None
    extras: Mapping[str, Any] = field(default_factory=dict)
    judgements: tuple[Judgement, ...] = ()


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
        index_base: what the files call the first pixel's centre, None where the format has no say in it.
    """

    faces: list[LabelledFace]
    skipped: list[Skipped]
    scheme_id: str
    format: str
    notes: list[str] = field(default_factory=list)
    index_base: int | None = None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a data set.

    Attributes:
        images_root: folder the image paths are relative to; None: the format's habit.
        index_base: coordinate of the first pixel's centre in the files, 0 or 1; None: the format's habit.
        scheme: what the points mean; None: what the files say, else the built-in scheme with that number of points.
        progress: called while reading.
        outside: whether image paths may lead out of the image folder.
        files: what is known of image files; looks at the disk.
        extract_to: folder for images that lie inside the annotation file (COFW); None: one beside that file.
    """

    images_root: Path | None = None
    index_base: int | None = None
    scheme: Scheme | None = None
    progress: Progress | None = None
    outside: bool = False
    files: ImageFiles = field(default_factory=ImageFiles)
    extract_to: Path | None = None

    def tell(self, done: int, total: int) -> None:
        """Report progress, if somebody listens."""
        if self.progress is not None:
            self.progress(done, total)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write a data set.

    Attributes:
        images_root: folder that image paths are written relative to.
        path_prefix: put before each such path, "" or ending in "/".
        index_base: what the files shall call the first pixel's centre, 0 or 1; None: the format's habit.
        target: where what is written will lie in the end; writers get another, temporary place.
        progress: called while writing.
        header: whether a table that may have a line of column names gets one; None: the format's habit.
        copied: whether copies of the images will lie in the folder that is written, under the same names.
    """

    images_root: Path
    target: Path
    path_prefix: str = ""
    index_base: int | None = None
    progress: Progress | None = None
    header: bool | None = None
    copied: bool = False

    def tell(self, done: int, total: int) -> None:
        """Report progress, if somebody listens."""
        if self.progress is not None:
            self.progress(done, total)

    def path_of(self, image: Path) -> str:
        """The image's path as files hold it: relative to `images_root`, with "/"; absolute on another drive."""
        try:
            relative = os.path.relpath(image, self.images_root)
        except ValueError:  # Windows: another drive
            return image.absolute().as_posix()
        return self.path_prefix + relative.replace(os.sep, "/")


@dataclass(frozen=True, slots=True)
class Holds:
    """What a format can keep.

    Attributes:
        precision: px, the most that writing and reading moves a coordinate by.
        missing, occluded, outside: whether a point may be missing, may be marked as occluded, as outside the image.
        box, crop, tags, extras: whether it keeps those of a face.
        several: whether an image may have several faces.
        counts: the numbers of points it can have, None for any.
        size: whether it needs the size of each image.
        empty: whether a face may have no point at all; elsewhere that says that there is no face.
    """

    precision: float = 0.0
    missing: bool = False
    occluded: bool = False
    outside: bool = False
    box: bool = False
    crop: bool = False
    tags: bool = False
    extras: bool = False
    several: bool = True
    counts: frozenset[int] | None = None
    size: bool = False
    empty: bool = False

    def reason_against(self, face: LabelledFace) -> str | None:
        """Why the format cannot hold the face at all, None if it can."""
        count = len(face.label)
        if self.counts is not None and count not in self.counts:
            return f"has {count} points, the format holds {' or '.join(map(str, sorted(self.counts)))}"
        missing = np.flatnonzero(face.label.visibility == Visibility.MISSING)
        if len(missing) and not self.missing:
            return f"point {missing[0]} is missing, which the format cannot say"
        if len(missing) == count and not self.empty:
            return "none of its points is there, which in this format says that there is no face"
        if self.size and face.info is None:
            return "the size of its image is not known, and the format needs it"
        return None

    def expected(self, label: Label) -> Label:
        """The label as it is after writing and reading, but for `precision`: states without room become visible."""
        visibility = np.array(label.visibility)
        if not self.occluded:
            visibility[visibility == Visibility.OCCLUDED] = Visibility.VISIBLE
        if not self.outside:
            visibility[visibility == Visibility.OUTSIDE] = Visibility.VISIBLE
        return Label(label.scheme, label.points, visibility)


class Importer(Protocol):
    """Reads one format: a name for people and scripts, a look at the source, and the reading of it."""

    name: str
    title: str

    def matches(self, source: Peek) -> bool:
        """Whether `source` looks like this format; reads little and raises nothing."""
        ...

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read all of it; FormatError only where nothing at all is usable."""
        ...


class Exporter(Protocol):
    """Writes one format.

    Attributes:
        kind: whether it makes a file or a folder.
        suffix: of the file, such as ".json"; "" for a folder.
        holds: what it can keep; faces that it cannot hold are never given to `write`.
    """

    name: str
    title: str
    kind: Literal["file", "folder"]
    suffix: str
    holds: Holds

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write all faces to `place`, a new file or an empty folder; sentences on what the user should know.

        Faces of one image follow each other. Only what is in `place` may be written.
        """
        ...


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
