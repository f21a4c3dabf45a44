"""How well typed letters fit a text: all must occur in their order, best at the beginnings of words and in a row."""

from __future__ import annotations

_START, _ROW, _LETTER = 8.0, 5.0, 1.0


def score(typed: str, text: str) -> float | None:
    """The larger the better; None if a letter does not occur. Case and blanks of `typed` do not count.

    Greedy from each place where the first letter occurs, which is exact enough for short texts and costs little.
    """
    wanted, low = "".join(typed.casefold().split()), text.casefold()
    if not wanted:
        return 0.0
    best: float | None = None
    start = low.find(wanted[0])
    while start >= 0:
        found = _from(wanted, low, start)
        if found is None:
            break  # from further on it fits even less
        best = found if best is None else max(best, found)
        start = low.find(wanted[0], start + 1)
    return None if best is None else best - 0.02 * len(text)


def _from(wanted: str, text: str, start: int) -> float | None:
    total, before = 0.0, -2
    at = start
    for letter in wanted:
        place = text.find(letter, at)
        if place < 0:
            return None
        word = place == 0 or not text[place - 1].isalnum()
        total += _LETTER + (_START if word else 0.0) + (_ROW if place == before + 1 else 0.0)
        before, at = place, place + 1
    return total
