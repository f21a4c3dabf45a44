"""Guided placing: the missing points of a face one after another, each offered where it is to be expected."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.canvas.gestures import Tool
from app.canvas.view import CanvasView
from app.document import Document
from app.edits import ChangePoints
from app.face_state import FaceState
from app.texts import tr
from app.workbench import Workbench
from core.face import FloatArray, Label
from core.label_change import LabelChange
from core.moves.mean_shape import expected_places, fit_into, mean_shape
from core.scheme import Scheme


class Placing(QObject):
    """Offers a place for each missing point of the active face while `Tool.PLACE` is in the hand.

    Signals:
        said(text): why there is nothing to place, or that all is placed.
    """

    said = Signal(str)

    def __init__(self, document: Document, bench: Workbench, canvas: CanvasView) -> None:
        super().__init__(bench)
        self._document, self._bench, self._canvas = document, bench, canvas
        self._face_id: str | None = None
        self._index: int | None = None
        self._offered: tuple[float, float] | None = None
        self._placed = 0
        canvas.placed.connect(self._place)
        canvas.toolChanged.connect(self._tool_changed)
        bench.active_changed.connect(self._active_changed)
        document.face_changed.connect(self._face_changed)

    @property
    def index(self) -> int | None:
        """The point that is to be placed now."""
        return self._index

    def toggle(self, on: bool) -> None:
        """Begin with the first missing point, or end."""
        if not on:
            self._canvas.set_tool(Tool.SELECT)
            return
        face = self._bench.active_face()
        if face is None:
            self.said.emit(tr("There is no face yet: B draws a box around one."))
        elif not self._missing(face):
            self.said.emit(tr("No point of this face is missing."))
        else:
            self._face_id, self._placed = face.face_id, 0
            self._canvas.set_tool(Tool.PLACE)
            self._offer(face, self._missing(face)[0])

    def step(self, by: int) -> None:
        """Leave this point for later: offer the next missing one (1), or the one before (-1)."""
        face = self._bench.active_face()
        missing = [] if face is None else self._missing(face)
        if face is None or not missing or self._index is None:
            return
        after = [i for i in missing if i > self._index] + missing
        before = [i for i in reversed(missing) if i < self._index] + missing[::-1]
        self._offer(face, after[0] if by > 0 else before[0])

    def _label(self, face: FaceState) -> Label:
        """The label so far; of a face without one and without a prediction every point is missing."""
        scheme = self._bench.scheme_for(face)
        return face.as_label() or Label(scheme.id, np.full((len(scheme), 2), np.nan))

    def _missing(self, face: FaceState) -> list[int]:
        return np.flatnonzero(np.isnan(self._label(face).points[:, 0])).tolist()

    def _offer(self, face: FaceState, index: int) -> None:
        scheme, label = self._bench.scheme_for(face), self._label(face)
        expected = _expected(face, scheme, label.points)
        self._index, self._offered = index, None
        self._canvas.select([index])  # with its ellipse, where there is one
        left = len(self._missing(face))
        if np.isfinite(expected[index]).all():
            x, y = np.round(expected[index], 3).tolist()
            self._offered = (x, y)
            self._canvas.show_target(
                (x, y),
                tr(
                    "{index} {points} ({left} to go)",
                    index=index,
                    points=scheme.points[index],
                    left=left,
                ),
            )
        else:
            self._canvas.show_target(None, "")

    def _place(self, place: tuple[float, float] | None) -> None:
        face = self._bench.active_face()
        place = self._offered if place is None else place
        if face is None or self._index is None or place is None:
            return
        index, start = self._index, self._label(face)
        self._placed += 1
        change = LabelChange(np.array([index]), np.array([place]))
        self._document.apply(ChangePoints(face.face_id, change, "place point", start))

    def _face_changed(self, face_id: str) -> None:
        """A point was placed, taken back by undo, or changed otherwise: go on with the next that is missing."""
        if self._index is None or face_id != self._bench.active:
            return
        face = self._document.faces.get(face_id)
        missing = [] if face is None else self._missing(face)
        if face is None or not missing:
            self.said.emit(tr("All points are placed ({placed}).", placed=self._placed))
            self._canvas.set_tool(Tool.SELECT)
            return
        self._offer(face, next((i for i in missing if i >= self._index), missing[0]))

    def _active_changed(self) -> None:
        """Another face, or the same one read anew."""
        if self._index is not None and self._bench.active != self._face_id:
            self._canvas.set_tool(Tool.SELECT)
        elif self._index is not None and self._face_id is not None:
            self._face_changed(self._face_id)

    def _tool_changed(self, tool: Tool) -> None:
        if tool is not Tool.PLACE:
            self._index = self._offered = None
            self._canvas.show_target(None, "")


def _expected(face: FaceState, scheme: Scheme, points: FloatArray) -> FloatArray:
    """(N, 2) image px; NaN where neither a prediction nor a mean shape tells."""
    prediction, shape = face.fitting_prediction, mean_shape(scheme.id)
    if prediction is not None:
        return expected_places(points, prediction.mean)
    if shape is None or len(shape) != len(scheme):
        return points
    if face.box is not None:
        shape = fit_into(shape, face.box)
    elif np.isnan(points).all():
        return points  # nothing tells where the face is
    return expected_places(points, shape)
