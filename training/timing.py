"""How long a run will take, from the steps it has taken."""

from __future__ import annotations

import time
from collections import deque
from statistics import median

from training.events import Timing

_FIRST = 4
"""Steps before the first estimate; the very first ones also fill caches."""
_LATEST = 50
_AGAIN_S = 30.0
_EVALUATION_SHARE = 0.3
"""A forward pass alone, over a training step: until the first validation is timed."""


class Clock:
    """Collects times, and says every now and then what they come to.

    Args:
        epochs, steps: of the run, and of an epoch.
        val_batches: forward passes of a validation.
    """

    def __init__(self, epochs: int, steps: int, val_batches: int) -> None:
        self._epochs, self._steps, self._val_batches = epochs, steps, val_batches
        self._times: deque[float] = deque(maxlen=_LATEST)
        self._seen = 0
        self._validation: float | None = None
        self._said = 0.0

    def step(self, epoch: int, step: int, seconds: float) -> Timing | None:
        """A step of that epoch took `seconds` with its waiting: an estimate if one is due."""
        self._seen += 1
        if self._seen == 2:
            self._times.clear()
        self._times.append(seconds)
        if self._seen == _FIRST or (self._seen > _FIRST and time.monotonic() - self._said > _AGAIN_S):
            return self._timing(epoch, step, self._steps - step - 1, self._epochs - epoch)
        return None

    def validated(self, epoch: int, seconds: float) -> Timing | None:
        """The end of an epoch took `seconds`: an estimate, once there was a step."""
        self._validation = seconds
        return self._timing(epoch, self._steps - 1, 0, self._epochs - epoch - 1)

    def _timing(self, epoch: int, step: int, steps_left: int, validations_left: int) -> Timing | None:
        if not self._times:
            return None
        self._said = time.monotonic()
        one = median(self._times)
        validation = self._validation
        if validation is None:
            validation = _EVALUATION_SHARE * one * self._val_batches
        later = (self._epochs - epoch - 1) * self._steps
        left = one * (steps_left + later) + validation * validations_left
        return Timing(epoch, step, one, validation, one * self._steps + validation, left)
