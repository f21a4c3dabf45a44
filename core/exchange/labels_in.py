"""Bringing a data set into a project, and looking whether what the project keeps is what the files said."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ProjectError
from core.face import FloatArray
from core.formats.base import ImportResult, LabelledFace, Progress
from core.formats.report import Report, import_report
from core.project import ImportCounts, LabelSet, Project
from core.project.records import LabelSetKind
from core.scheme import Scheme, get_scheme

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import.

    Attributes:
        counts: what is new in the project.
        report: on the data set, with the drift of what the project keeps.
    """

    counts: ImportCounts
    report: Report


def import_labels(
    project: Project,
    result: ImportResult,
    label_set: str,
    *,
    author: str,
    kind: LabelSetKind = "import",
    scheme: Scheme | None = None,
    progress: Progress | None = None,
    backup: bool = True,
) -> Imported:
    """Add a data set to the project, all or nothing, then compare what it keeps with what was read.

    Args:
        label_set: name of the label set that the labels go to.
        scheme: of the labels, where it is known; None: looked up.
        progress: called with (done, total); may raise, to cancel before anything is kept.
        backup: False goes without the backup before it, for a project that has just been made.

    Raises:
        ProjectError: it cannot be written, or does not give back what was read.
    """
    counts = project.import_dataset(result, label_set, author=author, kind=kind, progress=progress, backup=backup)
    drift = _drift(project, result.faces, counts.label_set)
    return Imported(counts, import_report(result, scheme or get_scheme(result.scheme_id), drift))


def _drift(project: Project, faces: list[LabelledFace], label_set: LabelSet) -> float:
    """Largest move of a coordinate, px, between what was read and what the project keeps."""
    by_image: dict[str, list[FloatArray]] = {}
    for face in faces:
        by_image.setdefault(os.path.abspath(face.image), []).append(face.label.points)  # noqa: PTH100
    largest, found, offset = 0.0, 0, 0
    while page := project.images(offset, _PAGE):
        offset += len(page)
        wanted = {record.id: by_image[str(record.path)] for record in page if str(record.path) in by_image}
        records = project.faces_of(wanted)
        labels = project.labels_of(face.id for group in records.values() for face in group)
        for image_id, expected in wanted.items():
            kept = [
                one.label.points for face in records[image_id] for one in labels[face.id] if one.label_set == label_set
            ]
            found += len(expected)
            largest = max(largest, *(_nearest(points, kept) for points in expected))
    if found != len(faces) or not np.isfinite(largest):
        raise ProjectError("the project does not give back all labels that were imported",
                           where=Path(project.path), remedy="Check it with 'project verify', and report this")
    return largest


def _nearest(points: FloatArray, kept: list[FloatArray]) -> float:
    """Distance, px, to the most similar label kept for the image; infinite if there is none of that kind."""
    best = float("inf")
    for other in kept:
        if other.shape == points.shape and np.array_equal(np.isnan(other), np.isnan(points)):
            best = min(best, float(np.nanmax(np.abs(other - points), initial=0.0)))
    return best
