"""How good can a model look on these labels? python benchmarks/noise_floor.py DATA [--least 0.98]

Takes pairs of pictures of one person that are almost the same picture: laid over one another by an affine map that only
looks at pixels (OpenCV's ECC), their correlation is at least `--least`. What then still differs between their labels is
the labels' own noise. The mean length of one label's noise is the mean difference over sqrt(2), for noise that is alike
and independent in both; what both have in common (a shift of all labels, a wrong habit, a tracker's memory) is not
seen, so that this is a lower bound for the NME of any model on such labels. "Of shape": without what a similarity
between the two labels explains.

Beside it: what rounding to whole pixels alone makes (the mean distance of a uniform point of a pixel from its centre,
0.3826 px). NME by outer eye corners, 95 % intervals from drawing people.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.errors import StarmarkError
from core.face import ByteArray, FloatArray
from core.formats.base import LabelledFace
from core.formats.registry import read_dataset
from core.images import read_image
from core.metrics import bootstrap_interval
from core.scheme import get_scheme
from core.similarity import similarity
from core.transforms import apply, crop_from_points, warp_matrix
from training.split import groups_of

SIDE = 96
"""Pixels of a face's picture as it is compared."""
FACTOR = 1.1
MOST_PAIRS = 60
ROUNDING_PX = 0.3826
_MARGIN = 8


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """Differences (N,) of two labels over the eyes' distance, once the pictures lie over one another.

    `settled` also without what a similarity between the two labels explains.
    """

    person: str
    correlation: float
    difference: FloatArray
    settled: FloatArray


def picture(face: LabelledFace) -> tuple[ByteArray, FloatArray]:
    """(SIDE, SIDE) grey picture of a face, and its points in that."""
    matrix = crop_from_points(face.label.points, FACTOR).matrix(SIDE)
    grey = cv2.cvtColor(warp_matrix(read_image(face.image), matrix, SIDE, antialias=True), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.uint8), apply(matrix, face.label.points)


def compare(person: str, one: tuple[ByteArray, FloatArray], two: tuple[ByteArray, FloatArray]) -> Pair | None:
    """None where the pictures cannot be laid over one another."""
    (first, a), (second, b) = one, two
    start = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-5)
    try:
        _, warp = cv2.findTransformECC(first, second, start, cv2.MOTION_AFFINE, criteria, None, 5)
    except cv2.error:
        return None
    back = cv2.warpAffine(second, warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    inner = slice(_MARGIN, -_MARGIN)
    correlation = float(np.corrcoef(first[inner, inner].ravel(), back[inner, inner].ravel())[0, 1])
    forward = np.vstack([warp, [0, 0, 1]]).astype(np.float64)  # from the first picture to the second
    moved = apply(np.linalg.inv(forward), b)
    eyes = float(np.linalg.norm(a[36] - a[45]))
    laid = similarity(moved, a)
    if laid is None:
        return None
    return Pair(
        person, correlation,
        np.linalg.norm(moved - a, axis=1) / eyes,
        np.linalg.norm(laid(moved) - a, axis=1) / eyes,
    )  # fmt: skip


def pairs_of(faces: Sequence[LabelledFace]) -> list[Pair]:
    """Pairs of pictures of the same person."""
    people: dict[str, list[LabelledFace]] = defaultdict(list)
    for face, person in zip(faces, groups_of([face.image for face in faces]), strict=True):
        people[person].append(face)
    found = []
    for person, theirs in people.items():
        try:
            pictures = [picture(face) for face in theirs]
        except StarmarkError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        for i, j in list(combinations(range(len(pictures)), 2))[:MOST_PAIRS]:
            pair = compare(person, pictures[i], pictures[j])
            if pair is not None:
                found.append(pair)
    return found


def main(data: Path, least: float) -> None:
    """Print the table."""
    faces = read_dataset(data).faces
    scheme = get_scheme(faces[0].label.scheme)
    eyes = np.array([scheme.norm_distance(face.label.points) for face in faces])
    pairs = pairs_of(faces)
    print(f"{len(faces)} faces, {len(pairs)} pairs of the same person, eyes {np.median(eyes):.0f} px apart (median)")
    print(f"rounding to whole pixels: NME {100 * float(np.mean(ROUNDING_PX / eyes)):.2f} %\n")
    print(f"{'correlation from':>17} {'pairs':>6} {'people':>7}   NME of one label's noise, 95 % interval    of shape")
    for bound in (0.9, 0.95, least, 0.99):
        chosen = [pair for pair in pairs if pair.correlation >= bound]
        people = [pair.person for pair in chosen]
        if len(set(people)) < 2:
            print(f"{bound:>17g} {len(chosen):>6}   too few")
            continue
        cells = []
        for values in ([p.difference for p in chosen], [p.settled for p in chosen]):
            noise = 100 * np.mean(values, axis=1) / np.sqrt(2)
            interval = bootstrap_interval(noise, people, "mean")
            cells.append(f"{noise.mean():.2f} % ({interval.low:.2f} to {interval.high:.2f})")
        print(f"{bound:>17g} {len(chosen):>6} {len(set(people)):>7}   {cells[0]:<43}{cells[1]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--least", type=float, default=0.98, help="correlation from which two pictures count as one")
    args = parser.parse_args()
    main(args.data, args.least)
