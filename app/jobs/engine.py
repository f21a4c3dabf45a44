"""Landmarks for images of the project: network and caches behind one door, without Qt.

Lives on the prediction thread. torch is imported when the first model is loaded, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.jobs.prepare import ImageOutcome, Preparer, Work
from core.errors import StarmarkError
from core.face import FloatArray, Prediction

if TYPE_CHECKING:
    from core.model.library import LoadedModel
    from core.model.predictor import Cut, Heatmaps, Predictor
    from core.project import PredictionCache, Project


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the status bar says of the model and the device, and the hash under which its predictions are cached.

    `calibration` is what its file says of it (`core.calibration.Calibration.from_json`), None without.
    """

    name: str
    scheme: str
    device: str
    reason: str
    precision: str
    hash: str
    calibration: Any = None


class PredictionEngine:
    """One model on one device. Not thread-safe: the prediction thread owns it."""

    def __init__(self, model: str | None, device: str, preparer: Preparer | None = None) -> None:
        from core.model.allocator import keep_large_blocks
        from core.model.device import choose_device, set_threads
        from core.model.library import load_model
        from core.model.predictor import Predictor

        self._device = choose_device(device)
        if self._device.kind == "cpu":
            keep_large_blocks()
            set_threads()  # one core is left to the window
        self._model: LoadedModel = load_model(model, self._device)
        self._predictor: Predictor = Predictor(self._model, self._device)
        self._preparer = Preparer() if preparer is None else preparer
        self._warm = False
        precision = self._model.precision
        self.info = ModelInfo(
            self._model.name,
            self._model.scheme.id,
            self._device.name,
            self._device.reason,
            f"{precision.name} ({precision.reason})",
            self._model.hash,
            self._model.header.calibration,
        )

    def warm_up(self) -> None:
        """Make now what is made at first use: the detector, and, by a black picture, what the network needs to run."""
        import numpy as np

        from core.transforms import Crop

        self._preparer.warm_up()
        if not self._warm:
            self._predictor.predict([(np.zeros((64, 64, 3), np.uint8), Crop.square(32, 32, 64))])
            self._warm = True

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
        works: dict[str, Work] = {}
        cuts: dict[str, dict[str, Cut]] = {}
        for image_id in image_ids:
            check()
            try:
                work = self._preparer.prepare(project, cache, author, image_id, self._model.hash)
                cuts[image_id] = self._cuts(work)  # here, where an error concerns this image alone
                works[image_id] = work
            except (StarmarkError, OSError) as error:
                reason = error.what if isinstance(error, StarmarkError) else str(error)
                outcomes[image_id] = ImageOutcome(image_id, error=reason)
        check()
        fresh = self._predict(cuts)
        self._keep(cache, works, fresh)
        for image_id, work in works.items():
            outcomes[image_id] = work.outcome(image_id, fresh.get(image_id, {}))
        return [outcomes[image_id] for image_id in image_ids]

    def heatmaps(self, project: Project, image_id: str, crop: FloatArray) -> Heatmaps:
        """The network's maps of one face, for looking at them."""
        from core.images import read_image
        from core.transforms import Crop

        pixels = read_image(project.image(UUID(image_id)).path)
        return self._predictor.heatmaps(pixels, Crop.from_array(crop))

    def _cuts(self, work: Work) -> dict[str, Cut]:
        """What the network is to see of each face that is not known, by face id."""
        return {
            face_id: self._predictor.cut(work.photo, crop)
            for face_id, crop in work.crops.items()
            if face_id not in work.known
        }

    def _predict(self, cuts: dict[str, dict[str, Cut]]) -> dict[str, dict[str, Prediction]]:
        places = [(image_id, face_id) for image_id, faces in cuts.items() for face_id in faces]
        if not places:
            return {}
        predictions = self._predictor.predict_cuts([cuts[image_id][face_id] for image_id, face_id in places])
        self._warm = True
        fresh: dict[str, dict[str, Prediction]] = {}
        for (image_id, face_id), prediction in zip(places, predictions, strict=True):
            fresh.setdefault(image_id, {})[face_id] = prediction
        return fresh

    def _keep(
        self, cache: PredictionCache | None, works: dict[str, Work], fresh: dict[str, dict[str, Prediction]]
    ) -> None:
        if cache is not None:
            cache.put_many(
                (self._model.hash, works[image_id].key, works[image_id].crops[face_id], prediction)
                for image_id, faces in fresh.items()
                for face_id, prediction in faces.items()
            )
