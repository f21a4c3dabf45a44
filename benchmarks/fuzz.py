"""Feed spoilt files to the loaders: python benchmarks/fuzz.py --seconds 60 --loader images|pts|tsv|...|all

Each input is read in a worker process. A failure is an error that is no StarmarkError or takes more than one line, a
worker that dies, one that takes longer than --hang, or one that takes more memory than --memory. Failing inputs are
kept in --keep; `--again LOADER NUMBER` runs one of them in this process. Exit code 1 after any failure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fuzz_inputs import make_input  # noqa: E402
from benchmarks.fuzz_seeds import SEEDS  # noqa: E402
from core.errors import StarmarkError  # noqa: E402

MAX_PIXELS = 16_000_000
"""For images: a picture of the largest size that is read takes seconds, and rightly so."""

Loader = Callable[[bytes, Path], object]


def _images(data: bytes, folder: Path) -> object:
    from core.images import ImageLimits, probe_image, read_image_bytes, read_reduced, read_thumbnail

    limits = ImageLimits(max_pixels=MAX_PIXELS)
    path = folder / "input"
    path.write_bytes(data)
    info = probe_image(path, limits=limits)
    shape = read_image_bytes(data, str(path), limits=limits).shape
    if shape != (info.height, info.width, 3):
        raise AssertionError(f"{shape} is not the size that the header says, {info}")
    reduced = read_reduced(data, str(path), 5, limits=limits)
    if (reduced.width, reduced.height) != (info.width, info.height):
        raise AssertionError(f"{reduced.width} x {reduced.height} is not the size that the header says, {info}")
    return read_thumbnail(path, 9, limits=limits)


def _pts(data: bytes, _folder: Path) -> object:
    from core.formats.pts import format_pts, parse_pts

    return format_pts(parse_pts(data, "input"))


def _tsv(data: bytes, folder: Path) -> object:
    from core.formats.base import ReadOptions
    from core.formats.star_tsv import FormatStarTsv

    (folder / "a").mkdir(exist_ok=True)
    for name in ("a/0.png", "q.png"):
        if not (folder / name).exists():
            (folder / name).write_bytes(SEEDS["images"]()[9])
    path = folder / "input.tsv"
    path.write_bytes(data)
    return FormatStarTsv().read(path, ReadOptions())


def _of_format(name: str, suffix: str) -> Loader:
    """The loader of one annotation format, with the images that its seeds name."""

    def load(data: bytes, folder: Path) -> object:
        from core.formats import detect_format
        from core.formats.base import ReadOptions
        from core.formats.registry import FORMATS

        (folder / "a").mkdir(exist_ok=True)
        for image in ("a/0.png", "q.png", "input.png"):
            if not (folder / image).exists():
                (folder / image).write_bytes(SEEDS["images"]()[9])
        path = folder / f"input{suffix}"
        path.write_bytes(data)
        with contextlib.suppress(StarmarkError):
            detect_format(path)
        result = FORMATS[name].read(path, ReadOptions())
        json.dumps([dict(face.extras) for face in result.faces], allow_nan=False)  # as a project keeps them
        return result

    return load


def _cofw(data: bytes, folder: Path) -> object:
    import shutil

    from core.formats import cofw
    from core.formats.base import ReadOptions
    from core.scheme import get_scheme

    # In this process, not in one of its own as in the program: a death of the worker is one that it would contain.
    path = folder / "input.mat"
    path.write_bytes(data)
    try:
        options = ReadOptions(scheme=get_scheme(cofw.SCHEME), index_base=1)
        return cofw.read_here(path, folder / "extracted", options, lambda *_: None)
    finally:
        shutil.rmtree(folder / "extracted", ignore_errors=True)


def _map(data: bytes, folder: Path) -> object:
    from core.scheme_map import load_map

    path = folder / "input.toml"
    path.write_bytes(data)
    return load_map(path)


def _scheme(data: bytes, folder: Path) -> object:
    from core.scheme import load_scheme

    path = folder / "input.toml"
    path.write_bytes(data)
    return load_scheme(path)


def _config(data: bytes, folder: Path) -> object:
    from training.config import load_config

    path = folder / "input.toml"
    path.write_bytes(data)
    return load_config(path).to_toml()


def _rule(data: bytes, folder: Path) -> object:
    from core.model.crops import read_rule

    path = folder / "input.toml"
    path.write_bytes(data)
    return read_rule(path)


def _checkpoint(data: bytes, folder: Path) -> object:
    from core.model.checkpoint import load_network, read_header

    path = folder / "input.pkl"
    path.write_bytes(data)
    with contextlib.suppress(StarmarkError):
        read_header(path)
    return load_network(path)


LOADERS: dict[str, Loader] = {
    "images": _images,
    "pts": _pts,
    "tsv": _tsv,
    "cvat": _of_format("cvat", ".xml"),
    "dlib": _of_format("dlib", ".xml"),
    "deeplabcut": _of_format("deeplabcut", ".csv"),
    "csv": _of_format("csv", ".csv"),
    "parquet": _of_format("parquet", ".parquet"),
    "wflw": _of_format("wflw", ".txt"),
    "cofw": _cofw,
    "map": _map,
    "coco": _of_format("coco", ".json"),
    "labelme": _of_format("labelme", ".json"),
    "labelstudio": _of_format("labelstudio", ".json"),
    "ljson": _of_format("ljson", ".ljson"),
    "scheme": _scheme,
    "config": _config,
    "rule": _rule,
    "checkpoint": _checkpoint,
}


def try_input(loader: str, data: bytes, folder: Path) -> str:
    """ "read", "refused", or what went wrong."""
    try:
        LOADERS[loader](data, folder)
    except StarmarkError as error:
        text = str(error)
        return (
            "refused" if text.isprintable() and len(text) < 4000 else f"a message of more than a line: {text[:200]!r}"
        )
    except MemoryError:
        return "MemoryError"
    except Exception as error:  # this is what is looked for
        return f"{type(error).__name__}: {error}"[:300]
    return "read"


# Worker: numbers come in by stdin, a line of JSON goes out for each


def _memory() -> float:
    """Peak memory of this process, MB."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


def work(loader: str) -> None:
    """Read numbers until there are no more."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a decoder prints must not come among the replies
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        for number in range(-len(SEEDS[loader]()), 0):  # imports, and the memory that they take
            try_input(loader, SEEDS[loader]()[number], folder)
        print(json.dumps(["ready", 0.0, _memory()]), file=replies)
        for line in sys.stdin:
            data = make_input(loader, int(line))
            start = time.perf_counter()
            outcome = try_input(loader, data, folder)
            print(json.dumps([outcome, time.perf_counter() - start, _memory()]), file=replies)


@dataclass
class Figures:
    """What came of one loader."""

    loader: str
    inputs: int = 0
    read: int = 0
    slowest: float = 0.0
    peak_mb: float = 0.0
    failures: list[tuple[int, str]] = field(default_factory=list)

    def __str__(self) -> str:
        share = 100 * self.read / max(1, self.inputs)
        hangs = sum(what.startswith("hang") for _, what in self.failures)
        return (
            f"{self.loader:10s} {self.inputs:8d} inputs, {share:3.0f} % readable; "
            f"crashes {len(self.failures) - hangs}, hangs {hangs}, "
            f"slowest {self.slowest:.2f} s, peak memory +{self.peak_mb:.0f} MB"
        )


class _Worker:
    """One process, and a thread that waits for its replies."""

    def __init__(self, loader: str, memory_mb: float) -> None:
        command = [sys.executable, str(Path(__file__)), "--work", loader]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        self.process = subprocess.Popen(command, text=True, bufsize=1, **pipes)  # type: ignore[call-overload]
        self._replies: Queue[str] = Queue()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        ready = self.reply(120.0)
        if ready is None:
            raise RuntimeError(f"the worker did not start: {self.stderr()}")
        self.base_mb = float(ready[2])
        self._limit(memory_mb)

    def _limit(self, memory_mb: float) -> None:
        """So that an input cannot take the machine's memory, whatever it does; three times what counts as a failure."""
        with contextlib.suppress(ImportError, OSError, AttributeError, ValueError, IndexError):
            import resource

            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[0])
            size = pages * os.sysconf("SC_PAGE_SIZE") + int(3 * memory_mb * 2**20)
            resource.prlimit(self.process.pid, resource.RLIMIT_AS, (size, size))

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._replies.put(line)
        self._replies.put("")

    def ask(self, number: int) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(f"{number}\n")

    def reply(self, seconds: float) -> tuple[str, float, float] | None:
        """Outcome, seconds and peak memory; None where the worker died. TimeoutError after `seconds`."""
        try:
            line = self._replies.get(timeout=seconds)
        except Empty:
            raise TimeoutError from None
        return tuple(json.loads(line)) if line else None

    def stderr(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-300:]

    def stop(self) -> int:
        self.process.kill()
        code = self.process.wait()
        self._thread.join()
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return code


def fuzz(
    loader: str,
    *,
    seconds: float = 1e9,
    count: int = 10**9,
    start: int = 0,
    hang: float = 2.0,
    memory_mb: float = 600.0,
) -> Figures:
    """Run inputs until the time is over or `count` have been tried."""
    figures = Figures(loader)
    worker: _Worker | None = _Worker(loader, memory_mb)  # torch takes seconds to import, which are not counted
    end = time.monotonic() + seconds
    try:
        while figures.inputs < count and time.monotonic() < end:
            worker = worker or _Worker(loader, memory_mb)
            number = start + figures.inputs
            figures.inputs += 1
            worker.ask(number)
            failure = None
            try:
                reply = worker.reply(hang + 1.0)  # the input is made in that time, too
            except TimeoutError:
                failure, reply = f"hang: more than {hang:g} s", None
            if failure is None and reply is None:
                errors = worker.stderr()
                failure = f"the worker died ({worker.stop()}): {errors}"
            elif reply is not None:
                outcome, took, peak = reply
                grown = peak - worker.base_mb
                figures.read += outcome == "read"
                figures.slowest = max(figures.slowest, took)
                figures.peak_mb = max(figures.peak_mb, grown)
                if outcome not in ("read", "refused"):
                    failure = outcome
                elif took > hang:
                    failure = f"hang: {took:.1f} s"
                elif grown > memory_mb:
                    failure = f"memory: {grown:.0f} MB"
            if failure is not None:
                figures.failures.append((number, failure))
                worker.stop()  # the peak would stay with it, and worse may have happened to it
                worker = None
    finally:
        if worker is not None:
            worker.stop()
    return figures


def main() -> int:
    """Command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loader", choices=[*LOADERS, "all"], default="all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each loader")
    parser.add_argument("--count", type=int, default=10**9, help="inputs for each loader, where that ends earlier")
    parser.add_argument(
        "--start", type=int, default=0, help="number of the first input; other numbers are other inputs"
    )
    parser.add_argument("--hang", type=float, default=2.0, help="seconds that no input may take")
    parser.add_argument("--memory", type=float, default=600.0, help="MB that no input may take")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for failing inputs")
    parser.add_argument("--again", nargs=2, metavar=("LOADER", "NUMBER"), help="run one input here")
    parser.add_argument("--work", choices=list(LOADERS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work)
        return 0
    if args.again:
        with tempfile.TemporaryDirectory() as name:
            LOADERS[args.again[0]](make_input(args.again[0], int(args.again[1])), Path(name))
        return 0
    failed = False
    for loader in LOADERS if args.loader == "all" else [args.loader]:
        figures = fuzz(
            loader,
            seconds=args.seconds,
            count=args.count,
            start=args.start,
            hang=args.hang,
            memory_mb=args.memory,
        )
        print(figures, flush=True)
        for number, what in figures.failures:
            failed = True
            args.keep.mkdir(parents=True, exist_ok=True)
            path = args.keep / f"{loader}-{number}"
            path.write_bytes(make_input(loader, number))
            print(f"  {path}: {what}", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
