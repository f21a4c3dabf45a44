"""One training of benchmarks/ambiguity.py, and what its network predicts."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.ambiguity_data import SCHEME_ID, Parts, annotators, exact, labelled
from benchmarks.ambiguity_jobs import Budget, Job
from core.face import FloatArray
from core.model.moments import mean_and_covariance
from core.model.network import StarNet, preset_config
from core.scheme import get_scheme
from core.transforms import apply, denormalise_matrix, invert, map_covariance
from training.augment import Augmentation, RandomGeometry
from training.command import prepare_process
from training.dataset import BatchLoader, Face, FaceSet
from training.events import Event
from training.run_dir import RunDir
from training.trainer import Trainer

MILD = Augmentation(0.5, RandomGeometry(angle_sd=8.0, scale_sd=0.05, shift_sd=0.02), ())
"""Flips and a little geometry: the paper's augmentations, textures above all, need more steps than there are here."""


@dataclass(frozen=True, eq=False, slots=True)
class Predictions:
    """`mean` (F, N, 2) image px and `covariance` (F, N, 2, 2) px^2 of the heatmaps; `side` (F,) of the crops, px."""

    mean: FloatArray
    covariance: FloatArray
    side: FloatArray


def train(
    job: Job,
    budget: Budget,
    parts: Parts,
    start: dict[str, Any] | None = None,
    listener: Callable[[Event], None] = lambda event: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> tuple[StarNet, dict[str, Any]]:
    """Train on noisy labels; the averaged network of the epoch that the noisy labels of other people chose.

    `start` are weights to begin with; None begins with random ones.
    """
    config, scheme = budget.config(job), get_scheme(SCHEME_ID)
    prepare_process(config)
    network = StarNet(preset_config(config.preset, scheme, **config.network_changes()))
    if start is not None:
        network.load_state_dict(start)
    size = budget.input_size
    train_set = FaceSet(noisy(job, parts.train), scheme, size, augmentation=MILD)
    choose_set = FaceSet(noisy(job, parts.choose), scheme, size, maps=False)
    best: list[tuple[StarNet, dict[str, Any]]] = [(network, {})]

    def keep(averaged: StarNet, figures: dict[str, Any]) -> None:
        best[0] = copy.deepcopy(averaged), figures

    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(Path(folder))
        trainer = Trainer(
            network,
            config,
            scheme,
            train_set,
            choose_set,
            run,
            device=torch.device("cpu"),
            save_best=keep,
            listener=listener,
            stop_requested=stop_requested,
        )
        trainer.run()
    return best[0]


def noisy(job: Job, faces: Sequence[Any]) -> list[Face]:
    """Faces as the job's annotators labelled them."""
    group, scheme = annotators(job.noise), get_scheme(SCHEME_ID)
    made = (labelled(face, group, scheme, job.seed) for face in faces)
    return [face for face in made if face is not None]


def predict(network: StarNet, faces: Sequence[Face], batch_size: int = 32) -> Predictions:
    """Moments of the last stack's heatmaps, carried into image px as `core.model.predictor` does."""
    size = network.config.input_size
    loader = BatchLoader(FaceSet(faces, get_scheme(SCHEME_ID), size, maps=False), batch_size, seed=0, workers=1)
    means, covariances = [], []
    try:
        for batch in loader.batches(0, shuffle=False):
            if batch.failed:
                raise batch.failed[0]
            with torch.inference_mode():
                mean, covariance = mean_and_covariance(network(batch.image)[-1].heat.float())
            for number, index in enumerate(batch.faces):
                to_image = invert(faces[index].crop.matrix(size)) @ denormalise_matrix(size)
                means.append(apply(to_image, mean[number].numpy()))
                covariances.append(map_covariance(to_image, covariance[number].numpy()))
    finally:
        loader.close()
    sides = np.array([face.crop.size_px for face in faces])
    return Predictions(np.stack(means), np.stack(covariances), sides)


def result_arrays(network: StarNet, job: Job, parts: Parts) -> dict[str, FloatArray]:
    """What the report needs: predictions of the test faces, and residuals of noisy labels of people not learnt from."""
    test = predict(network, [exact(face) for face in parts.test])
    others = noisy(job, parts.choose)
    chosen = predict(network, others)
    return {
        "mean": test.mean,
        "covariance": test.covariance,
        "side": test.side,
        "other_mean": chosen.mean,
        "other_side": chosen.side,
        "other_label": np.stack([face.points for face in others]),
    }
