"""Opening, starting and naming: from files, folders, data sets and projects to the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QWidget

from app import dialogs
from app.document import Document
from app.jobs import store
from app.panels.message_bar import Tone
from app.settings import Settings, scratch_dir
from app.texts import tr
from core.paths import SAMPLE, on_server, project_name
from core.sample import newest_copy

if TYPE_CHECKING:
    from core.project import Project


class Opening(QObject):
    """What the file menu, the command line and a drop on the window have in common.

    Signals:
        said(text, details, tone, key): a message for the user.
        settled(): `expecting` ended.
    """

    said = Signal(str, str, object, str)
    settled = Signal()

    def __init__(self, document: Document, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._document = document
        self._settings = settings
        self._window = window
        self.expecting = False
        """Whether images are on their way from the start, so that nobody need be asked what to open."""
        document.failed.connect(lambda *_: self._settle())
        document.noticed.connect(lambda *_: self._settle())
        self._started = False
        self._handed: list[tuple[Path | str | None, list[Path]]] = []
        document.busy_changed.connect(lambda text: None if text else QTimer.singleShot(0, self, self._take_next))

    # -- start

    def expect(self, project: Path | str | None, paths: Sequence[Path]) -> None:
        """Look ahead to what `start` will open."""
        last = str(self._settings.value("last_project"))
        self.expecting = bool(paths) or project is not None or (bool(last) and _is_there(last))

    def _settle(self) -> None:
        if self.expecting:
            self.expecting = False
            self.settled.emit()

    def start(self, project: Path | str | None, paths: Sequence[Path], ready: Callable[[], None]) -> None:
        """Open `project`, or the last one, or a scratch project; then `paths`; then call `ready`.

        `ready` loads the model, which is slow and would hold up the first image.
        """

        def settled() -> None:
            self._settle()
            ready()

        def opened() -> None:
            if paths:
                self.open_paths(paths)
            if self._document.busy:
                self._document.busy_changed.connect(
                    lambda text: None if text else settled(), Qt.ConnectionType.SingleShotConnection
                )
            else:
                settled()

        self._started = True
        last = str(self._settings.value("last_project"))
        if project == SAMPLE:
            self.open_sample(opened, scratch_dir())
        elif isinstance(project, Path) and _is_new(project):
            self._document.create(project, opened)
        elif project is not None:
            self._document.open(project, opened, scratch_dir())
        elif last and _is_there(last):
            self._document.open(last, opened, scratch_dir())
        else:
            if last:
                self.said.emit(tr("The last project is no longer at {last}.", last=last), "", Tone.WARNING, "")
            self._document.open_scratch(scratch_dir(), opened)

    def remember(self) -> None:
        """The project that is open now comes back at the next start."""
        location = self._document.location
        if location is None:
            return
        self._settings.set("last_project", location)
        if not self._document.is_scratch:
            self._settings.add_recent(location)
        self._settings.sync()

    def project_title(self) -> str:
        """What the title bar calls the project."""
        named = self._document.is_open and not self._document.is_scratch
        name = self._document.name if named else tr("Unnamed project")
        return tr("{name} (read only)", name=name) if self._document.read_only else name

    # -- opening

    def take(self, project: Path | str | None, paths: Sequence[Path]) -> None:
        """Open what another start or the desktop hands over, as soon as the work that is going on allows it."""
        if project is None and not paths:
            return
        if self._started and self._document.busy:
            names = [project_name(project)] if project is not None else [path.name for path in paths]
            more = tr(" and {n:,} more", n=len(names) - 1) if len(names) > 1 else ""
            self._notice(tr("{names}{more} will be opened when the present work is done.", names=names[0], more=more))
        self._handed.append((project, list(paths)))
        self._take_next()

    def _take_next(self) -> None:
        if not self._started or self._document.busy or not self._handed:
            return
        project, paths = self._handed.pop(0)
        then = (lambda: self.open_paths(paths)) if paths else None
        if project == SAMPLE:
            self.open_sample()
        elif isinstance(project, Path) and _is_new(project):
            self._document.create(project, then)
        elif project is not None:
            self.open_project(project, then)
        else:
            self.open_paths(paths)

    def open_paths(self, paths: Sequence[Path], labelled: bool = False) -> None:
        """Open photos, folders, data sets, or a project; `labelled`: they are data sets for sure."""
        projects = [path for path in paths if path.suffix.lower() == dialogs.PROJECT_SUFFIX]
        rest = [path for path in paths if path not in projects]
        if projects:
            then = (lambda: self._document.add_paths(rest, labelled)) if rest else None
            self.open_project(projects[0], then)
        elif rest:
            self._document.add_paths(rest, labelled)

    def open_project(self, path: Path | str, then: Callable[[], None] | None = None) -> None:
        """Open a project file or the URL of a database, unless it is the one that is open."""
        if self._is_open(path):
            self._notice(tr("“{name}” is open already.", name=self._document.name))
            if then is not None:
                then()
            return
        self._document.open(path, then)

    def open_sample(
        self, then: Callable[[], None] | None = None, fallback: Path | None = None, fresh: bool = False
    ) -> None:
        """Open the user's copy of the sample, made if need be.

        Args:
            then: called once it is open.
            fallback: folder for a scratch project if that does not work.
            fresh: make another copy in any case; earlier ones stay as they are.
        """
        newest = newest_copy()
        if not fresh and newest is not None and self._is_open(newest):
            self.open_project(newest, then)  # which says so
            return

        def make() -> Project:
            from core.sample_copy import open_sample

            return open_sample(fresh=fresh)

        def failed(error: Exception) -> None:
            self.said.emit(store.error_text(error), "", Tone.ERROR, "")
            self._settle()
            if fallback is not None:
                self._document.open_scratch(fallback, then)

        self._document.open_made(make, tr("Opening the sample…"), then, failed)

    def _is_open(self, path: Path | str) -> bool:
        here = self._document.location
        if here is None or on_server(path) or on_server(here):
            return here == str(path)
        return Path(path).exists() and Path(here).resolve() == Path(path).resolve()

    def open_recent(self, path: str) -> None:
        """Open an entry of the recent list, or forget it if it is gone."""
        if _is_there(path):
            self.open_project(path if on_server(path) else Path(path))
            return
        self._settings.drop_recent(path)
        self.said.emit(tr("{path} is no longer there.", path=path), "", Tone.WARNING, "")

    def take_in(self, paths: Sequence[Path]) -> None:
        """Open what was dropped or chosen; one data set is shown first where it would be mixed with other labels.

        Into an empty project it goes at once: there is nothing yet that it could spoil, and whoever drops a folder
        wants to see it. Imports cannot be undone, so that with other data there already a look comes first.
        """
        document = self._document
        if len(paths) != 1 or not document.is_open or paths[0].suffix.lower() == dialogs.PROJECT_SUFFIX:
            self.open_paths(paths)
            return

        def looked(kind: str) -> None:
            if kind == store.PATCH or (kind and document.rows):
                self.import_data(paths[0])
            else:
                self.open_paths(paths)

        document.read(lambda _project: store.kind_of(paths[0]), looked)

    def choose_files(self) -> None:
        """Ask for photos."""
        self.open_paths(dialogs.ask_images(self._window, self._settings))

    def choose_folder(self) -> None:
        """Ask for a folder of photos or a data set."""
        folder = dialogs.ask_folder(self._window, self._settings, tr("Open folder"))
        if folder is not None:
            self.take_in([folder])

    def import_data(self, source: Path | None = None) -> None:
        """Show a data set before it is taken into the project."""
        from app.exchange.import_dialog import ImportDialog

        dialog = ImportDialog(self._settings, source, self._window)
        dialog.chosen.connect(self._document.import_read)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def close_dialogs(self) -> None:
        """The window goes: end what its dialogs are doing."""
        for dialog in self._window.findChildren(QDialog):
            dialog.reject()

    def export_data(self) -> None:
        """Ask what to export, and where to."""
        from app.exchange.export_dialog import ExportDialog

        project = self._document.project
        if project is None:
            return
        dialog = ExportDialog(project, str(self._settings.value("author")), self._settings, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def choose_project(self) -> None:
        """Ask for a project."""
        path = dialogs.ask_project(self._window, self._settings)
        if path is not None:
            self.open_project(path)

    # -- beginning and naming

    def new_project(self) -> None:
        """Start an empty project; the present one stays where it is, under 'Open recent'."""
        location = self._document.location
        if self._document.is_scratch and not self._document.rows:
            self._notice(tr("This project is new already."))
            return
        if location is not None:
            self._settings.add_recent(location)
        # A folder of its own: the scratch project of the folder above is reopened, never begun anew.
        self._document.open_scratch(scratch_dir() / f"{datetime.now():%Y-%m-%d %H.%M.%S}")

    def save_as(self) -> None:
        """Ask for a name and go on under it."""
        named = self._document.is_open and not self._document.is_scratch
        suggestion = self._document.name if named else tr("my faces")
        target = dialogs.ask_new_name(self._window, self._settings, suggestion)
        if target is not None:
            self._document.save_as(target, replace_existing=target.exists())

    def _notice(self, text: str) -> None:
        self.said.emit(text, "", Tone.INFO, "notice")


def _is_new(project: Path) -> bool:
    """Whether a project of that name can be made."""
    return not project.exists() and project.parent.is_dir()


def _is_there(location: str) -> bool:
    """Whether a project is where it was; of a server that shows when it is asked."""
    return on_server(location) or Path(location).exists()
