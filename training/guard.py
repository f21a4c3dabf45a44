"""Which steps are not to be learnt from: no finite loss or gradient, or a loss far above what it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

from core.errors import TrainingError

MAX_SKIPPED = 5
"""Steps in a row that may be skipped."""

_WINDOW = 51
_LEAST = 11
"""Losses that a median needs to say what is usual."""


class LossGuard:
    """Judges each step by its loss and gradient, and ends a run that only fails.

    Args:
        factor: a loss above this many times the median of the latest ones is an explosion; 0 for no such limit.
    """

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._recent: list[float] = []
        self._skipped = 0

    def reason(self, loss: float, norm: float) -> str | None:
        """Why a step of that loss and gradient norm is not to be taken; None if it is."""
        if not math.isfinite(loss) or not math.isfinite(norm):
            return "no finite loss or gradient"
        if self._factor and len(self._recent) >= _LEAST:
            usual = median(self._recent)
            if loss > self._factor * usual:
                return f"the loss of {loss:.3g} is more than {self._factor:g} times the usual {usual:.3g}"
        return None

    def taken(self, loss: float) -> None:
        """A step was taken."""
        self._recent = [*self._recent[-(_WINDOW - 1) :], loss]
        self._skipped = 0

    def skipped(self, reason: str) -> None:
        """A step was skipped. TrainingError after too many in a row."""
        self._skipped += 1
        if self._skipped >= MAX_SKIPPED:
            raise TrainingError(
                f"training diverged: {MAX_SKIPPED} steps in a row were skipped, at last because of this: {reason}",
                remedy="Lower the learning rate or set clip_norm, and check the labels of the faces named",
            )

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to judge alike."""
        return {"recent": list(self._recent), "skipped": self._skipped}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._recent, self._skipped = list(state["recent"]), int(state["skipped"])
