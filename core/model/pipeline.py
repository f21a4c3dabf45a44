"""The main job for many images: decode, find the faces, crop, predict. Shared by the window and the command line.

What cannot be read or computed becomes that image's error; the others go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from core.errors import StarmarkError, one_line
from core.face import Box, Detection, Prediction, overlap
from core.model.crops import crop_from_detection
from core.model.detector import FaceDetector
from core.model.device import core_count, set_threads
from core.model.photo import Photo
from core.model.predictor import Cut, Predictor
from core.transforms import Crop

MIN_OVERLAP = 0.1
"""Least intersection over union of a detection and a wanted box for the two to be the same face."""

_LARGE_NETWORK = 5_000_000  # weights
_MAX_THREADS = 4  # that prepare images; the detector serves one at a time
_MAX_WAITING = 64  # images that wait for a batch to fill


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """A face that is known to be there.

    Attributes:
        box: where, image px.
        crop: what the network is to see; None asks the detector for the face at `box`.
        fallback: what the network is to see where the detector misses the face; None leaves it out.
    """

    box: Box
    crop: Crop | None = None
    fallback: Crop | None = None


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """An image, with the faces wanted of it; None for all that the detector finds."""

    path: Path
    faces: tuple[FaceRequest, ...] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class FoundFace:
    """A face with its prediction.

    Attributes:
        box: the detector's box, or the requested one, image px.
        score: the detector's confidence; None where a crop was given.
        crop: what the network saw.
        prediction: in image px.
        request: index into the request's faces; None where all faces were wanted.
    """

    box: Box
    score: float | None
    crop: Crop
    prediction: Prediction
    request: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class ImageResult:
    """What came of one image.

    Attributes:
        path: as requested.
        width, height: px, upright; 0 where the image could not be read.
        faces: found or requested, in order; a requested face that the detector misses is not among them.
        error: one sentence, or None. An image with an error has no faces.
    """

    path: Path
    width: int
    height: int
    faces: tuple[FoundFace, ...]
    error: str | None = None


@dataclass(frozen=True, eq=False, slots=True)
class _Target:
    box: Box
    score: float | None
    crop: Crop
    request: int | None


@dataclass(eq=False, slots=True)
class _Prepared:
    """An image whose crops are placed and cut out, waiting for the network; its own pixels are gone."""

    path: Path
    size: tuple[int, int]
    targets: list[_Target] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    error: str | None = None


def share_cores(predictor: Predictor) -> None:
    """Set torch's threads, for the whole process, so that preparing images and the network get on together.

    Beside a small network, decoding and detecting take as long as it does and get a core; a large one gets all cores.
    """
    weights = sum(buffer.numel() for buffer in predictor.model.network.buffers())
    set_threads(core_count() if weights > _LARGE_NETWORK else None)


def predict_images(
    requests: Iterable[ImageRequest],
    predictor: Predictor,
    detector: FaceDetector,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[ImageResult]:
    """One result an image, in order. Faces of several images share a batch; the next images are decoded meanwhile.

    Args:
        requests: taken as needed, so that it may be endless.
        predictor: predicts on the calling thread; other threads only cut crops with it.
        detector: used from threads of this function.
        cancelled: asked between images; once true, nothing more is yielded.
    """
    waiting: list[_Prepared] = []
    with closing(_prepare_ahead(requests, predictor, detector)) as prepared:
        for item in prepared:
            if cancelled():
                return
            waiting.append(item)
            faces = sum(len(one.targets) for one in waiting)
            if not faces or faces >= predictor.batch_size or len(waiting) >= _MAX_WAITING:
                yield from _finish(waiting, predictor)
                waiting = []
    if waiting and not cancelled():
        yield from _finish(waiting, predictor)


def _prepare_ahead(
    requests: Iterable[ImageRequest], predictor: Predictor, detector: FaceDetector
) -> Generator[_Prepared, None, None]:
    """Prepare images in threads, two batches ahead of the caller: of each image, only the crops are held."""
    pending: deque[Future[_Prepared]] = deque()
    threads = max(1, min(_MAX_THREADS, core_count() // 2))
    pool = ThreadPoolExecutor(threads, thread_name_prefix="prepare images")
    try:
        for request in requests:
            pending.append(pool.submit(_prepare, request, predictor, detector))
            if len(pending) > 2 * predictor.batch_size:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(request: ImageRequest, predictor: Predictor, detector: FaceDetector) -> _Prepared:
    """Decode an image, place its crops and cut them out; every failure is noted, none raised."""
    photo, size = Photo(request.path), (0, 0)
    try:
        size = photo.size
        targets = _targets(request, photo, detector)
        return _Prepared(request.path, size, targets, [predictor.cut(photo, target.crop) for target in targets])
    except (StarmarkError, ValueError, MemoryError, cv2.error) as error:
        return _Prepared(request.path, size, error=_sentence(error, request.path))


def _targets(request: ImageRequest, photo: Photo, detector: FaceDetector) -> list[_Target]:
    if request.faces is None:
        return [_Target(d.box, d.score, crop_from_detection(d), None) for d in photo.detect(detector)]
    searched = any(face.crop is None for face in request.faces)
    detections = photo.detect(detector) if searched else []
    targets = []
    for index, face in enumerate(request.faces):
        if face.crop is not None:
            targets.append(_Target(face.box, None, face.crop, index))
        elif (found := best_overlapping(detections, face.box)) is not None:
            targets.append(_Target(found.box, found.score, crop_from_detection(found), index))
        elif face.fallback is not None:
            targets.append(_Target(face.box, None, face.fallback, index))
    return targets


def best_overlapping(detections: Sequence[Detection], box: Box) -> Detection | None:
    """The detection with the largest intersection over union with `box`, if that is at least MIN_OVERLAP."""
    best = max(detections, key=lambda detection: overlap(detection.box, box), default=None)
    return best if best is not None and overlap(best.box, box) >= MIN_OVERLAP else None


def _finish(waiting: Sequence[_Prepared], predictor: Predictor) -> Iterator[ImageResult]:
    """Predict the faces of several images together; where that fails, image by image, to find the one at fault."""
    try:
        results = [_collect(item, faces) for item, faces in zip(waiting, _predict(waiting, predictor), strict=True)]
    except (StarmarkError, RuntimeError, ValueError, cv2.error) as error:
        if len(waiting) == 1:
            results = [_collect(replace(waiting[0], error=_sentence(error, waiting[0].path)), ())]
        else:
            results = [result for item in waiting for result in _finish([item], predictor)]
    yield from results


def _predict(waiting: Sequence[_Prepared], predictor: Predictor) -> list[tuple[FoundFace, ...]]:
    cuts = [cut for item in waiting for cut in item.cuts]
    predictions = iter(predictor.predict_cuts(cuts)) if cuts else iter(())
    return [
        tuple(FoundFace(t.box, t.score, t.crop, next(predictions), t.request) for t in item.targets) for item in waiting
    ]


def _collect(item: _Prepared, faces: tuple[FoundFace, ...]) -> ImageResult:
    return ImageResult(item.path, *item.size, faces, item.error)


def _sentence(error: BaseException, path: Path) -> str:
    """The reason alone: the path stands beside it."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for this image. Make it smaller."
    text = " ".join(str(error).split())
    return text.removeprefix(f"{one_line(str(path))}: ")
