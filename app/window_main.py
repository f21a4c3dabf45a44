"""Starts the window: the application object, the theme, the main window, and the clean end."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.main_window import MainWindow
from app.settings import Settings
from app.theme import apply_theme


def run_window(paths: list[str], project: str | None) -> int:
    """Show the window until it is closed.

    Args:
        paths: photos, folders, data sets or one project to open.
        project: project file to open instead of the last one.

    Returns:
        The process's exit code.
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
    window.show()
    return app.exec()
