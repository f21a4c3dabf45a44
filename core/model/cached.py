"""Predictions of many images through a prediction cache: what is known is not computed, what is computed is kept.

Work goes on in chunks, and each is kept as soon as it is done, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import cv2

from core.errors import StarmarkError
from core.face import Prediction
from core.model.crops import crop_from_detection
from core.model.detections import detect_cached
from core.model.detector import FaceDetector
from core.model.device import core_count
from core.model.photo import Photo
from core.model.pipeline import (
    FaceRequest,
    FoundFace,
    ImageRequest,
    ImageResult,
    best_overlapping,
    predict_images,
)
from core.model.predictor import Predictor
from core.project.cache import PredictionCache, image_key

CHUNK = 64
"""Images whose predictions are kept together."""
_MAX_THREADS = 4


@dataclass(frozen=True, eq=False, slots=True)
class _Settled:
    """An image of which the crops are known, and the predictions as far as they are in the cache.

    `indices` are those of its faces among the request's; `problem` is why nothing can be known of it.
    """

    request: ImageRequest
    size: tuple[int, int]
    key: str
    faces: tuple[FaceRequest, ...]
    indices: tuple[int, ...]
    known: tuple[Prediction | None, ...]
    problem: str | None = None


def predict_cached(
    requests: Iterable[ImageRequest], predictor: Predictor, detector: FaceDetector, cache: PredictionCache
) -> Iterator[ImageResult]:
    """As `core.model.pipeline.predict_images`, for requests that name their faces; results in order."""
    rest = iter(requests)
    threads = max(1, min(_MAX_THREADS, core_count()))
    with ThreadPoolExecutor(threads, thread_name_prefix="settle crops") as pool:
        settle = partial(_settle, detector=detector, cache=cache, model=predictor.model.hash)
        while chunk := list(islice(rest, CHUNK)):
            settled = list(pool.map(settle, chunk))
            yield from _predict(settled, predictor, detector, cache)


def _settle(request: ImageRequest, detector: FaceDetector, cache: PredictionCache, model: str) -> _Settled:
    photo, wanted = Photo(request.path), request.faces or ()
    try:
        key, size = image_key(request.path), photo.size
        searched = any(face.crop is None for face in wanted)
        detections = detect_cached(photo, key, cache, lambda: detector) if searched else []
    except (StarmarkError, OSError, ValueError, MemoryError, cv2.error) as error:
        text = " ".join(str(error).split()).removeprefix(f"{request.path}: ")
        return _Settled(request, (0, 0), "", (), (), (), text or type(error).__name__)
    faces, indices = [], []
    for index, face in enumerate(wanted):
        crop, box = face.crop, face.box
        if crop is None and (found := best_overlapping(detections, face.box)) is not None:
            crop, box = crop_from_detection(found), found.box
        crop = face.fallback if crop is None else crop
        if crop is not None:
            faces.append(FaceRequest(box, crop))
            indices.append(index)
    known = tuple(cache.get(model, key, face.crop) for face in faces if face.crop is not None)
    return _Settled(request, size, key, tuple(faces), tuple(indices), known)


def _predict(
    settled: Sequence[_Settled], predictor: Predictor, detector: FaceDetector, cache: PredictionCache
) -> Iterator[ImageResult]:
    unknown = [item for item in settled if item.problem is None and None in item.known]
    asked = [ImageRequest(item.request.path, item.faces) for item in unknown]
    fresh = dict(zip(map(id, unknown), predict_images(asked, predictor, detector), strict=True))
    model = predictor.model.hash
    cache.put_many(
        (model, item.key, face.crop, face.prediction) for item in unknown for face in fresh[id(item)].faces
    )
    for item in settled:
        if item.problem is not None:
            yield ImageResult(item.request.path, 0, 0, (), item.problem)
            continue
        result = fresh.get(id(item))
        if result is not None and result.error is not None:
            yield result
            continue
        predictions = item.known if result is None else tuple(face.prediction for face in result.faces)
        faces = tuple(
            FoundFace(face.box, None, face.crop, prediction, index)
            for face, index, prediction in zip(item.faces, item.indices, predictions, strict=True)
            if face.crop is not None and prediction is not None
        )
        yield ImageResult(item.request.path, *item.size, faces)
