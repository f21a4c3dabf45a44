"""Faces to batches: decode once, then warp, augment and draw targets for each use."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import StarmarkError
from core.face import ByteArray, FloatArray
from core.images import read_image
from core.scheme import Scheme
from core.transforms import Crop, apply, normalise, warp_matrix
from training.augment import Augmentation, flip_matrix
from training.losses.total import Targets
from training.targets import MapArray, edge_curves, edge_maps, point_maps

_PATCH_MARGIN = 2.2
"""Side of the kept patch over the crop's: what rotation, shrinking and shift may bring into view."""
_PATCH_DETAIL = 2
"""Resolution of the kept patch over the network's."""


@dataclass(frozen=True, eq=False, slots=True)
class Face:
    """One labelled face: `points` (N, 2) image px with NaN for missing, its crop, and `weights` (N,) >= 0."""

    image: Path
    points: FloatArray
    crop: Crop
    weights: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """The surroundings of a face: `pixels` (h, w, 3) uint8 RGB, `matrix` (3, 3) from image px to patch px."""

    pixels: ByteArray
    matrix: FloatArray


class PatchCache:
    """Decoded surroundings of faces, kept while they fit into the budget."""

    def __init__(self, input_size: int, budget_mb: int) -> None:
        self._side = round(input_size * _PATCH_DETAIL * _PATCH_MARGIN)
        self._left = budget_mb * 2**20
        self._kept: dict[int, Patch] = {}
        self._lock = threading.Lock()

    def get(self, key: int, face: Face) -> Patch:
        """The patch of `face`, decoded now or before. ImageError where the image cannot be read."""
        patch = self._kept.get(key)
        if patch is None:
            patch = self._cut(read_image(face.image), face.crop)
            with self._lock:
                if self._left >= patch.pixels.nbytes:
                    self._left -= patch.pixels.nbytes
                    self._kept[key] = patch
        return patch

    def _cut(self, image: ByteArray, crop: Crop) -> Patch:
        """A window of the image as it is where it is small, else resampled to the detail a network can use."""
        wide = Crop(crop.scale * _PATCH_MARGIN, crop.cx, crop.cy)
        if wide.size_px > self._side:
            matrix = wide.matrix(self._side)
            return Patch(warp_matrix(image, matrix, self._side, antialias=True), matrix)
        height, width = image.shape[:2]
        half = wide.size_px / 2
        x0, y0 = (max(int(np.floor(c - half)), 0) for c in (crop.cx, crop.cy))
        x1, y1 = (min(int(np.ceil(c + half)) + 1, n) for c, n in ((crop.cx, width), (crop.cy, height)))
        if x0 >= x1 or y0 >= y1:
            return Patch(np.zeros((1, 1, 3), np.uint8), np.eye(3))
        shift = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]])
        return Patch(np.ascontiguousarray(image[y0:y1, x0:x1]), shift)


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """One prepared face: `image` (S, S, 3) uint8 BGR, `points` (N, 2) crop px, maps, `weights` (N,), `edges` (E,)."""

    image: ByteArray
    points: FloatArray
    point_maps: MapArray
    edge_maps: MapArray
    weights: NDArray[np.float32]
    edges: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """`image` (B, 3, S, S) float32 BGR in [-1, 1]; `targets`; `faces` the indices into the data set."""

    image: torch.Tensor
    targets: Targets
    faces: list[int]
    failed: list[StarmarkError]


class FaceSet:
    """A list of faces that prepares samples; safe to use from several threads."""

    def __init__(
        self,
        faces: Sequence[Face],
        scheme: Scheme,
        input_size: int,
        *,
        augmentation: Augmentation | None = None,
        maps: bool = True,
        reference_border: bool = False,
        cache_mb: int = 2048,
    ) -> None:
        self.faces = list(faces)
        self.scheme = scheme
        self.input_size = input_size
        self._augmentation = augmentation
        self._maps = maps
        self._reference_border = reference_border
        self._cache = PatchCache(input_size, cache_mb)
        self._curves: dict[tuple[int, bool], list[FloatArray | None]] = {}

    def __len__(self) -> int:
        return len(self.faces)

    def plain(self) -> FaceSet:
        """The same faces without augmentation and maps, which shares what was decoded."""
        other = FaceSet(self.faces, self.scheme, self.input_size, maps=False, cache_mb=0)
        other._cache = self._cache
        return other

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Prepare one face. ImageError where its image cannot be read."""
        face, size = self.faces[index], self.input_size
        patch = self._cache.get(index, face)
        points, weights, matrix = face.points, face.weights, face.crop.matrix(size)
        augmentation, flipped = self._augmentation, False
        if augmentation is not None:
            flipped = rng.random() < augmentation.flip
            if flipped:
                flip = list(self.scheme.flip)
                points, weights = points[flip], weights[flip]
                matrix = flip_matrix(size) @ matrix
            matrix = augmentation.geometry.draw(rng, size) @ matrix
        crop = warp_matrix(patch.pixels, matrix @ np.linalg.inv(patch.matrix), size, antialias=True)
        crop = np.ascontiguousarray(crop[..., ::-1])
        if augmentation is not None:
            crop = augmentation.change_texture(crop, rng)
        placed = apply(matrix, points)
        present = np.isfinite(placed[:, 0]) & np.isfinite(placed[:, 1])
        weights = np.where(present, weights, 0).astype(np.float32)
        groups = self.scheme.edge_groups
        edges = np.array([weights[list(group.indices)].min() for group in groups], np.float32)
        if not self._maps:
            none = np.zeros((0, 0, 0), np.float32)
            return Sample(crop, placed, none, none, weights, edges)
        drawn = point_maps(np.nan_to_num(placed), size, reference_border=self._reference_border)
        drawn[~present] = 0
        curves = [
            None if curve is None else apply(matrix, curve) for curve in self._edge_curves(index, points, flipped)
        ]
        return Sample(crop, placed, drawn, edge_maps(curves, groups, size), weights, edges)

    def _edge_curves(self, index: int, points: FloatArray, flipped: bool) -> list[FloatArray | None]:
        """Contours of a face's `points` in image px, fitted at the first use."""
        key = index, flipped
        if key not in self._curves:
            self._curves[key] = edge_curves(points, self.scheme.edge_groups)
        return self._curves[key]


def collate(samples: Sequence[Sample], indices: list[int], failed: list[StarmarkError]) -> Batch:
    """Stack samples into tensors, landmarks clamped to [-1, 1] as in the reference. Without samples all are empty."""
    if not samples:
        nothing = torch.empty(0)
        return Batch(nothing, Targets(nothing, nothing, nothing), indices, failed)
    size = len(samples[0].image)
    pixels = torch.from_numpy(np.stack([sample.image for sample in samples]))
    image = pixels.permute(0, 3, 1, 2).to(torch.float32).sub_(127.5).div_(127.5)
    points = np.stack([sample.points for sample in samples])
    landmarks = np.nan_to_num(np.clip(normalise(points, size), -1.0, 1.0)).astype(np.float32)
    targets = Targets(
        torch.from_numpy(landmarks),
        torch.from_numpy(np.stack([sample.point_maps for sample in samples])),
        torch.from_numpy(np.stack([sample.edge_maps for sample in samples])),
        torch.from_numpy(np.stack([sample.weights for sample in samples])),
        torch.from_numpy(np.stack([sample.edges for sample in samples])),
    )
    return Batch(image, targets, indices, failed)


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """(count,) order of the faces in one epoch; depends on seed and epoch alone."""
    return np.random.default_rng((seed, epoch, 0x5EED)).permutation(count)


class BatchLoader:
    """Prepares batches ahead of the step that uses them, in threads: decoding and warping release the interpreter.

    A sample's randomness depends on (seed, epoch, face) alone, so neither the number of threads nor a
    resumed run changes what is trained on.

    With `member` (number, count) it prepares only every `count`-th face of each batch, from `number` on: one
    process' share of the batches that a single process would make.
    """

    def __init__(
        self,
        faces: FaceSet,
        batch_size: int,
        *,
        seed: int,
        workers: int = 2,
        ahead: int = 3,
        member: tuple[int, int] = (0, 1),
    ) -> None:
        self._faces = faces
        self._batch_size = batch_size
        self._seed = seed
        self._ahead = ahead
        self._member = member
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")

    def batches(
        self, epoch: int, *, first: int = 0, shuffle: bool = True, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The batches of an epoch from number `first` on; unreadable faces are left out and named in `failed`.

        `share` (number, count): only every `count`-th of these batches, from `number` on.

        A batch may end up with fewer faces, or none; it is still one batch, so that counting them is counting steps.

        A last batch of a single face is dropped when shuffling: batch norm has no variance there.
        """
        count = len(self._faces)
        order = epoch_order(count, self._seed, epoch) if shuffle else np.arange(count)
        chunks = [order[i : i + self._batch_size].tolist() for i in range(0, count, self._batch_size)]
        if shuffle and len(chunks) > 1 and len(chunks[-1]) == 1:
            chunks.pop()
        waiting: list[Future[Batch]] = []
        number, every = share
        chunks = chunks[first:][number::every]
        try:
            for position in range(len(chunks)):
                while len(waiting) < self._ahead and position + len(waiting) < len(chunks):
                    waiting.append(self._pool.submit(self._prepare, chunks[position + len(waiting)], epoch))
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()

    def _prepare(self, indices: list[int], epoch: int) -> Batch:
        samples, used, failed = [], [], []
        number, every = self._member
        for index in indices[number::every]:
            rng = np.random.default_rng((self._seed, epoch, index))
            try:
                samples.append(self._faces.sample(index, rng))
                used.append(index)
            except StarmarkError as error:
                failed.append(error)
        return collate(samples, used, failed)

    def face(self, index: int) -> Face:
        """The face a batch names by its index."""
        return self._faces.faces[index]

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)
