"""Labelling some faces again without seeing any label: a seeded sample, kept with the project.

The second labels are in a label set of their own, of the kind "blind", so that the first ones stay untouched. Every
sample has its own set, for faces once labelled in one would not be blind there any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from core.errors import ProjectError, UsageError
from core.face import Box

if TYPE_CHECKING:
    from core.project import FaceRecord, LabelSet, Project

_KEY = "blind:{}"
_VERSION = 1
_PAGE = 500
_SHIFT, _GROW = 0.05, 0.08


@dataclass(frozen=True, slots=True)
class BlindSample:
    """Faces to label again.

    Attributes:
        annotator: who is to.
        label_set: name of the set of the second labels; also the author of their edits, so that undo keeps apart.
        first_set: name of the set whose labels are repeated.
        seed: of the draw.
        drawn_from: number of faces that could be drawn.
        at: when it was drawn, UTC, ISO 8601.
        faces: in the order in which they are to be labelled.
        finished: faces that the annotator has called done though points are missing.
    """

    annotator: str
    label_set: str
    first_set: str
    seed: int
    drawn_from: int
    at: str
    faces: tuple[UUID, ...]
    finished: frozenset[UUID] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """For the project's settings."""
        return {
            "version": _VERSION, "annotator": self.annotator, "label_set": self.label_set, "first_set": self.first_set,
            "seed": self.seed, "drawn_from": self.drawn_from, "at": self.at,
            "faces": [str(face) for face in self.faces], "finished": sorted(str(face) for face in self.finished),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: object) -> BlindSample | None:
        """What `to_json` gave; None for nothing, another version's, or what makes no sense."""
        if not isinstance(value, dict) or value.get("version") != _VERSION:
            return None
        try:
            return cls(
                str(value["annotator"]), str(value["label_set"]), str(value["first_set"]), int(value["seed"]),
                int(value["drawn_from"]), str(value["at"]), tuple(UUID(face) for face in value["faces"]),
                frozenset(UUID(face) for face in value["finished"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sample is: faces that are done, and that are begun but have points missing."""

    done: frozenset[UUID]
    begun: frozenset[UUID]


def draw_blind(project: Project, annotator: str, count: int, seed: int, first: str | None = None) -> BlindSample:
    """Draw faces to label again, and keep the sample in the project.

    Args:
        annotator: who is to label them.
        count: how many; fewer if there are not so many.
        seed: the same seed draws the same of the same faces.
        first: name of the label set whose labels are to be repeated; None: the annotator's own, or, of somebody who
            has none yet, that with the most labels.

    Raises:
        UsageError: no label to repeat, or a count below 1.

    A sample of the annotator's that was drawn before and never begun is replaced.
    """
    if count < 1 or not annotator.strip():
        raise UsageError("a sample needs an annotator and at least one face", remedy="Name both")
    label_set, faces = _candidates(project, annotator, first)
    drawn = np.random.default_rng(seed).choice(len(faces), min(count, len(faces)), replace=False)
    name = _unused_name(project, annotator)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    sample = BlindSample(annotator, name, label_set.name, seed, len(faces), at, tuple(faces[i] for i in drawn))
    project.ensure_label_set(name, "blind")
    _keep(project, sample)
    return sample


def blind_sample(project: Project, label_set: str) -> BlindSample | None:
    """The sample whose second labels are in that set; None for any other set."""
    return BlindSample.from_json(project.get_setting(_KEY.format(label_set)))


def blind_samples(project: Project, annotator: str | None = None) -> list[BlindSample]:
    """All samples, or an annotator's, the latest last."""
    names = [one.name for one in project.label_sets() if one.kind == "blind"]
    found = [sample for name in names if (sample := blind_sample(project, name)) is not None]
    return [sample for sample in found if annotator is None or sample.annotator == annotator]


def finish_face(project: Project, sample: BlindSample, face: UUID) -> BlindSample:
    """The annotator is done with a face, though some of its points may stay missing."""
    if face not in sample.faces:
        raise UsageError("the face is not in the sample", remedy="Choose one of its faces")
    known = blind_sample(project, sample.label_set) or sample
    changed = replace(known, finished=known.finished | {face})
    _keep(project, changed)
    return changed


def blind_progress(project: Project, sample: BlindSample, faces: Iterable[UUID] | None = None) -> Progress:
    """How far the annotator is with a sample, or with some `faces` of it; faces removed since count as done."""
    looked_at = list(sample.faces if faces is None else faces)
    done, begun = set(sample.finished.intersection(looked_at)), set[UUID]()
    for face, labels in project.labels_of(looked_at).items():
        mine = next((one.label for one in labels if is_blind(one.label_set, sample)), None)
        if mine is not None:
            (done if np.isfinite(mine.points).all() else begun).add(face)
    for face in looked_at:
        try:
            gone = face not in done and project.face(face).removed
        except ProjectError:
            gone = True
        if gone:
            done.add(face)
    return Progress(frozenset(done), frozenset(begun - done))


def is_blind(label_set: LabelSet, sample: BlindSample) -> bool:
    """Whether a set is the one of the sample's second labels."""
    return label_set.kind == "blind" and label_set.name == sample.label_set


def vague_box(record: FaceRecord, sample: BlindSample) -> Box | None:
    """The face's box, moved and resized a little at random: it says where the face is, and not where a label ends.

    An imported face's box is often that of its label, and a mean shape that fits into it exactly would tell of it. The
    same for a face at every call.
    """
    box = record.box
    if box is None:
        return None
    rng = np.random.default_rng((sample.seed & 0xFFFFFFFF, record.id.int & 0xFFFFFFFF))
    dx, dy = rng.uniform(-_SHIFT, _SHIFT, 2) * (box.w, box.h)
    w, h = np.array([box.w, box.h]) * (1 + rng.uniform(-_GROW, _GROW, 2))
    x, y = box.center
    return Box(float(x + dx - w / 2), float(y + dy - h / 2), float(w), float(h))


def _candidates(project: Project, annotator: str, first: str | None) -> tuple[LabelSet, list[UUID]]:
    """The set whose labels are repeated, and the faces that have one there, in the project's order."""
    sets = [one for one in project.label_sets() if one.kind in ("annotator", "import", "consensus")]
    members: dict[UUID, list[UUID]] = {one.id: [] for one in sets}
    for face in _faces(project):
        for label in project.labels_of([one.id for one in face]).values():
            for one in label:
                if one.label_set.id in members:
                    members[one.label_set.id].append(one.face_id)
    filled = [one for one in sets if members[one.id]]
    if first is None:
        own = [one for one in filled if one.kind == "annotator" and one.name == annotator]
        chosen = own or sorted(filled, key=lambda one: -len(members[one.id]))
    else:
        chosen = [one for one in filled if one.name == first]
    if not chosen:
        what = "there is no label to repeat" if first is None else f"there is no label in a set '{first}'"
        raise UsageError(what, where=project.location, remedy="Label some faces first, or import labels")
    return chosen[0], members[chosen[0].id]


def _faces(project: Project) -> Iterable[Sequence[FaceRecord]]:
    offset = 0
    while page := project.faces_where(offset=offset, limit=_PAGE):
        offset += len(page)
        yield page


def _unused_name(project: Project, annotator: str) -> str:
    """Name of a label set without a label: of a sample that was drawn and never begun, else a new one."""
    for old in blind_samples(project, annotator):
        progress = blind_progress(project, old)
        if not (progress.done or progress.begun):
            return old.label_set
    taken = {one.name for one in project.label_sets()}
    number = 1
    while (name := f"{annotator} (blind)" if number == 1 else f"{annotator} (blind {number})") in taken:
        number += 1
    return name


def _keep(project: Project, sample: BlindSample) -> None:
    project.set_setting(_KEY.format(sample.label_set), sample.to_json())
