"""Kill a short training again and again, and see whether it ends with the weights of one that was left alone.

    python benchmarks/resume.py FACES --kills 20

Runs `main.py train` twice on a sample of FACES (a 300W-style folder): once without interruption, and once killed with
SIGKILL at random moments, from the first millisecond on, and started again with --resume each time until it has been
killed so often and has finished. A run that finishes sooner is compared too, and another one takes the other kills.
Then the weights of both (network, average, optimiser) are compared by their SHA-256, and so are the models they kept.
Exit status 1 if any differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from training.run_dir import RunDir  # noqa: E402

CONFIG = """preset = "lite"
width = 32
input_size = 64
batch_size = 8
epochs = {epochs}
precision = "float32"
threads = {threads}
seed = 5
"""


def main() -> int:
    """Run it and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--count", type=int, default=160, help="faces to take (default: 160)")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2, help="processor threads of the training (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        data = sample(args.faces, home / "data", args.count)
        config = home / "config.toml"
        config.write_text(CONFIG.format(epochs=args.epochs, threads=args.threads))
        begin = time.monotonic()
        assert start(data, config, home / "whole").wait() == 0
        seconds = time.monotonic() - begin
        print(f"left alone: {seconds:.1f} s")
        return kill_often(data, config, home, args.kills, seconds, random.Random(args.seed))


def sample(source: Path, target: Path, count: int) -> Path:
    """Links to `count` faces spread over `source`."""
    target.mkdir()
    labels = sorted(source.rglob("*.pts"))
    for label in labels[:: max(1, len(labels) // count)][:count]:
        for file in label.parent.glob(f"{label.stem}.*"):
            (target / file.name).symlink_to(file.resolve())
    return target


def start(data: Path, config: Path, run: Path) -> subprocess.Popen[bytes]:
    """The real command, which begins the run or goes on with it."""
    command = [sys.executable, str(ROOT / "main.py"), "train", "--dataset", str(data), "--format", "300w"]
    command += ["-o", str(run), "--device", "cpu", "--json", "--resume"]
    if not (run / "config.toml").exists():
        command += ["--config", str(config)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def kill_often(data: Path, config: Path, home: Path, kills: int, seconds: float, moments: random.Random) -> int:
    """Kill until `kills` have hit a living run and it has finished; 1 if the weights differ.

    A run that finishes sooner is compared, and another one takes the other kills.
    """
    run, done, here, different = home / "killed", 0, 0, 0
    states: Counter[str] = Counter()
    while True:
        process = start(data, config, run)
        try:
            # From the first millisecond on; long enough at times to get past what a start costs.
            code = process.wait(moments.uniform(0.0, 0.6 * seconds) if done < kills else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done, here = done + 1, here + 1
            states[state_of(run)] += 1
            continue
        if code:
            sys.exit(f"a resumed run failed (exit status {code})")
        different |= compare(home / "whole", run, here)
        if done >= kills:
            print(f"killed {done} times; what was on the disk then: {dict(states)}")
            return different
        shutil.rmtree(run)
        here = 0


def state_of(run: Path) -> str:
    """How far a killed run had come: its files, in short."""
    names = ("config.toml", "last.pt", "previous.pt", "best.safetensors")
    return "+".join(name.split(".")[0] for name in names if (run / name).exists()) or "nothing"


def compare(whole: Path, killed: Path, kills: int) -> int:
    """Print and compare the hashes; 1 if one differs."""
    different = 0
    for part in ("net", "net_ema", "optimizer"):
        hashes = [digest(RunDir(run).load_state()[part]) for run in (whole, killed)]
        different += hashes[0] != hashes[1]
        print(f"{part:<10} {hashes[0][:16]} left alone, {hashes[1][:16]} after {kills} kills")
    models = [weights_digest(run / "best.safetensors") for run in (whole, killed)]
    different += models[0] != models[1]
    print(f"{'best model':<10} {models[0][:16]} left alone, {models[1][:16]} after {kills} kills")
    print("equal to the last bit" if not different else f"{different} of 4 differ")
    return 1 if different else 0


def digest(value: Any) -> str:
    """SHA-256 (hex) of tensors and numbers in nested dicts and lists."""
    import torch

    found = hashlib.sha256()

    def add(one: Any) -> None:
        if isinstance(one, torch.Tensor):
            found.update(one.contiguous().numpy().tobytes())
        elif isinstance(one, dict):
            for key in sorted(one, key=str):
                found.update(str(key).encode())
                add(one[key])
        elif isinstance(one, list | tuple):
            for item in one:
                add(item)
        else:
            found.update(repr(one).encode())

    add(value)
    return found.hexdigest()


def weights_digest(file: Path) -> str:
    """SHA-256 of a model's tensors, its header apart, which names the folder of the data."""
    from core.model.checkpoint import read_model

    return digest(dict(read_model(file)[0]))


if __name__ == "__main__":
    sys.exit(main())
