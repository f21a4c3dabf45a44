"""From image files to ellipses with the bundled model: one photo at a time, and a folder in a row.

    python benchmarks/photo_speed.py PHOTOS [--limit 60] [--folder 300] [--flat 10000] [--json OUT]

PHOTOS is a folder of face photos. One at a time: file -> decode -> detect -> crop -> network -> mean and covariance in
image px, medians by step, for the photos as they are and enlarged to 12 megapixels (JPEG). A folder in a row: the
pipeline that the command line and the window use, on all cores, images per second. `--flat N` predicts N images,
repeating the photos where there are fewer, and tells the peak memory at points on the way.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from core.images import find_images  # noqa: E402
from core.model.allocator import keep_large_blocks  # noqa: E402
from core.model.crops import crop_from_detection  # noqa: E402
from core.model.detector import FaceDetector  # noqa: E402
from core.model.device import choose_device  # noqa: E402
from core.model.library import load_model  # noqa: E402
from core.model.photo import Photo  # noqa: E402
from core.model.pipeline import ImageRequest, predict_images, share_cores  # noqa: E402
from core.model.predictor import Predictor  # noqa: E402

STEPS = ("decode", "detect", "crop", "network", "all")
LARGE = (4000, 3000)
WARM_UP = 5


def one_photo(path: Path, predictor: Predictor, detector: FaceDetector) -> tuple[list[float], int]:
    """Seconds of each step, and the number of faces."""
    marks = [time.perf_counter()]
    photo = Photo(path)
    photo.reduced()
    marks.append(time.perf_counter())
    detections = photo.detect(detector)
    marks.append(time.perf_counter())
    cuts = [predictor.cut(photo, crop_from_detection(found)) for found in detections]
    marks.append(time.perf_counter())
    predictor.predict_cuts(cuts)
    marks.append(time.perf_counter())
    return [later - earlier for earlier, later in itertools.pairwise(marks)] + [marks[-1] - marks[0]], len(cuts)


def enlarged(paths: list[Path], folder: Path) -> list[Path]:
    """Copies of 12 megapixels, the photo filling the height."""
    made = []
    for number, path in enumerate(paths):
        with Image.open(path) as picture:
            whole = picture.convert("RGB")
        height = LARGE[1]
        whole = whole.resize((round(whole.width * height / whole.height), height), Image.Resampling.BICUBIC)
        canvas = Image.new("RGB", LARGE, (110, 100, 90))
        canvas.paste(whole, ((LARGE[0] - whole.width) // 2, 0))
        made.append(folder / f"{number}.jpg")
        canvas.save(made[-1], quality=92)
    return made


def table(title: str, paths: list[Path], predictor: Predictor, detector: FaceDetector) -> dict[str, Any]:
    """Print the medians of one kind of photo."""
    for path in paths[:WARM_UP]:
        one_photo(path, predictor, detector)
    rows = [one_photo(path, predictor, detector) for path in paths]
    medians = [statistics.median(times[i] for times, _ in rows) * 1000 for i in range(len(STEPS))]
    ninety = statistics.quantiles([times[-1] for times, _ in rows], n=10)[-1] * 1000
    parts = ", ".join(f"{name} {value:.1f}" for name, value in zip(STEPS, medians, strict=True))
    faces = sum(count for _, count in rows) / len(rows)
    print(f"{title}: {parts} ms (median of {len(rows)}), 90 % within {ninety:.1f} ms, {faces:.2f} faces a photo")
    return {"title": title, "steps_ms": dict(zip(STEPS, medians, strict=True)), "p90_ms": ninety, "photos": len(rows)}


def in_a_row(paths: list[Path], predictor: Predictor, detector: FaceDetector) -> dict[str, Any]:
    """Print the throughput of the pipeline."""
    started = time.perf_counter()
    faces = sum(len(result.faces) for result in predict_images(map(ImageRequest, paths), predictor, detector))
    seconds = time.perf_counter() - started
    print(f"{len(paths)} photos in a row: {len(paths) / seconds:.1f} photos/s ({faces} faces, {seconds:.1f} s)")
    return {"photos": len(paths), "seconds": seconds}


def flat(paths: list[Path], count: int, predictor: Predictor, detector: FaceDetector) -> dict[str, Any]:
    """Print the process's memory while it predicts many photos."""
    requests: Iterator[ImageRequest] = map(ImageRequest, itertools.islice(itertools.cycle(paths), count))
    marks = {max(1, round(count * share)): 0.0 for share in (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)}
    started = time.perf_counter()
    for done, _ in enumerate(predict_images(requests, predictor, detector), 1):
        if done in marks:
            marks[done] = _resident_mb()
    seconds = time.perf_counter() - started
    print(f"memory over {count} photos ({count / seconds:.1f} photos/s): ", end="")
    print(", ".join(f"{mb:.0f} MB after {done}" for done, mb in marks.items()), f"; peak {_peak_mb():.0f} MB")
    return {"photos": count, "resident_mb": marks, "peak_mb": _peak_mb()}


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--limit", type=int, default=60, help="photos taken one at a time")
    parser.add_argument("--folder", type=int, default=300, help="photos in a row")
    parser.add_argument("--flat", type=int, default=0, help="photos for the memory figure")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    keep_large_blocks()
    paths = find_images([args.photos])
    spread = paths[:: max(1, len(paths) // args.limit)][: args.limit]
    device = choose_device("cpu")
    predictor, detector = Predictor(load_model(None, device), device), FaceDetector()
    found = [table("as they are", spread, predictor, detector)]
    with tempfile.TemporaryDirectory() as folder:
        large = enlarged(spread[:20], Path(folder))
        found.append(table("12 megapixels", large, predictor, detector))
        share_cores(predictor)  # as the command line does before many photos
        found.append(in_a_row(large * 3, predictor, detector))
    found.append(in_a_row(paths[: args.folder], predictor, detector))
    if args.flat:
        found.append(flat(paths, args.flat, predictor, detector))
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
