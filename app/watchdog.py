"""Measures how long the window's thread keeps its events waiting, and what it was doing meanwhile.

A second thread pings the window's event loop and takes the time until it answers: that is what a user feels, garbage
collection and waiting for Python's lock included. While an answer is late, it looks at the stack of the window's
thread, so that the culprit has a name. The processor time the window's thread spent tells its own work from a machine
that was busy with something else.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass
from types import FrameType

from PySide6.QtCore import QObject, Qt, Signal, Slot

LIMIT_MS = 30.0
"""Longer blocks are kept with their stack."""

_PAUSE_S = 0.003
"""Between an answer and the next ping: a block may be that much longer than measured."""
_KEPT = 20
_FRAMES = 12


@dataclass(frozen=True, slots=True)
class Block:
    """A time in which the window answered nobody.

    Attributes:
        wall_ms: how long.
        cpu_ms: processor time of the window's thread meanwhile; None where the system does not tell.
        stack: where it was when it was late already, innermost line last; empty where it was quicker than that.
    """

    wall_ms: float
    cpu_ms: float | None
    stack: str

    def __str__(self) -> str:
        own = "" if self.cpu_ms is None else f", {self.cpu_ms:.0f} ms of them its own work"
        return f"{self.wall_ms:.0f} ms{own}"


class Watchdog(QObject):
    """Made and stopped on the window's thread; watches from `start` to `stop`.

    Args:
        limit_ms: blocks from here on are kept.
    """

    _ping = Signal(int)

    def __init__(self, limit_ms: float = LIMIT_MS, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._limit = limit_ms
        self._watched = threading.get_ident()
        self._answered = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._order = itertools.count()
        self._longest: list[tuple[float, int, Block]] = []
        self._seen: deque[tuple[int, FrameType]] = deque()
        self.pings = 0
        self._ping.connect(self._pong, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begin; what was measured before is forgotten."""
        self.stop()
        self._stopped.clear()
        self._longest, self.pings = [], 0
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; may be called twice."""
        self._stopped.set()
        self._answered.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._seen.clear()

    def blocks(self) -> list[Block]:
        """The longest blocks above the limit, the longest first."""
        return [block for _, _, block in sorted(self._longest, reverse=True)]

    @property
    def longest(self) -> Block | None:
        """The longest block above the limit."""
        return next(iter(self.blocks()), None)

    def report(self) -> str:
        """One line for the log, and the stack of the longest block below it."""
        longest = self.longest
        if longest is None:
            return f"the window always answered within {self._limit:.0f} ms ({self.pings:,} times asked)"
        count = len(self._longest)
        more = f"{count}{' or more' if count == _KEPT else ''} above {self._limit:.0f} ms"
        return f"longest block of the window: {longest} ({more}, {self.pings:,} times asked)\n{longest.stack}".rstrip()

    @Slot(int)
    def _pong(self, number: int) -> None:
        self._answered.set()
        while self._seen and self._seen[0][0] < number:  # the watching thread has done with those
            self._seen.popleft()

    def _watch(self) -> None:
        clock = _cpu_clock(self._watched)
        while not self._stopped.wait(_PAUSE_S):
            self._answered.clear()
            began, work = time.perf_counter(), _read(clock)
            try:
                self._ping.emit(self.pings)
            except RuntimeError:  # the window has gone
                return
            stack = ""
            while not self._answered.wait(self._limit / 2000 if not stack else 1.0):
                if self._stopped.is_set():
                    return
                stack = stack or self._look()
            if self._stopped.is_set():
                return
            self.pings += 1
            wall = 1000 * (time.perf_counter() - began)
            if wall >= self._limit:
                after = _read(clock)
                cpu = None if work is None or after is None else 1000 * (after - work)
                self._keep(Block(wall, cpu, stack))

    def _keep(self, block: Block) -> None:
        entry = block.wall_ms, next(self._order), block
        if len(self._longest) < _KEPT:
            heapq.heappush(self._longest, entry)
        else:
            heapq.heappushpop(self._longest, entry)

    def _look(self) -> str:
        """The window's stack. Whoever lets go of a frame last ends what only its variables held, and timers and other
        objects of Qt must end on their own thread: so frames are given up there, by `_pong` and `stop`."""
        frame = sys._current_frames().get(self._watched)
        if frame is None:
            return ""
        self._seen.append((self.pings, frame))
        return "".join(traceback.format_stack(frame)[-_FRAMES:])


def _cpu_clock(thread: int) -> int | None:
    """The clock of a thread's processor time; None where there is none."""
    find = getattr(time, "pthread_getcpuclockid", None)
    try:
        return None if find is None else int(find(thread))
    except OSError:
        return None


def _read(clock: int | None) -> float | None:
    return None if clock is None else time.clock_gettime(clock)
