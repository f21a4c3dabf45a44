"""Detections of a photo through a prediction cache. Without torch, so that the window can look for faces before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.face import Detection

if TYPE_CHECKING:
    from core.model.detector import FaceDetector
    from core.model.photo import Photo
    from core.project.cache import PredictionCache

DETECTOR_VERSION = "mtcnn-2"
"""Key of cached detections; to be raised when the detector finds something else in the same photo."""


def detect_cached(
    photo: Photo, key: str, cache: PredictionCache | None, detector: Callable[[], FaceDetector]
) -> Sequence[Detection]:
    """The faces of a photo: those kept under `key` if there are any, else found now, and kept.

    `detector` is asked for only where it is needed. ImageError if the photo cannot be read.
    """
    cached = None if cache is None else cache.get_detections(DETECTOR_VERSION, key)
    if cached is not None:
        return [Detection(box, score, points) for box, score, points in cached]
    found = photo.detect(detector())
    if cache is not None:
        cache.put_detections(DETECTOR_VERSION, key, [(one.box, one.score, one.five_points) for one in found])
    return found
