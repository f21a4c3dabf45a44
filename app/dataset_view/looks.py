"""Colours of charts: Okabe and Ito's, which the colour-blind tell apart, darker on white and lighter on black."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette

from app.canvas.colours import PALETTES, text_of

_SEEN_ON_BLACK = PALETTES["okabe-ito"][1]


@dataclass(frozen=True, slots=True)
class Looks:
    """Colours as "#rrggbb".

    Attributes:
        background, text: of a chart.
        faint: contours, lines at zero, and what else stays behind.
        predicted, labels: what the model expects; what labels really do.
        series: of curves that are compared, in order; they differ by their dashes too.
        verdicts: of points: ok, ambiguous, unsure, wrong.
        selected: a ring around what is chosen.
    """

    background: str
    text: str
    faint: str
    predicted: str
    labels: str
    series: tuple[str, ...]
    verdicts: dict[str, str]
    selected: str

    @property
    def dark(self) -> bool:
        """Whether the background is."""
        return QColor(self.background).lightness() < 128


def _verdicts(ok: str, ambiguous: str, unsure: str, wrong: str) -> dict[str, str]:
    return {"ok": ok, "ambiguous": ambiguous, "unsure": unsure, "wrong": wrong}


LIGHT = Looks(
    "#ffffff", "#1d2025", "#9aa0a9", "#0072b2", "#d55e00",
    ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a5c00", "#56b4e9"),
    _verdicts("#7d848f", "#0072b2", "#b05088", "#d55e00"), "#1d2025",
)  # fmt: skip
DARK = Looks(
    "#1b1d21", "#e6e7ea", "#70757e", text_of(_SEEN_ON_BLACK.prediction), text_of(_SEEN_ON_BLACK.label),
    ("#56b4e9", "#e69f00", "#00b282", "#e08cbc", "#f0e442", "#9db8d9"),
    _verdicts("#8b9099", "#56b4e9", "#e08cbc", "#ff8a3d"), "#ffffff",
)  # fmt: skip


def looks_of(palette: QPalette) -> Looks:
    """Those that fit the window."""
    return DARK if palette.color(QPalette.ColorRole.Base).lightness() < 128 else LIGHT
