"""DeepLabCut's labels: CSV files with header rows for scorer, (individuals,) bodyparts and coords, then a row an image.

The image is named by the first column, or by three (labeled-data, video, file), as newer versions do. Points are placed
by their bodypart's name; without coordinates they are missing, and without any the individual is not in the image.
Coordinates are 0-based px.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from core.errors import FormatError, shown
from core.files import walk_folders
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions
from core.formats.csv_text import csv_rows, escaped, unescaped
from core.formats.gathering import Entry, gather, kept_extras, skip
from core.formats.peek import Peek
from core.formats.values import MAX_POINTS, UnusableError, number, quick_numbers
from core.scheme import Scheme

_SCORER = "starmark"
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_IGNORED = "likelihood"
_MAX_INDIVIDUALS = 200
_LABELS = "CollectedData"
_IMAGES = "labeled-data"
_REMEDY = "Choose a CollectedData file of DeepLabCut"


@dataclass(frozen=True, slots=True)
class _Individual:
    """Columns of one individual (None where the file has only one): bodyparts with their columns of x and y."""

    name: str | None
    scorer: str
    names: tuple[str, ...]
    columns: tuple[tuple[int, int], ...]


class FormatDeepLabCut:
    """Reads one file, or all CollectedData files of a folder; writes one file."""

    name = "deeplabcut"
    title = "DeepLabCut: CSV files of scorer, bodyparts and coords"
    kind: Literal["file", "folder"] = "file"
    suffix = ".csv"
    holds = Holds(missing=True)

    def matches(self, source: Peek) -> bool:
        """Whether the first cells of the first lines are DeepLabCut's; in a folder, those of its first CSV file."""
        peek = source if source.is_file else source.first(".csv")
        if peek is None or peek.suffix != ".csv":
            return False
        starts = [line.split(",", 1)[0].strip('" ') for line in peek.text.split("\n", 4)[:4]]
        return starts[:3] == ["scorer", "bodyparts", "coords"] or starts == list(_LEVELS)

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file or files. Rows that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: no such file, or not one row in it usable.
        """
        base = options.index_base or 0
        skipped: list[Skipped] = []
        entries: list[Entry] = []
        notes = [f"Coordinates are taken as {base}-based."]
        ignored = False
        for path in _files(source):
            reader = _Reader(path, source if source.is_dir() else path.parent, skipped)
            entries += reader.entries()
            ignored |= reader.ignored
        if ignored:
            notes.append("Columns of likelihood were left out.")
        top = source if source.is_dir() else source.parent
        faces, scheme, more = gather(entries, skipped, source, options, _roots(top), base)
        return ImportResult(faces, skipped, scheme.id, self.name, notes + more, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a row for each image; with a level of individuals where an image has several faces."""
        base = options.index_base or 0
        images = [list(group) for _, group in groupby(faces, key=lambda face: face.image)]
        individuals, seats = _seats(images)
        scorers = {face.extras.get("scorer") for face in faces}
        scorer = scorers.pop() if len(scorers) == 1 else None
        heads = [[escaped(scorer if isinstance(scorer, str) and scorer.isprintable() else _SCORER)]]
        several = len(individuals) > 1 or individuals[0] != ""
        with place.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            columns = [
                (heads[0][0], escaped(individual), escaped(name), axis)
                for individual in individuals for name in scheme.points for axis in "xy"
            ]  # fmt: skip
            for level, title in enumerate(_LEVELS):
                if several or title != "individuals":
                    rows.writerow([title, *(column[level] for column in columns)])
            done = 0
            for group, seat in zip(images, seats, strict=True):
                options.tell(done, len(faces))
                done += len(group)
                cells = [""] * len(columns)
                for face, index in zip(group, seat, strict=True):
                    start = index * 2 * len(scheme)
                    values = (face.label.points + base).ravel().tolist()
                    cells[start : start + len(values)] = [repr(v) if v == v else "" for v in values]
                rows.writerow([_path(options.path_of(group[0].image)), *cells])
        options.tell(len(faces), len(faces))
        return _notes([options.path_of(group[0].image) for group in images], several)


def _notes(paths: list[str], several: bool) -> list[str]:
    notes = []
    if several:
        notes.append("Images have several faces, so that the file has a level of individuals (multi-animal).")
    if not all(path.startswith(f"{_IMAGES}/") and path.count("/") == 2 for path in paths):
        notes.append("DeepLabCut wants its images in labeled-data/VIDEO/ of a project; name the folders so.")
    return notes


def _path(path: str) -> str:
    """The path as a cell; a folder that changes nothing keeps a spreadsheet from running it."""
    if not path.isprintable():
        what = "the image's path has characters that a line of text cannot hold"
        raise FormatError(what, where=path, remedy="Rename it, or choose another format")
    return path if escaped(path) == path else f"./{path}"


def _seats(images: Sequence[Sequence[LabelledFace]]) -> tuple[list[str], list[list[int]]]:
    """Individuals, and for each image which of them its faces are, in rising order so that reading keeps that of faces.

    The names that the faces had in DeepLabCut stay where they allow that.
    """
    most = max(len(group) for group in images)
    given = [face.extras.get("individual") for group in images for face in group]
    names = list(dict.fromkeys(name for name in given if isinstance(name, str) and name and name.isprintable()))
    if len(names) <= _MAX_INDIVIDUALS and all(name in names for name in given):
        seats = [[names.index(face.extras["individual"]) for face in group] for group in images]
        if all(seat == sorted(set(seat)) for seat in seats):
            return names, seats
    return (
        [f"face{number}" for number in range(1, most + 1)] if most > 1 else [""],
        [list(range(len(group))) for group in images],
    )


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = [
        folder / name
        for folder, names in walk_folders(source, FormatError)
        for name in names
        if name.endswith(".csv") and name.startswith(_LABELS)
    ]
    if not found:
        raise FormatError(f"there is no {_LABELS} file in this folder", where=source, remedy=_REMEDY)
    return found


def _roots(top: Path) -> list[Path]:
    """The folder itself, and that of the project where it is one of labeled-data: nothing else above may be reached."""
    above = (top.absolute(), top.absolute().parent)
    projects = [folder.parent for folder in above if folder.name == _IMAGES]
    return [top, *projects]


class _Reader:
    """The rows of one file."""

    def __init__(self, source: Path, top: Path, skipped: list[Skipped]) -> None:
        self.source = source
        self.skipped = skipped
        self.ignored = False
        self._below = source.parent.relative_to(top) if source.parent.is_relative_to(top) else Path()

    def entries(self) -> Iterator[Entry]:
        rows = csv_rows(self.source, ",")
        levels: dict[str, list[str]] = {}
        line, cells = next(rows, (0, []))
        while cells and cells[0].strip() in _LEVELS and cells[0].strip() not in levels:
            levels[cells[0].strip()] = [unescaped(cell.strip()) for cell in cells]
            line, cells = next(rows, (line, []))
        index, individuals = self._header(levels)
        width = len(levels["coords"])
        while cells:
            where = f"{self.source}, line {line}"
            try:
                if len(cells) > width:
                    raise UnusableError(f"has {len(cells)} cells, the header has {width}")
                cells += [""] * (width - len(cells))
                path = self._image(cells[:index])
                found = [entry for one in individuals if (entry := self._entry(where, path, cells, one)) is not None]
                if not found:
                    raise UnusableError("no point is labelled")
                yield from found
            except UnusableError as error:
                skip(self.skipped, where, str(error), self.source)
            line, cells = next(rows, (line, []))

    def _header(self, levels: dict[str, list[str]]) -> tuple[int, list[_Individual]]:
        """(number of columns that name the image, individuals with their columns)."""
        need = [level for level in _LEVELS if level != "individuals"]
        if not set(need) <= levels.keys() or len({len(row) for row in levels.values()}) != 1:
            what = "the header must have rows of one length for scorer, bodyparts and coords"
            raise FormatError(what, where=self.source, remedy=_REMEDY)
        coords = levels["coords"]
        index = next((column for column, text in enumerate(coords) if column and text), len(coords))
        empty = [""] * len(coords)
        groups: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
        for column in range(index, len(coords)):
            axis = coords[column].lower()
            if axis not in ("x", "y"):
                self.ignored |= axis == _IGNORED
                continue
            key = (levels["scorer"][column], levels.get("individuals", empty)[column])
            part = groups.setdefault(key, {}).setdefault(levels["bodyparts"][column], {})
            if axis in part:
                what = f"the bodypart {shown(levels['bodyparts'][column], 40)} has two columns for {axis}"
                raise FormatError(what, where=self.source, remedy=_REMEDY)
            part[axis] = column
            if len(groups) > _MAX_INDIVIDUALS or len(groups[key]) > MAX_POINTS:
                raise FormatError("the header has too many columns", where=self.source, remedy=_REMEDY)
        if len({scorer for scorer, _ in groups}) > 1:
            what = "the file has labels of several scorers"
            raise FormatError(what, where=self.source, remedy="Make a file for each")
        return index, [self._individual(key, parts, "individuals" in levels) for key, parts in groups.items()]

    def _individual(self, key: tuple[str, str], parts: dict[str, dict[str, int]], several: bool) -> _Individual:
        half = next((name for name, part in parts.items() if len(part) != 2), None)
        if half is not None:
            what = f"the bodypart {shown(half, 40)} has a column for x or y, but not for both"
            raise FormatError(what, where=self.source, remedy=_REMEDY)
        columns = tuple((part["x"], part["y"]) for part in parts.values())
        return _Individual(key[1] if several else None, key[0], tuple(parts), columns)

    def _image(self, cells: list[str]) -> str:
        texts = [cell.strip() for cell in cells]
        if not texts or not texts[-1]:
            raise UnusableError("has no image path")
        path = "/".join(text for text in texts if text)
        if path.isdigit():
            raise UnusableError("names the frame of a video, not an image")
        if self._below == Path():
            return path
        # In a folder of many files each has its images beside it, whatever folders it says they are in.
        return (PurePosixPath(self._below.as_posix()) / path.replace("\\", "/").rsplit("/", 1)[-1]).as_posix()

    def _entry(self, where: str, path: str, cells: list[str], individual: _Individual) -> Entry | None:
        texts = [cells[column].strip() for columns in individual.columns for column in columns]
        if not any(texts):
            return None
        values = quick_numbers(texts)
        if values is None:
            pairs = zip(individual.names, texts[::2], texts[1::2], strict=True)
            values = np.array([_place(name, x, y) for name, x, y in pairs], dtype=np.float64)
        points = values.reshape(-1, 2)
        if not np.isfinite(points).any():
            return None
        extras: dict[str, str] = {}
        if individual.scorer and individual.scorer != _SCORER:
            extras["scorer"] = individual.scorer
        if individual.name is not None:
            where = f"{where}, {individual.name[:60]}"
            extras["individual"] = individual.name
        return Entry(where, path, individual.names, points, extras=kept_extras(extras))


def _place(name: str, x: str, y: str) -> tuple[float, float]:
    empty = [text.lower() in ("", "nan") for text in (x, y)]
    if all(empty):
        return np.nan, np.nan
    if any(empty):
        raise UnusableError(f"the bodypart {shown(name, 40)} has only one coordinate")
    return number(x, f"bodypart {name[:40]} x"), number(y, f"bodypart {name[:40]} y")
