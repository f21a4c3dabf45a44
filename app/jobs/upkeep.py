"""What the store's threads do to keep a project well: backups, moved images, other people's projects. Without Qt."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from app.jobs.pool import Job
from app.jobs.store import Added, Stored, changed, count_text, error_text, stored
from app.texts import tr
from core.errors import ProjectError, StarmarkError
from core.files import is_file

if TYPE_CHECKING:
    from core.project import AppliedEdit, Project
    from core.project.relink import RelinkReport

_REASONS = {
    "by-hand": "by hand",
    "interval": "every ten minutes",
    "damaged": "the damaged file, as it was",
    "before-bulk-edit": "before many edits at once",
    "before-import": "before an import",
    "before-merge": "before a merge",
    "before-migration": "before a newer Starmark took over",
    "before-restore": "before going back to a backup",
    "before-relink": "before images were relinked",
}
MERGED = {
    "new image": "new images", "new face": "new faces", "new label": "new labels", "newer label": "newer labels",
    "face with other tags, notes or reviews": "faces with other tags, notes or reviews",
}  # fmt: skip
"""What a merge brings: one, many."""
_LISTED = 200
_LOOK_EVERY = 2000


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup as it is listed: local time, why it was made, bytes."""

    path: Path
    at: datetime
    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class Restoring:
    """What came of a restore: the project is open again either way."""

    project: Project
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """Two labels of a face that a merge kept: `ours` and `theirs` are names of label sets."""

    id: str
    face_id: str
    image_id: str
    image: str
    ours: str
    theirs: str
    source: str


def backup_rows(project: Project) -> list[BackupRow]:
    """The backups of the open project, newest first."""
    return [BackupRow(one.path, one.at.astimezone(), reason_text(one.reason), one.size)
            for one in project.backups.list()]  # fmt: skip


def reason_text(reason: str) -> str:
    """Why a backup was made, for people."""
    return tr(_REASONS.get(reason, reason))


def newest_good(path: Path) -> BackupRow | None:
    """The backup to offer for a project file that is damaged or gone; None if the file is sound, or there is none."""
    from core.project import restoring

    if path.is_file():
        with contextlib.suppress(ProjectError):
            if not restoring.problems_of(path):
                return None
    best = restoring.newest_good(path)
    return None if best is None else BackupRow(best.path, best.at.astimezone(), reason_text(best.reason), best.size)


def restore(close: Callable[[], None], path: Path, backup: Path) -> Restoring:
    """Close the project, go back to a backup of it, and open it again; also where it could not be restored."""
    from core.project import Project
    from core.project.restoring import restore as put_back

    close()
    text, problem = "", ""
    try:
        done = put_back(path, backup)
        when = "" if done.at is None else tr(" of {at:%Y-%m-%d %H:%M}", at=done.at.astimezone())
        text = tr("This is the backup{when}.", when=when)
        if done.kept is not None:
            text += tr(" The project as it was before is kept among the backups, as {name}.", name=done.kept.name)
    except StarmarkError as error:
        problem = error_text(error)
    return Restoring(Project.open(path), text, problem)


def missing_images(rows: Sequence[tuple[str, str]], job: Job) -> None:
    """Of (image id, path), deliver in parts the ids of those whose file is not there."""
    for start in range(0, len(rows), _LOOK_EVERY):
        job.check()
        gone = [image_id for image_id, path in rows[start : start + _LOOK_EVERY] if not is_file(Path(path))]
        if gone:
            job.partial(gone)


def relink(project: Project, author: str, folder: Path, job: Job) -> Added:
    """Look for missing images in a folder and below."""
    from core.project.relink import relink as find

    report = find(project, folder, lambda done, total: job.progress(done, total, tr("Comparing files")))
    found = len(report.by_path) + len(report.by_hash)
    left = len(report.missing) + len(report.ambiguous)
    if not found and not left:
        text = tr("No image is missing.")
    else:
        text = tr("{count} found again in “{folder}”.", count=count_text(found, "image"), folder=folder.name or folder)
        text += tr(" {count} still missing.", count=count_text(left, "image")) if left else ""
    return changed(project, author, text, _relink_details(report), bool(left))


def _relink_details(report: RelinkReport) -> str:
    groups = (
        (tr("Found by name and place:"), [f"{one.old} → {one.new}" for one in report.by_path]),
        (tr("Found by their content:"), [f"{one.old} → {one.new}" for one in report.by_hash]),
        (tr("Not decided, for several files fit:"),
         [f"{one.path}: {', '.join(map(str, one.candidates))}" for one in report.ambiguous]),
        (tr("Still missing:"), [str(path) for _, path in report.missing]),
    )  # fmt: skip
    lines: list[str] = []
    for title, entries in groups:
        if entries:
            more = [tr("and {n:,} more", n=len(entries) - _LISTED)] if len(entries) > _LISTED else []
            lines += [title, *entries[:_LISTED], *more, ""]
    return "\n".join(lines).strip()


def merge(project: Project, author: str, other: Path, job: Job) -> Added:
    """Add what is new in another project."""
    from core.project.merge import merge as bring_in

    report = bring_in(
        project, other, author, lambda done, total: job.progress(done, total, tr("Comparing the projects"))
    )
    if not report.changed:
        text = tr("There is nothing new in “{stem}”.", stem=other.stem)
    else:
        counts = (
            report.images_added, report.faces_added, report.labels_added, report.labels_changed, report.faces_changed,
        )  # fmt: skip
        pairs = zip(counts, MERGED.items(), strict=True)
        new = ", ".join(count_text(count, one, many) for count, (one, many) in pairs if count)
        text = (
            tr("“{stem}” was merged: {new}.", stem=other.stem, new=new)
            if new
            else tr("“{stem}” was merged.", stem=other.stem)
        )
    if report.conflicts:
        both = count_text(report.conflicts, "label")
        text += tr(" {both} changed on both sides, and are kept twice until you decide (File > Conflicts).", both=both)
    return changed(project, author, text, "\n".join(report.lines()), bool(report.conflicts))


def conflict_rows(project: Project) -> list[ConflictRow]:
    """Open conflicts, in the order they arose."""
    from core.project.conflicts import conflicts

    rows = []
    for one in conflicts(project):
        image_id = project.face(one.face_id).image_id
        name = project.image_path(image_id).name
        rows.append(ConflictRow(str(one.id), str(one.face_id), str(image_id), name, one.label_set.name,
                                one.other_set.name, one.source))  # fmt: skip
    return rows


def decide(project: Project, author: str, conflict: ConflictRow, choice: Literal["ours", "theirs"]) -> Stored:
    """End a conflict; taking theirs is an edit that can be undone."""
    from core.project.conflicts import resolve_conflict

    applied: AppliedEdit | None = resolve_conflict(project, UUID(conflict.id), choice, author)
    if applied is None:
        return Stored((), project.undo_text(author), project.redo_text(author), "keep ours")
    return stored(project, author, applied)
