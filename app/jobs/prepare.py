"""From an image of the project to faces, their crops, and what is known of them: all that goes before the network.

Needs neither torch nor a loaded model, so that the window has faces, and the predictions of earlier sessions, while
torch is still being imported.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from app.face_state import FaceState, worst_deviation
from app.jobs import store
from core.errors import StarmarkError
from core.face import Detection, Prediction, overlap
from core.model.detections import detect_cached
from core.scheme import get_scheme

if TYPE_CHECKING:
    from core.model.detector import FaceDetector
    from core.model.photo import Photo
    from core.project import PredictionCache, Project
    from core.transforms import Crop

MIN_OVERLAP = 0.3
"""Intersection over union from which a detection is taken to be the labelled face."""


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """What came of one image.

    Attributes:
        image_id: the project's id, as text.
        faces: the faces of the image, with those newly found.
        predictions: by face id.
        worst: largest deviation of a label, fraction of the normaliser; None without labels.
        error: one sentence if the image could not be used.
    """

    image_id: str
    faces: tuple[FaceState, ...] = ()
    predictions: dict[str, Prediction] | None = None
    worst: float | None = None
    error: str | None = None


class Work(NamedTuple):
    """An image whose faces and crops are settled; `known` predictions were cached."""

    key: str
    photo: Photo
    faces: list[FaceState]
    crops: dict[str, Crop]
    known: dict[str, Prediction]

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to predict."""
        return len(self.known) == len(self.crops)

    def outcome(self, image_id: str, fresh: dict[str, Prediction]) -> ImageOutcome:
        """What came of the image, given the predictions that were not cached."""
        predictions = self.known | fresh
        return ImageOutcome(image_id, tuple(self.faces), predictions, _worst(self.faces, predictions))


class Preparer:
    """Settles faces and crops. For any thread; one image at a time, so that nothing is found twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._detector: FaceDetector | None = None

    def warm_up(self) -> None:
        """Load the detector. What stands in its way is said when an image needs it."""
        with self._lock, contextlib.suppress(StarmarkError):
            self._load_detector()

    def prepare(
        self, project: Project, cache: PredictionCache | None, author: str, image_id: str, model_hash: str
    ) -> Work:
        """Faces, crops and cached predictions of an image; faces found in one without any are added to the project.

        StarmarkError or OSError if the image cannot be read, or the project not be written.
        """
        from core.model.photo import Photo
        from core.project import image_key

        with self._lock:
            record = project.image(UUID(image_id))
            photo = Photo(record.path)
            key = image_key(record.path) if record.path.exists() else ""
            faces = store.load_faces(project, author, image_id)
            detections: Sequence[Detection] = []
            if not faces or any(face.crop is None and face.source != store.DRAWN for face in faces):
                detections = detect_cached(photo, key, cache, self._load_detector)
            if not faces:
                faces = _add_found(project, author, image_id, _not_removed(project, image_id, detections))
        crops = _crops(faces, detections)
        known = {}
        if cache is not None:
            found = {face_id: cache.get(model_hash, key, crop) for face_id, crop in crops.items()}
            known = {face_id: prediction for face_id, prediction in found.items() if prediction is not None}
        return Work(key, photo, faces, crops, known)

    def _load_detector(self) -> FaceDetector:
        from core.model.detector import FaceDetector

        if self._detector is None:
            self._detector = FaceDetector()
        return self._detector


def _add_found(project: Project, author: str, image_id: str, detections: Sequence[Detection]) -> list[FaceState]:
    if project.read_only or not detections:
        return []
    from core.model.crops import crop_from_detection
    from core.project import NewFace

    found = []
    for detection in detections:
        crop = crop_from_detection(detection)
        found.append(NewFace(UUID(image_id), detection.box, (crop.scale, crop.cx, crop.cy), "detector"))
    return store.face_states(project, author, project.add_faces(found))


def _not_removed(project: Project, image_id: str, detections: Sequence[Detection]) -> list[Detection]:
    """The detections less those of faces that somebody took away: they must not come back with every look."""
    gone = [face.box for face in project.faces(UUID(image_id), removed=True) if face.removed and face.box is not None]
    return [one for one in detections if all(overlap(one.box, box) < MIN_OVERLAP for box in gone)]


def _crops(faces: Sequence[FaceState], detections: Sequence[Detection]) -> dict[str, Crop]:
    """The crop to predict each face in.

    A crop that the source prescribes is taken. A labelled face without one is matched to a detection, so that the
    prediction does not depend on the label it is to check; where the detector missed it, the label's extent helps.
    """
    from core.model.crops import crop_from_box, crop_from_detection
    from core.transforms import crop_from_points

    crops: dict[str, Crop] = {}
    free = list(detections)
    for face in faces:
        if face.crop is not None:
            crops[face.face_id] = face.crop
            continue
        shared = [0.0 if face.box is None else overlap(detection.box, face.box) for detection in free]
        if shared and max(shared) >= MIN_OVERLAP:
            best = free.pop(shared.index(max(shared)))
            crops[face.face_id] = crop_from_detection(best)
        elif face.label is not None:
            with contextlib.suppress(ValueError):  # a label with hardly a point in it
                crops[face.face_id] = crop_from_points(face.label.points)
        elif face.box is not None:
            crops[face.face_id] = crop_from_box(face.box)
    return crops


def _worst(faces: Sequence[FaceState], predictions: dict[str, Prediction]) -> float | None:
    """Largest deviation of a label; None where there is nothing to compare."""
    values = []
    for face in faces:
        prediction = predictions.get(face.face_id)
        if prediction is not None:
            values.append(worst_deviation(get_scheme(prediction.scheme), face.label, prediction))
    return max((value for value in values if value is not None), default=None)
