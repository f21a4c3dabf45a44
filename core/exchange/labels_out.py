"""Taking a project's labels out, as the faces that exporters write."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from core.errors import ImageError, UsageError
from core.formats.base import LabelledFace, Progress, Skipped
from core.images import ImageInfo, probe_image
from core.project import FaceLabel, FaceRecord, ImageRecord, LabelSet, Project
from core.scheme import Scheme, get_scheme

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Labels:
    """Labelled faces of a project, all of one scheme.

    Attributes:
        faces: in the project's order of images.
        face_ids: the project's ids of them.
        skipped: labels of other schemes, by face.
        unlabelled: number of faces without a label.
    """

    faces: list[LabelledFace]
    face_ids: list[UUID]
    scheme: Scheme
    skipped: list[Skipped]
    unlabelled: int


def project_labels(
    project: Project,
    *,
    author: str | None = None,
    label_set: str | None = None,
    scheme: str | None = None,
    progress: Progress | None = None,
) -> Labels:
    """The labels to export.

    Args:
        author: whose own labels come first, as on screen; see `Project.current_labels`.
        label_set: name of the one label set to take; None: the label that is shown of each face.
        scheme: id of the scheme to take where there are several; None: the most frequent one.
        progress: called with (done, total) images; may raise, to cancel.

    Raises:
        UsageError: no label set of that name, or no label in it.
    """
    chosen = None if label_set is None else _label_sets(project, label_set)
    found: list[tuple[UUID, LabelledFace]] = []
    unlabelled = 0
    for face_id, face in _walk(project, author, chosen, progress):
        if face is None:
            unlabelled += 1
        else:
            found.append((face_id, face))
    if not found:
        what = "there is no label in the project" if label_set is None else f"label set '{label_set}' is empty"
        raise UsageError(what, where=project.path, remedy="Choose another label set, or label some faces first")
    wanted = scheme or Counter(face.label.scheme for _, face in found).most_common(1)[0][0]
    kept = [(face_id, face) for face_id, face in found if face.label.scheme == wanted]
    reason = "its label has scheme {}, not {}"
    others = [
        Skipped(face.source, reason.format(face.label.scheme, wanted))
        for _, face in found
        if face.label.scheme != wanted
    ]
    return Labels([face for _, face in kept], [face_id for face_id, _ in kept], get_scheme(wanted), others, unlabelled)


def _label_sets(project: Project, name: str) -> list[LabelSet]:
    sets = project.label_sets()
    chosen = [one for one in sets if one.name == name]
    if not chosen:
        known = ", ".join(f"'{one.name}'" for one in sets) or "none"
        raise UsageError(f"there is no label set '{name}'", where=project.path, remedy=f"There are: {known}")
    return chosen


def _walk(
    project: Project, author: str | None, chosen: list[LabelSet] | None, progress: Progress | None
) -> Iterator[tuple[UUID, LabelledFace | None]]:
    """Every face of the project, by id, with its label, None for one without; in pages."""
    total, offset = project.image_count(), 0
    while page := project.images(offset, _PAGE):
        offset += len(page)
        faces = project.faces_of(record.id for record in page)
        ids = [face.id for group in faces.values() for face in group]
        labels: dict[UUID, FaceLabel] = {}
        if chosen is None:
            labels.update(project.current_labels(ids, author))
        else:
            for face_id, sets in project.labels_of(ids).items():
                labels.update((face_id, one) for one in sets if one.label_set in chosen)
        for image in page:
            info = _info(image)
            for number, face in enumerate(faces[image.id], 1):
                label = labels.get(face.id)
                yield face.id, None if label is None else _labelled(image, info, face, number, label)
        if progress is not None:
            progress(offset, total)


def _info(image: ImageRecord) -> ImageInfo | None:
    """Size and orientation as the project knows them, else the file's header; None if neither is to be had."""
    if image.width is not None and image.height is not None and image.orientation is not None:
        return ImageInfo(image.width, image.height, "", image.orientation)
    try:
        return probe_image(image.path)
    except ImageError:
        return None


def _labelled(
    image: ImageRecord, info: ImageInfo | None, face: FaceRecord, number: int, label: FaceLabel
) -> LabelledFace:
    path = Path(os.path.abspath(image.path))  # noqa: PTH100
    source = face_source(path, number)
    return LabelledFace(path, label.label, face.box, face.crop, face.tags, source, info, face.extras)


def face_source(image: Path, number: int) -> str:
    """How a labelled face of a project is named, by the absolute path of its image and its number there, from 1."""
    return f"{image}, face {number}"
