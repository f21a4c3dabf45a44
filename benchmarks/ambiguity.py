"""Are ellipses the annotators' disagreement, and does the STAR loss help against their noise?

    python benchmarks/ambiguity.py run FACES --out RESULTS --plan       what would run, and for how long
    python benchmarks/ambiguity.py run FACES --out RESULTS --jobs 2     train; what is done already is kept
    python benchmarks/ambiguity.py report --out RESULTS --docs docs     tables and plots into docs/benchmark.md

FACES is a folder of rendered faces (images/NAME.jpg and truth.npz), whose landmarks are exactly known; any data set of
300W's 68 points will do for a trial, its labels taken for the truth. Simulated annotators label them; small networks
learn from those labels with four losses, at several noise levels and seeds, and are measured on other people against
the truth and against the noise that was put in. Each training leaves two files in RESULTS/runs and is not repeated;
it runs on one processor thread in a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.ambiguity_data import SCHEME_ID, Parts, TrueFace, annotators, divide, known_law, read_truth
from benchmarks.ambiguity_jobs import METHODS, START, START_JOB, Budget, Job
from benchmarks.ambiguity_report import write_report
from core.errors import StarmarkError, UsageError
from core.files import write_atomic
from core.scheme import get_scheme
from training.events import EpochDone, Event, Step

ROOT = Path(__file__).resolve().parents[1]
WARM_EPOCHS, TIMED_STEPS, STEPS_AN_EPOCH = 2, 12, 4
VERSION = 1


def jobs_of(methods: list[str], noises: list[float], seeds: int) -> list[Job]:
    """All trainings, seed by seed, so that a run that is cut short has whole seeds."""
    return [Job(method, noise, seed) for seed in range(seeds) for noise in noises for method in methods]


def settings_of(data: Path, faces: list[TrueFace], budget: Budget) -> dict[str, Any]:
    """What results depend on; those of other settings are not mixed with them."""
    digest = hashlib.sha256(np.stack([face.points for face in faces]).tobytes()).hexdigest()[:16]
    return {"version": VERSION, "data": data.name, "faces": len(faces), "truth": digest, "budget": asdict(budget)}


def prepare(out: Path, data: Path, faces: list[TrueFace], budget: Budget, noises: list[float]) -> None:
    """Write the settings and, marked as such, the truth that trainings must not see."""
    settings, file = settings_of(data, faces, budget), out / "settings.json"
    if file.is_file():
        if json.loads(file.read_text()) != settings:
            raise UsageError("there are results of other faces or settings", where=out, remedy="Name another --out")
    else:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(settings, indent=1))
    scheme, test = get_scheme(SCHEME_ID), divide(faces, *_limits(budget)).test
    truth: dict[str, Any] = {
        "names": np.array([face.image.stem for face in test]),
        "people": np.array([face.person for face in test]),
        "true_points": np.stack([face.points for face in test]),
        "true_visibility": np.stack([face.visibility for face in test]),
    }
    for noise in sorted({*noises, *(json.loads(done.read_text())["noise"] for done in (out / "runs").glob("*.json"))}):
        laws = [known_law(face, annotators(noise), scheme) for face in test]
        truth[f"known_covariance_{noise:g}"] = np.stack([law.covariance for law in laws])
    write_atomic(out / "truth.npz", lambda target: np.savez_compressed(target, **truth))


def _limits(budget: Budget) -> tuple[int, int, int]:
    return budget.train_faces, budget.choose_faces, budget.test_faces


def one(data: Path, out: Path, job: Job) -> None:
    """Train and measure one job; its JSON file comes last and says that it is done."""
    import torch  # here: it takes seconds to load

    from benchmarks.ambiguity_train import result_arrays, train

    settings = json.loads((out / "settings.json").read_text())
    budget = Budget(**settings["budget"])
    faces = read_truth(data)
    if settings_of(data, faces, budget) != settings:
        raise UsageError("the faces have changed since the run was begun", where=data, remedy="Name another --out")
    parts = divide(faces, *_limits(budget))
    started, history = time.monotonic(), []

    def listener(event: Event) -> None:
        if isinstance(event, EpochDone):
            history.append([round(event.loss, 5), round(event.nme_ema, 6)])

    begin, first = out / f"{START}.pt", job.method == START
    weights = torch.load(begin, weights_only=True) if budget.start_epochs and not first else None
    network, figures = train(job, budget, parts, weights, listener)
    note = out / f"{START}.json" if first else out / "runs" / f"{job.name}.json"
    if first:
        write_atomic(begin, lambda target: torch.save(network.state_dict(), target))
    else:
        arrays = {name: values.astype(np.float32) for name, values in result_arrays(network, job, parts).items()}
        write_atomic(note.with_suffix(".npz"), lambda target: np.savez_compressed(target, **arrays))
    result = asdict(job) | figures | {
        "epochs": history,
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds": round(time.monotonic() - started, 1),
        "counts": [len(parts.train), len(parts.choose), len(parts.test)],
    }
    write_atomic(note, json.dumps(result))


def run(args: argparse.Namespace) -> None:
    """Train what is not there yet, or say what that would be."""
    budget = Budget(**{field.name: getattr(args, field.name) for field in fields(Budget)})
    faces = read_truth(args.data)
    jobs = jobs_of(args.methods, args.noise, args.seeds)
    if args.plan:
        plan(args, budget, faces, jobs)
        return
    prepare(args.out, args.data, faces, budget, args.noise)
    left = [job for job in jobs if not (args.out / "runs" / f"{job.name}.json").is_file()]
    print(f"{len(jobs)} trainings, {len(jobs) - len(left)} of them done already", flush=True)
    started, failed = time.monotonic(), 0
    children = Children(args.data, args.out)
    with ThreadPoolExecutor(args.jobs) as pool, children:
        if budget.start_epochs and left and not (args.out / f"{START}.json").is_file():
            problem = pool.submit(children.train, START_JOB).result()
            if problem is not None:
                raise UsageError(f"the training that all others start from failed: {problem}", where=args.out)
            print(f"the common start is done; {(time.monotonic() - started) / 60:.1f} min", flush=True)
            started = time.monotonic()
        waiting = {pool.submit(children.train, job): job for job in left}
        for count, future in enumerate(as_completed(waiting), 1):
            job, problem = waiting[future], future.result()
            failed += problem is not None
            minutes = (time.monotonic() - started) / 60
            remaining = minutes / count * (len(left) - count)
            what = f"failed: {problem}" if problem else "done"
            print(f"{job.name} {what}; {minutes:.1f} min, {remaining:.1f} min to go", flush=True)
    if failed:
        raise UsageError(f"{failed} of {len(left)} trainings failed", remedy="See above, and run again")


class Children:
    """Processes that train one job each; left early (Ctrl-C, a polite kill), it ends them and starts no more."""

    def __init__(self, data: Path, out: Path) -> None:
        self._data, self._out = data, out
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._over = False

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGTERM, self._before)
        with self._lock:
            self._over = True
            for process in self._running:
                process.terminate()

    def train(self, job: Job) -> str | None:
        """Train one job on one thread; the last words of its error, if it failed."""
        words = [sys.executable, __file__, "one", str(self._data), "--out", str(self._out)]
        words += ["--job", json.dumps(asdict(job))]
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        with self._lock:
            if self._over:
                return "not started"
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
            self._running.add(process)
        _, said = process.communicate()
        with self._lock:
            self._running.discard(process)
        return None if process.returncode == 0 else (said.strip().splitlines() or [f"exit {process.returncode}"])[-1]


def plan(args: argparse.Namespace, budget: Budget, faces: list[TrueFace], jobs: list[Job]) -> None:
    """Print the trainings, and how long they take by a few timed steps of each loss."""
    parts = divide(faces, *_limits(budget))
    done = sum((args.out / "runs" / f"{job.name}.json").is_file() for job in jobs)
    people = [len({face.person for face in part}) for part in (parts.train, parts.choose, parts.test)]
    counts = [len(part) for part in (parts.train, parts.choose, parts.test)]
    print(f"{len(jobs)} trainings ({done} done): {', '.join(args.methods)}; noise {args.noise}; {args.seeds} seeds")
    for what, count, persons in zip(("train", "choose", "test"), counts, people, strict=True):
        print(f"  {what:<7}{count:>6} faces of {persons} people")
    steps = -(-len(parts.train) // budget.batch_size)
    each = {method: time_steps(Job(method, args.noise[-1], 0), budget, parts) for method in args.methods}
    start, epoch = steps * budget.start_epochs * each[args.methods[0]] / 60, 0.0
    for method, seconds in each.items():
        print(f"  {method:<10} {1000 * seconds:6.0f} ms a step, {steps * budget.epochs * seconds:6.0f} s a training")
        epoch += steps * seconds * args.seeds * len(args.noise) / args.jobs / 60
    print(f"  {START:<10} {60 * start:33.0f} s, before all others")
    total = start + epoch * budget.epochs
    print(f"about {total:.0f} min with --jobs {args.jobs}, if each has a core as busy as now;")
    print(f"{args.minutes:g} min are enough for --epochs {max(1, int((args.minutes - start) / epoch))}")


def time_steps(job: Job, budget: Budget, parts: Parts) -> float:
    """Mean seconds of a step, waiting for its data included, on a few faces again and again: all decoded by then."""
    from benchmarks.ambiguity_train import train

    times: list[float] = []
    few = Parts(parts.train[: STEPS_AN_EPOCH * budget.batch_size], parts.choose[:2], parts.test)
    warm = WARM_EPOCHS * STEPS_AN_EPOCH

    def listener(event: Event) -> None:
        if isinstance(event, Step):
            times.append(event.seconds + event.waited)

    train(job, replace(budget, epochs=100), few, None, listener, lambda: len(times) >= warm + TIMED_STEPS)
    return float(np.mean(times[warm:]))


def main(words: list[str] | None = None) -> int:
    """Parse and do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|report")
    add_run(commands)
    report = commands.add_parser("report", help="write tables and plots", description="Write tables and plots.")
    report.add_argument("--out", type=Path, required=True, help="folder of the results")
    report.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of benchmark.md (default: docs)")
    single = commands.add_parser("one")
    single.add_argument("data", type=Path)
    single.add_argument("--out", type=Path, required=True)
    single.add_argument("--job", type=json.loads, required=True)
    args = parser.parse_args(words)
    try:
        if args.command == "run":
            run(args)
        elif args.command == "report":
            write_report(args.out, args.docs)
        else:
            one(args.data, args.out, Job(**args.job))
    except StarmarkError as error:
        print(f"ambiguity: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ambiguity: stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


def add_run(commands: Any) -> None:
    """Options of `run`."""
    parser = commands.add_parser(
        "run",
        help="train what is not done yet",
        description="Train what is not done yet.\n\n  python benchmarks/ambiguity.py run rendered --out results --plan",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="folder of rendered faces, or a data set of 300W's 68 points")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--plan", action="store_true", help="only say what would run, and for how long")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time (default: 2)")
    parser.add_argument("--minutes", type=float, default=50, help="time for which --plan looks for epochs")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0, 1.0, 2.0], help="times that of real labels")
    parser.add_argument("--seeds", type=int, default=3)
    for field in fields(Budget):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=type(field.default), default=field.default, help=f"default: {field.default}")


if __name__ == "__main__":
    sys.exit(main())
