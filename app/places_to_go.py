"""What the command palette offers: the actions, the images looked at last, recent projects, and images by name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import PurePath

from PySide6.QtCore import QObject

from app.action_table import TABLE
from app.actions import ActionSet, native, plain
from app.command_palette import Entry
from app.document import Document
from app.opening import Opening
from app.panels.image_model import ImageRow
from app.settings import Settings
from core.paths import project_name

_IMAGES_KEPT, _IMAGES_OFFERED, _FOUND = 50, 5, 30
_LETTERS = 3
"""Letters from which on all images are looked through."""


class PlacesToGo(QObject):
    """Keeps which images were looked at, and makes entries of everything."""

    def __init__(self, document: Document, actions: ActionSet, settings: Settings, opening: Opening) -> None:
        super().__init__(document)
        self._document, self._actions, self._settings, self._opening = document, actions, settings, opening
        self._images: deque[str] = deque(maxlen=_IMAGES_KEPT)
        document.current_changed.connect(self._visited)
        document.opened.connect(self._images.clear)

    def entries(self) -> list[Entry]:
        """What is listed before anything is typed, most likely things first."""
        images = [row for image_id in self._images if (row := self._document.row(image_id)) is not None]
        visited = [self._image(row) for row in images if row.id != self._document.current_id]
        actions = [self._action(spec.id, spec.text, spec.menu) for spec in TABLE if spec.id != "palette"]
        possible = [entry for entry in actions if entry.enabled]
        rest = [entry for entry in actions if not entry.enabled]
        return [*visited[:_IMAGES_OFFERED], *possible, *self._projects(), *visited[_IMAGES_OFFERED:], *rest]

    def found(self, typed: str) -> Iterable[Entry]:
        """Images with the typed words in their names, in the project's order; those that begin so come first."""
        if len(typed) < _LETTERS:
            return []
        needle = typed.casefold()
        matches = list(islice(self._matches(needle), 4 * _FOUND))
        matches.sort(key=lambda row: not row.name.casefold().startswith(needle))
        return [self._image(row) for row in matches[:_FOUND] if row.id not in self._images]

    def _matches(self, needle: str) -> Iterator[ImageRow]:
        return (row for row in self._document.rows if needle in row.name.casefold())

    def _visited(self) -> None:
        image_id = self._document.current_id
        if image_id is not None:
            if image_id in self._images:
                self._images.remove(image_id)
            self._images.appendleft(image_id)

    def _image(self, row: ImageRow) -> Entry:
        folder = str(PurePath(row.path).parent)
        return Entry(row.name, partial(self._document.set_current, row.id), folder, "Go to image")

    def _action(self, action_id: str, text: str, menu: str) -> Entry:
        action, keys = self._actions[action_id], self._actions.keys[action_id]
        note = native(keys[0]) if keys else plain(menu)
        return Entry(plain(text), action.trigger, note, enabled=action.isEnabled())

    def _projects(self) -> list[Entry]:
        return [
            Entry(project_name(path), partial(self._opening.open_recent, path), path, "Open project")
            for path in self._settings.value("recent")
            if path != self._document.location
        ]
