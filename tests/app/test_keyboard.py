"""The walk through `docs/keyboard.md`: real keys alone, sent to whatever has the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from app.cheat_sheet import CheatSheet
from app.dialogs import SettingsDialog
from app.main_window import MainWindow
from app.settings import Settings
from tests.app.faces import write_dataset
from tests.app.window import Start, face_shown, point

Key, Modifier = Qt.Key, Qt.KeyboardModifier
Ctrl, Shift, PLAIN = Modifier.ControlModifier, Modifier.ShiftModifier, Modifier.NoModifier


def focus() -> QWidget:
    """What has the keyboard: an open menu first."""
    found = QApplication.activePopupWidget() or QApplication.focusWidget() or QApplication.activeWindow()
    assert found is not None
    return found


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(focus(), key, modifiers)


def write(text: str) -> None:
    QTest.keyClicks(focus(), text)


def in_dialog(kind: type[QDialog], walk: Callable[[], None], open_it: Callable[[], None]) -> None:
    """Press the key that opens a dialog, and walk through that while it is open; a failure closes it and is told."""
    done: list[BaseException | None] = []

    def look() -> None:
        if not isinstance(QApplication.activeWindow(), kind):
            QTimer.singleShot(5, look)
            return
        try:
            walk()
            done.append(None)
        except BaseException as error:
            done.append(error)
        if isinstance(dialog := QApplication.activeWindow(), kind):
            dialog.reject()

    QTimer.singleShot(0, look)
    open_it()
    assert done, "the dialog did not open"
    if done[0] is not None:
        raise done[0]


def in_menu(walk: Callable[[], None], open_it: Callable[[], None]) -> None:
    """As `in_dialog`, for a menu, which also waits until it is left."""
    errors: list[BaseException] = []

    def look() -> None:
        menu = QApplication.activePopupWidget()
        if menu is None:
            QTimer.singleShot(5, look)
            return
        try:
            walk()
        except BaseException as error:
            errors.append(error)
        while (menu := QApplication.activePopupWidget()) is not None:
            menu.close()

    QTimer.singleShot(0, look)
    open_it()
    if errors:
        raise errors[0]


def active_again(window: MainWindow, qtbot: QtBot) -> None:
    """What a window manager does when a menu or dialog has gone; there is none here."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def go_to(pane: QWidget) -> None:
    """F6 until the keyboard is in a pane."""
    for _ in range(10):
        widget = QApplication.focusWidget()
        if widget is not None and (widget is pane or pane.isAncestorOf(widget)):
            return
        press(Key.Key_F6)
    raise AssertionError(f"F6 does not lead to {pane.accessibleName() or type(pane).__name__}")


def shown_name(window: MainWindow) -> str:
    row = window.document.row(window.document.current_id or "")
    return "" if row is None else row.name


def test_a_correction_by_keyboard_alone(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 4))
    qtbot.waitUntil(window.isActiveWindow)
    face_shown(window, qtbot)

    # The list.
    go_to(window.images)
    assert QApplication.focusWidget() is window.images.view
    press(Key.Key_Down, times=2)
    press(Key.Key_Up)
    assert shown_name(window) == "a_1.png"
    face = face_shown(window, qtbot)

    # A point, by the table; then the canvas, where the arrows nudge it.
    go_to(window.landmarks)
    press(Key.Key_Down, times=4)
    (index,) = window.landmarks.selected()
    press(Key.Key_Z)
    assert not window.canvas.fitted
    before = point(window, face, index)
    go_to(window.canvas)
    with qtbot.waitSignal(window.document.faces_stored):
        press(Key.Key_Right)
    assert point(window, face, index)[0] > before[0]
    press(Key.Key_Escape)
    assert window.canvas.selection == (None, ())

    # Any action by its name.
    press(Key.Key_K, Ctrl)
    write("accept and next")
    with qtbot.waitSignal(window.document.faces_stored):
        press(Key.Key_Return)
    assert shown_name(window) == "a_2.png"
    assert [row.status for row in window.document.rows] == ["new", "done", "new", "new"]

    # Filters: text, then the menu behind it.
    face_shown(window, qtbot)
    press(Key.Key_F, Ctrl)
    write("a_")
    press(Key.Key_Tab)
    assert QApplication.focusWidget() is window.images.bar.more

    def choose_done() -> None:
        press(Key.Key_Up)  # from the bottom: an entry that is not enabled is passed over
        for _ in range(20):
            active = window.images.bar.menu.activeAction()
            if active is not None and active.text() == "Done":
                break
            press(Key.Key_Down)
        press(Key.Key_Return)

    in_menu(choose_done, lambda: press(Key.Key_Space))
    active_again(window, qtbot)
    assert window.images.summary.text() == "1 of 4 shown"
    press(Key.Key_Tab)
    assert QApplication.focusWidget() in window.images.bar.chips.findChildren(QWidget)
    press(Key.Key_Space)  # the chip "Done" goes
    assert window.images.summary.text() == "4 images"
    press(Key.Key_F, Ctrl | Shift)
    assert window.images.bar.filter.empty and window.images.filter.text() == ""

    # Undo, and the next one to do.
    go_to(window.canvas)
    with qtbot.waitSignal(window.document.faces_stored):
        press(Key.Key_Z, Ctrl)
    assert window.document.rows[1].status == "progress"
    qtbot.waitUntil(lambda: shown_name(window) == "a_1.png")  # undo goes to what it changes
    face_shown(window, qtbot)
    qtbot.waitUntil(window.actions_["accept_next"].isEnabled)
    press(Key.Key_U)
    assert shown_name(window) == "a_2.png"


def test_dialogs_by_keyboard_alone(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    qtbot.waitUntil(window.isActiveWindow)
    face_shown(window, qtbot)
    window.canvas.setFocus()

    def find_a_key() -> None:
        sheet = QApplication.activeWindow()
        assert isinstance(sheet, CheatSheet) and QApplication.focusWidget() is sheet.search
        write("next bookmark")
        assert sum(not right.isHidden() for _, _, right in sheet._lines) == 1
        press(Key.Key_Escape)

    in_dialog(CheatSheet, find_a_key, lambda: press(Key.Key_F1))
    active_again(window, qtbot)

    def change_a_key() -> None:
        dialog = QApplication.activeWindow()
        assert isinstance(dialog, SettingsDialog)
        press(Key.Key_Tab, Ctrl)
        assert dialog.tabs.currentWidget() is dialog.keys
        while QApplication.focusWidget() is not dialog.keys.search:
            press(Key.Key_Tab)
        write("worst point")
        press(Key.Key_Down)
        assert dialog.keys.current() == "worst_point"
        press(Key.Key_Return)
        assert dialog.keys.edit.isAncestorOf(focus()) or focus() is dialog.keys.edit
        QTest.keyClick(dialog.keys.edit, Key.Key_F8)
        assert dialog.keys.changed() == {"worst_point": ("F8",)}
        dialog.keys.list.setFocus()
        while QApplication.focusWidget() is not dialog.ok:
            press(Key.Key_Tab)
        press(Key.Key_Return)

    in_dialog(SettingsDialog, change_a_key, lambda: press(Key.Key_Comma, Ctrl))
    assert window.actions_["worst_point"].shortcut().toString() == "F8"
    assert Settings().value("shortcuts") == '{"worst_point": ["F8"]}'


def test_f6_goes_round_and_messages_are_closed_by_keys(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    window = start(write_dataset(tmp_path / "set", 2))
    qtbot.waitUntil(window.isActiveWindow)
    face_shown(window, qtbot)
    window.canvas.setFocus()
    assert window.messages.isVisible()
    seen: list[QWidget] = []
    for _ in range(8):
        press(Key.Key_F6)
        seen.append(focus())
    panes = [window.messages, window.images, window.pages, window.view_options, window.landmarks]
    for pane in panes:
        assert any(pane.isAncestorOf(widget) for widget in seen), pane
    assert seen[len(panes) - 1] is window.canvas, "after as many steps as there are panes one is back"
    press(Key.Key_F6, Shift, times=3)
    assert window.canvas is focus(), "and Shift goes the other way"
    go_to(window.messages)
    text = window.messages.text()
    while not (isinstance(focus(), QWidget) and focus().accessibleName() == "Close this message"):
        press(Key.Key_Tab)
        assert window.messages.isAncestorOf(focus())
    press(Key.Key_Space)
    assert window.messages.text() != text
