"""What drives a tour: one step after the other, each as soon as the user has done what it asks. Knows no texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal


def _nothing(_stage: Any) -> None:
    """Most steps need nothing of this kind."""


def _always(_stage: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Step:
    """One step. All functions get the stage: whatever the tour plays on.

    Attributes:
        id: stable name.
        fits: asked when its turn comes: whether there is anything for it to do, or it is passed over.
        done: whether the user has done it, given also what `begin` returned; None waits for `Tour.go_on`.
        enter: goes to where the step plays; called again when the user wants back there.
        ready: whether it can be played: what it speaks of is on screen.
        begin: called once it is ready; arranges things, and returns what `done` compares with.
        show: does what the user was asked to do; None where there is nothing to do.
    """

    id: str
    done: Callable[[Any, Any], bool] | None = None
    fits: Callable[[Any], bool] = _always
    enter: Callable[[Any], None] = _nothing
    ready: Callable[[Any], bool] = _always
    begin: Callable[[Any], Any] = _nothing
    show: Callable[[Any], None] | None = None


class Tour(QObject):
    """Plays steps; whoever owns it calls `look` after anything has changed.

    Signals:
        stepped(): another step, or the present one has begun, or its place was left or found again.
        ended(finished): after the last step, or before.
    """

    stepped = Signal()
    ended = Signal(bool)

    def __init__(self, steps: Sequence[Step], stage: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps = tuple(steps)
        self._stage = stage
        self._memo: Any = None
        self._busy = False
        self.index = -1
        self.begun = False
        self.away = False
        """Whether the user has left the place where the present step plays."""
        self.achieved: str | None = None
        """Id of the step before, if the user did what it asked."""

    @property
    def running(self) -> bool:
        """Whether there is a present step."""
        return 0 <= self.index < len(self.steps)

    @property
    def step(self) -> Step:
        """The present step."""
        return self.steps[self.index]

    def start(self) -> None:
        """Play the first step."""
        self._turn_to(0, None)

    def look(self) -> None:
        """Something has changed: begin the present step, or go on if it is done."""
        if not self.running or self._busy:
            return
        self._busy = True
        try:
            ready = self.step.ready(self._stage)
            turned = ready == self.away
            self.away = self.begun and not ready
            if ready and not self.begun:
                self.begun = turned = True
                self._memo = self.step.begin(self._stage)
            done = self.begun and self.step.done is not None and self.step.done(self._stage, self._memo)
        finally:
            self._busy = False
        if done:
            self._turn_to(self.index + 1, self.step.id)
        elif turned:
            self.stepped.emit()

    def go_on(self) -> None:
        """Leave the present step as it is and play the next one."""
        if self.running:
            self._turn_to(self.index + 1, None)

    def show(self) -> None:
        """Do what the present step asks for."""
        if self.running and self.begun and not self.away and self.step.show is not None:
            self.step.show(self._stage)
            self.look()

    def back(self) -> None:
        """Return to where the present step plays."""
        if self.running:
            self.step.enter(self._stage)
            self.look()

    def stop(self) -> None:
        """End before the last step."""
        if self.running:
            self.index = -1
            self.ended.emit(False)

    def _turn_to(self, index: int, achieved: str | None) -> None:
        while index < len(self.steps) and not self.steps[index].fits(self._stage):
            index += 1
        self.index, self.begun, self.away, self._memo = index, False, False, None
        self.achieved = achieved
        if index == len(self.steps):
            self.index = -1
            self.ended.emit(True)
            return
        self.step.enter(self._stage)
        self.stepped.emit()
        self.look()
