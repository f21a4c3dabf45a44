"""Detection or box -> crop, so that crops agree with the landmark-extent crops that models are trained on.

The rule for detections is linear in a few features of the box and the five points, symmetric under mirroring, and
scales with the image. Its coefficients are in resources/models/crop_rule.toml; benchmarks/fit_crop_rule.py fits them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from core.errors import ConfigError, shown
from core.face import Box, Detection, FloatArray
from core.toml_file import read_toml
from core.transforms import LANDMARK_CROP_FACTOR, Crop

RULE_FILE = Path(__file__).resolve().parents[2] / "resources" / "models" / "crop_rule.toml"

TARGETS = ("dx", "dy", "log_side")
_ODD = ("eyes_x", "nose_x", "mouth_x", "roll_x")
_EVEN = ("one", "height", "eyes_y", "nose_y", "mouth_y", "length", "spread", "turn", "roll")
_FEATURES = {"dx": _ODD, "dy": _EVEN, "log_side": _EVEN}
_MAX_WEIGHT = 100.0

Features = dict[str, dict[str, float]]


def detection_features(detection: Detection) -> Features:
    """The rule's inputs, per output, in units of the box side s = sqrt(w h) from the box's centre.

    `dx` has features that change sign under mirroring and no constant; the other two have features that do not.
    """
    box = detection.box
    side = float(np.sqrt(box.w * box.h))
    five = (detection.five_points - np.array(box.center)) / side
    eyes, nose, mouth = (five[0] + five[1]) / 2, five[2], (five[3] + five[4]) / 2
    down = mouth - eyes
    apart = (five[1] - five[0] + five[4] - five[3]) / 2
    length = float(np.hypot(*down))
    spread = float(np.hypot(*apart))
    # How far the nose tip is to the side of the line from the eyes to the mouth: grows with yaw.
    turn = float(abs(down[0] * (nose[1] - eyes[1]) - down[1] * (nose[0] - eyes[0])) / max(length, 1e-6))
    even = {
        "one": 1.0,
        "height": box.h / side,
        "eyes_y": float(eyes[1]),
        "nose_y": float(nose[1]),
        "mouth_y": float(mouth[1]),
        "length": length,
        "spread": spread,
        "turn": turn,
        "roll": float(abs(apart[1])),
    }
    odd = {"eyes_x": float(eyes[0]), "nose_x": float(nose[0]), "mouth_x": float(mouth[0]), "roll_x": float(apart[1])}
    return {"dx": odd, "dy": even, "log_side": even}


@lru_cache(maxsize=1)
def _rule() -> Features:
    return read_rule(RULE_FILE)


def read_rule(path: Path) -> Features:
    """Coefficients per output and feature; ConfigError if the file is missing or damaged."""
    data = read_toml(path, ConfigError, "the crop rule")
    unknown = sorted(set(data) - set(TARGETS))
    if unknown:
        raise _bad_rule(f"has the unknown key {shown(unknown[0])}", path)
    for name in TARGETS:
        table = data.get(name)
        if not isinstance(table, dict):
            raise _bad_rule(f"has no table '{name}'", path)
        for key, value in table.items():
            if key not in _FEATURES[name]:
                raise _bad_rule(f"has the unknown key {shown(f'{name}.{key}')}", path)
            if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _MAX_WEIGHT:
                raise _bad_rule(f"has {shown(value)} as '{name}.{key}', where a small number must be", path)
    return {name: {key: float(value) for key, value in data[name].items()} for name in TARGETS}


def _bad_rule(what: str, path: Path) -> ConfigError:
    return ConfigError(f"the crop rule {what}", where=path, remedy="Install Starmark again")


def crop_from_detection(
    detection: Detection, rule: Features | None = None, *, factor: float = LANDMARK_CROP_FACTOR
) -> Crop:
    """The crop for a detected face.

    Args:
        detection: what the detector found.
        rule: replaces the installed coefficients (see `read_rule`).
        factor: side over the landmarks' extent that the model was trained on (`ModelHeader.crop_factor`).
    """
    rule = _rule() if rule is None else rule
    features = detection_features(detection)
    dx, dy, log_side = (
        sum(weight * features[name].get(key, 0.0) for key, weight in rule[name].items()) for name in TARGETS
    )
    box = detection.box
    side = float(np.sqrt(box.w * box.h))
    cx, cy = box.center
    # Five points that are far off must not send the crop away from the face that was found.
    move = np.clip([dx, dy], -0.5, 0.5) * side
    side *= float(np.exp(np.clip(log_side, -0.5, 1.0))) * factor / LANDMARK_CROP_FACTOR
    return Crop.square(cx + float(move[0]), cy + float(move[1]), side)


def crop_from_box(box: Box, *, factor: float = LANDMARK_CROP_FACTOR) -> Crop:
    """The crop for a box drawn by hand or given by a data set.

    The box is taken to hold the landmarks tightly: brows to chin, and ear to ear as far as the jaw line is visible. The
    crop is then the landmark-extent crop (`core.transforms.crop_from_points`) of that region; `factor` as there.
    """
    cx, cy = box.center
    return Crop.square(cx, cy, factor * max(box.w, box.h))


def crop_difference(one: Crop, other: Crop) -> FloatArray:
    """(3,) how `one` differs from `other`: centre x, y in sides of `other`, and log of the ratio of sides."""
    side = other.size_px
    return np.array([(one.cx - other.cx) / side, (one.cy - other.cy) / side, np.log(one.size_px / side)])
