"""Do ellipses lie along contours? python benchmarks/contour_angles.py DATA [--model M] [--split report]

For every landmark on a contour: the angle between the major axis of its predicted covariance and the contour's tangent
in the label (0 to 90 degrees, chance is 45), and its anisotropy sqrt(lambda1 / lambda2). Prints mean and median angle
and median anisotropy for each region, for brow ends and for eye corners, with 95 % intervals from drawing people.
Landmark-extent crops.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.ambiguity import anisotropy, eigen
from core.face import FloatArray
from core.formats.registry import read_dataset
from core.geometry import axis_difference, tangent_angles
from core.images import read_image
from core.metrics import bootstrap_interval
from core.model.device import choose_device
from core.model.library import load_model
from core.model.predictor import Predictor
from core.transforms import crop_from_points
from training.evaluate import SPLITS, select
from training.split import groups_of

EXTRA = {"300w-68": {"jaw sides": [*range(1, 6), *range(11, 16)], "eye corners": [36, 39, 42, 45]}}


def measure(data: Path, model: str | None, split: str) -> None:
    """Print the table."""
    device = choose_device("auto")
    predictor = Predictor(load_model(model, device), device)
    scheme, factor = predictor.model.scheme, predictor.model.header.crop_factor
    faces = select(read_dataset(data).faces, split)
    groups = groups_of([face.image for face in faces])
    jobs = ((read_image(face.image), crop_from_points(face.label.points, factor)) for face in faces)
    angles, ratios = [], []
    for face, prediction in zip(faces, predictor.stream(jobs), strict=True):
        tangent = tangent_angles(face.label.points, scheme)
        angles.append(axis_difference(eigen(prediction.covariance).angle, tangent))
        ratios.append(anisotropy(prediction.covariance))
    print(f"{len(faces)} faces of {len(set(groups))} people, model {predictor.model.name}\n")
    print(f"{'':<14}{'mean angle':>22}{'median angle':>24}{'median anisotropy':>26}")
    regions = {region.name: list(region.indices) for region in scheme.regions} | EXTRA.get(scheme.id, {})
    for name, indices in regions.items():
        row = [
            figure(np.stack(angles)[:, indices], groups, "mean"),
            figure(np.stack(angles)[:, indices], groups, "median"),
        ]
        row.append(figure(np.stack(ratios)[:, indices], groups, "median"))
        print(f"{name:<14}" + "  ".join(row))


def figure(values: FloatArray, groups: list[str], statistic: str) -> str:
    """A statistic over faces and points with its interval."""
    people = np.repeat(np.arange(len(groups)), values.shape[1])
    names = [groups[i] for i in people]
    flat = values.ravel()
    known = np.isfinite(flat)
    kept = [name for name, good in zip(names, known, strict=True) if good]
    low, high = bootstrap_interval(flat[known], kept, statistic, resamples=500)[:2]  # type: ignore[arg-type]
    value = np.mean(flat[known]) if statistic == "mean" else np.median(flat[known])
    return f"{value:>7.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--split", default="report", choices=SPLITS)
    options = parser.parse_args()
    measure(options.data, options.model, options.split)
