"""What benchmarks/ambiguity.py trains: losses, jobs and their common budget. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.config import TrainConfig

METHODS: dict[str, dict[str, Any]] = {
    "star": {"loss": "star"},
    "star-free": {"loss": "star", "w_star": 0.0},
    "smoothl1": {"loss": "smoothl1"},
    "l1": {"loss": "l1"},
}
"""Landmark losses by name, as settings of a training; "star-free" lacks the restriction of eigenvalues."""

TITLES = {"star": "STAR", "star-free": "STAR, free eigenvalues", "smoothl1": "smooth-L1", "l1": "L1"}


START = "start"
"""The method of the one training that all others go on from."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training: a loss, how noisy its labels are (times the noise of real ones), and the seed of everything."""

    method: str
    noise: float
    seed: int

    @property
    def name(self) -> str:
        """Of the result's files."""
        return f"{self.method}_noise{self.noise:g}_seed{self.seed}"


START_JOB = Job(START, 2.0, 1000)
"""Squared error, which is none of the four, on labels of the highest noise and of a seed of its own."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What all trainings share; limits on faces are upper bounds (see `ambiguity_data.divide`).

    All go on from one network of `start_epochs` (0: from random weights), since what a network learns first, that there
    are faces, would else be learnt again and again.
    """

    train_faces: int = 1000
    choose_faces: int = 100
    test_faces: int = 300
    start_epochs: int = 40
    epochs: int = 22
    input_size: int = 64
    width: int = 64
    stacks: int = 1
    batch_size: int = 16
    learning_rate: float = 2e-3

    def config(self, job: Job) -> TrainConfig:
        """The settings of one training."""
        start = job.method == START
        return TrainConfig(
            preset="lite",
            **({"loss": "l2"} if start else METHODS[job.method]),
            width=self.width,
            stacks=self.stacks,
            input_size=self.input_size,
            epochs=self.start_epochs if start else self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            schedule="cosine",
            warmup_steps=50,
            ema_half_life=2000.0,
            seed=job.seed,
            precision="float32",
            threads=1,
            workers=1,
        )
