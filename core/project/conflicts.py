"""Labels that a merge found to differ: both are kept, in two label sets, until somebody decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import Connection, select, update

from core.errors import ProjectError, UsageError
from core.project import edits
from core.project.codec import decode_label
from core.project.history import moment
from core.project.labels import label_sets
from core.project.records import AppliedEdit, LabelSet, SetLabel
from core.project.schema import CONFLICT
from core.project.steps import current

if TYPE_CHECKING:
    from core.project.store import Project

Choice = Literal["ours", "theirs"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A face whose label in `label_set` differs from that in `other_set`, which came from the project `source`.

    Attributes:
        at: when they were merged, UTC.
        resolved_at, resolved_by: when and by whom it was decided; None while it is open.
    """

    id: UUID
    face_id: UUID
    label_set: LabelSet
    other_set: LabelSet
    source: str
    at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


def conflicts(project: Project, *, resolved: bool = False) -> list[Conflict]:
    """The open conflicts in the order they arose; with `resolved`, the decided ones too."""
    with project._read() as connection:
        return _conflicts(connection, *(() if resolved else (CONFLICT.c.resolved_at_us.is_(None),)))


def _conflicts(connection: Connection, *where: Any) -> list[Conflict]:
    sets = {found.id: found for found in label_sets(connection)}
    return [
        Conflict(
            row.id,
            row.face_id,
            sets[row.label_set_id],
            sets[row.other_set_id],
            row.source,
            moment(row.at_us),
            None if row.resolved_at_us is None else moment(row.resolved_at_us),
            row.resolved_by,
        )
        for row in connection.execute(select(CONFLICT).where(*where).order_by(CONFLICT.c.seq))
    ]


def resolve_conflict(project: Project, conflict_id: UUID, choice: Choice, author: str) -> AppliedEdit | None:
    """Decide a conflict: "ours" leaves the label as it is, "theirs" takes the other one, as an edit that can be undone.

    Both stay in their label sets. None where nothing had to be edited. ProjectError if there is no such open conflict.
    """
    if choice not in ("ours", "theirs"):
        raise UsageError(f"a conflict cannot be decided by '{choice}'", remedy="Choose ours or theirs")
    return project._write(lambda connection: _resolve(connection, conflict_id, choice, author))


def _resolve(connection: Connection, conflict_id: UUID, choice: Choice, author: str) -> AppliedEdit | None:
    edits.check_author(author)
    found = _conflicts(connection, CONFLICT.c.id == conflict_id, CONFLICT.c.resolved_at_us.is_(None))
    if not found:
        raise ProjectError("there is no such open conflict", remedy="Load the list of conflicts again")
    values = {"resolved_at_us": edits.now_us(), "resolved_by": author}
    connection.execute(update(CONFLICT).where(CONFLICT.c.id == conflict_id).values(values))
    if choice == "ours":
        return None
    mine, other = (found[0].face_id, found[0].label_set.id), (found[0].face_id, found[0].other_set.id)
    now = current(connection, [mine, other])
    version, before = now.get(mine, (0, None))
    labels = [None if data is None else decode_label(data) for data in (before, now.get(other, (0, None))[1])]
    edit = SetLabel(*mine, labels[0], labels[1], version, f"take the label from {found[0].source}")
    return edits.apply(connection, edit, author)
