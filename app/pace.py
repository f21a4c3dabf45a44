"""How long a face takes, as measured: the median over the last ones, without the pauses."""

from __future__ import annotations

import statistics
from collections import deque

from app.texts import tr

PAUSE_S = 60.0
"""Seconds without a movement of mouse or keys from which on nobody is at work."""

FACES_KEPT = 20
FACES_NEEDED = 5
"""Faces from which on a pace is told: fewer say nothing."""


class Pace:
    """Told when something is done and when a face is finished; times are seconds of one clock that only grows."""

    def __init__(self) -> None:
        self._faces: deque[float] = deque(maxlen=FACES_KEPT)
        self._spent = 0.0
        self._last: float | None = None

    def active(self, now: float) -> None:
        """Somebody does something."""
        if self._last is not None and 0 <= now - self._last < PAUSE_S:
            self._spent += now - self._last
        self._last = now

    def finished(self, now: float) -> None:
        """A face is done."""
        self.active(now)
        self._faces.append(self._spent)
        self._spent = 0.0

    def reset(self) -> None:
        """Begin to measure anew."""
        self._faces.clear()
        self._spent, self._last = 0.0, None

    @property
    def seconds(self) -> float | None:
        """Seconds a face; None while too few were finished."""
        return statistics.median(self._faces) if len(self._faces) >= FACES_NEEDED else None


def left_text(left: int, seconds: float | None) -> str:
    """ "412 left · 38 s a face · about 4 h 20 min"; empty for nothing to do."""
    if not left:
        return tr("Nothing left")
    text = tr("{left:,} left", left=left)
    if seconds is None:
        return text
    each = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    if seconds < 0.5:
        each = tr("under 1 s")
    return tr(
        "{left} · {each} a face · about {duration}",
        left=text,
        each=each,
        duration=_duration(left * seconds),
    )


def _duration(seconds: float) -> str:
    """In steps that such an estimate can bear."""
    minutes = seconds / 60
    if minutes < 1:
        return "1 min"
    if minutes < 10:
        return f"{minutes:.0f} min"
    if minutes < 90:
        return f"{5 * round(minutes / 5)} min"
    hours = minutes / 60
    return f"{hours:.1f} h".replace(".0 h", " h") if hours < 3 else f"{hours:,.0f} h"
