"""What may be asked of a run while it goes on: by signals, and by lines on its standard input.

    stop          end after the current step, the state kept
    pause         keep the state and wait
    resume        go on after a pause
    threads N     use N processor threads from the next step on

With `watch_stdin` the end of the input means that the program which started the run is gone: it stops as by `stop`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal

Kind = Literal["stop", "pause", "resume", "threads", "unknown"]
_MAX_THREADS = 1024
_MAX_LINE = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """One wish. `number` is of threads; `text` is why a stop is wanted, or the line that was not understood."""

    kind: Kind
    number: int = 0
    text: str = ""


def parse_command(line: str) -> Command:
    """The command of a line; kind `unknown` for others."""
    words = line.split()
    if words in (["stop"], ["pause"], ["resume"]):
        return Command(words[0])  # type: ignore[arg-type]
    if len(words) == 2 and words[0] == "threads" and words[1].isascii() and words[1].isdigit():
        count = int(words[1][:9])
        if 1 <= count <= _MAX_THREADS:
            return Command("threads", number=count)
    return Command("unknown", text=line.strip()[:80])


class Control:
    """Wishes on their way to the training loop, which takes them between steps; safe from threads and signals."""

    def __init__(self) -> None:
        # Its `put` may be called by a signal handler in the middle of its `get`, unlike those of other queues.
        self._wishes: SimpleQueue[Command] = SimpleQueue()

    def send(self, command: Command) -> None:
        """Ask for something."""
        self._wishes.put(command)

    def take(self, *, wait: bool = False) -> Command | None:
        """The next wish; None if there is none, unless it shall be waited for."""
        try:
            return self._wishes.get(block=wait)
        except Empty:
            return None


@contextmanager
def signals_stop(control: Control) -> Iterator[None]:
    """Ctrl-C and a polite kill end the run after the current step; a second Ctrl-C ends it at once."""

    def ask(_number: int, _frame: object) -> None:
        control.send(Command("stop"))
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def watch_stdin(control: Control, descriptor: int = 0) -> threading.Thread:
    """Pass the lines of standard input on, and its end as a stop, from a thread that ends with the input."""
    thread = threading.Thread(target=_read_lines, args=(control, descriptor), name="commands", daemon=True)
    thread.start()
    return thread


def _read_lines(control: Control, descriptor: int) -> None:
    # The descriptor itself: a thread waiting in sys.stdin would hold a lock that the end of the process wants.
    waiting = b""
    while True:
        try:
            data = os.read(descriptor, 4096)
        except OSError:
            data = b""
        if not data:
            control.send(Command("stop", text="the program that started it has ended"))
            return
        *lines, waiting = (waiting + data).split(b"\n")
        waiting = waiting[-_MAX_LINE:]
        for line in lines:
            if line.strip():
                control.send(parse_command(line.decode("utf-8", "replace")))
