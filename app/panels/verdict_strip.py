"""What the audit says of the active face and of its selected point, and what people decided about them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.canvas.verdict_marks import verdict_colour
from app.texts import tr

_LINES = 9


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict for the strip.

    Attributes:
        verdict: as `core` names it, for the colour.
        title, sentence, numbers: for people; numbers may be empty.
        decided: what people said, for people; empty where nobody has.
    """

    verdict: str
    title: str
    sentence: str
    numbers: str = ""
    decided: str = ""


class VerdictStrip(QScrollArea):
    """Two paragraphs, of the face and of the point; as high as most need, so that nothing jumps from face to face."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setAccessibleName(tr("Verdicts on the active face"))
        inside = QWidget(self)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.text)
        layout.addStretch(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + 16)

    def show_verdicts(self, face: Told | None, point: Told | None, hint: str = "") -> None:
        """Show both; `hint` where there is none to show."""
        parts = [self._paragraph(told) for told in (face, point) if told is not None]
        self.text.setText("".join(parts) if parts else f"<p>{_escaped(hint)}</p>")
        self.verticalScrollBar().setValue(0)

    def _paragraph(self, told: Told) -> str:
        faint = self.palette().color(QPalette.ColorRole.PlaceholderText).name()
        dot = f"<span style='color:{verdict_colour(told.verdict).name()}'>●</span>"
        lines = [f"{dot} <b>{_escaped(told.title)}</b>", _escaped(told.sentence)]
        if told.numbers:
            lines.append(f"<span style='color:{faint};font-size:{_small(self)}px'>{_escaped(told.numbers)}</span>")
        if told.decided:
            lines.append(f"<b>→ {_escaped(told.decided)}</b>")
        return f"<p style='margin:0 0 5px 0'>{'<br>'.join(line for line in lines if line)}</p>"


def _small(widget: QWidget) -> int:
    return max(9, round(0.86 * widget.fontInfo().pixelSize()))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
