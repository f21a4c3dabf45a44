"""Worker pools: order, cancel, progress, errors, and a clean end."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.jobs.pool import Job, JobCancelledError, WorkerPool


@pytest.fixture
def pool(qtbot: QtBot):
    made = WorkerPool(1, "test")
    yield made
    made.close()


def test_results_arrive_on_the_window_s_thread(pool: WorkerPool, qtbot: QtBot) -> None:
    seen: list[tuple[str, threading.Thread]] = []
    workers: list[threading.Thread] = []

    def work(_job: Job) -> str:
        workers.append(threading.current_thread())
        return "done"

    pool.submit(work, on_done=lambda value: seen.append((value, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [("done", threading.main_thread())]
    assert workers[0] is not threading.main_thread()


def test_urgent_jobs_overtake_waiting_ones(pool: WorkerPool, qtbot: QtBot) -> None:
    gate = threading.Event()
    order: list[str] = []
    pool.submit(lambda _job: gate.wait(10))
    for name, priority in (("late", 5), ("soon", 1), ("now", 0), ("soon too", 1)):
        pool.submit(lambda _job, name=name: name, on_done=order.append, priority=priority)
    gate.set()
    qtbot.waitUntil(lambda: len(order) == 4)
    assert order == ["now", "soon", "soon too", "late"]


def test_newest_first_serves_what_was_asked_for_last(qtbot: QtBot) -> None:
    pool = WorkerPool(1, "test", newest_first=True)
    gate, started = threading.Event(), threading.Event()
    order: list[int] = []
    pool.submit(lambda _job: (started.set(), gate.wait(10)))
    assert started.wait(10)
    for i in range(4):
        pool.submit(lambda _job, i=i: i, on_done=order.append)
    gate.set()
    qtbot.waitUntil(lambda: len(order) == 4)
    pool.close()
    assert order == [3, 2, 1, 0]


def test_an_error_reaches_on_error_and_the_thread_goes_on(pool: WorkerPool, qtbot: QtBot) -> None:
    errors: list[Exception] = []
    results: list[int] = []

    def fails(_job: Job) -> None:
        raise ValueError("broken")

    pool.submit(fails, on_error=errors.append)
    pool.submit(lambda _job: 7, on_done=results.append)
    qtbot.waitUntil(lambda: results == [7])
    assert [str(error) for error in errors] == ["broken"]


def test_a_cancelled_job_stops_at_its_next_check_and_delivers_only_the_cancel(pool: WorkerPool, qtbot: QtBot) -> None:
    started, checked = threading.Event(), threading.Event()
    ended: list[str] = []

    def work(job: Job) -> None:
        started.set()
        checked.wait(10)
        job.progress(1, 2, "half")
        ended.append("went on")

    job = pool.submit(
        work,
        on_done=lambda _r: ended.append("done"),
        on_error=lambda _e: ended.append("error"),
        on_progress=lambda *_: ended.append("progress"),
        on_cancel=lambda: ended.append("cancelled"),
    )
    assert started.wait(10)
    job.cancel()
    checked.set()
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == ["cancelled"]
    with pytest.raises(JobCancelledError):
        job.check()


def test_a_job_cancelled_while_waiting_never_starts(pool: WorkerPool, qtbot: QtBot) -> None:
    gate = threading.Event()
    ran: list[str] = []
    cancelled: list[bool] = []
    pool.submit(lambda _job: gate.wait(10))
    job = pool.submit(lambda _job: ran.append("ran"), on_cancel=lambda: cancelled.append(True))
    job.cancel()
    gate.set()
    qtbot.waitUntil(lambda: cancelled == [True])
    assert ran == []


def test_progress_is_thinned_but_the_last_note_always_comes(pool: WorkerPool, qtbot: QtBot) -> None:
    notes: list[tuple[int, int, str]] = []
    done: list[None] = []

    def work(job: Job) -> None:
        for i in range(1, 1001):
            job.progress(i, 1000, "step")

    pool.submit(work, on_progress=lambda *note: notes.append(note), on_done=done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert notes[-1] == (1000, 1000, "step")
    assert len(notes) < 500


def test_partial_results_come_in_order_before_the_end(pool: WorkerPool, qtbot: QtBot) -> None:
    seen: list[object] = []

    def work(job: Job) -> str:
        for i in range(3):
            job.partial(i)
        return "end"

    pool.submit(work, on_partial=seen.append, on_done=seen.append)
    qtbot.waitUntil(lambda: len(seen) == 4)
    assert seen == [0, 1, 2, "end"]


def test_closing_joins_the_threads_and_delivers_nothing_more(qtbot: QtBot) -> None:
    pool = WorkerPool(2, "closing")
    started = threading.Event()
    seen: list[object] = []

    def work(job: Job) -> None:
        started.set()
        while not job.cancelled:
            threading.Event().wait(0.001)

    pool.submit(work, on_done=seen.append, on_cancel=lambda: seen.append("cancel"))
    assert started.wait(10)
    pool.close()
    pool.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("closing")]
    assert pool.submit(lambda _job: seen.append("late")).cancelled
    qtbot.wait(1)
    assert seen == []


def test_draining_finishes_what_was_queued(qtbot: QtBot) -> None:
    pool = WorkerPool(1, "draining")
    ran: list[int] = []
    for i in range(5):
        pool.submit(lambda _job, i=i: ran.append(i))
    pool.drain_and_close()
    assert ran == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="done on systems with a dlopen only")
def test_torch_is_preloaded_without_being_imported_and_imports_all_the_same() -> None:
    code = (
        "import sys; from app.jobs.preload import preload_torch; done = preload_torch()\n"
        "early = 'torch' in sys.modules\n"
        "import torch; print(done, early, torch.ones(2).sum().item(), preload_torch())"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert said.stdout == "True False 2.0 False\n", said.stderr


def test_what_was_finished_when_it_was_cancelled_is_told_if_asked_for(pool: WorkerPool, qtbot: QtBot) -> None:
    outcomes: list[str] = []

    def commits(job: Job) -> str:
        job.cancel()  # the user, a moment too late
        return "done"

    def stops(job: Job) -> None:
        job.cancel()
        job.check()

    for work in (commits, stops):
        pool.submit(
            work, on_done=outcomes.append, on_cancel=lambda: outcomes.append("nothing changed"), keep_result=True
        )
    qtbot.waitUntil(lambda: len(outcomes) == 2)
    assert outcomes == ["done", "nothing changed"]
