"""Starts the window: the application object, the theme, the main window, and the clean end."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.main_window import MainWindow
from app.settings import Settings
from app.theme import apply_theme


class Interrupts(QObject):
    """Closes the window properly on Ctrl-C in the terminal, or when the system asks the process to end.

    Qt's event loop runs no Python while nothing happens; a socket that the signal writes to wakes it.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.caught: int | None = None
        self._window = window
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._near.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        self._old_wakeup = signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}

    def _note(self, number: int, _frame: object) -> None:
        self.caught = number

    def _woken(self) -> None:
        self._near.recv(64)
        if self.caught is not None:
            self._window.close()

    def end(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._notifier.setEnabled(False)
        self._near.close()
        self._far.close()


def run_window(paths: list[str], project: str | None) -> int:
    """Show the window until it is closed.

    Args:
        paths: photos, folders, data sets or one project to open.
        project: project file to open instead of the last one; made if it is not there.

    Returns:
        The process's exit code: 128 and the signal's number if one ended it.
    """
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("starmark")
    app.setApplicationDisplayName("Starmark")
    QGuiApplication.setDesktopFileName("starmark")
    settings = Settings()
    apply_theme(app, str(settings.value("theme")))
    window = MainWindow(settings, [Path(path) for path in paths], None if project is None else Path(project))
    interrupts = Interrupts(window)
    before, sys.excepthook = sys.excepthook, window.report_unexpected
    window.show()
    try:
        code = app.exec()
    finally:
        sys.excepthook = before
        interrupts.end()
    return code if interrupts.caught is None else 128 + interrupts.caught
