"""A short run of benchmarks/fuzz.py for every loader: the same inputs each time. By hand it runs longer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import fuzz as program
from benchmarks.fuzz import Figures, fuzz, try_input
from benchmarks.fuzz_inputs import make_input
from benchmarks.fuzz_seeds import JSON_FORMATS, SEEDS

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ("cvat", "dlib", "deeplabcut", "csv", "parquet")
COUNTS = {
    "images": 2500, "pts": 2500, "tsv": 800, "wflw": 400, "cofw": 400, "map": 400, "scheme": 1200, "config": 800,
    "rule": 800, "checkpoint": 120,
}  # fmt: skip
COUNTS |= dict.fromkeys(FORMATS, 300) | dict.fromkeys(JSON_FORMATS, 400)
PATIENCE = 60.0  # a busy machine is no hang


@pytest.mark.parametrize("loader", SEEDS)
def test_the_inputs_start_from_files_that_are_read(loader: str, tmp_path: Path) -> None:
    outcomes = [try_input(loader, seed, tmp_path) for seed in SEEDS[loader]()]
    # The last checkpoint is one of an old torch, which is told apart and refused.
    assert outcomes[:-1] == ["read"] * (len(outcomes) - 1)
    assert outcomes[-1] == ("refused" if loader == "checkpoint" else "read")


def test_inputs_follow_from_their_number() -> None:
    for loader in ("images", "pts", "tsv", "wflw", "cofw", "map", "scheme", "config", "rule"):
        assert [make_input(loader, n) for n in range(20)] == [make_input(loader, n) for n in range(20)]
        assert len({make_input(loader, n) for n in range(50)}) > 35


@pytest.mark.skipif(os.name == "nt", reason="measures with the resource module")
@pytest.mark.parametrize("loader", COUNTS)
def test_no_input_crashes_hangs_or_fills_the_memory(loader: str) -> None:
    figures = fuzz(loader, count=COUNTS[loader], hang=PATIENCE)
    assert figures.failures == []
    assert figures.inputs == COUNTS[loader]
    assert 0.02 * figures.inputs < figures.read < 0.9 * figures.inputs  # both ways are taken
    assert figures.peak_mb < 300


@pytest.mark.skipif(os.name == "nt", reason="measures with the resource module")
def test_failures_are_seen_kept_and_told(tmp_path: Path) -> None:
    """With loaders that fail in every way: the program that finds nothing must be one that could."""
    script = tmp_path / "broken.py"
    script.write_text(
        "import ctypes, sys, time\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from benchmarks import fuzz\n"
        "def broken(data, folder):\n"
        "    if data in fuzz.SEEDS['pts'](): return\n"  # which workers read to warm up
        "    way = sum(data) % 5\n"
        "    if way == 0: raise KeyError('x')\n"
        "    if way == 1: ctypes.string_at(0)\n"
        "    if way == 2:\n"
        "        while True: pass\n"
        "    if way == 3: b'x' * 400_000_000\n"
        "fuzz.LOADERS['pts'] = broken\n"
        "fuzz.__file__ = __file__\n"
        "raise SystemExit(fuzz.main())\n"
    )
    keep = tmp_path / "kept"
    command = [sys.executable, str(script), "--loader", "pts", "--count", "12", "--hang", "0.5", "--memory", "300"]
    done = subprocess.run(
        [*command, "--keep", str(keep)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 1, done.stderr
    for sign in ("KeyError", "the worker died (-11)", "hang: more than 0.5 s", "memory: "):
        assert sign in done.stdout
    kept = sorted(keep.iterdir())
    number = int(kept[0].name.rsplit("-", 1)[1])
    assert kept[0].read_bytes() == make_input("pts", number)


def test_figures_read_well() -> None:
    figures = Figures("pts", inputs=200, read=50, slowest=0.25, peak_mb=12.4, failures=[(3, "hang: 3 s"), (5, "x")])
    assert str(figures) == (
        "pts             200 inputs,  25 % readable; crashes 1, hangs 1, slowest 0.25 s, peak memory +12 MB"
    )
    assert set(program.LOADERS) == set(SEEDS)
