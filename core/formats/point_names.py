"""Points that a file gives by name: in which order the scheme has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from core.errors import FormatError, shown
from core.formats.values import UnusableError
from core.scheme import Scheme, known_schemes

_INDEX = re.compile(r"(?:[A-Za-z_]{0,20}[ _-]?)?(\d{1,4})", re.ASCII)


def match_names(names: Sequence[str], scheme: Scheme) -> list[int] | None:
    """For each of `names` the index of its point in `scheme`, None where they are not that scheme's names.

    Names are the scheme's own, whatever their case; or numbers, perhaps behind a common word ("7", "p07", "point_7"),
    counted from 0, or from 1 where there is no 0 but one as high as the number of points. Not all need be named.

    Raises:
        UnusableError: a name occurs twice.
    """
    folded = [fold_name(name) for name in names]
    if len(set(folded)) != len(folded):
        twice = Counter(folded).most_common(1)[0][0]
        raise UnusableError(f"the point name {shown(twice, 40)} occurs twice")
    own = {fold_name(name): index for index, name in enumerate(scheme.points)}
    if all(name in own for name in folded):
        return [own[name] for name in folded]
    return _by_number(folded, len(scheme))


def scheme_of_names(names: Sequence[str], scheme: Scheme | None) -> tuple[Scheme, list[int]] | None:
    """The scheme that has points of these names (`scheme`, if given), and the index of each; None if there is none.

    A scheme whose every point is named is preferred; numbers must name every point of one, since a few of them could be
    of any. UnusableError if a name occurs twice.
    """
    candidates = [scheme] if scheme else list(known_schemes().values())
    fitting = [(known, order) for known in candidates if (order := match_names(names, known)) is not None]
    whole = [pair for pair in fitting if len(pair[0]) == len(names)]
    if not whole and scheme is None:
        fitting = [pair for pair in fitting if fold_name(names[0]) in {fold_name(name) for name in pair[0].points}]
    return next(iter(whole or fitting), None)


def _by_number(folded: list[str], count: int) -> list[int] | None:
    matches = [_INDEX.fullmatch(name) for name in folded]
    stems = {name[: match.start(1)] for name, match in zip(folded, matches, strict=True) if match}
    if not folded or len(stems) != 1 or None in matches:
        return None
    numbers = [int(match[1]) for match in matches if match]
    if 0 not in numbers and count in numbers:
        numbers = [number - 1 for number in numbers]
    if len(set(numbers)) != len(numbers):
        raise UnusableError("a point is given twice, as a number with and without zeros before it")
    return numbers if max(numbers) < count else None


def fold_name(name: str) -> str:
    """The name as it is compared: whatever its case, with single spaces for spaces and underscores."""
    return " ".join(name.replace("_", " ").split()).casefold()


class NamedPoints:
    """Where the point names of a file belong, decided once for all of its faces.

    A face alone does not tell: one that lacks its last point would look as if it were counted from 0.

    Attributes:
        scheme: the scheme that the names are of: `scheme` if given, else the known one that has most of them.
    """

    def __init__(self, faces: Iterable[Sequence[str]], scheme: Scheme | None, where: str | Path) -> None:
        """FormatError where the names are of no known scheme (or not of `scheme`)."""
        counts: Counter[str] = Counter()
        for names, times in Counter(tuple(names) for names in faces).items():
            for name in dict.fromkeys(map(fold_name, names)):
                counts[name] += times
        found = _own_names(counts, scheme) or _numbers(counts, scheme)
        if found is None:
            raise _no_scheme(counts, scheme, where)
        self.scheme, self._index, self._notes = found
        self._orders: dict[tuple[str, ...], list[int]] = {}

    def knows(self, name: str) -> bool:
        """Whether the scheme has a point of that name."""
        return fold_name(name) in self._index

    def order(self, names: Sequence[str]) -> list[int]:
        """For each of a face's names the index of its point.

        Raises:
            UnusableError: a name is not of the scheme, or occurs twice.
        """
        key = tuple(names)
        if key not in self._orders:
            for name in key:
                if not self.knows(name):
                    raise UnusableError(f"{shown(name, 40)} is no point of scheme {self.scheme.id}")
            order = [self._index[fold_name(name)] for name in key]
            if len(set(order)) != len(order):
                twice = next(name for name, index in zip(key, order, strict=True) if order.count(index) > 1)
                raise UnusableError(f"the point {shown(twice, 40)} occurs twice")
            if len(self._orders) >= _MAX_ORDERS:
                return order
            self._orders[key] = order
        return self._orders[key]

    def notes(self) -> list[str]:
        """What was assumed or done, for the user to check."""
        notes = list(self._notes)
        if any(order != sorted(order) for order in self._orders.values()):
            notes.append(f"The file has its points in another order than scheme {self.scheme.id}; names decided.")
        unused = len(self.scheme) - len(set(self._index.values()))
        if unused:
            notes.append(f"The file has no {unused} of the {len(self.scheme)} points of scheme {self.scheme.id}.")
        return notes


_Found = tuple[Scheme, dict[str, int], list[str]]
_MAX_ORDERS = 1000


def _own_names(counts: Counter[str], scheme: Scheme | None) -> _Found | None:
    """The scheme that has most of the names, and of these the one with fewest others; None if it has not half."""
    best: tuple[int, int, Scheme, dict[str, int]] | None = None
    for known in [scheme] if scheme else known_schemes().values():
        own = {fold_name(name): index for index, name in enumerate(known.points)}
        index = {name: own[name] for name in counts if name in own}
        rank = (sum(counts[name] for name in index), len(index) - len(known))
        if best is None or rank > best[:2]:
            best = (*rank, known, index)
    if best is None or not best[3] or 2 * best[0] < counts.total():
        return None
    return best[2], best[3], []


def _numbers(counts: Counter[str], scheme: Scheme | None) -> _Found | None:
    """Points that are only counted, from 0 or from 1. Without `scheme` the last must be some scheme's last."""
    by_stem: dict[str, dict[int, list[str]]] = {}
    for name in counts:
        match = _INDEX.fullmatch(name)
        if match is not None:
            by_stem.setdefault(name[: match.start(1)], {}).setdefault(int(match[1]), []).append(name)
    if not by_stem:
        return None
    numbers = max(by_stem.values(), key=lambda found: sum(counts[name] for names in found.values() for name in names))
    first, last = min(numbers), max(numbers)
    for known in [scheme] if scheme else known_schemes().values():
        base = 1 if first == 1 and last == len(known) else 0
        whole = first == base and last == len(known) - 1 + base
        if whole or (scheme is not None and last < len(known)):
            index = {name: number - base for number, names in numbers.items() for name in names}
            notes = [f"Points are given by number, the first being {base}."]
            return known, index, notes
    return None


def _no_scheme(counts: Counter[str], scheme: Scheme | None, where: str | Path) -> FormatError:
    some = ", ".join(shown(name, 30) for name in list(counts)[:3]) or "none"
    what = f"the names of its {len(counts)} points are those of no known scheme (they begin with {some})"
    remedy = "Name the scheme, or write one with these names"
    if scheme is not None:
        what = f"the names of its {len(counts)} points are not those of scheme {scheme.id} (they begin with {some})"
        remedy = "Choose the scheme that has them"
    return FormatError(what, where=where, remedy=remedy)
