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
from core.project.images import ImagePaths, add_images, chunks, face_row, faces_of
from core.project.records import FaceRecord, ImportCounts, ImportedFaceLike, LabelSet, NewFace, NewImage
from core.project.schema import FACE
from core.project.steps import AnyStep, Step, current, write

Progress = Callable[[int, int], object]
"""Called with faces done and faces in all; raising from it cancels the import, which then leaves nothing behind."""

_STEP = 250
"""Images whose faces are written at a time."""
_SAME_PLACE = 0.4
"""Least overlap (intersection over union) at which an imported face is one that the project has already."""


@dataclass
class _Plan:
    """What is to be written of a few images."""

    faces: list[dict[str, Any]] = field(default_factory=list)
    steps: list[AnyStep] = field(default_factory=list)


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
    by_image: dict[UUID, list[ImportedFaceLike]] = {}
    for face in faces:
        by_image.setdefault(image_ids[str(face.image)], []).append(face)
    fresh = images_added == len(images)
    revision: tuple[UUID, int] | None = None
    done = faces_added = added = steps = 0
    # A few images at a time, so that a large data set is not held a second time as rows.
    for part in chunks(by_image.items(), _STEP):
        plan = _plan(connection, part, fresh, label_set)
        if plan.faces:
            connection.execute(insert(FACE), plan.faces)
        if plan.steps:
            revision = revision or edits.begin(connection, author, "import", f"import {label_set.name}")
            write(connection, revision[1], plan.steps, steps)
        faces_added += len(plan.faces)
        added += sum(step.before is None for step in plan.steps)
        steps += len(plan.steps)
        done += sum(len(group) for _, group in part)
        if progress is not None:
            progress(done, len(faces))
    unchanged = len(faces) - steps
    revision_id = None if revision is None else revision[0]
    return ImportCounts(images_added, faces_added, added, steps - added, unchanged, label_set, revision_id)


def _plan(
    connection: Connection, part: Sequence[tuple[UUID, Sequence[ImportedFaceLike]]], fresh: bool, label_set: LabelSet
) -> _Plan:
    """What to write for the faces of some images, which are all new to the project if `fresh`."""
    known: dict[UUID, list[FaceRecord]] = {}
    if not fresh:
        # A face that was removed is known again too, and stays removed.
        known = faces_of(connection, [image_id for image_id, _ in part], removed=True)
    now = current(connection, [(record.id, label_set.id) for records in known.values() for record in records])
    plan = _Plan()
    for image_id, group in part:
        boxes = [box_of(face) for face in group]
        for face, record in zip(group, match_boxes(boxes, known.get(image_id, [])), strict=True):
            _plan_face(plan, image_id, face, record, label_set, now)
    return plan


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
        row = face_row(NewFace(image_id, box_of(face), face.crop, face.source, tuple(face.tags), face.extras))
        plan.faces.append(row)
        plan.steps.append(Step(row["id"], label_set.id, 0, None, after))
        return
    version, before = now.get((record.id, label_set.id), (0, None))
    if not same_label(before, after):
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
