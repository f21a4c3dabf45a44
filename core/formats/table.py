"""Tables of faces, whatever the file: which columns mean what, and from a row to a face.

Wide: one face a row, with the columns COLUMNS and x0, y0, v0, x1 ... (or NAME_x, NAME_y ...). Long: one point a row,
as `predict -o OUT.csv` writes it. Visibility is a word (STATES), empty for visible; a point without coordinates is
missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import FormatError, shown
from core.face import Box, ByteArray, FloatArray, Visibility
from core.formats.base import Skipped
from core.formats.csv_text import unescaped
from core.formats.gathering import Entry, kept_extras, skip
from core.formats.point_names import NamedPoints
from core.formats.values import MAX_POINTS, UnusableError, coordinate, number, quick_numbers, tag_list
from core.scheme import Scheme, known_schemes

COLUMNS = (
    *("image", "face", "scheme", "box_x", "box_y", "box_w", "box_h"),
    *("crop_scale", "crop_x", "crop_y", "tags", "extras"),
)
STATES = ("", "occluded", "outside", "missing")
"""Words for `Visibility`, by its value."""

_STATE_OF: dict[str | None, int] = {"": 0, "visible": 0, None: 0, **{STATES[state]: state for state in (1, 2, 3)}}
_ALIASES = {
    **dict.fromkeys(("image_path", "img", "img_path", "file", "filename", "file_name", "image_name"), "image"),
    **dict.fromkeys(("path", "file_path", "filepath", "image_file"), "image"),
    **dict.fromkeys(("face_id", "face_index"), "face"),
    **{f"bbox_{side}": f"box_{side}" for side in "xywh"},
    **{f"{kind}_{long}": f"box_{long[0]}" for kind in ("box", "bbox") for long in ("width", "height")},
    "v": "visibility", "error": "error",
}  # fmt: skip
_LONG = ("point", "name", "x", "y", "visibility")
_OF_PREDICTIONS = ("xx", "xy", "yy", "anisotropy", "angle_deg")
_AXES = "x|y|v|vis|visibility"
_AXIS_FIRST = re.compile(rf"({_AXES})(?:[ _.\-]+(.+)|[\[(]?(\d{{1,4}})[\])]?)")
_AXIS_LAST = re.compile(rf"(?:(.+?)[ _.\-]+|(.*\d))({_AXES})")
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_MAX_COLUMNS = 4 * MAX_POINTS
_REMEDY = "Name a column 'image' and the points x0, y0, x1, y1 ... or NAME_x, NAME_y"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column is what.

    Attributes:
        fixed: column of each name of COLUMNS (and `error`, and those of a long table) that is there.
        points: (name, column of x, column of y, column of visibility or None), of a wide table.
        halves: names of points that lack x or y.
        others: further columns, by their name.
        long: whether a row is one point.
        lists: whether a row has lists x, y and visibility.
    """

    fixed: dict[str, int]
    points: list[tuple[str, int, int, int | None]]
    halves: list[str]
    others: dict[str, int]
    long: bool = False
    lists: bool = False


def find_layout(header: Sequence[str], *, lists: bool = False) -> Layout | None:
    """What the columns of a table mean; None if it is no table of faces. `lists`: columns x and y are lists.

    Raises:
        UnusableError: it has too many columns, or two of one meaning.
    """
    names = [unescaped(name.strip()) for name in header]
    if len(names) > _MAX_COLUMNS:
        raise UnusableError(f"has {len(names)} columns, at most {_MAX_COLUMNS} can be read")
    fixed: dict[str, int] = {}
    rest: dict[str, int] = {}
    plain = [re.sub(r"[ .\-]+", "_", name).casefold() for name in names]
    meanings = [_ALIASES.get(name, name) for name in plain]
    if "image" not in meanings:
        return None
    for column, (name, known) in enumerate(zip(names, meanings, strict=True)):
        into, key = (fixed, known) if known in (*COLUMNS, *_LONG, "error") else (rest, name)
        if key in into:
            raise UnusableError(f"has two columns for {shown(key, 40)}")
        if name:
            into[key] = column
    if not lists and {"x", "y"} <= fixed.keys() and ("point" in fixed or "name" in fixed):
        return Layout(fixed, [], [], rest, long=True)
    if lists and {"x", "y"} <= fixed.keys():
        return Layout(fixed, [], [], rest, lists=True)
    rest |= {names[fixed[key]]: fixed.pop(key) for key in _LONG if key in fixed}
    found, halves = _point_columns(rest)
    if not found:
        return None
    used = {column for _, *columns in found for column in columns}
    others = {name: column for name, column in rest.items() if column not in used}
    return Layout(fixed, found, halves, others)


def _point_columns(rest: Mapping[str, int]) -> tuple[list[tuple[str, int, int, int | None]], list[str]]:
    by_name: dict[str, dict[str, int]] = {}
    for column_name, column in rest.items():
        match = _AXIS_FIRST.fullmatch(column_name)
        if match is not None:
            axis, name = match[1], match[2] or match[3]
        else:
            match = _AXIS_LAST.fullmatch(column_name)
            if match is None:
                continue
            axis, name = match[3], match[1] or match[2]
        axes = by_name.setdefault(name, {})
        if axis[0] in axes:
            raise UnusableError(f"has two columns for {axis[0]} of {shown(name, 40)}")
        axes[axis[0]] = column
    whole = [(name, axes["x"], axes["y"], axes.get("v")) for name, axes in by_name.items() if {"x", "y"} <= axes.keys()]
    halves = [name for name, axes in by_name.items() if len({"x", "y"} & axes.keys()) == 1]
    return whole, halves


@dataclass(slots=True)
class _LongFace:
    where: str
    cells: Sequence[Any]
    names: list[str] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    problem: str | None = None


class TableReader:
    """Takes the rows of one table and gives its faces.

    Attributes:
        scheme: what the points mean, as far as asked for or said by the table.
        skipped: rows left out.
    """

    def __init__(
        self,
        header: Sequence[str],
        source: Path,
        scheme: Scheme | None,
        skipped: list[Skipped],
        *,
        lists: bool = False,
        names: tuple[str, ...] | None = None,
    ) -> None:
        """Args as of `find_layout`; `names` of the points in the lists.

        Raises:
            FormatError: the header is not that of a table of faces.
        """
        try:
            layout = find_layout(header, lists=lists)
        except UnusableError as error:
            raise FormatError(f"the table {error}", where=source, remedy=_REMEDY) from error
        if layout is None:
            what = "the first line does not name a column of images and columns of points"
            raise FormatError(what, where=source, remedy=_REMEDY)
        self.scheme = scheme
        self.skipped = skipped
        self._layout = layout
        self._width = len(header)
        self._source = source
        self._notes: list[str] = []
        self._given = scheme is not None
        self._names = names
        self._points: list[tuple[str, int, int, int | None]] = []
        self._entries: list[Entry] = []
        self._long: dict[tuple[str, str], _LongFace] = {}
        self._numeric_states = False

    def add(self, where: str, cells: Sequence[Any]) -> None:
        """Take one row: texts, or numbers and None; FormatError for what no row of the table can be right with."""
        try:
            if len(cells) > self._width and any(cells[self._width :]):
                hint = "; do its numbers have decimal commas?" if len(cells) > 1.4 * self._width else ""
                raise UnusableError(f"has {len(cells)} cells, the first line has {self._width}{hint}")
            cells = [*cells, *[""] * (self._width - len(cells))]
            problem = self._text(cells, "error")
            if problem:
                raise UnusableError(f"the table has an error instead of a face: {shown(problem, 200)}")
            if not self._text(cells, "image"):
                raise UnusableError("has no image path")
            self._check_scheme(self._text(cells, "scheme"))
            if self._layout.long:
                self._add_point(where, cells)
            else:
                self._entries.append(self._entry(where, cells))
        except UnusableError as error:
            skip(self.skipped, where, str(error), self._source)

    def entries(self) -> list[Entry]:
        """The faces, once all rows are in."""
        for face in self._long.values():
            if face.problem is None and not face.names:
                face.problem = "no face was found in the image"
            try:
                if face.problem is not None:
                    raise UnusableError(face.problem)
                points, states = np.array(face.places, dtype=np.float64), np.array(face.states, np.uint8)
                self._entries.append(self._rest(face.where, face.cells, tuple(face.names), points, states))
            except UnusableError as error:
                skip(self.skipped, face.where, str(error), self._source)
        self._long = {}
        return self._entries

    def notes(self) -> list[str]:
        """What was assumed, for the user to check."""
        notes = list(self._notes)
        if self._numeric_states:
            notes.append("Numbers in columns of visibility were not used, for programs differ in what they mean.")
        if self._layout.long and any(name in self._layout.others for name in _OF_PREDICTIONS):
            notes.append("Covariances are no part of labels and were left out.")
        return notes

    def _text(self, cells: Sequence[Any], name: str) -> str:
        column = self._layout.fixed.get(name)
        value = "" if column is None else cells[column]
        return "" if value is None or value != value else unescaped(str(value).strip())  # NaN is pandas' None

    def _check_scheme(self, name: str) -> None:
        if not name or self._given:
            return  # what the user says goes before what the file says
        if self.scheme is None:
            self.scheme = known_schemes().get(name)
            if self.scheme is None:
                self._notes.append(f"The table's scheme {shown(name, 40)} is not known; its points were counted.")
                self._layout.fixed.pop("scheme")
        elif name != self.scheme.id:
            raise UnusableError(f"follows scheme {shown(name, 40)}, those before follow {self.scheme.id}")

    def _columns(self) -> tuple[tuple[str, ...], list[tuple[str, int, int, int | None]]]:
        """Names and columns of the scheme's points; other pairs of columns named like points are further columns."""
        if self._names is None:
            layout = self._layout
            named = NamedPoints([[*(name for name, *_ in layout.points), *layout.halves]], self.scheme, self._source)
            half = next((name for name in layout.halves if named.knows(name)), None)
            if half is not None:
                what = f"the point {shown(half, 40)} has a column for x or y, but not for both"
                raise FormatError(what, where=self._source, remedy=_REMEDY)
            self._points = [point for point in layout.points if named.knows(point[0])]
            other = [point[0] for point in layout.points if not named.knows(point[0])]
            if other:
                some = ", ".join(shown(name, 30) for name in other[:3])
                self._notes.append(f"Columns that are no points of scheme {named.scheme.id} were left out: {some}.")
            self._names = tuple(point[0] for point in self._points)
        return self._names, self._points

    def _entry(self, where: str, cells: Sequence[Any]) -> Entry:
        if self._layout.lists:
            return self._list_entry(where, cells)
        names, columns = self._columns()
        points = self._coordinates([cells[column] for _, x, y, _ in columns for column in (x, y)], names)
        states = [0 if v is None else self._state(cells[v]) for _, _, _, v in columns]
        return self._rest(where, cells, names, points, np.array(states, np.uint8))

    def _list_entry(self, where: str, cells: Sequence[Any]) -> Entry:
        fixed = self._layout.fixed
        xs, ys = cells[fixed["x"]], cells[fixed["y"]]
        states = cells[fixed["visibility"]] if "visibility" in fixed else None
        for name, values in (("x", xs), ("y", ys), ("visibility", xs if states is None else states)):
            if not isinstance(values, list) or len(values) != len(xs) or not 0 < len(values) <= MAX_POINTS:
                raise UnusableError(f"{name} is no list of as many values as there are points")
        if self._names is not None and len(xs) != len(self._names):
            raise UnusableError(f"has {len(xs)} points, the file says that there are {len(self._names)}")
        names = self._names or [str(index) for index in range(len(xs))]
        points = self._coordinates([value for pair in zip(xs, ys, strict=True) for value in pair], names)
        visibility = np.array([self._state(state) for state in states or [None] * len(xs)], np.uint8)
        return self._rest(where, cells, self._names, points, visibility)

    def _rest(
        self, where: str, cells: Sequence[Any], names: tuple[str, ...] | None, points: FloatArray, states: ByteArray
    ) -> Entry:
        box, crop = self._numbers(cells, COLUMNS[3:7]), self._numbers(cells, COLUMNS[7:10])
        if crop is not None and crop[0] <= 0:
            raise UnusableError(f"crop_scale is {crop[0]:g}, expected more than 0")
        extras = dict(extras_of(self._text(cells, "extras")))
        if not self._layout.long:
            own = {name: cells[column] for name, column in self._layout.others.items()}
            more = {name: unescaped(value) if isinstance(value, str) else value for name, value in own.items()}
            extras |= {name: value for name, value in more.items() if value not in (None, "")}
        elif "score" in self._layout.others and cells[self._layout.others["score"]]:
            extras["score"] = self._number(cells[self._layout.others["score"]], "score")
        return Entry(
            where, self._text(cells, "image"), names, points, states,
            Box(*box) if box is not None and box[2] > 0 and box[3] > 0 else None,
            (crop[0], crop[1], crop[2]) if crop is not None else None,
            tags_of(self._text(cells, "tags")), kept_extras(extras),
        )  # fmt: skip

    def _numbers(self, cells: Sequence[Any], names: Sequence[str]) -> list[float] | None:
        if not all(self._text(cells, name) for name in names):
            return None
        return [self._number(cells[self._layout.fixed[name]], name) for name in names]

    def _number(self, cell: Any, name: str) -> float:
        if not isinstance(cell, str):
            return coordinate(cell, name)
        if _DECIMAL_COMMA.fullmatch(cell.strip()):
            what = f"the number {shown(cell, 20)} has a decimal comma"
            raise FormatError(what, where=self._source, remedy="Save the table with decimal points")
        return number(cell, name)

    def _coordinates(self, cells: list[Any], names: Sequence[str]) -> FloatArray:
        """(K, 2) of x, y, x, y ...; empty ones are NaN."""
        values = quick_numbers(cells)
        if values is None:
            pairs = zip(cells[::2], cells[1::2], names, strict=True)
            values = np.array([self._pair(x, y, name) for x, y, name in pairs], dtype=np.float64)
        return values.reshape(-1, 2)

    def _pair(self, x: Any, y: Any, name: str) -> tuple[float, float]:
        empty = [_is_missing(value) for value in (x, y)]
        if any(empty):
            if not all(empty):
                raise UnusableError(f"point {shown(name, 40)} has only one coordinate")
            return np.nan, np.nan
        return self._number(x, f"point {name[:40]} x"), self._number(y, f"point {name[:40]} y")

    def _state(self, cell: Any) -> int:
        word = cell.strip().lower() if isinstance(cell, str) else cell
        state = _STATE_OF.get(word) if word is None or isinstance(word, str) else None
        if state is not None:
            return state
        if isinstance(word, int | float) or re.fullmatch(r"[\d.]{1,20}", word, re.ASCII):
            self._numeric_states = True
            return Visibility.VISIBLE
        raise UnusableError(f"visibility {shown(cell, 20)} is none of visible, {', '.join(STATES[1:])}")

    def _add_point(self, where: str, cells: Sequence[Any]) -> None:
        key = (self._text(cells, "image"), self._text(cells, "face"))
        face = self._long.setdefault(key, _LongFace(where, cells))
        name = self._text(cells, "name") or self._text(cells, "point")
        if not name and key[1] == "":
            return  # an image without a face
        try:
            if not name:
                raise UnusableError("the point has neither number nor name")
            if len(face.names) >= MAX_POINTS:
                raise UnusableError(f"the face has more than {MAX_POINTS} points")
            fixed = self._layout.fixed
            face.places.append(self._pair(cells[fixed["x"]], cells[fixed["y"]], name))
            face.states.append(self._state(cells[fixed["visibility"]]) if "visibility" in fixed else 0)
            face.names.append(name)
        except UnusableError as error:
            face.problem = face.problem or str(error)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or (isinstance(value, float) and value != value)


def tags_of(text: str) -> tuple[str, ...]:
    """Tags of a cell: "blur;occlusion", or a JSON list where one has a semicolon."""
    if text.startswith("["):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, list):
            return tag_list(values)
    return tag_list(text.split(";"))


def tags_text(tags: Sequence[str]) -> str:
    """The cell that `tags_of` reads."""
    plain = ";".join(tags)
    return plain if tags_of(plain) == tuple(tags) else json.dumps(list(tags), ensure_ascii=False)


def extras_of(text: str) -> Mapping[str, Any]:
    """Extras of a cell; UnusableError for what is no JSON object."""
    if not text:
        return {}
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableError("the extras are not valid JSON") from error
    if not isinstance(values, dict):
        raise UnusableError("the extras are no JSON object")
    return values
