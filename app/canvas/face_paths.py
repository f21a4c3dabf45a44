"""The Qt paths of one face, in image px, made once a change instead of once a repaint."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainterPath, QTransform

from app.canvas import palette, shapes
from app.canvas.model import FaceView, Layers
from core.face import FloatArray
from core.scheme import Region


def _unit_circle() -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QRectF(-1, -1, 2, 2))
    return path


class FacePaths:
    """Everything about a face that only depends on its data and on sizes of ellipses, not on zoom or window.

    Attributes:
        labels, means: (N, 2) float64, image px; NaN where there is none. `labels` follows a drag.
        ellipses: of the prediction, or None.
        levels: sigma levels drawn, largest first; empty where there is nothing to draw.
        ellipse_paths: for each level one path a point, None where there is no ellipse.
        shades: (N,) index into the colour scale.
        reach: (N, 2) float64, image px: half extent of the largest drawn ellipse; NaN where none is drawn.
        flagged: (N,) bool, ambiguous by the threshold.
        gap: typical distance between neighbours, image px.
    """

    def __init__(self, face: FaceView, layers: Layers) -> None:
        self.labels = face.label_points.copy()
        self.means = face.predicted_points
        self.gap = shapes.spacing(face.points)
        self._regions = face.scheme.regions
        self.label_curves = [curve_path(self.labels, region) for region in self._regions]
        self.mean_curves = [curve_path(self.means, region) for region in self._regions]
        self.set_layers(face, layers)

    def set_layers(self, face: FaceView, layers: Layers) -> None:
        """Follow a change of the ellipses' size, levels, or the threshold."""
        count = len(face.scheme)
        self.flagged = shapes.flagged(face, layers)
        self.ellipses = None if face.prediction is None else shapes.ellipses(face.prediction)
        self.levels: tuple[int, ...] = ()
        self.ellipse_paths: dict[int, list[QPainterPath | None]] = {}
        self.reach = np.full((count, 2), np.nan)
        self.shades = np.zeros(count, np.int64)
        if self.ellipses is None or not layers.sigma_levels:
            return
        self.levels = tuple(sorted(set(layers.sigma_levels), reverse=True))
        self.shades = palette.steps(self.ellipses.anisotropy)
        self.reach = self.ellipses.half_extent() * (self.levels[0] * layers.ellipse_scale)
        for level in self.levels:
            self.ellipse_paths[level] = _ellipse_paths(self.ellipses, level * layers.ellipse_scale)

    def move_labels(self, places: Mapping[int, Sequence[float]]) -> None:
        """Put points of the label at these places, image px (NaN takes one away), with the curves through them."""
        for index, xy in places.items():
            self.labels[index] = xy
        for number, region in enumerate(self._regions):
            if not places.keys().isdisjoint(region.indices):
                self.label_curves[number] = curve_path(self.labels, region)

    def corners(self) -> FloatArray:
        """(N, 2) image px: where each deviation's part along the major axis ends and that across it begins.

        mean + ((label - mean) . u) u with u the unit vector of the major axis; NaN without label or ellipse.
        """
        if self.ellipses is None:
            return np.full_like(self.labels, np.nan)
        axis = np.stack([np.cos(self.ellipses.angle), np.sin(self.ellipses.angle)], axis=1)
        along = ((self.labels - self.means) * axis).sum(axis=1, keepdims=True)
        corners: FloatArray = self.means + along * axis
        return corners

    def touched_by(self, indices: Collection[int]) -> FloatArray:
        """(K, 2) image px: points around all that is drawn of these points of the label, without marks."""
        rows = list(indices)
        parts = [self.labels[rows], self.means[rows], self.corners()[rows]]
        for region, curve in zip(self._regions, self.label_curves, strict=True):
            touched = [index for index in region.indices if index in indices]
            if len(touched) == 1:
                parts.append(shapes.touched_by(self.labels, region.indices, region.closed, touched[0]))
            elif touched and not curve.isEmpty():  # most of the curve: all of it, rather than a search for what stays
                area = curve.controlPointRect()
                parts.append(np.array([[area.left(), area.top()], [area.right(), area.bottom()]]))
        return np.concatenate(parts)

    def bounds(self) -> QRectF:
        """Area of all points and ellipses, image px."""
        means, reach = self.means, self.reach
        found = shapes.bounds(self.labels, means, means - reach, means + reach, self.corners())
        return QRectF() if found is None else QRectF(found[0], found[1], found[2] - found[0], found[3] - found[1])


def curve_path(points: FloatArray, region: Region) -> QPainterPath:
    """A region's smooth curve through `points` (N, 2), image px."""
    path = QPainterPath()
    for run in shapes.bezier_runs(points[list(region.indices)], region.closed):
        values = run.tolist()
        path.moveTo(*values[0])
        for i in range(1, len(values), 3):
            path.cubicTo(*values[i], *values[i + 1], *values[i + 2])
    return path


def _ellipse_paths(found: shapes.Ellipses, factor: float) -> list[QPainterPath | None]:
    circle = _unit_circle()
    paths: list[QPainterPath | None] = []
    columns = (found.centre[:, 0], found.centre[:, 1], found.major, found.minor, found.angle)
    for x, y, major, minor, angle in zip(*(column.tolist() for column in columns), strict=True):
        if not math.isfinite(major + x):
            paths.append(None)
            continue
        cos, sin = math.cos(angle), math.sin(angle)
        a, b = factor * major, factor * minor
        paths.append(QTransform(a * cos, a * sin, -b * sin, b * cos, x, y).map(circle))
    return paths
