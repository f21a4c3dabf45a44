"""Keeps the docks that tell of the active face in step with it: its history, what people say of it, its labels."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from app.canvas.model import Ghost
from app.canvas.view import CanvasView
from app.document import Document
from app.edits import DescribeFace, RevertFace
from app.jobs import faces
from app.jobs.faces import FaceDetails, Step
from app.jobs.pool import Job
from app.panels.face import FacePanel
from app.panels.history import HistoryPanel, label_names, when
from app.workbench import Workbench
from core.errors import StarmarkError
from core.face import Label
from core.scheme import get_scheme


class FaceDesk(QObject):
    """Reads a face's details in the background whenever another face is active, or this one was changed.

    Signals:
        details_changed(): `details` is of another face, or was read anew.
    """

    details_changed = Signal()

    def __init__(
        self, document: Document, bench: Workbench, canvas: CanvasView, face: FacePanel, history: HistoryPanel
    ) -> None:
        super().__init__(bench)
        self._document, self._bench, self._canvas = document, bench, canvas
        self.face, self.history = face, history
        self.details: FaceDetails | None = None
        self._job: Job | None = None
        self._compared: tuple[str, str, str] | None = None
        self._wanted: str | None = None
        bench.active_changed.connect(self._active_changed)
        document.faces_stored.connect(self._stored)
        document.face_changed.connect(lambda face_id: self._show_status() if face_id == bench.active else None)
        history.looked_at.connect(lambda _step: self._draw())
        history.wanted_back.connect(self._go_back)
        face.compared.connect(self._draw)
        face.reviewed.connect(lambda state: self._describe(DescribeFace(self._id(), review=state)))
        face.tagged.connect(lambda tags: self._describe(DescribeFace(self._id(), tags=tags)))
        face.noted.connect(lambda note: self._describe(DescribeFace(self._id(), note=note)))

    def compare(self, what: tuple[str, str, str] | None) -> None:
        """Go to a face and draw one of its label sets dimmed: (image id, face id, name of the set); None ends that."""
        self._compared = what
        if what is not None and self._document.row(what[0]) is not None:
            self._wanted = what[1]
            self._document.set_current(what[0])
            self._activate_wanted()  # at once if the image is on screen already
        self._draw()

    def _active_changed(self) -> None:
        if self.details is not None and self.details.face_id != self._bench.active:
            self._show(None)
        self._activate_wanted()
        self._show_status()
        self._read()

    def _activate_wanted(self) -> None:
        """Turn to the face that was asked for, once the faces of its image are known."""
        if self._wanted in self._document.faces:
            face_id, self._wanted = self._wanted, None
            if face_id is not None:
                self._bench.activate_face(face_id)

    def _show_status(self) -> None:
        active = self._bench.active_face()
        self.face.show_status(None if active is None else active.status)

    def _stored(self, ids: frozenset[str]) -> None:
        if self._bench.active in ids:
            self._read()

    def _read(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        face_id = self._bench.active
        if face_id is not None and not self._document.blind:  # else labels and history stay unseen
            self._job = self._document.read(partial(faces.face_details, face_id=face_id), self._show)

    def _show(self, details: FaceDetails | None) -> None:
        self._job = None
        if details is not None and details.face_id != self._bench.active:
            return
        active = self._bench.active_face()
        shown = "" if active is None else active.label_set
        writable = not self._document.read_only
        # The panels first give out what was typed for the face that is left.
        self.face.show_details(details, shown, writable)
        self.details = details
        self.history.show_details(details, writable)
        self._draw()
        self.details_changed.emit()

    def _draw(self) -> None:
        """The compared label sets and the state that is looked at, dimmed."""
        details = self.details
        ghosts: list[Ghost] = []
        if details is not None:
            names = label_names(details.labels)
            wanted = set(self.face.compared_sets())
            if self._compared is not None and self._compared[1] == details.face_id:
                wanted |= {row for row, label in enumerate(details.labels) if label[0] == self._compared[2]}
            found = [_ghost(names[row], details.labels[row][2], row) for row in sorted(wanted)]
            ghosts += [ghost for ghost in found if ghost is not None]
        step = self.history.selected()
        if step is not None and step.label is not None:
            ghost = _ghost(_step_name(step), step.label, 1)
            ghosts += [ghost] if ghost is not None else []
        if ghosts or self._canvas.ghosts:
            self._canvas.set_ghosts(ghosts)

    def _go_back(self, revision_id: str) -> None:
        if self.details is not None:
            self._document.apply(RevertFace(self.details.face_id, revision_id))

    def _id(self) -> str:
        return "" if self.details is None else self.details.face_id

    def _describe(self, edit: DescribeFace) -> None:
        if edit.face_id:
            self._document.apply(edit)


def _step_name(step: Step) -> str:
    return f"{when(step.at)} {step.author}"


def _ghost(name: str, label: Label, shade: int) -> Ghost | None:
    try:
        scheme = get_scheme(label.scheme)
    except StarmarkError:
        return None
    return Ghost(name, scheme, label.points, shade) if len(scheme) == len(label) else None
