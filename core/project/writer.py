"""The one thread that writes to a project."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from core.errors import ProjectError, ProjectUnreachableError
from core.project.engine import Where, translated

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    call: Callable[..., Any]
    future: Future[Any]
    transaction: bool
    after_failure: Callable[[Connection, BaseException], object] | None = None


class Writer:
    """Runs jobs one after the other, each in a transaction of its own, in the order they were submitted.

    A future is resolved only after its transaction's commit returned: then, and not before, the change is acknowledged.
    A job that raises is rolled back whole, and its future raises the same; database errors arrive as ProjectError.
    """

    def __init__(self, engine: Engine, where: Where, name: str) -> None:
        self._engine = engine
        self._where = where
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        # A daemon: a program that ends without closing its project must not hang; all acknowledged work is on disk.
        self._thread = threading.Thread(target=self._run, name=f"writer of {name}", daemon=True)
        self._thread.start()

    def submit(
        self,
        job: Callable[[Connection], T],
        after_failure: Callable[[Connection, BaseException], object] | None = None,
    ) -> Future[T]:
        """Queue `job`; it gets the connection, inside its transaction. ProjectError once the writer is closed.

        If it fails and was rolled back, `after_failure` gets the error, in a transaction of its own, before anybody
        else does.
        """
        return self._put(job, transaction=True, after_failure=after_failure)

    def submit_alone(self, job: Callable[[], T]) -> Future[T]:
        """Queue `job` to run between transactions; it may use `replace_engine`."""
        return self._put(job, transaction=False)

    def replace_engine(self, engine: Engine, where: Where) -> None:
        """Write to another place from now on; only from within a job of `submit_alone`. The caller ends the old one."""
        if threading.current_thread() is not self._thread:
            raise RuntimeError("only the writer's own thread may change what it writes to")
        self._engine, self._where = engine, where

    def close(self) -> None:
        """Finish every queued job, then end the thread and close the connection. Calling it again waits for that."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _put(
        self,
        job: Callable[..., T],
        *,
        transaction: bool,
        after_failure: Callable[[Connection, BaseException], object] | None = None,
    ) -> Future[T]:
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise ProjectError("the project is closed", where=self._where, remedy="Open it again")
            self._jobs.put(_Job(job, future, transaction, after_failure))
        return future

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.future.set_running_or_notify_cancel():
                self._do(job)
            del job  # or the last job's label and result would live until the next one comes
        self._engine.dispose()

    def _do(self, job: _Job) -> None:
        try:
            with translated(self._where):
                if job.transaction:
                    with self._engine.begin() as connection:
                        result = job.call(connection)
                else:
                    result = job.call()
        except BaseException as error:  # whatever it is, it belongs to whoever waits for this job
            if job.after_failure is not None and not isinstance(error.__cause__, DBAPIError):
                self._follow(job.after_failure, error)
            job.future.set_exception(error)
            if isinstance(error, ProjectUnreachableError):
                self._give_up(error)
        else:
            job.future.set_result(result)

    def _give_up(self, error: ProjectUnreachableError) -> None:
        """Fail what was queued before anybody was told: waiting for a dead server once for each would hang a close."""
        for _ in range(self._jobs.qsize()):
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
            elif job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)

    def _follow(self, call: Callable[[Connection, BaseException], object], error: BaseException) -> None:
        # What made the job fail is what its caller has to know, whatever becomes of this.
        with contextlib.suppress(Exception), self._engine.begin() as connection:
            call(connection, error)
