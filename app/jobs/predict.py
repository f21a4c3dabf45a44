"""Prediction in the background: the image on screen first, then its neighbours, then everything on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.engine import ModelInfo, PredictionEngine
from app.jobs.pool import Job, WorkerPool
from app.jobs.preload import preload_torch
from app.jobs.prepare import ImageOutcome, Preparer
from app.jobs.store import error_text
from core.errors import CheckpointError
from core.face import Prediction

if TYPE_CHECKING:
    from core.model.predictor import Heatmaps
    from core.project import PredictionCache, Project

CHUNK = 8
"""Images a step of 'predict all': large enough for a batch, small enough that the image on screen need not wait."""

HOLD_MS = 2000
"""Longest time that loading the model waits for the image on screen."""

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
    """Owns the prediction thread, and one that finds faces and what is cached while the model is still loading.

    Signals:
        model_changed(ModelState), image_done(ImageOutcome).
        outdated(): what was delivered while the model was loading is not of that model.
        batch_progressed(done, total), batch_finished(BatchOutcome).
        heatmaps_ready(face id, Heatmaps). failed(sentence): something unexpected.
    """

    model_changed = Signal(object)
    image_done = Signal(object)
    outdated = Signal()
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
        self._early = WorkerPool(1, "prepare", self)
        self.preparer = Preparer()
        self._engine: PredictionEngine | None = None
        self._model: str | None = None
        self._load_job: Job | None = None
        self._recall_job: tuple[str, Job] | None = None
        self._recalled: str | None = None
        self._held: Callable[[], None] | None = None
        self._hold = QTimer(self)
        self._hold.setSingleShot(True)
        self._hold.setInterval(HOLD_MS)
        self._hold.timeout.connect(self._begin_load)
        self.state = ModelState("none")
        self._jobs: dict[str, Job] = {}
        self._first: set[str] = set()
        self._heat_job: Job | None = None
        self._batch: _Batch | None = None

    @property
    def batch_running(self) -> bool:
        """Whether 'predict all' is going on."""
        return self._batch is not None

    def load(self, model: str, device: str, hold: bool = False) -> None:
        """Load a model ("" for the bundled one) on a device; also replaces another one.

        Args:
            model: name or file.
            device: see `core.model.device`.
            hold: begin at `release`, or after HOLD_MS: importing torch slows down whatever else Python does.
        """
        self._held = None
        if self._load_job is not None:
            self._load_job.cancel()
        self.forget()
        self._engine, self._recalled = None, None
        self._model = model or None
        self._held = lambda: self._load(model or None, device)
        self._set_state(ModelState("loading"))
        if hold:
            self._hold.start()
        else:
            self._begin_load()

    def release(self) -> None:
        """The image on screen is there: loading may begin, after what is cached for that image."""
        if self._recall_job is None:
            self._begin_load()
        elif self._held is not None:
            self._early.submit(lambda _job: None, on_done=lambda _nothing: self._begin_load())

    def _begin_load(self) -> None:
        held, self._held = self._held, None
        self._hold.stop()
        if held is not None:
            held()

    def _load(self, model: str | None, device: str) -> None:
        def work(_job: Job) -> PredictionEngine:
            preload_torch()
            return PredictionEngine(model, device, self.preparer)

        self._load_job = self._pool.submit(
            work,
            on_done=self._loaded,
            on_error=self._load_failed,
            priority=_NOW,
        )

    def request(self, image_ids: Sequence[str], first: bool) -> None:
        """Predict images: the one on screen (`first`), or neighbours, which replace those asked for before.

        While the model is loading, the one on screen gets what is cached, if that is all it needs.
        """
        if self._engine is None:
            if first and self.state.kind == "loading":
                self._recall(image_ids[0])
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
        """Cancel all predictions, as when another project is opened; the model goes on loading."""
        self.cancel_batch()
        for job in (*self._jobs.values(), self._heat_job, self._recall_job and self._recall_job[1]):
            if job is not None:
                job.cancel()
        self._jobs.clear()
        self._recall_job = None

    def close(self) -> None:
        """Stop the threads."""
        self._held = None
        self._hold.stop()
        self._early.close()
        self._pool.close()

    def _recall(self, image_id: str) -> None:
        """Deliver the cached predictions of an image, and have its faces found in any case. Asked twice, done once."""
        project, cache = self._project()
        if project is None or (self._recall_job is not None and self._recall_job[0] == image_id):
            return
        if self._recall_job is not None:
            self._recall_job[1].cancel()
        author, model = self._author(), self._model

        def work(job: Job) -> tuple[str, ImageOutcome] | None:
            from core.model.places import model_hash

            digest = model_hash(model)
            job.check()
            prepared = self.preparer.prepare(project, cache, author, image_id, digest or "")
            return (digest, prepared.outcome(image_id, {})) if digest and prepared.complete else None

        # Errors are left to the engine, which will meet them again.
        self._recall_job = image_id, self._early.submit(work, on_done=self._recall_done, priority=_NOW)

    def _recall_done(self, result: tuple[str, ImageOutcome] | None) -> None:
        if result is not None and self._engine is None:
            self._recalled, outcome = result
            self.image_done.emit(outcome)

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
        if self._recalled not in (None, engine.info.hash):  # the file was replaced meanwhile
            self.outdated.emit()
        self._set_state(ModelState("ready", engine.info))
        self._pool.submit(lambda _job: engine.warm_up(), priority=_SOON)

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
