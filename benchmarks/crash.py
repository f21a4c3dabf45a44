"""Try to lose work: kill programs at random moments, cut the power, flip bytes; count what is lost.

Every figure should be 0 but those of what was tried. Takes the time it is given, on one core and the disk of --folder.
The power cuts are simulated from recordings of every write and sync (Linux only).

Example: python benchmarks/crash.py --kills 300 --states 3000 --flips 1000
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.errors import StarmarkError
from core.project import sqlite
from tests.core.project.crash_writer import KINDS
from tests.core.project.flips import Sound
from tests.core.project.kills import Kills
from tests.core.project.torn_check import check, cuts, record

REFRESH = 25
"""Kills until a fresh project is begun, since one that grows for ever is slow to check."""


class Faults:
    """What went wrong: acknowledged things lost, files that cannot be opened, and anything else."""

    def __init__(self) -> None:
        self.lost = self.unopenable = self.other = 0

    def of(self, what: str, call: Callable[[], object]) -> bool:
        """Whether `call` went well; said on the screen where it did not."""
        try:
            call()
        except AssertionError as error:
            self.lost += 1
            print(f"LOST, {what}: {error}", flush=True)
            traceback.print_exc()
        except StarmarkError as error:
            self.unopenable += 1
            print(f"UNOPENABLE, {what}: {error}", flush=True)
        except Exception as error:
            self.other += 1
            print(f"{type(error).__name__}, {what}: {error}", flush=True)
        else:
            return True
        return False

    def line(self) -> str:
        return f"{self.lost} losses, {self.unopenable} unopenable files, {self.other} other errors"


def kill_all(folder: Path, count: int, kinds: Sequence[str], seed: int, until: float) -> Faults:
    faults = Faults()
    for kind in kinds:
        done = acknowledged = 0
        kills: Kills | None = None
        begin = time.perf_counter()
        while done < -(-count // len(kinds)) and time.perf_counter() < until:
            if kills is None or done % REFRESH == 0:
                acknowledged += 0 if kills is None else kills.acknowledged
                place = folder / f"{kind}-{done}"
                place.mkdir()
                kills = Kills.prepared(place, random.Random(f"{seed} {kind} {done}"))
            number = seed * 100_000 + done + 1
            if not faults.of(f"{kind}, kill {done}", lambda k=kills, n=number, kind=kind: k.run(kind, n)):
                kills = None
            done += 1
        acknowledged += 0 if kills is None else kills.acknowledged
        seconds = time.perf_counter() - begin
        print(f"{kind:12} {done:5} kills, {acknowledged:6} acknowledgements looked up, {seconds:.0f} s", flush=True)
    return faults


def cut_power(folder: Path, count: int, seed: int, until: float) -> Faults:
    faults = Faults()
    recordings = record(folder)
    if recordings is None:
        print("power cuts: left out, Python's SQLite cannot be reached")
        return faults
    usual = sqlite.is_network
    for story, recording in recordings.items():
        done = 0
        for cut in cuts(recording, seed, -(-count // len(recordings))):
            if time.perf_counter() > until:
                break
            sqlite.is_network = lambda _, share=cut.number % 2: bool(share)
            faults.of(f"{story}, moment {cut.moment}", lambda cut=cut: check(cut, folder / "cut"))
            shutil.rmtree(folder / "cut", ignore_errors=True)
            done += 1
        print(f"{story:12} {done:5} states of the disk after a power cut, {len(recording[2])} moments", flush=True)
    sqlite.is_network = usual
    return faults


def flip_bytes(folder: Path, count: int, seed: int, until: float) -> Faults:
    faults = Faults()
    sound, chance = Sound.made(folder), random.Random(seed)
    outcomes: Counter[str] = Counter()
    path = folder / "flipped.starmark"
    for number in range(count):
        if time.perf_counter() > until:
            break
        path.write_bytes(sound.flipped(chance))
        faults.of(f"flip {number}", lambda: outcomes.update([sound.outcome(path)]))
        for left in folder.glob("flipped.starmark*"):
            left.unlink()
    print(f"flipped bytes {outcomes.total():4} files: " + ", ".join(f"{n} {what}" for what, n in outcomes.items()))
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = [*KINDS, "restores"]
    parser.add_argument("--kills", type=int, default=60, help="kill -9 in all (60)")
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds, help="what is killed (all)")
    parser.add_argument("--states", type=int, default=600, help="states after power cuts, in all (600)")
    parser.add_argument("--flips", type=int, default=200, help="files with flipped bytes (200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after that long (no limit)")
    parser.add_argument("--folder", type=Path, help="where to work (the system's temporary folder)")
    chosen = parser.parse_args()
    until = time.perf_counter() + chosen.seconds
    total = 0
    with tempfile.TemporaryDirectory(dir=chosen.folder) as place:
        for name, count, run in (
            ("kills", chosen.kills, lambda f, n: kill_all(f, n, chosen.kinds, chosen.seed, until)),
            ("power cuts", chosen.states, lambda f, n: cut_power(f, n, chosen.seed, until)),
            ("flips", chosen.flips, lambda f, n: flip_bytes(f, n, chosen.seed, until)),
        ):
            if count:
                folder = Path(place, name)
                folder.mkdir()
                faults = run(folder, count)
                print(f"{name}: {faults.line()}", flush=True)
                total += faults.lost + faults.unopenable + faults.other
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
