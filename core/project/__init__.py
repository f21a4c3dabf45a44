"""The project store: one SQLite file that keeps images, faces, labels and every change to them.

`store.Project` is the door; `records` has the values that go through it, `cache.PredictionCache` the regenerable rest.
"""

from core.project.cache import PredictionCache, image_key
from core.project.records import (
    AppliedEdit,
    Change,
    Edit,
    Edits,
    FaceChange,
    FaceInfo,
    FaceLabel,
    FaceRecord,
    ImageEntry,
    ImageRecord,
    ImportCounts,
    LabelSet,
    LabelVersion,
    ModelRecord,
    NewFace,
    NewImage,
    ReviewState,
    Revision,
    SetFaceInfo,
    SetLabel,
    SnapshotLabel,
    SnapshotRecord,
    UndoStep,
)
from core.project.store import Project

__all__ = [
    "AppliedEdit",
    "Change",
    "Edit",
    "Edits",
    "FaceChange",
    "FaceInfo",
    "FaceLabel",
    "FaceRecord",
    "ImageEntry",
    "ImageRecord",
    "ImportCounts",
    "LabelSet",
    "LabelVersion",
    "ModelRecord",
    "NewFace",
    "NewImage",
    "PredictionCache",
    "Project",
    "ReviewState",
    "Revision",
    "SetFaceInfo",
    "SetLabel",
    "SnapshotLabel",
    "SnapshotRecord",
    "UndoStep",
    "image_key",
]
