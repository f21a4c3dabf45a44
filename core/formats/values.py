"""Numbers and points out of files: every one finite, and somewhere near an image."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from core.errors import shown
from core.face import FloatArray

MAX_COORDINATE = 1e6
"""Image px; a coordinate beyond it is no place in any picture that can be read, but a damaged file."""

MAX_POINTS = 1000
"""Most points of a face, as in a scheme."""

# Possessive: a run of digits has one reading, and a long one that fits nowhere must not be split in every way.
NUMBER = re.compile(r"[+-]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+", re.ASCII)


class UnusableError(ValueError):
    """Why one entry of a data set cannot be used, in one clause; the rest of it can be."""


def number(text: str, name: str) -> float:
    """The number that `text` is; UnusableError, naming `name`, for anything else and for one far outside any image."""
    stripped = text.strip()
    if NUMBER.fullmatch(stripped) is None:
        raise UnusableError(f"{name}: {shown(text, 20)} is not a number")
    return coordinate(float(stripped), name)


def quick_numbers(cells: Sequence[Any]) -> FloatArray | None:
    """(K,) float64 of texts, or of numbers, where `number` or `coordinate` take each; None where that takes care."""
    try:
        values = np.array([float(cell) for cell in cells], dtype=np.float64)
        text = "".join(cells) if cells and isinstance(cells[0], str) else ""
    except (TypeError, ValueError, OverflowError):
        return None
    plain = text.isascii() and "_" not in text and (np.abs(values) <= MAX_COORDINATE).all()
    return values if plain else None


def coordinate(value: Any, name: str) -> float:
    """`value` as a finite float; UnusableError, naming `name`, if it is none or far outside any image."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableError(f"{name}: {shown(value, 20)} is not a number")
    if not abs(value) <= MAX_COORDINATE:  # not a number either
        what = "is not finite" if isinstance(value, float) and not math.isfinite(value) else "is far outside any image"
        raise UnusableError(f"{name}: {shown(value, 20)} {what}")
    return float(value)


def whole(value: Any, name: str, low: int, high: int) -> int:
    """`value` as a whole number in [low, high]; UnusableError, naming `name`, otherwise."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UnusableError(f"{name}: {shown(value, 20)} is not a whole number from {low} to {high}")
    return value


def pairs(values: Sequence[Any], name: str) -> FloatArray:
    """(N, 2) float64 from x, y, x, y ...; UnusableError, naming `name` and the index, for what is no coordinate."""
    if not values or len(values) % 2:
        raise UnusableError(f"{name}: has {len(values)} numbers, expected an even count")
    flat = [coordinate(value, f"{name}[{index}]") for index, value in enumerate(values)]
    return np.array(flat, dtype=np.float64).reshape(-1, 2)


def tag_list(tags: Iterable[Any]) -> tuple[str, ...]:
    """Tags as they may be kept: short, printable, each once, in their order; others are left out."""
    kept = (tag.strip() for tag in tags if isinstance(tag, str))
    return tuple(dict.fromkeys(tag for tag in kept if tag and len(tag) <= 100 and tag.isprintable()))


def number_array(texts: Sequence[str], name: str) -> FloatArray:
    """(K,) float64 of numbers as text; UnusableError, naming `name` and the index, where `number` would refuse one."""
    values = quick_numbers(texts)
    if values is None:  # the quick way does not say which
        values = np.array([number(text, f"{name} {index}") for index, text in enumerate(texts)], dtype=np.float64)
    return values
