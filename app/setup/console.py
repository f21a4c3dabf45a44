"""What the set-up says, and how it fails. Standard library only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class SetupError(Exception):
    """The set-up cannot go on; the text is one or two plain sentences with the remedy.

    `untouched` says that the environment is as it was before, so that the next set-up may go on with it.
    """

    untouched = False


class Listener(Protocol):
    """Where progress is shown besides stderr: a window, say."""

    def line(self, text: str) -> None:
        """One step of the set-up."""

    def status(self, text: str, fraction: float | None) -> None:
        """What is going on at this moment; `fraction` in 0..1 is done, None if nobody knows."""


_listeners: list[Listener] = []


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Let `listener` show what is said within the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def say(text: str, *, news: bool = True) -> None:
    """One line of progress on stderr, so that stdout stays free for a command's own output.

    `news` is false for what only repeats the status, which listeners show all the time.
    """
    if sys.stderr is not None:  # as under Windows' pythonw
        print(text, file=sys.stderr, flush=True)
    for listener in _listeners if news else ():
        listener.line(text)


def status(text: str, fraction: float | None = None) -> None:
    """What is going on at this moment, for listeners alone."""
    for listener in _listeners:
        listener.status(text, fraction)


def clock(seconds: float) -> str:
    """`75.2` -> `1:15`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
