"""HTML and SVG by elements, so that nothing gets into a page unescaped.

Plain strings are text and are escaped; only what `element` and its kind return is taken as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from core.errors import one_line
from core.face import FloatArray

_VOID = frozenset(
    {"br", "img", "input", "link", "meta", "rect", "circle", "ellipse", "line", "path", "image", "polyline"}
)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Iterable["Child"] | None


def element(tag: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. In attributes' names "_" stands for "-", and one at the end is dropped (`class_`).

    True gives an attribute without a value, None and False none at all.
    """
    parts = [f"<{tag}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        shown = key.rstrip("_").replace("_", "-")
        parts.append(f" {shown}" if value is True else f' {shown}="{escape(_attribute(value))}"')
    if tag in _VOID:
        return Markup("".join([*parts, "/>"]))
    return Markup("".join([*parts, ">", join(children), f"</{tag}>"]))


def join(children: Child) -> Markup:
    """One after the other."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(escape(children))
    return Markup("".join(join(child) for child in children))


def named(text: str, **attributes: object) -> Markup:
    """A name from outside, such as a file's: control characters shown, and its writing direction kept to itself."""
    return element("bdi", one_line(text), **attributes)


def number(value: float, digits: int = 2, unit: str = "") -> str:
    """A number for people; a dash where it is not known."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return (text.replace("-", "−", 1) if float(text) else text.lstrip("-")) + unit


def _attribute(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def points(places: FloatArray) -> str:
    """The points (K, 2) of a polyline."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places.tolist())
