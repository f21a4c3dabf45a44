"""Edits on their way to the disk: what is saved, what still waits, and what could not be saved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.edits import SaveState
from app.jobs.pool import WorkerPool


class Saving(QObject):
    """Sends edits to the store's thread one after the other, and counts as saved only what has come back.

    Signals:
        changed(SaveState).
        failed(error): an edit is not kept.
        outdated(): the store differs from what is shown, since an edit failed.
    """

    changed = Signal(object)
    failed = Signal(object)
    outdated = Signal()

    def __init__(self, pool: WorkerPool, parent: QObject) -> None:
        super().__init__(parent)
        self._pool = pool
        self._waiting = 0
        self._faces: dict[str, int] = {}
        self.state = SaveState("saved")

    def reset(self) -> None:
        """Another project is open, of which everything is saved."""
        self._waiting = 0
        self._faces.clear()
        self._set(SaveState("saved"))

    def waits_for(self, face_id: str) -> bool:
        """Whether an edit of this face is on its way."""
        return bool(self._faces.get(face_id))

    def submit(self, work: Callable[[], Any], done: Callable[[Any], None], faces: tuple[str, ...] = ()) -> None:
        """Carry out `work`, an edit of `faces`, then call `done` with what it gives."""
        self._waiting += 1
        for face_id in faces:
            self._faces[face_id] = self._faces.get(face_id, 0) + 1
        self._set(SaveState("saving"))

        def settle() -> None:
            self._waiting -= 1
            for face_id in faces:
                self._faces[face_id] -= 1

        def succeeded(result: Any) -> None:
            settle()
            done(result)
            if not self._waiting and self.state.kind != "failed":
                self._set(SaveState("saved", datetime.now()))
            elif not self._waiting:
                self.outdated.emit()

        def failed(error: Exception) -> None:
            settle()
            self._set(SaveState("failed"))
            self.failed.emit(error)
            self.outdated.emit()

        self._pool.submit(lambda _job: work(), on_done=succeeded, on_error=failed)

    def _set(self, state: SaveState) -> None:
        self.state = state
        self.changed.emit(state)
