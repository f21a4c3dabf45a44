"""What a run says while it goes on: typed events, one JSON object a line."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True, slots=True)
class Started:
    """Training begins: sizes, device, and where it starts from."""

    train_faces: int
    val_faces: int
    epochs: int
    first_epoch: int
    device: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step: mean losses, gradient norm before clipping, and how long the step waited for its data."""

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


@dataclass(frozen=True, slots=True)
class EpochDone:
    """End of an epoch: mean training loss and validation NME (fraction) of the raw and averaged network."""

    epoch: int
    loss: float
    nme: float | None
    nme_ema: float
    best: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something went wrong that did not stop the run."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run's outcome: `finished`, `stopped` or `failed`, with one sentence."""

    outcome: str
    message: str


Event = Started | Step | EpochDone | Warned | Ended
Listener = Callable[[Event], None]

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Started, Step, EpochDone, Warned, Ended)}


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


class EventLog:
    """Appends events to a file, line by line, so that a killed run keeps what it said."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, event: Event) -> None:
        self._file.write(encode(event) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def print_events(event: Event) -> None:
    """JSON lines on standard output, for a window that started the run."""
    sys.stdout.write(encode(event) + "\n")
    sys.stdout.flush()
