"""Taking a chart along: as a picture, as a drawing, or as the numbers behind it."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from app.settings import Settings
from app.texts import tr
from core.files import write_atomic
from core.formats.csv_text import escaped

Kind = Literal["png", "svg", "csv"]

_FAMILY = re.compile(r'font-family="([^"]*)"')
_NOT_IN_NAMES = re.compile(r"[^\w-]+")
_FIRST_TAG = re.compile(r"<svg\b")
_TITLE = re.compile(r"<title>.*?</title>\s*<desc>.*?</desc>", re.DOTALL)


Row = Sequence[float | int | str]


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers behind a chart: names of columns, with units, and rows."""

    header: Sequence[str]
    rows: Sequence[Row]


def csv_text(table: Table) -> str:
    """As CSV; an empty cell where a number is not known, every digit where it is."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([escaped(name) for name in table.header])
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return stream.getvalue()


def _cell(value: float | int | str) -> str:
    if isinstance(value, str):
        return escaped(value)
    number = float(value)
    if math.isnan(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def png_bytes(image: QImage) -> bytes:
    """An image as a PNG file."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise OSError(tr("The picture could not be made."))
    return bytes(data.data())


def svg_text(drawn: str, title: str, width: int, height: int) -> str:
    """What the exporter drew, with its size, its title, and letters that other machines have as well."""
    sized = _FIRST_TAG.sub(f'<svg width="{width}" height="{height}"', drawn, count=1)
    named = _TITLE.sub(f"<title>{escape(title)}</title>", sized, count=1)
    return _FAMILY.sub(lambda found: f'font-family="{found.group(1)}, sans-serif"', named)


def ask_file(parent: QWidget, settings: Settings, title: str, kind: Kind) -> Path | None:
    """Where to; the file dialog itself asks before an existing file is replaced."""
    names = {"png": tr("Pictures (*.png)"), "svg": tr("Drawings (*.svg)"), "csv": tr("Tables (*.csv)")}
    folder = Path(str(settings.value("chart_folder")) or Path.home())
    dialog = QFileDialog(parent, tr("Export the chart"), str(folder), names[kind])
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(kind)
    name = _NOT_IN_NAMES.sub("-", title).strip("-").lower()
    dialog.selectFile(f"{name}.{kind}")
    if not dialog.exec():
        return None
    path = Path(dialog.selectedFiles()[0])
    settings.set("chart_folder", str(path.parent))
    return path


def writer(path: Path, content: Callable[[], bytes]) -> Callable[[], Path]:
    """Work for a thread: make the file's content and write it whole."""

    def work() -> Path:
        write_atomic(path, content(), overwrite=True)
        return path

    return work
