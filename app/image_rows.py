"""What the list shows of each image, kept in step with the project and with what the model says."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.panels.image_model import ImageRow


class ImageRows(QObject):
    """The rows in the project's order; they are changed here alone.

    Signals:
        changed(image id): number of faces, review state, worst deviation or problem of one image.
        marked(): many images have another mark.
    """

    changed = Signal(str)
    marked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.all: list[ImageRow] = []
        self._by_id: dict[str, ImageRow] = {}

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._by_id

    def get(self, image_id: str) -> ImageRow | None:
        """The row of an image."""
        return self._by_id.get(image_id)

    def replace(self, rows: list[ImageRow]) -> None:
        """Another list; what is known of images that were there already is kept."""
        for row in rows:
            old = self._by_id.get(row.id)
            if old is not None:
                row.worst, row.predicted = old.worst, old.predicted
                if old.path == row.path:  # else the file was moved, and what was wrong with it may be over
                    row.problem = old.problem
        self.all = rows
        self._by_id = {row.id: row for row in rows}

    def set_faces(self, image_id: str, faces: int, review: str) -> None:
        """Number of faces and review state of an image."""
        row = self._by_id.get(image_id)
        if row is not None and (row.faces, row.review) != (faces, review):
            row.faces, row.review = faces, review
            self.changed.emit(image_id)

    def set_worst(self, image_id: str, worst: float | None) -> None:
        """Its worst deviation is another one after an edit."""
        row = self._by_id.get(image_id)
        if row is not None and row.worst != worst:
            row.worst = worst
            self.changed.emit(image_id)

    def set_predicted(self, image_id: str, faces: int, worst: float | None) -> None:
        """It was predicted."""
        row = self._by_id.get(image_id)
        if row is not None:
            row.worst, row.predicted, row.faces, row.problem = worst, True, faces, None
            self.changed.emit(image_id)

    def forget_predictions(self) -> None:
        """Nothing is predicted any more; the owner says so."""
        for row in self.all:
            row.worst, row.predicted = None, False

    def set_problem(self, image_id: str, problem: str | None) -> None:
        """Mark an image that cannot be used, with the reason."""
        row = self._by_id.get(image_id)
        if row is not None and row.problem != problem:
            row.problem = problem
            self.changed.emit(image_id)

    def set_missing(self, image_ids: Sequence[str]) -> None:
        """Mark images whose file is not where it was."""
        for row in filter(None, map(self._by_id.get, image_ids)):
            row.missing = True
        self.marked.emit()
