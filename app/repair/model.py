"""The faces of a plan as a list: what would change, what is wanted, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.jobs.repair import PlannedFace
from app.texts import tr, tr_count

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class State(StrEnum):
    """Where a face is between plan and project."""

    PLANNED = ""
    APPLIED = "applied"
    TAKEN_BACK = "taken back"
    LEFT_OUT = "left out"


def state_text(state: State) -> str:
    """For people; "" of a face that is only planned."""
    return {
        State.PLANNED: "",
        State.APPLIED: tr("applied"),
        State.TAKEN_BACK: tr("taken back"),
        State.LEFT_OUT: tr("left out: the label is another one now"),
    }[state]


def change_text(face: PlannedFace) -> str:
    """ "12 points, up to 3.4 px"; what happens to points that do not move."""
    repair = face.repair
    touched = repair.touched
    text = tr_count("{n} point", "{n} points", len(touched))
    after = repair.after.points[touched]
    if len(touched) and np.isnan(after).all():
        return tr("{points} dropped", points=text)
    if repair.moves.max(initial=0.0) == 0 and np.isfinite(repair.before.points[touched]).all():
        return tr("{points} weigh {weight:g}", points=text, weight=float(repair.after.weights[touched].max(initial=0)))
    if repair.moves.max(initial=0.0) == 0:
        return tr("{points} placed", points=text)
    return tr("{points}, up to {far:.1f} px", points=text, far=float(repair.moves.max()))


class PlanModel(QAbstractListModel):
    """Rows are faces, the largest change first.

    Signals:
        chosen_changed(): other faces are wanted.
    """

    chosen_changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.faces: list[PlannedFace] = []
        self._wanted: list[bool] = []
        self._states: list[State] = []
        self._rows: dict[str, int] = {}

    def show_faces(self, faces: Sequence[PlannedFace]) -> None:
        """Another plan; all of its faces are wanted."""
        self.beginResetModel()
        self.faces = list(faces)
        self._wanted, self._states = [True] * len(faces), [State.PLANNED] * len(faces)
        self._rows = {face.face_id: row for row, face in enumerate(self.faces)}
        self.endResetModel()
        self.chosen_changed.emit()

    def wanted(self) -> list[PlannedFace]:
        """Planned faces that are ticked."""
        planned = zip(self.faces, self._wanted, self._states, strict=True)
        return [face for face, wanted, state in planned if wanted and state is State.PLANNED]

    def state(self, row: int) -> State:
        """Of a row."""
        return self._states[row]

    def is_wanted(self, row: int) -> bool:
        """Whether a row is ticked."""
        return self._wanted[row]

    def count(self, state: State) -> int:
        """Number of faces in that state."""
        return self._states.count(state)

    def set_wanted(self, rows: Iterable[int], wanted: bool) -> None:
        """Tick faces, or take their ticks away."""
        for row in rows:
            if self._states[row] is State.PLANNED:
                self._wanted[row] = wanted
        self._all_changed()

    def set_state(self, face_ids: Iterable[str], state: State) -> None:
        """What became of faces."""
        for face_id in face_ids:
            if face_id in self._rows:
                self._states[self._rows[face_id]] = state
        self._all_changed()

    def picture_ready(self, face_id: str) -> None:
        """Paint a face anew."""
        if face_id in self._rows:
            index = self.index(self._rows[face_id])
            self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])

    def _all_changed(self) -> None:
        if self.faces:
            self.dataChanged.emit(self.index(0), self.index(len(self.faces) - 1))
        self.chosen_changed.emit()

    # -- Qt's side

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802
        """Number of faces."""
        return 0 if parent.isValid() else len(self.faces)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Faces can be selected; planned ones can be ticked."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        planned = index.isValid() and self._states[index.row()] is State.PLANNED
        return flags | Qt.ItemFlag.ItemIsUserCheckable if planned else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Texts and ticks."""
        if not index.isValid():
            return None
        face, state = self.faces[index.row()], self._states[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return face.name
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(part for part in (face.path, change_text(face), state_text(state)) if part)
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(part for part in (face.name, change_text(face), state_text(state)) if part)
            case Qt.ItemDataRole.CheckStateRole if state is State.PLANNED:
                return Qt.CheckState.Checked if self._wanted[index.row()] else Qt.CheckState.Unchecked
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Ticks."""
        if role != Qt.ItemDataRole.CheckStateRole or self._states[index.row()] is not State.PLANNED:
            return False
        self._wanted[index.row()] = Qt.CheckState(value) is Qt.CheckState.Checked
        self.dataChanged.emit(index, index, [role])
        self.chosen_changed.emit()
        return True
