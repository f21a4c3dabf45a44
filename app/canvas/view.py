"""The canvas: shows an image with its faces, and reports what the user does to them. It changes no data itself."""

# ruff: noqa: N802, N815 (Qt names its events and signals so)

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.canvas import selecting
from app.canvas.dragging import PointDrag, is_locked
from app.canvas.face_item import FaceItem
from app.canvas.gestures import Band, BoxDraw, EmptyPress, Gesture, Pan, PointPress, Tool
from app.canvas.hints import Situation, hint
from app.canvas.items import BandItem
from app.canvas.model import FaceView
from app.canvas.points_view import PointsView, place_of
from app.canvas.proposal_item import ProposalItem
from app.canvas.target_item import TargetItem
from app.texts import tr
from core.face import FloatArray
from core.moves.drag import Constraint
from core.moves.soft import MAX_RADIUS

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
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_HELD = (Qt.Key.Key_Shift, Qt.Key.Key_Control)
_TAKE_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class CanvasView(PointsView):
    """Image, faces, ellipses, mouse and keyboard.

    Signals are sent for what the user does, never for calls of the setters. Positions are image px.
    A moved point is shown at its new place until the document answers with `update_face` (or `set_faces`), which it
    must also do to turn the move down.
    """

    pointDragging = Signal(str, int, float, float)
    """face id, index, x, y: live, during a drag."""
    pointMoved = Signal(str, int, float, float)
    """face id, index, x, y: once, at the end of a free drag of one point, or for each arrow key."""
    pointsMoved = Signal(str, object, str)
    """face id, {index: (x, y)}, what was done: once, at the end of any other move."""
    pointDragCancelled = Signal(str, int)
    """face id, index: the drag was given up, the point is back."""
    boxDrawn = Signal(float, float, float, float)
    """x, y, w, h of a box drawn with `Tool.BOX`, within the image."""
    toolChanged = Signal(object)
    """the `Tool` now in the hand."""
    placed = Signal(object)
    """(x, y) that was clicked with `Tool.PLACE`; None for the place that is offered."""
    softChanged = Signal(float)
    """how many neighbours follow a drag: turned by the wheel during one."""
    hintChanged = Signal(str)
    """what the mouse would do now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self.setAccessibleName(tr("Image with landmarks"))
        self._tool = Tool.SELECT
        self._gesture: Gesture | None = None
        self._space = False
        self._keys = Qt.KeyboardModifier.NoModifier
        self._soft = 0.0
        self._constraint = Constraint.FREE
        self._hint = ""
        self._band, self._target, self._proposal = BandItem(), TargetItem(), ProposalItem()
        for item in (self._band, self._target, self._proposal):
            self.scene().addItem(item)

    # -- changes while the mouse is busy -----------------------------------------------------------------------------

    def _replace_face(self, item: FaceItem, face: FaceView) -> None:
        super()._replace_face(item, face)
        gesture = self._gesture
        if isinstance(gesture, PointPress) and gesture.face_id == face.face_id:
            if gesture.index >= len(face.scheme):
                self._gesture = None
            elif gesture.drag is not None:  # say, a prediction came in: the drag goes on
                gesture.drag.show_again()

    def _forget_face(self, face_id: str) -> None:
        if isinstance(self._gesture, PointPress) and self._gesture.face_id == face_id:
            self._gesture = None
        super()._forget_face(face_id)

    def _view_moved(self) -> None:
        super()._view_moved()
        gesture = self._gesture
        if isinstance(gesture, PointPress) and gesture.drag is not None:
            self._show_callout(gesture.face_id, gesture.index)
        elif self._hover is not None:  # another point may be under the cursor now, or none
            self._set_hover(self.point_at(self._cursor))

    def set_faces(self, faces: Iterable[FaceView]) -> None:
        super().set_faces(faces)
        self._refresh_hint()

    def set_selection(self, face_id: str | None, indices: Sequence[int]) -> None:
        super().set_selection(face_id, indices)
        self._refresh_hint()

    def show_target(self, place: tuple[float, float] | None, text: str) -> None:
        """Offer a place, image px, for the point called `text`, and bring it into sight; None takes the ring away."""
        if place is None:
            self._target.hide()
        else:
            self._target.show_at(*place, text)
            self.reveal(*place)

    def show_proposal(self, starts: FloatArray | None, ends: FloatArray | None) -> None:
        """Show where points, now at `starts` (K, 2) image px, would go; None takes that away."""
        nothing = np.zeros((0, 2))
        self._proposal.set_colours(self.layers.colours)
        self._proposal.set_zoom(self.zoom)
        self._proposal.offer(nothing if starts is None else starts, nothing if ends is None else ends)

    @property
    def proposed(self) -> FloatArray:
        """(K, 2) image px, the places shown by `show_proposal`."""
        return self._proposal.places

    def _zoom_applied(self, zoom: float) -> None:
        super()._zoom_applied(zoom)
        self._proposal.set_zoom(zoom)

    @property
    def target(self) -> str:
        """Text beside the ring of an offered place; empty without one."""
        return self._target.text

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
        self._refresh_hint()
        self.toolChanged.emit(tool)

    @property
    def soft(self) -> float:
        """How many neighbours along the curve follow a drag on either side; 0 for none."""
        return self._soft

    def set_soft(self, radius: float) -> None:
        """Let neighbours follow drags, also the one under way."""
        radius = min(max(radius, 0.0), MAX_RADIUS)
        if radius == self._soft:
            return
        self._soft = radius
        if isinstance(self._gesture, PointPress) and self._gesture.drag is not None:
            self._gesture.drag.set_radius(radius)
            self._follow(self._gesture)
        self._refresh_hint()
        self.softChanged.emit(radius)

    def set_constraint(self, constraint: Constraint) -> None:
        """Where drags lead while no key says otherwise, and arrow keys."""
        self._constraint = constraint
        self._refresh_hint()

    def _held_to(self) -> Constraint:
        """Where a drag leads now, by the keys held and the mode."""
        if self._keys & _CONTROL:
            return Constraint.MINOR if self._keys & _SHIFT else Constraint.MAJOR
        return Constraint.CURVE if self._keys & _SHIFT else self._constraint

    def _set_keys(self, keys: Qt.KeyboardModifier) -> None:
        """The keys held have changed: a drag under way follows, and so does what is said of the mouse."""
        if keys == self._keys:
            return
        self._keys = keys
        if isinstance(self._gesture, PointPress) and self._gesture.drag is not None:
            self._follow(self._gesture)
        self._refresh_hint()

    # -- what the mouse would do -------------------------------------------------------------------------------------

    def _refresh_hint(self) -> None:
        text = hint(self._situation()) if self.has_image else ""
        if text != self._hint:
            self._hint = text
            self.hintChanged.emit(text)

    def _situation(self) -> Situation:
        gesture, hover = self._gesture, self._hover
        drag = gesture.drag if isinstance(gesture, PointPress) else None
        place = (gesture.face_id, gesture.index) if isinstance(gesture, PointPress) else place_of(hover)
        common = Situation(
            self._tool, bool(self._items), selected=len(self._selected[1]), constraint=self._held_to(), soft=self._soft
        )
        item = self._items.get(place[0] or "")
        if item is None or place[1] is None:
            return common
        index, scheme, prediction = place[1], item.face.scheme, item.face.prediction
        region = scheme.region_of(index)
        locked = is_locked(item, index)
        return replace(
            common,
            under=f"{index} {scheme.points[index]}",
            movable=not locked and (hover is None or hover.movable),
            locked=locked,
            curve="" if region is None else region.name,
            ellipse=prediction is not None and bool(np.isfinite(prediction.covariance[index]).all()),
            dragging=0 if drag is None else max(len(drag.places), 1),
        )

    def _refresh_cursor(self) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if isinstance(self._gesture, Pan):
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._tool is not Tool.SELECT or isinstance(self._gesture, Band) or self._dragging:
            shape = Qt.CursorShape.CrossCursor
        elif self._hover is not None:
            shape = Qt.CursorShape.PointingHandCursor
        self.viewport().setCursor(shape)

    @property
    def busy(self) -> bool:
        """Whether the mouse is in the middle of something."""
        return self._gesture is not None

    @property
    def _dragging(self) -> bool:
        return isinstance(self._gesture, PointPress) and self._gesture.drag is not None

    # -- hover -------------------------------------------------------------------------------------------------------

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self._gesture is None:
            self._set_hover(None)

    # -- mouse -------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if self._gesture is not None or not self.has_image:
            return
        button, position, self._keys = event.button(), event.position(), event.modifiers()
        left = button == Qt.MouseButton.LeftButton
        if button in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton) or (left and self._space):
            self._gesture = Pan(button, position)
        elif left and self._tool is Tool.BOX:
            self._gesture = BoxDraw(button, self._inside_image(self.to_image(position)))
        elif left and self._tool is Tool.PLACE:
            self._gesture = EmptyPress(button, position)
        elif left:
            self._press(position)
        self._refresh_cursor()
        self._refresh_hint()

    def _press(self, position: QPointF) -> None:
        left, found, place = Qt.MouseButton.LeftButton, self.point_at(position), self.to_image(position)
        if found is None and self._keys & _SHIFT:
            self._gesture = Band(left, place, bool(self._keys & _CONTROL))
        elif found is None:
            self._gesture = EmptyPress(left, position)
        else:
            item = self._items[found.face_id]
            self._activate(found.face_id)
            face_id, indices = self._selected
            held = bool(self._keys & (_CONTROL | _SHIFT))  # what they select is decided by a click or a drag
            if not held and (face_id != found.face_id or found.index not in indices):
                self._select(found.face_id, (found.index,))
            movable = found.movable and not is_locked(item, found.index)
            self._gesture = PointPress(left, position, self._keys, found.face_id, found.index, movable, place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        event.accept()
        position = event.position()
        self._cursor = position
        place = self.to_image(position)
        self.cursorMoved.emit(place.x(), place.y())
        gesture = self._gesture
        if gesture is None:
            self._set_keys(event.modifiers())
            if self._tool is Tool.SELECT and not self._space:
                self._set_hover(self.point_at(position))
        elif isinstance(gesture, Pan):
            step = position - gesture.last
            self.pan(step.x(), step.y())
            gesture.last = position
        elif isinstance(gesture, BoxDraw):
            self._band.set_rect(QRectF(gesture.start, self._inside_image(place)).normalized(), self.zoom)
        elif isinstance(gesture, Band):
            self._band.set_rect(QRectF(gesture.start, place).normalized(), self.zoom)
        elif isinstance(gesture, PointPress) and gesture.drag is not None:
            self._keys = event.modifiers()
            self._follow(gesture)
        elif _travelled(gesture.pressed, position):
            if isinstance(gesture, PointPress) and gesture.movable:
                self._start_drag(gesture)
            else:
                self._gesture = Pan(gesture.button, gesture.pressed)
                self._set_hover(None)
                self._refresh_cursor()
                self.mouseMoveEvent(event)

    def _start_drag(self, gesture: PointPress) -> None:
        face_id, index = gesture.face_id, gesture.index
        if self._selected[0] != face_id or index not in self._selected[1]:
            self._select(face_id, (index,))
        gesture.drag = PointDrag(self._items[face_id], index, self._selected[1], self._soft)
        self._refresh_cursor()
        self._follow(gesture)

    def _follow(self, gesture: PointPress) -> None:
        """Bring what is dragged to where the cursor, the keys and the softness want it."""
        drag, place = gesture.drag, self.to_image(self._cursor)
        assert drag is not None
        x = float(drag.start[0]) + place.x() - gesture.grabbed.x()
        y = float(drag.start[1]) + place.y() - gesture.grabbed.y()
        drag.move((x, y), self._held_to(), self._allowed)
        self._show_callout(gesture.face_id, gesture.index)
        self._refresh_hint()
        self.pointDragging.emit(gesture.face_id, gesture.index, *drag.places[gesture.index])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        gesture = self._gesture
        if gesture is None or event.button() != gesture.button:
            return
        self._gesture = None
        if isinstance(gesture, PointPress):
            if gesture.drag is not None:
                self._report(gesture.face_id, gesture.drag)
            else:
                self._click_point(gesture)
        elif isinstance(gesture, EmptyPress) and self._tool is Tool.PLACE:
            place = self.to_image(event.position())
            self.placed.emit(self._allowed(place.x(), place.y()))
        elif isinstance(gesture, EmptyPress):
            self._click_beside(event.position())
        elif isinstance(gesture, Band):
            self._finish_band(gesture, event.position())
        elif isinstance(gesture, BoxDraw):
            self._finish_box(gesture, event.position())
        if self._tool is Tool.SELECT and not self._space:
            self._set_hover(self.point_at(event.position()))
        self._refresh_cursor()
        self._refresh_hint()

    def _report(self, face_id: str, drag: PointDrag) -> None:
        """The end of a move: the document is to take it over."""
        if len(drag.places) == 1 and drag.constraint is Constraint.FREE:
            ((index, place),) = drag.places.items()
            self.pointMoved.emit(face_id, index, *place)
        elif drag.places:
            self.pointsMoved.emit(face_id, drag.places, drag.text())

    def _click_point(self, gesture: PointPress) -> None:
        """Select the point, take it in or out (Ctrl), or all on the way to it along the curve (Shift)."""
        if gesture.curve:
            return
        face_id, index = gesture.face_id, gesture.index
        mine = self._selected[1] if self._selected[0] == face_id else ()
        if gesture.keys & _SHIFT and mine:
            self._select(face_id, (*mine, *selecting.along(self._items[face_id].face.scheme, mine[-1], index)))
        elif gesture.keys & _CONTROL:
            self._select(face_id, tuple(i for i in mine if i != index) if index in mine else (*mine, index))
        else:
            self._select(face_id, (index,))

    def _finish_band(self, gesture: Band, position: QPointF) -> None:
        """Select the framed points of the active face, or else of the face that has most of them there."""
        self._band.hide()
        rect = QRectF(gesture.start, self.to_image(position)).normalized()
        found: dict[str, tuple[int, ...]] = {}
        for face_id, item in self._items.items():
            labels, means = item.shown_points()
            points = np.where(np.isnan(labels), means, labels)
            found[face_id] = selecting.inside(points, rect.left(), rect.top(), rect.right(), rect.bottom())
        best = max(found, key=lambda face_id: (bool(found[face_id]) and face_id == self.active_face,
                                               len(found[face_id])), default=None)  # fmt: skip
        if best is not None and found[best]:
            self._activate(best)
            self.select(found[best], adding=gesture.adding)
        elif not gesture.adding:
            self._select(None, ())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        found = self.point_at(event.position()) if self._tool is Tool.SELECT else None
        beside = self._tool is Tool.SELECT and found is None
        if event.button() == Qt.MouseButton.LeftButton and found is not None and self._gesture is None:
            self._select(found.face_id, (found.index,))
            self.select_regions()
            self.mousePressEvent(event)  # so that the curve can be dragged at once
            if isinstance(self._gesture, PointPress):
                self._gesture.curve = True
            return
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
        if isinstance(gesture, PointPress) and gesture.drag is not None:
            gesture.drag.cancel()
            self._set_hover(None)
            self.pointDragCancelled.emit(gesture.face_id, gesture.index)
        self._refresh_cursor()
        self._refresh_hint()
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
        if self._tool is Tool.PLACE and event.key() in _TAKE_KEYS:
            return True
        return event.key() in _ARROWS and self._nudge_target() is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, handled = Qt.Key(event.key()), True
        if key in _HELD:
            self._set_keys(_with_key(event.modifiers(), key, down=True))
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
        elif self._tool is Tool.PLACE and key in _TAKE_KEYS:
            self.placed.emit(None)
        elif key == Qt.Key.Key_Space:
            self._space = True
            self._set_hover(None)
            self._refresh_cursor()
        else:
            handled = False
        event.setAccepted(handled)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() in _HELD:
            self._set_keys(_with_key(event.modifiers(), Qt.Key(event.key()), down=False))
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._refresh_cursor()
        event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        self._set_keys(Qt.KeyboardModifier.NoModifier)
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

    def _nudge_target(self) -> tuple[FaceItem, int] | None:
        """The face and the first of the selected points that may be moved now."""
        face_id, indices = self._selected
        if face_id is None or self._gesture is not None:
            return None
        item = self._items[face_id]
        movable = item.target().movable
        for index in indices:
            if index < len(movable) and not np.isnan(movable[index]).any() and not is_locked(item, index):
                return item, index
        return None

    def _nudge(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        target = self._nudge_target()
        if target is None:
            return False
        item, index = target
        step = NUDGE_FAR_PX if modifiers & _SHIFT else NUDGE_FINE_PX if modifiers & _CONTROL else NUDGE_PX
        drag = PointDrag(item, index, self._selected[1], self._soft)
        x, y = drag.start + step * np.array(_ARROWS[key])
        drag.move((float(x), float(y)), self._constraint, self._allowed)
        self._report(item.face.face_id, drag)
        return True

    def wheelEvent(self, event: QWheelEvent) -> None:
        """During a soft drag the wheel says how many neighbours follow; else it zooms."""
        if self._dragging and self._soft > 0 and event.angleDelta().y():
            self.set_soft(max(self._soft + math.copysign(1.0, event.angleDelta().y()), 1.0))
            event.accept()
        else:
            super().wheelEvent(event)


def _with_key(keys: Qt.KeyboardModifier, key: Qt.Key, down: bool) -> Qt.KeyboardModifier:
    """The keys held after `key` went down or up: systems differ in whether an event tells of itself."""
    own = _SHIFT if key == Qt.Key.Key_Shift else _CONTROL
    return keys | own if down else keys & ~own


def _travelled(start: QPointF, now: QPointF) -> bool:
    return math.hypot(now.x() - start.x(), now.y() - start.y()) > _DRAG_START_PX
