"""Looking for points that an annotator marked for a second look, image after image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import numpy as np

from app.jobs.pool import Job
from core.face import Label, PointFlag

if TYPE_CHECKING:
    from core.project import Project

_IMAGES = 100
"""Images that are looked at together: far fewer than the next marked point is usually away."""


class Flagged(NamedTuple):
    """A marked point."""

    image_id: str
    face_id: str
    point: int


def marked_points(label: Label | None) -> list[int]:
    """Indices of the marked points that are there, ascending."""
    if label is None:
        return []
    there = np.isfinite(label.points).all(axis=1)
    return [int(index) for index in np.flatnonzero((label.flags & PointFlag.MARKED).astype(bool) & there)]


def first_marked(project: Project, author: str, image_ids: Sequence[str], last: bool, job: Job) -> Flagged | None:
    """The first marked point of the labels shown, in the order of the images; `last`: of its image the last one."""
    for start in range(0, len(image_ids), _IMAGES):
        job.check()
        images = [UUID(image_id) for image_id in image_ids[start : start + _IMAGES]]
        faces = project.faces_of(images)
        labels = project.current_labels([face.id for image in images for face in faces[image]], author)
        for image in images:
            found = [
                Flagged(str(image), str(face.id), index)
                for face in faces[image]
                if face.id in labels
                for index in marked_points(labels[face.id].label)
            ]
            if found:
                return found[-1 if last else 0]
    return None
