"""How quickly the `star` network predicts, beside a straightforward eager float32 implementation, in one run.

    python benchmarks/star_speed.py [--preset star] [--batches 1,8] [--rounds 2] [--json OUT]

Each way runs in a process of its own, since an allocator's settings are the process's; the ways take turns, so that a
machine that slows down slows all of them. Times are medians over all forward passes of all rounds, after one that is
not counted; weights are random, which costs the same as trained ones. `openvino` is measured where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WAYS = ("eager", "starmark", "starmark-bfloat16", "openvino")
ALLOCATORS = ("default", "large blocks kept")
BASE = ("eager", "default")
SLOW_S = 8.0
"""A way this slow is measured once a round."""


def child(way: str, allocator: str, preset: str, batch: int, repeats: int) -> None:
    """Time one way and print the seconds of each forward pass."""
    import torch

    from core.model.allocator import keep_large_blocks
    from core.model.device import core_count

    if allocator != "default" and not keep_large_blocks():
        print("null")
        return
    torch.set_num_threads(core_count())
    run = _forward(way, preset, batch)
    run()
    times: list[float] = []
    while len(times) < repeats and (not times or times[-1] < SLOW_S):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    print(json.dumps(times))


def _forward(way: str, preset: str, batch: int) -> Callable[[], object]:
    import torch

    from core.model.inference import InferenceNet
    from core.model.network import StarNet, preset_config
    from core.scheme import get_scheme

    torch.manual_seed(0)
    network = StarNet(preset_config(preset, get_scheme("wflw-98"))).eval()
    size = network.config.input_size
    image = torch.rand(batch, 3, size, size) * 2 - 1
    if way == "openvino":
        return _openvino(network, image)
    if way == "eager":

        def run() -> object:
            with torch.no_grad():
                return network(image)

        return run
    built = InferenceNet(network, torch.bfloat16 if way.endswith("bfloat16") else torch.float32)

    def run() -> object:
        with torch.inference_mode():
            return built(image)

    return run


def _openvino(network: object, image: object) -> Callable[[], object]:
    import openvino
    import torch

    class Heat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x)[-1].heat  # type: ignore[operator]

    model = openvino.convert_model(Heat(), example_input=image)
    model.reshape(list(image.shape))  # type: ignore[attr-defined]
    request = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    array = image.numpy()  # type: ignore[attr-defined]
    return lambda: request.infer({0: array})


def measure(way: str, allocator: str, preset: str, batch: int, repeats: int) -> list[float]:
    """Seconds of forward passes in a child process; empty where that way does not run here."""
    words = ["--child", way, allocator, "--preset", preset, "--batches", str(batch), "--repeats", str(repeats)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, __file__, *words], capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    if done.returncode:
        print(f"  {way} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return []
    return list(json.loads(done.stdout.strip().splitlines()[-1]) or [])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="star")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=2, metavar=("WAY", "ALLOCATOR"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    batches = [int(word) for word in args.batches.split(",")]
    if args.child:
        child(*args.child, args.preset, batches[0], args.repeats)
        return
    ways = [way for way in WAYS if way != "openvino" or importlib.util.find_spec("openvino")]
    times: dict[tuple[str, str, int], list[float]] = {}
    for _ in range(args.rounds):
        for batch in batches:
            for way in ways:
                for allocator in ALLOCATORS:
                    found = measure(way, allocator, args.preset, batch, args.repeats)
                    times.setdefault((way, allocator, batch), []).extend(found)
    _report(times, args.preset, batches, args.json)


def _report(times: dict[tuple[str, str, int], list[float]], preset: str, batches: list[int], file: Path | None) -> None:
    from core.model.device import core_count, processor_multiplies

    native = "has" if processor_multiplies("bfloat16") else "has no"
    print(f"{preset}, {core_count()} cores, {platform.machine()}; the processor {native} bfloat16 instructions")
    print(f"{'way':<20} {'allocator':<18} {'batch':>5} {'median s':>9} {'min s':>7} {'passes':>6}", end="")
    print(f" {'x eager, default':>17} {'x eager, same':>14}")
    rows = []
    for batch in batches:
        for (way, allocator, size), values in times.items():
            if size != batch or not values:
                continue
            median = statistics.median(values)
            base = statistics.median(times[*BASE, batch])
            same = statistics.median(times["eager", allocator, batch])
            rows.append({"way": way, "allocator": allocator, "batch": batch, "seconds": values})
            print(f"{way:<20} {allocator:<18} {batch:>5} {median:>9.3f} {min(values):>7.3f} {len(values):>6}", end="")
            print(f" {base / median:>17.2f} {same / median:>14.2f}")
    if file is not None:
        file.write_text(json.dumps({"preset": preset, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
