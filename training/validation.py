"""How good networks are on the faces to choose by, and what becomes of a few faces."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import StarmarkError
from core.files import write_atomic
from core.model.moments import mean_and_covariance
from core.model.network import StarNet
from core.scheme import Scheme
from core.transforms import denormalise
from training.dataset import Batch, BatchLoader, FaceSet, collate
from training.events import Samples
from training.losses.total import Targets
from training.run_dir import RunDir

SAMPLES = 8
"""Faces whose predictions are kept for each epoch."""

Autocast = Callable[[], AbstractContextManager[Any]]


def validation_nmes(
    networks: Sequence[StarNet],
    faces: FaceSet,
    *,
    batch_size: int,
    workers: int,
    device: torch.device,
    autocast: Autocast,
    told: Callable[[Batch], object],
    share: tuple[int, int] = (0, 1),
) -> list[list[float]]:
    """NME (fraction) of each face for each of the networks, which see the same crops in evaluation mode.

    Args:
        told: called with each batch, for its failures.
        share: (number, count) of this process: it takes every `count`-th batch from `number` on.

    Returns:
        A list a network, NaN for faces without a normaliser; unreadable faces are left out.
    """
    results: list[list[float]] = [[] for _ in networks]
    was_training = [network.training for network in networks]
    for network in networks:
        network.eval()
    loader = BatchLoader(faces, batch_size, seed=0, workers=workers)
    try:
        for batch in loader.batches(0, shuffle=False, share=share):
            told(batch)
            if not batch.faces:
                continue
            image = batch.image.to(device, memory_format=torch.channels_last)
            for network, errors in zip(networks, results, strict=True):
                with torch.inference_mode(), autocast():
                    predicted = network(image)[-1].landmarks.float().cpu().numpy()
                errors += face_nmes(predicted, batch.targets, faces.scheme)
    finally:
        loader.close()
        for network, mode in zip(networks, was_training, strict=True):
            network.train(mode)
    return results


def face_nmes(predicted: NDArray[np.float32], targets: Targets, scheme: Scheme) -> list[float]:
    """NME of each face (normalised coordinates; the crop is isotropic), over its present points."""
    values = []
    weights = np.ones(predicted.shape[:2]) if targets.weights is None else targets.weights.numpy()
    for mean, truth, weight in zip(predicted, targets.landmarks.numpy(), weights, strict=True):
        present = weight > 0
        distance = scheme.norm_distance(np.where(present[:, None], truth, np.nan).astype(np.float64))
        error = np.hypot(*(mean - truth).T)[present].mean() if present.any() else math.nan
        values.append(float(error / distance) if distance > 0 else math.nan)
    return values


class SampleFaces:
    """A few faces, the same in every epoch, whose predictions a run keeps for people to look at.

    Args:
        faces: the set to take them from, without augmentation; they are spread over it.
        run: the folder to write to.
    """

    def __init__(self, faces: FaceSet, run: RunDir) -> None:
        self._run = run
        self._size = faces.input_size
        spread = np.unique(np.linspace(0, len(faces) - 1, min(SAMPLES, len(faces))).astype(int)).tolist()
        samples = {}
        for index in spread:
            try:
                samples[index] = faces.sample(index, np.random.default_rng(0))
            except StarmarkError:
                continue  # said where it is trained on or validated
        self._names = [faces.faces[index].image.name for index in samples]
        self._batch = collate(list(samples.values()), list(samples), [])
        self._images = np.array([sample.image[..., ::-1] for sample in samples.values()])
        self._points = np.array([sample.points for sample in samples.values()], np.float32)

    def write(self, epoch: int, network: StarNet, device: torch.device, autocast: Autocast) -> Samples | None:
        """Predict and keep the faces; None where not one can be read."""
        if not self._names:
            return None
        folder = self._run.samples_dir
        folder.mkdir(exist_ok=True)
        faces = folder / "faces.npz"
        if not faces.is_file():
            _save(faces, image=self._images, points=self._points, name=np.array(self._names))
        image = self._batch.image.to(device, memory_format=torch.channels_last)
        with torch.inference_mode(), autocast():
            heat = network(image)[-1].heat
        mean, covariance = (values.cpu().numpy() for values in mean_and_covariance(heat.float()))
        file = folder / f"epoch_{epoch + 1:04d}.npz"
        _save(
            file,
            mean=denormalise(mean, self._size).astype(np.float32),
            covariance=(covariance * (self._size / 2) ** 2).astype(np.float32),
        )
        return Samples(epoch, *(path.relative_to(self._run.path).as_posix() for path in (file, faces)))


def _save(file: Any, **arrays: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(file, buffer.getvalue())
