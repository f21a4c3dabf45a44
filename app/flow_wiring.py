"""Connects what leads from face to face with the window's bars, actions and focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from app.bindings import reviewable

if TYPE_CHECKING:
    from app.main_window import MainWindow

_WITH_RETURN = ("accept_next", "dispute_next", "accept")


class FlowWiring(QObject):
    """Made once the window is composed; its connections go with the window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._closed = False
        flow, document = window.flow, window.document
        flow.withdrawn.connect(window.messages.withdraw)
        flow.left_changed.connect(window.status.show_left)
        window.annotator.named.connect(window.status.show_author)
        window.status.show_author(window.annotator.name)
        window.images.left.connect(self._leave_filter)
        window.workbench.image_shown.connect(self._first_picture)
        document.row_changed.connect(self._row_changed)
        for changed in (document.current_changed, document.rows_marked):
            changed.connect(self._show_bookmark)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus_changed)

    def close(self) -> None:
        """The window goes, and its actions before its focus."""
        self._closed = True

    def _first_picture(self) -> None:
        """Keys mean the picture unless somebody has begun to type: Qt gives a new window's focus to its first field."""
        field, now = self._window.images.filter, QApplication.focusWidget()
        if now is None or (now is field and not field.text()):
            self._window.canvas.setFocus()

    def _row_changed(self, image_id: str) -> None:
        if image_id == self._window.document.current_id:
            self._show_bookmark()

    def _show_bookmark(self) -> None:
        document = self._window.document
        row = document.row(document.current_id or "")
        self._window.actions_["bookmark"].setChecked(row is not None and row.bookmarked)

    def _leave_filter(self) -> None:
        """What was typed is typed: the list has the keyboard, or the picture if nothing is listed."""
        images = self._window.images
        (images.view if images.model.rowCount() else self._window.canvas).setFocus()

    def _focus_changed(self, *_: object) -> None:
        """Whether Return accepts a face depends on whether somebody is typing."""
        if self._closed:
            return
        possible = reviewable(self._window)
        for name in _WITH_RETURN:
            self._window.actions_[name].setEnabled(possible)
        self._window.blind.restrict(self._window.actions_)
