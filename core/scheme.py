"""Landmark schemes: point names, regions, flip pairs and normalisers, from TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import SchemeError, shown
from core.face import FloatArray
from core.files import is_file
from core.paths import user_home
from core.toml_file import read_toml

SCHEME_DIR = Path(__file__).resolve().parent.parent / "resources" / "schemes"

_KEYS = {"id", "title", "points", "regions", "flip", "normalisers", "default_normaliser"}
_REGION_KEYS = {"name", "indices", "closed", "edge", "edge_closed"}
_MAX_POINTS = 1000
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Region:
    """An ordered run of points along one facial contour.

    Attributes:
        name: such as "jaw".
        indices: point indices in order along the contour.
        closed: whether the contour returns to its first point.
        edge: whether the STAR network has an edge map for it.
        edge_closed: how the edge map draws it; differs from `closed` only where the reference's data sets do.
    """

    name: str
    indices: tuple[int, ...]
    closed: bool
    edge: bool
    edge_closed: bool


@dataclass(frozen=True, slots=True)
class Normaliser:
    """NME denominator: distance between the mean points of two index groups."""

    name: str
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A landmark markup.

    Attributes:
        id: stable short name, such as "300w-68".
        title: for people.
        points: one name a point, unique, in order.
        regions: contours; every point may be in none, one or several.
        flip: permutation; point i of a mirrored face is point flip[i] of the original.
        normalisers: the first is the default.
    """

    id: str
    title: str
    points: tuple[str, ...]
    regions: tuple[Region, ...]
    flip: tuple[int, ...]
    normalisers: tuple[Normaliser, ...]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def edge_groups(self) -> tuple[Region, ...]:
        """The regions that have an edge map, in the network's order."""
        return tuple(region for region in self.regions if region.edge)

    def normaliser(self, name: str | None = None) -> Normaliser:
        """The named normaliser, or the default one; SchemeError if there is none of that name."""
        if name is None:
            return self.normalisers[0]
        for candidate in self.normalisers:
            if candidate.name == name:
                return candidate
        known = ", ".join(n.name for n in self.normalisers)
        raise SchemeError(f"scheme {self.id} has no normaliser '{name}'", remedy=f"Use one of: {known}")

    def norm_distance(self, points: FloatArray, name: str | None = None) -> float:
        """Denominator of the NME for `points` (N, 2), image px; NaN where its points are missing."""
        pair = self.normaliser(name)
        left = points[list(pair.left)].mean(axis=0)
        right = points[list(pair.right)].mean(axis=0)
        return float(np.hypot(*(left - right)))

    def region_of(self, index: int) -> Region | None:
        """The first region holding point `index`, or None."""
        return next((region for region in self.regions if index in region.indices), None)


def parse_scheme(data: Mapping[str, Any], where: str | Path) -> Scheme:
    """Validate the content of a scheme file. SchemeError names the file and the key."""
    _check_keys(data, _KEYS, _KEYS - {"default_normaliser"}, "", where)
    names = _strings(data["points"], "points", where)
    count = len(names)
    if not 1 <= count <= _MAX_POINTS:
        raise _bad("points", f"has {count} names; 1 to {_MAX_POINTS} are allowed", where)
    if len(set(names)) != count:
        twice = next(n for n in names if names.count(n) > 1)
        raise _bad("points", f"has the name '{twice}' twice", where)
    regions = _regions(data["regions"], count, where)
    return Scheme(
        id=_string(data["id"], "id", where),
        title=_string(data["title"], "title", where),
        points=names,
        regions=regions,
        flip=_flip(data["flip"], count, where),
        normalisers=_normalisers(data["normalisers"], data.get("default_normaliser"), count, where),
    )


def load_scheme(path: str | Path) -> Scheme:
    """Read one scheme file (TOML). SchemeError names the file, the key and the remedy."""
    return parse_scheme(read_toml(path, SchemeError, "the scheme file"), path)


@lru_cache(maxsize=8)
def _builtin() -> dict[str, Scheme]:
    schemes = [load_scheme(path) for path in sorted(SCHEME_DIR.glob("*.toml"))]
    return {scheme.id: scheme for scheme in schemes}


def builtin_schemes() -> dict[str, Scheme]:
    """The schemes that ship with Starmark, by id."""
    return dict(_builtin())


def user_schemes_dir() -> Path:
    """Folder of the user's own schemes, one TOML file each; its file name is the scheme's id (it may not exist yet)."""
    return user_home() / "schemes"


def known_schemes() -> dict[str, Scheme]:
    """The schemes that ship with Starmark, then the user's, by id. SchemeError if a file of the user's is wrong."""
    own = [get_scheme(path.stem) for path in sorted(user_schemes_dir().glob("*.toml")) if path.stem not in _builtin()]
    return _builtin() | {scheme.id: scheme for scheme in own}


def get_scheme(name: str) -> Scheme:
    """A scheme by id, from those that ship with Starmark or from the user's folder, or by the path of a TOML file."""
    builtin = _builtin()
    if name in builtin:
        return builtin[name]
    if name.endswith(".toml"):
        return load_scheme(name)
    # A name from a file must stay a name: no path of it may lead out of the folder.
    file = user_schemes_dir() / f"{Path(name).name}.toml"
    if file.name == f"{name}.toml" and is_file(file):
        scheme = load_scheme(file)
        if scheme.id != name:
            raise _bad("id", f"is '{scheme.id}', but the file is named '{name}'", file)
        return scheme
    raise SchemeError(
        f"there is no scheme '{name}'",
        remedy=f"Use one of {', '.join(sorted(builtin))}, or put {name}.toml into {user_schemes_dir()}",
    )


def _bad(key: str, what: str, where: str | Path) -> SchemeError:
    key = key if len(key) <= _MAX_TEXT else key[:_MAX_TEXT] + "..."
    return SchemeError(f"key '{key}' {what}", where=where, remedy="Correct the scheme file")


def _check_keys(
    data: object, allowed: set[str], needed: set[str], at: str, where: str | Path
) -> None:
    if not isinstance(data, Mapping):
        raise _bad(at, "must be a table", where)
    for key in data:
        if key not in allowed:
            raise _bad(f"{at}{key}", f"is unknown; known are {', '.join(sorted(allowed))}", where)
    for key in sorted(needed):
        if key not in data:
            raise _bad(f"{at}{key}", "is missing", where)


def _string(value: object, key: str, where: str | Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _bad(key, "must be a text that is not empty", where)
    if len(value) > _MAX_TEXT or not value.isprintable():
        raise _bad(key, f"must be one line of at most {_MAX_TEXT} letters, not {shown(value)}", where)
    return value


def _strings(value: object, key: str, where: str | Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _bad(key, "must be a list of texts", where)
    return tuple(_string(item, f"{key}[{i}]", where) for i, item in enumerate(value))


def _flag(value: object, key: str, where: str | Path) -> bool:
    if not isinstance(value, bool):
        raise _bad(key, "must be true or false", where)
    return value


def _indices(value: object, key: str, count: int, where: str | Path) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise _bad(key, "must be a list of point indices", where)
    for item in value:
        if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item < count:
            raise _bad(key, f"has {shown(item)}, which is no point index from 0 to {count - 1}", where)
    if len(set(value)) != len(value):
        raise _bad(key, "names a point twice", where)
    return tuple(value)


def _regions(value: object, count: int, where: str | Path) -> tuple[Region, ...]:
    if not isinstance(value, list):
        raise _bad("regions", "must be a list of tables", where)
    regions = []
    for i, item in enumerate(value):
        at = f"regions[{i}]."
        _check_keys(item, _REGION_KEYS, {"name", "indices", "closed"}, at, where)
        closed = _flag(item["closed"], f"{at}closed", where)
        region = Region(
            name=_string(item["name"], f"{at}name", where),
            indices=_indices(item["indices"], f"{at}indices", count, where),
            closed=closed,
            edge=_flag(item.get("edge", True), f"{at}edge", where),
            edge_closed=_flag(item.get("edge_closed", closed), f"{at}edge_closed", where),
        )
        if len(region.indices) < (3 if region.closed else 2):
            raise _bad(f"{at}indices", "has too few points for a curve", where)
        regions.append(region)
    names = [region.name for region in regions]
    if len(set(names)) != len(names):
        raise _bad("regions", "has two regions of the same name", where)
    return tuple(regions)


def _flip(value: object, count: int, where: str | Path) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise _bad("flip", "must be a list of index pairs", where)
    flip = list(range(count))
    seen: set[int] = set()
    for i, pair in enumerate(value):
        indices = _indices(pair, f"flip[{i}]", count, where)
        if len(indices) != 2:
            raise _bad(f"flip[{i}]", "must be a pair", where)
        if seen & set(indices):
            raise _bad(f"flip[{i}]", "names a point that already has a partner", where)
        seen.update(indices)
        flip[indices[0]], flip[indices[1]] = indices[1], indices[0]
    return tuple(flip)


def _normalisers(
    value: object, default: object, count: int, where: str | Path
) -> tuple[Normaliser, ...]:
    if not isinstance(value, Mapping) or not value:
        raise _bad("normalisers", "must be a table with at least one entry", where)
    found = {}
    for name, pair in value.items():
        key = f"normalisers.{name}"
        if not isinstance(pair, list) or len(pair) != 2:
            raise _bad(key, "must be a pair of index lists", where)
        left, right = (_indices(side, key, count, where) for side in pair)
        found[name] = Normaliser(name, left, right)
    if default is None:
        return tuple(found.values())
    if not isinstance(default, str) or default not in found:
        raise _bad("default_normaliser", f"names {shown(default)}, which is not in 'normalisers'", where)
    first = found.pop(default)
    return (first, *found.values())
