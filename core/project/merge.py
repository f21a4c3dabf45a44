"""Bringing another project in: what is new is added with its whole history, what differs is kept twice, all or nothing.

A revision keeps its id, author, time and kind wherever it goes, so that it is known again. Of each label the other
project's new revisions are appended where they follow from the label here; where both have come to the same label they
are kept in the history without effect, as refused edits are; else they go to a label set of their own, and the two
labels are a conflict.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from core.errors import ProjectError, UsageError
from core.paths import on_server
from core.project import edits
from core.project.backup import copy_database
from core.project.backups import BEFORE_MERGE, home_of
from core.project.database import real_path
from core.project.history_merge import HistoryMerge, Mapped
from core.project.images import ImagePaths, chunks, face_info, faces_of, info_values
from core.project.matching import match_faces, match_images, with_hashes
from core.project.records import ImageRecord
from core.project.schema import CONFLICT, FACE, IMAGE, LABEL_SET, MODEL, SNAPSHOT

if TYPE_CHECKING:
    from core.project.hashing import Progress
    from core.project.store import Project

_IMAGE_COLUMNS = ("width", "height", "size", "mtime_ns", "content_hash", "orientation")


@dataclass
class MergeReport:
    """What `merge` did; all counts are of this project.

    Attributes:
        labels_changed: labels that the other project had edited further, and that are now so here.
        conflicts: labels changed on both sides, of which both are kept.
        faces_changed: faces whose tags, note, review state or box were brought together.
        snapshots_left: snapshots of the other project, which stay there.
    """

    source: str
    images_added: int = 0
    images_matched: int = 0
    faces_added: int = 0
    faces_matched: int = 0
    label_sets_added: int = 0
    labels_added: int = 0
    labels_changed: int = 0
    conflicts: int = 0
    faces_changed: int = 0
    revisions_added: int = 0
    models_added: int = 0
    snapshots_left: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return any(
            (
                *(self.images_added, self.faces_added, self.label_sets_added, self.labels_added),
                *(self.labels_changed, self.conflicts, self.faces_changed, self.revisions_added, self.models_added),
            )
        )

    def lines(self) -> list[str]:
        """It in words."""
        found = [
            f"images: {self.images_added} added, {self.images_matched} known",
            f"faces: {self.faces_added} added, {self.faces_matched} known, {self.faces_changed} brought together",
            f"labels: {self.labels_added} added, {self.labels_changed} brought up to date",
            f"conflicts: {self.conflicts}",
            f"history: {self.revisions_added} revisions added",
        ]
        if self.snapshots_left:
            found.append(f"snapshots: {self.snapshots_left} stay in {self.source}")
        return found if self.changed else [f"there is nothing new in {self.source}", *found[5:]]


def merge(
    project: Project, other: str | Path, author: str, progress: Progress | None = None, *, backup: bool = True
) -> MergeReport:
    """Add to `project` what is new in the project `other`, which stays as it is. Doing so again changes nothing.

    Args:
        other: a project file, of an older Starmark too, or open elsewhere.
        author: who merges, for the history.
        progress: see `hashing.Progress`; also called in the writer's thread. Raising from it leaves the project as it
            was, but for content hashes.
        backup: False goes without the backup before it, which otherwise must succeed.

    Raises:
        UsageError: no author, or a project and itself.
        ProjectError: the other project cannot be read, or this one not be written.
    """
    edits.check_author(author)
    with _opened(project, other) as theirs:
        images = with_hashes(project, theirs.images(), progress)
        if backup:
            project.backups.before(BEFORE_MERGE)
        report = MergeReport(theirs.name)
        with theirs._read() as source:
            return project._write(
                lambda connection: _Merge(connection, source, project._db.paths, report, author, progress).run(images)
            )


@contextmanager
def _opened(project: Project, other: str | Path) -> Iterator[Project]:
    """The other project, open for reading; a copy brought up to date where it is of an older schema."""
    kind = type(project)
    if on_server(other):
        with kind.open(other, read_only=True) as theirs:
            if theirs.id == project.id:
                raise UsageError("a project cannot be merged with itself", remedy="Name another project")
            yield theirs
        return
    path = real_path(other)
    if str(path) == project.location:
        raise UsageError("a project cannot be merged with itself", where=path, remedy="Name another project")
    try:
        theirs = kind.open(path, read_only=True)
    except ProjectError as error:
        if "older Starmark" not in error.what:
            raise
    else:
        with theirs:
            yield theirs
        return
    with tempfile.TemporaryDirectory(prefix="starmark-") as folder:
        copy = Path(folder) / path.name
        copy_database(path, copy)
        with kind.open(copy) as theirs:
            theirs._db.paths = ImagePaths(home_of(path))
            yield theirs


class _Merge:
    """One merge, inside its transaction."""

    def __init__(
        self,
        ours: Connection,
        theirs: Connection,
        paths: ImagePaths,
        report: MergeReport,
        author: str,
        progress: Progress | None,
    ) -> None:
        self._ours = ours
        self._theirs = theirs
        self._paths = paths
        self._report = report
        self._author = author
        self._progress = progress

    def run(self, images: Sequence[ImageRecord]) -> MergeReport:
        image_ids = self._add_images(images)
        report = self._report
        history = HistoryMerge(self._ours, self._theirs, report.source, self._author)
        face_ids = self._add_faces(image_ids, history)
        mapped = Mapped(face_ids, self._add_label_sets())
        done = history.run(mapped, self._progress)
        report.revisions_added = done.revisions
        report.labels_added, report.labels_changed = done.labels_added, done.labels_changed
        report.label_sets_added += done.label_sets
        report.faces_changed = done.faces_changed
        report.conflicts = done.conflicts
        self._add_conflicts(mapped)
        self._add_models()
        report.snapshots_left = int(self._theirs.execute(select(func.count()).select_from(SNAPSHOT)).scalar_one())
        return report

    def _add_images(self, theirs: Sequence[ImageRecord]) -> dict[UUID, UUID]:
        found = match_images(self._ours, self._paths, theirs)
        self._report.images_matched = len(found)
        rows: dict[str, dict[str, Any]] = {}
        for image in theirs:
            if image.id not in found:
                path = self._paths.store(image.path)
                values = {"id": image.id, "path": path} | {name: getattr(image, name) for name in _IMAGE_COLUMNS}
                found[image.id] = rows.setdefault(path, values)["id"]
        if rows:
            self._ours.execute(insert(IMAGE), list(rows.values()))
        self._report.images_added = len(rows)
        return found

    def _add_faces(self, images: Mapping[UUID, UUID], history: HistoryMerge) -> dict[UUID, UUID]:
        theirs = faces_of(self._theirs, images, removed=True)
        found = match_faces(self._ours, images, theirs)
        self._report.faces_matched = len(found)
        new = [face.id for faces in theirs.values() for face in faces if face.id not in found]
        first = history.first_states(new)
        for part in chunks(new):
            rows = []
            for row in self._theirs.execute(select(FACE).where(FACE.c.id.in_(part)).order_by(FACE.c.seq)):
                values = {name: value for name, value in row._mapping.items() if name != "seq"}
                # As it was before its own edits, which come with the history.
                values |= info_values(first.get(row.id, face_info(row)))
                rows.append(values | {"image_id": images[row.image_id], "version": 0, "revision_seq": None})
            self._ours.execute(insert(FACE), rows)
        found.update((face, face) for face in new)
        self._report.faces_added = len(new)
        return found

    def _add_label_sets(self) -> dict[UUID, UUID]:
        ours = self._ours.execute(select(LABEL_SET)).all()
        ids = {row.id for row in ours}
        names = {(row.kind, row.name): row.id for row in ours}
        found: dict[UUID, UUID] = {}
        for row in self._theirs.execute(select(LABEL_SET).order_by(LABEL_SET.c.seq)).all():
            match = row.id if row.id in ids else names.get((row.kind, row.name))
            if match is None:
                match = row.id
                self._ours.execute(insert(LABEL_SET), {"id": row.id, "name": row.name, "kind": row.kind})
                self._report.label_sets_added += 1
            found[row.id] = match
        return found

    def _add_conflicts(self, mapped: Mapped) -> None:
        """Conflicts that the other project has from merges of its own."""
        known = {row.id: row for row in self._ours.execute(select(CONFLICT))}
        for row in self._theirs.execute(select(CONFLICT).order_by(CONFLICT.c.seq)).all():
            decided = {"resolved_at_us": row.resolved_at_us, "resolved_by": row.resolved_by}
            if row.id not in known:
                values = {name: value for name, value in row._mapping.items() if name != "seq"}
                values |= {
                    "face_id": mapped.faces[row.face_id],
                    "label_set_id": mapped.sets[row.label_set_id],
                    "other_set_id": mapped.sets[row.other_set_id],
                }
                self._ours.execute(insert(CONFLICT), values)
                self._report.conflicts += row.resolved_at_us is None
            elif row.resolved_at_us is not None and known[row.id].resolved_at_us is None:
                self._ours.execute(update(CONFLICT).where(CONFLICT.c.id == row.id).values(decided))

    def _add_models(self) -> None:
        known = set(self._ours.execute(select(MODEL.c.hash)).scalars())
        for row in self._theirs.execute(select(MODEL).order_by(MODEL.c.seq)).all():
            if row.hash not in known:
                values = {name: value for name, value in row._mapping.items() if name != "seq"}
                self._ours.execute(insert(MODEL), values)
                self._report.models_added += 1
