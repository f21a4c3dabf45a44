"""How much the parts of human faces differ: the spread of MakeHuman's local changes.

An amount of 1 is the end of MakeHuman's slider, which is a caricature. Spreads are such that the shapes of landmarks
vary as those of labelled photos do (`benchmarks/synthetic_shape.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalShape:
    """One slider between two opposite shapes.

    Attributes:
        stem: the shapes' common name; those of a pair of organs begin with "l-" and "r-", which it leaves out.
        low, high: the ends of the two shapes' names; `low` is empty where only the other exists.
        spread: standard deviation of the amount.
        paired: whether each side of the face has its own.
        mean: of the amount.
    """

    stem: str
    low: str
    high: str
    spread: float
    paired: bool = False
    mean: float = 0.0

    def shape(self, amount: float, side: str = "") -> tuple[str, float]:
        """The shape's name and its amount >= 0, from a signed amount."""
        end = self.high if amount >= 0 else self.low
        return f"{side}{self.stem}-{end}", abs(amount)


_MEANS = {
    "mouth-scale-horiz-incr": -0.30, "mouth-upperlip-height-incr": -0.20, "mouth-lowerlip-height-incr": -0.25,
    "chin-height-incr": 0.10, "head-scale-horiz-incr": 0.12, "nose-base-up": 0.10, "eyebrows-trans-up": 0.20,
    "eyebrows-trans-forward": -0.15,
}  # fmt: skip
"""Sliders whose middle is not that of labelled people: MakeHuman's mouths are wide and full."""


def _shapes(group: str, ends: str, spreads: dict[str, float], *, paired: bool = False) -> list[LocalShape]:
    low, high = ends.split("/")
    return [
        LocalShape(f"{group}-{stem}", low, high, spread, paired, _MEANS.get(f"{group}-{stem}-{high}", 0.0))
        for stem, spread in spreads.items()
    ]


LOCAL_SHAPES: tuple[LocalShape, ...] = (
    *_shapes("head", "decr/incr", {
        "scale-horiz": 0.25, "scale-vert": 0.20, "scale-depth": 0.25, "back-scale-depth": 0.25, "age": 0.20,
        "fat": 0.25,
    }),
    *_shapes("forehead", "decr/incr", {"scale-vert": 0.20, "nubian": 0.12, "temple": 0.30}),
    *_shapes("forehead", "backward/forward", {"trans": 0.25}),
    *_shapes("eyebrows", "down/up", {"angle": 0.45, "trans": 0.50}),
    *_shapes("eyebrows", "backward/forward", {"trans": 0.20}),
    *_shapes("eye", "decr/incr", {
        "bag": 0.40, "height1": 0.35, "height2": 0.35, "height3": 0.35, "scale": 0.30,
    }, paired=True),
    *_shapes("eye", "down/up", {
        "corner1": 0.40, "corner2": 0.40, "eyefold": 0.30, "eyefold-angle": 0.30, "trans": 0.20,
    }, paired=True),
    *_shapes("eye", "in/out", {"epicanthus": 0.25, "push1": 0.35, "push2": 0.35, "trans": 0.30}, paired=True),
    *_shapes("eye", "concave/convex", {"eyefold": 0.30}, paired=True),
    *_shapes("nose", "decr/incr", {
        "flaring": 0.30, "greek": 0.30, "hump": 0.35, "nostrils-width": 0.30, "point-width": 0.35, "scale-depth": 0.30,
        "scale-horiz": 0.30, "scale-vert": 0.25, "septumangle": 0.30, "volume": 0.20, "width1": 0.35, "width2": 0.35,
        "width3": 0.35,
    }),
    *_shapes("nose", "down/up", {"base": 0.30, "nostrils-angle": 0.30, "point": 0.15, "trans": 0.30}),
    *_shapes("nose", "concave/convex", {"curve": 0.30}),
    *_shapes("nose", "backward/forward", {"trans": 0.15}),
    *_shapes("mouth", "decr/incr", {
        "cupidsbow": 0.50, "cupidsbow-width": 0.40, "lowerlip-height": 0.35, "lowerlip-volume": 0.40,
        "lowerlip-width": 0.25, "philtrum-volume": 0.40, "scale-depth": 0.20, "scale-horiz": 0.35, "scale-vert": 0.25,
        "upperlip-height": 0.35, "upperlip-volume": 0.40, "upperlip-width": 0.25,
    }),
    *_shapes("mouth", "down/up", {
        "angles": 0.30, "lowerlip-ext": 0.25, "lowerlip-middle": 0.25, "trans": 0.25, "upperlip-ext": 0.25,
        "upperlip-middle": 0.25,
    }),
    *_shapes("mouth", "in/out", {"dimples": 0.30, "laugh-lines": 0.30}),
    *_shapes("mouth", "backward/forward", {"trans": 0.15}),
    *_shapes("ear", "decr/incr", {
        "flap": 0.25, "lobe": 0.40, "scale": 0.25, "scale-depth": 0.25, "scale-vert": 0.25, "wing": 0.45,
    }, paired=True),
    *_shapes("ear", "backward/forward", {"rot": 0.25, "trans": 0.12}, paired=True),
    *_shapes("ear", "down/up", {"trans": 0.10}, paired=True),
    *_shapes("chin", "decr/incr", {
        "bones": 0.25, "cleft": 0.35, "height": 0.22, "jaw-drop": 0.30, "prognathism": 0.22, "prominent": 0.22,
        "width": 0.25,
    }),
    *_shapes("cheek", "decr/incr", {"bones": 0.35, "inner": 0.30, "volume": 0.30}, paired=True),
    *_shapes("cheek", "down/up", {"trans": 0.30}, paired=True),
    *_shapes("neck", "decr/incr", {"double": 0.25, "scale-horiz": 0.25, "scale-depth": 0.20}),
)  # fmt: skip

OUTLINES = (
    "head-oval", "head-round", "head-rectangular", "head-square", "head-triangular", "head-invertedtriangular",
    "head-diamond", "chin-triangle",
)  # fmt: skip
"""Shapes without an opposite, of which a head has one, by up to half."""
