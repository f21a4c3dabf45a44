"""Are synthetic faces shaped as real ones? python benchmarks/synthetic_shape.py FACES [--count N] [--plot FILE]

FACES is a folder of .pts files in 300W-68. Takes as many random synthetic shapes (geometry only, nothing is rendered)
and compares the two sets after a similarity Procrustes alignment of each face to the real mean: distances between the
mean shapes of faces seen from the front, region by region, spreads, and the modes of all shapes (principal components):
the angles between the two subspaces, and how much of the variance of real shapes the modes of synthetic shapes explain.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.face import FloatArray
from core.formats.pts import read_pts
from core.scheme import Scheme, get_scheme
from training.synthetic.heads import build_head
from training.synthetic.landmarks import face_landmarks
from training.synthetic.population import before_camera, sample_head, sample_view

FRONTAL = 0.05
"""How far aside of the middle between the eyes the tip of the nose may lie, in inter-ocular distances."""


def synthetic_shapes(count: int, seed: int) -> FloatArray:
    """(count, 68, 2) image px."""
    shapes = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        params, view = sample_head(rng), sample_view(rng, 512, 512)
        shapes.append(face_landmarks(build_head(before_camera(params, view, rng)), view, "300w-68").points)
    return np.array(shapes)


def asymmetry(shapes: FloatArray, scheme: Scheme) -> FloatArray:
    """(S,) where the tip of the nose is along the line of the eyes from their middle, in inter-ocular distances."""
    left, right = shapes[:, scheme.normalisers[0].left[0]], shapes[:, scheme.normalisers[0].right[0]]
    across = right - left
    return ((shapes[:, 30] - (left + right) / 2) * across).sum(axis=1) / (across**2).sum(axis=1)


def mirrored(shapes: FloatArray, scheme: Scheme) -> FloatArray:
    """(S, N, 2): the mirror images: few faces look straight ahead, and a set's habit is none of its people's."""
    return shapes[:, list(scheme.flip)] * [-1, 1]


def aligned(shapes: FloatArray, target: FloatArray) -> FloatArray:
    """(S, N, 2): each shape moved, turned and scaled to be nearest to `target` (Kendall; Gower, 1975)."""
    goal = target - target.mean(axis=0)
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(np.einsum("sni,nj->sij", centred, goal))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 1] *= sign[:, None]
    s[:, 1] *= sign
    scale = s.sum(axis=1) / (centred**2).sum(axis=(1, 2))
    return scale[:, None, None] * (centred @ (u @ vt))


def mean_shape(shapes: FloatArray, scheme: Scheme) -> FloatArray:
    """(N, 2): the Procrustes mean, upright, in inter-ocular distances."""
    mean = shapes[0]
    for _ in range(5):
        mean = aligned(shapes, mean).mean(axis=0)
    left, right = mean[scheme.normalisers[0].left[0]], mean[scheme.normalisers[0].right[0]]
    x, y = right - left
    turn = np.array([[x, -y], [y, x]]) / (x * x + y * y)
    return (mean - (left + right) / 2) @ turn


def modes(shapes: FloatArray, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Principal components (K, 2N) and their variances of shapes that are aligned to `mean`."""
    flat = (shapes - mean + mean.mean(axis=0)).reshape(len(shapes), -1)
    flat = flat - flat.mean(axis=0)
    _, s, vt = np.linalg.svd(flat, full_matrices=False)
    return vt, s**2 / len(flat)


def compare(real: FloatArray, synthetic: FloatArray, scheme: Scheme, kept: int) -> tuple[FloatArray, FloatArray]:
    """Print the tables; the two frontal mean shapes, aligned to each other, in inter-ocular distances."""
    fronts = [shapes[np.abs(asymmetry(shapes, scheme)) < FRONTAL] for shapes in (real, synthetic)]
    counts = [len(front) for front in fronts]
    fronts = [np.concatenate([front, mirrored(front, scheme)]) for front in fronts]
    target = mean_shape(fronts[0], scheme)
    target -= target.mean(axis=0)
    both = [aligned(front, target) for front in fronts]
    means = [shapes.mean(axis=0) for shapes in both]
    distance = 100 * np.linalg.norm(means[0] - means[1], axis=1)
    spread = [100 * np.sqrt(shapes.var(axis=0).sum(axis=1)) for shapes in both]
    print(f"frontal faces and their mirror images: {counts[0]} real, {counts[1]} synthetic; % of the eye distance\n")
    print(f"{'':<14}{'means apart':>13}{'largest':>9}{'spread, real':>15}{'synthetic':>11}")
    for region in scheme.regions:
        at = list(region.indices)
        print(f"{region.name:<14}{_row(distance[at], spread[0][at], spread[1][at])}")
    print(f"{'all':<14}{_row(distance, *spread)}\n")
    _compare_modes(real, synthetic, scheme, kept)
    return means[0], means[1]


def _row(distance: FloatArray, real: FloatArray, synthetic: FloatArray) -> str:
    return f"{distance.mean():13.1f}{distance.max():9.1f}{real.mean():15.1f}{synthetic.mean():11.1f}"


def _compare_modes(real: FloatArray, synthetic: FloatArray, scheme: Scheme, kept: int) -> None:
    target = mean_shape(real, scheme)
    basis, variance = zip(*(modes(aligned(shapes, target), target) for shapes in (real, synthetic)), strict=True)
    covariance = (basis[0].T * variance[0]) @ basis[0]
    total = variance[0].sum()
    print(f"all faces: {len(real)} real, {len(synthetic)} synthetic")
    print(f"variance {total:.3f} and {variance[1].sum():.3f} squared inter-ocular distances\n")
    print("real variance in the first modes of real and of synthetic faces; angles between the two, degrees")
    for count in range(1, kept + 1):
        own = variance[0][:count].sum() / total
        other = np.trace(basis[1][:count] @ covariance @ basis[1][:count].T) / total
        cosines = np.linalg.svd(basis[0][:count] @ basis[1][:count].T, compute_uv=False)
        angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
        print(f"{count:>6}{own:>10.3f}{other:>10.3f}    {' '.join(f'{angle:.0f}' for angle in angles)}")


def draw(means: tuple[FloatArray, FloatArray], scheme: Scheme, path: Path) -> None:
    """Save the two mean shapes over each other: real green, synthetic red."""
    canvas = np.full((900, 900, 3), 255, np.uint8)
    for points, colour in zip(means, ((0, 140, 0), (0, 0, 220)), strict=True):
        place = np.round(points * 420 + 450).astype(int)
        for region in scheme.regions:
            line = place[list(region.indices)].reshape(-1, 1, 2)
            cv2.polylines(canvas, [line], region.closed, colour, 1, cv2.LINE_AA)
        for x, y in place:
            cv2.circle(canvas, (int(x), int(y)), 4, colour, -1, cv2.LINE_AA)
    for row, (word, colour) in enumerate((("real", (0, 140, 0)), ("synthetic", (0, 0, 220)))):
        cv2.putText(canvas, word, (20, 40 + 32 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, 2, cv2.LINE_AA)
    cv2.imwrite(str(path), canvas)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, help="a folder with .pts files of 68 points")
    parser.add_argument("--count", type=int, default=1000, help="synthetic shapes (default 1000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--modes", type=int, default=8, help="how many modes are compared (default 8)")
    parser.add_argument("--plot", type=Path, help="save a picture of the two mean shapes")
    chosen = parser.parse_args()
    scheme = get_scheme("300w-68")
    real = np.array([read_pts(path) for path in sorted(chosen.faces.glob("*.pts"))])
    start = time.perf_counter()
    synthetic = synthetic_shapes(chosen.count, chosen.seed)
    taken = 1000 * (time.perf_counter() - start) / chosen.count
    means = compare(real, synthetic, scheme, chosen.modes)
    print(f"\n{taken:.0f} ms a synthetic shape")
    if chosen.plot:
        draw(means, scheme, chosen.plot)


if __name__ == "__main__":
    main()
