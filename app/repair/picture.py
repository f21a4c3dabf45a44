"""A small picture of a face with its label before and after a repair. Drawn by workers."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from app.canvas.image import image_from_array
from app.jobs.repair import PlannedFace
from core.face import FloatArray
from core.images import read_image_data, read_reduced

BEFORE, AFTER, STAYS, GONE, WEIGHED = "#ff6b5e", "#4fe07f", "#ffffff", "#ff3b30", "#ffb020"
_BACKGROUND = "#282a30"
_MARGIN = 0.18
_LEAST_MOVE = 0.3
"""Px of the picture; a point that moves by less is drawn as one."""


def draw(face: PlannedFace, side: int) -> QImage:
    """`side` x `side` px: the photo around the face, points that stay small and white, before red, after green.

    ImageError if the photo cannot be read any more.
    """
    repair = face.repair
    left, top, extent = _window(repair.before.points, repair.after.points)
    picture = QImage(side, side, QImage.Format.Format_RGB32)
    picture.fill(QColor(_BACKGROUND))
    painter = QPainter(picture)
    try:
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        zoom = side / extent
        _draw_photo(painter, face, (left, top), zoom)
        _draw_points(painter, face, np.array([left, top]), zoom)
    finally:
        painter.end()
    return picture


def _window(before: FloatArray, after: FloatArray) -> tuple[float, float, float]:
    """Left, top and side, image px, of the square around both labels."""
    points = np.vstack([before, after])
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return 0.0, 0.0, 100.0
    low, high = known.min(axis=0), known.max(axis=0)
    extent = max(20.0, float((high - low).max()) * (1 + 2 * _MARGIN))
    left, top = (low + high) / 2 - extent / 2
    return float(left), float(top), extent


def _draw_photo(painter: QPainter, face: PlannedFace, corner: tuple[float, float], zoom: float) -> None:
    longer = max(face.size) if face.size is not None else 0
    wanted = max(1, math.ceil(longer * min(zoom, 1.0))) if longer else 4 * painter.device().width()
    reduced = read_reduced(read_image_data(face.path), face.path, wanted)
    painter.save()
    painter.scale(zoom, zoom)
    painter.translate(-corner[0], -corner[1])
    painter.setTransform(QTransform(*reduced.to_image.T[[0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]]), True)
    painter.translate(-0.5, -0.5)  # a painter's pixel covers [0, 1], ours has its centre at 0
    painter.drawImage(QPointF(0, 0), image_from_array(reduced.pixels))
    painter.restore()


def _draw_points(painter: QPainter, face: PlannedFace, corner: FloatArray, zoom: float) -> None:
    repair = face.repair
    before, after = ((label.points - corner) * zoom for label in (repair.before, repair.after))
    radius = max(1.6, painter.device().width() / 90)
    touched = set(repair.touched.tolist())
    moved = [i for i in touched if np.isfinite(after[i]).all() and repair.moves[i] * zoom >= _LEAST_MOVE]
    for index in range(len(after)):
        if index not in touched:
            _dot(painter, after[index], STAYS, 0.5 * radius, 150)
    painter.setPen(QPen(QColor(BEFORE), max(1.0, 0.5 * radius)))
    for index in moved:
        painter.drawLine(QPointF(*before[index]), QPointF(*after[index]))
    for index in moved:
        _dot(painter, before[index], BEFORE, 0.6 * radius, 220)
    for index in sorted(touched):
        if not np.isfinite(after[index]).all():
            _cross(painter, before[index], radius)
        elif repair.before.weights[index] != repair.after.weights[index]:
            _ring(painter, after[index], 1.6 * radius)
        else:
            _dot(painter, after[index], AFTER, 0.8 * radius, 255)


def _dot(painter: QPainter, at: FloatArray, colour: str, radius: float, alpha: int) -> None:
    if np.isfinite(at).all():
        fill = QColor(colour)
        fill.setAlpha(alpha)
        painter.setPen(QPen(QColor(14, 16, 20, alpha // 2), 0.6))
        painter.setBrush(fill)
        painter.drawEllipse(QPointF(*at), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _ring(painter: QPainter, at: FloatArray, radius: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(WEIGHED), 0.5 * radius))
    painter.drawEllipse(QPointF(*at), radius, radius)


def _cross(painter: QPainter, at: FloatArray, radius: float) -> None:
    painter.setPen(QPen(QColor(GONE), 0.7 * radius))
    x, y = at.tolist()
    painter.drawLine(QPointF(x - 1.4 * radius, y - 1.4 * radius), QPointF(x + 1.4 * radius, y + 1.4 * radius))
    painter.drawLine(QPointF(x - 1.4 * radius, y + 1.4 * radius), QPointF(x + 1.4 * radius, y - 1.4 * radius))
