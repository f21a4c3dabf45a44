"""From one scheme to another where it is known how: which points of the one make each point of the other.

Maps are TOML files, in resources/scheme_maps or the user's folder "scheme_maps"; the user's go first:

    source = "wflw-98"
    target = "mine"                     # a scheme that ships with Starmark, or the user's own
    approximate = ["pupil"]             # points that lie only near what the target means, if any

    [points]                            # every point of the target by name
    chin = 16                           # one point of the source, by index or name
    "mouth middle" = [76, 82]           # the mean of several
    pupil = { of = [60, 64, "right eye upper lid centre"], weights = [1, 1, 2] }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import SchemeError, shown
from core.face import FloatArray, Label, Visibility
from core.paths import user_home
from core.scheme import Scheme, get_scheme
from core.toml_file import read_toml

MAP_DIR = Path(__file__).resolve().parent.parent / "resources" / "scheme_maps"

_KEYS = {"source", "target", "approximate", "points"}
_NAMED = 8
"""Approximate points that a note names."""

Entry = tuple[tuple[int, float], ...]
"""What one point is made of: indices of source points, each with its weight; weights sum to 1."""


@dataclass(frozen=True, slots=True)
class SchemeMap:
    """How points of one scheme follow from those of another.

    Attributes:
        source, target: the schemes.
        entries: one a point of the target.
        approximate: indices of target points that lie only near what the target means, ascending.
    """

    source: Scheme
    target: Scheme
    entries: tuple[Entry, ...]
    approximate: tuple[int, ...] = ()

    def then(self, other: SchemeMap) -> SchemeMap:
        """This map, then `other`, whose source is this one's target."""
        entries = []
        rough = set(other.approximate)
        for index, entry in enumerate(other.entries):
            sums: dict[int, float] = {}
            for middle, weight in entry:
                for first, share in self.entries[middle]:
                    sums[first] = sums.get(first, 0.0) + weight * share
                if middle in self.approximate:
                    rough.add(index)
            entries.append(tuple(sorted(sums.items())))
        return SchemeMap(self.source, other.target, tuple(entries), tuple(sorted(rough)))

    def notes(self) -> list[str]:
        """What the user should know of labels that were converted."""
        notes = [f"Points were converted from {self.source.id} to {self.target.id}."]
        if self.approximate:
            names = [self.target.points[index] for index in self.approximate]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            listed = ", ".join(names[:_NAMED])
            notes.append(f"{len(names)} of {len(self.target)} points are approximations: {listed}{more}.")
        return notes


def convert_label(label: Label, scheme_map: SchemeMap) -> Label:
    """The label in the map's target scheme.

    A point is missing if any point that it is made of is; else occluded if any is; else outside if any is. It has the
    flags of all of them, and the least of their weights.

    Raises:
        SchemeError: the label does not follow the map's source.
    """
    source = scheme_map.source
    if label.scheme != source.id or len(label) != len(source):
        what = f"the label follows {label.scheme} ({len(label)} points), not {source.id} ({len(source)} points)"
        raise SchemeError(what, remedy="Choose the map from its own scheme")
    shares = _matrix(scheme_map)
    used = shares > 0
    lost = used[:, label.visibility == Visibility.MISSING].any(axis=1)
    points = shares @ np.nan_to_num(label.points)
    points[lost] = np.nan
    visibility = np.zeros(len(points), np.uint8)
    for state in (Visibility.OUTSIDE, Visibility.OCCLUDED, Visibility.MISSING):
        visibility[used[:, label.visibility == state].any(axis=1)] = state
    flags = np.bitwise_or.reduce(np.where(used, label.flags, 0), axis=1).astype(np.uint8)
    weights = np.where(used, label.weights, np.inf).min(axis=1).astype(np.float32)
    return Label(scheme_map.target.id, points, visibility, flags, weights)


@lru_cache(maxsize=16)
def _matrix(scheme_map: SchemeMap) -> FloatArray:
    """(T, S) weights; each row sums to 1."""
    matrix: NDArray[np.float64] = np.zeros((len(scheme_map.target), len(scheme_map.source)))
    for row, entry in enumerate(scheme_map.entries):
        for column, weight in entry:
            matrix[row, column] = weight
    return matrix


def user_maps_dir() -> Path:
    """Folder of the user's own maps, TOML files of any name (it may not exist yet)."""
    return user_home() / "scheme_maps"


@lru_cache(maxsize=1)
def _builtin() -> tuple[SchemeMap, ...]:
    return tuple(load_map(path) for path in sorted(MAP_DIR.glob("*.toml")))


def known_maps() -> list[SchemeMap]:
    """The user's maps, then those that ship with Starmark. SchemeError if a file of the user's is wrong."""
    return [*(load_map(path) for path in sorted(user_maps_dir().glob("*.toml"))), *_builtin()]


def find_map(source: str, target: str) -> SchemeMap:
    """The map between two schemes (ids): one that is known, else two in a row.

    Raises:
        SchemeError: there is none, or a file of the user's is wrong.
    """
    maps = known_maps()
    for known in maps:
        if (known.source.id, known.target.id) == (source, target):
            return known
    for first in maps:
        for second in maps:
            if (first.source.id, first.target, second.target.id) == (source, second.source, target):
                return first.then(second)
    ways = ", ".join(f"{known.source.id} to {known.target.id}" for known in maps)
    remedy = f"Known are {ways}; or put a mapping file into {user_maps_dir()}"
    raise SchemeError(f"it is not known how points of {shown(source)} become those of {shown(target)}", remedy=remedy)


def load_map(path: str | Path) -> SchemeMap:
    """Read one mapping file (TOML). SchemeError names the file, the key and the remedy."""
    return parse_map(read_toml(path, SchemeError, "the mapping file"), path)


def parse_map(data: Mapping[str, Any], where: str | Path) -> SchemeMap:
    """Validate the content of a mapping file. SchemeError names the file and the key."""
    for key in data:
        if key not in _KEYS:
            raise _bad(key, f"is unknown; known are {', '.join(sorted(_KEYS))}", where)
    for key in ("source", "target", "points"):
        if key not in data:
            raise _bad(key, "is missing", where)
    source, target = _scheme(data["source"], "source", where), _scheme(data["target"], "target", where)
    table = data["points"]
    if not isinstance(table, Mapping):
        raise _bad("points", "must be a table", where)
    for name in table:
        if name not in target.points:
            raise _bad(f"points.{name}", f"is no point of {target.id}", where)
    for name in target.points:
        if name not in table:
            raise _bad(f"points.{name}", "is missing; every point of the target needs a value", where)
    entries = tuple(_entry(table[name], source, f"points.{name}", where) for name in target.points)
    return SchemeMap(source, target, entries, _approximate(data.get("approximate", []), target, where))


def _scheme(value: object, key: str, where: str | Path) -> Scheme:
    if not isinstance(value, str):
        raise _bad(key, "must be the id of a scheme", where)
    try:
        return get_scheme(value)
    except SchemeError as error:
        raise SchemeError(f"key '{key}': {error.what}", where=error.where or where, remedy=error.remedy) from error


def _entry(value: object, source: Scheme, key: str, where: str | Path) -> Entry:
    given: object = None
    if isinstance(value, Mapping):
        if set(value) != {"of", "weights"}:
            raise _bad(key, "must have 'of' and 'weights', and nothing else", where)
        table: Mapping[str, object] = value
        value, given = table["of"], table["weights"]
        if not isinstance(value, list):
            raise _bad(f"{key}.of", "must be a list of points", where)
    members: list[object] = value if isinstance(value, list) else [value]
    indices = [_index(member, source, key, where) for member in members]
    if not indices:
        raise _bad(key, "must name at least one point", where)
    if len(set(indices)) != len(indices):
        raise _bad(key, "names a point twice", where)
    weights = [1.0] * len(indices) if given is None else _weights(given, len(indices), f"{key}.weights", where)
    whole = sum(weights)
    return tuple(sorted((index, weight / whole) for index, weight in zip(indices, weights, strict=True)))


def _weights(value: object, count: int, key: str, where: str | Path) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise _bad(key, f"must be a list of {count} numbers, one a point", where)
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int | float) or not 1e-6 <= item <= 1e6:
            raise _bad(key, f"has {shown(item)}, which is no number from 0.000001 to 1000000", where)
    return [float(item) for item in value]


def _index(value: object, source: Scheme, key: str, where: str | Path) -> int:
    if isinstance(value, str):
        if value not in source.points:
            raise _bad(key, f"names {shown(value)}, which is no point of {source.id}", where)
        return source.points.index(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(source):
        what = f"has {shown(value)}, which is no point of {source.id} by name or index (0 to {len(source) - 1})"
        raise _bad(key, what, where)
    return value


def _approximate(value: object, target: Scheme, where: str | Path) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise _bad("approximate", "must be a list of point names", where)
    for item in value:
        if not isinstance(item, str) or item not in target.points:
            raise _bad("approximate", f"has {shown(item)}, which is no point of {target.id}", where)
    return tuple(sorted({target.points.index(name) for name in value}))


def _bad(key: str, what: str, where: str | Path) -> SchemeError:
    return SchemeError(f"key '{shown(key)[1:-1]}' {what}", where=where, remedy="Correct the mapping file")
