"""How fast faces are rendered, and whether the same seed gives the same ones: here, again, and on another renderer.

    python benchmarks/synthesis.py [--faces 12] [--size 512] [--jobs 2] [--other softpipe]

It prints faces a second of one process and of several, compares two runs byte by byte, and, if --other names another
driver of Mesa, the pictures that this one draws (with supersampling, which drivers do alike) and the labels.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.synthetic.dataset import IMAGES, render_dataset
from training.synthetic.photograph import take_photograph
from training.synthetic.plan import RenderPlan
from training.synthetic.render import Renderer

ROOT = Path(__file__).resolve().parents[1]
_STARTED = 2
"""Faces a process before the clock starts: programs are compiled, the head is read."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=12)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--other", metavar="DRIVER", help="GALLIUM_DRIVER to compare with, such as softpipe")
    parser.add_argument("--draw", metavar="OUT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    plan = RenderPlan(args.faces, 1, seed=7, size=args.size)
    if args.draw:
        draw(plan, Path(args.draw))
        return 0
    one_process(plan)
    several(plan, args.jobs)
    if args.other:
        compare(plan, args)
    return 0


def one_process(plan: RenderPlan) -> None:
    """Faces a second of one process, and whether a second run gives the same bytes."""
    faces = list(plan.faces())
    with Renderer() as renderer:
        print(f"renderer: {renderer.driver}")
        for face in faces[:_STARTED]:
            take_photograph(plan, *face, renderer)
        begin, cpu = time.perf_counter(), time.process_time()
        first = [take_photograph(plan, *face, renderer).jpeg() for face in faces]
        wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    with Renderer() as renderer:
        again = [take_photograph(plan, *face, renderer).jpeg() for face in reversed(faces)][::-1]
    rate = len(faces) / wall
    print(f"one process: {rate:.2f} faces/s, {wall / len(faces):.3f} s a face ({cpu / len(faces):.3f} s of processor)")
    print(f"a second run, in the reverse order: {sum(a == b for a, b in zip(first, again, strict=True))} of "
          f"{len(faces)} files are the same, byte for byte")  # fmt: skip


def several(plan: RenderPlan, jobs: int) -> None:
    """Faces a second of the command as users run it, its start included."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        count = render_dataset(plan, Path(folder) / "set", jobs=jobs)
        wall = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in (Path(folder) / "set" / IMAGES).iterdir())
    print(f"{jobs} processes, start included: {count / wall:.2f} faces/s; {size / count / 1024:.0f} kB a face; "
          f"10,000 faces in {10_000 * wall / count / 3600:.1f} h at most")  # fmt: skip


def draw(plan: RenderPlan, out: Path) -> None:
    """Pictures and points of a plan with supersampling, into an archive."""
    with Renderer(samples=1) as renderer:
        driver = renderer.driver
        taken = [take_photograph(plan, *face, renderer) for face in plan.faces()]
        np.savez(
            out,
            driver=driver,
            pixels=np.stack([one.pixels for one in taken]),
            points=np.stack([one.truth["wflw-98"].points for one in taken]),
            covered=np.stack([one.truth["wflw-98"].covered for one in taken]),
        )


def compare(plan: RenderPlan, args: argparse.Namespace) -> None:
    """The same plan drawn by this driver and by another one."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("", args.other):
            out = Path(folder) / f"{name or 'own'}.npz"
            command = [sys.executable, __file__, "--faces", str(args.faces), "--size", str(args.size)]
            command += ["--draw", str(out)]
            more = {"GALLIUM_DRIVER": name, "LIBGL_ALWAYS_SOFTWARE": "1"} if name else {}
            subprocess.run(command, env=os.environ | more, check=True)
            with np.load(out) as data:
                found.append({key: data[key] for key in data.files})
    own, other = found
    off = np.abs(own["pixels"].astype(int) - other["pixels"].astype(int))
    most, nearly_all = np.percentile(off, (99, 99.9))
    print(f"{other['driver']} against {own['driver']}: levels of 255 apart: mean {off.mean():.3f}, 99 % within "
          f"{most:.0f}, 99.9 % within {nearly_all:.0f}, largest {off.max()}")  # fmt: skip
    apart = float(np.abs(own["points"] - other["points"]).max())
    print(f"labels {apart:.1e} px apart at most; of {own['covered'].size} points "
          f"{int((own['covered'] != other['covered']).sum())} are covered in one and not in the other")  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
