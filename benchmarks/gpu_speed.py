"""How quickly a graphics card predicts and trains with the `star` network, as a share of its bfloat16 matrix rate.

    python benchmarks/gpu_speed.py [--device cuda] [--preset star] [--batches 1,8,32,128] [--json OUT]

The matrix rate is measured first, with square products as large as the card likes. A picture's cost is counted from the
network's own convolutions (two operations for a multiply-add). Everything from the crops' bytes to moments on the
processor counts as prediction; a training step is forward, losses, backward and Adam, under bfloat16 autocast.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from core.model.device import choose_device  # noqa: E402
from core.model.inference import InferenceNet  # noqa: E402
from core.model.network import StarNet, preset_config  # noqa: E402
from core.model.runner import Runner  # noqa: E402
from core.scheme import get_scheme  # noqa: E402
from training.losses.total import Targets, TotalLoss  # noqa: E402

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
SECONDS = 2.0
"""How long each figure is measured, after it was warmed up."""


def rate_of(run: Callable[[], object], place: torch.device) -> float:
    """Runs a second."""

    def wait() -> None:
        if place.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        run()
    wait()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        run()
        count += 1
        if count % 8 == 0:
            wait()
    wait()
    return count / (time.perf_counter() - started)


def matrix_rate(place: torch.device, side: int) -> float:
    """bfloat16 operations a second of a square matrix product."""
    one, other = (torch.randn(side, side, device=place, dtype=torch.bfloat16) for _ in range(2))
    return rate_of(lambda: one @ other, place) * 2 * side**3


def operations(network: StarNet) -> float:
    """Two for each multiply-add of the convolutions that a picture passes through."""
    total = 0.0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += 2.0 * output[0].numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, nn.Conv2d)]
    size = network.config.input_size
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return total


def training_step(network: StarNet, place: torch.device, batch: int) -> Callable[[], object]:
    """One step on made-up faces."""
    config = network.config
    network = network.to(place, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    image = torch.rand(batch, 3, config.input_size, config.input_size, device=place) * 2 - 1
    image = image.contiguous(memory_format=torch.channels_last)
    maps = batch, config.points, config.map_size, config.map_size
    edges = batch, len(config.edge_groups), config.map_size, config.map_size
    made = (torch.rand(size, device=place) for size in (maps, edges))
    targets = Targets(torch.rand(batch, config.points, 2, device=place) - 0.5, *made)
    loss = TotalLoss()

    def step() -> None:
        adam.zero_grad(set_to_none=True)
        with torch.autocast(place.type, torch.bfloat16):
            outputs = network(image)
        loss(outputs, targets).total.backward()
        adam.step()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--preset", default="star")
    parser.add_argument("--batches", default="1,8,32,128")
    parser.add_argument("--train-batch", type=int, default=32)
    parser.add_argument("--matrix", type=int, default=8192, help="side of the measured matrix product")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    device = choose_device(args.device)
    place = device.torch()
    torch.manual_seed(0)
    network = StarNet(preset_config(args.preset, get_scheme("wflw-98"))).eval()
    peak, cost = matrix_rate(place, args.matrix), operations(network)
    print(f"{device.name}: bfloat16 products at {peak / 1e12:.1f} TFLOP/s; {args.preset} takes {cost / 1e9:.1f} GFLOP")
    rows: list[dict[str, Any]] = []
    size, rng = network.config.input_size, np.random.default_rng(0)
    for dtype in DTYPES:
        runner = Runner(InferenceNet(network, dtype).to(place), place, dtype)
        for batch in map(int, args.batches.split(",")):
            crops = list(rng.integers(0, 256, (batch, size, size, 3), np.uint8))
            speed = batch * rate_of(lambda runner=runner, crops=crops: runner.moments(crops), place)  # type: ignore[misc]
            name = str(dtype).removeprefix("torch.")
            rows.append({"dtype": name, "batch": batch, "per_second": speed, "share": speed * cost / peak})
            print(f"{name:<9} batch {batch:>4}: {speed:>9.1f} images/s, {speed * cost / peak:.1%} of the matrix rate")
    steps = rate_of(training_step(network, place, args.train_batch), place)
    share = 3 * steps * args.train_batch * cost / peak
    print(f"training, batch {args.train_batch}: {1000 / steps:.0f} ms a step, about {share:.1%} of the matrix rate")
    if args.json is not None:
        found = {"device": device.name, "matrix_rate": peak, "cost": cost, "predict": rows, "step_s": 1 / steps}
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
