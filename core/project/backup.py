"""Whole copies of a project file, made by SQLite's backup API and put in place in one step."""

from __future__ import annotations

import contextlib
import glob
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import ProjectError
from core.files import sync_folder
from core.project.engine import translated
from core.project.images import ImagePaths, rebase
from core.project.schema import new_id
from core.project.sqlite import connect, fold_journal, remove_sidecars, sidecar


@contextmanager
def replacement(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """An empty file beside `target`; what the block makes of it takes the name `target`, synced, in one step.

    ProjectError if `target` exists and `overwrite` is false, also where it appears meanwhile. On any error the
    temporary file goes and `target` stays as it was.
    """
    if not overwrite:
        refuse_existing(target)
    temporary = target.with_name(f".{target.name}.{new_id().hex[-12:]}.tmp")
    try:
        with translated(target):
            # An empty file is an empty database to SQLite; made here, what hinders it is told in the system's words.
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            yield temporary
            _sync(temporary)
            _retire(target)
            if overwrite:
                temporary.replace(target)
            else:
                _rename_new(temporary, target)
            sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
            remove_sidecars(temporary)


def refuse_existing(target: Path) -> None:
    """ProjectError if there is anything named `target`."""
    if os.path.lexists(target):
        raise ProjectError("a file of that name exists already", where=target, remedy="Choose another name")


def copy_database(
    source: Path | sqlite3.Connection, target: Path, change: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Copy the database `source` as it is at this moment to the new file `target`, then `change` the copy.

    Given as a connection, `source` need not have a name any more; the connection stays open.
    """
    if isinstance(source, Path):
        with closing(connect(source, "ro")) as old:
            copy_database(old, target, change)
        return
    with closing(connect(target, "rwc")) as new:
        source.backup(new)
        # The copy of a WAL database would otherwise be one as well, and need two more files.
        new.execute("PRAGMA journal_mode=DELETE")
        new.execute("PRAGMA synchronous=FULL")
        if change is not None:
            new.execute("BEGIN IMMEDIATE")
            change(new)
            new.execute("COMMIT")


def rebased_copy(source: Path, target: Path, old: ImagePaths, new: ImagePaths) -> None:
    """`copy_database`, with image paths rewritten for another place."""
    copy_database(source, target, lambda connection: rebase(connection, old, new))


def remove_leftovers(target: Path) -> None:
    """Delete what a killed program left of a `replacement` of `target`; only under its lock."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.tmp*"):
        with contextlib.suppress(OSError):
            path.unlink()


def _retire(target: Path) -> None:
    """Have no journal beside `target` when another file takes its name; until then it loses nothing by that."""
    if not any(sidecar(target, suffix).exists() for suffix in ("-wal", "-shm", "-journal")):
        return
    with contextlib.suppress(sqlite3.Error):  # damaged, or no database at all
        fold_journal(target)
    remove_sidecars(target)
    sync_folder(target.parent)  # a journal that a power cut brings back must not meet the new file


def _rename_new(temporary: Path, target: Path) -> None:
    """Rename without ever replacing a file, as far as the file system can do that."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        refuse_existing(target)
        raise
    except OSError:
        # No hard links here (FAT, some shares).
        refuse_existing(target)
        temporary.rename(target)
    else:
        temporary.unlink()


def _sync(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())
