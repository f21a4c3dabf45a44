"""Settings of a training run: frozen, checked, and kept as TOML beside its results."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from core.errors import ConfigError, shown
from core.toml_file import read_toml

LOSSES = ("star", "star_l1", "star_l2", "star_v1", "smoothl1", "l1", "l2", "wing")
"""Landmark losses by name; `training.losses.total` has what they are, and torch with it."""

GROUPINGS = ("auto", "identity", "folder", "tag", "file", "none")
"""What a split keeps on one side; `training.split` says what they are."""

SCHEDULES = ("multistep", "cosine")
_MAX_MILESTONES = 100
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Attributes:
        preset: network size, `star` or `lite`.
        loss: landmark loss; one of `LOSSES`.
        w_star: weight of the eigenvalue restriction.
        attention: point and edge maps on or off.
        width, stacks, input_size: network size where it differs from the preset; 0 keeps the preset's.
        epochs: passes over the training faces.
        batch_size: faces a step, over all processes.
        accumulate: parts in which a step's faces go through the network one after the other, to save memory.
        learning_rate: Adam's; weight decay is 0 as in the reference.
        schedule: `multistep` (times 0.1 at `milestones`) or `cosine` to zero.
        milestones: shares of the run, each in (0, 1); 200, 350 and 450 of 500 epochs in the reference.
        warmup_steps: linear rise of the learning rate at the start.
        clip_norm: largest gradient norm, 0 for none.
        spike_factor: a loss above so many times the median of the latest ones is not learnt from; 0 for no limit.
        patience: stop after so many epochs without a better one; 0 trains to the end.
        validate_raw: measure the raw network beside the averaged one; costs another forward pass of the faces.
        ema_half_life: faces after which a weight counts half in the averaged network.
        augment: the paper's augmentations on or off.
        crop_factor: side of a face's crop over its landmarks' extent, where the data set gives no crop.
        split_by: what keeps together when faces are split into those that train, choose and report.
        seed: decides initial weights, order and augmentation.
        precision: `auto` takes bfloat16 where the device computes it natively.
        reference_border: draw point maps at the border as the reference does, one pixel off.
        compile: have torch compile the network, where there is a compiler.
        threads: processor threads; 0 leaves it to torch, and the run then keeps that number.
        workers: threads that prepare batches.
        cache_mb: memory for decoded faces.
    """

    preset: str = "lite"
    loss: str = "star"
    w_star: float = 1.0
    attention: bool = True
    width: int = 0
    stacks: int = 0
    input_size: int = 0
    epochs: int = 60
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-3
    schedule: str = "multistep"
    milestones: tuple[float, ...] = (0.4, 0.7, 0.9)
    warmup_steps: int = 0
    clip_norm: float = 0.0
    spike_factor: float = 10.0
    patience: int = 0
    validate_raw: bool = True
    ema_half_life: float = 10000.0
    augment: bool = True
    crop_factor: float = 1.30
    split_by: str = "auto"
    seed: int = 0
    precision: str = "auto"
    reference_border: bool = False
    compile: bool = False
    threads: int = 0
    workers: int = 2
    cache_mb: int = 2048

    def __post_init__(self) -> None:
        hints = get_type_hints(TrainConfig)
        for field in fields(self):
            object.__setattr__(self, field.name, _typed(field.name, getattr(self, field.name), hints[field.name]))
        _choice("loss", self.loss, LOSSES)
        _choice("split_by", self.split_by, GROUPINGS)
        _choice("schedule", self.schedule, SCHEDULES)
        _choice("precision", self.precision, PRECISIONS)
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"training setting '{name}' must be from {low:g} to {high:g}, not {shown(value)}")
        if len(self.milestones) > _MAX_MILESTONES:
            raise ConfigError(f"training setting 'milestones' must have at most {_MAX_MILESTONES} entries")
        if not all(0 < share < 1 for share in self.milestones) or list(self.milestones) != sorted(self.milestones):
            raise ConfigError("training setting 'milestones' must be rising shares between 0 and 1")

    def network_changes(self) -> dict[str, Any]:
        """Differences from the preset, as arguments of `core.model.network.preset_config`."""
        sizes = {name: getattr(self, name) for name in ("width", "stacks", "input_size") if getattr(self, name)}
        return sizes | {"attention": self.attention}

    def to_toml(self) -> str:
        """The settings as a TOML document."""
        return "".join(f"{name} = {_toml(value)}\n" for name, value in asdict(self).items())


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("w_star", 0, 1000),
    ("width", 0, 1024),
    ("stacks", 0, 16),
    ("input_size", 0, 1024),
    ("epochs", 1, 100_000),
    ("batch_size", 1, 4096),
    ("accumulate", 1, 4096),
    ("learning_rate", 1e-9, 10),
    ("warmup_steps", 0, 10_000_000),
    ("clip_norm", 0, 1e9),
    ("spike_factor", 0, 1e9),
    ("patience", 0, 100_000),
    ("ema_half_life", 1, 1e9),
    ("crop_factor", 1, 5),
    ("seed", 0, 2**31 - 1),
    ("threads", 0, 1024),
    ("workers", 1, 64),
    ("cache_mb", 0, 1_000_000),
)


def load_config(path: Path, base: TrainConfig | None = None) -> TrainConfig:
    """Read settings from a TOML file over `base`; ConfigError names the file and the key."""
    return config_from(read_toml(path, ConfigError, "the configuration"), path, base)


def config_from(data: Mapping[str, Any], where: str | Path, base: TrainConfig | None = None) -> TrainConfig:
    """Check a mapping of settings; unknown keys and wrong types are errors that name the key."""
    known = {field.name for field in fields(TrainConfig)}
    for key in data:
        if key not in known:
            remedy = f"Known keys are {', '.join(sorted(known))}"
            raise ConfigError(f"unknown key {shown(key)}", where=where, remedy=remedy)
    try:
        return replace(base or TrainConfig(), **data)
    except ConfigError as error:
        raise ConfigError(error.what, where=where, remedy=error.remedy or "Correct that setting") from error


def _typed(name: str, value: Any, kind: Any) -> Any:
    """`value` as `kind`, where that loses nothing."""
    if kind is bool and isinstance(value, bool):
        return value
    if isinstance(value, bool):
        raise ConfigError(f"training setting '{name}' must not be true or false")
    if kind is int and isinstance(value, int):
        return value
    if kind is float and isinstance(value, int | float) and abs(value) <= sys.float_info.max:
        return float(value)
    if kind is str and isinstance(value, str):
        return value
    if kind == tuple[float, ...] and isinstance(value, list | tuple):
        return tuple(_typed(name, item, float) for item in value)
    wanted = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(
        kind, "a list of numbers"
    )
    raise ConfigError(f"training setting '{name}' must be {wanted}, not {shown(value)}")


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"training setting '{name}' must be one of {', '.join(known)}, not {shown(value)}")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
