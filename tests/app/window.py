"""What tests do to a window with the mouse, and wait for."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow

Start = Callable[..., MainWindow]

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def face_shown(window: MainWindow, qtbot: QtBot) -> str:
    qtbot.waitUntil(lambda: window.workbench.picture_ready and window.workbench.active is not None, timeout=20_000)
    face = window.workbench.active
    assert face is not None
    QApplication.processEvents()  # the bars have found their places: nothing moves under the mouse any more
    return face


def point(window: MainWindow, face: str, index: int) -> tuple[float, float]:
    label = window.document.faces[face].label
    assert label is not None
    return float(label.points[index, 0]), float(label.points[index, 1])


def drag(window: MainWindow, face: str, index: int, by: tuple[int, int]) -> None:
    viewport = window.canvas.viewport()
    at = window.canvas.to_screen(*point(window, face, index)).toPoint()
    QTest.mouseMove(viewport, at)
    QTest.mousePress(viewport, LEFT, PLAIN, at)
    QTest.mouseMove(viewport, at + QPoint(by[0] // 2, by[1] // 2))
    QTest.mouseMove(viewport, at + QPoint(*by))
    QTest.mouseRelease(viewport, LEFT, PLAIN, at + QPoint(*by))
