"""Prediction in the background: the image on screen first, then its neighbours, then everything on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.jobs.engine import ImageOutcome, ModelInfo, PredictionEngine
from app.jobs.pool import Job, WorkerPool
from app.jobs.store import error_text
from core.errors import CheckpointError
from core.face import Prediction

if TYPE_CHECKING:
    from core.model.predictor import Heatmaps
    from core.project import PredictionCache, Project

CHUNK = 8
"""Images a step of 'predict all': large enough for a batch, small enough that the image on screen need not wait."""

_NOW, _HEATMAP, _SOON, _LATER = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class ModelState:
    """Whether there is a model.

    Attributes:
        kind: "none" (not asked for yet), "loading", "ready", "missing" (none is installed) or "failed".
        info: of the model, once ready.
        text: a sentence, where it is missing or failed.
    """

    kind: str
    info: ModelInfo | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """How 'predict all' ended: number of images done and wanted, and (path or id, reason) of the bad ones."""

    done: int
    total: int
    errors: tuple[tuple[str, str], ...]
    stopped: bool


class PredictionService(QObject):
    """Owns the prediction thread.

    Signals:
        model_changed(ModelState), image_done(ImageOutcome).
        batch_progressed(done, total), batch_finished(BatchOutcome).
        heatmaps_ready(face id, Heatmaps). failed(sentence): something unexpected.
    """

    model_changed = Signal(object)
    image_done = Signal(object)
    batch_progressed = Signal(int, int)
    batch_finished = Signal(object)
    heatmaps_ready = Signal(str, object)
    failed = Signal(str)

    def __init__(
        self,
        project: Callable[[], tuple[Project | None, PredictionCache | None]],
        author: Callable[[], str],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._project = project
        self._author = author
        self._pool = WorkerPool(1, "predict", self)
        self._engine: PredictionEngine | None = None
        self.state = ModelState("none")
        self._jobs: dict[str, Job] = {}
        self._first: set[str] = set()
        self._heat_job: Job | None = None
        self._batch: _Batch | None = None

    @property
    def batch_running(self) -> bool:
        """Whether 'predict all' is going on."""
        return self._batch is not None

    def load(self, model: str, device: str) -> None:
        """Load a model ("" for the bundled one) on a device; also replaces another one."""
        self.forget()
        self._set_state(ModelState("loading"))
        self._pool.submit(
            lambda _job: PredictionEngine(model or None, device),
            on_done=self._loaded,
            on_error=self._load_failed,
            priority=_NOW,
        )

    def request(self, image_ids: Sequence[str], first: bool) -> None:
        """Predict images: the one on screen (`first`), or neighbours, which replace those asked for before."""
        if self._engine is None:
            return
        if first:
            self._first = set(image_ids)
        else:
            for image_id in [i for i in self._jobs if i not in image_ids and i not in self._first]:
                self._jobs.pop(image_id).cancel()
        for image_id in image_ids:
            old = self._jobs.pop(image_id, None)
            if old is not None:
                old.cancel()
            self._jobs[image_id] = self._submit([image_id], self._one_done, _NOW if first else _SOON)

    def request_all(self, image_ids: Sequence[str]) -> None:
        """Predict all these images in the background; one such job at a time."""
        if self._engine is None or self._batch is not None or not image_ids:
            return
        self._batch = _Batch(list(image_ids))
        self.batch_progressed.emit(0, len(image_ids))
        self._next_chunk()

    def cancel_batch(self) -> None:
        """Stop 'predict all'; what is done stays."""
        if self._batch is not None:
            self._batch.stopped = True
            if self._batch.job is not None:
                self._batch.job.cancel()

    def request_heatmaps(self, image_id: str, face_id: str, prediction: Prediction) -> None:
        """Compute the maps of a face; only the latest request is answered."""
        engine, (project, _) = self._engine, self._project()
        if self._heat_job is not None:
            self._heat_job.cancel()
        if engine is None or project is None:
            return
        self._heat_job = self._pool.submit(
            lambda _job: engine.heatmaps(project, image_id, prediction.crop),
            on_done=lambda maps: self._heatmaps_done(face_id, maps),
            on_error=lambda error: self.failed.emit(error_text(error)),
            priority=_HEATMAP,
        )

    def forget(self) -> None:
        """Cancel everything, as when another project is opened."""
        self.cancel_batch()
        self._pool.cancel_all()
        self._jobs.clear()

    def close(self) -> None:
        """Stop the thread."""
        self._pool.close()

    def _submit(
        self, image_ids: list[str], done: Callable[[list[ImageOutcome]], None], priority: int,
        on_cancel: Callable[[], None] | None = None,
    ) -> Job:  # fmt: skip
        project, cache = self._project()
        author = self._author()

        def work(job: Job) -> list[ImageOutcome]:
            engine = self._engine
            if engine is None or project is None:
                return []
            return engine.process(project, cache, author, image_ids, job.check)

        return self._pool.submit(
            work, on_done=done, on_error=lambda error: self._work_failed(error), on_cancel=on_cancel, priority=priority
        )

    def _one_done(self, outcomes: list[ImageOutcome]) -> None:
        for outcome in outcomes:
            self._jobs.pop(outcome.image_id, None)
            self.image_done.emit(outcome)

    def _next_chunk(self) -> None:
        batch = self._batch
        if batch is None:
            return
        if batch.stopped or batch.done >= len(batch.ids):
            self._end_batch()
            return
        chunk = batch.ids[batch.done : batch.done + CHUNK]
        batch.job = self._submit(chunk, self._chunk_done, _LATER, self._end_batch)

    def _chunk_done(self, outcomes: list[ImageOutcome]) -> None:
        batch = self._batch
        if batch is None:
            return
        for outcome in outcomes:
            if outcome.error is not None:
                batch.errors.append((outcome.image_id, outcome.error))
            self.image_done.emit(outcome)
        batch.done += len(outcomes)
        self.batch_progressed.emit(batch.done, len(batch.ids))
        self._next_chunk()

    def _end_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            self.batch_finished.emit(BatchOutcome(batch.done, len(batch.ids), tuple(batch.errors), batch.stopped))

    def _work_failed(self, error: Exception) -> None:
        if self._batch is not None:
            self._batch.stopped = True
            self._end_batch()
        self.failed.emit(error_text(error))

    def _heatmaps_done(self, face_id: str, maps: Heatmaps) -> None:
        self.heatmaps_ready.emit(face_id, maps)

    def _loaded(self, engine: PredictionEngine) -> None:
        self._engine = engine
        self._set_state(ModelState("ready", engine.info))

    def _load_failed(self, error: Exception) -> None:
        self._engine = None
        kind = "missing" if isinstance(error, CheckpointError) and "bundled" in error.what else "failed"
        self._set_state(ModelState(kind, text=error_text(error)))

    def _set_state(self, state: ModelState) -> None:
        self.state = state
        self.model_changed.emit(state)


class _Batch:
    """The state of one 'predict all'."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        self.done = 0
        self.errors: list[tuple[str, str]] = []
        self.stopped = False
        self.job: Job | None = None
