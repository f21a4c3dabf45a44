"""Backups of the open project: when, why, how large; going back to one, and making one now."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QMessageBox,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.jobs.store import error_text
from app.jobs.upkeep import BackupRow, backup_rows
from app.texts import tr

_ROW = Qt.ItemDataRole.UserRole


def size_text(size: int) -> str:
    """ "3.2 MiB"."""
    return QLocale().formattedDataSize(size, 1)


class BackupsDialog(QDialog):
    """Lists what there is; nothing happens before the user is asked.

    Signals:
        wanted(BackupRow): go back to this one.
        listed(): the list is there.
    """

    wanted = Signal(object)
    listed = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Backups of “{name}”", name=document.name))
        self._document = document
        intro = QLabel(
            tr(
                "Backups are made every ten minutes while something changes, and before imports, merges and other "
                "large steps. Older ones are thinned: the last of each hour, day, week and month stays."
            ), self,
        )  # fmt: skip
        intro.setWordWrap(True)
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels([tr("When"), tr("Why"), tr("Size")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setStyleSheet("QTreeView::item { padding: 3px; }")
        self.list.setAlternatingRowColors(True)
        self.list.setAccessibleName(tr("Backups"))
        header = self.list.header()
        header.setStretchLastSection(False)
        for column, mode in enumerate((QHeaderView.ResizeMode.ResizeToContents, QHeaderView.ResizeMode.Stretch,
                                       QHeaderView.ResizeMode.ResizeToContents)):  # fmt: skip
            header.setSectionResizeMode(column, mode)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.restore_button, self.now_button = QPushButton(tr("Restore…"), self), QPushButton(tr("Back up now"), self)
        self.restore_button.setToolTip(tr("Make the project what it was then; as it is now it is kept first."))
        for button in (self.restore_button, self.now_button):
            button.setAutoDefault(False)
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.addWidget(intro)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.state)
        layout.addWidget(self.buttons)
        self.resize(620, 440)
        self.list.itemSelectionChanged.connect(self._update)
        self.list.itemDoubleClicked.connect(lambda _item, _column: self._restore())
        self.restore_button.clicked.connect(self._restore)
        self.now_button.clicked.connect(self._back_up)
        self.buttons.rejected.connect(self.reject)
        self.now_button.setEnabled(not document.read_only)
        self._refresh()

    def chosen(self) -> BackupRow | None:
        """The selected one."""
        items = self.list.selectedItems()
        row: BackupRow | None = items[0].data(0, _ROW) if items else None
        return row

    def _refresh(self, text: str = "") -> None:
        self.state.setText(tr("Looking for backups…"))
        self._document.in_store(backup_rows, lambda rows: self._show(rows, text), self._failed)
        self._update()

    def _show(self, rows: list[BackupRow], text: str) -> None:
        self.list.clear()
        for row in rows:
            item = QTreeWidgetItem([f"{row.at:%Y-%m-%d %H:%M:%S}", row.reason, size_text(row.size)])
            item.setData(0, _ROW, row)
            item.setToolTip(0, str(row.path))
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.list.addTopLevelItem(item)
        total = size_text(sum(row.size for row in rows))
        where = f"{total} in {rows[0].path.parent}" if rows else tr("There is no backup yet.")
        self.state.setText(f"{text} {where}".strip())
        self._update()
        self.listed.emit()

    def _failed(self, error: Exception) -> None:
        self.state.setText(error_text(error))
        self.now_button.setEnabled(True)
        self.listed.emit()

    def _back_up(self) -> None:
        self.state.setText(tr("Making a backup…"))
        self.now_button.setEnabled(False)

        def done(_backup: object) -> None:
            self.now_button.setEnabled(True)
            self._refresh(tr("A backup was made."))

        self._document.in_store(lambda project: project.backups.make(), done, self._failed)

    def _restore(self) -> None:
        row = self.chosen()
        if row is not None and self.restore_button.isEnabled() and ask_restore(self, row):
            self.wanted.emit(row)
            self.accept()

    def _update(self) -> None:
        self.restore_button.setEnabled(self.chosen() is not None and not self._document.read_only)


def ask_restore(parent: QWidget, row: BackupRow) -> bool:
    """Whether the user really wants to go back to a backup."""
    text = (
        tr(
            "Make the project what it was on {at:%Y-%m-%d} at {at:%H:%M:%S}? As it is now it is kept first, as a "
            "backup of its own, so that you can come back.",
            at=row.at,
        )
    )
    box = QMessageBox(QMessageBox.Icon.Question, tr("Restore a backup"), text, parent=parent)
    restore = box.addButton(tr("Restore"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return box.clickedButton() is restore


def offer_restore(parent: QWidget, name: str, row: BackupRow, accepted: Callable[[], None]) -> QMessageBox:
    """Offer a backup of a project that cannot be opened; stops nothing."""
    text = (
        tr(
            "“{name}” is damaged or gone and cannot be opened. There is a good backup of it from {at:%Y-%m-%d "
            "%H:%M:%S} ({reason}, {size}).\n\nRestore it? The damaged file is kept beside it, among the backups.",
            name=name, at=row.at, reason=row.reason, size=size_text(row.size),
        )
    )
    box = QMessageBox(QMessageBox.Icon.Warning, tr("Restore the newest backup?"), text, parent=parent)
    restore = box.addButton(tr("Restore"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(tr("Not now"), QMessageBox.ButtonRole.RejectRole)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    restore.clicked.connect(lambda _on=False: accepted())
    box.open()
    return box
