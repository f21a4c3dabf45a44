"""Panels that float over the canvas: the legend and the callout beside a point. They never take the mouse."""

# ruff: noqa: N802 (Qt names its events so)

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QLinearGradient, QPainter, QPaintEvent, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from app.canvas import marks, palette
from app.canvas.model import Ghost, Layers
from app.canvas.shapes import Facts
from app.texts import tr, tr_later

_PAD = 10
_ROW_GAP = 4
_ROW_TEXTS = {
    "label": tr_later("label"),
    "prediction": tr_later("prediction"),
    "ambiguous": tr_later("ambiguous"),
    "edge map": tr_later("edge map"),
    "deviation": tr_later("prediction to label"),
    "along": tr_later("label off, along the axis"),
    "across": tr_later("label off, across it"),
}
_MINUS = "\N{MINUS SIGN}"
_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


class _Panel(QWidget):
    """A rounded translucent sheet in the colours of the theme."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        font = QFont(self.font())
        font.setPixelSize(12)
        self.setFont(font)
        self.hide()

    @property
    def colours(self) -> palette.PanelColours:
        """By the theme."""
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < 128
        return palette.DARK_PANEL if dark else palette.LIGHT_PANEL

    def bold(self) -> QFont:
        """The panel's font for headings."""
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = self.colours
        painter.drawPixmap(0, 0, _sheet(self.width(), self.height(), self.devicePixelRatioF(), colours))
        self.draw(painter, colours)
        painter.end()

    def draw(self, painter: QPainter, colours: palette.PanelColours) -> None:
        """For subclasses: the content."""
        raise NotImplementedError


@lru_cache(maxsize=16)
def _sheet(width: int, height: int, ratio: float, colours: palette.PanelColours) -> QPixmap:
    """An empty panel: round corners take longer to paint than all that is written on it."""
    picture = QPixmap(round(width * ratio), round(height * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(*colours.border), 1))
    painter.setBrush(QColor(*colours.background))
    painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), 7, 7)
    painter.end()
    return picture


class Tag(_Panel):
    """Lines of text on the canvas: what is not as it usually is."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What it says; empty while hidden."""
        return "" if self.isHidden() else "\n".join(self._lines)

    def show_text(self, *lines: str) -> None:
        """Say `lines`; nothing hides the tag."""
        if lines != self._lines:
            self._lines = lines
            self.setAccessibleName(". ".join(lines))
            self.resize(self.sizeHint())
            self.update()
        self.setVisible(bool(lines))

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        width = max((metrics.horizontalAdvance(line) for line in self._lines), default=0)
        return QSize(width + 2 * _PAD, len(self._lines) * metrics.lineSpacing() + _PAD)

    def draw(self, painter: QPainter, colours: palette.PanelColours) -> None:
        painter.setPen(QColor(*colours.text))
        area = self.rect().adjusted(_PAD, 0, 0, 0)
        alignment = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, alignment, "\n".join(self._lines))


class Legend(_Panel):
    """What colours and shapes mean; only what is on the screen is explained."""

    WIDTH = 196

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("legend")
        self._layers = Layers()
        self._rows: tuple[str, ...] = ()
        self._ghosts: tuple[Ghost, ...] = ()
        self._scale = False

    def explain(
        self, layers: Layers, *, labels: bool, predictions: bool, flagged: bool, ghosts: tuple[Ghost, ...] = ()
    ) -> None:
        """Say what is drawn: whether any face has a label, a prediction, a point marked as ambiguous; and ghosts."""
        ellipses = layers.ellipses and predictions and bool(layers.sigma_levels)
        rows = []
        if labels and layers.labels:
            rows.append("label")
        if predictions and layers.predictions:
            rows.append("prediction")
        if labels and predictions and layers.labels and layers.deviations:
            rows += ["along", "across"] if layers.split else ["deviation"]
        if flagged:
            rows.append("ambiguous")
        if predictions and layers.edges:
            rows.append("edge map")
        self._scale, self._rows, self._layers, self._ghosts = ellipses, tuple(rows), layers, ghosts
        self.setVisible(layers.legend and bool(self._rows or ghosts or ellipses))
        self.resize(self.sizeHint())
        self.setAccessibleName(tr("Legend: ") + ", ".join(self.lines()))
        self.update()

    def lines(self) -> list[str]:
        """The legend as text, top to bottom."""
        lines = [self._ellipse_text(), tr("anisotropy")] if self._scale else []
        return lines + [self._row_text(row) for row in self._rows] + [ghost.name for ghost in self._ghosts]

    def _ellipse_text(self) -> str:
        levels = ", ".join(str(level) for level in sorted(set(self._layers.sigma_levels)))
        scale = self._layers.ellipse_scale
        drawn = "" if abs(scale - 1) < 1e-6 else f" \N{MULTIPLICATION SIGN} {scale:.2g}"
        return tr("Ellipses {levels} {sigma}{drawn}", levels=levels, sigma=_SIGMA, drawn=drawn)

    def _row_text(self, row: str) -> str:
        if row == "ambiguous" and self._layers.ambiguous_threshold is not None:
            unit = "" if self._layers.ambiguous_measure == "anisotropy" else tr(" px along")
            return tr(
                "ambiguous (≥ {threshold:.3g}{unit})",
                threshold=self._layers.ambiguous_threshold,
                unit=unit,
            )
        return tr(_ROW_TEXTS.get(row, row))

    def _line_height(self) -> int:
        return QFontMetrics(self.font()).height() + _ROW_GAP

    def sizeHint(self) -> QSize:
        line = self._line_height()
        rows = len(self._rows) + len(self._ghosts)
        height = 2 * _PAD - _ROW_GAP + rows * line
        if self._scale:
            height += 3 * line + 10 + (4 if rows else 0)
        return QSize(self.WIDTH, height)

    def draw(self, painter: QPainter, colours: palette.PanelColours) -> None:
        line, top = self._line_height(), _PAD
        width = self.width() - 2 * _PAD
        if self._scale:
            painter.setFont(self.bold())
            painter.setPen(QColor(*colours.text))
            painter.drawText(QRect(_PAD, top, width, line), Qt.AlignmentFlag.AlignLeft, self._ellipse_text())
            painter.setFont(self.font())
            painter.setPen(QColor(*colours.faint))
            below = QRect(_PAD, top + line, width, line)
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, tr("anisotropy (length / width)"))
            self._draw_scale(painter, colours, QRectF(_PAD, top + 2 * line, width, 10))
            top += 3 * line + 14
        for row in self._rows:
            self._draw_row(painter, colours, row, QRect(_PAD, top, width, line - _ROW_GAP))
            top += line
        for ghost in self._ghosts:
            self._draw_ghost(painter, colours, ghost, QRect(_PAD, top, width, line - _ROW_GAP))
            top += line

    def _draw_scale(self, painter: QPainter, colours: palette.PanelColours, bar: QRectF) -> None:
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        shades = palette.scale(self._layers.colour_scheme)
        for i, rgb in enumerate(shades):
            gradient.setColorAt(i / (len(shades) - 1), QColor(*rgb))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        metrics = QFontMetrics(self.font())
        painter.setPen(QColor(*colours.text))
        for tick in palette.TICKS:
            at = bar.left() + float(palette.position(tick)) * bar.width()
            content = f"{tick:g}" + ("+" if tick == palette.TICKS[-1] else "")
            room = metrics.horizontalAdvance(content)
            left = min(max(at - room / 2, bar.left()), bar.right() - room)
            painter.drawText(QPointF(left, bar.bottom() + 2 + metrics.ascent()), content)
        threshold = self._layers.ambiguous_threshold
        if threshold is not None and self._layers.ambiguous_measure == "anisotropy":
            at = bar.left() + float(palette.position(threshold)) * bar.width()
            marks.triangles(painter, np.array([[at, bar.center().y()]]), 5.5, self._layers.colours.ambiguous, 1.6)

    def _draw_row(self, painter: QPainter, colours: palette.PanelColours, row: str, area: QRect) -> None:
        middle = QPointF(area.left() + 10, area.center().y() + 1)
        place = np.array([[middle.x(), middle.y()]])
        shown = self._layers.colours
        start, end = middle - QPointF(8, 0), middle + QPointF(8, 0)
        if row == "label":
            marks.discs(painter, place, 8, shown.label)
        elif row == "prediction":
            marks.crosses(painter, place, 5, shown.prediction)
        elif row in ("deviation", "along", "across"):
            ends = np.array([[start.x(), start.y()]]), np.array([[end.x(), end.y()]])
            marks.arrows(painter, *ends, getattr(shown, row), 1.6, 6)
        elif row == "edge map":
            painter.setPen(marks.pen(shown.edge, 7, 150))
            painter.drawLine(start + QPointF(2, 0), end - QPointF(2, 0))
        else:
            marks.triangles(painter, place + np.array([0.0, 1.0]), 7, shown.ambiguous)
        painter.setPen(QColor(*colours.text))
        text_area = area.adjusted(28, 0, 0, 0)
        painter.drawText(text_area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._row_text(row))

    def _draw_ghost(self, painter: QPainter, colours: palette.PanelColours, ghost: Ghost, area: QRect) -> None:
        middle = QPointF(area.left() + 10, area.center().y() + 1)
        colour = self._layers.colours.other(ghost.shade)
        marks.segments(painter, [QLineF(middle - QPointF(8, 0), middle + QPointF(8, 0))], colour, 1.4)
        marks.discs(painter, np.array([[middle.x(), middle.y()]]), 4.2, colour, 1.0)
        painter.setPen(QColor(*colours.text))
        text_area = area.adjusted(28, 0, 0, 0)
        name = QFontMetrics(self.font()).elidedText(ghost.name, Qt.TextElideMode.ElideRight, text_area.width())
        painter.drawText(text_area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, a true minus, and no negative zero."""
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", _MINUS)


def plain(value: float, digits: int = 1) -> str:
    """A number with a true minus and no negative zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", _MINUS)


def fact_rows(facts: Facts) -> list[tuple[str, str]]:
    """(what, value) for each line of the callout below its heading."""
    rows = [(tr("position"), f"{plain(facts.x)}, {plain(facts.y)}")]
    if facts.sigma_along is not None and facts.sigma_across is not None:
        rows.append(
            (
                tr("{sigma} along / across", sigma=_SIGMA),
                tr(
                    "{sigma_along:.2f} / {sigma_across:.2f} px",
                    sigma_along=facts.sigma_along,
                    sigma_across=facts.sigma_across,
                ),
            )
        )
    if facts.anisotropy is not None and facts.angle_deg is not None:
        rows.append((tr("anisotropy"), f"{facts.anisotropy:.2f}"))
        rows.append((tr("angle"), f"{plain(facts.angle_deg, 0)}\N{DEGREE SIGN}"))
    if facts.second_share is not None and facts.second_share >= 0.05:
        rows.append((tr("second peak"), f"{100 * facts.second_share:.0f} %"))
    if facts.along is not None and facts.across is not None:
        rows.append(
            (
                tr("deviation along / across"),
                tr(
                    "{along} / {across} px",
                    along=signed(facts.along),
                    across=signed(facts.across),
                ),
            )
        )
    elif facts.distance is not None:
        rows.append((tr("deviation"), f"{facts.distance:.1f} px"))
    if facts.mahalanobis is not None:
        rows.append((tr("Mahalanobis distance"), f"{facts.mahalanobis:.1f}"))
    return rows


class Callout(_Panel):
    """Facts about the point under the cursor, beside it and never on it."""

    _AWAY = 22

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("callout")
        self._facts: Facts | None = None
        self._rows: list[tuple[str, str]] = []

    @property
    def facts(self) -> Facts | None:
        """What is shown now."""
        return None if self.isHidden() else self._facts

    def show_facts(self, facts: Facts, at: QPointF, middle: QPointF, area: QRect) -> None:
        """Show `facts` beside `at`, on the side away from `middle` of the face, inside `area`; all in parent's px."""
        if facts != self._facts:
            self._facts, self._rows = facts, fact_rows(facts)
            self.resize(self.sizeHint())
            self.setAccessibleName(self._heading() + ": " + ", ".join(f"{key} {value}" for key, value in self._rows))
            self.update()
        left, right = at.x() - self._AWAY - self.width(), at.x() + self._AWAY
        above, below = at.y() - self.height() - self._AWAY / 2, at.y() + self._AWAY / 2
        fits_left, fits_right = left >= area.left() + 4, right + self.width() <= area.right() - 4
        x = left if fits_left and (at.x() < middle.x() or not fits_right) else right
        fits_above, fits_below = above >= area.top() + 4, below + self.height() <= area.bottom() - 4
        y = above if fits_above and (at.y() < middle.y() or not fits_below) else below
        y = min(max(y, area.top() + 4), max(area.bottom() - 4 - self.height(), area.top() + 4))
        x = min(max(x, area.left() + 4), max(area.right() - 4 - self.width(), area.left() + 4))
        self.move(round(x), round(y))
        self.show()

    def _heading(self) -> str:
        assert self._facts is not None
        return f"{self._facts.index}  {self._facts.name}"

    def _second(self) -> str:
        assert self._facts is not None
        facts = self._facts
        parts = [tr(facts.source)]
        if facts.region is not None and not facts.name.startswith(facts.region):
            parts.insert(0, facts.region)
        if facts.ambiguous:
            parts.append(tr("ambiguous"))
        return " \N{MIDDLE DOT} ".join(parts)

    def sizeHint(self) -> QSize:
        if self._facts is None:
            return QSize(0, 0)
        metrics, bold = QFontMetrics(self.font()), QFontMetrics(self.bold())
        line = metrics.height() + _ROW_GAP
        left = max(metrics.horizontalAdvance(key) for key, _ in self._rows)
        right = max(metrics.horizontalAdvance(value) for _, value in self._rows)
        headings = bold.horizontalAdvance(self._heading()), metrics.horizontalAdvance(self._second())
        width = max(left + 18 + right, *headings)
        # Whole steps of width: digits that come and go in a drag must not make the panel twitch.
        width = (width + 15) // 16 * 16
        return QSize(width + 2 * _PAD, 2 * _PAD - _ROW_GAP + (len(self._rows) + 2) * line + 6)

    def draw(self, painter: QPainter, colours: palette.PanelColours) -> None:
        if self._facts is None:
            return
        line = QFontMetrics(self.font()).height() + _ROW_GAP
        width, top = self.width() - 2 * _PAD, _PAD
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        painter.setFont(self.bold())
        painter.setPen(QColor(*colours.text))
        painter.drawText(QRect(_PAD, top, width, line), left, self._heading())
        painter.setFont(self.font())
        painter.setPen(QColor(*colours.faint))
        painter.drawText(QRect(_PAD, top + line, width, line), left, self._second())
        top += 2 * line + 6
        for key, value in self._rows:
            painter.setPen(QColor(*colours.faint))
            painter.drawText(QRect(_PAD, top, width, line), left, key)
            painter.setPen(QColor(*colours.text))
            painter.drawText(QRect(_PAD, top, width, line), right, value)
            top += line
