"""What views may ask of the document, one value an edit, and what is said of saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from app.texts import tr
from core.face import Box, Label
from core.judgement import Decision
from core.label_change import LabelChange

Review = Literal["", "accepted", "question", "rejected"]


@dataclass(frozen=True, slots=True)
class MovePoint:
    """Put point `index` of a face at (x, y), image px."""

    face_id: str
    index: int
    x: float
    y: float

    def as_change(self) -> ChangePoints:
        """The same in general terms."""
        change = LabelChange(np.array([self.index]), np.array([[self.x, self.y]]))
        return ChangePoints(self.face_id, change, "move point")


@dataclass(frozen=True, eq=False, slots=True)
class ChangePoints:
    """Change some points of a face's label, as one step; `what` names it in the history and beside Undo.

    `start` is the label that a face without any label or prediction begins with; such a face is left alone without it.
    """

    face_id: str
    change: LabelChange
    what: str
    start: Label | None = None


@dataclass(frozen=True, slots=True)
class DrawBox:
    """A face that the user drew a box around."""

    image_id: str
    box: Box


@dataclass(frozen=True, slots=True)
class RemoveFace:
    """Take a face away; undo brings it back with its labels."""

    face_id: str


@dataclass(frozen=True, slots=True)
class RevertFace:
    """Bring a face back to what one step of its history made of it."""

    face_id: str
    revision_id: str


@dataclass(frozen=True, slots=True)
class DescribeFace:
    """What people say of a face; None leaves a part as it is."""

    face_id: str
    review: Review | None = None
    tags: tuple[str, ...] | None = None
    note: str | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Judge:
    """A decision about a doubted label, and with it maybe a correction: one step, which `what` names.

    Attributes:
        points: indices; None among them means the whole face.
        label: the label decided about; it was in the set `label_set`.
        change: the correction; None leaves the label as it is.
    """

    face_id: str
    points: tuple[int | None, ...]
    decision: Decision
    label: Label
    label_set: str
    what: str
    change: LabelChange | None = None


Edit = MovePoint | ChangePoints | DrawBox | RemoveFace | RevertFace | DescribeFace | Judge


@dataclass(frozen=True, slots=True)
class SaveState:
    """What the status bar says of saving: "saved", "saving" or "failed", and since when."""

    kind: str
    at: datetime | None = None

    @property
    def text(self) -> str:
        """For people."""
        if self.kind == "saving":
            return tr("Saving…")
        if self.kind == "failed":
            return tr("Not saved")
        return tr("All changes saved") if self.at is None else tr("All changes saved {at:%H:%M:%S}", at=self.at)
