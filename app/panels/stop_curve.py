"""A small chart: errors found against looks, and where it is no longer worth while to go on."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.texts import tr

_MARGINS = (34, 8, 10, 20)
"""Left, top, right, bottom, px: room for the numbers."""


class StopCurvePlot(QWidget):
    """Painted by hand: two lines do not warrant loading a plotting library into the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: tuple[int, ...] = ()
        self._stop: int | None = None
        self.setMinimumHeight(96)

    def show_curve(self, found: Sequence[int], stop: int | None) -> None:
        """`found`: errors in the first 1, 2, … looks; `stop`: looks after which hardly any came, None for not yet."""
        self._found, self._stop = tuple(found), stop
        self.setAccessibleName(self.told())
        self.setToolTip(self.told())
        self.update()

    def told(self) -> str:
        """The chart in a sentence."""
        if not self._found:
            return tr("Errors found against faces looked at: nothing yet.")
        text = tr("{found:,} errors found in {looks:,} looks.", found=self._found[-1], looks=len(self._found))
        if self._stop is not None:
            text += tr(" Since look {stop:,} less than one look in twenty finds one.", stop=self._stop)
        return text

    def sizeHint(self) -> QSize:  # noqa: N802
        """A strip."""
        return QSize(220, 104)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Axes with their ends numbered, the curve, and a dashed line at the stop."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, top, right, bottom = _MARGINS
        area = QRectF(self.rect()).adjusted(left, top, -right, -bottom)
        palette = self.palette()
        text, faint = palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.Mid)
        painter.fillRect(area, palette.color(QPalette.ColorRole.Base))
        painter.setPen(QPen(faint, 1))
        painter.drawRect(area)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(text)
        looks, most = max(len(self._found), 1), max(self._found[-1] if self._found else 0, 1)
        self._numbers(painter, area, looks, most)
        if self._found:
            self._curve(painter, area, looks, most, palette.color(QPalette.ColorRole.Accent))
        painter.end()

    def _numbers(self, painter: QPainter, area: QRectF, looks: int, most: int) -> None:
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value, y in ((most, area.top()), (0, area.bottom())):
            painter.drawText(QRectF(0, y - 8, area.left() - 5, 16), right, f"{value:,}")
        below = QRectF(area.left(), area.bottom() + 3, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, tr("errors found, by looks"))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{looks:,}")

    def _curve(self, painter: QPainter, area: QRectF, looks: int, most: int, colour: QColor) -> None:
        def at(look: float, count: float) -> QPointF:
            return QPointF(area.left() + look / looks * area.width(), area.bottom() - count / most * area.height())

        step = max(1, looks // max(int(area.width()), 1))
        line = [at(0, 0), *(at(look, self._found[look - 1]) for look in range(1, looks + 1, step))]
        painter.setPen(QPen(colour, 2))
        painter.drawPolyline(QPolygonF([*line, at(looks, self._found[-1])]))
        if self._stop is not None:
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Text), 1, Qt.PenStyle.DashLine))
            painter.drawLine(at(self._stop, 0), at(self._stop, most))
