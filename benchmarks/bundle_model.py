"""Measure a trained model on the report people and write it, with its figures, as the bundled one.

python benchmarks/bundle_model.py RUN/best.safetensors DATA NAME

Evaluates on detector and on landmark-extent crops (the people with crc32(name) % 10 == 7, whom training never saw),
puts NME, FR and AUC with their intervals into the model's header, and writes resources/models/NAME.safetensors.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.formats.registry import read_dataset
from core.model.checkpoint import load_network, save_model
from core.model.detector import FaceDetector
from core.model.device import choose_device
from core.model.library import BUNDLED_DIR, load_model
from core.model.predictor import Predictor
from training.evaluate import evaluate, report, select, to_json

KEPT = ("faces", "identities", "missed", "threshold", "nme", "fr", "auc")


def main(model: Path, data: Path, name: str) -> None:
    """Measure and write."""
    device = choose_device("auto")
    predictor, detector = Predictor(load_model(model, device), device), FaceDetector()
    faces = select(read_dataset(data).faces, "report")
    figures: dict[str, Any] = {}
    for crops in ("detector", "landmarks"):
        evaluation = evaluate(faces, predictor, detector, crops=crops)
        measured = to_json(evaluation, report(evaluation))
        figures[crops] = {key: measured[key] for key in KEPT} | {"intervals": measured["intervals"]}
        figures[crops]["intervals"].pop("per_region")
        print(f"{crops} crops: {figures[crops]}")
    network, header, _ = load_network(model)
    target = BUNDLED_DIR / f"{name}.safetensors"
    save_model(target, network, header.with_metrics(report=figures))
    print(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("name")
    options = parser.parse_args()
    main(options.model, options.data, options.name)
