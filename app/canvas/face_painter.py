"""How a face looks: a ground that edits leave alone, the still part of the label, and the points that are lively."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QTransform

from app.canvas import marks, palette
from app.canvas.face_paths import FacePaths
from app.canvas.model import FaceView, Layers
from core.face import FloatArray, PointFlag, Visibility

PAD_PX, NAME_PX = 30.0, 260.0
"""Screen px around a point that its marks and its number, or its name, may need."""
_FULL_SIZE_GAP = 13.0
"""Screen px between neighbouring points from which marks have their full size."""
_NUMBER_GAP, _NAME_GAP = 12.0, 60.0
"""Screen px between neighbouring points from which numbers, names are shown."""
_ELLIPSE_STYLE = {1: (1.6, 255), 2: (1.0, 255), 3: (1.0, 170)}
"""Pen width and opacity of each sigma level on the active face."""
_IDLE_STYLE = {1: (1.0, 170), 2: (1.0, 110), 3: (1.0, 70)}
_FILL, _LOUD_FILL = 48, 95
_LOUD_POINTS = 6
"""Selected points up to which their ellipses stand out and their names are shown even where there is no room: more
would hide the face, and are slow to paint in a drag."""
_IDLE_OPACITY = 0.55
"""Of all that is drawn of a face that is not being worked on."""
_ARROW_PX = 7.0
"""Length of an arrow's head, screen px."""
_TINT = 0.25
"""Of its mark's colour in the white of a number."""


@dataclass(slots=True)
class Frame:
    """One view of a face: where its points are on the screen, and how large marks may be.

    Attributes:
        world: image px to screen px.
        labels, means, shown: (N, 2) float64, screen px; `shown` is the one that stands for the point.
        size: diameter of a label's marker, screen px.
        shrink: 0.4 to 1, smaller where points are crowded on the screen.
        gap: screen px between neighbours.
        middle: of the face, screen px.
    """

    world: QTransform
    labels: FloatArray
    means: FloatArray
    shown: FloatArray
    size: float
    shrink: float
    gap: float
    middle: QPointF


class FacePainter:
    """Paints one face for given data and layers; keeps nothing but the room found for texts."""

    def __init__(self, face: FaceView, layers: Layers, paths: FacePaths, middle: tuple[float, float]) -> None:
        self.face, self.layers, self.paths = face, layers, paths
        self._middle = middle
        self._text_room: tuple[float, frozenset[int]] | None = None
        self._hidden = np.zeros(len(face.scheme), bool)
        if face.label is not None:
            self._hidden = np.isin(face.label.visibility, (Visibility.OCCLUDED, Visibility.OUTSIDE))

    def frame(self, world: QTransform) -> Frame:
        """The view through `world`, a scale and a shift."""
        scale, offset = world.m11(), np.array([world.dx(), world.dy()])
        labels, means = self.paths.labels * scale + offset, self.paths.means * scale + offset
        gap = self.paths.gap * scale
        shrink = float(np.clip(gap / _FULL_SIZE_GAP, 0.4, 1.0))
        size = max(self.layers.point_size * shrink * (1.0 if self.face.active else 0.8), 2.5)
        shown = np.where(np.isnan(labels), means, labels) if self.layers.labels else means
        return Frame(world, labels, means, shown, size, shrink, gap, world.map(QPointF(*self._middle)))

    def paint_ground(self, painter: QPainter, frame: Frame, area: QRectF) -> None:
        """Box, curves of the prediction, and ellipses within `area` (screen px): what does not depend on the label.

        The painter works in screen px.
        """
        layers, box = self.layers, self.face.box
        if layers.boxes and box is not None:
            colour, width = (palette.BOX, 2.0) if self.face.active else (palette.BOX_IDLE, 1.4)
            painter.setOpacity(1.0)
            marks.corners(painter, frame.world.mapRect(QRectF(box.x, box.y, box.w, box.h)), colour, width)
        if layers.ellipses:
            self._fade(painter, layers.opacity.ellipses)
            self._paint_ellipses(painter, frame, self._ellipses_within(frame, area))
        if layers.curves and layers.predictions:
            self._fade(painter, layers.opacity.curves * layers.opacity.predictions)
            self._draw_paths(painter, frame, self.paths.mean_curves, layers.colours.prediction)
        painter.setOpacity(1.0)

    def nothing_still(self, without: Collection[int]) -> bool:
        """Whether no point is left to be painted still where those of `without` are not: all are being dragged."""
        shown = ~(np.isnan(self.paths.labels[:, 0]) & np.isnan(self.paths.means[:, 0]))
        shown[list(without)] = False
        return not shown.any()

    def paint_still(self, painter: QPainter, frame: Frame, area: QRectF, without: Collection[int]) -> None:
        """The rest within `area` (screen px), less the labels of the points `without` and the curves through them.

        The painter works in screen px.
        """
        layers = self.layers
        if layers.curves and layers.labels:
            self._paint_curves(painter, frame, without)
        near = self._near(frame, area)
        near[list(without)] = False
        self._paint_marks(painter, frame, near)
        if layers.numbers or layers.names:
            self._fade(painter, 1.0)
            self._paint_texts(painter, frame, np.flatnonzero(near).tolist(), self._roomy(frame))
        painter.setOpacity(1.0)

    def _fade(self, painter: QPainter, opacity: float, loud: bool = False) -> None:
        """Opacity of a layer; what the user has in hand is always seen in full, other faces never."""
        painter.setOpacity(1.0 if loud else opacity * (1.0 if self.face.active else _IDLE_OPACITY))

    def paint_lively(
        self, painter: QPainter, frame: Frame, *, selected: Iterable[int], hovered: int | None, moved: Collection[int]
    ) -> None:
        """The points in the user's hand or eye, over the still part; the painter works in screen px."""
        count = len(frame.means)
        chosen = [i for i in selected if i < count]
        pointed = [] if hovered is None or hovered >= count else [hovered]
        loud = sorted({*chosen, *pointed})
        lively = np.zeros(count, bool)
        lively[[*loud, *moved]] = True
        stand_out = loud if len(loud) <= _LOUD_POINTS else pointed
        if self.layers.ellipses:
            self._paint_loud_ellipses(painter, frame, stand_out)
        if self.layers.curves and self.layers.labels:
            regions = self.face.scheme.regions
            numbers = [n for n, region in enumerate(regions) if not set(region.indices).isdisjoint(moved)]
            self._draw_paths(painter, frame, [self.paths.label_curves[n] for n in numbers], self.layers.colours.label)
        self._paint_marks(painter, frame, lively, loud=True)
        visible = self._visible(frame)
        rings = [i for i in chosen if visible[i]]
        marks.rings(painter, frame.shown[rings], frame.size + 9, self.layers.colours.selected, 2.0)
        rings = [i for i in pointed if visible[i] and i not in chosen]
        marks.rings(painter, frame.shown[rings], frame.size + 7, self.layers.colours.selected, 1.2)
        if self.layers.numbers or self.layers.names:
            if stand_out is not loud:
                lively[stand_out] = False
                self._paint_texts(painter, frame, np.flatnonzero(lively).tolist(), self._roomy(frame))
            self._paint_texts(painter, frame, stand_out, stand_out, loud=True)

    def paint_close(self, painter: QPainter, frame: Frame, index: int | None, area: QRectF) -> None:
        """What the loupe shows: curves, the ellipse of point `index`, and marks that leave their places open.

        The painter works in screen px, of which `area` is seen.
        """
        layers, colours = self.layers, self.layers.colours
        if layers.curves:
            if layers.predictions:
                self._draw_paths(painter, frame, self.paths.mean_curves, colours.prediction)
            if layers.labels:
                self._paint_curves(painter, frame, ())
        if layers.ellipses and index is not None:
            self._paint_loud_ellipses(painter, frame, [index])
        painter.setOpacity(1.0)
        near = self._near(frame, area)
        if layers.points and layers.predictions:
            places = frame.means[near & ~np.isnan(frame.means[:, 0])]
            marks.crosses(painter, places, 5.0, colours.prediction, 1.0, 1.0)
        if layers.points and layers.labels:
            others = near.copy()
            others[[] if index is None else [index]] = False
            marks.rings(painter, frame.labels[others & ~np.isnan(frame.labels[:, 0])], 8.0, colours.label, 1.4)

    # -- ellipses and curves -----------------------------------------------------------------------------------------

    def _ellipses_within(self, frame: Frame, area: QRectF) -> list[int]:
        paths, scale = self.paths, frame.world.m11()
        if paths.ellipses is None or not paths.levels:
            return []
        reach = paths.reach * scale
        low, high = frame.means - reach, frame.means + reach
        with np.errstate(invalid="ignore"):
            seen = (reach.max(axis=1) >= 1.0) & _overlaps(low, high, area)
        return np.flatnonzero(seen).tolist()

    def _paint_ellipses(self, painter: QPainter, frame: Frame, indices: Sequence[int]) -> None:
        paths, ratio = self.paths, painter.device().devicePixelRatioF()
        if not paths.ellipse_paths:  # a face without a prediction
            return
        colours, shades = palette.scale(self.layers.colour_scheme), paths.shades.tolist()
        painter.setWorldTransform(frame.world, True)
        if self.face.active and paths.levels:
            painter.setPen(Qt.PenStyle.NoPen)
            inner = paths.ellipse_paths[paths.levels[-1]]
            for i in indices:
                painter.setBrush(_fill(colours[shades[i]], _FILL))
                painter.drawPath(inner[i])  # type: ignore[arg-type]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for level in paths.levels:
            outlines = paths.ellipse_paths[level]
            width, alpha = (_ELLIPSE_STYLE if self.face.active else _IDLE_STYLE)[level]
            if width > 1.0:
                painter.setPen(marks.outline_pen(palette.HALO, width + 1.6, ratio))
                for i in indices:
                    painter.drawPath(outlines[i])  # type: ignore[arg-type]
            for i in indices:
                painter.setPen(marks.outline_pen(colours[shades[i]], width, ratio, alpha))
                painter.drawPath(outlines[i])  # type: ignore[arg-type]
        painter.setWorldTransform(frame.world.inverted()[0], True)

    def _paint_loud_ellipses(self, painter: QPainter, frame: Frame, loud: Sequence[int]) -> None:
        paths, ratio = self.paths, painter.device().devicePixelRatioF()
        colours = palette.scale(self.layers.colour_scheme)
        painter.setWorldTransform(frame.world, True)
        for i in loud:
            outlines = [path for level in paths.levels if (path := paths.ellipse_paths[level][i]) is not None]
            colour = colours[int(paths.shades[i])]
            if outlines:
                painter.fillPath(outlines[-1], _fill(colour, _LOUD_FILL - _FILL))
            for path in outlines:
                for width, rgb in ((4.0, palette.HALO), (2.0, colour)):
                    painter.setPen(marks.outline_pen(rgb, width, ratio))
                    painter.drawPath(path)
        painter.setWorldTransform(frame.world.inverted()[0], True)

    def _paint_curves(self, painter: QPainter, frame: Frame, without: Collection[int]) -> None:
        pairs = zip(self.face.scheme.regions, self.paths.label_curves, strict=True)
        curves = [curve for region, curve in pairs if set(region.indices).isdisjoint(without)]
        self._fade(painter, self.layers.opacity.curves * self.layers.opacity.labels)
        self._draw_paths(painter, frame, curves, self.layers.colours.label)

    def _draw_paths(
        self, painter: QPainter, frame: Frame, paths: Sequence[QPainterPath], colour: palette.RGB
    ) -> None:
        painter.setWorldTransform(frame.world, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        ratio, active = painter.device().devicePixelRatioF(), self.face.active
        painter.setPen(marks.outline_pen(colour, 1.4 if active else 1.0, ratio, 255 if active else 150))
        for path in paths:
            painter.drawPath(path)
        painter.setWorldTransform(frame.world.inverted()[0], True)

    # -- marks -------------------------------------------------------------------------------------------------------

    def _near(self, frame: Frame, area: QRectF) -> np.ndarray:
        # An arrow along and across leaves the straight way by half of it at most.
        bend = np.nan_to_num(np.abs(frame.labels - frame.means)) / 2 if self.layers.split else 0.0
        low = np.fmin(frame.shown, frame.means) - PAD_PX - bend
        high = np.fmax(frame.shown, frame.means) + PAD_PX + bend
        return _overlaps(low, high, area)

    def _visible(self, frame: Frame) -> np.ndarray:
        """(N,) bool: points of which anything is drawn."""
        layers = self.layers
        labelled = ~np.isnan(frame.labels[:, 0]) & layers.labels
        return labelled | (~np.isnan(frame.means[:, 0]) & (layers.predictions or layers.ellipses))

    def _paint_marks(self, painter: QPainter, frame: Frame, which: np.ndarray, loud: bool = False) -> None:
        layers, size, shrink = self.layers, frame.size, frame.shrink
        colours, opacity = layers.colours, layers.opacity
        labelled = ~np.isnan(frame.labels[:, 0]) & which & layers.labels
        predicted = ~np.isnan(frame.means[:, 0]) & which
        halo = marks.HALO_PX * shrink
        if layers.deviations:
            self._fade(painter, opacity.deviations, loud)
            self._paint_deviations(painter, frame, labelled & predicted)
        if layers.points and layers.predictions:
            self._fade(painter, opacity.predictions, loud)
            places = frame.means[predicted]
            marks.crosses(painter, places, size * 0.55, colours.prediction, 0.9 + 0.7 * shrink, halo)
        if layers.points:
            self._fade(painter, opacity.labels, loud)
            marks.discs(painter, frame.labels[labelled & ~self._hidden], size, colours.label, halo)
            marks.rings(painter, frame.labels[labelled & self._hidden], size * 0.9, colours.label)
            self._paint_flags(painter, frame, labelled)
        marked = self.paths.flagged & which & self._visible(frame)
        if layers.points or layers.ellipses:
            self._fade(painter, 1.0, loud)
            radius = size * 0.5 + 0.8 + 5 * shrink
            marks.triangles(painter, frame.shown[marked], radius, colours.ambiguous, 0.8 + 0.9 * shrink)

    def _paint_flags(self, painter: QPainter, frame: Frame, labelled: np.ndarray) -> None:
        """Square brackets around locked points, a pennant on those marked for a second look."""
        if self.face.label is None or not self.face.label.flags.any():
            return
        colours, flags = self.layers.colours, self.face.label.flags
        locked, marked = (labelled & ((flags & np.uint8(flag)) != 0) for flag in (PointFlag.LOCKED, PointFlag.MARKED))
        side = frame.size + 5 * frame.shrink
        marks.brackets(painter, frame.labels[locked], side, colours.label, 1.2)
        marks.pennants(painter, frame.labels[marked], side + 4, colours.ambiguous, 1.4)

    def _paint_deviations(self, painter: QPainter, frame: Frame, pairs: np.ndarray) -> None:
        """Arrows from the means to the labels of `pairs` (N,) bool, or one along and one across each major axis."""
        layers, width = self.layers, 1.0 + 0.4 * frame.shrink
        inset = frame.size / 2 + marks.HALO_PX * frame.shrink
        with np.errstate(invalid="ignore"):
            pairs = pairs & (np.hypot(*(frame.labels - frame.means).T) > frame.size * 0.5 + 1.5)
        whole = pairs
        if layers.split:
            corners = self.paths.corners() * frame.world.m11() + (frame.world.dx(), frame.world.dy())
            halves = pairs & ~np.isnan(corners[:, 0])
            whole = pairs & ~halves
            means, labels, corners = frame.means[halves], frame.labels[halves], corners[halves]
            marks.arrows(painter, corners, labels, layers.colours.across, width, _ARROW_PX, inset)
            marks.arrows(painter, means, corners, layers.colours.along, width, _ARROW_PX)
        means, labels = frame.means[whole], frame.labels[whole]
        marks.arrows(painter, means, labels, layers.colours.deviation, width, _ARROW_PX, inset)

    # -- texts -------------------------------------------------------------------------------------------------------

    def _paint_texts(
        self, painter: QPainter, frame: Frame, indices: Sequence[int], kept: Collection[int], loud: bool = False
    ) -> None:
        """Numbers or names outside each point, seen from the middle of the face."""
        visible = self._visible(frame)
        ratio = painter.device().devicePixelRatioF()
        for i in indices:
            if i not in kept or not visible[i]:
                continue
            labelled = self.layers.labels and not np.isnan(frame.labels[i, 0])
            colours = self.layers.colours
            colour = _tinted(colours.label if labelled else colours.prediction)
            full = self.layers.names and (loud or frame.gap >= _NAME_GAP)
            picture = marks.text(self._text(i, full), colour, self.layers.text_size, ratio)
            room = picture.deviceIndependentSize()
            marks.place_text(painter, picture, _beside(frame, frame.shown[i].tolist(), room))

    def _text(self, index: int, full: bool) -> str:
        return f"{index} {self.face.scheme.points[index]}" if full else str(index)

    def _roomy(self, frame: Frame) -> frozenset[int]:
        """The points whose text overlaps no earlier one; by the document's places, so that a drag hides no other."""
        if frame.gap < _NUMBER_GAP or not self.face.active:
            return frozenset()
        scale = frame.world.m11()
        if self._text_room is None or self._text_room[0] != scale:
            full = self.layers.names and frame.gap >= _NAME_GAP
            places = self.face.points * scale + (frame.world.dx(), frame.world.dy())
            wanted = np.flatnonzero(~np.isnan(places[:, 0])).tolist()
            rooms = [marks.text_size(self._text(i, full), self.layers.text_size) for i in wanted]
            centres = [_beside(frame, places[i].tolist(), room) for i, room in zip(wanted, rooms, strict=True)]
            # Half sizes; the outlines' margins may overlap.
            half = np.array([(room.width() / 2 - 2, room.height() / 2 - 3) for room in rooms]).reshape(-1, 2)
            middle = np.array([(centre.x(), centre.y()) for centre in centres]).reshape(-1, 2)
            meet = (np.abs(middle[:, None] - middle[None]) < half[:, None] + half[None]).all(axis=2)
            free = np.zeros(len(wanted), bool)
            for row in range(len(wanted)):
                free[row] = not (meet[row] & free).any()
            kept = [i for i, has_room in zip(wanted, free.tolist(), strict=True) if has_room]
            self._text_room = scale, frozenset(kept)
        return self._text_room[1]


def _beside(frame: Frame, point: Sequence[float], room: QSizeF) -> QPointF:
    """Middle of a text of size `room` for a point, on the side away from the middle of the face; screen px."""
    dx, dy = point[0] - frame.middle.x(), point[1] - frame.middle.y()
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    away = frame.size / 2 + 3
    return QPointF(
        point[0] + dx / length * (away + room.width() / 2), point[1] + dy / length * (away + room.height() / 2)
    )


def _overlaps(low: FloatArray, high: FloatArray, area: QRectF) -> np.ndarray:
    """(N,) bool: rectangles (N, 2) to (N, 2) that meet `area`; NaN ones do not."""
    return (
        (high[:, 0] >= area.left())
        & (low[:, 0] <= area.right())
        & (high[:, 1] >= area.top())
        & (low[:, 1] <= area.bottom())
    )


@lru_cache(maxsize=256)
def _fill(rgb: palette.RGB, alpha: int) -> QColor:
    return QColor(*rgb, alpha)


@lru_cache(maxsize=16)
def _tinted(rgb: palette.RGB) -> palette.RGB:
    red, green, blue = (round(255 + _TINT * (value - 255)) for value in rgb)
    return red, green, blue
