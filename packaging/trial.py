"""Tries a frozen build as a user without Python would: `python packaging/trial.py dist/starmark/starmark`.

Version, self-test, one prediction, one short training run, and the window with a prediction of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.app.faces import write_dataset

PHOTO = Path(__file__).resolve().parents[1] / "resources" / "models" / "probe.jpg"
PATIENCE_S = 180


class Trial:
    """One build in a home of its own."""

    def __init__(self, program: Path, place: Path) -> None:
        self.program = program
        self.place = place
        self.faces = write_dataset(place / "ein Satz Bäume", 24)
        hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        self.environment = {key: value for key, value in os.environ.items() if key not in hidden}
        self.environment |= {"STARMARK_HOME": str(place / "home"), "PATH": os.defpath}

    def run(self, *words: str) -> str:
        """What the program prints; SystemExit if it fails."""
        done = subprocess.run(
            [str(self.program), *words],
            env=self.environment, cwd=self.place, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"starmark {' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    # Each of the following does one thing and returns what came of it, for people.

    def version(self) -> str:
        return self.run("--version").strip()

    def doctor(self) -> str:
        text = self.run("doctor")
        return next(line for line in text.splitlines() if "placed" in line).strip()

    def predict(self) -> str:
        out = self.place / "out.json"
        self.run("predict", str(PHOTO), "-o", str(out))
        (image,) = json.loads(out.read_text(encoding="utf-8"))["images"]
        points = [len(face["points"]) for face in image["faces"]]
        if points != [68]:
            raise SystemExit(f"expected one face of 68 points, not {points}")
        return f"found a face, with {points[0]} points"

    def train(self) -> str:
        run = self.place / "run"
        words = ("--dataset", str(self.faces), "--epochs", "1", "--batch-size", "4", "--device", "cpu")
        self.run("train", *words, "-o", str(run))
        models = [path for path in run.rglob("*.safetensors") if path.stat().st_size]
        if not models:
            raise SystemExit(f"the training left no model in {sorted(path.name for path in run.iterdir())}")
        return f"left {models[0].name}"

    def window(self) -> str:
        """Open the folder in the window and wait until its first image is predicted: the project's cache tells."""
        if not self.environment.get("DISPLAY") and sys.platform == "linux":
            self.environment["QT_QPA_PLATFORM"] = "offscreen"
        cache = self.place / "home" / "scratch" / "scratch.starmark-cache"
        started = time.monotonic()
        with subprocess.Popen([str(self.program), str(self.faces)], env=self.environment) as process:
            try:
                while not has_predictions(cache):
                    if process.poll() is not None or time.monotonic() - started > PATIENCE_S:
                        raise SystemExit(f"the window showed no prediction (exit code {process.poll()})")
                    time.sleep(0.02)
                took = time.monotonic() - started
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)
            finally:
                process.kill()
        screen = self.environment.get("QT_QPA_PLATFORM", "a screen")
        return f"first prediction {took:.1f} s after the start, on {screen}"


def has_predictions(cache: Path) -> bool:
    """Whether a cache holds more than detections: a prediction takes over a kilobyte."""
    if not cache.exists():
        return False
    try:
        connection = sqlite3.connect(f"{cache.as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute("SELECT max(bytes) FROM entry").fetchone()[0] > 1000
        finally:
            connection.close()
    except (sqlite3.Error, TypeError):
        return False


def main() -> None:
    """Try everything; what is slower the first time, twice."""
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="starmark trial ") as place:
        trial = Trial(program, Path(place))
        steps: list[tuple[str, Callable[[], str]]] = [
            ("version", trial.version),
            ("version", trial.version),
            ("doctor", trial.doctor),
            ("predict", trial.predict),
            ("train", trial.train),
            ("window", trial.window),
            ("window again", trial.window),
        ]
        for name, step in steps:
            started = time.monotonic()
            text = step()
            print(f"  {name:<14} {time.monotonic() - started:5.1f} s  {text}", flush=True)
            if name == "window":  # so that the next one starts afresh
                (Path(place) / "home" / "scratch" / "scratch.starmark-cache").unlink(missing_ok=True)
    print("The build works.")


if __name__ == "__main__":
    main()
