"""Dialects: whether the labels of one source lie elsewhere along the contours than those of the others.

Sources are the folders that images lie in (such as afw and helen), the tags of faces, and, where they are given, the
label sets that labels are in (an import, an annotator). Along each contour two things are compared: the mean offset of
its points ("slide"), and, where it is open, how far they are drawn from its middle towards its ends ("stretch"). Points
that are called wrong do not count: they are errors, not a habit.

A source is compared with all other faces by Welch's t-test (1947) of people's means, since faces of one person are
alike; the p-values of all comparisons are adjusted together (`core.false_discovery`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from core.audit import Audit, source_of
from core.face import FloatArray
from core.false_discovery import adjusted
from core.metrics import Interval, norm_distances

LEAST_PEOPLE = 5
MOST_SOURCES = 30
RATE = 0.05

Kind = Literal["folder", "tag", "label set"]
Motion = Literal["slide", "stretch"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One source's habit along one contour, beside all other faces.

    Attributes:
        kind, source: what it is and its name.
        faces, people: how many of it count.
        region, motion: the contour, and what is compared.
        offset: mean difference, % of the distance that NMEs are divided by: for "slide" in the order of the contour's
            points, for "stretch" the outward offset at its ends.
        interval: of `offset`, 95 %.
        p: of such a difference by chance, adjusted for all comparisons.
    """

    kind: Kind
    source: str
    faces: int
    people: int
    region: str
    motion: Motion
    offset: float
    interval: Interval
    p: float

    @property
    def real(self) -> bool:
        """Whether it is more than chance, at a false-discovery rate of 5 %."""
        return self.p <= RATE


@dataclass(frozen=True, slots=True)
class Dialects:
    """All comparisons, the surest first; and the sources (kind, name) that have too few people to tell, or are not
    among the largest `MOST_SOURCES`."""

    rows: list[Dialect]
    left_out: list[tuple[Kind, str]]


def dialects(audit: Audit, groups: Sequence[Hashable], label_sets: Sequence[str] | None = None) -> Dialects:
    """Compare the sources of an audit; `groups` (F,) says who its faces are, `label_sets` (F,) whose their labels."""
    values = contour_offsets(audit)
    person = _numbered(groups)
    rows: list[Dialect] = []
    left_out: list[tuple[Kind, str]] = []
    others: list[NDArray[np.bool_]] = []
    for place, ((kind, name), members) in enumerate(_sources(audit, label_sets)):
        inside = np.zeros(len(audit), np.bool_)
        inside[members] = True
        if any(np.array_equal(inside, other) for other in others):
            continue  # of two sources that share all faces, one says it all
        people = len(np.unique(person[inside]))
        if place >= MOST_SOURCES or min(people, len(np.unique(person[~inside]))) < LEAST_PEOPLE:
            left_out.append((kind, name))
            continue
        others.append(~inside)
        for (region, motion), offsets in values.items():
            offset, interval, p = _welch(_unit_means(offsets, person, inside), _unit_means(offsets, person, ~inside))
            rows.append(Dialect(kind, name, len(members), people, region, motion, offset, interval, p))
    rows = [row for row in rows if math.isfinite(row.p)]
    changed = zip(rows, adjusted([row.p for row in rows]).tolist(), strict=True)
    rows = [replace(row, p=p) for row, p in changed]
    return Dialects(sorted(rows, key=lambda row: (row.p, -abs(row.offset))), left_out)


def contour_offsets(audit: Audit) -> dict[tuple[str, Motion], FloatArray]:
    """(F,) offset of each face's label along each contour of three points or more, %; NaN where not known."""
    tangential = _tangential(audit)
    result: dict[tuple[str, Motion], FloatArray] = {}
    for region in audit.scheme.regions:
        if len(region.indices) < 3:
            continue
        part = tangential[:, list(region.indices)]
        known = np.isfinite(part)
        filled, count = np.where(known, part, 0.0), known.sum(axis=1)
        enough = count >= max(3, len(region.indices) // 2)
        result[region.name, "slide"] = _divided(filled.sum(axis=1), count, enough)
        if not region.closed:
            weight = np.linspace(-1.0, 1.0, len(region.indices))
            result[region.name, "stretch"] = _divided(filled @ weight, known @ weight**2, enough)
    return result


@dataclass(frozen=True, eq=False, slots=True)
class DialectProfile:
    """Where along a contour a source differs: for each of its K points, % of the distance that NMEs are divided by.

    Attributes:
        points: (K,) indices of the contour's points, in its order.
        offset: (K,) mean difference to all other faces along the tangent, in that order; NaN where not known.
        low, high: (K,) of its 95 % interval, of each point for itself.
    """

    points: tuple[int, ...]
    offset: FloatArray
    low: FloatArray
    high: FloatArray


def dialect_profile(
    audit: Audit, groups: Sequence[Hashable], row: Dialect, label_sets: Sequence[str] | None = None
) -> DialectProfile:
    """What a row of `dialects` is made of, point by point; the arguments are those it was made from."""
    members = dict(_sources(audit, label_sets))[row.kind, row.source]
    inside = np.zeros(len(audit), np.bool_)
    inside[members] = True
    person, values = _numbered(groups), _tangential(audit)
    points = next(region.indices for region in audit.scheme.regions if region.name == row.region)
    found = [
        _welch(_unit_means(values[:, i], person, inside), _unit_means(values[:, i], person, ~inside)) for i in points
    ]
    offset, low, high = (
        np.array(column) for column in zip(*((mean, *interval) for mean, interval, _ in found), strict=True)
    )
    return DialectProfile(tuple(points), offset, low, high)


def _numbered(groups: Sequence[Hashable]) -> NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in groups])


def _tangential(audit: Audit) -> FloatArray:
    """(F, N) offsets along the contours, %, of labels that are not called wrong."""
    norm = norm_distances(audit.evidence.expected, audit.scheme)[:, None] / 100
    values: FloatArray = np.where(audit.wrong(), np.nan, audit.evidence.tangential / norm)
    return values


def _divided(one: FloatArray, other: NDArray[np.generic], where: NDArray[np.bool_]) -> FloatArray:
    return np.divide(one, other, out=np.full(len(one), np.nan), where=where)


def _sources(audit: Audit, label_sets: Sequence[str] | None) -> list[tuple[tuple[Kind, str], list[int]]]:
    """Sources with their faces, the largest first; one that all faces are of has nothing to be compared with."""
    members: dict[tuple[Kind, str], list[int]] = {}
    for number, face in enumerate(audit.faces):
        members.setdefault(("folder", source_of(face.image)), []).append(number)
        for tag in dict.fromkeys(face.tags):
            members.setdefault(("tag", tag), []).append(number)
        if label_sets is not None:
            members.setdefault(("label set", label_sets[number]), []).append(number)
    parts = [(key, faces) for key, faces in members.items() if len(faces) < len(audit)]
    return sorted(parts, key=lambda part: -len(part[1]))


def _unit_means(values: FloatArray, person: NDArray[np.intp], inside: NDArray[np.bool_]) -> FloatArray:
    """The mean of each person's faces among those `inside`, of the people that have a value."""
    chosen = inside & np.isfinite(values)
    count = np.bincount(person[chosen], minlength=int(person.max()) + 1)
    total = np.bincount(person[chosen], weights=values[chosen], minlength=len(count))
    means: FloatArray = total[count > 0] / count[count > 0]
    return means


def _welch(one: FloatArray, other: FloatArray) -> tuple[float, Interval, float]:
    """Difference of two means, its 95 % interval, and the two-sided p of Welch's test; NaN with fewer than two each."""
    if min(len(one), len(other)) < 2:
        return math.nan, Interval(math.nan, math.nan), math.nan
    errors = [float(values.var(ddof=1)) / len(values) for values in (one, other)]
    difference, error = float(one.mean() - other.mean()), math.sqrt(sum(errors))
    if error == 0:
        return difference, Interval(difference, difference), math.nan
    freedom = sum(errors) ** 2 / sum(e**2 / (len(v) - 1) for e, v in zip(errors, (one, other), strict=True))
    half = float(stdtrit(freedom, 0.975)) * error
    p = 2 * float(stdtr(freedom, -abs(difference) / error))
    return difference, Interval(difference - half, difference + half), p
