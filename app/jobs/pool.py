"""Worker threads with priorities, progress and cancel; every callback runs on the thread that made the pool."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

log = logging.getLogger(__name__)

PROGRESS_INTERVAL_S = 0.05
"""Progress notes of one job come no closer than this, so that a fast job cannot flood the window."""


class JobCancelledError(Exception):
    """Raised inside a job that was cancelled; never shown to anybody."""


class Job:
    """One piece of work: its cancel switch for the owner, progress and partial results for the worker.

    `cancel` may be called from any thread. A cancelled job delivers nothing afterwards but `on_cancel`; with
    `keep_result` one that was finished all the same, or failed, delivers that: it may have changed something.
    """

    def __init__(
        self,
        work: Callable[[Job], Any],
        post: Callable[[Callable[[], None]], None],
        *,
        on_done: Callable[[Any], None] | None,
        on_error: Callable[[Exception], None] | None,
        on_progress: Callable[[int, int, str], None] | None,
        on_partial: Callable[[Any], None] | None,
        on_cancel: Callable[[], None] | None,
        keep_result: bool = False,
    ) -> None:
        self._work = work
        self._post = post
        self._on_done = on_done
        self._on_error = on_error
        self._on_progress = on_progress
        self._on_partial = on_partial
        self._on_cancel = on_cancel
        self._keep_result = keep_result
        self._cancelled = threading.Event()
        self._last_note = 0.0

    def cancel(self) -> None:
        """Ask the job to stop; a job that waits never starts, a running one stops at its next `check`."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """For the worker: leave now if the job was cancelled."""
        if self._cancelled.is_set():
            raise JobCancelledError

    def progress(self, done: int, total: int, text: str = "") -> None:
        """For the worker: tell how far it is; also leaves if the job was cancelled."""
        self.check()
        callback = self._on_progress
        now = time.monotonic()
        if callback is None or (done < total and now - self._last_note < PROGRESS_INTERVAL_S):
            return
        self._last_note = now
        self._post(lambda: None if self.cancelled else callback(done, total, text))

    def partial(self, result: Any) -> None:
        """For the worker: deliver a part of the result."""
        callback = self._on_partial
        if callback is not None:
            self._post(lambda: None if self.cancelled else callback(result))

    def run(self) -> None:
        """Do the work on the calling thread and post what came of it."""
        try:
            self.check()
            result = self._work(self)
        except JobCancelledError:
            self._cancelled.set()
            self._deliver_cancel()
        except Exception as error:
            log.debug("job failed", exc_info=True)
            self._deliver(self._on_error, error)
        else:
            self._deliver(self._on_done, result)

    def _deliver(self, callback: Callable[[Any], None] | None, value: Any) -> None:
        if callback is None:
            return
        self._post(lambda: self._deliver_cancel() if self.cancelled and not self._keep_result else callback(value))

    def _deliver_cancel(self) -> None:
        callback = self._on_cancel
        if callback is not None:
            self._post(callback)


class WorkerPool(QObject):
    """A few named threads that take the most urgent job first.

    Jobs of equal priority run in order of submission, or newest first with `newest_first` (what scrolled into
    view last is what the user looks at). `close` cancels everything and joins the threads.
    """

    _posted = Signal(object)

    def __init__(self, threads: int, name: str, parent: QObject | None = None, *, newest_first: bool = False) -> None:
        super().__init__(parent)
        self._name = name
        self._wanted = threads
        self._step = -1 if newest_first else 1
        self._counter = itertools.count()
        self._queue: list[tuple[int, int, Job]] = []
        self._running: set[Job] = set()
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._posted.connect(self._run_posted, Qt.ConnectionType.QueuedConnection)

    def submit(
        self,
        work: Callable[[Job], Any],
        *,
        on_done: Callable[[Any], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        on_progress: Callable[[int, int, str], None] | None = None,
        on_partial: Callable[[Any], None] | None = None,
        on_cancel: Callable[[], None] | None = None,
        keep_result: bool = False,
        priority: int = 0,
    ) -> Job:
        """Queue `work(job)`; lower `priority` numbers run first. Callbacks run on the pool's own Qt thread.

        `keep_result`: what a job did is told even if it was cancelled too late.
        """
        job = Job(
            work,
            self._post,
            on_done=on_done,
            on_error=on_error,
            on_progress=on_progress,
            on_partial=on_partial,
            on_cancel=on_cancel,
            keep_result=keep_result,
        )
        with self._condition:
            if self._closed:
                job.cancel()
                return job
            heapq.heappush(self._queue, (priority, self._step * next(self._counter), job))
            if len(self._threads) < self._wanted and len(self._queue) + len(self._running) > len(self._threads):
                thread = threading.Thread(target=self._loop, name=f"{self._name}-{len(self._threads)}")
                self._threads.append(thread)
                thread.start()
            self._condition.notify()
        return job

    def cancel_all(self) -> None:
        """Cancel what waits and what runs; the pool stays usable."""
        with self._condition:
            for _, _, job in self._queue:
                job.cancel()
            for job in self._running:
                job.cancel()

    def close(self) -> None:
        """Cancel everything, wait for the threads to end, deliver nothing more. May be called twice."""
        with self._condition:
            self._closed = True
            self._queue.clear()
            for job in self._running:
                job.cancel()
            self._condition.notify_all()
        for thread in self._threads:
            thread.join()

    def drain_and_close(self) -> None:
        """Finish every queued job, then close: for work that must not be lost."""
        with self._condition:
            self._wanted = 0
            self._condition.notify_all()
        for thread in self._threads:
            thread.join()
        self.close()

    def _post(self, call: Callable[[], None]) -> None:
        if not self._closed:
            self._posted.emit(call)

    @Slot(object)
    def _run_posted(self, call: Callable[[], None]) -> None:
        if not self._closed:
            call()

    def _loop(self) -> None:
        while True:
            with self._condition:
                while not self._queue:
                    if self._closed or self._wanted == 0:
                        return
                    self._condition.wait()
                _, _, job = heapq.heappop(self._queue)
                self._running.add(job)
            try:
                job.run()
            finally:
                with self._condition:
                    self._running.discard(job)
