"""How far do two labels of nearly the same picture differ? python benchmarks/label_noise.py DATA

Data sets made from videos hold neighbouring frames of one person, labelled apart. For every pair of neighbouring frames
(file names NAME_K and NAME_K+1) the motion of the pixels is estimated by dense optical flow (OpenCV's DIS) and carries
the first label onto the second frame; pairs whose frames still differ afterwards (correlation below a limit) are left
out, which looks at pixels only, never at labels. A common shift, turn and scale of the whole face is taken out as well.
What remains between the labels is split along and across the contour. Robust standard deviations (1.4826 times the
median absolute deviation, divided by sqrt 2 for one label of the two), in percent of the inter-ocular distance, with
the share of points beyond five of them.

An upper bound of what annotators do: errors of the flow and the rounding of labels to whole px are in it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.ambiguity import ROUNDING_VARIANCE
from core.face import ByteArray, FloatArray
from core.formats.base import LabelledFace
from core.formats.registry import read_dataset
from core.geometry import tangent_angles
from core.images import read_image
from core.scheme import Scheme, get_scheme
from core.transforms import apply, crop_from_points, invert, warp
from training.split import identity_of

SIDE = 256
MIN_CORRELATION = 0.97
TO_SIGMA = 1.4826
GROSS = 5.0
CORNERS = {"300w-68": {"eye corners": [36, 39, 42, 45], "mouth corners": [48, 54, 60, 64], "chin": [7, 8, 9]}}


def neighbours(faces: list[LabelledFace]) -> Iterator[tuple[LabelledFace, LabelledFace]]:
    """Pairs of faces whose files are NAME_K and NAME_K+1."""
    by_name = {face.image.stem: face for face in faces}
    for face in faces:
        number = face.image.stem.rpartition("_")[2]
        if number.isdigit():
            after = by_name.get(f"{identity_of(face.image)}_{int(number) + 1}")
            if after is not None:
                yield face, after


def grey_crop(face: LabelledFace, like: LabelledFace) -> ByteArray:
    """(SIDE, SIDE) uint8: `face`'s image in the crop of the face `like`."""
    crop = crop_from_points(like.label.points)
    colour = warp(read_image(face.image), crop, SIDE, antialias=True)
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), np.uint8)


def difference(first: LabelledFace, second: LabelledFace) -> FloatArray | None:
    """Second label minus the first one carried over by the flow, (N, 2) px of the first image; None if unlike."""
    before, after = grey_crop(first, first), grey_crop(second, first)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(before, after, None)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    back = cv2.remap(after, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
    inner = slice(SIDE // 10, -SIDE // 10)
    if np.corrcoef(before[inner, inner].ravel(), back[inner, inner].ravel())[0, 1] < MIN_CORRELATION:
        return None
    matrix = crop_from_points(first.label.points).matrix(SIDE)
    points = apply(matrix, first.label.points)
    at = np.clip(np.round(np.nan_to_num(points)).astype(int), 0, SIDE - 1)
    carried = apply(invert(matrix), points + flow[at[:, 1], at[:, 0]])
    return np.asarray(second.label.points - fitted(carried, second.label.points), np.float64)


def fitted(points: FloatArray, to: FloatArray) -> FloatArray:
    """`points` (N, 2) moved, turned and scaled to lie on `to` (N, 2) as well as they can (least squares)."""
    here, there = (values[:, 0] + 1j * values[:, 1] for values in (points, to))
    middle, target = here.mean(), there.mean()
    turn = np.vdot(here - middle, there - target) / np.vdot(here - middle, here - middle)
    moved = target + turn * (here - middle)
    return np.stack([moved.real, moved.imag], axis=-1)


def measure(data: Path, limit: int) -> None:
    """Print the table."""
    faces = read_dataset(data).faces
    scheme: Scheme = get_scheme(faces[0].label.scheme)
    found, pairs = [], list(neighbours(faces))[:limit]
    for first, second in pairs:
        error = difference(first, second)
        if error is not None:
            angle, ocular = tangent_angles(first.label.points, scheme), scheme.norm_distance(first.label.points)
            cos, sin = np.cos(angle), np.sin(angle)
            along, across = cos * error[:, 0] + sin * error[:, 1], cos * error[:, 1] - sin * error[:, 0]
            rounding = np.full(len(scheme), np.sqrt(ROUNDING_VARIANCE) / ocular)
            found.append(np.stack([along / ocular, across / ocular, rounding], axis=-1))
    values = np.stack(found)
    print(f"{len(values)} of {len(pairs)} pairs alike, percent of the inter-ocular distance, one label\n")
    print(f"{'':<14}{'along':>8}{'across':>8}{'rounding':>10}{'beyond 5 sigma':>16}")
    regions = {region.name: list(region.indices) for region in scheme.regions} | CORNERS.get(scheme.id, {})
    for name, indices in regions.items():
        along, across = (spread(values[:, indices, axis]) for axis in (0, 1))
        beyond = (np.abs(values[:, indices, 0]) > GROSS * np.sqrt(2) * along) | (
            np.abs(values[:, indices, 1]) > GROSS * np.sqrt(2) * across
        )
        rounding = values[:, indices, 2].mean()
        print(f"{name:<14}{along:>8.2%}{across:>8.2%}{rounding:>10.2%}{beyond.mean():>16.2%}")


def spread(values: FloatArray) -> float:
    """Robust standard deviation of one label out of differences (F, K) of two, after each point's own median."""
    centred = values - np.nanmedian(values, axis=0)
    return float(TO_SIGMA * np.nanmedian(np.abs(centred)) / np.sqrt(2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=10_000, help="pairs looked at")
    options = parser.parse_args()
    measure(options.data, options.limit)
