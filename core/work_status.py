"""How far the work on a face, or on an image with its faces, has come: derived, never stored.

What is stored is what people did: review states, labels of annotators, predictions. So old projects have statuses too.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

WorkStatus = Literal["new", "predicted", "progress", "disputed", "done"]
STATUSES: tuple[WorkStatus, ...] = ("new", "predicted", "progress", "disputed", "done")

STATUS_TEXTS: dict[WorkStatus, str] = {
    "new": "New",
    "predicted": "Predicted",
    "progress": "In progress",
    "disputed": "Disputed",
    "done": "Done",
}


class ImageFacts(NamedTuple):
    """What the list of images can be filtered by, beyond `core.project.ImageEntry`.

    Attributes:
        left: faces that nobody has reviewed.
        started: whether an annotator has a label of one of its faces, or one was reviewed.
        modelled: whether a label of a model is kept.
        tags: of its faces, each once, sorted.
        label_sets: names of the sets that have a label of one of its faces, in the order the sets were made.
    """

    left: int = 0
    started: bool = False
    modelled: bool = False
    tags: tuple[str, ...] = ()
    label_sets: tuple[str, ...] = ()


NO_FACTS = ImageFacts()


def work_status(review: str, started: bool, predicted: bool) -> WorkStatus:
    """The status of a face, or of an image.

    Args:
        review: review state of the face; of an image as `core.project.ImageEntry` has it.
        started: whether an annotator has a label of it, or, of an image, one of its faces was reviewed.
        predicted: whether a model has said where its points are.
    """
    if review == "question":
        return "disputed"
    if review in ("accepted", "rejected"):
        return "done"
    if started:
        return "progress"
    return "predicted" if predicted else "new"
