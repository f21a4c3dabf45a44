"""Planned repairs carried out in a project: the labels of many faces as one edit of the author's, undone as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.errors import StaleEditError
from core.face import Label
from core.formats.base import Progress
from core.project import AppliedEdit, Edits, LabelSet, Project, SetLabel

_PAGE = 500
_TRIES = 3


@dataclass(frozen=True, eq=False, slots=True)
class LabelRepair:
    """The label of a face as it was when the repair was planned, whoever's it was, and as it is to be."""

    face_id: UUID
    before: Label
    after: Label


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of it.

    Attributes:
        applied: the edit; None where nothing was left to do.
        left_out: faces whose label is not, any more, what the repair was planned on.
    """

    applied: AppliedEdit | None
    left_out: list[UUID]


def apply_repairs(
    project: Project, author: str, repairs: Sequence[LabelRepair], kind: str, progress: Progress | None = None
) -> Repaired:
    """Make the repaired labels the author's own, in one transaction and one revision.

    The label that the repair was planned on stays where it is, if it is another one's.

    Args:
        kind: what was done, as undo shows it.
        progress: called with (done, total) faces while labels are compared; may raise, to cancel: nothing is written
            before they all are.

    Raises:
        StaleEditError: others change labels faster than they can be compared.
        ProjectError: the project cannot be written.
    """
    own = project.ensure_label_set(author, "annotator")
    tries = _TRIES
    while True:
        edits, left_out = _compared(project, author, own, repairs, kind, progress)
        if not edits:
            return Repaired(None, left_out)
        tries -= 1
        try:
            return Repaired(project.apply(Edits(tuple(edits), kind), author), left_out)
        except StaleEditError:  # on a server somebody changed one of them since
            if not tries:
                raise


def _compared(
    project: Project, author: str, own: LabelSet, repairs: Sequence[LabelRepair], kind: str, progress: Progress | None
) -> tuple[list[SetLabel], list[UUID]]:
    """The edits of faces whose label is as planned on, and the other faces."""
    edits: list[SetLabel] = []
    left_out: list[UUID] = []
    for start in range(0, len(repairs), _PAGE):
        page = repairs[start : start + _PAGE]
        current = project.current_labels([one.face_id for one in page], author)
        for one in page:
            now = current.get(one.face_id)
            if now is None or now.label != one.before:
                left_out.append(one.face_id)
                continue
            mine = now.label_set.id == own.id
            before, version = (now.label, now.version) if mine else (None, 0)
            edits.append(SetLabel(one.face_id, own.id, before, one.after, version, kind))
        if progress is not None:
            progress(start + len(page), len(repairs))
    return edits, left_out
