"""The canvas: shows an image with its faces, and reports what the user does to them. It changes no data itself."""

# ruff: noqa: N802, N815 (Qt names its events and signals so)

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from app.canvas import hit
from app.canvas.face_item import FaceItem
from app.canvas.faces_view import FacesView
from app.canvas.gestures import BoxDraw, EmptyPress, Gesture, Pan, PointPress, Tool
from app.canvas.items import BandItem
from app.canvas.model import FaceView

HIT_RADIUS_PX = 9.0
_DRAG_START_PX = 3.0
"""Screen px that the cursor must travel before a press becomes a drag, so that a click never moves a point."""
_MIN_BOX_PX = 8.0
_DECIMALS = 3
"""Edits are rounded to a thousandth of a pixel: no screen can show less, and files stay short."""
_ARROWS = {
    Qt.Key.Key_Left: (-1.0, 0.0),
    Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0),
    Qt.Key.Key_Down: (0.0, 1.0),
}
NUDGE_PX, NUDGE_FAR_PX, NUDGE_FINE_PX = 0.5, 5.0, 0.1


class CanvasView(FacesView):
    """Image, faces, ellipses, mouse and keyboard.

    Signals are sent for what the user does, never for calls of the setters. Positions are image px.
    A moved point is shown at its new place until the document answers with `update_face` (or `set_faces`), which it
    must also do to turn the move down.
    """

    selectionChanged = Signal(object, tuple)
    """face id (None if nothing is selected), indices."""
    hovered = Signal(object, object)
    """face id and index of the point under the cursor; None, None when there is none any more."""
    pointDragging = Signal(str, int, float, float)
    """face id, index, x, y: live, during a drag."""
    pointMoved = Signal(str, int, float, float)
    """face id, index, x, y: once, at the end of a drag or for each arrow key."""
    pointDragCancelled = Signal(str, int)
    """face id, index: the drag was given up, the point is back."""
    faceActivated = Signal(str)
    """face id: the user turned to this face."""
    boxDrawn = Signal(float, float, float, float)
    """x, y, w, h of a box drawn with `Tool.BOX`, within the image."""
    toolChanged = Signal(object)
    """the `Tool` now in the hand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self.setAccessibleName("Image with landmarks")
        self._hover: hit.Hit | None = None
        self._cursor = QPointF()
        self._tool = Tool.SELECT
        self._gesture: Gesture | None = None
        self._space = False
        self._band = BandItem()
        self.scene().addItem(self._band)

    # -- changes while the mouse is busy -----------------------------------------------------------------------------

    def update_face(self, face: FaceView) -> None:
        super().update_face(face)
        if self._hover is not None and self._hover.face_id == face.face_id:
            self._show_callout(self._hover.face_id, self._hover.index)

    def _replace_face(self, item: FaceItem, face: FaceView) -> None:
        super()._replace_face(item, face)
        gesture = self._gesture
        if isinstance(gesture, PointPress) and gesture.face_id == face.face_id:
            if gesture.index >= len(face.scheme):
                self._gesture = None
            elif gesture.moving:  # say, a prediction came in: the drag goes on
                gesture.ahead = False
                item.move_point(gesture.index, gesture.at)

    def _forget_face(self, face_id: str) -> None:
        if isinstance(self._gesture, PointPress) and self._gesture.face_id == face_id:
            self._gesture = None
        if self._hover is not None and self._hover.face_id == face_id:
            self._set_hover(None)
        super()._forget_face(face_id)

    def _view_moved(self) -> None:
        super()._view_moved()
        gesture = self._gesture
        if isinstance(gesture, PointPress) and gesture.moving:
            self._show_callout(gesture.face_id, gesture.index)
        elif self._hover is not None:  # another point may be under the cursor now, or none
            self._set_hover(self.point_at(self._cursor))

    @property
    def busy(self) -> bool:
        """Whether the mouse is in the middle of something."""
        return self._gesture is not None

    # -- selection ---------------------------------------------------------------------------------------------------

    def _select(self, face_id: str | None, indices: Sequence[int]) -> None:
        before = self._selected
        self.set_selection(face_id, indices)
        if self._selected != before:
            self.selectionChanged.emit(*self._selected)

    # -- tools -------------------------------------------------------------------------------------------------------

    @property
    def tool(self) -> Tool:
        """What the left button does."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Take another tool; a gesture under way is given up. `Tool.BOX` falls back to `Tool.SELECT` after a box."""
        if tool is self._tool:
            return
        self._cancel_gesture()
        self._tool = tool
        self._set_hover(None)
        self._refresh_cursor()
        self.toolChanged.emit(tool)

    def _refresh_cursor(self) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if isinstance(self._gesture, Pan):
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._tool is Tool.BOX or (isinstance(self._gesture, PointPress) and self._gesture.moving):
            shape = Qt.CursorShape.CrossCursor
        elif self._hover is not None:
            shape = Qt.CursorShape.PointingHandCursor
        self.viewport().setCursor(shape)

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
        if _place_of(before) == _place_of(found):
            return
        for face_id, item in self._items.items():
            item.set_hovered(found.index if found is not None and found.face_id == face_id else None)
        self._refresh_cursor()
        self.hovered.emit(*_place_of(found))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self._gesture is None:
            self._set_hover(None)

    # -- mouse -------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._gesture is not None or not self.has_image:
            return
        button, position = event.button(), event.position()
        left = button == Qt.MouseButton.LeftButton
        if button in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton) or (left and self._space):
            self._gesture = Pan(button, position)
        elif left and self._tool is Tool.BOX:
            self._gesture = BoxDraw(button, self._inside_image(self.to_image(position)))
        elif left:
            self._press(position, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        self._refresh_cursor()

    def _press(self, position: QPointF, adding: bool) -> None:
        found = self.point_at(position)
        if found is None:
            self._gesture = EmptyPress(Qt.MouseButton.LeftButton, position)
            return
        item = self._items[found.face_id]
        start = item.shown_point(found.index)
        assert start is not None
        self._activate(found.face_id)
        face_id, indices = self._selected
        if adding:
            mine = indices if face_id == found.face_id else ()
            without = tuple(i for i in mine if i != found.index)
            self._select(found.face_id, without if found.index in mine else (*mine, found.index))
            return
        if face_id != found.face_id or found.index not in indices:
            self._select(found.face_id, (found.index,))
        ahead = found.index in item.moved
        self._gesture = PointPress(
            Qt.MouseButton.LeftButton,
            position,
            found.face_id,
            found.index,
            found.movable,
            self.to_image(position),
            start,
            ahead,
            start,
        )

    def _activate(self, face_id: str) -> None:
        if face_id != self.active_face:
            self.set_active(face_id)
            self.faceActivated.emit(face_id)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        event.accept()
        position = event.position()
        self._cursor = position
        place = self.to_image(position)
        self.cursorMoved.emit(place.x(), place.y())
        gesture = self._gesture
        if gesture is None:
            if self._tool is Tool.SELECT and not self._space:
                self._set_hover(self.point_at(position))
        elif isinstance(gesture, Pan):
            step = position - gesture.last
            self.pan(step.x(), step.y())
            gesture.last = position
        elif isinstance(gesture, BoxDraw):
            self._band.set_rect(QRectF(gesture.start, self._inside_image(place)).normalized(), self.zoom)
        elif _travelled(gesture.pressed, position):
            if isinstance(gesture, PointPress) and gesture.movable:
                self._drag_to(gesture, place)
            else:
                self._gesture = Pan(gesture.button, gesture.pressed)
                self._set_hover(None)
                self._refresh_cursor()
                self.mouseMoveEvent(event)
        elif isinstance(gesture, PointPress) and gesture.moving:
            self._drag_to(gesture, place)

    def _drag_to(self, gesture: PointPress, place: QPointF) -> None:
        item = self._items[gesture.face_id]
        x = gesture.start[0] + place.x() - gesture.grabbed.x()
        y = gesture.start[1] + place.y() - gesture.grabbed.y()
        gesture.at = self._allowed(x, y)
        first, gesture.moving = not gesture.moving, True
        item.move_point(gesture.index, gesture.at)
        self._show_callout(gesture.face_id, gesture.index)
        if first:
            self._refresh_cursor()
        self.pointDragging.emit(gesture.face_id, gesture.index, *gesture.at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        gesture = self._gesture
        if gesture is None or event.button() != gesture.button:
            return
        self._gesture = None
        if isinstance(gesture, PointPress):
            if gesture.moving:
                self.pointMoved.emit(gesture.face_id, gesture.index, *gesture.at)
            elif self._selected != (gesture.face_id, (gesture.index,)):
                self._select(gesture.face_id, (gesture.index,))
        elif isinstance(gesture, EmptyPress):
            self._click_beside(event.position())
        elif isinstance(gesture, BoxDraw):
            self._finish_box(gesture, event.position())
        if self._tool is Tool.SELECT and not self._space:
            self._set_hover(self.point_at(event.position()))
        self._refresh_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        beside = self._tool is Tool.SELECT and self.point_at(event.position()) is None
        if event.button() != Qt.MouseButton.LeftButton or not beside or self._gesture is not None:
            self.mousePressEvent(event)
            return
        event.accept()
        face_id = self.face_at(event.position())
        if face_id is None:
            self.fit_image()
        else:
            self._activate(face_id)
            self.fit_face(face_id)

    def _click_beside(self, position: QPointF) -> None:
        face_id = self.face_at(position)
        self._select(None, ())
        if face_id is not None:
            self._activate(face_id)

    def _finish_box(self, gesture: BoxDraw, position: QPointF) -> None:
        self._band.hide()
        rect = QRectF(gesture.start, self._inside_image(self.to_image(position))).normalized()
        if min(rect.width(), rect.height()) * self.zoom < _MIN_BOX_PX:
            return  # a slip of the hand; the tool stays
        self.set_tool(Tool.SELECT)
        values = (rect.x(), rect.y(), rect.width(), rect.height())
        self.boxDrawn.emit(*(round(value, _DECIMALS) for value in values))

    def _inside_image(self, place: QPointF) -> QPointF:
        area = self.image_rect
        return QPointF(
            min(max(place.x(), area.left()), area.right()), min(max(place.y(), area.top()), area.bottom())
        )

    def _allowed(self, x: float, y: float) -> tuple[float, float]:
        """A place a point may have: a landmark can lie outside the image, but not lost far away."""
        area = self.image_rect
        x = min(max(x, area.left() - area.width() / 2), area.right() + area.width() / 2)
        y = min(max(y, area.top() - area.height() / 2), area.bottom() + area.height() / 2)
        return round(x, _DECIMALS), round(y, _DECIMALS)

    def _cancel_gesture(self) -> bool:
        """Give up what the mouse is in the middle of; whether there was anything."""
        gesture, self._gesture = self._gesture, None
        self._band.hide()
        if isinstance(gesture, PointPress) and gesture.moving:
            item = self._items[gesture.face_id]
            item.move_point(gesture.index, gesture.start if gesture.ahead else None)
            self._set_hover(None)
            self.pointDragCancelled.emit(gesture.face_id, gesture.index)
        self._refresh_cursor()
        return gesture is not None

    # -- keyboard ----------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # The arrows also turn images, Esc also closes things: while they mean something here, they belong here.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._wants_key(event):
            event.accept()
            return True
        return super().event(event)

    def _wants_key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape:
            return self._gesture is not None or self._tool is not Tool.SELECT or bool(self._selected[1])
        return event.key() in _ARROWS and self._nudge_target() is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, handled = Qt.Key(event.key()), True
        if key == Qt.Key.Key_Escape:
            handled = self._escape()
        elif key in _ARROWS:
            handled = self._nudge(key, event.modifiers())
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_in()
        elif key == Qt.Key.Key_Minus:
            self.zoom_out()
        elif key == Qt.Key.Key_0:
            self.fit_image()
        elif key == Qt.Key.Key_Space:
            self._space = True
            self._set_hover(None)
            self._refresh_cursor()
        else:
            handled = False
        event.setAccepted(handled)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._refresh_cursor()
        event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        self._refresh_cursor()
        super().focusOutEvent(event)

    def _escape(self) -> bool:
        if self._cancel_gesture():
            return True
        if self._tool is not Tool.SELECT:
            self.set_tool(Tool.SELECT)
            return True
        if self._selected[1]:
            self._select(None, ())
            return True
        return False

    def _nudge_target(self) -> tuple[FaceItem, int, tuple[float, float]] | None:
        """The one selected point, if it may be moved now."""
        face_id, indices = self._selected
        if face_id is None or len(indices) != 1 or self._gesture is not None:
            return None
        item, index = self._items[face_id], indices[0]
        movable = item.target().movable
        if len(movable) == 0 or np.isnan(movable[index]).any():
            return None
        return item, index, (float(movable[index, 0]), float(movable[index, 1]))

    def _nudge(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        target = self._nudge_target()
        if target is None:
            return False
        item, index, (x, y) = target
        step = NUDGE_PX
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            step = NUDGE_FAR_PX
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            step = NUDGE_FINE_PX
        dx, dy = _ARROWS[key]
        place = self._allowed(x + dx * step, y + dy * step)
        item.move_point(index, place)
        self.pointMoved.emit(item.face.face_id, index, *place)
        return True


def _place_of(found: hit.Hit | None) -> tuple[str | None, int | None]:
    return (None, None) if found is None else (found.face_id, found.index)


def _travelled(start: QPointF, now: QPointF) -> bool:
    return math.hypot(now.x() - start.x(), now.y() - start.y()) > _DRAG_START_PX
