"""Fit the detection -> crop rule: python benchmarks/fit_crop_rule.py DATA [--write]

DATA is a folder of IMAGE.jpg with IMAGE.pts (68 points, 1-based). The identity of a face is its file stem before the
last "_" and h = crc32(identity) % 10: h not in {3, 7} fits, h == 3 judges, h == 7 is left alone. Huber regression by
iteratively reweighted least squares. Prints coefficients and residuals; --write replaces the installed rule,
resources/models/crop_rule.toml.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.face import Box, FloatArray
from core.formats.pts import read_pts
from core.images import read_image
from core.model.crops import (
    RULE_FILE,
    TARGETS,
    Features,
    crop_difference,
    crop_from_detection,
    detection_features,
)
from core.model.detector import Detection, FaceDetector
from core.model.pipeline import overlap
from core.transforms import Crop, crop_from_points

HUBER = 1.345
PENALTY = 1e-4


def fold(path: Path) -> int:
    """h of the identity of a face's file."""
    return zlib.crc32(path.stem.rsplit("_", 1)[0].encode()) % 10


def collect(folder: Path) -> list[tuple[int, Detection, Crop]]:
    """(h, detection, landmark-extent crop) of every face that is found."""
    detector = FaceDetector()
    rows, missed = [], 0
    for path in sorted(folder.glob("*.jpg")):
        h = fold(path)
        if h == 7:
            continue
        points = read_pts(path.with_suffix(".pts"))
        image = read_image(path)
        face = Box.around(points)
        best = max(detector.detect(image), key=lambda d: overlap(d.box, face), default=None)
        if best is None or overlap(best.box, face) < 0.3:
            missed += 1
            continue
        rows.append((h, best, crop_from_points(points)))
    print(f"{len(rows)} faces found, {missed} missed")
    return rows


def huber(a: FloatArray, y: FloatArray) -> FloatArray:
    """Robust ridge regression: coefficients of `a` (K, F) for `y` (K,)."""
    weight: FloatArray = np.ones(len(y))
    x: FloatArray = np.zeros(a.shape[1])
    for _ in range(50):
        normal = a.T @ (a * weight[:, None]) + PENALTY * len(y) * np.eye(a.shape[1])
        x = np.asarray(np.linalg.solve(normal, a.T @ (weight * y)), np.float64)
        residual = np.abs(y - a @ x)
        spread = 1.4826 * np.median(residual)
        weight = np.minimum(1.0, HUBER * spread / np.maximum(residual, 1e-12))
    return x


def fit(rows: list[tuple[int, Detection, Crop]], box_only: bool) -> Features:
    """Coefficients per output; `box_only` leaves the five points out, for comparison."""
    rule: Features = {}
    truth = []
    for _, detection, crop in rows:
        side = np.sqrt(detection.box.w * detection.box.h)
        cx, cy = detection.box.center
        truth.append([(crop.cx - cx) / side, (crop.cy - cy) / side, np.log(crop.size_px / side)])
    y = np.array(truth)
    for column, name in enumerate(TARGETS):
        inputs = [detection_features(detection)[name] for _, detection, _ in rows]
        keys = [key for key in inputs[0] if not box_only or key in ("one", "height")]
        if not keys:
            rule[name] = {}
            continue
        x = huber(np.array([[row[key] for key in keys] for row in inputs]), y[:, column])
        rule[name] = {key: round(float(value), 4) for key, value in zip(keys, x, strict=True)}
    return rule


def report(title: str, rule: Features, rows: list[tuple[int, Detection, Crop]]) -> list[str]:
    """Lines with the residuals of `rule`."""
    difference = np.array([crop_difference(crop_from_detection(d, rule), crop) for _, d, crop in rows])
    centre = np.hypot(difference[:, 0], difference[:, 1])
    size = np.abs(difference[:, 2])
    quantiles = [
        f"{label} median {np.median(v):.4f}, p90 {np.quantile(v, 0.9):.4f}"
        for label, v in (("centre error / side", centre), ("|log size|", size))
    ]
    return [f"{title} ({len(rows)} faces): {'; '.join(quantiles)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows = collect(arguments.data)
    train = [row for row in rows if row[0] != 3]
    judge = [row for row in rows if row[0] == 3]
    rule, plain = fit(train, box_only=False), fit(train, box_only=True)
    lines = [
        "Detection -> landmark-extent crop. Fitted by benchmarks/fit_crop_rule.py on faces68, h not in {3, 7}.",
        *report("Box only, h == 3", plain, judge),
        *report("Box and five points, fitted faces", rule, train),
        *report("Box and five points, h == 3", rule, judge),
    ]
    tables = [f"[{name}]\n" + "\n".join(f"{k} = {v}" for k, v in table.items()) for name, table in rule.items()]
    text = "\n".join(f"# {line}" for line in lines) + "\n\n" + "\n\n".join(tables) + "\n"
    print(text)
    if arguments.write:
        RULE_FILE.parent.mkdir(parents=True, exist_ok=True)
        RULE_FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
