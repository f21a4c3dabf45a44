"""Pictures of faces for a grid of any length: made by workers when they come into sight, the newest wish first."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from app.jobs.pool import Job, WorkerPool
from app.jobs.repair import PlannedFace
from app.repair.picture import draw

KEPT = 400
WAITING = 80
"""Of more wishes the oldest are dropped: who scrolls past a face does not wait for it."""

Key = tuple[str, int]
"""Face id, side in px."""


class Thumbnails(QObject):
    """Keeps the pictures seen last.

    Signals:
        ready(face id): its picture can be had now, or never.
    """

    ready = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pool = WorkerPool(2, "repair-pictures", self, newest_first=True)
        self._kept: OrderedDict[Key, QPixmap | None] = OrderedDict()
        self._waiting: OrderedDict[Key, Job] = OrderedDict()

    def forget(self) -> None:
        """Another plan: all pictures are others."""
        self._pool.cancel_all()
        self._kept.clear()
        self._waiting.clear()

    def close(self) -> None:
        """End the threads."""
        self._pool.close()

    def get(self, face: PlannedFace, side: int) -> tuple[bool, QPixmap | None]:
        """Whether it is known, and the picture; None of a photo that cannot be read. Asks for it where it is not."""
        key = (face.face_id, side)
        if key in self._kept:
            self._kept.move_to_end(key)
            return True, self._kept[key]
        if key not in self._waiting:
            self._waiting[key] = self._pool.submit(
                lambda _job: draw(face, side),
                on_done=lambda picture: self._take(key, picture),
                on_error=lambda _error: self._take(key, None),
            )
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)[1].cancel()
        return False, None

    def _take(self, key: Key, picture: QImage | None) -> None:
        self._waiting.pop(key, None)
        self._kept[key] = None if picture is None else QPixmap.fromImage(picture)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.ready.emit(key[0])
