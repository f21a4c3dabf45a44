"""The canvas without a mouse: an image with its faces, layers, legend and callout."""

# ruff: noqa: N802 (Qt names its events so)

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.canvas import palette, shapes
from app.canvas.compare import CompareLayer, Comparison
from app.canvas.face_item import FaceItem
from app.canvas.items import GhostItem, HeatmapItem
from app.canvas.loupe import Loupe
from app.canvas.model import FaceView, Ghost, Layers
from app.canvas.navigation import ZoomView
from app.canvas.overlays import Callout, Legend, Tag
from app.canvas.verdict_marks import VerdictMark, VerdictMarks

_FACE_MARGIN = 0.15
_REGION_MARGIN = 0.25
_CROWDED_PX = 9.0
"""Screen px between neighbours below which points cannot be told apart by hand."""
_EDGE_PART = 0.12
_POINT_GAP_PX = 45.0
_POINT_MAX_ZOOM = 32.0
_OVERLAY_MARGIN = 12
_ROOM_PX = 60
"""Screen px around a point that is brought into sight."""
_LEGEND_ROOM = (380, 260)
"""Smallest canvas, px, that has room for a legend."""


class FacesView(ZoomView):
    """Shows faces; `app.canvas.view.CanvasView` adds what the user can do to them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = Layers()
        self._items: dict[str, FaceItem] = {}
        self._selected: tuple[str | None, tuple[int, ...]] = (None, ())
        self._heatmap = HeatmapItem()
        self._ghosts: list[GhostItem] = []
        self._edge_map = HeatmapItem(0.2)
        self._verdicts = VerdictMarks()
        for item in (self._heatmap, self._edge_map, self._verdicts):
            self.scene().addItem(item)
        self._legend, self._callout, self._notice = Legend(self), Callout(self), Tag(self)
        self._notice.setObjectName("notice")
        self._loupe = Loupe(self)
        self._compare = CompareLayer(self)
        self._refresh_legend()

    # -- faces -------------------------------------------------------------------------------------------------------

    @property
    def faces(self) -> tuple[FaceView, ...]:
        """The faces shown, in order."""
        return tuple(item.face for item in self._items.values())

    def set_faces(self, faces: Iterable[FaceView]) -> None:
        """Show these faces and no others. ValueError if two have one id. Selected points that remain stay selected."""
        wanted: dict[str, FaceView] = {}
        for face in faces:
            if face.face_id in wanted:
                raise ValueError(f"two faces with the id {face.face_id}")
            wanted[face.face_id] = face
        for face_id in [known for known in self._items if known not in wanted]:
            self._forget_face(face_id)
        items = {}
        for face_id, face in wanted.items():
            item = self._items.get(face_id)
            if item is None:
                item = FaceItem(face, self._layers, self.zoom)
                self.scene().addItem(item)
            else:
                self._replace_face(item, face)
            items[face_id] = item
        self._items = items
        self._compare.arrange()
        chosen, indices = self._selected
        self.set_selection(chosen if chosen in items else None, indices)
        self._refresh_legend()

    def update_face(self, face: FaceView) -> None:
        """Show another state of one face; the others stay untouched. KeyError if it is not shown."""
        self._replace_face(self._items[face.face_id], face)
        if face.active:
            self._deactivate_others(face.face_id)
        self._refresh_legend()

    def set_active(self, face_id: str | None) -> None:
        """Work on this face (None: on none); points of others are no longer selected."""
        for item in self._items.values():
            active = item.face.face_id == face_id
            if item.face.active != active:
                item.set_active(replace(item.face, active=active))
                item.setVisible(True)
                item.set_clip(None)
        if self._selected[0] not in (None, face_id):
            self.set_selection(None, ())

    @property
    def active_face(self) -> str | None:
        """Id of the face being worked on."""
        return next((item.face.face_id for item in self._items.values() if item.face.active), None)

    def active_item(self) -> FaceItem | None:
        """The item of the face being worked on."""
        return next((item for item in self._items.values() if item.face.active), None)

    def _replace_face(self, item: FaceItem, face: FaceView) -> None:
        item.set_face(face)

    def _forget_face(self, face_id: str) -> None:
        self.scene().removeItem(self._items.pop(face_id))

    def _deactivate_others(self, face_id: str) -> None:
        for item in self._items.values():
            if item.face.active and item.face.face_id != face_id:
                item.set_active(replace(item.face, active=False))

    # -- selection ---------------------------------------------------------------------------------------------------

    @property
    def selection(self) -> tuple[str | None, tuple[int, ...]]:
        """(face id, indices) of the selected points; (None, ()) for none."""
        return self._selected

    def set_selection(self, face_id: str | None, indices: Sequence[int]) -> None:
        """Select points of one face, without a signal. Unknown faces and indices out of range are left out."""
        item = self._items.get(face_id) if face_id is not None else None
        kept = () if item is None else tuple(dict.fromkeys(i for i in indices if 0 <= i < len(item.face.scheme)))
        self._selected = (face_id, kept) if kept else (None, ())
        for known, other in self._items.items():
            other.set_selected(frozenset(kept) if known == face_id else frozenset())

    # -- layers ------------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> Layers:
        """What is drawn, and how."""
        return self._layers

    def set_layers(self, layers: Layers) -> None:
        """Change what is drawn, and how."""
        if layers == self._layers:
            return
        self._layers = layers
        for item in self._items.values():
            item.set_layers(layers)
        for ghost in self._ghosts:
            ghost.set_colours(layers.colours)
            ghost.setOpacity(layers.opacity.others)
        self._compare.set_layers(layers)
        for map_item, shown, opacity in (
            (self._heatmap, layers.heatmap, layers.opacity.heatmap),
            (self._edge_map, layers.edges, layers.opacity.edges),
        ):
            map_item.setVisible(shown)
            map_item.setOpacity(opacity)
        self._verdicts.setVisible(layers.verdicts)
        self.set_photo_opacity(layers.opacity.photo)
        self._refresh_legend()

    def set_heatmap(
        self, heatmap: NDArray[np.generic] | None, to_image: NDArray[np.float64] | None = None
    ) -> None:
        """Lay a heatmap over the image; shown while `layers.heatmap` is on.

        Args:
            heatmap: (h, w) non-negative, or (h, w, 4) uint8 RGBA; None takes it away.
            to_image: (3, 3) affine, (column, row, 1) of a cell to image px; None: cells are pixels.
        """
        self._heatmap.set_heatmap(heatmap, to_image)
        self._heatmap.setVisible(self._layers.heatmap)

    def set_edge_map(
        self, edges: NDArray[np.generic] | None, to_image: NDArray[np.float64] | None = None
    ) -> None:
        """Lay an edge map (h, w) over the image, as `set_heatmap` does; shown while `layers.edges` is on."""
        self._edge_map.set_heatmap(edges, to_image, palette.edge_table(self._layers.colours.edge))
        self._edge_map.setVisible(self._layers.edges)

    def set_verdicts(self, marks: Sequence[VerdictMark]) -> None:
        """Ring these doubted points and no others; shown while `layers.verdicts` is on."""
        self._verdicts.show_marks(marks)

    @property
    def verdicts(self) -> tuple[VerdictMark, ...]:
        """The doubted points that are ringed."""
        return self._verdicts.shown

    def set_ghosts(self, ghosts: Iterable[Ghost]) -> None:
        """Draw these labels dimmed, to compare with, and no others; the legend names them."""
        for item in self._ghosts:
            self.scene().removeItem(item)
        self._ghosts = [GhostItem(ghost, self._layers.colours) for ghost in ghosts]
        for item in self._ghosts:
            item.setOpacity(self._layers.opacity.others)
            self.scene().addItem(item)
        self._refresh_legend()

    @property
    def ghosts(self) -> tuple[Ghost, ...]:
        """The labels drawn for comparison."""
        return tuple(item.ghost for item in self._ghosts)

    def set_comparison(self, comparison: Comparison | None) -> None:
        """Compare the active face with another state of it; None ends that."""
        self._compare.show(comparison)
        self._refresh_legend()

    @property
    def compare(self) -> CompareLayer:
        """What is compared now, its divider and its turns."""
        return self._compare

    @property
    def loupe(self) -> Loupe:
        """The magnifier beside the cursor."""
        return self._loupe

    @property
    def notice(self) -> Tag:
        """What is not as usual about the view, in the upper left corner."""
        return self._notice

    @property
    def legend(self) -> Legend:
        """The explanation in the corner."""
        return self._legend

    @property
    def callout(self) -> Callout:
        """The facts beside the point under the cursor."""
        return self._callout

    def _refresh_legend(self) -> None:
        faces = self.faces
        self._legend.explain(
            self._layers,
            labels=any(face.label is not None for face in faces),
            predictions=any(face.prediction is not None for face in faces),
            flagged=any(bool(shapes.flagged(face, self._layers).any()) for face in faces),
            ghosts=(*self.ghosts, *self._compare.ghosts),
        )
        self._place_legend()

    def _place_legend(self) -> None:
        self._notice.move(_OVERLAY_MARGIN, _OVERLAY_MARGIN)
        legend = self._legend
        legend.move(_OVERLAY_MARGIN, self.height() - legend.height() - _OVERLAY_MARGIN)
        roomy = self.width() >= _LEGEND_ROOM[0] and self.height() >= _LEGEND_ROOM[1]
        legend.setVisible(self._layers.legend and bool(legend.lines()) and roomy)

    # -- going places ------------------------------------------------------------------------------------------------

    def fit_face(self, face_id: str | None = None) -> None:
        """Show one face (default: the active one) as large as fits; the whole image if there is nothing of it."""
        face_id = self.active_face if face_id is None else face_id
        item = self._items.get(face_id) if face_id is not None else None
        area = None if item is None else shapes.extent(item.face)
        if area is None:
            self.fit_image()
            return
        left, top, right, bottom = area
        margin = _FACE_MARGIN * max(right - left, bottom - top, 8.0)
        self.fit_rect(left - margin, top - margin, right + margin, bottom + margin)

    def fit_region(self) -> None:
        """Show the region of the first selected point as large as fits; nothing without a selection."""
        face_id, indices = self._selected
        item = self._items.get(face_id) if face_id is not None else None
        if item is None:
            return
        region = item.face.scheme.region_of(indices[0])
        area = None if region is None else shapes.bounds(item.face.points[list(region.indices)])
        if area is None:
            self.fit_point()
            return
        left, top, right, bottom = area
        margin = _REGION_MARGIN * max(right - left, bottom - top, 8.0)
        self.fit_rect(left - margin, top - margin, right + margin, bottom + margin)

    def show_point(self, face_id: str, index: int) -> None:
        """Bring a point into sight if it is outside or near the edge of the window, or too small to work on.

        The zoom stays unless neighbours are closer together than `_CROWDED_PX` on the screen.
        """
        item = self._items.get(face_id)
        place = None if item is None else item.shown_point(index)
        if item is None or place is None:
            return
        if shapes.spacing(item.face.points) * self.zoom < _CROWDED_PX:
            self.fit_point(face_id, index)
            return
        area = QRectF(self.viewport().rect())
        edge = _EDGE_PART * min(area.width(), area.height())
        if not area.adjusted(edge, edge, -edge, -edge).contains(self.to_screen(*place)):
            self.restore_view((self.zoom, *place))

    def fit_point(self, face_id: str | None = None, index: int | None = None) -> None:
        """Bring a point (default: the first selected one) to the middle, close enough to see its neighbours apart."""
        if face_id is None or index is None:
            face_id, indices = self._selected
            if face_id is None:
                return
            index = indices[0]
        item = self._items.get(face_id)
        place = None if item is None else item.shown_point(index)
        if item is None or place is None:
            return
        gap = shapes.spacing(item.face.points)
        wanted = _POINT_GAP_PX / gap if 0 < gap < math.inf else 4.0
        self.restore_view((max(self.zoom, min(wanted, _POINT_MAX_ZOOM)), *place))

    def reveal_point(self, face_id: str | None, index: int) -> None:
        """Move the picture just so far that a point is in sight, with some room around it."""
        item = self._items.get(face_id) if face_id is not None else None
        place = None if item is None else item.shown_point(index)
        if place is not None:
            self.reveal(*place)

    def reveal(self, x: float, y: float) -> None:
        """The same for a place, image px."""
        at, room = self.to_screen(x, y), self.viewport().rect().adjusted(_ROOM_PX, _ROOM_PX, -_ROOM_PX, -_ROOM_PX)
        dx = max(room.left() - at.x(), 0.0) + min(room.right() - at.x(), 0.0)
        dy = max(room.top() - at.y(), 0.0) + min(room.bottom() - at.y(), 0.0)
        if dx or dy:
            self.pan(dx, dy)

    def _zoom_applied(self, zoom: float) -> None:
        for item in self._items.values():
            item.set_zoom(zoom)
        self._verdicts.set_zoom(zoom)
        self._compare.set_zoom(zoom)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()
        self._compare.arrange()

    def _show_callout(self, face_id: str, index: int) -> None:
        """Put the facts about a point beside it; hide them if there is no such point any more."""
        item = self._items[face_id]
        moved = item.moved.get(index)
        known = shapes.facts(item.face, index, self._layers, moved) if index < len(item.face.scheme) else None
        place = item.shown_point(index) if known is not None else None
        if known is None or place is None:
            self._callout.hide()
        else:
            at, middle = self.to_screen(*place), self.to_screen(*item.middle)
            self._callout.show_facts(known, at, middle, self.viewport().rect())
