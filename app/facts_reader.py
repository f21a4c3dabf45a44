"""Reads what the faces and labels of a long list of images come to, once the list itself is shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtCore import QObject

from app.document import Document
from app.jobs import store
from app.jobs.pool import Job, WorkerPool

if TYPE_CHECKING:
    from core.project import Project
    from core.work_status import ImageFacts

IMAGES_AT_A_TIME = 2000
"""Between two looks at whether the project is still the one on screen."""


class FactsReader(QObject):
    """On a thread of its own, since the faces of the image on screen must not wait for a second or two of reading."""

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._pool = WorkerPool(1, "facts", self)
        self._job: Job | None = None
        document.rows_changed.connect(self._read)

    def close(self) -> None:
        """Stop the thread."""
        self._pool.close()

    def _read(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        project, rows = self._document.project, self._document.rows
        if project is None or len(rows) <= store.LISTED_AT_ONCE:
            return
        ids = [row.id for row in rows]
        # An error is left to the next reading: without facts the list is as good as before there were any.
        self._job = self._pool.submit(partial(_facts, project, ids), on_done=self._take)

    def _take(self, facts: dict[str, ImageFacts]) -> None:
        self._job = None
        self._document.images.set_facts(facts, every=True)


def _facts(project: Project, ids: list[str], job: Job) -> dict[str, ImageFacts]:
    found: dict[str, ImageFacts] = {}
    for start in range(0, len(ids), IMAGES_AT_A_TIME):
        job.check()
        found |= store.facts_of(project, {UUID(image_id) for image_id in ids[start : start + IMAGES_AT_A_TIME]})
    shared: dict[ImageFacts, ImageFacts] = {}
    return {image_id: shared.setdefault(facts, facts) for image_id, facts in found.items()}
