"""Two processes take the steps of one, with gloo, and end together."""

from __future__ import annotations

import argparse
import copy
import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing

from tests.golden import ROOT
from tests.training.test_stepper import CONFIG, CPU, batch, network
from training.command import run_training
from training.dataset import Batch
from training.events import Ended, EpochDone, Event, Started, Step, decode
from training.losses.total import Targets
from training.options import add_train_arguments
from training.processes import join_processes
from training.run_dir import RunDir
from training.stepper import Stepper


def double(whole: Batch, rows: slice = slice(None)) -> Batch:
    """Some faces of a batch, in the precision in which the order of sums does not matter."""
    targets = Targets(*(t[rows].double() for t in whole.targets if t is not None))
    return Batch(whole.image[rows].double(), targets, whole.faces[rows], [])


def steps_of_two(rank: int, port: int, folder: str) -> None:
    """Runs in each process: two steps, and what came of them."""
    environment = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in environment.items()})
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    # Only the first one's weights are to count.
    own = network() if rank == 0 else type(network())(network().config)
    stepper = Stepper(own.double(), CONFIG, CPU, print, join_processes(CPU))
    for seed in range(2):
        # Unequal shares, as unreadable images make them: 5 and 3 faces.
        rows = slice(0, 5) if rank == 0 else slice(5, None)
        stepper.step(double(batch(seed), rows), 1e-4)
    gradients = {name: p.grad for name, p in stepper.network.named_parameters() if p.grad is not None}
    torch.save({"state": stepper.state(), "gradients": gradients}, f"{folder}/{rank}.pt")


def digest(state: dict[str, torch.Tensor]) -> str:
    return hashlib.sha256(b"".join(state[key].numpy().tobytes() for key in sorted(state))).hexdigest()


@pytest.mark.usefixtures("one_thread")
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(steps_of_two, (free_port(), str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for part in ("net", "net_ema"):
        assert digest(first["state"][part]) == digest(second["state"][part])
    alone = Stepper(network().double(), CONFIG, CPU, pytest.fail)
    for seed in range(2):
        alone.step(double(batch(seed)), 1e-4)
    gradients = {name: p.grad for name, p in alone.network.named_parameters() if p.grad is not None}
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(first["gradients"][name], gradient, rtol=1e-5, atol=1e-7 * largest)
    state = alone.state()
    for name, value in state["net"].items():
        if "running" in name:
            torch.testing.assert_close(first["state"]["net"][name], value, rtol=1e-5, atol=1e-7)
    assert copy.deepcopy(first["state"]["guard"])["recent"] == pytest.approx(state["guard"]["recent"], rel=1e-6)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def events(run: Path) -> list[Event]:
    found = [decode(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [event for event in found if event is not None]


def first_epoch(said: list[Event]) -> tuple[list[float], float]:
    """Losses of the steps, and the averaged network's NME."""
    steps = [event.loss for event in said if isinstance(event, Step) and event.epoch == 0]
    return steps, next(event.nme_ema for event in said if isinstance(event, EpochDone))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_under_torchrun_the_curve_is_that_of_one_and_all_end_when_one_dies(
    drawn_faces: Path, tiny_config: Path, tmp_path: Path
) -> None:
    options = ["--dataset", str(drawn_faces), "--format", "300w", "--config", str(tiny_config), "--device", "cpu"]
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    start += [str(ROOT / "main.py"), "train", *options, "-o", str(tmp_path / "two"), "--json", "--epochs", "2000"]
    workers: list[int] = []
    with subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        for line in process.stdout:
            event = decode(line)
            if not workers and isinstance(event, Step) and event.epoch == 1:
                workers = children(process.pid)
                ranks = {environment(pid)["RANK"]: pid for pid in workers}
                os.kill(ranks["1"], signal.SIGKILL)
        reader.join()
    assert process.returncode != 0 and len(workers) == 2 and not alive([process.pid, *workers])
    two = events(tmp_path / "two")
    assert [event.processes for event in two if isinstance(event, Started)] == [2], "only the first process speaks"
    last = two[-1]
    assert isinstance(last, Ended) and last.outcome == "failed"
    assert "another process of the run has ended" in last.message and "--resume" in last.message
    assert RunDir(tmp_path / "two").load_state()["epoch"] >= 1
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    run_training(parser.parse_args([*options, "-o", str(tmp_path / "one"), "--epochs", "1"]))
    (ours, our_nme), (theirs, their_nme) = first_epoch(two), first_epoch(events(tmp_path / "one"))
    assert len(ours) == len(theirs) > 3
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
    # Adam's first steps have the size of the learning rate however small a gradient is, and so enlarge its rounding.
    np.testing.assert_allclose(ours, theirs, rtol=0.03)
    assert our_nme == pytest.approx(their_nme, rel=0.03)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def environment(pid: int) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def alive(pids: list[int]) -> list[int]:
    """Those of the processes that still run; zombies do not."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        found += [] if state in "ZX" else [pid]
    return found
