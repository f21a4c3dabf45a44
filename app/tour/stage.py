"""What the tour sees of the window, and does in it: facts, deeds and places, in terms of planted labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize, QTimer, Signal
from PySide6.QtWidgets import QDockWidget, QToolBar, QWidget

from app.action_table import TABLE
from app.actions import native
from app.edits import DescribeFace, MovePoint
from app.face_state import FaceState
from core.face import Box
from core.sample import Plan, Planted

if TYPE_CHECKING:
    from app.main_window import MainWindow

_RING_PX = 22
_ROOM = 0.4
"""Around a face, as a share of its size."""
_LAYERS = ("points", "ellipses", "labels", "predictions")
"""What the tour speaks of must be drawn."""


class Stage(QObject):
    """The window with the sample open.

    Signals:
        changed(): any of the facts may be another one. Comes once for all that changes together.
    """

    changed = Signal()

    def __init__(self, window: MainWindow, plan: Plan) -> None:
        super().__init__(window)
        self.plan = plan
        self._window = window
        self._document, self._bench, self._canvas = window.document, window.workbench, window.canvas
        self._images, self._landmarks = window.images, window.landmarks
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.changed)
        document, bench = self._document, self._bench
        for signal in (
            *(document.opened, document.rows_changed, document.current_changed, document.faces_loaded),
            *(document.face_changed, document.row_changed, document.undo_changed, document.save_changed),
            *(bench.conditions_changed, bench.image_shown, self._canvas.viewChanged, self._images.order_changed),
        ):
            signal.connect(self.touch)

    def touch(self, *_what: object) -> None:
        """Something may have changed."""
        if not self._soon.isActive():
            self._soon.start(0)

    # -- facts

    def image_id(self, spot: Planted) -> str | None:
        """The project's id of the picture of a planted label."""
        return next((row.id for row in self._document.rows if row.name == spot.image), None)

    def at(self, spot: Planted) -> bool:
        """Whether that picture and the label of its face are on screen."""
        return self._face(spot) is not None

    def selected(self, spot: Planted) -> bool:
        """Whether just this point is selected."""
        return self.at(spot) and self._bench.selection == (spot.point,)

    def off(self, spot: Planted) -> float:
        """How far the label shown is from the truth, in parts of how far it was planted; infinite if not on screen."""
        face = self._face(spot)
        if face is None or face.label is None or spot.label is None:
            return math.inf
        x, y = face.label.points[spot.point]
        return math.dist((x, y), spot.truth) / math.dist(spot.label, spot.truth)

    def accepted(self, spot: Planted) -> bool:
        """Whether the face was said to be good."""
        row = self._document.row(self.image_id(spot) or "")
        return row is not None and row.review == "accepted"

    def all_predicted(self) -> bool:
        """Whether every picture that can be was predicted."""
        return all(row.predicted or row.problem for row in self._document.rows)

    def sorted_by_worst(self) -> bool:
        """Whether the list has the worst label first."""
        return bool(self._images.order.currentData() == "worst")

    def saved(self) -> bool:
        """Whether everything is on disk."""
        return self._document.save_state.kind == "saved"

    def can(self, action_id: str) -> bool:
        """Whether the action is possible now."""
        return self._window.actions_[action_id].isEnabled()

    def key(self, action_id: str) -> str:
        """The first key of an action, as this desktop writes it."""
        return next(native(spec.shortcuts[0]) for spec in TABLE if spec.id == action_id)

    def _face(self, spot: Planted) -> FaceState | None:
        if not self._bench.picture_ready or self._document.current_id != self.image_id(spot):
            return None
        face = self._bench.active_face()
        return face if face is not None and face.label is not None else None

    # -- deeds

    def set_up(self) -> None:
        """Draw what will be spoken of, and let all pictures be seen."""
        for name in _LAYERS:
            action = self._window.actions_[name]
            if not action.isChecked():
                action.trigger()
        self._images.filter.clear()

    def go_to(self, spot: Planted) -> None:
        """Turn to the picture."""
        image_id = self.image_id(spot)
        if image_id is not None:
            self._document.set_current(image_id)

    def fit_face(self, spot: Planted) -> None:
        """Show the face with some room around it, where the callout can stand."""
        face = self._face(spot)
        if face is not None and face.label is not None:
            box = Box.around(face.label.points)
            room = _ROOM * max(box.w, box.h)
            self._canvas.fit_rect(box.x - room, box.y - room, box.x + box.w + room, box.y + box.h + room)

    def fit_move(self, spot: Planted) -> None:
        """Show the label and where it belongs, with what lies around."""
        if spot.label is None:
            return
        (x0, y0), (x1, y1) = spot.label, spot.truth
        room = 1.4 * math.dist(spot.label, spot.truth)
        self._canvas.fit_rect(min(x0, x1) - room, min(y0, y1) - room, max(x0, x1) + room, max(y0, y1) + room)

    def select(self, spot: Planted) -> None:
        """As a click on its row of the table."""
        self._landmarks.select((spot.point,))
        self._landmarks.selection_changed.emit((spot.point,))

    def accept(self, spot: Planted) -> None:
        """Say that the face is good."""
        face = self._face(spot)
        if face is not None:
            self._document.apply(DescribeFace(face.face_id, review="accepted"))

    def put_right(self, spot: Planted, near: float) -> None:
        """Move the label to where the model sees the point; to the truth if that is farther than `near` (as `off`)."""
        face = self._face(spot)
        if face is None or spot.label is None:
            return
        x, y = spot.truth
        if face.fitting_prediction is not None:
            seen_x, seen_y = (float(v) for v in face.fitting_prediction.mean[spot.point])
            if math.dist((seen_x, seen_y), spot.truth) < near * math.dist(spot.label, spot.truth):
                x, y = seen_x, seen_y
        self._document.apply(MovePoint(face.face_id, spot.point, x, y))

    def trigger(self, action_id: str) -> None:
        """As if the menu entry was chosen."""
        self._window.actions_[action_id].trigger()

    def sort_by_worst(self) -> None:
        """As if that order was chosen above the list."""
        self._images.order.setCurrentIndex(self._images.order.findData("worst"))

    def bring_up(self, widget: QWidget) -> None:
        """Show the dock that holds a widget, in front of those it shares its place with."""
        found: QWidget | None = widget
        while found is not None and not isinstance(found, QDockWidget):
            found = found.parentWidget()
        if found is not None:
            found.show()
            found.raise_()

    # -- places, in px of the window

    @property
    def review(self) -> QWidget:
        """Where people say what they make of a face."""
        return self._window.desk.face.review

    @property
    def order(self) -> QWidget:
        """Where the order of the list is chosen."""
        return self._images.order

    @property
    def save_line(self) -> QWidget:
        """Where the window says what is saved."""
        return self._window.status.saved

    def button(self, action_id: str) -> QRect | None:
        """The action's button in the tool bar."""
        bar = self._window.findChild(QToolBar, "tools")
        button = None if bar is None else bar.widgetForAction(self._window.actions_[action_id])
        return None if button is None else self.place_of(button)

    def place_of(self, widget: QWidget) -> QRect | None:
        """A widget's place; None while it cannot be seen."""
        if not widget.isVisible():
            return None
        return QRect(self._in_window(widget, QPoint(0, 0)), widget.size())

    def row_of(self, spot: Planted) -> QRect | None:
        """The picture's row in the list, which is scrolled to it."""
        view, image_id = self._images.view, self.image_id(spot)
        index = self._images.model.index_of(image_id) if image_id else None
        if index is None or not index.isValid() or not view.isVisible():
            return None
        view.scrollTo(index)
        rect = view.visualRect(index)
        return QRect(self._in_window(view.viewport(), rect.topLeft()), rect.size())

    def point_of(self, spot: Planted) -> QRect | None:
        """A square around the label's point on the canvas; None where it cannot be seen."""
        face = self._face(spot)
        if face is None or face.label is None or not self._canvas.isVisible():
            return None
        x, y = (float(v) for v in face.label.points[spot.point])
        viewport = self._canvas.viewport()
        at = self._canvas.to_screen(x, y).toPoint()
        if math.isnan(x) or not viewport.rect().contains(at):
            return None
        corner = self._in_window(viewport, at) - QPoint(_RING_PX, _RING_PX)
        return QRect(corner, QSize(2 * _RING_PX, 2 * _RING_PX))

    def face_areas(self) -> list[QRect]:
        """What of the canvas shows the active face, and the legend."""
        viewport, legend = self._canvas.viewport(), self._canvas.legend
        face = self._bench.active_face()
        label = None if face is None else face.as_label()
        if label is None or not self._canvas.isVisible():
            return []
        box = Box.around(label.points)
        first, last = self._canvas.to_screen(box.x, box.y), self._canvas.to_screen(box.x + box.w, box.y + box.h)
        area = QRect(first.toPoint(), last.toPoint()).intersected(viewport.rect())
        seen = [area.translated(self._in_window(viewport, QPoint(0, 0)))]
        place = self.place_of(legend)
        return seen if place is None else [*seen, place]

    def canvas_area(self) -> QRect:
        """The canvas, or what is shown in its place."""
        pages = self._window.pages
        return QRect(self._in_window(pages, QPoint(0, 0)), pages.size())

    def work_area(self) -> QRect:
        """What lies between the tool bar and the status bar."""
        bar, below = self._window.findChild(QToolBar, "tools"), self._window.statusBar()
        top = 0 if bar is None or bar.isHidden() else bar.geometry().bottom()
        return QRect(QPoint(0, top), QPoint(self._window.width(), below.geometry().top()))

    def _in_window(self, widget: QWidget, at: QPoint) -> QPoint:
        return self._window.mapFromGlobal(widget.mapToGlobal(at))  # a dock may be a window of its own
