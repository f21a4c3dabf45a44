"""The audit of the open project, in the background: labels beside cached predictions. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from app.face_state import FaceState
from app.jobs.engine import ModelInfo
from app.jobs.prepare import Preparer
from core.errors import StarmarkError
from core.face import Prediction
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
    """All that an audit is made of; faces may be exchanged and judged again (`renewed`).

    `missing` are the images that have labelled faces without a prediction; the rest as in `ProjectAudit`.
    """

    faces: list[Evidenced]
    scheme: Scheme
    model: ModelInfo
    missing: tuple[str, ...] = ()
    unpredicted: int = 0
    other_scheme: int = 0

    def renewed(self, states: Mapping[str, FaceState | None]) -> Collected:
        """The same with faces as they are now, by face id; one that is gone, or without a label, is left out."""
        faces = []
        for one in self.faces:
            if one.face_id not in states:
                faces.append(one)
                continue
            state = states[one.face_id]
            label = None if state is None else state.label
            if state is not None and label is not None and label.scheme == self.scheme.id:
                old = one.labelled
                label = old.label if label == old.label else label
                changed = replace(old, label=label, tags=state.tags, judgements=state.judgements)
                faces.append(replace(one, labelled=changed))
        return replace(self, faces=faces)

    def same_labels(self, other: Collected) -> bool:
        """Whether all labels are those of `other`, face by face: then so are all verdicts."""
        pairs = zip(self.faces, other.faces, strict=False)
        return len(self.faces) == len(other.faces) and all(
            one.face_id == two.face_id and one.labelled.label is two.labelled.label for one, two in pairs
        )


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
                labelled = LabelledFace(
                    record.path, face.label, face.box, None, face.tags, face.label_set, None, judgements=face.judgements
                )
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
    return _worked_out(ProjectAudit(audit, faces, model.hash, collected.unpredicted, collected.other_scheme))


def decide_collected(collected: Collected, audit: ProjectAudit) -> ProjectAudit:
    """The audit with the decisions and tags of what was collected; no label differs, so that no verdict does."""
    faces = collected.faces
    same = replace(audit.audit, faces=[one.labelled for one in faces])
    return _worked_out(replace(audit, audit=same, faces=faces))


def _worked_out(audit: ProjectAudit) -> ProjectAudit:
    """With what the window asks for first, so that it need not wait."""
    _ = audit.places, audit.audit.doubted, audit.audit.evidence.point_scores
    return audit

