"""What every import, export and conversion ends in: what went in, what did not, and what a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.face import Visibility
from core.formats.base import Holds, ImportResult, LabelledFace, Skipped
from core.formats.suspects import duplicates, outside_points, swapped_sides
from core.scheme import Scheme

_SHOWN = 20
"""Entries of each kind that the text names; the JSON has them all."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an import or export.

    Attributes:
        action: "import", "export" or "convert".
        format, scheme: names.
        faces, images: how many went through.
        skipped: entries left out, with the reason.
        index_base: what the files call the first pixel's centre, None where the format has no say in it.
        drift: px, the largest move of a coordinate when what was written is read back; None where nothing was written.
        precision: px, the largest move that the format's own rounding allows.
        outside_points, missing_points, occluded_points: how many of all points.
        swapped: faces whose left and right points seem swapped.
        duplicates: faces that occur twice, as "this, as that".
        lost: what the format has no room for, such as "tags of 12 faces".
        notes: what was assumed.
    """

    action: str
    format: str
    scheme: str
    faces: int
    images: int
    skipped: tuple[Skipped, ...]
    index_base: int | None
    drift: float | None
    precision: float | None
    outside_points: int
    missing_points: int
    occluded_points: int
    swapped: tuple[str, ...]
    duplicates: tuple[str, ...]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """The report for people, a line a finding; entries beyond the first few of a kind are counted."""
        verb = {"import": "read", "export": "written", "convert": "converted"}.get(self.action, self.action)
        lines = [f"{_n(self.faces, 'face')} of {_n(self.images, 'image')} {verb} ({self.format}, {self.scheme})."]
        if self.index_base is not None:
            lines.append(f"The first pixel's centre is {self.index_base} in the files.")
        if self.drift is not None:
            limit = f" (the format allows {self.precision:.2g})" if self.precision else ""
            lines.append(f"Largest move of a coordinate when read back: {self.drift:.2g} px{limit}.")
        lines += [f"Not kept, for the format has no room: {what}." for what in self.lost]
        counts = (
            (self.missing_points, "is missing", "are missing"),
            (self.occluded_points, "is occluded", "are occluded"),
            (self.outside_points, "lies outside its image", "lie outside their image"),
        )
        lines += [f"{_n(count, 'point')} {one if count == 1 else many}." for count, one, many in counts if count]
        lines += list(self.notes)
        lines += _listed("Left and right seem swapped", self.swapped)
        lines += _listed("The same points twice", self.duplicates)
        lines += _listed("Left out", [f"{entry.where}: {entry.reason}" for entry in self.skipped])
        return lines

    def to_json(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "version": 1,
            **{name: getattr(self, name) for name in self.__slots__ if name not in ("skipped", "swapped")},
            "skipped": [{"where": entry.where, "reason": entry.reason} for entry in self.skipped],
            "swapped": list(self.swapped),
        }


def _listed(title: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    more = [f"  and {len(entries) - _SHOWN:,} more"] if len(entries) > _SHOWN else []
    return [f"{title}: {len(entries):,}", *(f"  {entry}" for entry in entries[:_SHOWN]), *more]


def _n(count: int, one: str) -> str:
    return f"{count:,} {one if count == 1 else one + 's'}"


def import_report(result: ImportResult, scheme: Scheme, drift: float | None = None) -> Report:
    """The report on a data set as read; `drift`: px, of reading back what the project keeps."""
    return _report("import", result.format, result.faces, scheme, result.skipped, result.index_base, drift, None,
                   result.notes)  # fmt: skip


def export_report(
    format: str,
    faces: Sequence[LabelledFace],
    scheme: Scheme,
    skipped: Sequence[Skipped],
    holds: Holds,
    index_base: int | None,
    drift: float,
    notes: Sequence[str],
) -> Report:
    """The report on a data set as written and read back."""
    missing = lost(faces, holds)
    return _report("export", format, faces, scheme, skipped, index_base, drift, holds.precision, notes, missing)


def _report(
    action: str,
    format: str,
    faces: Sequence[LabelledFace],
    scheme: Scheme,
    skipped: Sequence[Skipped],
    index_base: int | None,
    drift: float | None,
    precision: float | None,
    notes: Sequence[str],
    lost: Sequence[str] = (),
) -> Report:
    upright = sum(face.info is not None and face.info.orientation != 1 for face in faces)
    turned = f"{_n(upright, 'face')} lie in images that are stored turned; coordinates are of the upright image."
    return Report(
        action,
        format,
        scheme.id,
        len(faces),
        len({face.image for face in faces}),
        tuple(skipped),
        index_base,
        drift,
        precision,
        sum(outside_points(face) for face in faces),
        _states(faces, Visibility.MISSING),
        _states(faces, Visibility.OCCLUDED),
        tuple(faces[index].source for index in swapped_sides(faces, scheme)),
        tuple(f"{faces[again].source}, as {faces[first].source}" for first, again in duplicates(faces)),
        tuple(lost),
        (*notes, *([turned] if upright else [])),
    )


def _states(faces: Sequence[LabelledFace], state: Visibility) -> int:
    return int(sum(np.count_nonzero(face.label.visibility == state) for face in faces))


def lost(faces: Sequence[LabelledFace], holds: Holds) -> list[str]:
    kinds = (
        (holds.box, "boxes", lambda face: face.box is not None),
        (holds.crop, "crops (scale and centre)", lambda face: face.crop is not None),
        (holds.tags, "tags", lambda face: bool(face.tags)),
        (holds.extras, "further fields", lambda face: bool(face.extras)),
        (holds.occluded, "marks of occluded points", lambda face: bool((face.label.visibility == 1).any())),
        (holds.outside, "marks of points outside the image", lambda face: bool((face.label.visibility == 2).any())),
        (False, "flags and weights of points", lambda face: face.label.flags.any() or (face.label.weights != 1).any()),
    )  # fmt: skip
    counts = [(name, sum(has(face) for face in faces)) for kept, name, has in kinds if not kept]
    return [f"{name} of {_n(count, 'face')}" for name, count in counts if count]
