"""Image and crop -> Prediction: cut the crop, run the network in batches, carry the moments into image pixels."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import CheckpointError, DeviceError
from core.face import ByteArray, FloatArray, Prediction
from core.images import ReducedImage
from core.model.device import Device, set_threads
from core.model.library import LoadedModel
from core.model.moments import Moments
from core.model.photo import Photo
from core.model.runner import Runner
from core.transforms import Crop, apply, cell_matrix, denormalise_matrix, invert, map_covariance, warp_matrix

Picture = ByteArray | ReducedImage
"""(H, W, 3) uint8 RGB, or a photo decoded at a fraction of its size."""

Job = tuple[Picture, Crop]
"""A picture and the crop of a face in it, image px."""

Cut = tuple[ByteArray, Crop]
"""What `Predictor.crop_image` cut out, and where, image px."""

BATCH_SIZES = {"cpu": 8, "cuda": 32, "mps": 16}
"""Faces at a time where nobody says otherwise."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Heatmaps:
    """The network's fused heatmaps of one face.

    Attributes:
        maps: (N, h, w) float32, >= 0, as the landmarks are decoded from.
        to_image: (3, 3) float64, heatmap cell (column, row, 1) -> image px, as the decoder reads cells.
        edges: (E, h, w) float32 in [0, 1], one for each of the scheme's edge groups; None for a model without any.
    """

    maps: NDArray[np.float32]
    to_image: FloatArray
    edges: NDArray[np.float32] | None = None


class Predictor:
    """Runs one model on one device. Not for several threads at once.

    Args:
        model: moved to `device`.
        device: where the network runs; the rest is done on the CPU.
        batch_size: faces at a time; halved, for good, when memory runs out. None: BATCH_SIZES of the device.
        threads: torch threads, for the whole process; None leaves them as they are (see `device.set_threads`).
    """

    def __init__(
        self, model: LoadedModel, device: Device, batch_size: int | None = None, threads: int | None = None
    ) -> None:
        batch_size = BATCH_SIZES[device.kind] if batch_size is None else batch_size
        if batch_size < 1:
            raise ValueError(f"the batch size must be at least 1, not {batch_size}")
        if threads is not None:
            set_threads(threads)
        self.model = model
        self.device = device
        self.batch_size = batch_size
        self.input_size = model.header.config.input_size
        place = device.torch()
        self._runner = Runner(model.network.eval().to(place), place, model.precision.dtype)

    def predict(self, jobs: Sequence[Job]) -> list[Prediction]:
        """One prediction a job, in order.

        Raises:
            DeviceError: not even one face fits in the device's memory.
            CheckpointError: the model computes values that are not finite.
        """
        return list(self.stream(jobs))

    def stream(self, jobs: Iterable[Job]) -> Iterator[Prediction]:
        """As `predict`, taking jobs as they are needed: at most a batch of crops, and no image, is held."""
        return self._stream((self.crop_image(image, crop), crop) for image, crop in jobs)

    def predict_cuts(self, cuts: Sequence[Cut]) -> list[Prediction]:
        """As `predict`, of crops that are cut out already, by any thread."""
        return list(self._stream(cuts))

    def _stream(self, cuts: Iterable[Cut]) -> Iterator[Prediction]:
        rest = iter(cuts)
        while True:
            batch = list(islice(rest, self.batch_size))
            if not batch:
                return
            done = 0
            for moments in self._batched([pixels for pixels, _ in batch]):
                crops = [crop for _, crop in batch[done : done + len(moments.mean)]]
                yield from self._predictions(moments, crops)
                done += len(crops)

    def heatmaps(self, image: Picture, crop: Crop) -> Heatmaps:
        """The maps behind a prediction; errors as `predict`."""
        heat, edge = self._runner.heat_and_edges([self.crop_image(image, crop)])
        maps, edges = heat[0], None if edge is None else edge[0].float().cpu().numpy()
        size = maps.shape[-1]
        to_image = invert(crop.matrix(self.input_size)) @ cell_matrix(size, self.input_size)
        return Heatmaps(maps.float().cpu().numpy(), to_image, edges)

    def crop_image(self, image: Picture, crop: Crop) -> ByteArray:
        """What the network sees of a face: (S, S, 3) uint8 RGB. Any thread may call it."""
        matrix, antialias = crop.matrix(self.input_size), self.model.header.antialias
        if isinstance(image, ReducedImage):
            return warp_matrix(image.pixels, matrix @ image.to_image, self.input_size, antialias=antialias)
        return warp_matrix(image, matrix, self.input_size, antialias=antialias)

    def cut(self, photo: Photo, crop: Crop) -> Cut:
        """The crop of a photo, read at the size that it needs. ImageError if the photo cannot be read."""
        image = photo.for_crop(crop, self.input_size, antialias=self.model.header.antialias)
        return self.crop_image(image, crop), crop

    def _batched(self, crops: list[ByteArray]) -> Iterator[Moments]:
        """Moments of `crops`, in as many pieces as memory makes necessary."""
        start = 0
        while start < len(crops):
            piece = crops[start : start + self.batch_size]
            problem: BaseException | None = None
            try:
                moments = self._runner.moments(piece)
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                problem = error.with_traceback(None)  # its frames hold what is to be freed
            if problem is not None:
                self._shrink(len(piece), problem)
                continue
            yield moments
            start += len(piece)

    def _shrink(self, tried: int, error: BaseException) -> None:
        if tried <= 1:
            raise DeviceError(
                f"there is not enough memory on {self.device.name} for one face",
                remedy="Close other programs, or use --device cpu",
            ) from error
        self.batch_size = max(1, tried // 2)
        _log.warning("not enough memory on %s: going on with batches of %d", self.device.name, self.batch_size)
        self._runner.shrink()

    def _predictions(self, moments: Moments, crops: list[Crop]) -> Iterator[Prediction]:
        values: dict[str, Any] = {name: value.numpy().astype(np.float64) for name, value in moments._asdict().items()}
        if not (np.isfinite(values["mean"]).all() and np.isfinite(values["covariance"]).all()):
            raise CheckpointError(
                f"the model '{self.model.name}' computes values that are not finite",
                remedy="Use another model, or --device cpu",
            )
        for i, crop in enumerate(crops):
            to_image = invert(crop.matrix(self.input_size)) @ denormalise_matrix(self.input_size)
            yield Prediction(
                scheme=self.model.scheme.id,
                mean=apply(to_image, values["mean"][i]),
                covariance=map_covariance(to_image, values["covariance"][i]),
                peak=values["peak"][i],
                peak_mass=values["peak_mass"][i],
                second_peak=apply(to_image, values["second"][i]),
                second_share=values["second_share"][i],
                crop=crop.as_array(),
            )


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
