"""Faces and landmarks for images of the project: detector, network and caches behind one door, without Qt.

Lives on the prediction thread. torch is imported when the first model is loaded, never before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from app.face_state import FaceState, worst_deviation
from app.jobs import store
from core.errors import StarmarkError
from core.face import ByteArray, FloatArray, Prediction

if TYPE_CHECKING:
    from core.model.detector import Detection, FaceDetector
    from core.model.library import LoadedModel
    from core.model.predictor import Heatmaps, Predictor
    from core.project import PredictionCache, Project
    from core.transforms import Crop

MIN_OVERLAP = 0.3
"""Intersection over union from which a detection is taken to be the labelled face."""

DETECTOR_VERSION = "mtcnn-1"
"""Key of cached detections; to be raised when the detector finds something else in the same photo."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the status bar says of the model and the device."""

    name: str
    scheme: str
    device: str
    reason: str


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


class _Photo:
    """An image file, decoded when somebody needs its pixels."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pixels: ByteArray | None = None

    def pixels(self) -> ByteArray:
        """(H, W, 3) uint8 RGB; ImageError if it cannot be read."""
        from core.images import read_image

        if self._pixels is None:
            self._pixels = read_image(self._path)
        return self._pixels


class _Work(NamedTuple):
    """An image whose faces and crops are settled; `known` predictions were cached."""

    key: str
    photo: _Photo
    faces: list[FaceState]
    crops: dict[str, Crop]
    known: dict[str, Prediction]


class PredictionEngine:
    """One model on one device. Not thread-safe: the prediction thread owns it."""

    def __init__(self, model: str | None, device: str) -> None:
        from core.model.device import choose_device, set_threads
        from core.model.library import load_model
        from core.model.predictor import Predictor

        self._device = choose_device(device)
        if self._device.kind == "cpu":
            set_threads()  # one core is left to the window
        self._model: LoadedModel = load_model(model, self._device)
        self._predictor: Predictor = Predictor(self._model, self._device)
        self._detector: FaceDetector | None = None
        self.info = ModelInfo(self._model.name, self._model.scheme.id, self._device.name, self._device.reason)

    def process(
        self,
        project: Project,
        cache: PredictionCache | None,
        author: str,
        image_ids: Sequence[str],
        check: Callable[[], None],
    ) -> list[ImageOutcome]:
        """Predict the faces of several images in shared batches; a bad image gets its error and stops nobody.

        Args:
            project: faces found in images without any are added to it.
            cache: predictions and detections of earlier sessions, or None.
            author: whose labels are compared with the prediction, where there are several.
            image_ids: ids as text.
            check: raises to cancel between images.
        """
        outcomes: dict[str, ImageOutcome] = {}
        works: dict[str, _Work] = {}
        for image_id in image_ids:
            check()
            try:
                works[image_id] = self._prepare(project, cache, author, image_id)
            except (StarmarkError, OSError) as error:
                reason = error.what if isinstance(error, StarmarkError) else str(error)
                outcomes[image_id] = ImageOutcome(image_id, error=reason)
        check()
        fresh = self._predict(works)
        self._keep(cache, works, fresh)
        for image_id, work in works.items():
            predictions = work.known | fresh.get(image_id, {})
            worst = self._worst(work.faces, predictions)
            outcomes[image_id] = ImageOutcome(image_id, tuple(work.faces), predictions, worst)
        return [outcomes[image_id] for image_id in image_ids]

    def heatmaps(self, project: Project, image_id: str, crop: FloatArray) -> Heatmaps:
        """The network's maps of one face, for looking at them."""
        from core.images import read_image
        from core.transforms import Crop

        pixels = read_image(project.image(UUID(image_id)).path)
        return self._predictor.heatmaps(pixels, Crop.from_array(crop))

    def _prepare(self, project: Project, cache: PredictionCache | None, author: str, image_id: str) -> _Work:
        from core.project import image_key

        record = project.image(UUID(image_id))
        photo = _Photo(record.path)
        key = image_key(record.path) if record.path.exists() else ""
        faces = store.load_faces(project, author, image_id)
        detections: Sequence[Detection] = []
        if not faces or any(face.crop is None and face.source != store.DRAWN for face in faces):
            detections = self._detect(photo, cache, key)
        if not faces:
            faces = self._add_found(project, author, image_id, detections)
        crops = self._crops(faces, detections)
        known = {}
        if cache is not None:
            found = {face_id: cache.get(self._model.hash, key, crop) for face_id, crop in crops.items()}
            known = {face_id: prediction for face_id, prediction in found.items() if prediction is not None}
        if len(known) < len(crops):
            photo.pixels()  # here, where an error concerns this image alone
        return _Work(key, photo, faces, crops, known)

    def _detect(self, photo: _Photo, cache: PredictionCache | None, key: str) -> Sequence[Detection]:
        from core.model.detector import Detection, FaceDetector

        cached = None if cache is None else cache.get_detections(DETECTOR_VERSION, key)
        if cached is not None:
            return [Detection(box, score, points) for box, score, points in cached]
        if self._detector is None:
            self._detector = FaceDetector()
        detections = self._detector.detect(photo.pixels())
        if cache is not None:
            cache.put_detections(DETECTOR_VERSION, key, [(d.box, d.score, d.five_points) for d in detections])
        return detections

    @staticmethod
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

    @staticmethod
    def _crops(faces: Sequence[FaceState], detections: Sequence[Detection]) -> dict[str, Crop]:
        """The crop to predict each face in.

        A crop that the source prescribes is taken. A labelled face without one is matched to a detection, so that the
        prediction does not depend on the label it is to check; where the detector missed it, the label's extent helps.
        """
        from core.model.crops import crop_from_box, crop_from_detection
        from core.model.pipeline import overlap
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

    def _predict(self, works: dict[str, _Work]) -> dict[str, dict[str, Prediction]]:
        places: list[tuple[str, str]] = []
        jobs: list[tuple[ByteArray, Crop]] = []
        for image_id, work in works.items():
            for face_id, crop in work.crops.items():
                if face_id not in work.known:
                    places.append((image_id, face_id))
                    jobs.append((work.photo.pixels(), crop))
        fresh: dict[str, dict[str, Prediction]] = {}
        if jobs:
            for (image_id, face_id), prediction in zip(places, self._predictor.predict(jobs), strict=True):
                fresh.setdefault(image_id, {})[face_id] = prediction
        return fresh

    def _keep(
        self, cache: PredictionCache | None, works: dict[str, _Work], fresh: dict[str, dict[str, Prediction]]
    ) -> None:
        if cache is not None:
            cache.put_many(
                (self._model.hash, works[image_id].key, works[image_id].crops[face_id], prediction)
                for image_id, faces in fresh.items()
                for face_id, prediction in faces.items()
            )

    def _worst(self, faces: Sequence[FaceState], predictions: dict[str, Prediction]) -> float | None:
        scheme = self._model.scheme
        values = [worst_deviation(scheme, face.label, predictions.get(face.face_id)) for face in faces]
        return max((value for value in values if value is not None), default=None)
