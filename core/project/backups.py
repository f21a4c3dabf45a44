"""Backups of a project: whole, checked copies in the folder NAME.starmark-backups beside it, thinned with age.

Their names say when (UTC) and why, for people: 2026-03-01T14-05-09Z_before-import.starmark. Image paths in a backup
stay relative to the project's folder (`home_of`), not to where the copy lies.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import ProjectError
from core.paths import on_server
from core.project.backup import copy_database, rebased_copy, replacement
from core.project.engine import translated
from core.project.images import ImagePaths
from core.project.schema import APPLICATION_ID
from core.project.sqlite import connect, file_error, sidecar

if TYPE_CHECKING:
    from core.project.records import Edit
    from core.project.store import Project

SUFFIX = "-backups"
BULK_FACES = 20
"""From that many faces on, an edit is preceded by a backup."""

MOST_BYTES = 5 * 10**9
ALWAYS_KEPT = 3
BY_HAND, AT_INTERVAL, DAMAGED = "by-hand", "interval", "damaged"
BEFORE_IMPORT, BEFORE_BULK, BEFORE_MERGE = "before-import", "before-bulk-edit", "before-merge"
BEFORE_MIGRATION, BEFORE_RESTORE, BEFORE_RELINK = "before-migration", "before-restore", "before-relink"

_PROTECTED = (BEFORE_MIGRATION, DAMAGED)
"""The newest of each of these is never thinned: it may be the only one of its kind."""

_RECENT = 10
_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)Z_([a-z0-9-]+)(?:_(\d+))?\.starmark")
_TIME = "%Y-%m-%dT%H-%M-%S"
_STALE_SECONDS = 3600.0
_SIDECARS = ("-wal", "-journal")


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy: `at` is UTC, `size` in bytes, `number` tells apart those of one second."""

    path: Path
    at: datetime
    reason: str
    size: int
    number: int = 1

    @property
    def name(self) -> str:
        """Its file name, which the command line takes."""
        return self.path.name

    def entry(self) -> dict[str, object]:
        """It as JSON."""
        return {"name": self.name, "at": self.at.isoformat(), "reason": self.reason, "size": self.size}

    @property
    def order(self) -> tuple[datetime, int]:
        """Sorts by age."""
        return self.at, self.number


def backup_folder(project: Path) -> Path:
    """Where the backups of the file `project` lie; it need not exist."""
    return project.with_name(project.name + SUFFIX)


def home_of(path: Path) -> Path:
    """The file whose folder the image paths in `path` are relative to: for a backup, its project; else `path`."""
    folder = path.parent
    if not folder.name.endswith(SUFFIX) or _NAME.fullmatch(path.name) is None:
        return path
    return folder.with_name(folder.name.removesuffix(SUFFIX))


def list_backups(project: Path) -> list[Backup]:
    """The backups of the file `project`, newest first, without opening anything; an empty list if there are none.

    ProjectError if the folder cannot be read.
    """
    folder = backup_folder(project)
    found = []
    try:
        for path in folder.iterdir():
            backup = _parse(path)
            if backup is not None:
                found.append(backup)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise file_error(error, folder) from error
    return sorted(found, key=lambda backup: backup.order, reverse=True)


def _parse(path: Path) -> Backup | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        at = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
        size = path.stat().st_size
        size += sum(sidecar(path, suffix).stat().st_size for suffix in _SIDECARS if sidecar(path, suffix).exists())
    except (ValueError, FileNotFoundError):  # no such day, or thinned meanwhile
        return None
    return Backup(path, at, match[2], size, int(match[3] or 1))


def new_name(project: Path, reason: str, now: datetime | None = None) -> Path:
    """A free name for a backup made now; the folder is made if it is missing. ProjectError if it cannot be."""
    folder = backup_folder(project)
    with translated(folder):
        folder.mkdir(exist_ok=True)
    stamp = (now or datetime.now(UTC)).strftime(_TIME)
    taken = {path.name for path in folder.glob(f"{stamp}Z_*.starmark")}
    # One count for all reasons, so that names of one second sort by age.
    number = len(taken) + 1
    while any(f"Z_{reason}{_numbered(number)}." in name for name in taken):
        number += 1
    return folder / f"{stamp}Z_{reason}{_numbered(number)}.starmark"


def _numbered(number: int) -> str:
    return "" if number == 1 else f"_{number}"


def make(
    project: Path,
    reason: str,
    *,
    now: datetime | None = None,
    most_bytes: int = MOST_BYTES,
    spare: Path | None = None,
) -> Backup:
    """Copy the project as it is at this moment, check the copy, then thin the older ones.

    The copy has its name only once it is whole and on the disk. Readers and, with a write-ahead log, the writer go on
    meanwhile. `spare` is one that must not be thinned now. ProjectError if it cannot be made, or if the project turns
    out to be damaged: then nothing is thinned.
    """
    target = new_name(project, reason, now)
    _remove_stale(target.parent)
    with replacement(target, overwrite=False) as temporary:
        copy_database(project, temporary)
        _check(temporary, project)
    made = _parse(target)
    if made is None:
        raise ProjectError("the backup is gone again", where=target, remedy="Look what else writes to this folder")
    with contextlib.suppress(ProjectError):  # thinning can wait for the next one
        gone = to_thin(list_backups(project), now or datetime.now(UTC), most_bytes)
        remove(backup for backup in gone if backup.path != spare)
    return made


def _check(copy: Path, project: Path) -> None:
    """ProjectError if the pages of the copy, and so those of the project, do not hang together."""
    with closing(connect(copy, "ro")) as connection:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            found = "it is empty, or another program's"
    if found != "ok":
        raise ProjectError(
            f"the project file is damaged, and was not taken as a backup ({found})",
            where=project,
            remedy="Restore an earlier backup of it",
        )


def to_thin(backups: Sequence[Backup], now: datetime, most_bytes: int = MOST_BYTES) -> list[Backup]:
    """Those of `backups` that need not be kept.

    Kept are: the last ten of the last hour, then the last of each hour for a day, of each day for a week, of each week
    for a month (31 days), of each month after that. If they are more than `most_bytes`, the oldest go. The three
    newest always stay, as do the newest from before a migration and the newest damaged file.
    """
    ordered = sorted(backups, key=lambda backup: backup.order, reverse=True)
    safe = set(map(id, ordered[:ALWAYS_KEPT]))
    for reason in _PROTECTED:
        safe.update(id(backup) for backup in [b for b in ordered if b.reason == reason][:1])
    seen: set[object] = set()
    kept: list[Backup] = []
    thinned: list[Backup] = []
    for position, backup in enumerate(ordered):
        slot = _slot(backup.at, now, position)
        if slot is None or slot in seen:
            (kept if id(backup) in safe else thinned).append(backup)
        else:
            kept.append(backup)
        seen.add(slot)
    total = sum(backup.size for backup in kept)
    for backup in reversed(kept):
        if total <= most_bytes:
            break
        if id(backup) not in safe:
            thinned.append(backup)
            total -= backup.size
    return thinned


def _slot(at: datetime, now: datetime, position: int) -> object:
    """What only one backup of is kept; None for one too many of the last hour."""
    age = now - at
    if age <= timedelta(hours=1):  # also one from the future, made while the clock was wrong
        return position if position < _RECENT else None
    if age <= timedelta(days=1):
        return at.date(), at.hour
    if age <= timedelta(days=7):
        return at.date()
    if age <= timedelta(days=31):
        return at.isocalendar()[:2]
    return "month", at.year, at.month


def remove(backups: Iterable[Backup]) -> None:
    """Delete them; one that cannot be deleted stays."""
    for backup in backups:
        for path in (backup.path, *(sidecar(backup.path, suffix) for suffix in _SIDECARS)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _remove_stale(folder: Path) -> None:
    """Delete what killed programs left half made; younger ones may be another program's, still at work."""
    for path in folder.glob(".*.tmp*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()


_STAMP = "SELECT name, seq FROM sqlite_sequence WHERE seq > 0 ORDER BY name"
"""Changes with every image, face, label set, revision added: the highest number ever given in each table."""


def _stamp_of(path: Path) -> tuple[tuple[str, int], ...] | None:
    try:
        with closing(connect(path, "ro")) as connection:
            return tuple((str(name), int(seq)) for name, seq in connection.execute(_STAMP))
    except sqlite3.Error:
        return None


def move_all(old: Path, new: Path) -> None:
    """Take the backups of the file `old` along to `new`, which it became; what cannot be moved stays."""
    for backup in list_backups(old):
        target = backup_folder(new) / backup.name
        with contextlib.suppress(ProjectError, OSError, sqlite3.Error):
            target.parent.mkdir(exist_ok=True)
            with replacement(target, overwrite=False) as temporary:
                rebased_copy(backup.path, temporary, ImagePaths(old), ImagePaths(new))
            remove([backup])
    with contextlib.suppress(OSError):
        backup_folder(old).rmdir()


class Backups:
    """The backups of an open project. `problem` says why the last one that nobody waited for could not be made.

    A project in a database on a server has none: that makes its own.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.problem: ProjectError | None = None
        self.most_bytes = MOST_BYTES

    def list(self) -> list[Backup]:
        """All of them, newest first."""
        path = self._path()
        return [] if path is None else list_backups(path)

    def make(self, reason: str = BY_HAND) -> Backup:
        """Make one now; ProjectError if it cannot be made."""
        project = self._project
        writer = project._writer
        if self._path() is None:
            raise ProjectError(
                "a project on a server has no backups of its own",
                where=project.location,
                remedy="Have the server make them, or copy it to a file: project copy",
            )
        if writer is None or self._has_log():
            return self._make(reason)
        # Without a write-ahead log a commit would have to wait for the copy, and might give up.
        return writer.submit_alone(lambda: self._make(reason)).result()

    def before(self, reason: str) -> Backup | None:
        """Make one before something large; None for a project with nothing in it yet, or on a server.

        ProjectError if it cannot be made, which ends what it was for.
        """
        if self._path() is None or not self._stamp():
            return None
        try:
            return self.make(reason)
        except ProjectError as error:
            what = f"nothing was done, for no backup could be made first ({error.what})"
            raise ProjectError(what, where=error.where, remedy=error.remedy) from error

    def before_bulk_edit(self, edit: Edit) -> None:
        """Have the writer make one before its next transaction if `edit` is a large one; does not wait.

        The edit goes on if it cannot be made; `problem` then says why.
        """
        faces: set[UUID] = {item.face_id for item in getattr(edit, "edits", ())}
        writer = self._project._writer
        if len(faces) < BULK_FACES or writer is None or self._path() is None:
            return

        def job() -> None:
            try:
                self._make(BEFORE_BULK)
            except ProjectError as error:
                self.problem = error

        writer.submit_alone(job)

    def if_due(self, minutes: float = 10, now: datetime | None = None) -> Backup | None:
        """Make one if the last is older than that and something was added or changed since; None if not.

        ProjectError if it cannot be made.
        """
        if self._project.read_only or self._path() is None:
            return None
        stamp, found = self._stamp(), self.list()
        if not stamp:
            return None
        if found:
            age = (now or datetime.now(UTC)) - found[0].at
            if timedelta(0) <= age < timedelta(minutes=minutes) or _stamp_of(found[0].path) == stamp:
                return None
        return self.make(AT_INTERVAL)

    def _path(self) -> Path | None:
        """The project file, None where there is none."""
        return None if on_server(self._project.location) else self._project.path

    def _make(self, reason: str) -> Backup:
        made = make(self._project.path, reason, most_bytes=self.most_bytes)
        self.problem = None
        return made

    def _stamp(self) -> tuple[tuple[str, int], ...]:
        with self._project._read() as connection:
            rows = connection.exec_driver_sql(_STAMP)
            return tuple((str(row[0]), int(row[1])) for row in rows)

    def _has_log(self) -> bool:
        with self._project._read() as connection:
            return bool(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal")
