"""The colours of marks: palettes that stay apart under colour-vision deficiencies, and the user's own. No Qt.

The first two palettes follow Okabe and Ito's set ("Color Universal Design", 2008), lightened where a thin line on a
photo would be lost. Shapes say the same as colours everywhere: a label is a disc, a prediction a cross, an ambiguous
point a triangle, an arrow has a head. So even the palette without any hue can be read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class MarkColours:
    """One colour for each kind of mark.

    Attributes:
        label, prediction: discs and crosses with their curves.
        deviation: the arrow from the prediction to the label.
        along, across: that arrow's parts on the major and on the minor axis.
        ambiguous: the triangle of an ambiguous point.
        selected: rings around what is selected or under the cursor.
        others: other labels of a face, compared with the one being worked on.
        edge: the edge map.
    """

    label: RGB
    prediction: RGB
    deviation: RGB
    along: RGB
    across: RGB
    ambiguous: RGB
    selected: RGB
    others: tuple[RGB, ...]
    edge: RGB

    def other(self, shade: int) -> RGB:
        """The colour of another label set; they repeat."""
        return self.others[shade % len(self.others)]


STANDARD = MarkColours(
    label=(255, 159, 28),
    prediction=(92, 190, 255),
    deviation=(255, 244, 228),
    along=(242, 230, 92),
    across=(255, 96, 96),
    ambiguous=(255, 120, 190),
    selected=(255, 255, 255),
    others=((124, 226, 166), (196, 172, 255), (242, 230, 92), (150, 214, 222)),
    edge=(120, 255, 214),
)

PALETTES: dict[str, tuple[str, MarkColours]] = {
    "standard": ("Standard", STANDARD),
    "okabe-ito": (
        "Colour-blind safe (Okabe–Ito)",
        MarkColours(
            label=(230, 159, 0),
            prediction=(86, 180, 233),
            deviation=(255, 255, 255),
            along=(240, 228, 66),
            across=(213, 94, 0),
            ambiguous=(224, 140, 188),
            selected=(255, 255, 255),
            others=((0, 178, 130), (240, 228, 66), (64, 140, 214), (213, 94, 0)),
            edge=(0, 178, 130),
        ),
    ),
    "contrast": (
        "High contrast",
        MarkColours(
            label=(255, 255, 0),
            prediction=(0, 214, 255),
            deviation=(255, 255, 255),
            along=(0, 255, 0),
            across=(255, 80, 80),
            ambiguous=(255, 96, 255),
            selected=(255, 255, 255),
            others=((0, 255, 0), (255, 96, 255), (255, 170, 0), (140, 170, 255)),
            edge=(0, 255, 0),
        ),
    ),
    "mono": (
        "Black and white",
        MarkColours(
            label=(255, 255, 255),
            prediction=(190, 190, 190),
            deviation=(255, 255, 255),
            along=(225, 225, 225),
            across=(150, 150, 150),
            ambiguous=(255, 255, 255),
            selected=(255, 255, 255),
            others=((225, 225, 225), (165, 165, 165), (120, 120, 120)),
            edge=(230, 230, 230),
        ),
    ),
}
"""Name in the settings: (name on screen, colours)."""


def chosen(palette: str, label: str = "", prediction: str = "", others: str = "") -> MarkColours:
    """A palette with the user's own colours in it, texts like "#ff9f1c"; what is empty or no colour stays as it is."""
    colours = PALETTES.get(palette, PALETTES["standard"])[1]
    own_label, own_prediction, first = parse(label), parse(prediction), parse(others)
    colours = replace(colours, label=own_label or colours.label, prediction=own_prediction or colours.prediction)
    return colours if first is None else replace(colours, others=(first, *colours.others))


def parse(text: str) -> RGB | None:
    """(r, g, b) of "#rrggbb"; None for anything else."""
    digits = text.strip().removeprefix("#")
    if len(digits) != 6:
        return None
    try:
        value = int(digits, 16)
    except ValueError:
        return None
    return value >> 16, value >> 8 & 255, value & 255


def text_of(rgb: RGB) -> str:
    """As "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
