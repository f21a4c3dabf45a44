"""The report's figures as SVG: the map of ambiguity, histogram, coverage, and shares of verdicts.

Colours are classes, which the page's style fills in for light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from app.report.markup import Markup, element, number, points
from core.ambiguity import ellipse_axes
from core.coverage import OVERALL, Coverage, DistanceHistogram
from core.face import FloatArray
from core.geometry import region_spline
from core.landmark_statistics import AmbiguityMap
from core.scheme import Scheme

MAP_SHARE = 0.5
"""Share of labels that the ellipses of the map hold: those of more would lie over each other."""

_WIDTH, _HEIGHT = 460.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 24.0, 14.0, 46.0


def svg(
    width: float, height: float, title: str, *children: Markup, class_: str = "figure", role: str = "img"
) -> Markup:
    """A drawing with a name for those who cannot see it."""
    looks = {"viewBox": f"0 0 {width:.0f} {height:.0f}", "role": role, "aria_label": title, "class_": class_}
    return element("svg", *children, **looks)


def ellipse(centre: FloatArray, covariance: FloatArray, sigmas: float, class_: str) -> Markup | None:
    """The ellipse of a covariance (2, 2) around (2,), both in units of the drawing; None where it is not known."""
    if not (np.isfinite(centre).all() and np.isfinite(covariance).all()):
        return None
    axes = ellipse_axes(covariance, sigmas)
    place = f"translate({centre[0]:.1f} {centre[1]:.1f}) rotate({math.degrees(axes.angle):.0f})"
    return element(
        "ellipse",
        rx=f"{float(axes.semi_major):.1f}",
        ry=f"{float(axes.semi_minor):.1f}",
        transform=place,
        class_=class_,
    )


def ambiguity_figure(figure: AmbiguityMap, scheme: Scheme, notes: Sequence[str], side: float = 720.0) -> Markup:
    """The mean face with two ellipses at each landmark, a link to what is known of it; `notes` (N,) are its tips."""
    low, high = np.nanmin(figure.mean, axis=0) - 0.1, np.nanmax(figure.mean, axis=0) + 0.1
    scale = side / float((high - low).max())
    height = float((high - low)[1]) * scale
    width = float((high - low)[0]) * scale
    mean, centre = (figure.mean - low) * scale, (figure.centre - low) * scale
    sigmas = float(figure.tail.radius(MAP_SHARE))
    parts: list[Markup] = []
    for region in scheme.regions:
        curve = region_spline(mean, region)
        parts.append(element("polyline", points=points(curve), class_="contour"))
    for index in range(len(scheme)):
        shapes = [
            element("title", notes[index]),
            ellipse(mean[index], figure.predicted[index] * scale**2, sigmas, "predicted"),
            ellipse(centre[index], figure.actual[index] * scale**2, sigmas, "actual"),
            element("circle", cx=float(mean[index, 0]), cy=float(mean[index, 1]), r=2.5, class_="dot"),
        ]
        parts.append(element("a", shapes, href=f"#landmark-{index}", class_="landmark", data_point=index))
    return svg(
        width,
        height,
        "Map of ambiguity: predicted and actual scatter of each landmark",
        *parts,
        class_="map",
        role="group",
    )


def verdict_bar(counts: Mapping[str, int]) -> Markup:
    """Shares of verdicts of points, as one bar."""
    total, x, parts = sum(counts.values()), 0.0, []
    for name, count in counts.items():
        width = 1000 * count / total
        tip = element("title", f"{name}: {count:,} points, {100 * count / total:.2f} %")
        shape = element("rect", x=x, y=0.0, width=max(width, 1.0), height=28.0, class_=f"v-{name}")
        parts.append(element("g", tip, shape))
        x += width
    return element(
        "svg", parts, viewBox="0 0 1000 28", preserveAspectRatio="none", role="img", aria_label="Verdicts of points",
        class_="bar",
    )  # fmt: skip


def histogram_figure(histogram: DistanceHistogram) -> Markup:
    """Distances of labels as bars, with what is expected of right labels as a line."""
    bins = len(histogram.share)
    top = max(float(histogram.share.max()), float(histogram.expected.max())) * 1.05
    step = (_WIDTH - _LEFT - _RIGHT) / bins
    parts = _frame("distance in standard deviations", "share of labels")
    for tick in _round_ticks(top):
        parts += _y_tick(tick / top, f"{100 * tick:g} %")
    for place, share in enumerate(histogram.share.tolist()):
        first, last = histogram.edges[place], histogram.edges[place + 1]
        reach = f"{first:g} and more" if math.isinf(last) else f"{first:g} to {last:g}"
        tip = element("title", f"{reach}: {100 * share:.2f} %, expected {100 * histogram.expected[place]:.2f} %")
        height = (_HEIGHT - _TOP - _BOTTOM) * share / top
        x, y = _LEFT + place * step + 0.5, _HEIGHT - _BOTTOM - height
        looks = {"x": x, "y": y, "width": step - 1, "height": max(height, 0.5), "class_": "filled"}
        parts.append(element("g", tip, element("rect", **looks)))
    middles = _LEFT + (np.arange(bins) + 0.5) * step
    line = np.stack([middles, _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * histogram.expected / top], -1)
    parts.append(element("polyline", points=points(line), class_="expected"))
    for edge in range(int(histogram.edges[-2]) + 1):
        x = _LEFT + step * edge / float(histogram.edges[1])
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{edge}"))
    parts.append(_text(_WIDTH - _RIGHT - step / 2, _HEIGHT - _BOTTOM + 18, "+"))
    return svg(_WIDTH, _HEIGHT, "Distances of labels beside those expected of right ones", *parts)


def coverage_figure(rows: Sequence[Coverage]) -> Markup:
    """Real against nominal shares: all landmarks with intervals, each region as a thin line."""
    low = math.floor(10 * min(0.4, *(row.interval.low for row in rows if row.region == OVERALL))) / 10
    parts = _frame("share that the ellipse is to hold", "share of labels inside")

    def at(nominal: float, real: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * (nominal - low) / (1 - low)
        return x, _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (max(real, low) - low) / (1 - low)

    ticks = np.arange(low, 1.001, 0.1)
    for tick in ticks:
        parts += _y_tick((float(tick) - low) / (1 - low), f"{100 * tick:.0f} %")
        parts.append(_text(at(float(tick), low)[0], _HEIGHT - _BOTTOM + 18, f"{100 * tick:.0f} %"))
    (x0, y0), (x1, y1) = at(low, low), at(1.0, 1.0)
    parts.append(element("line", x1=x0, y1=y0, x2=x1, y2=y1, class_="ideal"))
    regions: dict[str, list[Coverage]] = {}
    for row in rows:
        regions.setdefault(row.region, []).append(row)
    for name, of_it in regions.items():
        line = np.array([at(row.nominal, row.real) for row in of_it])
        overall = name == OVERALL
        shape = element("polyline", points=points(line), class_="overall" if overall else "region")
        parts.append(element("g", element("title", "all landmarks" if overall else name), shape))
    for row in regions[OVERALL]:
        (x, y), (_, bottom), (_, upper) = (at(row.nominal, v) for v in (row.real, row.interval.low, row.interval.high))
        tip = f"{100 * row.nominal:g} % ellipses hold {100 * row.real:.1f} % ({_interval(row)})"
        parts.append(element("line", x1=x, y1=bottom, x2=x, y2=upper, class_="error"))
        parts.append(element("g", element("title", tip), element("circle", cx=x, cy=y, r=4.0, class_="overall-dot")))
    return svg(_WIDTH, _HEIGHT, "Coverage: nominal against real shares of labels in ellipses", *parts)


def interval_figure(offset: float, low: float, high: float, reach: float) -> Markup:
    """A small line of an offset with its interval about zero, from -`reach` to `reach`."""

    def at(value: float) -> float:
        return 60 + 56 * max(-1.0, min(1.0, value / reach))

    parts = [
        element("line", x1=60.0, y1=1.0, x2=60.0, y2=15.0, class_="grid"),
        element("line", x1=at(low), y1=8.0, x2=at(high), y2=8.0, class_="error"),
        element("circle", cx=at(offset), cy=8.0, r=3.5, class_="overall-dot"),
    ]
    words = f"{number(offset)} %, from {number(low)} to {number(high)} %"
    return svg(120, 16, words, *parts, class_="spark")


def _interval(row: Coverage) -> str:
    return f"95 % interval {100 * row.interval.low:.1f} to {100 * row.interval.high:.1f} %"


def _frame(x_name: str, y_name: str) -> list[Markup]:
    bottom = _HEIGHT - _BOTTOM
    turn = f"translate(13 {(_TOP + bottom) / 2:.0f}) rotate(-90)"
    return [
        element("line", x1=_LEFT, y1=bottom, x2=_WIDTH - _RIGHT, y2=bottom, class_="axis"),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_name),
        element("text", y_name, transform=turn, text_anchor="middle"),
    ]


def _y_tick(share: float, words: str) -> list[Markup]:
    y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share
    line = element("line", x1=_LEFT, y1=y, x2=_WIDTH - _RIGHT, y2=y, class_="grid")
    return [line, _text(_LEFT - 6, y + 4, words, "end")]


def _text(x: float, y: float, words: str, anchor: str = "middle") -> Markup:
    return element("text", words, x=x, y=y, text_anchor=anchor)


def _round_ticks(top: float) -> list[float]:
    """Four to eight round values up to `top` > 0."""
    step = 10 ** math.floor(math.log10(top))
    step = next(step * part for part in (1.0, 0.5, 0.2, 0.1) if top / (step * part) >= 4)
    return [float(value) for value in np.arange(0.0, top, step)]
