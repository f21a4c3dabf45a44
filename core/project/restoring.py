"""Going back to a backup, and telling of one where a project turns out to be damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from core.errors import ProjectError, ProjectLockedError, ProjectReadOnlyError, UsageError
from core.files import sync_folder
from core.project import backups, checks, migrate
from core.project.backup import rebased_copy, remove_leftovers, replacement
from core.project.backups import Backup, backup_folder, home_of, list_backups
from core.project.database import is_open_here, real_path
from core.project.engine import translated
from core.project.images import ImagePaths
from core.project.lock import ProjectLock
from core.project.sqlite import check_header, connect, file_writable, fold_journal, read_engine, sidecar


@dataclass(frozen=True, slots=True)
class Restored:
    """What `restore` did.

    Attributes:
        at: when the backup was made (UTC), None for a file that does not say so by its name.
        kept: the project as it was before, None where there was none.
        damaged: whether that could only be kept byte by byte, for it is damaged.
    """

    project: Path
    source: Path
    at: datetime | None
    kept: Path | None
    damaged: bool


def find_backup(project: str | os.PathLike[str], name: str | os.PathLike[str] | None) -> Path:
    """The backup that `name` means: a name as `list_backups` has it, a path, or None for the newest good one.

    UsageError if there is no such backup.
    """
    path = real_path(project)
    if name is None:
        best = newest_good(path)
        if best is None:
            raise UsageError("there is no good backup of this project", where=path, remedy="Name a copy of your own")
        return best.path
    for backup in list_backups(path):
        if backup.name in (os.fspath(name), f"{os.fspath(name)}.starmark"):
            return backup.path
    found = real_path(name)
    if not found.is_file():
        raise UsageError(
            "there is no such backup", where=os.fspath(name), remedy="See 'project restore --list' for those there are"
        )
    return found


def restore(project: str | os.PathLike[str], backup: str | os.PathLike[str], *, keep_present: bool = True) -> Restored:
    """Put a backup in the place of the project file, in one step; the project must not be open anywhere.

    The backup is checked whole first, and stays. The present file is kept as a backup of its own, or byte by byte with
    its journals where it is damaged. Image paths are rewritten if the project lies elsewhere now.

    Args:
        project: the project file; it may be missing.
        backup: path of the backup.
        keep_present: False goes on where the present file cannot be kept (a full disk), and then loses it.

    Raises:
        ProjectLockedError: the project is open.
        ProjectError: the backup is damaged or of a newer Starmark, or a file cannot be read or written; the project is
            then as it was.
    """
    path, source = real_path(project), real_path(backup)
    if path == source:
        raise UsageError("a project cannot be restored from itself", where=path, remedy="Name one of its backups")
    lock = ProjectLock(path)
    try:
        if is_open_here(path):
            raise ProjectLockedError("the project is open here", where=path, remedy="Close it, then restore")
        found = problems_of(source)
        if found:
            raise ProjectError(
                f"this backup is damaged too ({found[0]})", where=source, remedy="Choose an earlier backup"
            )
        kept, damaged = _keep(path, source, needed=keep_present) if os.path.lexists(path) else (None, False)
        remove_leftovers(path)
        with replacement(path, overwrite=True) as temporary:
            rebased_copy(source, temporary, ImagePaths(_base(source, path)), ImagePaths(path))
    finally:
        lock.release()
    at = next((known.at for known in list_backups(home_of(source)) if known.path == source), None)
    return Restored(path, source, at, kept, damaged)


def problems_of(path: Path) -> list[str]:
    """What is wrong with the project file `path`, which no program of this process has open; [] if it is sound.

    ProjectError if it is no project, cannot be read, or is of a newer Starmark.
    """
    check_header(path)
    engine = read_engine(path, read_only=True)
    try:
        with translated(path), engine.connect() as connection:
            return _problems(connection, path)
    finally:
        engine.dispose()


def _problems(connection: Connection, path: Path) -> list[str]:
    newest = migrate.check_version(connection, path)
    return checks.problems(connection) if newest else checks.page_problems(connection)


def newest_good(project: Path) -> Backup | None:
    """The newest backup that is sound; reads each until one is."""
    with contextlib.suppress(ProjectError):
        for backup in list_backups(project):
            with contextlib.suppress(ProjectError):
                if not problems_of(backup.path):
                    return backup
    return None


def advise(error: ProjectError, path: Path) -> ProjectError:
    """`error`, met on opening the project `path`; where that is damaged or gone, one that names the newest good backup.

    Reads the project and backups, so that it takes its time; nothing is read where there are no backups.
    """
    refused = isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError)
    if refused or isinstance(error, ProjectLockedError | ProjectReadOnlyError) or is_open_here(path):
        return error
    if not backup_folder(path).is_dir() or _is_sound(path):
        return error
    best = newest_good(path)
    if best is None:
        return error
    when = f"{best.at:%Y-%m-%d %H:%M} UTC"
    remedy = f'Restore the backup of {when}: project restore -p "{path}" {best.name}'
    return ProjectError(error.what, where=path, remedy=remedy)


def _is_sound(path: Path) -> bool:
    try:
        check_header(path)
        with closing(connect(path, "ro")) as connection:
            doubtful = connection.execute("PRAGMA user_version").fetchone()[0]  # see `sqlite.mark_doubtful`
            row = connection.execute("PRAGMA quick_check(1)").fetchone()
            return row is not None and row[0] == "ok" and not doubtful
    except sqlite3.OperationalError:  # a full disk, a lock: nothing that a backup would help against
        return True
    except (ProjectError, sqlite3.Error):
        return False


def _keep(path: Path, source: Path, *, needed: bool) -> tuple[Path | None, bool]:
    """Where the present project is kept, and whether it is damaged. ProjectError if it cannot be, and is `needed`."""
    try:
        kept = backups.make(path, backups.BEFORE_RESTORE, spare=source).path
        if file_writable(path):
            fold_journal(path)  # what is in the journal is in the copy; a kill from here on loses nothing either way
        return kept, False
    except (ProjectError, sqlite3.Error):
        try:
            return _keep_bytes(path), True
        except ProjectError as error:
            if needed:
                what = f"nothing was restored, for the present file could not be kept first ({error.what})"
                raise ProjectError(what, where=error.where, remedy=error.remedy) from error
            return None, True


def _keep_bytes(path: Path) -> Path:
    """Copy the file and its journals as they are. The -wal comes first: the name counts only once all are there."""
    target = backups.new_name(path, backups.DAMAGED)
    with translated(target), contextlib.ExitStack() as undo:
        for suffix in ("-wal", "-journal", ""):
            one, copy = sidecar(path, suffix), sidecar(target, suffix)
            if one.is_file():
                undo.callback(copy.unlink, missing_ok=True)
                shutil.copyfile(one, copy)
                with copy.open("r+b") as stream:
                    os.fsync(stream.fileno())
        sync_folder(target.parent)
        undo.pop_all()
    return target


def _base(source: Path, project: Path) -> Path:
    """The file whose folder the relative image paths of a backup belong to: where most of the images are.

    Usually that is the project's. It is the backup's where that was left behind with the images.
    """
    candidates = dict.fromkeys((project, home_of(source)))
    if len(candidates) == 1:
        return project
    with translated(source), closing(connect(source, "ro")) as connection:
        stored = [str(row[0]) for row in connection.execute("SELECT path FROM image")]
    there = {base: sum(ImagePaths(base).load(path).exists() for path in stored) for base in candidates}
    return max(there, key=there.__getitem__)
