"""What a run says while it goes on: typed events, one JSON object a line.

A window that started a run reads them from its standard output (`--json`), and later from `events.jsonl` in the run's
folder by `history`. Epochs and steps count from 0; NMEs are fractions; times are seconds.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True, slots=True)
class Started:
    """Training begins or goes on: sizes, device, and where it starts from.

    What earlier lines say of `first_epoch` from `first_step` on, or of later epochs, is done again: see `history`.

    Attributes:
        parameters: of the network.
        steps: optimiser steps an epoch.
        processes: how many share the work.
        threads: processor threads of each.
    """

    train_faces: int
    val_faces: int
    epochs: int
    first_epoch: int
    device: str
    parameters: int
    first_step: int = 0
    steps: int = 0
    processes: int = 1
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long it takes: said after the first few steps, at the end of each epoch, and about twice a minute between.

    Attributes:
        step_seconds: median of the latest steps, waiting for data included.
        validation_seconds: after each epoch, with writing the state; an estimate before the first.
        epoch_seconds: a whole epoch by these.
        left_seconds: to the end of the run. Early stopping may end it sooner.
    """

    epoch: int
    step: int
    step_seconds: float
    validation_seconds: float
    epoch_seconds: float
    left_seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step.

    Attributes:
        loss: weighted sum over stacks of landmarks, point and edge maps.
        landmark: landmark loss of the last stack alone.
        lr: learning rate.
        norm: of the gradient, before clipping.
        seconds, waited: the step itself, and how long it waited for its data before.
        skipped: nothing was learnt from it; a `Warned` says why.
        parts: in how many parts the faces went through the network.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    landmark: float
    lr: float
    norm: float
    seconds: float
    waited: float
    skipped: bool = False
    parts: int = 1


@dataclass(frozen=True, slots=True)
class EpochDone:
    """End of an epoch: mean training loss and validation NME of the raw and the averaged network.

    Attributes:
        nme: of the raw network; None where it is not measured (`validate_raw = false`).
        nme_ema: of the averaged network, which is what is kept; NaN (null) without faces to choose by.
        best: the averaged network is the best so far and was kept.
    """

    epoch: int
    loss: float
    nme: float | None
    nme_ema: float
    best: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Samples:
    """What the averaged network makes of a few faces at the end of an epoch. Paths are relative to the run's folder.

    Attributes:
        file: .npz with `mean` (K, N, 2) float32, crop px, and `covariance` (K, N, 2, 2) float32, crop px^2, as
            predicted, not calibrated.
        faces: .npz with `image` (K, S, S, 3) uint8 RGB, `points` (K, N, 2) float32, the labels in crop px, NaN for
            missing, and `name` (K,) of the image files; the same for all epochs.
    """

    epoch: int
    file: str
    faces: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The run waits, its state kept, for `resume` or `stop` on its standard input."""

    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class Continued:
    """A pause has ended."""

    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class ThreadsChanged:
    """Steps now use so many processor threads. Sums may then round otherwise in their last bits."""

    threads: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that is as it should be, and worth knowing."""

    message: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something went wrong that did not stop the run; `images` are the files it is about, if any."""

    message: str
    images: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ended:
    """The run's outcome: `finished`, `stopped` or `failed`, with one sentence."""

    outcome: str
    message: str


Event = (
    Started
    | Timing
    | Step
    | EpochDone
    | Samples
    | Paused
    | Continued
    | ThreadsChanged
    | Noted
    | Warned
    | Ended
)
Listener = Callable[[Event], None]

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in Event.__args__}


def encode(event: Event) -> str:
    """One line of JSON without the newline; numbers that are not finite become null."""
    values = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(event).items()}
    return json.dumps({"event": type(event).__name__} | values)


def decode(line: str) -> Event | None:
    """The event of a line, or None for a line of another version or one cut short by a kill."""
    try:
        data = json.loads(line)
        event: Event = _KINDS[data.pop("event")](**data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return event


def history(lines: Iterable[str]) -> list[Event]:
    """The events of a run as it went in the end: without what was done again after a kill."""
    events: list[Event] = []
    for line in lines:
        event = decode(line)
        if isinstance(event, Started):
            start = event.first_epoch, event.first_step
            events = [earlier for earlier in events if _place(earlier) < start]
        if event is not None:
            events.append(event)
    return events


def _place(event: Event) -> tuple[float, float]:
    """Epoch and step that an event belongs to; before all others for one that belongs to none."""
    if isinstance(event, EpochDone | Samples):
        return event.epoch, math.inf
    if isinstance(event, Step | Timing):
        return event.epoch, event.step
    return -1, 0


class EventLog:
    """Appends events to a file, line by line, so that a killed run keeps what it said."""

    def __init__(self, path: Path) -> None:
        # A kill may have cut the last line short; the next one must not be glued to it.
        cut = path.is_file() and _last_byte(path) not in (b"", b"\n")
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)
        if cut:
            self._file.write("\n")

    def __call__(self, event: Event) -> None:
        self._file.write(encode(event) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(stream.seek(0, os.SEEK_END) - 1, 0))
        return stream.read()


def print_events(event: Event) -> None:
    """JSON lines on standard output, for a window that started the run."""
    with listener_may_leave():
        sys.stdout.write(encode(event) + "\n")
        sys.stdout.flush()


@contextlib.contextmanager
def listener_may_leave() -> Any:
    """Whoever reads the output may be gone; the run then goes on, or ends by its own rules, without it."""
    try:
        yield
    except BrokenPipeError:
        # What is left in the buffers would fail again when the process ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
