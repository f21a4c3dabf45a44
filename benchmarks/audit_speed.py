"""How quick is an audit, how much memory does it take, and what does a kill cost?

    python benchmarks/audit_speed.py DATA [--fresh 1000] [--faces 10000] [--model M] [--json OUT]

DATA is a folder of photos with .pts files beside them. All is measured on the real command, from its start to its end,
with a report, JSON and CSV written:

* fresh: some faces of DATA, nothing known of them: decoding, detecting, predicting, judging;
* killed: the same again, ended by kill -9 when half is done, and run once more. What was done is not done again, and
  the answer is that of the undisturbed run;
* kept: many faces (those of DATA again and again, under other names), all predictions in the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.face import Detection  # noqa: E402
from core.model.crops import crop_from_detection  # noqa: E402
from core.model.detections import DETECTOR_VERSION  # noqa: E402
from core.model.places import model_hash  # noqa: E402
from core.project import PredictionCache  # noqa: E402
from core.project.cache import image_key  # noqa: E402

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command: wall seconds, peak memory in MB, exit code (negative: killed)."""

    seconds: float
    peak_mb: float
    code: int


def links(photos: list[Path], folder: Path, count: int) -> list[tuple[Path, Path]]:
    """`count` photos with labels in `folder`, links to `photos` in turn; pairs of link and photo."""
    folder.mkdir()
    made = []
    for number in range(count):
        photo, turn = photos[number % len(photos)], number // len(photos)
        person, _, rest = photo.stem.rpartition("_")
        stem = f"{person}x{turn}_{rest}" if turn else photo.stem
        for source in (photo, photo.with_suffix(".pts")):
            (folder / f"{stem}{source.suffix}").symlink_to(source)
        made.append((folder / f"{stem}{photo.suffix}", photo))
    return made


def audit(folder: Path, cache: Path, out: Path, model: str | None, stop: Callable[[], bool] | None = None) -> Run:
    """Run the command to its end, or kill it as soon as `stop` says so."""
    words = [sys.executable, str(ROOT / "main.py"), "audit", "--dataset", str(folder), "--cache", str(cache), "--force"]
    words += ["-o", str(out / "report.html"), "--json", str(out / "audit.json"), "--csv", str(out / "audit.csv")]
    words += [] if model is None else ["--model", model]
    begin = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while stop is not None and process.poll() is None:
        if stop():
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(_POLL_S)
    if process.returncode is not None:
        return Run(time.perf_counter() - begin, float("nan"), process.returncode)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(time.perf_counter() - begin, usage.ru_maxrss / 1024, process.returncode)


def entries(cache: Path) -> int:
    """How many detections and predictions a cache holds; 0 where there is none yet."""
    try:
        with sqlite3.connect(f"file:{cache}?mode=ro", uri=True, timeout=5) as connection:
            return int(connection.execute("SELECT count(*) FROM entry").fetchone()[0])
    except sqlite3.Error:
        return 0


def answers(out: Path) -> Any:
    """Faces and verdicts of a run, without the names of folders."""
    data = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    return [face | {"image": Path(face["image"]).name} for face in data["faces"]]


def copy_known(known: Path, target: Path, pairs: list[tuple[Path, Path]], fresh: dict[str, Path], model: str) -> int:
    """Put what is known of photos under their links' names too; how many predictions."""
    count = 0
    with PredictionCache(known) as source, PredictionCache(target) as cache:
        for link, photo in pairs:
            old, new = image_key(fresh[photo.name]), image_key(link)
            found = source.get_detections(DETECTOR_VERSION, old) or []
            cache.put_detections(DETECTOR_VERSION, new, found)
            crops = [crop_from_detection(Detection(box, score, five)) for box, score, five in found]
            items = [(crop, source.get(model, old, crop)) for crop in crops]
            kept = [(model, new, crop, prediction) for crop, prediction in items if prediction is not None]
            cache.put_many(kept)
            count += len(kept)
    return count


def measure(data: Path, work: Path, fresh: int, faces: int, model: str | None) -> dict[str, Any]:
    """All figures."""
    photos = sorted(path for path in data.iterdir() if path.suffix != ".pts" and path.with_suffix(".pts").is_file())
    photos = photos[:: max(len(photos) // fresh, 1)][:fresh]
    report: dict[str, Any] = {"fresh faces": len(photos), "faces": faces, "cores": len(os.sched_getaffinity(0))}
    first, again, many = (work / name for name in ("first", "again", "many"))
    for out in (first, again, many):
        out.mkdir()
    small = links(photos, work / "small", len(photos))
    report["fresh"] = show("fresh", len(photos), audit(work / "small", work / "kept", first, model))

    whole = entries(work / "kept")
    killed = audit(work / "small", work / "second", again, model, lambda: entries(work / "second") > whole / 2)
    report["killed"], report["kept at the kill"] = asdict(killed), entries(work / "second") / whole
    report["after the kill"] = show("after a kill", len(photos), audit(work / "small", work / "second", again, model))
    report["same answer"] = answers(first) == answers(again)
    print(f"killed after {killed.seconds:.0f} s with {report['kept at the kill']:.0%} kept; ", end="")
    print("the same answer" if report["same answer"] else "ANOTHER ANSWER", flush=True)

    pairs = links(photos, work / "large", faces)
    known = model_hash(model)
    if known is None:
        raise SystemExit("give --model as a name or a .safetensors file")
    place = {photo.name: link for link, photo in small}
    report["predictions known"] = copy_known(work / "kept", work / "all", pairs, place, known)
    report["kept"] = show("all predictions kept", faces, audit(work / "large", work / "all", many, model))
    return report


def show(what: str, faces: int, run: Run) -> dict[str, float]:
    """Print a run's figures, and give them."""
    rate = faces / run.seconds
    print(f"{what}: {faces} faces in {run.seconds:.1f} s, {rate:.1f} faces/s, {run.peak_mb:.0f} MB at most, ", end="")
    print(f"exit code {run.code}", flush=True)
    return asdict(run) | {"faces per second": rate}


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fresh", type=int, default=1000)
    parser.add_argument("--faces", type=int, default=10_000)
    parser.add_argument("--model")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="audit-speed-"))
    try:
        report = measure(options.data.resolve(), work, options.fresh, options.faces, options.model)
    finally:
        shutil.rmtree(work)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
