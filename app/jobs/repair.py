"""What threads do for the dialog of bulk repair: look for offsets and dialects, plan, and carry out. Without Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from app.jobs.audit import ProjectAudit
from app.jobs.pool import Job, JobCancelledError
from app.jobs.store import Stored, error_text, stored
from core.face import Label

if TYPE_CHECKING:
    from core.dialects import Dialect
    from core.project import Project
    from core.repair.plan import FaceRepair, Repair
    from core.repair.set_offset import SetOffset

TAKE_BACK = "take a repair back"
"""What undo calls it."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What an audit says of whole sources: those offsets and dialects that are more than chance."""

    offsets: tuple[SetOffset, ...]
    dialects: tuple[Dialect, ...]


@dataclass(frozen=True, eq=False, slots=True)
class PlannedFace:
    """A face of the project whose label a repair would change.

    Attributes:
        face_id, image_id: the project's ids, as text.
        path: of its image, as text; `name` is the file's.
        size: (width, height) of the image, px; None where it is not known.
    """

    face_id: str
    image_id: str
    path: str
    name: str
    size: tuple[int, int] | None
    repair: FaceRepair


@dataclass(slots=True)
class Outcome:
    """What came of carrying out; filled in by the store's thread, read when that is done.

    Attributes:
        stop: set to cancel; nothing is written then.
        done, left_out: ids of faces that were changed, and of those whose label is another one now.
        stopped: whether it was cancelled in time.
        problem: a sentence if it failed; nothing is changed then.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    done: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    stopped: bool = False
    problem: str = ""


def find_habits(found: ProjectAudit, _job: Job) -> Habits:
    """Offsets and dialects of an audit's sources; takes seconds for thousands of faces."""
    from core.repair.habits import real_dialects
    from core.repair.set_offset import set_offsets
    from training.split import groups_of

    groups = groups_of([face.image for face in found.audit.faces])
    offsets = tuple(one for one in set_offsets(found.audit, groups) if one.real)
    _job.check()
    return Habits(offsets, tuple(real_dialects(found.audit, groups)))


def plan(found: ProjectAudit, repair: Repair, job: Job) -> list[PlannedFace]:
    """The faces that a repair would change, the largest change first."""
    faces = []
    for one in repair.plan(found.audit, progress=job.progress):
        face = found.faces[one.face]
        path = face.labelled.image
        faces.append(PlannedFace(face.face_id, face.image_id, str(path), path.name, face.size, one))
    return faces


def carry_out(
    project: Project,
    author: str,
    faces: Sequence[tuple[str, Label, Label]],
    kind: str,
    outcome: Outcome,
    progress: Callable[[int, int], None],
) -> Stored:
    """Make the second label of each face, by id, of the first, as one edit; whatever happens is put into `outcome`."""
    from core.exchange import LabelRepair, apply_repairs

    def compared(done: int, total: int) -> None:
        if outcome.stop.is_set():
            raise JobCancelledError
        progress(done, total)

    nothing = Stored((), project.undo_text(author), project.redo_text(author), kind)
    repairs = [LabelRepair(UUID(face_id), before, after) for face_id, before, after in faces]
    try:
        result = apply_repairs(project, author, repairs, kind, compared)
    except JobCancelledError:
        outcome.stopped = True
        return nothing
    except Exception as error:  # the dialog says it, where the eye is
        outcome.problem = error_text(error)
        return nothing
    outcome.left_out = frozenset(map(str, result.left_out))
    outcome.done = frozenset(face_id for face_id, _, _ in faces) - outcome.left_out
    return nothing if result.applied is None else stored(project, author, result.applied)
