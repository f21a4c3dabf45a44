"""What the window knows of one face: values that are replaced, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.face import Box, Label, Prediction
from core.scheme import Scheme
from core.work_status import WorkStatus, work_status

if TYPE_CHECKING:
    from app.edits import Review
    from core.transforms import Crop


@dataclass(frozen=True, eq=False, slots=True)
class FaceState:
    """One face of the image on screen.

    Attributes:
        face_id: the project's id, as text.
        image_id: the project's id, as text.
        box: image px, or None.
        crop: the crop the face is predicted in, where its source prescribes one.
        source: who found the face: an import, "detector" or "drawn".
        label: the label shown: the annotator's own, else the import's, else None.
        label_set: name of the set that label is in; empty without a label.
        prediction: or None.
        review: what a reviewer made of it.
        own: whether the label shown is an annotator's.
        tags: as the source and the annotators tagged it.
    """

    face_id: str
    image_id: str
    box: Box | None
    crop: Crop | None
    source: str
    label: Label | None = None
    label_set: str = ""
    prediction: Prediction | None = None
    review: Review = ""
    own: bool = False
    tags: tuple[str, ...] = ()

    @property
    def status(self) -> WorkStatus:
        """How far the work on it is."""
        return work_status(self.review, self.own, self.prediction is not None)

    @property
    def scheme_id(self) -> str | None:
        """Scheme of the label, else of the prediction."""
        if self.label is not None:
            return self.label.scheme
        return None if self.prediction is None else self.prediction.scheme

    @property
    def fitting_prediction(self) -> Prediction | None:
        """The prediction, if it is in the scheme of the label or there is no label."""
        if self.prediction is None or self.prediction.scheme != self.scheme_id:
            return None
        return self.prediction

    def as_label(self) -> Label | None:
        """What an edit starts from: the label, else one made of the predicted means."""
        if self.label is not None:
            return self.label
        return None if self.prediction is None else Label(self.prediction.scheme, self.prediction.mean)


def begun(faces: Sequence[FaceState]) -> tuple[int, bool]:
    """How many of an image's faces nobody has reviewed, and whether anybody has reviewed or labelled one."""
    return sum(not face.review for face in faces), any(face.review or face.own for face in faces)


def worst_deviation(scheme: Scheme, label: Label | None, prediction: Prediction | None) -> float | None:
    """Largest distance between a label's point and the predicted mean over the scheme's normaliser.

    None where there is no label or prediction, their schemes differ, or no point or normaliser is known.
    """
    if label is None or prediction is None or label.scheme != prediction.scheme:
        return None
    distance = np.hypot(*(label.points - prediction.mean).T)
    norm = scheme.norm_distance(label.points)
    if not norm > 0 or not np.isfinite(distance).any():
        return None
    return float(np.nanmax(distance) / norm)
