"""Renders the program's icon from its two drawings: PNG for Linux and the window, .ico for Windows, .icns for macOS.

Usage: python packaging/icons.py. Its results are kept in the repository, so that nobody needs to run it otherwise.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "icons"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
SMALL_UP_TO = 32
WINDOWS_SIZES = (16, 24, 32, 48, 64, 128, 256)
MAC_SIZES = (32, 64, 128, 256, 512)


def render(size: int) -> Image.Image:
    """(size, size) RGBA."""
    drawing = "starmark-small.svg" if size <= SMALL_UP_TO else "starmark.svg"
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(str(FOLDER / drawing)).render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.data().data())).convert("RGBA")


def main() -> None:
    """Write all files."""
    app = QGuiApplication.instance() or QGuiApplication([*sys.argv[:1], "-platform", "offscreen"])
    pictures = {size: render(size) for size in SIZES}
    for size, picture in pictures.items():
        picture.save(FOLDER / f"starmark-{size}.png", optimize=True)
    for name, sizes in (("starmark.ico", WINDOWS_SIZES), ("starmark.icns", MAC_SIZES)):
        largest, *rest = (pictures[size] for size in reversed(sizes))
        options = {"sizes": [(size, size) for size in sizes]} if name.endswith(".ico") else {}
        largest.save(FOLDER / name, append_images=rest, **options)
    del app


if __name__ == "__main__":
    main()
