"""Starts the window: the application object, the theme, the main window, and the clean end."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Signal
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from app.icons import program_icon
from app.instance import Request
from app.main_window import MainWindow
from app.settings import Settings
from app.single_instance import InstanceServer, bring_to_front
from app.texts import install_language
from app.theme import apply_theme
from app.watchdog import Watchdog
from core.paths import SAMPLE, on_server

DESKTOP_NAME = "starmark"
"""Of the launcher's file, of the window's class and of the icon."""


DEBUG_VARIABLE = "STARMARK_DEBUG"
"""In the environment: anything but 0 has the window watched, and says at the end how long it ever kept one waiting."""


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


class Application(QApplication):
    """Takes what macOS hands to a program that runs: it sends an event instead of starting it a second time.

    Signals:
        file_opened(path).
    """

    file_opened = Signal(str)

    def event(self, event: QEvent) -> bool:
        """Only what is sent to the application itself, so that no other event passes through Python."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.file_opened.emit(event.file())
            return True
        return super().event(event)


def make_application() -> QApplication:
    """The application object with the names under which desktops know it."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        if sys.platform == "win32":  # or the task bar shows Python's icon and groups us with other Python programs
            ctypes.windll.shell32.SetCurrentProcessExplicitAppUserModelID("Starmark")
        app = Application([DESKTOP_NAME])  # X11 takes the window's class from here: see StartupWMClass
    app.setApplicationName(DESKTOP_NAME)
    app.setApplicationDisplayName("Starmark")
    QGuiApplication.setDesktopFileName(DESKTOP_NAME)
    app.setWindowIcon(program_icon())
    return app


def run_window(request: Request, address: str | None = None) -> int:
    """Show the window until it is closed.

    Args:
        request: photos, folders, data sets or one project to open; a project instead of the last one, made if it is
            not there.
        address: where later starts hand over what they were asked to open; None to be left alone.

    Returns:
        The process's exit code: 128 and the signal's number if one ended it.
    """
    app = make_application()
    settings = Settings()
    install_language(app, str(settings.value("language")))
    apply_theme(app, str(settings.value("theme")))
    window = MainWindow(settings, [Path(path) for path in request.paths], _project(request))
    interrupts = Interrupts(window)
    if isinstance(app, Application):
        app.file_opened.connect(lambda path: window.opening.take(None, [Path(path)]))
    server = None if address is None else InstanceServer(address, window)
    if server is not None:
        server.asked.connect(lambda asked: _take(window, asked))
    before, sys.excepthook = sys.excepthook, window.report_unexpected
    watchdog = Watchdog(parent=window) if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0") else None
    window.show()
    if watchdog is not None:
        watchdog.start()
    try:
        code = app.exec()
    finally:
        if watchdog is not None:
            watchdog.stop()
            print(f"starmark: {watchdog.report()}", file=sys.stderr)
        sys.excepthook = before
        if server is not None:
            server.close()
        interrupts.end()
    return code if interrupts.caught is None else 128 + interrupts.caught


def _take(window: MainWindow, request: Request) -> None:
    bring_to_front(window, request.token)
    window.opening.take(_project(request), [Path(path) for path in request.paths])


def _project(request: Request) -> Path | str | None:
    """A file; or the URL of a database or SAMPLE, which are no paths."""
    if request.project is None or request.project == SAMPLE or on_server(request.project):
        return request.project
    return Path(request.project)
