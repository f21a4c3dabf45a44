"""What a run leaves on disk: settings, events, the state to resume from, and the best model."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from core.errors import TrainingError
from core.files import write_atomic
from training.config import TrainConfig, load_config

_STATE_VERSION = 1


class RunDir:
    """A run's folder. `last.pt` is replaced atomically, so that a kill leaves the previous state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.toml"
        self.events_file = path / "events.jsonl"
        self.state_file = path / "last.pt"
        self.best_file = path / "best.safetensors"

    def prepare(self, *, resume: bool) -> None:
        """Make the folder. TrainingError if it holds a run and `resume` is off, or holds none and it is on."""
        if resume:
            if not self.state_file.is_file():
                raise TrainingError(
                    "there is no run to resume", where=self.path, remedy="Leave out --resume to start one"
                )
            return
        if self.config_file.exists() or self.state_file.exists():
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

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state to resume from."""
        full = dict(state) | {"version": _STATE_VERSION}
        write_atomic(self.state_file, lambda file: torch.save(full, file))

    def load_state(self) -> dict[str, Any]:
        """The state to resume from. TrainingError if it is damaged or of another version."""
        try:
            state: dict[str, Any] = torch.load(self.state_file, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(f"the run's state is damaged ({error})", where=self.state_file) from error
        if not isinstance(state, dict) or state.get("version") != _STATE_VERSION:
            raise TrainingError("the run was made by another version", where=self.state_file, remedy="Start a new run")
        return state
