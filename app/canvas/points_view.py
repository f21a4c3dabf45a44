"""The canvas's points: which are under the cursor and which are selected, with what a choice of them means."""

# ruff: noqa: N815 (Qt names its signals so)

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QWidget

from app.canvas import hit, selecting
from app.canvas.faces_view import FacesView
from app.canvas.model import FaceView
from core.face import FloatArray

HIT_RADIUS_PX = 9.0


class PointsView(FacesView):
    """Faces whose points can be found and chosen; `app.canvas.view.CanvasView` adds mouse and keyboard."""

    selectionChanged = Signal(object, tuple)
    """face id (None if nothing is selected), indices."""
    hovered = Signal(object, object)
    """face id and index of the point under the cursor; None, None when there is none any more."""
    faceActivated = Signal(str)
    """face id: the user turned to this face."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hover: hit.Hit | None = None
        self._cursor = QPointF()

    # -- changes of what is shown ------------------------------------------------------------------------------------

    def update_face(self, face: FaceView) -> None:
        super().update_face(face)
        if self._hover is not None and self._hover.face_id == face.face_id:
            self._show_callout(self._hover.face_id, self._hover.index)

    def _forget_face(self, face_id: str) -> None:
        if self._hover is not None and self._hover.face_id == face_id:
            self._set_hover(None)
        super()._forget_face(face_id)

    def _activate(self, face_id: str) -> None:
        if face_id != self.active_face:
            self.set_active(face_id)
            self.faceActivated.emit(face_id)

    # -- selection ---------------------------------------------------------------------------------------------------

    def _select(self, face_id: str | None, indices: Sequence[int]) -> None:
        before = self._selected
        self.set_selection(face_id, indices)
        if self._selected != before:
            self.selectionChanged.emit(*self._selected)
        self._refresh_hint()

    def select(self, indices: Sequence[int], *, adding: bool = False) -> None:
        """Select points of the active face as the user would, with the signal."""
        face_id = self.active_face
        if face_id is not None:
            mine = self._selected[1] if adding and self._selected[0] == face_id else ()
            self._select(face_id, (*mine, *indices))

    def select_all(self) -> None:
        """Select every point of the active face that is shown."""
        self.select(np.flatnonzero(np.isfinite(self._active_points()).all(axis=1)).tolist())

    def select_regions(self) -> None:
        """Select the whole of every curve that a selected point is on."""
        face_id, indices = self._selected
        if face_id is not None:
            self._select(face_id, selecting.regions_of(self._items[face_id].face.scheme, indices))

    def select_step(self, by: int) -> None:
        """Select the next (1) or previous (-1) point of the active face, and bring it into sight."""
        face_id, indices = self._selected
        current = indices[-1] if indices and face_id == self.active_face else None
        found = selecting.step(self._active_points(), current, by)
        if found is not None:
            self.select([found])
            self.reveal_point(self._selected[0], found)

    def _active_points(self) -> FloatArray:
        """(N, 2) image px of the active face's points that can be selected."""
        item = self._items.get(self.active_face or "")
        if item is None:
            return np.zeros((0, 2))
        labels, means = item.shown_points()
        return np.where(np.isnan(labels), means, labels)

    def _click_beside(self, position: QPointF) -> None:
        face_id = self.face_at(position)
        self._select(None, ())
        if face_id is not None:
            self._activate(face_id)

    # -- hover -------------------------------------------------------------------------------------------------------

    def point_at(self, position: QPointF) -> hit.Hit | None:
        """The point under a place in the viewport."""
        if self._compare.covers(position):
            return None
        place = self.to_image(position)
        return hit.find_point(self._targets(), place.x(), place.y(), HIT_RADIUS_PX / self.zoom)

    def face_at(self, position: QPointF) -> str | None:
        """The face whose box is under a place in the viewport."""
        place = self.to_image(position)
        return hit.find_face(self._targets(), place.x(), place.y())

    def _targets(self) -> list[hit.Target]:
        return [item.target() for item in self._items.values() if item.isVisible()]

    def _set_hover(self, found: hit.Hit | None) -> None:
        before, self._hover = self._hover, found
        if found is not None:
            self._show_callout(found.face_id, found.index)
        else:
            self._callout.hide()
        if place_of(before) == place_of(found):
            return
        for face_id, item in self._items.items():
            item.set_hovered(found.index if found is not None and found.face_id == face_id else None)
        self._refresh_cursor()
        self._refresh_hint()
        self.hovered.emit(*place_of(found))

    def _refresh_cursor(self) -> None:
        """For subclasses: something else is under the cursor or in the hand."""

    def _refresh_hint(self) -> None:
        """For subclasses: the mouse would do something else now."""


def place_of(found: hit.Hit | None) -> tuple[str | None, int | None]:
    """(face id, index) of a hit; (None, None) of none."""
    return (None, None) if found is None else (found.face_id, found.index)
