"""What the list shows of each image, kept in step with the project and with what the model says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isnan

from PySide6.QtCore import QObject, Signal

from app.panels.image_model import ImageRow
from core.work_status import NO_FACTS, ImageFacts


class ImageRows(QObject):
    """The rows in the project's order; they are changed here alone.

    Signals:
        changed(image id): number of faces, review state, facts, bookmark, worst deviation or problem of one image.
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
                row.worst, row.predicted, row.scored = old.worst, old.predicted, old.scored
                row.bookmarked = old.bookmarked
                row.facts = row.facts if row.facts is not NO_FACTS else old.facts
                if old.path == row.path:  # else the file was moved, and what was wrong with it may be over
                    row.problem = old.problem
        self.all = rows
        self._by_id = {row.id: row for row in rows}

    def set_faces(self, image_id: str, faces: int, review: str, begun: tuple[int, bool] | None = None) -> None:
        """Number of faces and review state of an image; and `begun`: how many are left, whether one was worked on."""
        row = self._by_id.get(image_id)
        if row is None:
            return
        facts = row.facts if begun is None else row.facts._replace(left=begun[0], started=begun[1])
        if (row.faces, row.review, row.facts) != (faces, review, facts):
            row.faces, row.review, row.facts = faces, review, facts
            self.changed.emit(image_id)

    def set_facts(self, facts: Mapping[str, ImageFacts], every: bool = False) -> None:
        """What the faces and labels of images come to; `every`: images that are not in it have no face."""
        if every:
            for any_row in self.all:
                any_row.facts = facts.get(any_row.id, NO_FACTS)
            self.marked.emit()
            return
        for image_id, found in facts.items():
            row = self._by_id.get(image_id)
            if row is not None and row.facts != found:
                row.facts = found
                self.changed.emit(image_id)

    def set_bookmarks(self, image_ids: Collection[str]) -> None:
        """The annotator's bookmarks, all of them."""
        for row in self.all:
            row.bookmarked = row.id in image_ids
        self.marked.emit()

    def set_bookmark(self, image_id: str, on: bool) -> None:
        """Mark one image, or take the mark away."""
        row = self._by_id.get(image_id)
        if row is not None and row.bookmarked != on:
            row.bookmarked = on
            self.changed.emit(image_id)

    def set_worst(self, image_id: str, worst: float | None) -> None:
        """Its worst deviation is another one after an edit."""
        row = self._by_id.get(image_id)
        if row is not None and row.worst != worst:
            row.worst = worst
            self.changed.emit(image_id)

    def set_predicted(self, image_id: str, faces: int, worst: float | None, begun: tuple[int, bool]) -> None:
        """It was predicted; `begun` as for `set_faces`."""
        row = self._by_id.get(image_id)
        if row is not None:
            row.worst, row.predicted, row.faces, row.problem = worst, True, faces, None
            row.facts = row.facts._replace(left=begun[0], started=begun[1])
            self.changed.emit(image_id)

    def set_scores(self, scores: Mapping[str, float], last: bool = True) -> None:
        """What a model made of images in earlier sessions; NaN where there was no label to compare with.

        Of several parts only the `last` one is told of.
        """
        for image_id, score in scores.items():
            row = self._by_id.get(image_id)
            if row is not None and not row.predicted:
                row.scored, row.worst = True, None if isnan(score) else score
        if last:
            self.marked.emit()

    def forget_predictions(self) -> None:
        """Nothing is predicted any more; the owner says so."""
        for row in self.all:
            row.worst, row.predicted, row.scored = None, False, False

    def set_problem(self, image_id: str, problem: str | None) -> None:
        """Mark an image that cannot be used, with the reason."""
        row = self._by_id.get(image_id)
        if row is not None and row.problem != problem:
            row.problem = problem
            self.changed.emit(image_id)

    def set_missing(self, image_ids: Sequence[str]) -> None:
        """Mark images whose file is not where it was."""
        for marked in filter(None, map(self._by_id.get, image_ids)):
            marked.missing = True
        self.marked.emit()
