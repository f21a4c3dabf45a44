"""The plots of docs/benchmark.md as SVG, written by hand: a few marks and axes need no plotting package."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from core.face import FloatArray

WIDTH = 720
FONT = "font-family='Helvetica, Arial, sans-serif'"
INK, FAINT = "#222", "#ddd"
COLOURS = {"star": "#0072b2", "star-free": "#56b4e9", "smoothl1": "#d55e00", "l1": "#e69f00"}
"""Okabe and Ito's colours, which all readers can tell apart."""

OTHER_COLOUR = "#555"


class Row(NamedTuple):
    """A named figure with its interval."""

    name: str
    value: float
    low: float
    high: float
    colour: str


class Axis(NamedTuple):
    """A scale from values `low` .. `high` to px `start` .. `end`, with its `ticks`."""

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Place of a value, px."""
        change: Callable[[float], float] = math.log if self.logarithmic else float
        share = (change(value) - change(self.low)) / (change(self.high) - change(self.low))
        return self.start + share * (self.end - self.start)


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, colour: str = INK) -> str:
    """Words at a place."""
    looks = f"text-anchor='{anchor}' font-size='{size}' fill='{colour}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {looks}>{escape(words)}</text>"


def line(x0: float, y0: float, x1: float, y1: float, colour: str = INK, width: float = 1, dash: str = "") -> str:
    """A straight line."""
    dashes = f" stroke-dasharray='{dash}'" if dash else ""
    ends = f"x1='{x0:.1f}' y1='{y0:.1f}' x2='{x1:.1f}' y2='{y1:.1f}'"
    return f"<line {ends} stroke='{colour}' stroke-width='{width}'{dashes}/>"


def dot(x: float, y: float, colour: str, radius: float = 4, opacity: float = 1) -> str:
    """A filled circle."""
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius}' fill='{colour}' fill-opacity='{opacity}'/>"


def curve(points: FloatArray, colour: str, width: float = 1.5, dash: str = "") -> str:
    """A polyline through points (K, 2) px."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f" stroke-dasharray='{dash}'" if dash else ""
    return f"<polyline points='{places}' fill='none' stroke='{colour}' stroke-width='{width}'{dashes}/>"


def picture(height: float, parts: Sequence[str], title: str) -> str:
    """The whole file, on white, since pages may be dark."""
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0f}' {FONT} role='img'>"
    ground = f"<rect width='{WIDTH}' height='{height:.0f}' fill='white'/>"
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, *parts, "</svg>\n"])


def intervals(title: str, rows: Sequence[Row], axis_name: str, ticks: Sequence[float], marked: float | None) -> str:
    """Figures with intervals under each other; a dashed line at `marked`, such as chance."""
    left, top, step = 250, 56, 26
    bottom = top + step * len(rows)
    axis = Axis(ticks[0], ticks[-1], left, WIDTH - 30, ticks)
    parts = [text(16, 26, title, size=16)]
    for tick in ticks:
        x = axis.at(tick)
        parts += [line(x, top - 8, x, bottom, FAINT), text(x, bottom + 18, f"{tick:g}", anchor="middle")]
    if marked is not None:
        parts.append(line(axis.at(marked), top - 8, axis.at(marked), bottom, INK, 1, "4 3"))
    for number, row in enumerate(rows):
        y = top + step * (number + 0.5)
        parts.append(text(left - 14, y + 4, row.name, anchor="end"))
        if math.isfinite(row.value):
            low, high = (axis.at(min(max(value, axis.low), axis.high)) for value in (row.low, row.high))
            parts += [line(low, y, high, y, row.colour, 2), dot(axis.at(row.value), y, row.colour)]
    parts.append(text((left + WIDTH - 30) / 2, bottom + 40, axis_name, anchor="middle"))
    return picture(bottom + 54, parts, title)


def rising(title: str, series: dict[str, list[Row]], xs: Sequence[float], x_name: str, y_name: str) -> str:
    """A line with intervals for each name over common places `xs`."""
    values = [value for rows in series.values() for row in rows for value in (row.low, row.high)]
    top, bottom, left = 56, 330, 70
    y_axis = _round_axis(min(values), max(values), bottom, top)
    x_axis = Axis(min(xs) - 0.15, max(xs) + 0.15, left, WIDTH - 210, xs)
    parts = [text(16, 26, title, size=16), *_grid(x_axis, y_axis, x_name, y_name)]
    for number, (name, rows) in enumerate(series.items()):
        places = [x_axis.at(x) + 6 * (number - (len(series) - 1) / 2) for x in xs]
        for (x0, one), (x1, two) in pairwise(zip(places, rows, strict=True)):
            parts.append(line(x0, y_axis.at(one.value), x1, y_axis.at(two.value), one.colour, 1.5))
        for x, row in zip(places, rows, strict=True):
            parts += [line(x, y_axis.at(row.low), x, y_axis.at(row.high), row.colour, 2)]
            parts.append(dot(x, y_axis.at(row.value), row.colour))
        y = top + 14 + 24 * number
        parts += [dot(WIDTH - 190, y - 4, rows[0].colour), text(WIDTH - 178, y, name)]
    return picture(bottom + 54, parts, title)


def scatter(title: str, groups: dict[str, tuple[FloatArray, FloatArray, str]], x_name: str, y_name: str) -> str:
    """Points (x, y) of each named group on equal logarithmic scales, with the line of equality."""
    values = [float(v) for x, y, _ in groups.values() for v in (*x, *y)]
    low, high = min(values) / 1.15, max(values) * 1.15
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= t <= high]
    top, bottom, left = 56, 420, 70
    x_axis, y_axis = Axis(low, high, left, left + 364, ticks, True), Axis(low, high, bottom, top, ticks, True)
    parts = [text(16, 26, title, size=16), *_grid(x_axis, y_axis, x_name, y_name)]
    parts.append(line(x_axis.start, y_axis.start, x_axis.end, y_axis.end, INK, 1, "4 3"))
    for number, (name, (x, y, colour)) in enumerate(groups.items()):
        parts += [dot(x_axis.at(a), y_axis.at(b), colour, 3, 0.7) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        place = top + 14 + 24 * number
        parts += [dot(x_axis.end + 24, place - 4, colour), text(x_axis.end + 36, place, name)]
    return picture(bottom + 54, parts, title)


def faces(title: str, panels: dict[str, list[tuple[FloatArray, str]]], side: float = 340) -> str:
    """Panels side by side, each of ellipses (K, 2) in units of the panel, [0, 1], with their colours."""
    parts = [text(16, 26, title, size=16)]
    for number, (name, shapes) in enumerate(panels.items()):
        x = 10 + number * (side + 10)
        parts.append(text(x + side / 2, 52, name, anchor="middle"))
        # What is larger than its panel is pressed flat at the edge, and so still seen to be too large.
        parts += [curve(np.clip(points, 0, 1) * side + [x, 60], colour, 1.2) for points, colour in shapes]
    return picture(side + 76, parts, title)


def _round_axis(low: float, high: float, start: float, end: float) -> Axis:
    """An axis over low .. high that begins and ends with a tick."""
    raw = (high - low) / 4 or 1.0
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return Axis(first * step, last * step, start, end, [k * step for k in range(first, last + 1)])


def _grid(x_axis: Axis, y_axis: Axis, x_name: str, y_name: str) -> list[str]:
    parts = []
    for tick in x_axis.ticks:
        x = x_axis.at(tick)
        parts += [line(x, y_axis.start, x, y_axis.end, FAINT), text(x, y_axis.start + 18, f"{tick:g}", anchor="middle")]
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        parts += [line(x_axis.start, y, x_axis.end, y, FAINT), text(x_axis.start - 8, y + 4, f"{tick:g}", anchor="end")]
    middle, height = (x_axis.start + x_axis.end) / 2, (y_axis.start + y_axis.end) / 2
    parts.append(text(middle, y_axis.start + 40, x_name, anchor="middle"))
    parts.append(f"<g transform='rotate(-90 20 {height:.1f})'>{text(20, height, y_name, anchor='middle')}</g>")
    return parts
