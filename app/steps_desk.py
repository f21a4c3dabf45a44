"""Keeps the list of the annotator's own steps in step with the project, while somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer

from app.document import Document
from app.edit_texts import shown_edit
from app.jobs.pool import Job
from app.panels.steps import OwnStep, StepsPanel
from app.texts import tr

if TYPE_CHECKING:
    from core.project import Project, UndoStep

STEPS_LISTED = 200
READ_DELAY_MS = 150
"""Edits follow each other quickly; the list follows when they pause."""


class StepsDesk(QObject):
    """Reads the steps in the background."""

    def __init__(self, document: Document, author: Callable[[], str], panel: StepsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._document, self._author, self.panel = document, author, panel
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(READ_DELAY_MS)
        self._timer.timeout.connect(self._read)
        document.undo_changed.connect(self._timer.start)
        panel.installEventFilter(self)
        panel.wanted_back.connect(document.undo_to)
        panel.visited.connect(document.set_current)

    def close(self) -> None:
        """Read no more."""
        self._timer.stop()

    def _read(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if not self._document.is_open:
            self.panel.show_steps(())
        elif self.panel.isVisible():
            self._job = self._document.read(partial(_steps, author=self._author()), self._show)

    def _show(self, steps: list[UndoStep]) -> None:
        self._job = None
        found = []
        for step in steps:
            image_id = "" if step.image_id is None else str(step.image_id)
            row = self._document.row(image_id)
            name = "" if row is None else row.name
            more = tr(" and {n:,} more", n=step.faces - 1) if step.faces > 1 else ""
            what = shown_edit(step.kind)
            text = what[:1].upper() + what[1:]
            found.append(OwnStep(str(step.revision_id), step.at.astimezone(), text, name + more, image_id))
        self.panel.show_steps(found, not self._document.read_only)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A panel that comes to the front is filled."""
        if event.type() == QEvent.Type.Show:
            self._timer.start()
        return super().eventFilter(watched, event)


def _steps(project: Project, author: str) -> list[UndoStep]:
    return project.undo_steps(author, STEPS_LISTED)
