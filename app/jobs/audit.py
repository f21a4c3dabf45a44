"""The audit of the open project, in the background: labels beside cached predictions. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from app.jobs.engine import ModelInfo
from app.jobs.prepare import Preparer
from core.errors import StarmarkError
from core.face import Label, Prediction
from core.formats.base import LabelledFace
from core.scheme import Scheme, get_scheme

if TYPE_CHECKING:
    from core.audit import Audit
    from core.project import PredictionCache, Project

Progress = Callable[[int, int], None]
"""Called with (done, total); raises to cancel."""


@dataclass(frozen=True, eq=False, slots=True)
class Evidenced:
    """A labelled face of the project with what the model says of it.

    Attributes:
        face_id, image_id: the project's ids, as text.
        number: which face of its image it is, from 0.
        size: (width, height) of its image in px, None where it is not known.
    """

    face_id: str
    image_id: str
    number: int
    labelled: LabelledFace
    prediction: Prediction
    size: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class ProjectAudit:
    """An audit of the open project. `faces[i]` is what face i of `audit` was made of.

    Attributes:
        model: hash of the model.
        unpredicted: labelled faces that the model has not looked at, or could not.
        other_scheme: labelled faces in another scheme than the model's.
    """

    audit: Audit
    faces: list[Evidenced]
    model: str
    unpredicted: int
    other_scheme: int

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each face in the audit, by the project's id."""
        return {face.face_id: index for index, face in enumerate(self.faces)}


@dataclass(frozen=True, slots=True)
class Collected:
    """All that an audit is made of; labels may be exchanged and judged again (`relabelled`).

    `missing` are the images that have labelled faces without a prediction; the rest as in `ProjectAudit`.
    """

    faces: list[Evidenced]
    scheme: Scheme
    model: ModelInfo
    missing: tuple[str, ...] = ()
    unpredicted: int = 0
    other_scheme: int = 0

    def relabelled(self, labels: dict[str, Label | None]) -> Collected:
        """The same with other labels, by face id; a face without a label any more is left out."""
        faces = []
        for one in self.faces:
            label = labels.get(one.face_id, one.labelled.label)
            if label is not None and label.scheme == self.scheme.id:
                faces.append(
                    one if label is one.labelled.label else replace(one, labelled=replace(one.labelled, label=label))
                )
        return replace(self, faces=faces)


def collect(
    project: Project,
    cache: PredictionCache | None,
    preparer: Preparer,
    author: str,
    model: ModelInfo,
    progress: Progress = lambda done, total: None,
) -> Collected:
    """Labels of all faces with their cached predictions; images that cannot be read count as not predicted."""
    scheme = get_scheme(model.scheme)
    records = project.images()
    faces: list[Evidenced] = []
    missing: list[str] = []
    unpredicted = other = 0
    for done, record in enumerate(records):
        progress(done, len(records))
        image_id = str(record.id)
        try:
            work = preparer.prepare(project, cache, author, image_id, model.hash)
            size = work.photo.size
        except (StarmarkError, OSError):
            continue
        before = unpredicted
        for number, face in enumerate(work.faces):
            if face.label is None:
                continue
            prediction = work.known.get(face.face_id)
            if face.label.scheme != scheme.id:
                other += 1
            elif prediction is None:
                unpredicted += 1
            else:
                labelled = LabelledFace(record.path, face.label, face.box, None, face.tags, face.label_set, None)
                faces.append(Evidenced(face.face_id, image_id, number, labelled, prediction, size))
        if unpredicted > before:
            missing.append(image_id)
    return Collected(faces, scheme, model, tuple(missing), unpredicted, other)


def judge_collected(collected: Collected) -> ProjectAudit | None:
    """Judge what was collected; None if there is nothing to judge."""
    from core.audit import judge
    from core.calibration import Calibration
    from training.split import groups_of

    faces, model = collected.faces, collected.model
    if not faces:
        return None
    audit = judge(
        [one.labelled for one in faces], [one.number for one in faces], [one.prediction for one in faces],
        [one.size for one in faces], groups_of([one.labelled.image for one in faces]), collected.scheme,
        Calibration.from_json(model.calibration, len(collected.scheme), model.name),
    )  # fmt: skip
    return ProjectAudit(audit, faces, model.hash, collected.unpredicted, collected.other_scheme)

