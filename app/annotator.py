"""Who corrects: asked once, shown in the status bar, changed at any time."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.panels.name_bar import NameBar
from app.settings import Settings
from app.workbench import Workbench


class Annotator(QObject):
    """Asks for the name when the first picture is shown, and only if nobody has told it yet.

    Signals:
        named(name): the name to be shown.
    """

    named = Signal(str)

    def __init__(self, settings: Settings, bench: Workbench, bar: NameBar) -> None:
        super().__init__(bench)
        self._settings, self.bar = settings, bar
        bench.image_shown.connect(self._first_picture)
        bar.named.connect(self._answered)
        settings.changed.connect(lambda key: self.named.emit(self.name) if key == "author" else None)

    @property
    def name(self) -> str:
        """The annotator's name: the user's choice, else that of the account."""
        return str(self._settings.value("author"))

    def ask(self) -> None:
        """The user wants another name."""
        self.bar.ask(self.name, now=True)

    def _first_picture(self) -> None:
        if not self._settings.has("author") and self.bar.isHidden():
            self.bar.ask(self.name, now=False)

    def _answered(self, name: str) -> None:
        changed = name != self.name
        self._settings.keep("author", name)
        if not changed:
            self.named.emit(name)
