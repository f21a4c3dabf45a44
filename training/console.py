"""A run's progress for people: one line an epoch, and on a terminal the current step."""

from __future__ import annotations

import math
import sys
import time

from training.events import (
    Continued,
    Ended,
    EpochDone,
    Event,
    Noted,
    Paused,
    Started,
    Step,
    ThreadsChanged,
    Timing,
    Warned,
    listener_may_leave,
)

_LIVE_EVERY_S = 0.1


class ConsoleReport:
    """Prints events; a listener."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._times: list[float] = []
        self._waits: list[float] = []
        self._epochs = 0
        self._left: float | None = None
        self._expected_said = False
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        with listener_may_leave():
            self._show(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._started(event)
        elif isinstance(event, Step):
            self._step(event)
        elif isinstance(event, Timing):
            self._timing(event)
        elif isinstance(event, EpochDone):
            self._epoch(event)
        elif isinstance(event, Warned):
            print(f"{self._clear()}starmark: {event.message}", file=sys.stderr, flush=True)
        elif isinstance(event, Noted) or (isinstance(event, Ended) and event.outcome != "failed"):
            print(f"{self._clear()}{event.message}", flush=True)
        elif isinstance(event, Paused):
            print(f"{self._clear()}paused in epoch {event.epoch + 1}, the state is kept", flush=True)
        elif isinstance(event, Continued):
            print(f"{self._clear()}going on", flush=True)
        elif isinstance(event, ThreadsChanged):
            print(f"{self._clear()}{event.threads} threads from now on", flush=True)

    def _started(self, event: Started) -> None:
        self._epochs = event.epochs
        shared = f" in {event.processes} processes" if event.processes > 1 else ""
        text = f"{event.train_faces} faces to train on, {event.val_faces} to choose by, on {event.device}{shared}; "
        print(f"{text}{event.parameters / 1e6:.2f} million parameters", flush=True)
        if event.first_epoch or event.first_step:
            print(f"going on in epoch {event.first_epoch + 1}, after {event.first_step} of its steps", flush=True)

    def _step(self, event: Step) -> None:
        self._times.append(event.seconds)
        self._waits.append(event.waited)
        if self._live and time.monotonic() - self._drawn > _LIVE_EVERY_S:
            self._drawn = time.monotonic()
            left = "" if self._left is None else f", {duration(self._left)} left"
            text = f"epoch {event.epoch + 1}/{self._epochs}, step {event.step + 1}/{event.steps}"
            sys.stderr.write(f"\r\x1b[K{text}, loss {event.loss:.3f}{left}")
            sys.stderr.flush()

    def _timing(self, event: Timing) -> None:
        self._left = event.left_seconds
        if not self._expected_said:
            self._expected_said = True
            text = f"about {duration(event.epoch_seconds)} an epoch, {duration(event.left_seconds)} to the end"
            print(f"{self._clear()}{text}", flush=True)

    def _epoch(self, event: EpochDone) -> None:
        waited = sum(self._waits) / max(sum(self._waits) + sum(self._times), 1e-9)
        mark = ", the best so far" if event.best else ""
        nme = f"NME {100 * event.nme_ema:.3f} %" if math.isfinite(event.nme_ema) else "no faces to choose by"
        raw = "" if event.nme is None or not math.isfinite(event.nme) else f" (not averaged: {100 * event.nme:.3f} %)"
        text = f"epoch {event.epoch + 1}/{self._epochs}: loss {event.loss:.3f}, {nme}{raw}{mark}"
        print(f"{self._clear()}{text} ({event.seconds:.0f} s, {100 * waited:.1f} % of it waiting for data)", flush=True)
        self._times, self._waits = [], []

    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""


def duration(seconds: float) -> str:
    """A time for people: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
