"""The lists of WFLW: one face a line, everything between spaces, the image's path last.

    x0 y0 ... x97 y97  x_min y_min x_max y_max  pose expression illumination make-up occlusion blur  image

Attributes are 0 or 1; they, or they and the box, are left out in some lists. Coordinates are 0-based image px, as
everybody reads them who publishes results. Other numbers of points are read and written alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from core.errors import FormatError, ImageError
from core.face import Box, FloatArray, Label
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions, nothing_usable
from core.formats.image_files import PathResolver
from core.formats.peek import Peek
from core.formats.text_lines import MAX_LINE, check_skipped, line_path, text_lines
from core.formats.values import UnusableError, number_array
from core.images import IMAGE_SUFFIXES
from core.scheme import Scheme, get_scheme, known_schemes

ATTRIBUTES = ("largepose", "expression", "illumination", "makeup", "occlusion", "blur")
"""Tags that WFLW's attributes become, in its order; STAR's files have the same."""

_REMEDY = "Choose a list such as list_98pt_rect_attr_train.txt"
_SPLITS = ("train", "test")
_LISTS = ("", "list_98pt_rect_attr_train_test", "WFLW_annotations/list_98pt_rect_attr_train_test")
_IMAGES = "WFLW_images"
_SAMPLE = 200  # lines, or paths, looked at to learn how a list is laid out
_NUMBER = re.compile(r"[+-]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the numbers of a line are."""

    points: int
    box: bool
    attributes: bool

    @property
    def numbers(self) -> int:
        return 2 * self.points + 4 * self.box + len(ATTRIBUTES) * self.attributes


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    split: str
    path: str
    points: FloatArray
    box: Box | None
    tags: tuple[str, ...]


class FormatWflw:
    """Lists of WFLW: one file, or the folder that has the two for training and testing; written as one file."""

    name = "wflw"
    title = "WFLW: a list of landmarks, boxes, attributes and image paths (.txt)"
    kind: Literal["file", "folder"] = "file"
    suffix = ".txt"
    holds = Holds(box=True, tags=True)

    def matches(self, source: Peek) -> bool:
        """Whether its first line is numbers for a known scheme and an image, or the folder has WFLW's lists."""
        if not source.is_file:
            return bool(_lists_in(source.path))
        if source.suffix != self.suffix:
            return False
        line = next((line for line in source.text.splitlines() if line.strip()), "")
        layout = _layout([line], None)
        return layout is not None and Path(_cut(line, layout)[1]).suffix.lower() in IMAGE_SUFFIXES

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the list, or both lists of a folder. Lines that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: no such list, or not one line of it usable.
        """
        lists = _lists_in(source) if source.is_dir() else {"": source}
        if not lists:
            raise FormatError("there is no list of WFLW in this folder", where=source, remedy=_REMEDY)
        base = options.index_base or 0
        rows: list[_Row] = []
        skipped: list[Skipped] = []
        scheme = options.scheme
        for split, path in lists.items():
            layout = _layout_of(path, scheme)
            scheme = scheme or _scheme_of(layout.points)
            _rows(path, split, layout, base, rows, skipped)
        if not rows or scheme is None:
            raise nothing_usable(skipped, source)
        resolver = _resolver(rows, next(iter(lists.values())), options)
        faces = _faces(rows, scheme, resolver, options, skipped)
        if not faces:
            raise nothing_usable(skipped, source)
        notes = [f"Coordinates are taken as {base}-based; the files do not say so themselves.", *resolver.notes()]
        if len(lists) > 1:
            notes.append("The lists for training and testing were read together; choose one of them to read it alone.")
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a line a face; a face without box gets the extent of its landmarks."""
        base = options.index_base or 0
        boxless = 0
        with place.open("w", encoding="utf-8", newline="\n") as stream:
            for done, face in enumerate(faces):
                options.tell(done, len(faces))
                boxless += face.box is None
                numbers = [*face.label.points.ravel(), *_corners(face)]
                attributes = (str(int(name in face.tags)) for name in ATTRIBUTES)
                path = line_path(options.path_of(face.image))
                stream.write(" ".join([*(repr(float(value + base)) for value in numbers), *attributes, path]) + "\n")
        options.tell(len(faces), len(faces))
        notes = [f"Coordinates are written {base}-based; the file does not say so itself."]
        if len(scheme) != len(get_scheme("wflw-98")):
            notes.append(f"Lists of WFLW have 98 points a face, this one has {len(scheme)}; few programs will read it.")
        if boxless:
            notes.append(f"{boxless} faces have no box; the extent of their landmarks was written.")
        return notes + tags_left_out(faces)


def tags_left_out(faces: Sequence[LabelledFace]) -> list[str]:
    """The note on tags that are none of WFLW's attributes, which its lists and STAR's files have no room for."""
    other = sorted({tag for face in faces for tag in face.tags if tag not in ATTRIBUTES})
    if not other:
        return []
    more = f" and {len(other) - 3} more" if len(other) > 3 else ""
    return [f"Not kept, for the format knows {len(ATTRIBUTES)} tags only: {', '.join(other[:3])}{more}."]


def _corners(face: LabelledFace) -> tuple[float, float, float, float]:
    if face.box is not None:
        return face.box.x, face.box.y, face.box.x + face.box.w, face.box.y + face.box.h
    low, high = face.label.points.min(axis=0), face.label.points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _lists_in(folder: Path) -> dict[str, Path]:
    """WFLW's two lists by split, where the folder or the usual ones below it have them."""
    for below in _LISTS:
        names = {split: folder / below / f"list_98pt_rect_attr_{split}.txt" for split in _SPLITS}
        found = {split: path for split, path in names.items() if Peek(path).is_file}
        if found:
            return found
    return {}


def _layout_of(source: Path, scheme: Scheme | None) -> _Layout:
    lines = [line for _, line in islice(text_lines(source, _REMEDY), _SAMPLE)]
    layout = _layout(lines, scheme)
    if layout is not None:
        return layout
    count = len(_leading(lines[0].split())) if lines else 0
    wanted = " or ".join(str(2 * count) for count in sorted(_counts(scheme)))
    what = f"no line has the numbers of a list of WFLW (the first has {count} before its path)"
    raise FormatError(what, where=source, remedy=f"A line has {wanted} numbers for the points; or choose another file")


def _counts(scheme: Scheme | None) -> set[int]:
    return {len(scheme)} if scheme else {len(known) for known in known_schemes().values()}


def _scheme_of(points: int) -> Scheme:
    """One that ships with Starmark is meant where the user's own has as many points."""
    return next(known for known in known_schemes().values() if len(known) == points)


def _leading(fields: list[str]) -> list[str]:
    """The numbers that a line begins with; its last field is part of the path, whatever it looks like."""
    for index, field in enumerate(fields[:-1]):
        if _NUMBER.fullmatch(field) is None:
            return fields[:index]
    return fields[:-1]


def _layout(lines: Sequence[str], scheme: Scheme | None) -> _Layout | None:
    """The layout that fits most lines, None if none fits any.

    A path may begin with numbers of its own ("12 faces.jpg"), so that a line may have more of them than the layout;
    one that leaves none over goes first.
    """
    extents = ((True, True), (True, False), (False, False))
    layouts = [_Layout(count, *extent) for extent in extents for count in sorted(_counts(scheme))]
    score = dict.fromkeys(layouts, 0)
    for line in lines:
        if len(line) > MAX_LINE:
            continue
        leading = _leading(line.split())
        for layout in layouts:
            if layout.numbers <= len(leading) <= layout.numbers + 2 and _fits(leading, layout):
                score[layout] += 2 if layout.numbers == len(leading) else 1
    best = max(layouts, key=lambda layout: score[layout], default=None)
    return best if best is not None and score[best] else None


def _fits(leading: list[str], layout: _Layout) -> bool:
    return not layout.attributes or {"0", "1"}.issuperset(leading[layout.numbers - len(ATTRIBUTES) : layout.numbers])


def _cut(line: str, layout: _Layout) -> tuple[list[str], str]:
    """The numbers of a line as text, and its path, which may have spaces; too few of them if the line is short."""
    fields = line.split(None, layout.numbers)
    return fields[: layout.numbers], fields[layout.numbers].strip() if len(fields) > layout.numbers else ""


def _rows(
    source: Path,
    split: str,
    layout: _Layout,
    base: int,
    rows: list[_Row],
    skipped: list[Skipped],
) -> None:
    """Add the usable lines to `rows`, the others with their reason to `skipped`."""
    for number, line in text_lines(source, _REMEDY):
        check_skipped(skipped, source, _REMEDY)
        where = f"{source}, line {number}"
        try:
            rows.append(_row(where, split, line, layout, base))
        except UnusableError as error:
            skipped.append(Skipped(where, str(error)))


def _row(where: str, split: str, line: str, layout: _Layout, base: int) -> _Row:
    if len(line) > MAX_LINE:
        raise UnusableError("the line is too long")
    texts, path = _cut(line, layout)
    if not path:
        raise UnusableError(f"has {len(line.split())} fields, expected {layout.numbers} numbers and an image path")
    values = number_array(texts, "number")
    points = values[: 2 * layout.points].reshape(-1, 2) - base
    at = 2 * layout.points
    box = _box(values[at : at + 4] - base) if layout.box else None
    marks = values[at + 4 :] if layout.attributes else np.zeros(0)
    if not np.isin(marks, (0, 1)).all():
        raise UnusableError("the attributes are not all 0 or 1")
    tags = tuple(name for name, mark in zip(ATTRIBUTES, marks, strict=False) if mark)
    return _Row(where, split, path, points, box, tags)


def _box(corners: FloatArray) -> Box | None:
    """The box between two corners; None where they leave no area, which says nothing against the points."""
    x, y, right, bottom = (float(value) for value in corners)
    return Box(x, y, right - x, bottom - y) if right > x and bottom > y else None


def _resolver(rows: list[_Row], source: Path, options: ReadOptions) -> PathResolver:
    """WFLW_images beside the list or up to two folders above it; else the list's own folder, where more are there."""
    make: Callable[[Path], PathResolver] = partial(
        PathResolver, [row.path for row in rows[:_SAMPLE]], files=options.files, outside=options.outside
    )
    if options.images_root is not None:
        return make(options.images_root)
    folders = [source.absolute().parent, *source.absolute().parent.parents][:3]
    roots = [folder / _IMAGES for folder in folders if (folder / _IMAGES).is_dir()]
    resolvers = [make(root) for root in (*roots, source.parent)]
    return max(resolvers, key=lambda resolver: _found(rows, resolver, options))


def _found(rows: list[_Row], resolver: PathResolver, options: ReadOptions) -> int:
    found = 0
    for row in rows[:_SAMPLE]:
        try:
            found += options.files.exists(resolver.resolve(row.path))
        except (UnusableError, OSError):
            continue
    return found


def _faces(
    rows: list[_Row], scheme: Scheme, resolver: PathResolver, options: ReadOptions, skipped: list[Skipped]
) -> list[LabelledFace]:
    faces = []
    for done, row in enumerate(rows):
        options.tell(done, len(rows))
        try:
            if len(row.points) != len(scheme):
                raise UnusableError(f"has {len(row.points)} points, scheme {scheme.id} has {len(scheme)}")
            image = resolver.resolve(row.path)
            info = options.files.info(image)
        except UnusableError as error:
            skipped.append(Skipped(row.where, str(error)))
            continue
        except ImageError as error:
            skipped.append(Skipped(row.where, f"{error.where}: {error.what}"))
            continue
        extras = {"split": row.split} if row.split else {}
        label = Label(scheme.id, row.points)
        faces.append(LabelledFace(image, label, row.box, None, row.tags, row.where, info, extras))
    options.tell(len(rows), len(rows))
    return faces
