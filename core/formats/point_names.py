"""Points that a file gives by name: in which order the scheme has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import shown
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
    folded = [_fold(name) for name in names]
    if len(set(folded)) != len(folded):
        twice = next(name for name in folded if folded.count(name) > 1)
        raise UnusableError(f"the point name {shown(twice, 40)} occurs twice")
    own = {_fold(name): index for index, name in enumerate(scheme.points)}
    if all(name in own for name in folded):
        return [own[name] for name in folded]
    return _by_number(folded, len(scheme))


def scheme_of_names(names: Sequence[str], scheme: Scheme | None) -> tuple[Scheme, list[int]] | None:
    """The scheme that has points of these names (`scheme`, if given), and the index of each; None if there is none.

    A scheme whose every point is named is preferred. UnusableError if a name occurs twice.
    """
    candidates = [scheme] if scheme else list(known_schemes().values())
    fitting = [(known, order) for known in candidates if (order := match_names(names, known)) is not None]
    whole = [pair for pair in fitting if len(pair[0]) == len(names)]
    return next(iter(whole or fitting), None)


def _by_number(folded: list[str], count: int) -> list[int] | None:
    matches = [_INDEX.fullmatch(name) for name in folded]
    stems = {name[: match.start(1)] for name, match in zip(folded, matches, strict=True) if match}
    if not folded or len(stems) != 1 or None in matches:
        return None
    numbers = [int(match[1]) for match in matches if match]
    if 0 not in numbers and count in numbers:
        numbers = [number - 1 for number in numbers]
    return numbers if max(numbers) < count else None


def _fold(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()
