"""What a run leaves on disk: settings, origin, events, samples, the states to resume from, and the best model.

    config.toml        settings, all of them
    run.json           what it trains on and started from (`training.origin`)
    events.jsonl       what it said (`training.events`)
    last.pt            network, average, optimiser and counters at the last save
    previous.pt        the same at the save before, in case `last.pt` is damaged; gone once the run has finished
    best.safetensors   the averaged network that did best on the faces to choose by: the model
    samples/           what became of a few faces, by epoch
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from core.errors import CheckpointError, FileError, TrainingError
from core.files import write_atomic
from core.model.checkpoint import read_plain
from training.config import TrainConfig, load_config

_STATE_VERSION = 1
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.tmp")


class RunDir:
    """A run's folder. States are replaced atomically, so that a kill at any moment leaves one to go on from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.toml"
        self.origin_file = path / "run.json"
        self.events_file = path / "events.jsonl"
        self.state_file = path / "last.pt"
        self.previous_file = path / "previous.pt"
        self.best_file = path / "best.safetensors"
        self.samples_dir = path / "samples"

    @property
    def has_run(self) -> bool:
        """Whether there is a run to go on with."""
        return self.config_file.is_file()

    @property
    def has_state(self) -> bool:
        """Whether a state was saved."""
        return self.state_file.is_file() or self.previous_file.is_file()

    def prepare(self, *, resume: bool) -> None:
        """Make the folder. TrainingError if it holds a run and `resume` is off, or holds none and it is on."""
        if resume:
            if not self.has_run:
                raise TrainingError(
                    "there is no run to resume", where=self.path, remedy="Leave out --resume to start one"
                )
            self._remove_unfinished()
            return
        if self.has_run or self.has_state:
            raise TrainingError(
                "the folder already holds a run",
                where=self.path,
                remedy="Add --resume to go on with it, or name another folder",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"the run's folder cannot be made ({error})", where=self.path) from error

    def save_config(self, config: TrainConfig) -> None:
        """Write the settings."""
        write_atomic(self.config_file, config.to_toml())

    def load_config(self) -> TrainConfig:
        """The settings the run was started with."""
        return load_config(self.config_file)

    def save_origin(self, origin: Mapping[str, Any]) -> None:
        """Write what the run trains on and started from: plain JSON values."""
        write_atomic(self.origin_file, json.dumps(origin, indent=1, ensure_ascii=False) + "\n")

    def load_origin(self) -> dict[str, Any]:
        """What `save_origin` wrote; empty for a run of an earlier version. TrainingError if it is damaged."""
        if not self.origin_file.is_file():
            return {}
        try:
            data = json.loads(self.origin_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"what the run trains on cannot be read ({error})",
                where=self.origin_file,
                remedy="Delete this file, and name the data again with --resume",
            ) from error
        return dict(data) if isinstance(data, dict) else {}

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep a state to resume from, and the one before it."""
        full = dict(state) | {"version": _STATE_VERSION}
        # Between the two there is only the one before, which leads to the same weights.
        if self.state_file.is_file():
            self.state_file.replace(self.previous_file)
        write_atomic(self.state_file, lambda file: torch.save(full, file))

    def forget_previous(self) -> None:
        """Delete the state before the last: a finished run has no use for it."""
        self.previous_file.unlink(missing_ok=True)

    def load_state(self, told: Callable[[str], object] = lambda _sentence: None) -> dict[str, Any]:
        """The state to resume from; `told` gets a sentence if it is the one before, the last being damaged or missing.

        TrainingError if neither can be used.
        """
        try:
            return _read_state(self.state_file)
        except (TrainingError, CheckpointError, FileError) as error:
            if not self.previous_file.is_file():
                raise _no_state(error, self.state_file) from error
            missing = "missing" if not self.state_file.exists() else f"of no use ({error.what})"
        try:
            state = _read_state(self.previous_file)
        except (TrainingError, CheckpointError, FileError) as error:
            raise _no_state(error, self.previous_file) from error
        told(f"the last state is {missing}; the run goes on from the one before")
        return state

    def _remove_unfinished(self) -> None:
        """Delete what a kill in the middle of writing has left."""
        for file in self.path.glob(".*.tmp"):
            if _UNFINISHED.fullmatch(file.name):
                file.unlink(missing_ok=True)


def _read_state(file: Path) -> dict[str, Any]:
    state = read_plain(file)
    if not isinstance(state, dict) or state.get("version") != _STATE_VERSION:
        raise TrainingError("the run was made by another version", where=file, remedy="Start a new run")
    return state


def _no_state(error: TrainingError | CheckpointError | FileError, file: Path) -> TrainingError:
    if isinstance(error, TrainingError):
        return error
    return TrainingError(f"the run's state is damaged ({error.what})", where=file, remedy="Start a new run")
