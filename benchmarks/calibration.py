"""Do calibrated ellipses hold what they promise? python benchmarks/calibration.py DATA [--write]

Fits the calibration on the people with crc32(name) % 10 == 3 and reports the coverage of 50/90/95/99 % ellipses on
those with 7; neither were trained on. Prints nominal against real shares before (raw covariances about the predicted
mean, normal tail) and after, overall and by region, with 95 % intervals from drawing people; then the same with the
two groups of people exchanged. A figure is marked that misses its goal: within 3 points, or the nominal share in the
interval.

--write puts the calibration of the first direction into the model's file, with the weights as they are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.calibration import Calibration, fit_calibration, plain_calibration
from core.coverage import OVERALL, Coverage, coverage
from core.face import FloatArray
from core.formats.registry import read_dataset
from core.model.checkpoint import load_network, save_model
from core.model.detector import FaceDetector
from core.model.device import choose_device
from core.model.library import ModelLibrary, load_model
from core.model.pipeline import predict_images
from core.model.predictor import Predictor
from core.model.requests import Crops, requests_for
from core.scheme import Scheme
from training.evaluate import select
from training.split import groups_of


@dataclass(frozen=True, eq=False, slots=True)
class People:
    """Labels (F, N, 2) and predictions (F, N, 2), (F, N, 2, 2), image px, with each face's person."""

    label: FloatArray
    mean: FloatArray
    covariance: FloatArray
    groups: list[str]


def predict(data: Path, part: str, predictor: Predictor, crops: Crops) -> People:
    """The labelled faces of a part; those that the detector misses are left out."""
    faces = select(read_dataset(data).faces, part)
    asked = requests_for(faces, crops, predictor.model.header.crop_factor)
    groups = groups_of([face.image for face in faces])
    rows = []
    results = predict_images(asked.requests, predictor, FaceDetector())
    for indices, result in zip(asked.faces, results, strict=True):
        for found in result.faces:
            assert found.request is not None
            index = indices[found.request]
            rows.append((faces[index].label.points, found.prediction, groups[index]))
    return People(
        np.stack([label for label, _, _ in rows]),
        np.stack([prediction.mean for _, prediction, _ in rows]),
        np.stack([prediction.covariance for _, prediction, _ in rows]),
        [group for _, _, group in rows],
    )


def fit(people: People, scheme: Scheme, about: dict[str, Any]) -> Calibration:
    """Calibrate on some people."""
    counts = {"faces": len(people.groups), "people": len(set(people.groups))}
    return fit_calibration(people.label, people.mean, people.covariance, people.groups, scheme, about | counts)


def measure(calibration: Calibration, people: People, scheme: Scheme) -> list[Coverage]:
    """Coverage on other people."""
    deviation = calibration.deviation(people.label, people.mean, people.covariance, scheme)
    return coverage(deviation.mahalanobis, calibration.tail, people.groups, scheme)


def show(before: Sequence[Coverage], after: Sequence[Coverage]) -> None:
    """Print a table."""
    print(f"{'region':<14}{'nominal':>8}{'before':>9}{'after':>9}   95 % interval")
    for raw, figure in zip(before, after, strict=True):
        mark = "" if figure.good else "  misses"
        low, high = figure.interval
        shares = f"{figure.nominal:>8.0%}{raw.real:>9.1%}{figure.real:>9.1%}"
        print(f"{figure.region:<14}{shares}   {low:.1%} to {high:.1%}{mark}")
    print(f"{sum(figure.good for figure in after)} of {len(after)} within the goal\n")


def write(path: Path, calibration: Calibration) -> None:
    """Put a calibration into a model file."""
    network, header, _ = load_network(path)
    save_model(path, network, replace(header, calibration=calibration.to_json()))
    again, kept, _ = load_network(path)
    weights = again.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
    assert Calibration.from_json(kept.calibration, header.config.points) is not None
    print(f"wrote {path}")


def main(data: Path, model: str | None, crops: Crops, writing: bool) -> None:
    """Fit, report, and maybe write."""
    device = choose_device("auto")
    predictor = Predictor(load_model(model, device), device)
    scheme = predictor.model.scheme
    people = {part: predict(data, part, predictor, crops) for part in ("val", "report")}
    about = {"data": data.name, "crops": crops}
    for fitted, reported in (("val", "report"), ("report", "val")):
        calibration = fit(people[fitted], scheme, about)
        before = measure(plain_calibration(len(scheme)), people[reported], scheme)
        after = measure(calibration, people[reported], scheme)
        low, middle, high = np.quantile(calibration.scales, [0, 0.5, 1])
        print(f"{crops} crops; fitted on {calibration.about['faces']} faces of {calibration.about['people']} people")
        print(f"scales {low:.3f} to {high:.3f}, median {middle:.3f}; tail with {calibration.tail.nu:g} degrees")
        show(before, after)
        if writing and reported == "report":
            shares = {f"{figure.nominal:g}": round(figure.real, 4) for figure in after if figure.region == OVERALL}
            kept = replace(calibration, about=calibration.about | {"coverage of others": shares})
            write(ModelLibrary().resolve(model), kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--crops", default="detector", choices=("detector", "landmarks"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    main(options.data, options.model, options.crops, options.write)
