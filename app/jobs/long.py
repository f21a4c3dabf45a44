"""Long jobs of the document: one at a time, with progress, and cancellable until they have changed something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.jobs.pool import Job, WorkerPool
from app.jobs.store import error_text
from app.texts import tr


class LongJobs(QObject):
    """Runs them on the store's thread, behind the edits that wait there.

    Signals:
        busy_changed(text): what goes on; "" when nothing does.
        progressed(done, total, text).
        failed(text, details): something that went wrong, where the job's owner does not say so itself.
        stopped(): a job was cancelled, and nothing is changed.
    """

    busy_changed = Signal(str)
    progressed = Signal(int, int, str)
    failed = Signal(str, str)
    stopped = Signal()

    def __init__(self, pool: WorkerPool, parent: QObject) -> None:
        super().__init__(parent)
        self._pool = pool
        self._job: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is going on."""
        return self._job is not None

    def start(
        self,
        work: Callable[[Job], Any],
        text: str,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        stopped: Callable[[], None] | None = None,
    ) -> bool:
        """Start `work`; False, and a word to the user, while another job is going on.

        `failed` and `stopped` replace the signals of that name. Work that was finished when it was cancelled is done
        all the same.
        """
        if self._job is not None:
            self.failed.emit(tr("Please wait until the present work is done, or cancel it."), "")
            return False

        def ended(call: Callable[..., None]) -> Callable[..., None]:
            def settle(*values: Any) -> None:
                self._job = None
                self.busy_changed.emit("")
                call(*values)

            return settle

        self.busy_changed.emit(text)
        self._job = self._pool.submit(
            work,
            on_done=ended(done),
            on_error=ended(failed or self._failed),
            on_progress=self.progressed.emit,
            on_cancel=ended(stopped or self.stopped.emit),
            keep_result=True,
        )
        return True

    def cancel(self) -> None:
        """Stop the job that is going on; nothing of it is kept."""
        if self._job is not None:
            self._job.cancel()

    def _failed(self, error: Exception) -> None:
        self.failed.emit(error_text(error), "")
