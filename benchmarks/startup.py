"""How long a start takes: `python benchmarks/startup.py [PHOTO...]` prints medians and spread in ms.

Starts the real program (`main.py`, hand-over to its environment included) under a virtual display, or offscreen where
there is none, with a home folder of its own, and measures from the start of the process to

* painted: the window has painted itself,
* photo: the last project is open again and the photo of the last time is on screen,
* ellipses: so are the predicted ellipses,
* ready: the model is loaded, and the next prediction needs nothing but its own time.

"first" opens the photos in an empty home with nothing compiled, "again" is any later start, and "uncached" a later
start whose predictions have been deleted, so that its ellipses are computed. "stall" is the longest time in which the
window did not answer. Without photos, the program's own test picture is opened.

With --sample it starts in turns with the photos ("photos") and with the sample ("sample"), each time for a user who has
nothing yet, so that the sample is copied and its project made; the program is compiled before.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROBE = Path(__file__).resolve().parent / "startup_probe"
PHASES = ("python", "qt_loaded", "window_imported", "window_begun", "window_made", "painted", "opened", "photo")
SHOWN = (*PHASES, "ellipses", "ready")
PATIENCE_S = 180
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")

Times = dict[str, float]


def run_once(command: Sequence[str], home: Path, **more: str) -> tuple[Times, str]:
    """One start: seconds from process start to each milestone, and what it wrote on stderr."""
    log = home / "probe.log"
    log.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "STARMARK_HOME": str(home / "starmark"),
        "STARMARK_PROBE": str(log),
        "PYTHONPATH": str(PROBE),
        "PYTHONPYCACHEPREFIX": str(home / "compiled"),  # nothing is compiled before the first start, all after it
        **more,
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, cwd=home)
    if done.returncode:
        raise SystemExit(f"the program ended with {done.returncode}:\n{done.stderr[-3000:]}")
    times: Times = {}
    for line in log.read_text(encoding="ascii").splitlines():
        name, value = line.split()
        times[name] = float(value) - (0 if name == "stall" else started)  # of two Pythons the second counts
    return times, done.stderr


def report(title: str, runs: list[Times]) -> None:
    """Medians and ranges, one line a milestone."""
    print(f" {title} ({len(runs)} starts), ms: median [least..most]")
    for name in (*SHOWN, "stall"):
        values = [1000 * times[name] for times in runs if name in times]
        if values:
            print(f"  {name:<16} {statistics.median(values):7.0f}  [{min(values):.0f}..{max(values):.0f}]")


def import_digest(stderr: str, least_ms: float, before: str) -> list[str]:
    """The costliest imports of a start under -X importtime up to its first paint, with what they brought along."""
    rows = []
    for line in stderr.split(f"import time: {before}")[0].splitlines():
        match = _IMPORT.match(line)
        if match and int(match[2]) >= 1000 * least_ms:
            rows.append((int(match[2]) / 1000, int(match[1]) / 1000, len(match[3]) // 2, match[4]))
    return [f"  {whole:7.1f} {own:7.1f}  {'. ' * depth}{name}" for whole, own, depth, name in reversed(rows)]


@contextmanager
def display() -> Iterator[str]:
    """A screen for the program, and its name."""
    if shutil.which("Xvfb") is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield "offscreen"
        return
    reads, writes = os.pipe()
    words = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(words, pass_fds=[writes], stderr=subprocess.DEVNULL) as server:
        os.close(writes)
        with os.fdopen(reads) as answer:
            os.environ["DISPLAY"] = f":{answer.readline().strip()}"
        os.environ.pop("QT_QPA_PLATFORM", None)
        os.environ.pop("WAYLAND_DISPLAY", None)
        try:
            yield f"Xvfb {os.environ['DISPLAY']}"
        finally:
            server.terminate()


def photos_of(given: list[Path], home: Path) -> Path:
    """A folder with the photos given, or with the program's own."""
    folder = home / "photos"
    folder.mkdir()
    for path in given or [ROOT / "resources" / "models" / "probe.jpg"]:
        shutil.copy(path, folder)
    return folder


def forget_predictions(home: Path) -> None:
    """Delete what earlier starts predicted."""
    for path in (home / "starmark").rglob("*.starmark-cache*"):
        path.unlink()


class Subject:
    """One program to start, with a home of its own and what was measured of it."""

    def __init__(self, main_file: Path, home: Path, photos: list[Path]) -> None:
        home.mkdir()
        self.command = [sys.executable, str(main_file)]
        self.home = home
        self.folder = photos_of(photos, home)
        self.runs: dict[str, list[Times]] = {kind: [] for kind in ("first", "again", "uncached", "photos", "sample")}

    def start(self, kind: str) -> None:
        """Start it once more."""
        if kind == "uncached":
            forget_predictions(self.home)
        if kind in ("photos", "sample"):
            shutil.rmtree(self.home / "starmark", ignore_errors=True)
        words = {"first": [str(self.folder)], "photos": [str(self.folder)], "sample": ["--sample"]}.get(kind, [])
        self.runs[kind].append(run_once([*self.command, *words], self.home)[0])

    def report(self) -> None:
        """Print all."""
        print(f"\n{' '.join(self.command)}")
        for kind, runs in self.runs.items():
            if runs:
                report(kind, runs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="*", type=Path, help="pictures to open (default: the program's own)")
    parser.add_argument("--runs", type=int, default=7, help="starts of each kind (default: 7)")
    parser.add_argument("--sample", action="store_true", help="compare a start with the sample to one with photos")
    parser.add_argument("--against", type=Path, metavar="MAIN", help="main.py of another checkout, started in turns")
    parser.add_argument("--imports", type=float, metavar="MS", help="also list imports that take this long, or longer")
    parser.add_argument("--until", default="painted", choices=("painted", "end"), help="... before this milestone")
    args = parser.parse_args()
    photos = [path.resolve() for path in args.photos]
    with tempfile.TemporaryDirectory() as place, display() as screen:
        print(f"{len(os.sched_getaffinity(0))} cores, {screen}")
        files = [file.resolve() for file in (args.against, ROOT / "main.py") if file is not None]
        subjects = [Subject(file, Path(place) / f"home {i}", photos) for i, file in enumerate(files)]
        turns = ["first"] + ["again"] * args.runs + ["uncached"] * args.runs
        if args.sample:
            turns = ["first"] + ["photos", "sample"] * args.runs
        for kind in turns:
            for subject in subjects:
                subject.start(kind)
        for subject in subjects:
            subject.report()
        if args.imports is not None:
            _, said = run_once(subjects[-1].command, subjects[-1].home, PYTHONPROFILEIMPORTTIME="1")
            print("\nimports, ms with what they import, and alone; by end, latest first")
            print("\n".join(import_digest(said, args.imports, args.until)))


if __name__ == "__main__":
    main()
