"""Forward and backward pass of the STAR loss on the processor, beside the reference's way of computing it, in one run.

    python benchmarks/star_loss.py [--batch 32] [--points 98] [--rounds 3]

The reference's way is written down here from the specification: four passes over every map, eigenvectors by
torch.linalg.eigh, everything left to autograd. Each way runs in processes of its own, under the allocator as it comes
and with large blocks kept; values and gradients of the two are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from torch import Tensor

WAYS = ("reference", "starmark")
ALLOCATORS = ("default", "large blocks kept")
REPEATS = 7


def reference_loss(heat: Tensor, target: Tensor) -> Tensor:
    """STAR v2 with smooth-L1 and weight 1 (specification section 13, steps 1 to 6), true eigenvectors."""
    import torch

    size = heat.shape[-1]
    axis = torch.linspace(-1, 1, size, dtype=heat.dtype)
    gy, gx = torch.meshgrid(axis, axis, indexing="ij")
    grid = torch.stack([gx, gy], dim=-1)
    weight = heat / heat.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-6)
    mean = (weight[..., None] * grid).sum(dim=(-3, -2))
    centred = grid - mean[:, :, None, None]
    v1 = weight.sum(dim=(-2, -1)) + 1e-5
    v2 = weight.square().sum(dim=(-2, -1)) + 1e-5
    covariance = torch.einsum("bnij,bnijk,bnijl->bnkl", weight, centred, centred) / (v1 - v2 / v1)[..., None, None]
    values, vectors = torch.linalg.eigh(covariance)
    error = (vectors.transpose(-1, -2) @ (target - mean)[..., None])[..., 0]
    squared = error.square()
    distance = torch.where(squared < 1e-4, 50 * squared, squared.clamp(min=1e-6).sqrt() - 0.005)
    return ((distance / (values + 1e-5).sqrt()).sum(dim=-1) + values.abs().sum(dim=-1)).mean()


def maps_and_target(batch: int, points: int) -> tuple[Tensor, Tensor]:
    """Heatmaps as a network makes them: a tilted blob each over a low floor, and targets near their middles."""
    import torch

    torch.manual_seed(0)
    axis = torch.linspace(-1, 1, 64)
    gy, gx = torch.meshgrid(axis, axis, indexing="ij")
    middle = torch.rand(batch, points, 2, 1, 1) * 1.2 - 0.6
    wide, tilt = 0.05 + 0.1 * torch.rand(2, batch, points, 1, 1).sort(dim=0).values, torch.rand(batch, points, 1, 1) * 3
    dx, dy = gx - middle[:, :, 0], gy - middle[:, :, 1]
    u, v = dx * tilt.cos() + dy * tilt.sin(), dy * tilt.cos() - dx * tilt.sin()
    blob = torch.exp(-0.5 * ((u / wide[1]).square() + (v / wide[0]).square()))
    heat = blob + 0.002 * torch.rand(batch, points, 64, 64)
    return heat, middle[..., 0, 0] + 0.03 * torch.randn(batch, points, 2)


def child(way: str, allocator: str, batch: int, points: int, keep: str) -> None:
    """Time one way; keeps value and gradient in the file `keep`."""
    import torch

    from core.model.allocator import keep_large_blocks
    from training.losses.star import star_v2

    if allocator != "default":
        keep_large_blocks()
    heat, target = maps_and_target(batch, points)
    loss = reference_loss if way == "reference" else star_v2
    heat.requires_grad_()
    times = []
    for _ in range(REPEATS + 1):
        heat.grad = None
        started = time.perf_counter()
        value = loss(heat, target)
        value.backward()
        times.append(time.perf_counter() - started)
    torch.save({"value": value.detach(), "gradient": heat.grad}, keep)
    print(json.dumps(times[1:]))


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--points", type=int, default=98)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        way, allocator, keep = args.child
        child(way, allocator, args.batch, args.points, keep)
        return
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for way in WAYS:
                for allocator in ALLOCATORS:
                    words = ["--child", way, allocator, str(Path(folder) / f"{way}.pt")]
                    words += ["--batch", str(args.batch), "--points", str(args.points)]
                    out = subprocess.check_output([sys.executable, __file__, *words], text=True, env=dict(os.environ))
                    times.setdefault((way, allocator), []).extend(json.loads(out.splitlines()[-1]))
        _compare(Path(folder), args.batch, args.points)
    base = statistics.median(times["reference", "default"])
    for (way, allocator), values in times.items():
        median = statistics.median(values)
        print(f"{way:<10} {allocator:<18} median {median:.3f} s  min {min(values):.3f}  {base / median:5.1f} x")


def _compare(folder: Path, batch: int, points: int) -> None:
    """Print how far both are from the reference's way in float64."""
    import torch

    heat, target = (values.double() for values in maps_and_target(batch, points))
    heat.requires_grad_()
    value = reference_loss(heat, target)
    value.backward()
    assert heat.grad is not None
    largest = heat.grad.abs().max()
    for way in WAYS:
        kept = torch.load(folder / f"{way}.pt", weights_only=True)
        gradient = (kept["gradient"] - heat.grad).abs().max() / largest
        off = abs(kept["value"] / value - 1)
        print(f"{way:<10} against float64: value {off:.1e}, gradient {gradient:.1e} of the largest")


if __name__ == "__main__":
    main()
