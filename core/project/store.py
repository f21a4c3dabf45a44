"""`Project`: everything the rest of the program does with a project file."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, delete, insert, update

from core.errors import ImageError, ProjectError, ProjectLockedError, ProjectReadOnlyError, StaleEditError, UsageError
from core.face import Box
from core.paths import on_server
from core.project import edits, history, images, importing, labels, snapshots
from core.project.backup import refuse_existing
from core.project.backups import BEFORE_IMPORT, Backups, home_of, move_all
from core.project.checks import problems
from core.project.database import Database, FileDatabase, create_database, open_database, project_path, real_path
from core.project.engine import translated
from core.project.lock import ProjectLock
from core.project.reader import ProjectReader
from core.project.records import (
    AppliedEdit,
    CropTuple,
    Edit,
    FaceRecord,
    ImageRecord,
    Importable,
    ImportCounts,
    LabelSet,
    LabelSetKind,
    ModelRecord,
    NewFace,
    NewImage,
    SnapshotRecord,
)
from core.project.schema import IMAGE, SETTING
from core.project.writer import Writer

T = TypeVar("T")


class Project(ProjectReader):
    """An open project. All methods may be called from any thread; those that write return once it is on disk.

    Made with `create`, `open` or `scratch`, and closed with `close` or a `with` block. Methods ending in `_later`
    return a future at once, which is resolved when the change is on disk, and never before; changes take place in the
    order they were asked for. Every method raises ProjectError if the file cannot be read or written, and those that
    write ProjectReadOnlyError where the project is open for reading.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._writer = None if database.writer is None else Writer(database.writer, database.where, database.name)
        self.backups = Backups(self)

    # Opening and closing

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Project:
        """Make an empty project and open it; ".starmark" is appended where missing. Never replaces a file.

        `path` may be the URL of an empty PostgreSQL database, as for `open`.
        """
        return cls(open_database(create_database(path), read_only=False))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, read_only: bool = False) -> Project:
        """Open an existing project.

        Where the file or its folder cannot be written it is opened for reading, and `notes` says so, and so is a backup
        in its folder. A project of an older version is brought up to date, after a backup. ProjectLockedError if it is
        being written elsewhere, ProjectError if it is no project, of a newer version, cannot be read, or is damaged:
        then it names the newest good backup.

        `path` may be the URL of a PostgreSQL database, "postgresql://USER@HOST/DATABASE?images=FOLDER", which several
        programs can write at a time: an edit made on a label that another has changed is refused (StaleEditError).
        `images` is the folder on this computer that image paths are kept relative to. Edits lost on the way are never
        acknowledged, and the next one connects again.
        """
        if on_server(path):
            return cls(open_database(path, read_only=read_only))
        return cls(_open(real_path(path), read_only=read_only))

    @classmethod
    def scratch(cls, folder: str | os.PathLike[str]) -> Project:
        """The project in `folder` that takes edits until `save_as` gives it a name; made if there is none.

        The same one is opened again after a restart. One that another window has open, or that cannot be opened, is
        left alone, and the next number taken; `notes` names those that cannot be opened.
        """
        home = real_path(folder)
        with translated(home):
            home.mkdir(parents=True, exist_ok=True)
        notes: list[str] = []
        for number in itertools.count(1):
            path = home / ("scratch.starmark" if number == 1 else f"scratch-{number}.starmark")
            _make_scratch(path)
            try:
                project = cls(_open(path, read_only=False))
            except ProjectLockedError:
                continue
            except ProjectError as error:
                notes.append(f"an earlier unnamed project was left as it is: {error}")
                continue
            if project.read_only:
                notes.extend(f"{path}: {note}" for note in project.notes)
                project.close()
                continue
            project._db.notes.extend(notes)
            return project
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Finish all writing, wait for reads under way, and leave one file. Calling it again does nothing."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
        if self._writer is not None:
            self._writer.close()
        self._db.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def save_as(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Copy the project to `path` and go on with the copy; complete or not at all.

        Image paths are rewritten for the new place. A scratch project moves: nothing of it is left behind. An existing
        file is replaced only with `overwrite`, and never one that is open elsewhere.
        """
        if on_server(path):
            raise UsageError(
                "a project cannot be saved under the address of a database", remedy="Copy it there: project copy"
            )
        target = project_path(path)
        if target == self._db.where:
            raise UsageError("the project has that name already", where=target, remedy="Choose another name")
        if not overwrite:
            refuse_existing(target)
        lock = ProjectLock(target)
        try:
            if self._writer is not None:
                self._writer.submit_alone(lambda: self._move_to(target, lock, overwrite)).result()
            else:
                self._move_to(target, lock, overwrite)
        except BaseException:
            lock.release()
            raise

    def _move_to(self, target: Path, lock: ProjectLock, overwrite: bool) -> None:
        old, was_scratch = self._db, self.is_scratch
        old.copy_to(target, overwrite=overwrite, keep_id=was_scratch)
        new = FileDatabase(target, lock)
        with self._gate:
            self._db = new
        if self._writer is None:
            self._writer = Writer(_needed(new.writer), target, new.name)
        else:
            self._writer.replace_engine(_needed(new.writer), target)
        old.close(delete=was_scratch and not old.read_only)
        if was_scratch and not old.read_only:
            move_all(old.path, target)

    @property
    def path(self) -> Path:
        """The project file, absolute. ProjectError for a project on a server, which has none."""
        return self._db.path

    @property
    def location(self) -> str:
        """What opens the project again: its file, or its URL, never with a password."""
        return self._db.location

    @property
    def name(self) -> str:
        """What titles call the project."""
        return self._db.name

    @property
    def cache_path(self) -> Path:
        """Where the project's `PredictionCache` lies: NAME.starmark-cache, or for a server in the user's folder."""
        return self._db.cache_path

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self._db.read_only

    @property
    def id(self) -> UUID:
        """The project's own id; a copy made by `save_as` gets another, a scratch project keeps its."""
        return UUID(self._db.meta["id"])

    @property
    def is_scratch(self) -> bool:
        """Whether nobody has named the project yet."""
        return self._db.meta.get("scratch") == "1"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about how the project was opened."""
        return tuple(self._db.notes)

    def verify(self) -> list[str]:
        """All that is wrong with the file: damage, dangling references, unreadable labels. Reads everything."""
        with self._read() as connection:
            return problems(connection)

    # Images

    def add_images(self, found: Iterable[str | os.PathLike[str] | NewImage]) -> list[ImageRecord]:
        """Add images by path, in order; one that is there already is not added again. Files need not exist."""
        new = [image if isinstance(image, NewImage) else NewImage(Path(image)) for image in found]
        pairs = [(image, importing.stat_or_none(image.path)) for image in new]
        # The paths object is looked up inside the job, for a `save_as` that comes first changes it.
        ids, _ = self._write(lambda connection: images.add_images(connection, self._db.paths, pairs))
        with self._view() as (connection, paths):
            records = images.images_by_id(connection, paths, ids)
        return [records[image_id] for image_id in ids]

    def content_hash(self, image_id: UUID) -> str:
        """ "sha256:..." of the image file's bytes, worked out once and kept. ImageError if it cannot be read."""
        record = self.image(image_id)
        stat = importing.stat_or_none(record.path)
        same = stat is not None and (stat.st_size, stat.st_mtime_ns) == (record.size, record.mtime_ns)
        if same and record.content_hash is not None:
            return record.content_hash
        try:
            with record.path.open("rb") as stream:
                value = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        except OSError as error:
            raise ImageError(
                f"the image cannot be read ({error.strerror})", where=record.path, remedy="Put the file back"
            ) from error
        if same and not self.read_only:
            statement = update(IMAGE).where(IMAGE.c.id == image_id).values(content_hash=value)
            self._write(lambda connection: connection.execute(statement))
        return value

    # Faces

    def add_face(
        self,
        image_id: UUID,
        box: Box | None,
        crop: CropTuple | None = None,
        source: str = "",
        tags: Sequence[str] = (),
        *,
        author: str | None = None,
    ) -> FaceRecord:
        """Add a face to an image; `crop` only where the source prescribes one; `author` as for `add_faces`."""
        return self.add_faces([NewFace(image_id, box, crop, source, tuple(tags))], author=author)[0]

    def add_faces(
        self, faces: Iterable[NewFace], *, author: str | None = None, kind: str = "add face"
    ) -> list[FaceRecord]:
        """Add faces, all or none. With `author` that is an edit of that kind, which can be undone."""
        return self.add_faces_later(faces, author=author, kind=kind).result()

    def add_faces_later(
        self, faces: Iterable[NewFace], *, author: str | None = None, kind: str = "add face"
    ) -> Future[list[FaceRecord]]:
        """Like `add_faces`, without waiting."""
        new = list(faces)
        if author is None:
            return self._submit(lambda connection: images.add_faces(connection, new))
        return self._submit(lambda connection: edits.add_faces(connection, new, author, kind))

    # Label sets and labels

    def ensure_label_set(self, name: str, kind: LabelSetKind) -> LabelSet:
        """The label set of that name and kind, made if it is not there."""
        with self._read() as connection:
            found = labels.find_label_set(connection, name, kind)
        return found or self._write(lambda connection: labels.ensure_label_set(connection, name, kind))

    def import_dataset(
        self,
        faces: Importable,
        label_set_name: str,
        *,
        author: str,
        progress: importing.Progress | None = None,
        kind: LabelSetKind = "import",
        backup: bool = True,
    ) -> ImportCounts:
        """Add a data set's images, faces and labels in one transaction and one revision, all or nothing.

        Args:
            faces: what `core.formats.read_dataset` returned, or any iterable of such faces.
            progress: called in the writer's thread with faces done and in all; raising from it cancels the import.
            backup: False goes without the backup before it, which otherwise must succeed.
        """
        found, new = importing.materialise(faces if isinstance(faces, Iterable) else faces.faces)

        def job(connection: Connection) -> ImportCounts:
            label_set = labels.ensure_label_set(connection, label_set_name, kind)
            return importing.import_faces(connection, self._db.paths, found, new, label_set, author, progress)

        if backup:
            self.backups.before(BEFORE_IMPORT)
        return self._write(job)

    # Snapshots and models

    def create_snapshot(
        self, name: str, author: str, note: str = "", face_ids: Iterable[UUID] | None = None
    ) -> SnapshotRecord:
        """Keep under a name, for good, which label of each face is now current for `author`, as for `current_labels`.

        Args:
            face_ids: take these faces only; None for all that have a label. Removed ones are left out.

        Raises:
            UsageError: an empty or taken name, or no label at all.
        """
        chosen = None if face_ids is None else list(face_ids)
        return self._write(lambda connection: snapshots.create(connection, name, author, note, chosen))

    def remember_model(self, model_hash: str, name: str, header: Mapping[str, Any]) -> ModelRecord:
        """Keep which model it is that predictions name by its hash; the first name and header stay."""
        return self._write(lambda connection: snapshots.remember_model(connection, model_hash, name, header))

    # Edits and history

    def apply(self, edit: Edit, author: str) -> AppliedEdit:
        """Carry out an edit.

        StaleEditError if a label or face is not, any more, what the edit was made on; the history then shows it as
        refused, so that nobody's work is lost.
        """
        return self.apply_later(edit, author).result()

    def apply_later(self, edit: Edit, author: str) -> Future[AppliedEdit]:
        """Like `apply`, without waiting."""
        self.backups.before_bulk_edit(edit)

        def refused(connection: Connection, error: BaseException) -> None:
            if isinstance(error, StaleEditError):
                edits.refuse(connection, edit, author)

        return self._submit(lambda connection: edits.apply(connection, edit, author), refused)

    def revert_face(
        self, face_id: UUID, revision_id: UUID, author: str, label_set: LabelSet, kind: str = "revert"
    ) -> AppliedEdit:
        """Bring a face back to what a revision in its history made of it, by one edit that can be undone as any other.

        The label it made, in whatever label set, becomes the face's label in `label_set`, the annotator's own one; a
        refused revision brings what was refused. A revision of the face itself brings that back. ProjectError if the
        history of the face does not have the revision.
        """
        return self._write(
            lambda connection: history.revert(connection, face_id, revision_id, author, label_set.id, kind)
        )

    def undo(self, author: str) -> AppliedEdit | None:
        """Take back the author's last edit, however long ago; None if there is none.

        StaleEditError if somebody else changed one of its labels since. Imports are not undone.
        """
        return self.undo_later(author).result()

    def undo_later(self, author: str) -> Future[AppliedEdit | None]:
        """Like `undo`, without waiting."""
        return self._submit(lambda connection: edits.undo(connection, author))

    def redo(self, author: str) -> AppliedEdit | None:
        """Do again what the author undid last; None if there is nothing, or an edit came after it."""
        return self.redo_later(author).result()

    def redo_later(self, author: str) -> Future[AppliedEdit | None]:
        """Like `redo`, without waiting."""
        return self._submit(lambda connection: edits.redo(connection, author))

    # View state

    def set_setting(self, key: str, value: Any) -> None:
        """Keep a JSON value with the project, outside undo and history."""
        self.set_setting_later(key, value).result()

    def set_setting_later(self, key: str, value: Any) -> Future[None]:
        """Like `set_setting`, without waiting."""
        text = json.dumps(value)

        def job(connection: Connection) -> None:
            connection.execute(delete(SETTING).where(SETTING.c.key == key))
            connection.execute(insert(SETTING), {"key": key, "value": text})

        return self._submit(job)

    # Inside

    def _submit(
        self,
        job: Callable[[Connection], T],
        after_failure: Callable[[Connection, BaseException], object] | None = None,
    ) -> Future[T]:
        if self._writer is None:
            raise ProjectReadOnlyError(
                "the project is open for reading only", where=self._db.where, remedy="Save it under another name"
            )
        return self._writer.submit(job, after_failure)

    def _write(self, job: Callable[[Connection], T]) -> T:
        return self._submit(job).result()


def _open(path: Path, *, read_only: bool) -> Database:
    is_backup = home_of(path) != path
    try:
        database = FileDatabase.open(path, read_only=read_only or is_backup)
    except ProjectError as error:
        from core.project.restoring import advise

        better = advise(error, path)
        if better is error:
            raise
        raise better from error
    if is_backup:
        database.notes.append("this is a backup, opened for reading only; restore it to go on with it")
    return database


def _make_scratch(path: Path) -> None:
    if os.path.lexists(path):
        return
    try:
        FileDatabase.create(path, scratch=True)
    except ProjectError:
        if not os.path.lexists(path):  # else another process was quicker
            raise


def _needed(value: T | None) -> T:
    if value is None:
        raise ProjectError("the copy was not opened for writing")
    return value
