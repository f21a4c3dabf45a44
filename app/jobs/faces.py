"""What the store's threads do for one face: its history, its labels side by side, and what people say of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from app.edit_texts import shown_edit
from app.edits import DescribeFace, Review
from app.jobs.store import Stored, stored
from app.texts import tr, tr_count
from app.verdict_texts import DECISION_TEXTS
from core.errors import StarmarkError
from core.face import FloatArray, Label
from core.scheme import Scheme, get_scheme

if TYPE_CHECKING:
    from core.project import FaceInfo, Project, Revision

STEPS_SHOWN = 1000
"""Steps of a history that are listed, the newest ones."""

_ACTIONS = {"undo": "Undone: ", "redo": "Done again: ", "refused": "Refused: "}
_REVIEWS = {"": "not reviewed", "accepted": "accepted", "question": "disputed", "rejected": "rejected"}
REVIEW_KINDS: dict[Review, str] = {
    "": "take back the review", "accepted": "accept face", "question": "dispute face", "rejected": "reject face",
}  # fmt: skip
"""What undo calls a review."""

_PREFIXES = {"import": "Imported", "merge": "Merged"}


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One step in the history of a face, as one revision made it.

    Attributes:
        at: local time.
        text: what was done.
        label: the label afterwards, None where it changed none or took it away.
        label_set: name of the set that label is in.
    """

    revision_id: str
    author: str
    at: datetime
    text: str
    label: Label | None
    label_set: str


@dataclass(frozen=True, eq=False, slots=True)
class FaceDetails:
    """What is known of one face beyond the label that is worked on.

    Attributes:
        labels: (name of the label set, its kind, label) for each set that has one.
        steps: newest first.
        older: number of steps that are not listed.
    """

    face_id: str
    review: Review
    tags: tuple[str, ...]
    note: str
    labels: tuple[tuple[str, str, Label], ...]
    steps: tuple[Step, ...]
    older: int


def face_details(project: Project, face_id: str) -> FaceDetails:
    """All of it, as the store has it now."""
    face = UUID(face_id)
    record = project.face(face)
    labels = tuple((one.label_set.name, one.label_set.kind, one.label) for one in project.labels(face))
    names = {one.id: one.name for one in project.label_sets()}
    groups: dict[UUID, list[Revision]] = {}
    for revision in project.history(face):
        groups.setdefault(revision.id, []).append(revision)
    steps: list[Step] = []
    latest: Label | None = None
    for group in groups.values():
        steps.append(_step(group, names, latest))
        latest = steps[-1].label or latest
    shown = tuple(steps[: -STEPS_SHOWN - 1 : -1])
    return FaceDetails(face_id, record.review, record.tags, record.note, labels, shown, len(steps) - len(shown))


def _step(group: Sequence[Revision], names: dict[UUID, str], latest: Label | None) -> Step:
    """`latest` is the label that was made last before, in any set: an own label is begun from it."""
    first = group[0]
    label = next((one.after for one in group if one.after is not None), None)
    label_set = next((names.get(one.label_set_id, "") for one in group if one.label_set_id is not None), "")
    parts = [_info_text(one) if one.label_set_id is None else _label_text(one, latest) for one in group]
    what = "; ".join(dict.fromkeys(part for part in parts if part))
    if first.action in _PREFIXES:
        what = f"{tr(_PREFIXES[first.action])} ({what})"
    text = tr(_ACTIONS.get(first.action, "")) + (what or shown_edit(first.kind))
    return Step(str(first.id), first.author, first.at.astimezone(), text[:1].upper() + text[1:], label, label_set)


def _label_text(revision: Revision, latest: Label | None) -> str:
    before, after = revision.before, revision.after
    if before is None and revision.action == "edit":
        before = latest
    if after is None:
        return tr("label taken away")
    if before is None or len(before) != len(after):
        return tr_count("{n} point", "{n} points", len(after))
    there = np.isfinite(before.points).all(axis=1) & np.isfinite(after.points).all(axis=1)
    moves = np.where(there, np.hypot(*(np.nan_to_num(after.points) - np.nan_to_num(before.points)).T), 0.0)
    moved = np.flatnonzero(moves > 0)
    turned = np.flatnonzero(before.visibility != after.visibility)
    if len(moved) == 1 and not len(turned):
        return tr("point {name} by {moves}", name=_name(moved[0], after.scheme), moves=_px(moves))
    if len(moved):
        return tr("{moved} points by up to {moves}", moved=len(moved), moves=_px(moves))
    if len(turned):
        return tr_count("what is seen of {n} point", "what is seen of {n} points", len(turned))
    return ""


def _px(moves: FloatArray) -> str:
    return f"{moves.max():.1f} px"


def _name(index: int, scheme: str) -> str:
    known: Scheme | None = None
    with contextlib.suppress(StarmarkError):  # a scheme of the user's may be gone
        known = get_scheme(scheme)
    return str(index) if known is None or index >= len(known) else f"{index} ({known.points[index]})"


def _info_text(revision: Revision) -> str:
    before, after = revision.before_info, revision.after_info
    if after is None:
        return ""
    if before is None or before.removed != after.removed:
        return tr("face removed") if after.removed else tr("face added") if before is None else tr("face brought back")
    return ", ".join(_info_changes(before, after))


def _info_changes(before: FaceInfo, after: FaceInfo) -> list[str]:
    parts = []
    if before.review != after.review:
        parts.append(tr(_REVIEWS[after.review]))
    added, gone = set(after.tags) - set(before.tags), set(before.tags) - set(after.tags)
    tags = [f"+{tag}" for tag in sorted(added)] + [f"\N{MINUS SIGN}{tag}" for tag in sorted(gone)]
    if tags:
        parts.append(tr("tags ") + " ".join(tags))
    if before.note != after.note:
        parts.append(tr("note") if after.note else tr("note taken away"))
    if before.box != after.box:
        parts.append(tr("box"))
    given = [one.decision for one in after.judgements if one not in before.judgements]
    parts += [tr(DECISION_TEXTS[decision]) for decision in dict.fromkeys(given)]
    if len(before.judgements) > len(after.judgements):
        parts.append(tr("decision taken back"))
    return parts


def revert_face(project: Project, author: str, face_id: str, revision_id: str) -> Stored:
    """Bring a face back to what a revision made of it, as an edit of the author's own label."""
    own = project.ensure_label_set(author, "annotator")
    return stored(project, author, project.revert_face(UUID(face_id), UUID(revision_id), author, own, "go back"))


def remove_face(project: Project, author: str, face_id: str) -> Stored:
    """Take a face away, as an edit that undo takes back; its labels and its history stay in the project."""
    from core.project import SetFaceInfo

    record = project.face(UUID(face_id))
    after = replace(record.info, removed=True)
    edit = SetFaceInfo(record.id, record.info, after, record.version, "delete face")
    return stored(project, author, project.apply(edit, author))


def describe_face(project: Project, author: str, edit: DescribeFace, start: Label | None = None) -> Stored:
    """Keep what people say of a face; what the edit does not name stays as it is.

    `start`: the predicted means. Who accepts a face without a label accepts those: they become the author's label.
    """
    from core.project import Edits, SetFaceInfo, SetLabel

    record = project.face(UUID(edit.face_id))
    info = record.info
    after = replace(
        info,
        review=info.review if edit.review is None else edit.review,
        tags=info.tags if edit.tags is None else edit.tags,
        note=info.note if edit.note is None else edit.note,
    )
    tags_or_note = "change tags" if edit.tags is not None else "change note"
    kind = tags_or_note if edit.review is None else REVIEW_KINDS[edit.review]
    said = SetFaceInfo(record.id, info, after, record.version, kind)
    if edit.review != "accepted" or start is None or project.current_label(record.id, author) is not None:
        return stored(project, author, project.apply(said, author))
    own = project.ensure_label_set(author, "annotator")
    label = SetLabel(record.id, own.id, None, start, project.label_version(record.id, own.id), kind)
    return stored(project, author, project.apply(Edits((label, said), "accept prediction"), author))
