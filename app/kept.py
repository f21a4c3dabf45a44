"""Small things that one annotator has in a project, kept in it outside undo: bookmarks, filter, place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from app.jobs import store

if TYPE_CHECKING:
    from core.project import Project

DELAY_MS = 500
"""A value is kept once it has stood for so long: places change with every turn of the wheel."""


class Kept(QObject):
    """Values by name, those of the present annotator in the open project.

    Signals:
        loaded(): the values are those of another project or annotator.
    """

    loaded = Signal()

    def __init__(self, document: Document, author: Callable[[], str], parent: QObject) -> None:
        super().__init__(parent)
        self._document, self._author = document, author
        self._values: dict[str, Any] = {}
        self._waiting: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.flush)
        document.opened.connect(self._opened)
        # A long job may close the project; what is asked for before it comes first.
        document.busy_changed.connect(lambda text: self.flush() if text else None)

    def get(self, name: str) -> Any:
        """What was kept, a JSON value; None for nothing."""
        return self._values.get(name)

    def put(self, name: str, value: Any) -> None:
        """Keep a JSON value; one of `store.KEPT`."""
        if self._values.get(name) != value:
            self._values[name] = value
            self._waiting.add(name)
            self._timer.start()

    def flush(self) -> None:
        """Send what waits to the store."""
        self._timer.stop()
        waiting, self._waiting = self._waiting, set()
        project = self._document.project
        if project is None or project.read_only:
            return
        for name in waiting:
            work = partial(_keep, key=store.kept_key(name, self._author()), value=self._values[name])
            self._document.in_store(work, lambda _nothing: None, lambda _error: None)  # edits tell of a broken disk

    def reload(self) -> None:
        """The annotator is another one."""
        self._document.read(partial(store.kept_values, author=self._author()), self._take)

    def _opened(self) -> None:
        self._waiting.clear()
        self._take(self._document.kept)

    def _take(self, values: dict[str, Any]) -> None:
        self._values = dict(values)
        self.loaded.emit()


def _keep(project: Project, key: str, value: Any) -> None:
    project.set_setting(key, value)
