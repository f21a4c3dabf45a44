"""Dialogs: settings, about, and the few questions that only the user can answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app import shortcuts
from app.settings import TABLE as SETTINGS
from app.settings import Settings
from app.shortcuts_page import ShortcutsPage
from app.texts import tr

if TYPE_CHECKING:
    from app.jobs.engine import ModelInfo

PROJECT_SUFFIX = ".starmark"
_IMAGE_FILTER = "Images (*.jpg *.jpeg *.png *.webp *.tif *.tiff *.bmp *.JPG *.JPEG *.PNG *.TIF *.TIFF);;All files (*)"

def ask_images(parent: QWidget, settings: Settings) -> list[Path]:
    """Photos to open; empty if the user gave up."""
    names, _ = QFileDialog.getOpenFileNames(
        parent, tr("Open images"), str(settings.value("image_folder")), _IMAGE_FILTER
    )
    paths = [Path(name) for name in names]
    if paths:
        settings.set("image_folder", str(paths[0].parent))
    return paths


def ask_folder(parent: QWidget, settings: Settings, title: str) -> Path | None:
    """A folder of photos or a data set."""
    name = QFileDialog.getExistingDirectory(parent, title, str(settings.value("image_folder")))
    if not name:
        return None
    settings.set("image_folder", name)
    return Path(name)


def ask_project(parent: QWidget, settings: Settings, title: str = "Open project") -> Path | None:
    """A project file to open, or to take from."""
    name, _ = QFileDialog.getOpenFileName(
        parent,
        title,
        str(settings.value("project_folder")),
        tr(
            "Starmark projects (*{project_suffix})",
            project_suffix=PROJECT_SUFFIX,
        ),
    )
    if not name:
        return None
    settings.set("project_folder", str(Path(name).parent))
    return Path(name)


def ask_new_name(parent: QWidget, settings: Settings, suggestion: str) -> Path | None:
    """A name for the project; the file dialog itself asks before an existing file is replaced."""
    start = str(Path(str(settings.value("project_folder")) or Path.home()) / f"{suggestion}{PROJECT_SUFFIX}")
    dialog = QFileDialog(
        parent,
        tr("Save project as"),
        start,
        tr(
            "Starmark projects (*{project_suffix})",
            project_suffix=PROJECT_SUFFIX,
        ),
    )
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(PROJECT_SUFFIX.lstrip("."))
    dialog.selectFile(start)
    if not dialog.exec():
        return None
    path = Path(dialog.selectedFiles()[0])
    settings.set("project_folder", str(path.parent))
    return path


def show_about(parent: QWidget, model: ModelInfo | None) -> None:
    """Versions and licences; `model` is the one that predicts."""
    from app.about import AboutBox  # looks through the installed packages: not needed before

    AboutBox(tr("none is loaded") if model is None else f"{model.name} on {model.device}", parent).exec()


class SettingsDialog(QDialog):
    """Made from the settings table; applied when the user says so."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        self._settings = settings
        self._fields: dict[str, QLineEdit | QCheckBox | QComboBox] = {}
        form = QFormLayout()
        form.setVerticalSpacing(10)
        for setting in SETTINGS:
            if setting.label:
                self._add(form, setting.key, tr(setting.label), tr(setting.help), setting.choices)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        general = QWidget(self)
        general.setLayout(form)
        self.keys = ShortcutsPage(shortcuts.read(str(settings.value("shortcuts"))), self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(general, tr("&General"))
        self.tabs.addTab(self.keys, tr("&Keys"))
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs)
        layout.addWidget(buttons)
        self.setMinimumWidth(560)

    def _add(self, form: QFormLayout, key: str, label: str, tip: str, choices: tuple[tuple[str, str], ...]) -> None:
        value = self._settings.value(key)
        field: QLineEdit | QCheckBox | QComboBox
        if choices:
            field = QComboBox(self)
            for choice, text in choices:
                field.addItem(tr(text), choice)
            field.setCurrentIndex(max(0, field.findData(value)))
        elif isinstance(value, bool):
            field = QCheckBox(label, self)
            field.setChecked(value)
        else:
            field = QLineEdit(str(value), self)
        field.setToolTip(tip)
        self._fields[key] = field
        if isinstance(field, QCheckBox):
            form.addRow("", field)
        elif key == "model":
            form.addRow(label, self._with_browse(field))
        else:
            form.addRow(label, field)
        if not isinstance(field, QCheckBox):
            help_text = QLabel(tip, self)
            help_text.setWordWrap(True)
            help_text.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            form.addRow("", help_text)

    def _with_browse(self, field: QWidget) -> QWidget:
        line = QWidget(self)
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(field, 1)
        browse = QPushButton(tr("Choose…"), self)
        browse.clicked.connect(self._browse_model)
        layout.addWidget(browse)
        return line

    def _browse_model(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, tr("Choose a model"), "", tr("Models (*.safetensors *.pkl *.pth *.pt);;All files (*)")
        )
        field = self._fields["model"]
        if name and isinstance(field, QLineEdit):
            field.setText(name)

    def accept(self) -> None:
        """Keep the values."""
        for key, field in self._fields.items():
            if isinstance(field, QComboBox):
                self._settings.set(key, str(field.currentData()))
            elif isinstance(field, QCheckBox):
                self._settings.set(key, field.isChecked())
            elif key != "author":
                self._settings.set(key, field.text().strip())
            elif field.text().strip():
                self._settings.keep(key, field.text().strip())
        self._settings.set("shortcuts", shortcuts.write(self.keys.changed()))
        super().accept()
