"""Fields that import and export have in common: places, bases, and a report that can be copied and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from app.settings import Settings
from app.texts import tr


class PlaceField(QWidget):
    """A path that can be typed, or chosen by one of the buttons beside it."""

    def __init__(self, hint: str, buttons: Sequence[tuple[str, Callable[[], str]]], parent: QWidget) -> None:
        super().__init__(parent)
        self.edit = QLineEdit(self)
        self.edit.setPlaceholderText(hint)
        self.edit.setClearButtonEnabled(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.edit, 1)
        for text, ask in buttons:
            button = QPushButton(text, self)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _on=False, ask=ask: self._take(ask()))
            row.addWidget(button)
        self.setFocusProxy(self.edit)

    def _take(self, chosen: str) -> None:
        if chosen:
            self.edit.setText(chosen)

    def text(self) -> str:
        """The path, without blanks around it."""
        return self.edit.text().strip()


def labelled(text: str, field: QWidget) -> QLabel:
    """A label whose mnemonic leads to `field`."""
    label = QLabel(text, field.parentWidget())
    label.setBuddy(field)
    return label


def ask_file(parent: QWidget, settings: Settings, title: str, kinds: str = "All files (*)") -> str:
    """A file to read, "" if the user gave up."""
    name, _ = QFileDialog.getOpenFileName(parent, title, str(settings.value("image_folder")), kinds)
    if name:
        settings.set("image_folder", str(Path(name).parent))
    return name


def ask_folder(parent: QWidget, settings: Settings, title: str) -> str:
    """A folder, "" if the user gave up."""
    name = QFileDialog.getExistingDirectory(parent, title, str(settings.value("image_folder")))
    if name:
        settings.set("image_folder", name)
    return name


def base_box(parent: QWidget) -> QComboBox:
    """What the files call the first pixel: data is None, 0 or 1."""
    box = QComboBox(parent)
    box.addItem(tr("as usual for the format"), None)
    box.addItem("0", 0)
    box.addItem("1", 1)
    box.setToolTip(tr("Coordinate of the first pixel's centre in the files; most formats leave no choice."))
    return box


class ReportView(QPlainTextEdit):
    """Lines for people, that can be selected and copied."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setMinimumHeight(110)

    def show_lines(self, lines: Sequence[str]) -> None:
        """Show these lines from their beginning."""
        self.setPlainText("\n".join(lines))
