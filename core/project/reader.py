"""`ProjectReader`: what can be asked of an open project."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from core.errors import ProjectError
from core.face import Label
from core.project import edits, facts, history, images, labels, snapshots
from core.project.database import Database
from core.project.images import ImagePaths
from core.project.records import (
    FaceLabel,
    FaceRecord,
    ImageEntry,
    ImageRecord,
    LabelSet,
    LabelVersion,
    ModelRecord,
    ReviewState,
    Revision,
    SnapshotLabel,
    SnapshotRecord,
    UndoStep,
)
from core.project.schema import FACE, IMAGE, SETTING
from core.work_status import ImageFacts


class ProjectReader:
    """The reading half of `store.Project`; every method sees one state of the project."""

    def __init__(self, database: Database) -> None:
        self._gate = threading.Lock()
        self._closed = False
        self._db = database

    # Images

    def image_count(self) -> int:
        """Number of images."""
        with self._read() as connection:
            return images.count(connection, IMAGE)

    def face_count(self) -> int:
        """Number of faces, without removed ones."""
        with self._read() as connection:
            return images.count(connection, FACE, ~FACE.c.removed)

    def images(self, offset: int = 0, limit: int | None = None) -> list[ImageRecord]:
        """A page of the images, in the order they were added."""
        with self._view() as (connection, paths):
            return images.image_page(connection, paths, offset, limit)

    def image_list(self) -> list[ImageEntry]:
        """All images in the order they were added, with what a list of them shows; quick also for 100,000."""
        with self._view() as (connection, paths):
            return images.image_list(connection, paths)

    def image_facts(self, image_ids: Iterable[UUID] | None = None) -> dict[UUID, ImageFacts]:
        """What the faces and labels of images come to, of those that have faces; None for all images."""
        with self._read() as connection:
            return facts.image_facts(connection, image_ids)

    def image(self, image_id: UUID) -> ImageRecord:
        """One image; ProjectError if it is not in the project."""
        with self._view() as (connection, paths):
            found = images.images_by_id(connection, paths, [image_id])
        if image_id not in found:
            raise ProjectError("there is no such image", where=self._db.where, remedy="Load the list of images again")
        return found[image_id]

    def image_path(self, image_id: UUID) -> Path:
        """Absolute path of an image; ProjectError if it is not in the project."""
        return self.image(image_id).path

    def find_image(self, path: str | os.PathLike[str]) -> ImageRecord | None:
        """The image at `path`, None if it is not in the project."""
        with self._view() as (connection, paths):
            return images.find_image(connection, paths, path)

    # Faces

    def faces(self, image_id: UUID, *, removed: bool = False) -> list[FaceRecord]:
        """The faces of an image, in the order they were added; with `removed` also those that were removed."""
        return self.faces_of([image_id], removed=removed)[image_id]

    def faces_of(self, image_ids: Iterable[UUID], *, removed: bool = False) -> dict[UUID, list[FaceRecord]]:
        """The faces of each of the images, as `faces`."""
        with self._read() as connection:
            return images.faces_of(connection, image_ids, removed=removed)

    def faces_where(
        self, *, review: ReviewState | None = None, tag: str | None = None, offset: int = 0, limit: int | None = None
    ) -> list[FaceRecord]:
        """A page of the faces of that review state and with that tag, in the order they were added."""
        with self._read() as connection:
            return images.faces_where(connection, review, tag, offset, limit)

    def face(self, face_id: UUID) -> FaceRecord:
        """One face, also a removed one; ProjectError if it is not in the project."""
        with self._read() as connection:
            row = connection.execute(select(FACE).where(FACE.c.id == face_id)).first()
        if row is None:
            raise ProjectError("there is no such face", where=self._db.where, remedy="Load the image again")
        return images.face_record(row)

    def face_counts(self, image_ids: Iterable[UUID]) -> dict[UUID, int]:
        """Number of faces of each of the images, without removed ones."""
        with self._read() as connection:
            return images.face_counts(connection, image_ids)

    # Label sets and labels

    def label_sets(self) -> list[LabelSet]:
        """All label sets, in the order they were made."""
        with self._read() as connection:
            return labels.label_sets(connection)

    def label(self, face_id: UUID, label_set_id: UUID) -> LabelVersion | None:
        """A face's label in a set, with its version; None if there is none."""
        with self._read() as connection:
            return labels.label(connection, face_id, label_set_id)

    def label_version(self, face_id: UUID, label_set_id: UUID) -> int:
        """The version an edit must expect, also where the label was taken away; 0 if there never was one."""
        with self._read() as connection:
            return labels.label_version(connection, face_id, label_set_id)

    def labels(self, face_id: UUID) -> list[FaceLabel]:
        """All labels of a face, in the order of the label sets."""
        return self.labels_of([face_id])[face_id]

    def labels_of(self, face_ids: Iterable[UUID]) -> dict[UUID, list[FaceLabel]]:
        """All labels of each of the faces."""
        with self._read() as connection:
            return labels.labels(connection, face_ids)

    def current_label(self, face_id: UUID, author: str | None = None) -> FaceLabel | None:
        """The label to show: the author's, else the consensus, another annotator's latest, an import, a model's."""
        return self.current_labels([face_id], author, removed=True).get(face_id)

    def current_labels(
        self, face_ids: Iterable[UUID], author: str | None = None, *, removed: bool = False
    ) -> dict[UUID, FaceLabel]:
        """`current_label` of those of the faces that have one; of removed faces only with `removed`."""
        with self._read() as connection:
            return labels.current_labels(connection, face_ids, author, removed=removed)

    def first_labels(self, face_ids: Iterable[UUID]) -> dict[UUID, Label]:
        """The label that each of the faces got first, such as an import's; of those that ever had one."""
        with self._read() as connection:
            return history.first_labels(connection, face_ids)

    # Snapshots and models

    def snapshots(self) -> list[SnapshotRecord]:
        """All snapshots, in the order they were made."""
        with self._read() as connection:
            return snapshots.snapshots(connection)

    def snapshot_labels(self, name: str) -> Iterator[SnapshotLabel]:
        """The labels of a snapshot, one a face, read a page at a time. ProjectError if there is none of that name."""
        with self._read() as connection:
            seq = snapshots.number(connection, name)
        return self._snapshot_pages(seq)

    def _snapshot_pages(self, seq: int) -> Iterator[SnapshotLabel]:
        last: UUID | None = None
        while True:
            with self._read() as connection:
                page = snapshots.page(connection, seq, last)
            if not page:
                return
            yield from page
            last = page[-1].face.id

    def models(self) -> list[ModelRecord]:
        """The models that predicted for the project, in the order they were first seen."""
        with self._read() as connection:
            return snapshots.models(connection)

    # History and view state

    def undo_text(self, author: str) -> str | None:
        """Kind of the edit that `undo` would take back, None if there is none."""
        return self._undo_texts(author)[0]

    def redo_text(self, author: str) -> str | None:
        """Kind of the edit that `redo` would do again, None if there is none."""
        return self._undo_texts(author)[1]

    def can_undo(self, author: str) -> bool:
        """Whether there is something to undo."""
        return not self._db.read_only and self.undo_text(author) is not None

    def can_redo(self, author: str) -> bool:
        """Whether there is something to redo."""
        return not self._db.read_only and self.redo_text(author) is not None

    def history(self, face_id: UUID) -> list[Revision]:
        """Every change to the face and its labels, oldest first; also edits that were refused as stale."""
        with self._read() as connection:
            return history.history(connection, face_id)

    def undo_steps(self, author: str, limit: int = 200) -> list[UndoStep]:
        """What `undo` would take back one after the other, the next one first."""
        with self._read() as connection:
            return history.undo_steps(connection, author, limit)

    def get_setting(self, key: str, default: Any = None) -> Any:
        """A value kept with `set_setting`."""
        with self._read() as connection:
            text = connection.execute(select(SETTING.c.value).where(SETTING.c.key == key)).scalar_one_or_none()
        return default if text is None else json.loads(text)

    # Inside

    @contextmanager
    def _view(self) -> Iterator[tuple[Connection, ImagePaths]]:
        """One state of the project to read from, and how its image paths are written; both of the same file."""
        with self._gate:
            if self._closed:
                raise ProjectError("the project is closed", where=self._db.where, remedy="Open it again")
            database = self._db
            database.hold()
        try:
            with database.read() as connection:
                yield connection, database.paths
        finally:
            database.let_go()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._view() as (connection, _):
            yield connection

    def _undo_texts(self, author: str) -> tuple[str | None, str | None]:
        with self._read() as connection:
            return edits.undo_texts(connection, author)
