"""What the command palette offers: the actions, the images looked at last, recent projects, and images by name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
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
from app.texts import tr
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
        self._names: tuple[list[ImageRow], str] | None = None
        document.rows_changed.connect(self._read_names)
        document.current_changed.connect(self._visited)
        document.opened.connect(self._images.clear)

    def entries(self) -> list[Entry]:
        """What is listed before anything is typed, most likely things first."""
        images = [row for image_id in self._images if (row := self._document.row(image_id)) is not None]
        visited = [self._image(row) for row in images if row.id != self._document.current_id]
        actions = [self._action(spec.id, tr(spec.text), tr(spec.menu)) for spec in TABLE if spec.id != "palette"]
        possible = [entry for entry in actions if entry.enabled]
        rest = [entry for entry in actions if not entry.enabled]
        return [*visited[:_IMAGES_OFFERED], *possible, *self._projects(), *visited[_IMAGES_OFFERED:], *rest]

    def found(self, typed: str) -> Iterable[Entry]:
        """Images with the typed words in their names, in the project's order; those that begin so come first."""
        if len(typed) < _LETTERS:
            return []
        needle = typed.casefold()
        rows, names = self._names or ([], "")
        fitting = list(islice(matches(rows, names, needle), 4 * _FOUND))
        fitting.sort(key=lambda row: not row.name.casefold().startswith(needle))
        return [self._image(row) for row in fitting[:_FOUND] if row.id not in self._images]

    def _read_names(self) -> None:
        self._names = None
        rows = self._document.rows
        self._document.read(lambda _project: joined(rows), lambda names: self._take_names(rows, names))

    def _take_names(self, rows: list[ImageRow], names: str) -> None:
        if rows is self._document.rows:
            self._names = rows, names

    def _visited(self) -> None:
        image_id = self._document.current_id
        if image_id is not None:
            if image_id in self._images:
                self._images.remove(image_id)
            self._images.appendleft(image_id)

    def _image(self, row: ImageRow) -> Entry:
        folder = str(PurePath(row.path).parent)
        return Entry(row.name, partial(self._document.set_current, row.id), folder, tr("Go to image"))

    def _action(self, action_id: str, text: str, menu: str) -> Entry:
        action, keys = self._actions[action_id], self._actions.keys[action_id]
        note = native(keys[0]) if keys else plain(menu)
        return Entry(plain(text), action.trigger, note, enabled=action.isEnabled())

    def _projects(self) -> list[Entry]:
        return [
            Entry(project_name(path), partial(self._opening.open_recent, path), path, tr("Open project"))
            for path in self._settings.value("recent")
            if path != self._document.location
        ]


def joined(rows: list[ImageRow]) -> str:
    """One name a line; one that has a line break of its own cannot be found."""
    return "\n".join("" if "\n" in row.name else row.name.casefold() for row in rows)


def matches(rows: Sequence[ImageRow], names: str, needle: str) -> Iterator[ImageRow]:
    """Rows with `needle` in their line of `names`: going through 100,000 rows at every letter would be felt."""
    at, line, seen = names.find(needle), 0, 0
    while at >= 0:
        line += names.count("\n", seen, at)
        yield rows[line]
        seen = names.find("\n", at)
        at = names.find(needle, seen) if seen >= 0 else -1
