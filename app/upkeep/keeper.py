"""What the file menu offers to keep a project well, and what happens by itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from app import dialogs
from app.document import Document
from app.face_desk import FaceDesk
from app.jobs import upkeep
from app.jobs.pool import Job, WorkerPool
from app.jobs.store import count_text, error_text
from app.panels.message_bar import Tone
from app.settings import Settings, scratch_dir
from app.texts import tr, tr_count
from app.upkeep.backups_dialog import BackupsDialog, offer_restore
from app.upkeep.conflicts_dialog import ConflictsDialog

LOOK_DELAY_MS = 300
"""What is on screen comes first."""

BACKUP_CHECK_MS = 60_000
"""How often it is asked whether a backup is due."""


class Keeper(QObject):
    """Backups, restores, missing images, merges and their conflicts.

    Signals:
        said(text, details, tone, key): a message for the user.
        withdrawn(key): such a message no longer holds.
    """

    said = Signal(str, str, object, str)
    withdrawn = Signal(str)

    def __init__(self, document: Document, settings: Settings, desk: FaceDesk, window: QWidget) -> None:
        super().__init__(window)
        self._document, self._settings, self._desk, self._window = document, settings, desk, window
        # The disk may be far away and slow: nobody else must wait for these looks.
        self._looks = WorkerPool(1, "looks", self)
        self._look: Job | None = None
        self._missing = 0
        self._problem = ""
        self.offer: QMessageBox | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(BACKUP_CHECK_MS)
        self._timer.timeout.connect(self.back_up_if_due)
        self._timer.start()
        document.not_opened.connect(self._not_opened)
        document.opened.connect(self._opened)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.setInterval(LOOK_DELAY_MS)
        self._look_timer.timeout.connect(self._look_for_missing)
        document.rows_changed.connect(self._look_timer.start)

    def close(self) -> None:
        """Stop the thread."""
        self._timer.stop()
        self._look_timer.stop()
        self._looks.close()

    # -- backups

    def back_up_if_due(self) -> None:
        """Make a backup on the store's thread, if one is due; tells of a failure once."""
        if not self._document.busy and self._document.path is not None and not self._document.read_only:
            self._document.in_store(lambda project: project.backups.if_due(), self._backed_up, self._no_backup)

    def _backed_up(self, _backup: object) -> None:
        self._problem = ""
        self.withdrawn.emit("backup")

    def _no_backup(self, error: Exception) -> None:
        text = tr("No backup of the project could be made. {error}", error=error_text(error))
        if text != self._problem:
            self._problem = text
            self.said.emit(text, "", Tone.WARNING, "backup")

    def show_backups(self) -> None:
        """The list, with the ways back."""
        path = self._document.path
        if path is None:
            self.said.emit(tr("A project on a server is backed up by the server."), "", Tone.INFO, "notice")
            return
        dialog = BackupsDialog(self._document, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.wanted.connect(lambda row: self._document.restore(path, row.path, scratch_dir()))
        dialog.open()

    def _not_opened(self, path: Path) -> None:
        def found(row: upkeep.BackupRow | None) -> None:
            if row is not None:
                restore = partial(self._document.restore, path, row.path, scratch_dir())
                self.offer = offer_restore(self._window, path.stem, row, restore)
                self.offer.destroyed.connect(self._offer_gone)

        self._looks.submit(lambda _job: upkeep.newest_good(path), on_done=found)

    def _offer_gone(self) -> None:
        self.offer = None

    # -- images that are not where they were

    def _opened(self) -> None:
        self.withdrawn.emit("missing")

    def _look_for_missing(self) -> None:
        if self._look is not None:
            self._look.cancel()
        self._missing = 0
        rows = [(row.id, row.path) for row in self._document.rows]
        self._look = self._looks.submit(
            partial(upkeep.missing_images, rows),
            on_partial=self._found_missing,
            on_done=lambda _nothing: self._looked(len(rows)),
        )

    def _found_missing(self, image_ids: list[str]) -> None:
        self._missing += len(image_ids)
        self._document.images.set_missing(image_ids)

    def _looked(self, total: int) -> None:
        self._look = None
        if not self._missing:
            self.withdrawn.emit("missing")
            return
        text = tr_count(
            "{n:,} of {images} is not where it was. Its labels are safe. If the file was moved, File > Relink images "
            "finds it again.",
            "{n:,} of {images} are not where they were. Their labels are safe. If the files were moved, File > Relink "
            "images finds them again.",
            self._missing,
            images=count_text(total, "image"),
        )
        self.said.emit(text, "", Tone.WARNING, "missing")

    def relink(self) -> None:
        """Ask where the images are now."""
        folder = dialogs.ask_folder(self._window, self._settings, tr("Where are the images now?"))
        if folder is not None:
            self._document.change(partial(upkeep.relink, folder=folder), tr("Looking for images…"))

    # -- other people's work

    def merge(self) -> None:
        """Ask for a project to bring in."""
        other = dialogs.ask_project(self._window, self._settings, tr("Merge project"))
        if other is not None:
            self._document.change(partial(upkeep.merge, other=other), tr("Merging…"))

    def show_conflicts(self) -> None:
        """What merges left to decide."""
        dialog = ConflictsDialog(self._document, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.looked_at.connect(self._look_at)
        dialog.show()

    def _look_at(self, row: upkeep.ConflictRow | None) -> None:
        self._desk.compare(None if row is None else (row.image_id, row.face_id, row.theirs))
