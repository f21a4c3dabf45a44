"""One face in the scene: a single item that paints everything in a few batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import marks, palette, shapes
from app.canvas.face_paths import FacePaths
from app.canvas.hit import Target
from app.canvas.model import FaceView, Layers
from core.face import FloatArray, Visibility

_PAD_PX = 30.0
"""Screen px around a point that its marks and its number may need."""
_NAME_PX = 260.0
_FULL_SIZE_GAP = 13.0
"""Screen px between neighbouring points from which marks have their full size."""
_NUMBER_GAP, _NAME_GAP = 12.0, 60.0
_TEXT_PX = 11
_ELLIPSE_STYLE = {1: (1.6, 255), 2: (1.0, 215), 3: (1.0, 135)}
"""Pen width and opacity for each sigma level."""
_NUMBER_LABEL, _NUMBER_PREDICTION = (255, 236, 210), (214, 236, 255)


@dataclass(slots=True)
class _Frame:
    """What one call of paint works with: screen places, who is in sight, and the size of marks."""

    world: QTransform
    labels: FloatArray
    means: FloatArray
    near: np.ndarray
    shrink: float
    gap: float


class FaceItem(QGraphicsItem):
    """Paints a `FaceView`; a drag, a selection and a hover repaint only what they touch."""

    def __init__(self, face: FaceView, layers: Layers, zoom: float) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._layers = layers
        self._zoom = zoom
        self._selected: frozenset[int] = frozenset()
        self._hovered: int | None = None
        self._moved: dict[int, tuple[float, float]] = {}
        self._bounds = QRectF()
        self.set_face(face)

    # -- what to show ------------------------------------------------------------------------------------------------

    @property
    def face(self) -> FaceView:
        """The face as last given."""
        return self._face

    def set_face(self, face: FaceView) -> None:
        """Show another state of the face; points moved ahead of the document are forgotten."""
        self.prepareGeometryChange()
        self._face = face
        self._moved = {}
        self._paths = FacePaths(face, self._layers)
        self._after_new_paths()

    def set_active(self, active_face: FaceView) -> None:
        """Show the same face as (in)active."""
        self._face = active_face
        self.setZValue(2 if active_face.active else 1)
        self.update()

    def set_layers(self, layers: Layers) -> None:
        """Show other layers or sizes."""
        self.prepareGeometryChange()
        self._layers = layers
        self._paths.set_layers(self._face, layers)
        self._after_new_paths()

    def set_zoom(self, zoom: float) -> None:
        """Marks keep their size on the screen, so they cover another area of the image."""
        self.prepareGeometryChange()
        self._zoom = zoom

    def set_selected(self, indices: frozenset[int]) -> None:
        """Ring these points."""
        changed = self._selected ^ indices
        self._selected = indices
        for index in changed:
            self._update_point(index)

    def set_hovered(self, index: int | None) -> None:
        """Emphasise this point."""
        before, self._hovered = self._hovered, index
        for changed in {before, index} - {None}:
            self._update_point(int(changed))  # type: ignore[arg-type]

    def move_point(self, index: int, xy: tuple[float, float] | None) -> None:
        """Show point `index` at `xy`, image px, ahead of the document; None puts it back."""
        before = self._paths.touched_by(index)
        if xy is None:
            self._moved.pop(index, None)
            self._paths.move_label(index, self._face.label_points[index].tolist())
        else:
            self._moved[index] = xy
            self._paths.move_label(index, xy)
        area = self._padded(shapes.bounds(before, self._paths.touched_by(index)))
        if not self._bounds.contains(area):
            self.prepareGeometryChange()
            self._bounds = self._bounds.united(area)
        self.update(area)

    @property
    def moved(self) -> dict[int, tuple[float, float]]:
        """Points shown ahead of the document, image px."""
        return self._moved

    def shown_point(self, index: int) -> tuple[float, float] | None:
        """Place of a point as drawn, image px: of the label, else of the prediction; None if it has neither."""
        for points in (self._paths.labels, self._paths.means):
            if np.isfinite(points[index]).all():
                return float(points[index, 0]), float(points[index, 1])
        return None

    def target(self) -> Target:
        """What of this face the mouse can hit, by the layers that are shown."""
        nothing = np.zeros((0, 2))
        labels, means = self._paths.labels, self._paths.means
        labelled = ~np.isnan(labels[:, :1])
        movable, fixed = nothing, nothing
        if self._layers.labels:
            movable = labels
        if self._layers.predictions or self._layers.ellipses:
            free = np.where(labelled, np.nan, means)
            movable = np.where(labelled, movable, free) if len(movable) else free
            fixed = np.where(labelled, means, np.nan)
        if not self._layers.points:  # what is not drawn must not be moved
            movable, fixed = nothing, np.where(np.isnan(movable), fixed, movable) if len(movable) else fixed
        return Target(self._face.face_id, movable, fixed, self._face.active, self._face.box)

    # -- geometry ----------------------------------------------------------------------------------------------------

    def _after_new_paths(self) -> None:
        self.setZValue(2 if self._face.active else 1)
        self._bounds = self._paths.bounds()
        box = self._face.box
        if box is not None:
            self._bounds = self._bounds.united(QRectF(box.x, box.y, box.w, box.h))
        centre = shapes.bounds(self._face.points)
        self._middle = (0.0, 0.0) if centre is None else ((centre[0] + centre[2]) / 2, (centre[1] + centre[3]) / 2)
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        if self._bounds.isNull():
            return QRectF()
        pad = self._pad()
        return self._bounds.adjusted(-pad, -pad, pad, pad)

    def _pad(self) -> float:
        return (_NAME_PX if self._layers.names else _PAD_PX) / max(self._zoom, 1e-9)

    def _padded(self, area: tuple[float, float, float, float] | None) -> QRectF:
        if area is None:
            return QRectF()
        pad = self._pad()
        return QRectF(QPointF(area[0], area[1]), QPointF(area[2], area[3])).adjusted(-pad, -pad, pad, pad)

    def _update_point(self, index: int) -> None:
        if index >= len(self._paths.means):
            return
        mean, reach = self._paths.means[[index]], self._paths.reach[[index]]
        self.update(self._padded(shapes.bounds(self._paths.labels[[index]], mean, mean - reach, mean + reach)))

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        layers, face = self._layers, self._face
        world = painter.worldTransform()
        exposed = option.exposedRect
        frame = self._frame(world, exposed)
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if layers.boxes and face.box is not None:
            painter.resetTransform()
            box = world.mapRect(QRectF(face.box.x, face.box.y, face.box.w, face.box.h))
            colour = palette.BOX if face.active else palette.BOX_IDLE
            marks.corners(painter, box, colour, 2.0 if face.active else 1.4)
            painter.setWorldTransform(world)
        if layers.ellipses:
            self._paint_ellipses(painter, exposed, world.m11())
        if layers.curves:
            self._paint_curves(painter)
        painter.resetTransform()
        self._paint_marks(painter, frame)
        painter.restore()

    def _frame(self, world: QTransform, exposed: QRectF) -> _Frame:
        scale, dx, dy = world.m11(), world.dx(), world.dy()
        pad = _PAD_PX / scale
        shown = np.where(np.isnan(self._paths.labels), self._paths.means, self._paths.labels)
        low = np.fmin(shown, self._paths.means) - pad
        high = np.fmax(shown, self._paths.means) + pad
        near = (
            (high[:, 0] >= exposed.left())
            & (low[:, 0] <= exposed.right())
            & (high[:, 1] >= exposed.top())
            & (low[:, 1] <= exposed.bottom())
        )
        offset = np.array([dx, dy])
        gap = self._paths.gap * scale
        shrink = float(np.clip(gap / _FULL_SIZE_GAP, 0.4, 1.0))
        return _Frame(world, self._paths.labels * scale + offset, self._paths.means * scale + offset, near, shrink, gap)

    def _paint_ellipses(self, painter: QPainter, exposed: QRectF, scale: float) -> None:
        paths = self._paths
        if paths.ellipses is None or not paths.levels:
            return
        low, high = paths.means - paths.reach, paths.means + paths.reach
        with np.errstate(invalid="ignore"):
            near = (
                (high[:, 0] >= exposed.left())
                & (low[:, 0] <= exposed.right())
                & (high[:, 1] >= exposed.top())
                & (low[:, 1] <= exposed.bottom())
                & (paths.reach.max(axis=1) * scale >= 1.0)
            )
        indices = np.flatnonzero(near).tolist()
        colours = palette.scale(self._layers.colour_scheme)
        shades = paths.shades.tolist()
        loud = [i for i in indices if i in self._selected or i == self._hovered]
        if self._face.active:
            painter.setPen(Qt.PenStyle.NoPen)
            inner = paths.ellipse_paths[paths.levels[-1]]
            for i in indices:
                painter.setBrush(_fill(colours[shades[i]], 95 if i in loud else 42))
                painter.drawPath(inner[i])  # type: ignore[arg-type]
            painter.setBrush(Qt.BrushStyle.NoBrush)
        for level in paths.levels:
            width, alpha = _ELLIPSE_STYLE[level] if self._face.active else (1.0, 150 if level == 1 else 80)
            for i in indices:
                painter.setPen(marks.pen(colours[shades[i]], width, alpha))
                painter.drawPath(paths.ellipse_paths[level][i])  # type: ignore[arg-type]
        for i in loud:
            for level in paths.levels:
                for width, colour in ((4.0, palette.HALO), (2.0, colours[shades[i]])):
                    painter.setPen(marks.pen(colour, width))
                    painter.drawPath(paths.ellipse_paths[level][i])  # type: ignore[arg-type]

    def _paint_curves(self, painter: QPainter) -> None:
        layers, paths = self._layers, self._paths
        alpha = 235 if self._face.active else 150
        for shown, curves, colour in (
            (layers.predictions, paths.mean_curves, palette.PREDICTION),
            (layers.labels, paths.label_curves, palette.LABEL),
        ):
            if shown:
                painter.setPen(marks.pen(colour, 1, alpha))
                for curve in curves:
                    painter.drawPath(curve)

    def _paint_marks(self, painter: QPainter, frame: _Frame) -> None:
        layers = self._layers
        size = max(layers.point_size * frame.shrink * (1.0 if self._face.active else 0.8), 2.5)
        labelled = ~np.isnan(frame.labels[:, 0]) & frame.near
        predicted = ~np.isnan(frame.means[:, 0]) & frame.near
        shown = np.where((labelled & layers.labels)[:, None], frame.labels, frame.means)
        if layers.deviations and layers.labels:
            self._paint_deviations(painter, frame, labelled & predicted, size)
        if layers.points and layers.predictions:
            # beside a label the cross is an aside; on its own it is the point
            arm = size * 0.55
            marks.crosses(painter, _places(frame.means, predicted), arm, palette.PREDICTION, 1.1 + 0.5 * frame.shrink)
        if layers.points and layers.labels:
            self._paint_labels(painter, frame, labelled, size)
        visible = (labelled & layers.labels) | (predicted & (layers.predictions or layers.ellipses))
        marked = self._paths.flagged & visible
        if marked.any() and (layers.points or layers.ellipses):
            radius = size * 0.5 + 2 + 4 * frame.shrink
            marks.triangles(painter, _places(shown, marked), radius, palette.AMBIGUOUS, 1.0 + 0.7 * frame.shrink)
        self._paint_rings(painter, shown, visible, size)
        if layers.numbers or layers.names:
            self._paint_texts(painter, frame, shown, visible, size)

    def _paint_deviations(self, painter: QPainter, frame: _Frame, both: np.ndarray, size: float) -> None:
        far = np.hypot(*(frame.labels - frame.means).T) > size * 0.5 + 1.5
        pairs = np.flatnonzero(both & far)
        lines = [QLineF(*a, *b) for a, b in zip(frame.means[pairs].tolist(), frame.labels[pairs].tolist(), strict=True)]
        marks.segments(painter, lines, palette.DEVIATION, 1.0 + 0.4 * frame.shrink)

    def _paint_labels(self, painter: QPainter, frame: _Frame, labelled: np.ndarray, size: float) -> None:
        hidden = np.zeros(len(labelled), bool)
        if self._face.label is not None:
            hidden = np.isin(self._face.label.visibility, (Visibility.OCCLUDED, Visibility.OUTSIDE))
        marks.discs(painter, _places(frame.labels, labelled & ~hidden), size, palette.LABEL)
        marks.rings(painter, _places(frame.labels, labelled & hidden), size * 0.9, palette.LABEL)

    def _paint_rings(self, painter: QPainter, shown: FloatArray, visible: np.ndarray, size: float) -> None:
        chosen = [i for i in self._selected if i < len(visible) and visible[i]]
        marks.rings(painter, [QPointF(*shown[i]) for i in chosen], size + 9, palette.SELECTED, 2.0)
        hovered = self._hovered
        if hovered is not None and hovered not in self._selected and hovered < len(visible) and visible[hovered]:
            marks.rings(painter, [QPointF(*shown[hovered])], size + 7, palette.SELECTED, 1.2)

    def _paint_texts(
        self, painter: QPainter, frame: _Frame, shown: FloatArray, visible: np.ndarray, size: float
    ) -> None:
        """Numbers or names outside each point, seen from the middle of the face; only where there is room."""
        loud = set(self._selected) | ({self._hovered} if self._hovered is not None else set())
        roomy = frame.gap >= _NUMBER_GAP and self._face.active
        named = self._layers.names and frame.gap >= _NAME_GAP
        ratio = painter.device().devicePixelRatioF()
        middle = frame.world.map(QPointF(*self._middle))
        for i in np.flatnonzero(visible).tolist():
            if not roomy and i not in loud:
                continue
            x, y = float(shown[i, 0]), float(shown[i, 1])
            dx, dy = x - middle.x(), y - middle.y()
            length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
            full = self._layers.names and (named or i in loud)
            content = f"{i} {self._face.scheme.points[i]}" if full else str(i)
            labelled = not np.isnan(frame.labels[i, 0]) and self._layers.labels
            picture = marks.text(content, _NUMBER_LABEL if labelled else _NUMBER_PREDICTION, _TEXT_PX, ratio)
            size_px = picture.deviceIndependentSize()
            away = size / 2 + 3
            half_w, half_h = size_px.width() / 2, size_px.height() / 2
            place = QPointF(x + dx / length * (away + half_w), y + dy / length * (away + half_h))
            marks.place_text(painter, picture, place)


def _places(points: FloatArray, mask: np.ndarray) -> Sequence[QPointF]:
    return [QPointF(x, y) for x, y in points[mask].tolist()]


def _fill(rgb: palette.RGB, alpha: int) -> QColor:
    return QColor(*rgb, alpha)
