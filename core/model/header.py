"""The JSON header of a model file: what the weights are for, how they were made and how good they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import CheckpointError, ConfigError
from core.model.network import NetConfig
from core.transforms import LANDMARK_CROP_FACTOR

HEADER_KEY = "starmark"
HEADER_VERSION = 1
CROP_FACTORS = (0.5, 10.0)

_NAME = re.compile(r"[^\\/\x00-\x1f]{1,100}")
_MAX_REASON = 300
_KEYS = {"version", "scheme", "preset", "network", "input", "training", "metrics", "calibration"}


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """What a model file says of itself. Training, metrics and calibration are plain JSON values, for people.

    Attributes:
        scheme: id of the landmark scheme.
        preset: name of the preset the network was sized by, or "custom".
        config: size of the network.
        crop_factor: side of the crops the model was trained on, over the longer side of the landmarks' bounding box.
        antialias: whether strongly reduced crops are averaged first (`core.transforms.warp`); published weights were
            made without.
        training: data, split, recipe, seed, source.
        metrics: figures, each with the data it was measured on.
        calibration: how predicted covariances relate to real deviations; None where not measured.
    """

    scheme: str
    preset: str
    config: NetConfig
    crop_factor: float = LANDMARK_CROP_FACTOR
    antialias: bool = True
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.scheme or not self.preset:
            raise ValueError("a model header needs a scheme and a preset")
        low, high = CROP_FACTORS
        if not low <= self.crop_factor <= high:
            raise ValueError(f"the crop factor must be from {low:g} to {high:g}, not {self.crop_factor:g}")

    def with_metrics(self, **metrics: Any) -> ModelHeader:
        """A copy with more or newer figures."""
        return replace(self, metrics=self.metrics | metrics)

    def to_json(self) -> str:
        """Text for the file. ValueError if training, metrics or calibration hold what JSON cannot."""
        data = {
            "version": HEADER_VERSION,
            "scheme": self.scheme,
            "preset": self.preset,
            "network": self.config.to_dict(),
            "input": {
                "size": self.config.input_size,
                "channels": "BGR",
                "range": [-1, 1],
                "crop_factor": self.crop_factor,
                "antialias": self.antialias,
            },
            "training": self.training,
            "metrics": self.metrics,
            "calibration": self.calibration,
        }
        try:
            return json.dumps(data, allow_nan=False, ensure_ascii=False)
        except TypeError as error:
            raise ValueError(f"the model header cannot be written as JSON ({error})") from error

    @classmethod
    def from_json(cls, text: str, where: str) -> ModelHeader:
        """Inverse of `to_json`; CheckpointError for damage, a newer version, or another way to feed the network."""
        try:
            data = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _damaged(f"its header is not JSON ({error})", where) from error
        version = data.get("version") if isinstance(data, Mapping) else None
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise _damaged("its header has no version", where)
        if version > HEADER_VERSION:
            raise CheckpointError(
                f"the model was written by a newer Starmark (header version {version:.6g})",
                where=where,
                remedy="Update Starmark",
            )
        missing = sorted(_KEYS - set(data))
        if missing:
            raise _damaged(f"its header lacks {', '.join(missing)}", where)
        try:
            return cls._from_data(data)
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise _damaged(f"its header is inconsistent ({error})", where) from error

    @classmethod
    def _from_data(cls, data: Mapping[str, Any]) -> ModelHeader:
        feed = data["input"]
        config = NetConfig.from_dict(data["network"])
        if feed["channels"] != "BGR" or list(feed["range"]) != [-1, 1] or feed["size"] != config.input_size:
            raise ValueError("the network's input is described in a way this version does not know")
        for key in ("scheme", "preset"):
            if not isinstance(data[key], str):
                raise ValueError(f"'{key}' is not a text")
            # Schemes are looked up by name or by file; a model file must not choose a file.
            if _NAME.fullmatch(data[key]) is None or data[key].endswith(".toml"):
                raise ValueError(f"'{key}' is not a name")
        if not isinstance(feed["antialias"], bool):
            raise ValueError("'antialias' is not true or false")
        if not isinstance(feed["crop_factor"], int | float) or isinstance(feed["crop_factor"], bool):
            raise ValueError("'crop_factor' is not a number")
        for key in ("training", "metrics", "calibration"):
            if not isinstance(data[key], Mapping) and (key, data[key]) != ("calibration", None):
                raise ValueError(f"'{key}' is not a table")
        calibration = data["calibration"]
        return cls(
            scheme=data["scheme"],
            preset=data["preset"],
            config=config,
            crop_factor=float(feed["crop_factor"]),
            antialias=feed["antialias"],
            training=dict(data["training"]),
            metrics=dict(data["metrics"]),
            calibration=None if calibration is None else dict(calibration),
        )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _damaged(why: str, where: str) -> CheckpointError:
    why = why if len(why) <= _MAX_REASON else why[:_MAX_REASON] + "..."
    return CheckpointError(f"the model file is damaged: {why}", where=where, remedy="Fetch or train the model again")
