"""What the set-up says, and how it fails. Standard library only."""

from __future__ import annotations

import sys


class SetupError(Exception):
    """The set-up cannot go on; the text is one or two plain sentences with the remedy.

    `untouched` says that the environment is as it was before, so that the next set-up may go on with it.
    """

    untouched = False


def say(text: str) -> None:
    """One line of progress on stderr, so that stdout stays free for a command's own output."""
    print(text, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """`75.2` -> `1:15`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
