"""Keeps what the model made of each image from one session to the next: seen, and the worst deviation of its labels."""

from __future__ import annotations

import math
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.document import Document
from app.jobs.predict import ModelState, PredictionService

if TYPE_CHECKING:
    from core.project import PredictionCache

WRITE_DELAY_MS = 10_000
"""While everything is predicted, images change many times a second; what is lost by a kill is computed again."""

ROWS_AT_A_TIME = 5000
"""A few milliseconds."""


class ScoreKeeper(QObject):
    """Scores of the model that is loaded, beside its predictions in the project's cache."""

    def __init__(self, document: Document, predictions: PredictionService, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._model: str | None = None
        self._changed: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_DELAY_MS)
        self._timer.timeout.connect(self.flush)
        predictions.model_changed.connect(self._model_changed)
        document.rows_changed.connect(self._load)
        document.row_changed.connect(self._row_changed)
        # A long job may close the project; what it is told before it comes first.
        document.busy_changed.connect(lambda text: self.flush() if text else None)

    def close(self) -> None:
        """Keep what waits, at once: the project is about to be closed."""
        self._timer.stop()
        cache, model, scores = self._document.cache, self._model, self._waiting()
        if cache is not None and model is not None and scores:
            cache.put_scores(model, scores)

    def flush(self) -> None:
        """Send what waits to the cache."""
        self._timer.stop()
        cache, model, scores = self._document.cache, self._model, self._waiting()
        if cache is not None and model is not None and scores:
            self._document.in_store(
                lambda _project: cache.put_scores(model, scores), lambda _nothing: None, lambda _error: None
            )

    def _waiting(self) -> dict[str, float]:
        ids, self._changed = self._changed, set()
        rows = [row for image_id in ids if (row := self._document.row(image_id)) is not None and row.predicted]
        return {row.id: math.nan if row.worst is None else row.worst for row in rows}

    def _row_changed(self, image_id: str) -> None:
        row = self._document.row(image_id)
        if row is not None and row.predicted:
            self._changed.add(image_id)
            if not self._timer.isActive():
                self._timer.start()

    def _model_changed(self, state: ModelState) -> None:
        self.flush()
        self._model = None if state.info is None else state.info.hash
        self._load()

    def _load(self) -> None:
        cache = self._document.cache
        if cache is not None and self._model is not None and self._document.rows:
            self._document.read(partial(_scores, cache, self._model), partial(self._take, self._model))

    def _take(self, model: str, parts: list[dict[str, float]]) -> None:
        """A part at a time, with room for the window's own events in between."""
        if parts and model == self._model:
            self._document.images.set_scores(parts[0], last=len(parts) == 1)
            QTimer.singleShot(0, self, partial(self._take, model, parts[1:]))


def _scores(cache: PredictionCache, model: str, _project: object) -> list[dict[str, float]]:
    found = iter(cache.get_scores(model).items())
    return list(iter(lambda: dict(islice(found, ROWS_AT_A_TIME)), {}))
