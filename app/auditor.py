"""The audit of the open project as the window has it: made in the background, and made anew when labels change."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from app.face_state import FaceState
from app.jobs import store
from app.jobs.audit import Collected, ProjectAudit, collect, judge_collected
from app.jobs.engine import ModelInfo
from app.jobs.pool import Job, WorkerPool
from app.jobs.predict import BatchOutcome, ModelState, PredictionService
from app.texts import tr

AGAIN_DELAY_MS = 700
"""After an edit; several in a row are judged together."""


class Auditor(QObject):
    """Collects labels and cached predictions, has missing ones predicted, judges, and judges again after edits.

    Signals:
        changed(): `audit` is another one, or None.
        state_changed(): `running` or `text` changed.
        progressed(done, total): images collected.
        failed(sentence): something unexpected; the audit there was stays.
    """

    changed = Signal()
    state_changed = Signal()
    progressed = Signal(int, int)
    failed = Signal(str)

    def __init__(
        self, document: Document, predictions: PredictionService, author: Callable[[], str], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._document, self._predictions, self._author = document, predictions, author
        self._pool = WorkerPool(1, "audit", self)
        self._job: Job | None = None
        self._collected: Collected | None = None
        self._edited: set[str] = set()
        self._predicting = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(AGAIN_DELAY_MS)
        self._timer.timeout.connect(self._read_edited)
        self.audit: ProjectAudit | None = None
        self.text = ""
        document.opened.connect(self.forget)
        document.faces_stored.connect(self._faces_stored)
        predictions.model_changed.connect(self._model_changed)
        predictions.batch_finished.connect(self._batch_finished)

    @property
    def running(self) -> bool:
        """Whether an audit is being made, or its predictions."""
        return self._job is not None or self._predicting

    def run(self) -> None:
        """Audit the project with the model that is loaded; what is not predicted yet is predicted first."""
        model = self._predictions.state.info
        if model is None:
            self.failed.emit(tr("There is no model to audit with yet. Wait until it is loaded, or choose one."))
            return
        if not self.running:
            self._collect(model, predict=True)

    def cancel(self) -> None:
        """Stop; what was judged stays."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self._predicting:
            self._predicting = False
            self._predictions.cancel_batch()
        self._say("")

    def forget(self) -> None:
        """Another project or another model: nothing of the old audit holds."""
        self.cancel()
        self._timer.stop()
        self._edited.clear()
        self._collected = None
        if self.audit is not None:
            self.audit = None
            self.changed.emit()

    def close(self) -> None:
        """End the thread."""
        self._timer.stop()
        self.cancel()
        self._pool.close()

    def _collect(self, model: ModelInfo, predict: bool) -> None:
        project, cache = self._document.project, self._document.cache
        if project is None:
            return
        preparer, author = self._predictions.preparer, self._author()

        def work(job: Job) -> tuple[Collected, ProjectAudit | None]:
            collected = collect(project, cache, preparer, author, model, job.progress)
            job.check()
            return collected, judge_collected(collected)

        self._submit(work, lambda result: self._judged(*result, predict=predict), tr("Auditing…"))

    def _judged(self, collected: Collected, audit: ProjectAudit | None, predict: bool = False) -> None:
        self._collected, self.audit = collected, audit
        missing = collected.missing if predict else ()
        if missing and not self._predictions.batch_running:
            self._predicting = True
            self._say(tr("Predicting {count:,} images that the audit needs…", count=len(missing)))
            self._predictions.request_all(missing)
        else:
            self._say("")
        self.changed.emit()

    def _batch_finished(self, outcome: BatchOutcome) -> None:
        if not self._predicting:
            return
        self._predicting = False
        model = self._predictions.state.info
        self._say("")
        if model is not None and not outcome.stopped:
            self._collect(model, predict=False)

    def _model_changed(self, state: ModelState) -> None:
        known = None if self._collected is None else self._collected.model.hash
        if state.kind != "loading" and (state.info is None or state.info.hash != known):
            self.forget()

    # -- after edits

    def _faces_stored(self, faces: frozenset[str]) -> None:
        if self._collected is not None:
            self._edited |= faces
            self._timer.start()

    def _read_edited(self) -> None:
        if self._job is not None:
            self._timer.start()  # after what goes on
            return
        collected, wanted, author = self._collected, sorted(self._edited), self._author()
        project = self._document.project
        if collected is None or project is None or not wanted:
            return
        self._edited.clear()

        def work(_job: Job) -> tuple[Collected, ProjectAudit | None]:
            records = [project.face(UUID(face_id)) for face_id in wanted]
            states: list[FaceState] = store.face_states(project, author, [one for one in records if not one.removed])
            labels = dict.fromkeys(wanted) | {face.face_id: face.label for face in states}
            fresh = collected.relabelled(labels)
            return fresh, judge_collected(fresh)

        self._submit(work, lambda result: self._judged(*result), "")

    def _submit(
        self, work: Callable[[Job], object], done: Callable[[tuple[Collected, ProjectAudit | None]], None], text: str
    ) -> None:
        def ended(result: tuple[Collected, ProjectAudit | None]) -> None:
            self._job = None
            done(result)

        def told(count: int, total: int, _text: str) -> None:
            self.progressed.emit(count, total)

        self._job = self._pool.submit(work, on_done=ended, on_error=self._broke, on_progress=told)
        self._say(text)

    def _broke(self, error: Exception) -> None:
        self._job = None
        self._say("")
        self.failed.emit(store.error_text(error))

    def _say(self, text: str) -> None:
        self.text = text
        self.state_changed.emit()
