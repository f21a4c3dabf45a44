"""The open project as signals, and the only writer that the views may call.

An edit shows at once, goes to the store's thread, and counts as saved only when the store's commit has returned. If it
fails, the view goes back to what the store holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.edits import ChangePoints, DescribeFace, DrawBox, Edit, MovePoint, RemoveFace, RevertFace, SaveState
from app.face_state import FaceState, begun
from app.image_rows import ImageRows
from app.jobs import faces, store, upkeep
from app.jobs.long import LongJobs
from app.jobs.pool import Job, WorkerPool
from app.jobs.saving import Saving
from app.panels.image_model import ImageRow
from app.texts import tr
from core.face import Prediction
from core.paths import on_server

if TYPE_CHECKING:
    from app.exchange.work import Read
    from core.project import PredictionCache, Project

PREDICTIONS_KEPT = 2000
"""Faces whose predictions stay in memory; about 10 kB each."""

PLACE_DELAY_MS = 400
"""The place in the list is kept once the user stays on an image, not for every image leafed through."""


class Document(QObject):
    """One project at a time, its images, and the faces of the current image.

    Signals:
        opened(): another project is open, or none; everything is to be read anew.
        named(): the open project has another name and place.
        rows_changed(): the list of images is another one.
        current_changed(): another image is current, or none; its faces follow.
        faces_loaded(): the faces of the current image are known.
        face_changed(face id): label or prediction of one face of the current image changed.
        row_changed(image id): number of faces, worst deviation or problem of an image.
        rows_marked(): many images have another mark.
        undo_changed(), save_changed(SaveState), busy_changed(text): "" when idle.
        progressed(done, total, text): of a long job.
        noticed(text, details, incomplete): something to know, such as what was added or left out.
        failed(text, details): something that went wrong.
        faces_stored(ids): an edit of these faces is on disk.
        not_opened(path): a project file could not be opened; `failed` says why.
        box_added(face id): a drawn box is kept and waits for its prediction.
    """

    opened = Signal()
    named = Signal()
    rows_changed = Signal()
    current_changed = Signal()
    faces_loaded = Signal()
    face_changed = Signal(str)
    row_changed = Signal(str)
    rows_marked = Signal()
    undo_changed = Signal()
    save_changed = Signal(object)
    busy_changed = Signal(str)
    progressed = Signal(int, int, str)
    noticed = Signal(str, str, bool)
    failed = Signal(str, str)
    faces_stored = Signal(frozenset)
    box_added = Signal(str)
    not_opened = Signal(object)

    def __init__(self, author: Callable[[], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.blind = ""
        """The label set that faces are labelled in without seeing any other (`app.blind`); empty: all is shown."""
        self._owner, self._author = author, lambda: self.blind or author()
        self._writes = WorkerPool(1, "store", self)
        self._reads = WorkerPool(1, "reader", self, newest_first=True)
        self._read_job: Job | None = None
        self._stored_since: set[str] = set()
        self.long = LongJobs(self._writes, self)
        self.long.busy_changed.connect(self.busy_changed)
        self.long.progressed.connect(self.progressed)
        self.long.failed.connect(self.failed)
        self.long.stopped.connect(lambda: self.noticed.emit(tr("Stopped. Nothing was changed."), "", False))
        self.project: Project | None = None
        self.cache: PredictionCache | None = None
        self.images = ImageRows(self)
        self.images.changed.connect(self.row_changed)
        self.images.marked.connect(self.rows_marked)
        self.current_id: str | None = None
        self.faces: dict[str, FaceState] = {}
        self.faces_known = False
        self.kept: dict[str, Any] = {}
        """What the project kept for the annotator when it was opened; see `app.kept`."""
        self.undo_text: str | None = None
        self.redo_text: str | None = None
        self._saving = Saving(self._writes, self)
        self._saving.changed.connect(self.save_changed)
        self._saving.failed.connect(self._not_saved)
        self._saving.outdated.connect(self.reload_faces)
        self._predictions: OrderedDict[str, Prediction] = OrderedDict()
        self._place_timer = QTimer(self)
        self._place_timer.setSingleShot(True)
        self._place_timer.setInterval(PLACE_DELAY_MS)
        self._place_timer.timeout.connect(self._keep_place)

    # -- opening and closing

    @property
    def is_open(self) -> bool:
        """Whether there is a project."""
        return self.project is not None

    @property
    def rows(self) -> list[ImageRow]:
        """What the list shows, in the project's order."""
        return self.images.all

    @property
    def busy(self) -> bool:
        """Whether a long job is going on."""
        return self.long.busy

    @property
    def save_state(self) -> SaveState:
        """Whether everything is on disk."""
        return self._saving.state

    @property
    def path(self) -> Path | None:
        """The project file; None for a project on a server."""
        location = self.location
        return None if location is None or on_server(location) else Path(location)

    @property
    def location(self) -> str | None:
        """What opens the project again: its file, or the URL of its database, never with a password."""
        return None if self.project is None else self.project.location

    @property
    def name(self) -> str:
        """What the project is called."""
        return "" if self.project is None else self.project.name

    @property
    def is_scratch(self) -> bool:
        """Whether the project has no name yet."""
        return self.project is not None and self.project.is_scratch

    @property
    def read_only(self) -> bool:
        """Whether nothing can be kept."""
        return self.project is not None and self.project.read_only

    def open(self, path: str | Path, then: Callable[[], None] | None = None, fallback: Path | None = None) -> None:
        """Open a project file; the present one stays open until that has worked.

        Args:
            path: the file, or the URL of a database.
            then: called once it is open.
            fallback: folder for a scratch project if the file cannot be opened.
        """

        def make() -> Project:
            from core.project import Project

            return Project.open(path)

        def failed(error: Exception) -> None:
            self.failed.emit(store.error_text(error), "")
            if not on_server(path):
                self.not_opened.emit(Path(path))
            if fallback is not None:
                self.open_scratch(fallback, then)

        self.open_made(make, tr("Opening the project…"), then, failed)

    def restore(self, path: Path, backup: Path, fallback: Path) -> None:
        """Put a backup in the place of the project `path`, which is first kept as it is now, and open it.

        Nothing is open meanwhile. If that fails, the project is opened as it was, else a scratch project in `fallback`.
        """
        project, cache = self.project, self.cache
        same = self.path is not None and self.path.resolve() == path.resolve()
        author = self._owner()
        outcome: list[upkeep.Restoring] = []

        def make() -> Project:
            outcome.append(upkeep.restore(partial(_close, project, cache) if same else lambda: None, path, backup))
            return outcome[0].project

        def done(opened: store.Opened) -> None:
            self._show(opened)
            self._list_rest(opened, None)
            if not same:
                self._writes.submit(lambda _job: _close(project, cache))
            if outcome[0].problem:
                self.failed.emit(outcome[0].problem, "")
            else:
                self.noticed.emit(outcome[0].text, "", True)

        def failed(error: Exception) -> None:
            self.failed.emit(store.error_text(error), "")
            if same:
                self.open_scratch(fallback)

        self._flush_place()
        if self.long.start(
            lambda job: store.open_project(make, author, job), tr("Going back to the backup…"), done, failed
        ) and same:  # fmt: skip
            self._show_nothing()

    def create(self, path: Path, then: Callable[[], None] | None = None) -> None:
        """Make an empty project of that name and open it; an existing file is never replaced."""

        def make() -> Project:
            from core.project import Project

            return Project.create(path)

        self.open_made(make, tr("Making the project…"), then)

    def open_scratch(self, folder: Path, then: Callable[[], None] | None = None) -> None:
        """Start an empty project without a name in `folder`."""

        def make() -> Project:
            from core.project import Project

            return Project.scratch(folder)

        self.open_made(make, tr("Starting a project…"), then)

    def open_made(
        self,
        make: Callable[[], Project],
        text: str,
        then: Callable[[], None] | None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Open what `make` makes or opens on the store's thread; `failed` says so itself if that fails."""
        before, before_cache = self.project, self.cache

        def done(opened: store.Opened) -> None:
            self._show(opened)
            # After whatever was still on its way to the project that was open so far.
            self._writes.submit(lambda _job: _close(before, before_cache))
            self._list_rest(opened, then)

        self._flush_place()
        author = self._owner()
        self.long.start(lambda job: store.open_project(make, author, job), text, done, failed)

    def _list_rest(self, opened: store.Opened, then: Callable[[], None] | None) -> None:
        """Read the list of a large project while its first image is shown already; then call `then`."""
        then = then or (lambda: None)

        def listed(rows: list[ImageRow]) -> None:
            self.images.replace(rows)
            self.rows_changed.emit()
            then()

        if opened.complete:
            then()
        else:
            self.long.start(lambda _job: store.image_rows(opened.project), tr("Reading the list of images…"), listed)

    def _show(self, opened: store.Opened) -> None:
        self._reads.cancel_all()
        self.project, self.cache, self.kept = opened.project, opened.cache, opened.kept
        self._predictions.clear()
        self.current_id, self.faces, self.faces_known = None, {}, False
        self.images.replace(opened.rows)
        self._set_undo(opened.undo_text, opened.redo_text)
        self._saving.reset()
        self.opened.emit()
        self.rows_changed.emit()
        if opened.note:
            self.noticed.emit(opened.note, "", True)
        first = opened.current if opened.current in self.images else (self.rows[0].id if self.rows else None)
        self.set_current(first)

    def _show_nothing(self) -> None:
        """No project is open until another one is."""
        self._reads.cancel_all()
        self.project = self.cache = None
        self.current_id, self.faces, self.faces_known = None, {}, False
        self._predictions.clear()
        self.images.replace([])
        self._set_undo(None, None)
        self.opened.emit()
        self.rows_changed.emit()
        self.current_changed.emit()

    def in_store(
        self, work: Callable[[Project], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        """Do something that changes nothing of what is shown on the store's thread, behind the edits that wait."""
        project = self.project
        if project is not None:
            self._writes.submit(lambda _job: work(project), on_done=done, on_error=failed)

    def save_as(self, path: Path, replace_existing: bool) -> None:
        """Give the project a name and place of its own and go on there."""
        project = self.project
        if project is None:
            return

        def done(cache: PredictionCache) -> None:
            self.cache = cache
            self.named.emit()
            text = tr("The project is now “{stem}”. Edits go on being saved by themselves.", stem=path.stem)
            self.noticed.emit(text, str(path), False)

        cache = self.cache
        self.long.start(
            lambda _job: store.save_as(project, cache, path, replace_existing),
            tr("Saving the project…"),
            done,
        )

    def close(self) -> None:
        """Wait for the last edit to be on disk, then close the project and end the threads."""
        self._reads.close()
        self.long.cancel()
        self._flush_place()
        self._writes.drain_and_close()
        if self.cache is not None:
            self.cache.close()
            self.cache = None
        if self.project is not None:
            self.project.close()
            self.project = None

    # -- images

    def add_paths(self, paths: Sequence[Path], labelled: bool = False) -> None:
        """Add photos, folders of photos and data sets to the project; `labelled`: they are data sets for sure."""
        text = tr("Reading the data set…") if labelled else tr("Looking for images…")
        self.change(partial(store.add_paths, paths=list(paths), labelled=labelled), text)

    def import_read(self, found: Read, label_set: str) -> None:
        """Take a data set or patch that was read into the project, all or nothing."""
        self.change(partial(store.import_read, found=found, label_set=label_set), tr("Keeping the labels…"))

    def change(self, work: Callable[..., store.Added], text: str) -> None:
        """Change much at once, in a long job; `work` takes the keywords project, author and job."""
        project, author = self.project, self._author()
        if project is not None:
            self.long.start(lambda job: work(project=project, author=author, job=job), text, self._take_added)

    def _take_added(self, added: store.Added) -> None:
        self.images.replace(added.rows)
        self._set_undo(added.undo_text, added.redo_text)
        self.rows_changed.emit()
        self.noticed.emit(added.text, added.details, added.incomplete)
        self.set_current(added.first or self.current_id, again=True)

    def row(self, image_id: str) -> ImageRow | None:
        """What the list knows of an image."""
        return self.images.get(image_id)

    def set_current(self, image_id: str | None, again: bool = False) -> None:
        """Go to an image; its faces are read in the background."""
        if image_id == self.current_id and not again:
            return
        self.current_id = image_id
        self.faces, self.faces_known = {}, False
        self.current_changed.emit()
        if image_id is not None:
            self._place_timer.start()
            self.reload_faces()

    def reload_faces(self) -> None:
        """Read the faces of the current image again."""
        project, image_id = self.project, self.current_id
        if project is None or image_id is None:
            return
        author = self._author()
        if self._read_job is not None:
            self._read_job.cancel()
        self._stored_since.clear()
        self._read_job = self._reads.submit(
            lambda _job: store.load_faces(project, author, image_id),
            on_done=partial(self._faces_read, image_id),
            on_error=self._read_failed,
        )

    def read(self, work: Callable[[Project], Any], done: Callable[[Any], None]) -> Job | None:
        """Read from the project in the background; the newest wish goes first. None where no project is open."""
        project = self.project
        if project is None:
            return None
        return self._reads.submit(lambda _job: work(project), on_done=done, on_error=self._read_failed)

    def _faces_read(self, image_id: str, faces: list[FaceState]) -> None:
        if image_id != self.current_id:
            return
        # What was edited since this was asked for is known better here: the read may have come before the commit.
        keep = {
            face_id: face
            for face_id, face in self.faces.items()
            if self._saving.waits_for(face_id) or face_id in self._stored_since
        }
        self.faces = {face.face_id: keep.get(face.face_id, self._with_prediction(face)) for face in faces}
        self.faces_known = True
        row = self.row(image_id)
        if row is not None and not self.blind:
            self.images.set_faces(image_id, len(faces), row.review, begun(faces))
        self.faces_loaded.emit()

    def _with_prediction(self, face: FaceState) -> FaceState:
        prediction = self._predictions.get(face.face_id)
        return face if prediction is None or self.blind else replace(face, prediction=prediction)

    def set_predictions(
        self, image_id: str, faces: Sequence[FaceState], predictions: dict[str, Prediction], worst: float | None
    ) -> None:
        """Take in what the model says of an image; faces that it found are in the project already."""
        for face_id, prediction in predictions.items():
            self._predictions[face_id] = prediction
            self._predictions.move_to_end(face_id)
        while len(self._predictions) > PREDICTIONS_KEPT:
            self._predictions.popitem(last=False)
        self.images.set_predicted(image_id, len(faces), worst, begun(faces))
        if self.blind or image_id != self.current_id or not self.faces_known:
            return
        if set(self.faces) != {face.face_id for face in faces}:
            fresh = {face.face_id: self.faces.get(face.face_id, face) for face in faces}
            self.faces = {face_id: self._with_prediction(face) for face_id, face in fresh.items()}
            self.faces_loaded.emit()
            return
        for face_id in predictions:
            if face_id in self.faces:
                self.faces[face_id] = self._with_prediction(self.faces[face_id])
                self.face_changed.emit(face_id)

    def forget_predictions(self) -> None:
        """Another model: nothing the old one said is shown any more."""
        self._predictions.clear()
        self.images.forget_predictions()
        self.faces = {face_id: replace(face, prediction=None) for face_id, face in self.faces.items()}
        self.rows_changed.emit()
        self.faces_loaded.emit()

    # -- edits

    def apply(self, edit: Edit) -> None:
        """The one way to change anything. Shows the edit at once; `save_changed` tells when it is on disk."""
        if self.project is None or (self.blind and not isinstance(edit, MovePoint | ChangePoints)):
            return
        project, author = self.project, self._author()
        if isinstance(edit, MovePoint | ChangePoints):
            self._change_points(project, edit if isinstance(edit, ChangePoints) else edit.as_change())
        elif isinstance(edit, DrawBox):
            self._saving.submit(partial(store.add_box, project, author, edit.image_id, edit.box), self._box_done)
        elif isinstance(edit, RemoveFace):
            self._saving.submit(partial(faces.remove_face, project, author, edit.face_id), self._edit_done)
        elif isinstance(edit, RevertFace):
            work = partial(faces.revert_face, project, author, edit.face_id, edit.revision_id)
            self._saving.submit(work, self._edit_done, (edit.face_id,))
        elif isinstance(edit, DescribeFace):
            face = self.faces.get(edit.face_id)
            if face is not None and edit.review is not None:
                self.faces[edit.face_id] = replace(face, review=edit.review)
            start = None if face is None or face.label is not None else face.as_label()
            self._saving.submit(partial(faces.describe_face, project, author, edit, start), self._edit_done)

    def edit(self, work: Callable[..., store.Stored], then: Callable[[], None]) -> None:
        """An edit that only the store can make; `work` takes the keywords project and author."""

        def done(result: store.Stored) -> None:
            self._edit_done(result)
            then()

        if self.project is not None:
            self._saving.submit(partial(work, project=self.project, author=self._author()), done)

    def _change_points(self, project: Project, edit: ChangePoints) -> None:
        face = self.faces.get(edit.face_id)
        start = None if face is None else face.as_label() or edit.start
        if face is None or start is None:
            return
        author = self._author()
        self.faces[edit.face_id] = replace(face, label=edit.change.applied_to(start), label_set=author)
        self.face_changed.emit(edit.face_id)
        work = partial(store.change_points, project, author, edit, start)
        self._saving.submit(work, self._edit_done, (edit.face_id,))

    def undo(self) -> None:
        """Take back the last edit of this author, also of an earlier session."""
        self._step(redo=False)

    def redo(self) -> None:
        """Do again what was undone last."""
        self._step(redo=True)

    def undo_to(self, revision_id: str) -> None:
        """Take back this author's edits one after the other, up to and with that one."""
        if self.project is not None:
            self._saving.submit(partial(store.undo_to, self.project, self._author(), revision_id), self._step_done)

    def reload_undo(self) -> None:
        """What can be undone depends on the author, and the author is another one."""
        author = self._author()
        self.read(lambda project: (project.undo_text(author), project.redo_text(author)), lambda t: self._set_undo(*t))

    def _step(self, redo: bool) -> None:
        if self.project is not None:
            self._saving.submit(partial(store.undo, self.project, self._author(), redo), self._step_done)

    def _not_saved(self, error: Exception) -> None:
        self.failed.emit(tr("The change could not be saved. {error_text}", error_text=store.error_text(error)), "")

    def _edit_done(self, result: store.Stored) -> None:
        self._take(result.faces)
        self._set_undo(result.undo_text, result.redo_text)
        for image_id, (count, review) in result.images.items():
            self.images.set_faces(image_id, count, review)
        self.images.set_facts(result.facts)
        if result.problem:
            self.failed.emit(result.problem, "")
        if self.current_id in result.images:  # a face may have come or gone
            self.reload_faces()
        self.faces_stored.emit(frozenset(face.face_id for face in result.faces))

    def _step_done(self, result: store.Stored | None) -> None:
        if result is None:
            self._set_undo(None, None)
            return
        self._edit_done(result)
        elsewhere = [face.image_id for face in result.faces if face.image_id != self.current_id]
        if elsewhere and len(elsewhere) == len(result.faces) and elsewhere[0] in self.images:
            self.set_current(elsewhere[0])

    def _box_done(self, result: store.Stored) -> None:
        face = result.faces[0]
        if face.image_id == self.current_id:
            self.faces[face.face_id] = face
            self.faces_loaded.emit()
        self._edit_done(result)
        self.box_added.emit(face.face_id)

    def _take(self, faces: Sequence[FaceState]) -> None:
        """Show faces as the store has them, unless a later edit of theirs is on its way."""
        self._stored_since.update(face.face_id for face in faces)
        for face in faces:
            shown = face.face_id in self.faces and (not self.blind or face.label_set == self.blind)
            if shown and not self._saving.waits_for(face.face_id):
                self.faces[face.face_id] = self._with_prediction(face)
                self.face_changed.emit(face.face_id)

    # -- small change

    def _set_undo(self, undo_text: str | None, redo_text: str | None) -> None:
        self.undo_text, self.redo_text = undo_text, redo_text
        self.undo_changed.emit()

    def _keep_place(self) -> None:
        project, image_id = self.project, self.current_id
        if project is not None and image_id is not None and not project.read_only:
            self._writes.submit(lambda _job: project.set_setting(store.IMAGE_KEY, image_id))

    def _flush_place(self) -> None:
        if self._place_timer.isActive():
            self._place_timer.stop()
            self._keep_place()

    def cancel(self) -> None:
        """Stop the long job that is going on; nothing of it is kept."""
        self.long.cancel()

    def _read_failed(self, error: Exception) -> None:
        self.failed.emit(store.error_text(error), "")


def _close(project: Project | None, cache: PredictionCache | None) -> None:
    if cache is not None:
        cache.close()
    if project is not None:
        project.close()
