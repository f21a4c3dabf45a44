"""Whole labels that lie to one side of where the model sees the faces, and the way back.

Labels of a data set may all lie a little to one side: drawn with another idea of where a pixel's centre is, on pictures
that were resized since, or simply so. Of each face the median over its points of label minus predicted mean is taken,
in the axes of the image; over the faces of a source a line is fitted to it,

    offset = share * size of the face + constant,

by Huber's M-estimate (1964) of offset / size, since the scatter grows with the face. Of the two terms only what the
data ask for is kept. People are drawn anew for intervals (cluster bootstrap), and Hotelling's T squared says whether
the offset of a face of median size is more than chance, adjusted for all sources (`core.false_discovery`).

A model cannot tell of an offset that it has learnt itself. One that is trained with mirroring has none in x.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.audit import Audit
from core.dialects import LEAST_PEOPLE, MOST_SOURCES, RATE, Kind
from core.face import FloatArray
from core.false_discovery import adjusted
from core.metrics import Interval
from core.moves.movable import places
from core.repair.plan import Planned, Repair, members, sources

LEAST_SHARE = 0.002
"""Of a face's size: a smaller offset is not worth touching every label, however sure it is."""

_DRAWS = 400
_ROUNDS = 8
_HUBER = 1.345
"""Scales of residuals from which on a face counts less (95 % efficient for normal ones)."""
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class SetOffset:
    """How far the labels of a source lie to one side.

    Attributes:
        kind, source: a folder or a tag and its name; None and "" for all labels.
        faces, people: how many count.
        share: (x, y), of the face's size (`core.face_frame.FaceFrame.size`).
        constant: (x, y), px.
        size: px, the median face's size.
        interval: 95 %, of the offset of a face of that size, px: of x, of y.
        p: of such an offset by chance, adjusted for all sources.
    """

    kind: Kind | None
    source: str
    faces: int
    people: int
    share: tuple[float, float]
    constant: tuple[float, float]
    size: float
    interval: tuple[Interval, Interval]
    p: float

    def at(self, size: float) -> FloatArray:
        """(2,) px, x to the right and y down, for a face of `size` px."""
        result: FloatArray = size * np.array(self.share) + np.array(self.constant)
        return result

    @property
    def typical(self) -> FloatArray:
        """(2,) px, of a face of median size."""
        return self.at(self.size)

    @property
    def real(self) -> bool:
        """Whether it is more than chance, and large enough to matter."""
        return self.p <= RATE and float(np.hypot(*self.typical)) >= LEAST_SHARE * self.size


@dataclass(frozen=True)
class ShiftSet(Repair):
    """All points of the labels of each source move back by its offset; a face of several, by that of the first."""

    offsets: tuple[SetOffset, ...]
    kind: str = field(default="shift labels back", init=False)

    def planner(self, audit: Audit) -> Callable[[int], Planned | None]:
        """As `Repair.planner`."""
        parts = [(offset, members(audit, offset.kind, offset.source)) for offset in self.offsets]
        size = audit.evidence.frame.size

        def planned(face: int) -> Planned | None:
            offset = next((offset for offset, inside in parts if inside[face]), None)
            if offset is None or not np.isfinite(size[face]):
                return None
            label, step = audit.faces[face].label, -offset.at(float(size[face]))
            return places(label, label.points + step), f"All points moved by {direction(step)}."

        return planned


def direction(step: FloatArray) -> str:
    """ "1.3 px left and 0.2 px up" for (2,) px."""
    parts = [f"{abs(float(step[axis])):.1f} px {words[int(step[axis] > 0)]}"
             for axis, words in enumerate((("left", "right"), ("up", "down"))) if abs(step[axis]) >= 0.05]  # fmt: skip
    return " and ".join(parts) or "less than 0.1 px"


def set_offsets(audit: Audit, groups: Sequence[Hashable]) -> list[SetOffset]:
    """Offsets of all labels, and of each source with enough people; `groups` (F,) says who is on the faces.

    Those that are not `SetOffset.real` are among them.
    """
    numbers: dict[Hashable, int] = {}
    person = np.array([numbers.setdefault(name, len(numbers)) for name in groups], np.intp)
    offsets, size = face_offsets(audit), audit.evidence.frame.size
    known = np.isfinite(offsets).all(axis=1) & np.isfinite(size)
    asked: list[tuple[Kind | None, str, NDArray[np.bool_]]] = [(None, "", known)]
    asked += [(kind, name, inside & known) for kind, name, inside in sources(audit)[:MOST_SOURCES]]
    found = []
    for source, name, inside in asked:
        if len(np.unique(person[inside])) >= LEAST_PEOPLE:
            fitted = fit_offset(offsets[inside], size[inside], person[inside])
            found.append(replace(fitted, kind=source, source=name))
    changed = adjusted([one.p for one in found]).tolist()
    return [replace(one, p=p) for one, p in zip(found, changed, strict=True)]


def face_offsets(audit: Audit) -> FloatArray:
    """(F, 2) px: the median over a face's points of label minus predicted mean; NaN with fewer than a third of them.

    Points that are called wrong do not count.
    """
    mean = np.stack([prediction.mean for prediction in audit.predictions])
    away = np.where(audit.wrong()[..., None], np.nan, audit.evidence.labels - mean)
    enough = 3 * np.isfinite(away).all(axis=2).sum(axis=1) >= away.shape[1]
    result = np.full((len(audit), 2), np.nan)
    result[enough] = np.nanmedian(away[enough], axis=1)
    return result


def fit_offset(offsets: FloatArray, size: FloatArray, person: NDArray[np.intp]) -> SetOffset:
    """Fit `offsets` (F, 2) px of faces of `size` (F,) px; `person` (F,) numbers who they show. Of no source yet."""
    _, person = np.unique(person, return_inverse=True)
    people, middle = int(person.max()) + 1, float(np.median(size))
    terms = np.stack([np.ones(len(size)), middle / size], axis=1)  # of offset / size: share and constant
    drawn = _draws(people)[:, person]
    share, constant, whole = np.zeros(2), np.zeros(2), np.zeros(2)
    effects, intervals = np.empty((_DRAWS, 2)), []
    for axis in (0, 1):
        values = offsets[:, axis] / size
        fits = _huber_all(terms, values, drawn)
        kept = _needed(fits[1:])
        if len(kept) == 1:
            fits = np.zeros_like(fits)
            fits[:, kept] = _huber_all(terms[:, kept], values, drawn)
        whole[axis], effects[:, axis] = fits[0].sum() * middle, fits[1:].sum(axis=1) * middle
        low, high = np.quantile(effects[:, axis], [0.025, 0.975])
        intervals.append(Interval(float(low), float(high)))
        if not low <= 0 <= high:
            share[axis], constant[axis] = fits[0, 0], fits[0, 1] * middle
    p = _hotelling(whole, effects, people)
    return SetOffset(
        None, "", len(size), people, (float(share[0]), float(share[1])), (float(constant[0]), float(constant[1])),
        middle, (intervals[0], intervals[1]), p,
    )  # fmt: skip


def _draws(people: int) -> FloatArray:
    """(1 + draws, people) how often each counts: once at first, then as drawn with replacement."""
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(people, np.full(people, 1 / people), _DRAWS).astype(np.float64)
    return np.vstack([np.ones(people), drawn])


def _needed(fits: FloatArray) -> list[int]:
    """Which of the two terms are kept, by their drawn values (draws, 2): one alone where the other may be nothing."""
    low, high = np.quantile(fits, [0.025, 0.975], axis=0)
    sure = (low > 0) | (high < 0)
    return [0, 1] if sure.all() else [1] if sure[1] else [0]


def _huber_all(terms: FloatArray, values: FloatArray, drawn: FloatArray) -> FloatArray:
    """Coefficients (D, T) of `values` (F,) by `terms` (F, T) for each draw (D, F), in parts that fit into memory."""
    step = max(1, _CHUNK // len(values))
    return np.concatenate([_huber(terms, values, drawn[start : start + step]) for start in range(0, len(drawn), step)])


def _huber(terms: FloatArray, values: FloatArray, drawn: FloatArray) -> FloatArray:
    """The same by iteratively reweighted least squares from the median; scale: the residuals' median absolute one."""
    centre = np.median(values)
    scale = max(1.4826 * float(np.median(np.abs(values - centre))), 1e-9)
    weights = drawn * np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(values - centre), 1e-12))
    products = np.einsum("ft,fu->ftu", terms, terms).reshape(len(terms), -1)
    for _ in range(_ROUNDS):
        left = (weights @ products).reshape(len(drawn), terms.shape[1], terms.shape[1])
        left += 1e-9 * np.trace(left, axis1=1, axis2=2)[:, None, None] * np.eye(terms.shape[1])  # faces of one size
        right = (weights * values) @ terms
        solved: FloatArray = np.linalg.solve(left, right[..., None])[..., 0]
        away = np.abs(values - solved @ terms.T)
        weights = drawn * np.minimum(1.0, _HUBER * scale / np.maximum(away, 1e-12))
    return solved


def _hotelling(whole: FloatArray, effects: FloatArray, people: int) -> float:
    """p of an offset (2,) by chance, by the scatter of drawn ones (D, 2).

    With n people, T^2 (n - 2) / (2 (n - 1)) is distributed as F(2, n - 2), whose upper tail at f is
    (1 + 2 f / (n - 2))^(-(n - 2) / 2).
    """
    covariance = np.cov(effects.T) + 1e-18 * np.eye(2)
    square = float(whole @ np.linalg.solve(covariance, whole))
    freedom = max(people - 2, 1)
    return float((1 + square / (people - 1)) ** (-freedom / 2))
