"""Which rows the list of images shows and in which order: worked out at once for few, in the background for many."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from core.work_status import STATUSES

if TYPE_CHECKING:
    from app.panels.image_model import ImageRow

AT_ONCE = 5000
"""Rows that are filtered and sorted while the user waits: a few milliseconds."""

_PART = 500
"""Rows between two looks at whether the job is still wanted, and sorted in one go: sorting lets no other thread in."""

T = TypeVar("T")

_BY_NEED = {status: place for place, status in enumerate(("disputed", "progress", "predicted", "new", "done"))}
assert set(_BY_NEED) == set(STATUSES)

ORDERS: dict[str, Callable[[ImageRow], Any] | None] = {
    "added": None,
    "name": lambda row: row.name.casefold(),
    "worst": lambda row: 1.0 if row.worst is None else -row.worst,
    "status": lambda row: _BY_NEED[row.status],
}
"""Sort keys; "worst": largest deviation first, unknown last; "status": what asks most for a look first."""


class Arrangement(NamedTuple):
    """Rows as shown, and the place of each by image id."""

    shown: list[ImageRow]
    place: dict[str, int]


def arrange(
    rows: Sequence[ImageRow], test: Callable[[ImageRow], bool] | None, order: str, check: Callable[[], object] = bool
) -> Arrangement:
    """The rows that pass, in that order; equal ones stay in the order of `rows`. `check` may raise to stop."""
    shown: list[ImageRow] = []
    for part in _parts(rows):
        check()
        shown += part if test is None else filter(test, part)
    key = ORDERS[order]
    if key is not None:
        shown = list(_merged(shown, key, check))
    check()
    places: dict[str, int] = {}
    for numbers in _parts(range(len(shown))):
        places.update((shown[place].id, place) for place in numbers)
        check()
    return Arrangement(shown, places)


def _merged(
    rows: Sequence[ImageRow], key: Callable[[ImageRow], Any], check: Callable[[], object]
) -> Iterator[ImageRow]:
    parts = []
    for part in _parts(rows):
        check()
        parts.append(sorted(part, key=key))
    return heapq.merge(*parts, key=key)


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + _PART] for start in range(0, len(rows), _PART))
