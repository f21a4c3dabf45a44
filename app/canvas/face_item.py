"""One face in the scene: a single item that paints everything in a few batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import shapes
from app.canvas.face_painter import NAME_PX, PAD_PX, FacePainter, Frame
from app.canvas.face_paths import FacePaths
from app.canvas.hit import Target
from app.canvas.model import FaceView, Layers
from core.face import FloatArray

_LAYER_MARGIN = 0.25
"""How far beyond the window the still part is painted, as a part of the window, so that panning finds it there."""


@dataclass(slots=True)
class _Layer:
    """A still part of a face as a picture.

    Attributes:
        picture: of `area`.
        area: screen px from the place of image point (0, 0).
        key: what the picture was painted for.
    """

    picture: QPixmap
    area: QRect
    key: tuple[float, ...]


class FaceItem(QGraphicsItem):
    """Paints a `FaceView`; a drag, a selection and a hover repaint only what they touch.

    What stays is kept in two pictures: the ground, which an edit of the label leaves alone (its many ellipses take
    longest), and what is painted of the label and beside it.
    """

    def __init__(self, face: FaceView, layers: Layers, zoom: float) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._face = face
        self._layers = layers
        self._zoom = zoom
        self._selected: frozenset[int] = frozenset()
        self._hovered: int | None = None
        self._moved: dict[int, tuple[float, float]] = {}
        self._bounds = QRectF()
        self._ground: _Layer | None = None
        self._still: _Layer | None = None
        self._clip: tuple[float, float] | None = None
        self.set_face(face)

    # -- what to show ------------------------------------------------------------------------------------------------

    @property
    def face(self) -> FaceView:
        """The face as last given."""
        return self._face

    def set_face(self, face: FaceView) -> None:
        """Show another state of the face; points moved ahead of the document are forgotten."""
        self.prepareGeometryChange()
        before, self._face = self._face, face
        self._moved = {}
        self._paths = FacePaths(face, self._layers)
        self._after_new_paths(same_ground=_on_same_ground(before, face))

    def set_active(self, active_face: FaceView) -> None:
        """Show the same face as (in)active."""
        self._face = active_face
        self._restyle()

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

    def set_clip(self, clip: tuple[float, float] | None) -> None:
        """Paint only between these x, viewport px; None paints everything."""
        if clip != self._clip:
            self._clip = clip
            self.update()

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

    def move_points(self, places: Mapping[int, tuple[float, float] | None]) -> None:
        """Show points at these places, image px, ahead of the document; None puts one back."""
        if not places:
            return
        before = self._paths.touched_by(places.keys())
        for index, xy in places.items():
            if (xy is None) != (index not in self._moved):
                self._still = None  # the still part must lose, or get back, this point
            if xy is None:
                self._moved.pop(index, None)
            else:
                self._moved[index] = xy
        back = self._face.label_points
        self._paths.move_labels({index: xy or back[index].tolist() for index, xy in places.items()})
        area = self._padded(shapes.bounds(before, self._paths.touched_by(places.keys())))
        if not self._bounds.contains(area):
            self.prepareGeometryChange()
            self._bounds = self._bounds.united(area)
        self.update(area)

    @property
    def moved(self) -> dict[int, tuple[float, float]]:
        """Points shown ahead of the document, image px."""
        return self._moved

    @property
    def middle(self) -> tuple[float, float]:
        """Middle of the face's points, image px."""
        return self._middle

    def shown_points(self) -> tuple[FloatArray, FloatArray]:
        """(N, 2) twice, image px: the label's points and the predicted means as drawn, those in the hand included."""
        return self._paths.labels, self._paths.means

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

    def _after_new_paths(self, same_ground: bool = False) -> None:
        self._bounds = self._paths.bounds()
        box = self._face.box
        if box is not None:
            self._bounds = self._bounds.united(QRectF(box.x, box.y, box.w, box.h))
        centre = shapes.bounds(self._face.points)
        self._middle = (0.0, 0.0) if centre is None else ((centre[0] + centre[2]) / 2, (centre[1] + centre[3]) / 2)
        self._restyle(same_ground)

    def _restyle(self, same_ground: bool = False) -> None:
        self._painter = FacePainter(self._face, self._layers, self._paths, self._middle)
        self._still = None
        if not same_ground:
            self._ground = None
        self.setZValue(2 if self._face.active else 1)
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        if self._bounds.isNull():
            return QRectF()
        pad = self._pad()
        return self._bounds.adjusted(-pad, -pad, pad, pad)

    def _pad(self) -> float:
        return (NAME_PX if self._layers.names else PAD_PX) / max(self._zoom, 1e-9)

    def _padded(self, area: tuple[float, float, float, float] | None) -> QRectF:
        if area is None:
            return QRectF()
        pad = self._pad()
        return QRectF(QPointF(area[0], area[1]), QPointF(area[2], area[3])).adjusted(-pad, -pad, pad, pad)

    def _update_point(self, index: int) -> None:
        if index >= len(self._paths.means):
            return
        mean, reach = self._paths.means[[index]], self._paths.reach[[index]]
        label, corner = self._paths.labels[[index]], self._paths.corners()[[index]]
        self.update(self._padded(shapes.bounds(label, mean, mean - reach, mean + reach, corner)))

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        world = painter.worldTransform()
        frame = self._painter.frame(world)
        painter.save()
        painter.resetTransform()
        if self._clip is not None:
            left, right = self._clip
            painter.setClipRect(QRectF(left, -1e5, right - left, 2e5), Qt.ClipOperation.IntersectClip)
        if widget is None:
            area = world.mapRect(self.boundingRect())
            self._paint_ground(painter, frame, area)
            self._paint_still(painter, frame, area)
        else:
            self._ground = self._layer_for(self._ground, self._paint_ground, world, frame, widget)
            origin = QPoint(round(world.dx()), round(world.dy()))
            painter.drawPixmap(self._ground.area.topLeft() + origin, self._ground.picture)
            if not self._painter.nothing_still(self._moved):
                self._still = self._layer_for(self._still, self._paint_still, world, frame, widget)
                painter.drawPixmap(self._still.area.topLeft() + origin, self._still.picture)
        if self._selected or self._hovered is not None or self._moved:
            self._painter.paint_lively(
                painter, frame, selected=self._selected, hovered=self._hovered, moved=self._moved
            )
        painter.restore()

    def paint_close(self, painter: QPainter, world: QTransform, index: int | None) -> None:
        """Paint the face for the loupe, seen through `world`; see `FacePainter.paint_close`."""
        area = QRectF(0, 0, painter.device().width(), painter.device().height())
        self._painter.paint_close(painter, self._painter.frame(world), index, area)

    def _paint_ground(self, painter: QPainter, frame: Frame, area: QRectF) -> None:
        self._painter.paint_ground(painter, frame, area)

    def _paint_still(self, painter: QPainter, frame: Frame, area: QRectF) -> None:
        self._painter.paint_still(painter, frame, area, self._moved)

    def _layer_for(
        self,
        layer: _Layer | None,
        paint: Callable[[QPainter, Frame, QRectF], None],
        world: QTransform,
        frame: Frame,
        widget: QWidget,
    ) -> _Layer:
        """`layer`, or what `paint` makes of it where there is none or it is needed at another zoom or further out."""
        ratio = widget.devicePixelRatioF()
        x, y = round(world.dx()), round(world.dy())
        key = (world.m11(), ratio, round(world.dx() - x, 3), round(world.dy() - y, 3))
        whole = world.mapRect(self.boundingRect()).toAlignedRect().translated(-x, -y)
        window = widget.rect().translated(-x, -y)
        if layer is not None and layer.key == key and layer.area.contains(whole.intersected(window)):
            return layer
        # The first picture of a zoom is only what is needed: in the middle of zooming, the next follows at once.
        margin = _LAYER_MARGIN if layer is not None and layer.key == key else 0.0
        dx, dy = round(window.width() * margin), round(window.height() * margin)
        area = whole.intersected(window.adjusted(-dx, -dy, dx, dy))
        picture = QPixmap(area.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        if not picture.isNull():
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(-area.x() - x, -area.y() - y)
            paint(painter, frame, QRectF(area.translated(x, y)))
            painter.end()
        return _Layer(picture, area, key)


def _on_same_ground(before: FaceView, after: FaceView) -> bool:
    """Whether two states of a face differ in their labels only."""
    return before.prediction is after.prediction and before.box == after.box and before.active == after.active
