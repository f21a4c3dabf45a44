"""What a simulated annotator is like: how far points slip, where the habits lie, how often something goes wrong.

Lengths are fractions of the face's unit (see `face_unit`), which is the inter-ocular distance of a face seen from the
front, so that a spec fits faces of any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from core.face import FloatArray
from core.scheme import Scheme

CORNER, OTHER = "corner", "other"
PARTS = ("jaw", "brow", "nose bridge", "nose base", "nose", "eye", "lip")
"""Parts of a face by a word of their region's name; `CORNER` has a point's own name, `OTHER` is what is left."""

_MIN_UNIT_SHARE = 0.5
"""Smallest unit over the height of the landmarks' box. faces68 has 0.60 (median), 5 % less than 0.48."""


@dataclass(frozen=True, slots=True)
class PartNoise:
    """Ordinary noise of a part, standard deviations in units: `slip` along its contour, `jitter` in every direction."""

    slip: float
    jitter: float


MEASURED_NOISE: Mapping[str, PartNoise] = MappingProxyType(
    {
        "jaw": PartNoise(0.034, 0.014),
        "brow": PartNoise(0.026, 0.013),
        "nose bridge": PartNoise(0.023, 0.014),
        "nose base": PartNoise(0.020, 0.015),
        "nose": PartNoise(0.020, 0.015),
        "eye": PartNoise(0.022, 0.013),
        "lip": PartNoise(0.025, 0.013),
        CORNER: PartNoise(0.006, 0.018),
        OTHER: PartNoise(0.0, 0.019),
    }
)
"""Noise as large as that of real labels.

`benchmarks/label_noise.py` on faces68 (694 pairs of neighbouring frames): root mean square of along and across, percent
of the inter-ocular distance, one label: jaw 2.8, brows 2.2, nose bridge 2.0, nose base 2.0, eyes 2.0, lips 2.2, corners
2.1. From those the rounding of its labels (0.66) comes off. How a part's noise divides into slip and jitter is an
assumption, not a measurement: with optical flow as the ruler, along and across differ by a quarter at most, since flow
slips along plain contours itself. It is set to anisotropies from 1.7 (nose base) to 2.6 (jaw), and about 1 at corners.
"""

MEASURED_GROSS_RATE = 0.004
"""Share of points beyond five standard deviations there: 0.1 to 0.7 % a part."""


@dataclass(frozen=True, slots=True)
class AnnotatorSpec:
    """One annotator.

    Attributes:
        name: of the label set.
        noise: ordinary noise by part (a word of `PARTS`, `CORNER` or `OTHER`).
        dialect: habitual slide along the contour by part, units; mirrored, so that the face's two sides are alike.
        hidden_factor: times the ordinary noise where the point cannot be seen.
        gross_rate: probability that a point lies anywhere else.
        gross_size: mean length of such an error, units; the lengths are uniform from half to one and a half of it.
        swap_rate: probability that a face has a part whose left and right are exchanged.
        shift_rate: probability that a face has a contour on which points took their neighbours' places.
        missing_rate, hidden_missing_rate: probability that a visible, or a hidden, point is not labelled.
        whole_px: labels are rounded to whole px.
    """

    name: str = "annotator"
    noise: Mapping[str, PartNoise] = field(default_factory=lambda: MEASURED_NOISE)
    dialect: Mapping[str, float] = field(default_factory=dict)
    hidden_factor: float = 1.5
    gross_rate: float = MEASURED_GROSS_RATE
    gross_size: float = 0.2
    swap_rate: float = 0.01
    shift_rate: float = 0.01
    missing_rate: float = 0.001
    hidden_missing_rate: float = 0.05
    whole_px: bool = False

    def __post_init__(self) -> None:
        known = {*PARTS, CORNER, OTHER}
        for name, table in (("noise", self.noise), ("dialect", self.dialect)):
            if not set(table) <= known:
                raise ValueError(f"{name} names unknown parts {sorted(set(table) - known)}; known are {sorted(known)}")
            object.__setattr__(self, name, MappingProxyType(dict(table)))
        if any(part.slip < 0 or part.jitter < 0 for part in self.noise.values()):
            raise ValueError("standard deviations must not be negative")
        if self.hidden_factor < 0 or self.gross_size < 0:
            raise ValueError("the hidden factor and the gross size must not be negative")
        for rate in ("gross_rate", "swap_rate", "shift_rate", "missing_rate", "hidden_missing_rate"):
            if not 0 <= getattr(self, rate) <= 1:
                raise ValueError(f"{rate} must be between 0 and 1, not {getattr(self, rate)}")

    def scaled(self, factor: float) -> AnnotatorSpec:
        """The same annotator, `factor` >= 0 times as careless: noise, dialect, rates (up to 1); 0 labels the truth."""
        if factor < 0:
            raise ValueError(f"the factor must not be negative, not {factor}")
        rates = ("gross_rate", "swap_rate", "shift_rate", "missing_rate", "hidden_missing_rate")
        return replace(
            self,
            noise={part: PartNoise(n.slip * factor, n.jitter * factor) for part, n in self.noise.items()},
            dialect={part: offset * factor for part, offset in self.dialect.items()},
            whole_px=self.whole_px and factor > 0,
            **{rate: min(1.0, factor * getattr(self, rate)) for rate in rates},
        )


def annotator_group(
    count: int, base: AnnotatorSpec | None = None, *, dialects: float = 0.5, seed: int = 0
) -> list[AnnotatorSpec]:
    """`count` annotators like `base` with dialects of their own.

    A dialect's offset is drawn for each part from a normal law whose standard deviation is `dialects` times the part's
    slip; so much is assumed, for lack of real labels of known annotators.
    """
    base = AnnotatorSpec() if base is None else base
    rng = np.random.default_rng((seed, 0xD1A1))
    group = []
    for number in range(count):
        offsets = {part: float(rng.normal(0.0, dialects) * noise.slip) for part, noise in base.noise.items()}
        group.append(replace(base, name=f"{base.name} {number + 1}", dialect=offsets))
    return group


def face_unit(points: FloatArray, scheme: Scheme) -> float:
    """The length, px, that specs are fractions of, for true `points` (N, 2).

    The distance of the scheme's normaliser, but at least half the height of the landmarks' box: seen from the side,
    eyes come together while contours and annotators' hands stay as they are. NaN without any points.
    """
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return float("nan")
    height = float(np.ptp(known[:, 1]))
    distance = scheme.norm_distance(points)
    return max(distance if np.isfinite(distance) else 0.0, _MIN_UNIT_SHARE * height)


def part_of_points(scheme: Scheme) -> list[str]:
    """The part (N,) of each point of a scheme: a word of `PARTS`, `CORNER` or `OTHER`."""
    parts = []
    for index, name in enumerate(scheme.points):
        region = scheme.region_of(index)
        found = [part for part in PARTS if region is not None and part in region.name]
        if region is not None and "corner" in name:
            parts.append(CORNER)
        else:
            parts.append(found[0] if found else OTHER)
    return parts
