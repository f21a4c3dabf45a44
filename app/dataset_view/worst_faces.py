"""The worst faces of a landmark: a list that leads to them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.dataset_view.columns import WORST
from app.dataset_view.tables import Cell, SortedTable, number
from app.dataset_view.words import verdict_text
from app.jobs.dataset_numbers import DatasetNumbers
from app.texts import tr
from core.landmark_statistics import ranked_faces
from core.metrics import norm_distances

MOST = 100


class WorstFaces(QWidget):
    """Faces of one landmark, the most suspect first.

    Signals:
        wanted(face, index): go to that face of the audit and that landmark.
    """

    wanted = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._faces: tuple[int, ...] = ()
        self._ids: list[str] = []
        self._index = -1
        self.head = QLabel(self)
        self.list = SortedTable(WORST, tr("Worst faces of the landmark"), self)
        self.hint = QLabel(tr("Double click or Return goes to the face in the main window."), self)
        self.hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.head)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.hint)
        self.list.row_activated.connect(self._want)
        self.show_landmark(None, None)

    @property
    def faces(self) -> tuple[int, ...]:
        """The listed faces of the audit, in order."""
        return self._faces

    def show_landmark(self, numbers: DatasetNumbers | None, index: int | None) -> None:
        """List the worst faces of a landmark; None for none."""
        if numbers is None or index is None:
            self._faces, self._index = (), -1
            self.head.setText(tr("No landmark is chosen: click one on the map or in the table."))
            self.list.values.show([])
            return
        row = self.list.chosen() if index == self._index else None
        before = None if row is None else self._ids[row]
        self._faces, self._index = ranked_faces(numbers.audit, index, MOST), index
        self._ids = [numbers.source.faces[face].face_id for face in self._faces]
        name = f"<b>{numbers.audit.scheme.points[index]}</b>"
        self.head.setText(tr("Worst faces of {landmark}", landmark=name))
        if before is None:
            self.list.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.list.clearSelection()
        self.list.values.show(_rows(numbers, self._faces, index))
        if before in self._ids:  # it was corrected, maybe, and is elsewhere in the list
            self.list.choose(self._ids.index(before))
        else:
            self.list.scrollToTop()

    def go_to_first(self) -> None:
        """Go to the worst of all."""
        self._want(0)

    def _want(self, row: int) -> None:
        if 0 <= row < len(self._faces):
            self.wanted.emit(self._faces[row], self._index)


def _rows(numbers: DatasetNumbers, faces: tuple[int, ...], index: int) -> list[list[Cell]]:
    audit = numbers.audit
    e, chosen = audit.evidence, list(faces)
    norm = norm_distances(e.expected[chosen], audit.scheme)
    off = 100 * np.hypot(e.along[chosen, index], e.across[chosen, index]) / norm
    rows = []
    for face, far in zip(faces, off.tolist(), strict=True):
        image, said = audit.faces[face].image, audit.point(face, index)
        name = image.name if not audit.numbers[face] else f"{image.name} ({audit.numbers[face] + 1})"
        rows.append(
            [
                Cell(name, tip=str(image)), Cell(image.parent.name), Cell(verdict_text(said.verdict.value)),
                number(far, 1), number(said.d, 1), Cell(said.text, tip=said.text),
            ]
        )  # fmt: skip
    return rows
