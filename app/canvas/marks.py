"""Painting of marks with a dark halo, readable on any photo. Coordinates are screen px, points (K, 2) float64."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap

from app.canvas.palette import HALO, RGB
from app.canvas.stamps import stamp
from core.face import FloatArray

HALO_PX = 1.3
_TEXT_CACHE = 2048
_HEAD_FROM_PX = 4.0
"""Shorter arrows have no head."""
_HEAD_COS, _HEAD_SIN = -0.87, 0.5
"""Sides of an arrow's head: 150 degrees away from its direction."""
_WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))
_TRIANGLE = ((0.0, -1.0), (0.866, 0.5), (-0.866, 0.5))


@lru_cache(maxsize=512)
def pen(rgb: RGB, width: float, alpha: int = 255) -> QPen:
    """A pen with round ends for a painter in screen px. On ordinary screens width 1 is many times faster than any
    other, and opaque is faster than translucent."""
    return QPen(QColor(*rgb, alpha), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


@lru_cache(maxsize=512)
def outline_pen(rgb: RGB, width: float, ratio: float, alpha: int = 255) -> QPen:
    """The same for a painter in image px: `width` screen px at any zoom, `ratio` device pixels a screen pixel."""
    made = QPen(pen(rgb, width * ratio, alpha))  # the width of a cosmetic pen is in device pixels
    made.setCosmetic(True)
    return made


@lru_cache(maxsize=512)
def line_pen(rgb: RGB, width: float) -> QPen:
    """A pen for many straight lines: with square ends Qt paints them ten times faster than with round ones."""
    made = QPen(pen(rgb, width))
    made.setCapStyle(Qt.PenCapStyle.SquareCap)
    return made


def discs(painter: QPainter, points: FloatArray, diameter: float, rgb: RGB, halo: float = HALO_PX) -> None:
    """Filled circles around `points` (K, 2) with a dark outline `halo` px wide."""
    stamp(painter, points, _disc, diameter / 2 + halo, diameter, rgb, halo)


def _disc(painter: QPainter, diameter: float, rgb: RGB, halo: float) -> None:
    for width, colour in ((diameter + 2 * halo, HALO), (diameter, rgb)):
        painter.setPen(pen(colour, width))
        painter.drawPoint(QPointF(0, 0))


def rings(painter: QPainter, points: FloatArray, diameter: float, rgb: RGB, width: float = 1.8) -> None:
    """Open circles around `points` (K, 2) with a dark outline."""
    stamp(painter, points, _ring, (diameter + width) / 2 + HALO_PX, diameter, rgb, width)


def _ring(painter: QPainter, diameter: float, rgb: RGB, width: float) -> None:
    for stroke, colour in ((width + 2 * HALO_PX, HALO), (width, rgb)):
        painter.setPen(pen(colour, stroke))
        painter.drawEllipse(QPointF(0, 0), diameter / 2, diameter / 2)


def crosses(
    painter: QPainter, points: FloatArray, arm: float, rgb: RGB, width: float = 1.6, halo: float = HALO_PX
) -> None:
    """Upright crosses on `points` (K, 2) with a dark outline `halo` px wide; `arm` is the length from the centre."""
    lines = ((-arm, 0.0, arm, 0.0), (0.0, -arm, 0.0, arm))
    stamp(painter, points, _lines, arm + width / 2 + halo, lines, rgb, width, halo)


def crosshair(painter: QPainter, centre: QPointF, gap: float, arm: float, rgb: RGB) -> None:
    """Four thin lines that point at `centre` from `arm` px away and end `gap` px before it."""
    x, y = centre.x(), centre.y()
    lines = [QLineF(x + dx * gap, y + dy * gap, x + dx * arm, y + dy * arm) for dx, dy in _WAYS]
    segments(painter, lines, rgb, 1.0, 1.0)


def triangles(painter: QPainter, points: FloatArray, radius: float, rgb: RGB, width: float = 1.8) -> None:
    """Open triangles around `points` (K, 2), tip up, with a dark outline; `radius` is that of the circle through the
    corners."""
    corner = [(radius * x, radius * y) for x, y in _TRIANGLE]
    lines = tuple((*corner[i], *corner[(i + 1) % 3]) for i in range(3))
    stamp(painter, points, _lines, radius + width / 2 + HALO_PX, lines, rgb, width, HALO_PX)


def arrows(
    painter: QPainter, starts: FloatArray, ends: FloatArray, rgb: RGB, width: float, head: float, inset: float = 0.0
) -> None:
    """Arrows from `starts` to `ends`, (K, 2) screen px, with a dark outline; short ones have no head.

    Args:
        head: length of a head's sides, px; at most half of what is seen of the arrow.
        inset: the tip keeps this far from the end, which a mark covers, px.
    """
    if not len(starts):
        return
    way = ends - starts
    length = np.hypot(way[:, 0], way[:, 1])
    seen = length - inset
    unit = way / np.maximum(length, 1e-9)[:, None]
    tip = ends - inset * unit
    sides = np.minimum(head, seen / 2)[:, None]
    normal = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
    left = tip + sides * (_HEAD_COS * unit + _HEAD_SIN * normal)
    right = tip + sides * (_HEAD_COS * unit - _HEAD_SIN * normal)
    shafts = [QLineF(*a, *b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    corners = np.concatenate([left, tip, right], axis=1)[seen > _HEAD_FROM_PX].tolist()
    heads = [line for a, b, c, d, e, f in corners for line in (QLineF(a, b, c, d), QLineF(c, d, e, f))]
    segments(painter, shafts + heads, rgb, width)


def brackets(painter: QPainter, points: FloatArray, side: float, rgb: RGB, width: float = 1.4) -> None:
    """A pair of square brackets of height `side` around each of `points` (K, 2), with a dark outline."""
    lines, half, arm = [], side / 2, side / 4
    for sign in (-1, 1):
        x = sign * half
        lines.append((x, -half, x, half))
        lines += [(x, end, x - sign * arm, end) for end in (-half, half)]
    stamp(painter, points, _lines, side + width / 2 + HALO_PX, tuple(lines), rgb, width, HALO_PX)


def pennants(painter: QPainter, points: FloatArray, height: float, rgb: RGB, width: float = 1.4) -> None:
    """A small flag of that height above each of `points` (K, 2), with a dark outline."""
    foot = -height / 4
    top, tip = foot - height, height * 0.6
    lines = (
        (0.0, foot, 0.0, top),
        (0.0, top, tip, top + height / 4),
        (tip, top + height / 4, 0.0, top + height / 2),
    )
    stamp(painter, points, _lines, 1.25 * height + width / 2 + HALO_PX, lines, rgb, width, HALO_PX)


def _lines(
    painter: QPainter, lines: tuple[tuple[float, float, float, float], ...], rgb: RGB, width: float, halo: float
) -> None:
    """Straight lines with round ends and a dark outline `halo` px wide: one mark, to be stamped."""
    for stroke, colour in ((width + 2 * halo, HALO), (width, rgb)):
        painter.setPen(pen(colour, stroke))
        painter.drawLines([QLineF(*line) for line in lines])


def segments(painter: QPainter, lines: Sequence[QLineF], rgb: RGB, width: float, halo: float = HALO_PX) -> None:
    """Straight lines with a dark outline `halo` px wide."""
    if lines:
        for stroke, colour in ((width + 2 * halo, HALO), (width, rgb)):
            painter.setPen(line_pen(colour, stroke))
            painter.drawLines(lines)


def corners(painter: QPainter, rect: QRectF, rgb: RGB, width: float) -> None:
    """A box as four corner brackets, with a faint line between them."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen(rgb, 1, 90))
    painter.drawRect(rect)
    arm = min(18.0, rect.width() / 4, rect.height() / 4)
    lines = []
    for x, dx in ((rect.left(), arm), (rect.right(), -arm)):
        for y, dy in ((rect.top(), arm), (rect.bottom(), -arm)):
            lines += [QLineF(x, y, x + dx, y), QLineF(x, y, x, y + dy)]
    segments(painter, lines, rgb, width)


@lru_cache(maxsize=4)
def _font(size_px: int) -> QFont:
    font = QFont()
    font.setPixelSize(size_px)
    font.setWeight(QFont.Weight.DemiBold)
    return font


@lru_cache(maxsize=_TEXT_CACHE)
def text_size(content: str, size_px: int) -> QSizeF:
    """Size of what `text` makes, logical px."""
    metrics = QFontMetricsF(_font(size_px))
    return QSizeF(metrics.horizontalAdvance(content) + 6, metrics.height() + 4)


@lru_cache(maxsize=_TEXT_CACHE)
def text(content: str, rgb: RGB, size_px: int, ratio: float) -> QPixmap:
    """Text with a dark outline as a small picture: stroking glyphs is slow, so each is drawn once.

    Args:
        size_px: height of the font, logical px.
        ratio: device pixels a logical pixel.
    """
    font = _font(size_px)
    size, metrics = text_size(content, size_px), QFontMetricsF(font)
    picture = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    outline = QPainterPath()
    outline.addText(3, 2 + metrics.ascent(), font, content)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.strokePath(outline, pen(HALO, 2.6))
    painter.fillPath(outline, QColor(*rgb))
    painter.end()
    return picture


def place_text(painter: QPainter, picture: QPixmap, centre: QPointF) -> None:
    """Draw a picture from `text` around `centre`, on whole pixels so that it stays crisp."""
    size = picture.deviceIndependentSize()
    painter.drawPixmap(QPointF(round(centre.x() - size.width() / 2), round(centre.y() - size.height() / 2)), picture)
