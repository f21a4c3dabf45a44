"""One key that finds the points of a label that look wrong, shows where they would go, and pressed again moves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.canvas.view import CanvasView
from app.document import Document
from app.edits import ChangePoints
from app.face_state import FaceState
from app.texts import tr, tr_count
from app.workbench import Workbench
from core.calibration import Calibration
from core.doubts import doubts
from core.face import Label, Prediction
from core.label_change import LabelChange
from core.moves.fitting import fit_to_rest
from core.scheme import Scheme

_DECIMALS = 3


class _Proposal(NamedTuple):
    """What was proposed: points of a face, for the label it then had."""

    face_id: str
    label: Label
    points: frozenset[int]


class Mending(QObject):
    """Proposes and makes a repair of the active face's label; the selection says which points are meant.

    While a proposal stands, points taken into the selection or out of it change what is shown and done.

    Signals:
        said(text): what was found, or why nothing was done.
    """

    said = Signal(str)

    def __init__(self, document: Document, bench: Workbench, canvas: CanvasView) -> None:
        super().__init__(bench)
        self._document, self._bench, self._canvas = document, bench, canvas
        self._proposal: _Proposal | None = None
        self._calibration: tuple[str, Calibration | None] = ("", None)
        bench.selection_changed.connect(self._refresh)
        bench.active_changed.connect(self._refresh)
        document.face_changed.connect(lambda _face: self._refresh())
        document.current_changed.connect(self._forget)

    def mend(self) -> None:
        """Propose; where a proposal stands, do it."""
        if self._proposal is None:
            self._propose()
        else:
            self.fit()

    def fit(self) -> None:
        """Put the selected points where the rest of the face puts them."""
        ground = self._ground()
        if ground is None:
            return
        face, label, prediction = ground
        chosen = self._chosen(label)
        if not chosen:
            self.said.emit(tr("Select points first: C selects those that look wrong."))
            return
        self._forget()
        change = _fitted(label, prediction, chosen)
        if not len(change):
            self.said.emit(tr("These points lie there already, or are locked."))
            return
        count = "1 point" if len(change) == 1 else f"{len(change)} points"
        self._document.apply(ChangePoints(face.face_id, change, f"fit {count} to the rest of the face"))

    # -- the proposal

    def _propose(self) -> None:
        ground = self._ground()
        if ground is None:
            return
        face, label, prediction = ground
        scheme = self._bench.scheme_for(face)
        order, count = doubts(label, prediction, scheme, self._calibration_for(scheme))
        if not count:
            self.said.emit(tr("No point of this label looks wrong; W goes to the one farthest from its prediction."))
            return
        self._proposal = _Proposal(face.face_id, label, frozenset(order[:count]))
        self._canvas.select(order[:count])
        self._refresh()
        self.said.emit(
            tr_count(
                "{n} point looks wrong. C moves it to the ring, Ctrl+click takes points in or out.",
                "{n} points look wrong. C moves them to the rings, Ctrl+click takes points in or out.",
                count,
            )
        )

    def _refresh(self) -> None:
        """Show where the selected points would go, or drop a proposal that is about something else by now."""
        if self._proposal is None:
            return
        face = self._bench.active_face()
        same = face is not None and face.face_id == self._proposal.face_id and face.label is self._proposal.label
        prediction = None if face is None else face.fitting_prediction
        chosen = self._chosen(self._proposal.label)
        if not same or prediction is None or self._proposal.points.isdisjoint(chosen):
            self._forget()
            return
        change = _fitted(self._proposal.label, prediction, chosen)
        assert change.points is not None
        self._canvas.show_proposal(self._proposal.label.points[change.indices], change.points)

    def _forget(self) -> None:
        if self._proposal is not None:
            self._proposal = None
            self._canvas.show_proposal(None, None)

    # -- what it starts from

    def _ground(self) -> tuple[FaceState, Label, Prediction] | None:
        """The active face with both label and prediction; None, and a word why, without."""
        face = self._bench.active_face()
        label = None if face is None else face.label
        prediction = None if face is None else face.fitting_prediction
        if face is None or label is None:
            self.said.emit(tr("There is no label to look at yet."))
        elif prediction is None:
            self.said.emit(tr("This face has no prediction yet: P predicts it."))
        elif len(self._bench.scheme_for(face)) == len(label):
            return face, label, prediction
        return None

    def _calibration_for(self, scheme: Scheme) -> Calibration | None:
        """Of the model in use, read once; None where it has none for this scheme."""
        info = self._bench.predictions.state.info
        if info is None or info.scheme != scheme.id:
            return None
        if self._calibration[0] != info.hash:
            self._calibration = info.hash, Calibration.from_json(info.calibration, len(scheme), info.name)
        return self._calibration[1]

    def _chosen(self, label: Label) -> tuple[int, ...]:
        return tuple(index for index in self._bench.selection if index < len(label))


def _fitted(label: Label, prediction: Prediction, chosen: Sequence[int]) -> LabelChange:
    change = fit_to_rest(label, prediction, chosen)
    assert change.points is not None
    return LabelChange(change.indices, np.round(change.points, _DECIMALS))
