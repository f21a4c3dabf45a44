"""The project store: one SQLite file that keeps images, faces, labels and every change to them.

`store.Project` is the door; `records` has the values that go through it, `cache.PredictionCache` the regenerable rest.
"""

from core.project.cache import PredictionCache, image_key
from core.project.records import (
    AppliedEdit,
    Change,
    Edits,
    FaceLabel,
    FaceRecord,
    ImageRecord,
    ImportCounts,
    LabelSet,
    LabelVersion,
    NewFace,
    NewImage,
    Revision,
    SetLabel,
)
from core.project.store import Project

__all__ = [
    "AppliedEdit",
    "Change",
    "Edits",
    "FaceLabel",
    "FaceRecord",
    "ImageRecord",
    "ImportCounts",
    "LabelSet",
    "LabelVersion",
    "NewFace",
    "NewImage",
    "PredictionCache",
    "Project",
    "Revision",
    "SetLabel",
    "image_key",
]
