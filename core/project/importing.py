"""Bringing a data set into a project: images, faces and labels in one transaction and one revision, all or nothing.

Importing the same data set again changes nothing: a face is known again by its place in its image, and its label is
replaced only where it differs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from core.errors import UsageError
from core.face import Box, overlap
from core.project import edits
from core.project.codec import encode_label, same_label
from core.project.images import ImagePaths, add_images, face_row, faces_of
from core.project.records import FaceRecord, ImportCounts, ImportedFaceLike, LabelSet, NewFace, NewImage
from core.project.schema import FACE
from core.project.steps import AnyStep, Step, current

Progress = Callable[[int, int], object]
"""Called with faces done and faces in all; raising from it cancels the import, which then leaves nothing behind."""

_STEP = 250
_SAME_PLACE = 0.4
"""Least overlap (intersection over union) at which an imported face is one that the project has already."""


@dataclass
class _Plan:
    """What an import will write, gathered before the first row."""

    faces: list[dict[str, Any]] = field(default_factory=list)
    steps: list[AnyStep] = field(default_factory=list)
    unchanged: int = 0


def materialise(faces: Iterable[ImportedFaceLike]) -> tuple[list[ImportedFaceLike], list[tuple[NewImage, Any]]]:
    """The faces, and their images with what the file system says of them, each image once. UsageError for no face."""
    found = list(faces)
    if not found:
        raise UsageError("there is no face to import", remedy="Choose a data set with labelled faces")
    images = {str(face.image): _new_image(face) for face in found}
    return found, [(image, stat_or_none(image.path)) for image in images.values()]


def _new_image(face: ImportedFaceLike) -> NewImage:
    info = face.info
    if info is None:
        return NewImage(face.image)
    return NewImage(face.image, info.width, info.height, info.orientation)


def stat_or_none(path: Path) -> os.stat_result | None:
    """Size and time of a file, None where it cannot be looked at."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def import_faces(
    connection: Connection,
    paths: ImagePaths,
    faces: Sequence[ImportedFaceLike],
    images: Sequence[tuple[NewImage, Any]],
    label_set: LabelSet,
    author: str,
    progress: Progress | None,
) -> ImportCounts:
    """Write what is new or different of `faces`; see the module."""
    edits.check_author(author)
    ids, images_added = add_images(connection, paths, images)
    image_ids = {str(image.path): image_id for (image, _), image_id in zip(images, ids, strict=True)}
    known = {} if images_added == len(images) else faces_of(connection, set(ids), removed=True)
    by_image: dict[UUID, list[ImportedFaceLike]] = {}
    for face in faces:
        by_image.setdefault(image_ids[str(face.image)], []).append(face)
    keys = [(record.id, label_set.id) for records in known.values() for record in records]
    now = current(connection, keys)
    plan = _Plan()
    done = 0
    for image_id, group in by_image.items():
        boxes = [box_of(face) for face in group]
        # A face that was removed is known again too, and stays removed.
        for face, record in zip(group, match_boxes(boxes, known.get(image_id, [])), strict=True):
            _plan_face(plan, image_id, face, record, label_set, now)
            done += 1
            if progress is not None and done % _STEP == 0:
                progress(done, len(faces))
    if plan.faces:
        connection.execute(insert(FACE), plan.faces)
    revision = None
    if plan.steps:
        revision = edits.record(connection, author, "import", f"import {label_set.name}", plan.steps)
    added = sum(step.before is None for step in plan.steps)
    if progress is not None:
        progress(len(faces), len(faces))
    return ImportCounts(
        images_added, len(plan.faces), added, len(plan.steps) - added, plan.unchanged, label_set, revision
    )


def _plan_face(
    plan: _Plan,
    image_id: UUID,
    face: ImportedFaceLike,
    record: FaceRecord | None,
    label_set: LabelSet,
    now: dict[tuple[UUID, UUID], tuple[int, bytes | None]],
) -> None:
    after = encode_label(face.label)
    if record is None:
        extras = getattr(face, "extras", {})  # not every importer has any
        row = face_row(NewFace(image_id, box_of(face), face.crop, face.source, tuple(face.tags), extras))
        plan.faces.append(row)
        plan.steps.append(Step(row["id"], label_set.id, 0, None, after))
        return
    version, before = now.get((record.id, label_set.id), (0, None))
    if same_label(before, after):
        plan.unchanged += 1
    else:
        plan.steps.append(Step(record.id, label_set.id, version, before, after))


def box_of(face: ImportedFaceLike) -> Box | None:
    """The face's own box, else that of its points; None where they span no area."""
    if face.box is not None:
        return face.box
    try:
        return Box.around(face.label.points)
    except ValueError:
        return None


def match_boxes(boxes: Sequence[Box | None], records: Sequence[FaceRecord]) -> list[FaceRecord | None]:
    """For each box in an image the face of the project at the same place, best overlaps first."""
    matched: list[FaceRecord | None] = [None] * len(boxes)
    pairs = []
    for i, box in enumerate(boxes):
        for j, record in enumerate(records):
            shared = overlap_of(box, record.box)
            if shared >= _SAME_PLACE:
                pairs.append((-shared, i, j))
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if matched[i] is None and j not in taken:
            matched[i] = records[j]
            taken.add(j)
    return matched


def overlap_of(one: Box | None, other: Box | None) -> float:
    """Intersection over union of two boxes in [0, 1]; two missing boxes are the same."""
    if one is None or other is None:
        return float(one is other)
    return overlap(one, other)
