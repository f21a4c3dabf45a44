"""Line icons drawn from path data in the colour of the text, so that they fit light and dark alike."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

_SIZE = 24
_PROGRAM_ICONS = Path(__file__).resolve().parents[1] / "resources" / "icons"
_PROGRAM_SIZES = (16, 24, 32, 48, 64, 128, 256)

PATHS: dict[str, str] = {
    "open-file": "<path d='M14 3H6v18h12V7z'/><path d='M14 3v4h4'/><path d='M12 17v-6M9 14h6'/>",
    "open-folder": "<path d='M3 19V5h6l2 3h10v11z'/>",
    "open-dataset": "<path d='M3 19V5h6l2 3h10v11z'/><circle cx='9' cy='13' r='1'/><circle cx='15' cy='13' r='1'/>"
    "<path d='M10 16q2 1.6 4 0'/>",
    "export": "<path d='M12 15V4M8 8l4-4 4 4'/><path d='M4 14v6h16v-6'/>",
    "open-project": "<path d='M12 3l9 5-9 5-9-5z'/><path d='M3 12l9 5 9-5M3 16l9 5 9-5'/>",
    "save-as": "<path d='M4 4h13l3 3v13H4z'/><path d='M8 4v5h7V4M7 20v-7h10v7'/>",
    "new": "<path d='M14 3H6v18h12V7z'/><path d='M14 3v4h4'/>",
    "undo": "<path d='M8 5L4 9l4 4'/><path d='M4 9h10a5 5 0 0 1 0 10H9'/>",
    "redo": "<path d='M16 5l4 4-4 4'/><path d='M20 9H10a5 5 0 0 0 0 10h5'/>",
    "previous": "<path d='M15 5l-7 7 7 7'/>",
    "next": "<path d='M9 5l7 7-7 7'/>",
    "fit": "<path d='M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5'/>",
    "fit-face": "<path d='M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4'/><circle cx='12' cy='12' r='4.5'/>",
    "zoom-in": "<circle cx='10.5' cy='10.5' r='6.5'/><path d='M15.5 15.5L21 21M10.5 8v5M8 10.5h5'/>",
    "zoom-out": "<circle cx='10.5' cy='10.5' r='6.5'/><path d='M15.5 15.5L21 21M8 10.5h5'/>",
    "box": "<path d='M5 5h14v14H5z' stroke-dasharray='3 2.4'/><path d='M12 9v6M9 12h6'/>",
    "soft": "<circle cx='12' cy='8' r='2' fill='currentColor'/><path d='M3 19c5 0 5-11 9-11s4 11 9 11'/>",
    "slide": "<path d='M3 20C4 10 10 4 20 4'/><circle cx='8' cy='9' r='2.2' fill='currentColor'/>"
    "<path d='M13 18h7M17 15l3 3-3 3M15 15l-3 3 3 3'/>",
    "place": "<circle cx='12' cy='12' r='6.5' stroke-dasharray='3 2.4'/><path d='M12 3v6M12 15v6M3 12h6M15 12h6'/>",
    "points": "<circle cx='6' cy='14' r='1.8' fill='currentColor'/><circle cx='12' cy='8' r='1.8' fill='currentColor'/>"
    "<circle cx='18' cy='14' r='1.8' fill='currentColor'/>",
    "numbers": "<path d='M6 8l2-1.5V17M13 9q0-2.5 2.5-2.5T18 9q0 1.6-5 7.5h5.4'/>",
    "curves": "<path d='M3 16C6 4 10 4 12 12s6 8 9-4'/>",
    "ellipses": "<ellipse cx='12' cy='12' rx='9' ry='5' transform='rotate(-30 12 12)'/>"
    "<ellipse cx='12' cy='12' rx='4.4' ry='2.4' transform='rotate(-30 12 12)'/>",
    "labels": "<circle cx='12' cy='12' r='5' fill='currentColor'/>",
    "predictions": "<path d='M12 4v16M4 12h16'/>",
    "deviations": "<path d='M5 19L17 7'/><path d='M11 6h7v7'/>",
    "split": "<path d='M4 18L18 11'/><path d='M18 11L15 5'/><path d='M13 10.4l5 .6-2.6 4.2'/>",
    "edges": "<path d='M3 16C6 4 10 4 12 12s6 8 9-4' stroke-width='4.6' stroke-opacity='.4'/>"
    "<path d='M3 16C6 4 10 4 12 12s6 8 9-4'/>",
    "names": "<path d='M4 18L9 6l5 12M6 14h6'/><circle cx='19' cy='17' r='1.8' fill='currentColor'/>",
    "boxes": "<path d='M5 5h14v14H5z'/>",
    "heatmap": "<circle cx='12' cy='12' r='2.2' fill='currentColor'/><circle cx='12' cy='12' r='5.6'/>"
    "<circle cx='12' cy='12' r='9.2' stroke-dasharray='2 2.6'/>",
    "predict": "<path d='M13 2L5 13h6l-1 9 8-12h-6z'/>",
    "predict-all": "<path d='M9 3L3 12h4l-1 7 6-10H8z'/><path d='M14 8h7M14 13h7M14 18h7'/>",
    "stop": "<path d='M6 6h12v12H6z'/>",
    "settings": "<path d='M4 7h9M19 7h1M4 17h1M11 17h9'/>"
    "<circle cx='16' cy='7' r='2.6'/><circle cx='8' cy='17' r='2.6'/>",
    "help": "<path d='M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4'/>"
    "<circle cx='12' cy='18' r='.6' fill='currentColor'/>",
    "audit": "<circle cx='10' cy='10' r='6'/><path d='M14.5 14.5L21 21M7.4 10.2l2 2 3.4-4'/>",
    "verdicts": "<circle cx='12' cy='12' r='7.5'/><circle cx='12' cy='12' r='2.2' fill='currentColor'/>",
    "worst": "<path d='M12 4l9 16H3z'/><path d='M12 10v5'/><circle cx='12' cy='17.6' r='.5' fill='currentColor'/>",
    "filter": "<path d='M4 5h16l-6.2 7.4V19l-3.6-2v-4.6z'/>",
    "bookmark": "<path d='M7 4h10v16l-5-4-5 4z'/>",
    "accept": "<path d='M4 12.5l5 5L20 6.5'/>",
    "dispute": "<path d='M4 4h16v12h-8l-4.5 4v-4H4z'/><path d='M10.3 8.4a1.8 1.8 0 1 1 2.7 1.6q-1 .6-1 1.6'/>"
    "<circle cx='12' cy='13.6' r='.4' fill='currentColor'/>",
    "close": "<path d='M6 6l12 12M18 6L6 18'/>",
}


def _pixmap(name: str, colour: QColor, scale: int) -> QPixmap:
    body = PATHS[name].replace("currentColor", colour.name())
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='{colour.name()}' "
        f"stroke-width='1.7' stroke-linecap='round' stroke-linejoin='round'>{body}</svg>"
    )
    pixmap = QPixmap(_SIZE * scale, _SIZE * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    renderer.render(painter, QRectF(0, 0, _SIZE * scale, _SIZE * scale))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap


def icon(name: str, palette: QPalette) -> QIcon:
    """The icon `name` for `palette`; KeyError for an unknown name."""
    result = QIcon()
    text = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText)
    faded = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
    for scale in (1, 2):
        result.addPixmap(_pixmap(name, text, scale), QIcon.Mode.Normal)
        result.addPixmap(_pixmap(name, faded, scale), QIcon.Mode.Disabled)
    return result


def program_icon() -> QIcon:
    """The program's own icon, for its windows."""
    result = QIcon()
    for size in _PROGRAM_SIZES:
        result.addFile(str(_PROGRAM_ICONS / f"starmark-{size}.png"))
    return result
