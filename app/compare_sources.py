"""What a face can be compared with: itself, itself before, other people's labels, other models' predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.canvas.model import FaceView
from app.face_state import FaceState
from app.jobs.faces import FaceDetails, Step
from app.panels.history import label_names, when
from app.texts import tr
from core.errors import StarmarkError
from core.face import FloatArray, Label, Prediction
from core.scheme import get_scheme

if TYPE_CHECKING:
    from core.project import PredictionCache, Project

NOW = "now"


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """One state of a face.

    Attributes:
        key: stable name, the same for all faces where that makes sense.
        name: on screen.
        view: to draw; None for the face as it is being worked on, or where it cannot be had.
        reason: why it cannot be had and what to do, else empty.
    """

    key: str
    name: str
    view: FaceView | None
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether it can be shown."""
        return not self.reason


@dataclass(frozen=True, eq=False, slots=True)
class OtherModel:
    """What another model says of the face; `prediction` is None where it was never asked."""

    name: str
    prediction: Prediction | None


def sources(
    face: FaceState,
    opening: Label | None,
    details: FaceDetails | None,
    step: Step | None,
    models: Sequence[OtherModel] | None,
) -> list[Source]:
    """All states of `face` there are, the one worked on first.

    Args:
        opening: its label when its image was opened.
        step: the one selected in its history.
        models: None while they are looked for.
    """
    found = [Source(NOW, tr("What you work on"), None)]
    found.append(_of_label("opening", tr("Label when the image was opened"), opening, tr("It had no label then.")))
    current = tr("There is no prediction yet.") if face.prediction is None else ""
    found.append(_of_prediction("prediction", tr("Prediction alone"), face.prediction, current))
    if details is not None:
        for (name, kind, label), shown in zip(details.labels, label_names(details.labels), strict=True):
            found.append(_of_label(f"set:{kind}:{name}", tr("Labels of {shown}", shown=shown), label, ""))
    if step is not None and step.label is not None:
        name = tr("State of {at}, {author}", at=when(step.at), author=step.author)
        found.append(_of_label("step", name, step.label, ""))
    else:
        found.append(Source("step", tr("An earlier state"), None, tr("Select a step in the History dock.")))
    for model in models or ():
        asked = "" if model.prediction is not None else (
            tr(
                "{name} has not predicted this face. Choose it under Edit > Settings > Model, let it predict, and "
                "choose the other one again: both are then kept.",
                name=model.name,
            )
        )
        name = tr("Model {name}", name=model.name)
        found.append(_of_prediction(f"model:{model.name}", name, model.prediction, asked))
    if models is not None and not models:
        none = tr("There is only one model. 'starmark models add FILE' adds another.")
        found.append(Source("model", tr("Another model"), None, none))
    return found


def _of_label(key: str, name: str, label: Label | None, reason: str) -> Source:
    if label is None:
        return Source(key, name, None, reason)
    view = _view(key, label.scheme, label, None)
    return Source(
        key,
        name,
        view,
        ""
        if view is not None
        else tr(
            "Its scheme {scheme} is not known.",
            scheme=label.scheme,
        ),
    )


def _of_prediction(key: str, name: str, prediction: Prediction | None, reason: str) -> Source:
    if prediction is None:
        return Source(key, name, None, reason)
    view = _view(key, prediction.scheme, None, prediction)
    return Source(key, name, view, "" if view is not None else tr(
        "Its scheme {scheme} is not known.",
        scheme=prediction.scheme,
    ))


def _view(key: str, scheme: str, label: Label | None, prediction: Prediction | None) -> FaceView | None:
    try:
        return FaceView(f"compared {key}", get_scheme(scheme), None, label, prediction, active=True)
    except (StarmarkError, ValueError):  # a scheme of the user's that is gone, or has changed since
        return None


def other_models(
    project: Project, cache: PredictionCache | None, image_id: str, crop: FloatArray, model_in_use: str
) -> list[OtherModel]:
    """What the cache has of each installed model but `model_in_use` (its hash) for a crop of an image. Reads files."""
    from core.model.places import BUNDLED_DIR, model_files, model_hash, user_models_dir
    from core.project import image_key

    path = project.image(UUID(image_id)).path
    if cache is None or not path.exists():
        return []
    key = image_key(path)
    found = []
    for file in (*model_files(BUNDLED_DIR), *model_files(user_models_dir())):
        digest = model_hash(str(file))
        if digest is not None and digest != model_in_use:
            found.append(OtherModel(file.stem, cache.get(digest, key, crop)))
    return found
