"""Faces of which a file names every point: found in any order, some points not there; put into a scheme's order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.face import Box, Label, Visibility
from core.formats.base import LabelledFace, Skipped
from core.formats.json_file import bounded_extras
from core.formats.point_names import NamedPoints
from core.formats.values import UnusableError, coordinate, tag_list
from core.images import ImageInfo
from core.scheme import Scheme


@dataclass(slots=True)
class NamedFace:
    """A face on its way in.

    Attributes:
        points: by folded name (`core.formats.point_names.fold_name`): x, y in image px, and a `Visibility`.
        names: the names as the file has them, by folded name, in the same order.
        others: what else the file says of a point, by folded name.
    """

    image: Path
    info: ImageInfo | None
    where: str
    points: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    box: Box | None = None
    crop: tuple[float, float, float] | None = None
    tags: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


def into_scheme(
    faces: Sequence[NamedFace], scheme: Scheme | None, source: Path, skipped: list[Skipped]
) -> tuple[list[LabelledFace], Scheme, list[str]]:
    """The faces with their points in the order of `scheme`, else of the one that has their names; and notes.

    Points that a face does not have are missing. A face with a name that is not the scheme's goes to `skipped`.

    Raises:
        FormatError: no scheme has these names.
    """
    named = NamedPoints((list(face.names.values()) for face in faces), scheme, source)
    scheme = named.scheme
    found = []
    partial = 0
    for face in faces:
        try:
            order = dict(zip(face.points, named.order(list(face.names.values())), strict=True))
        except UnusableError as error:
            skipped.append(Skipped(face.where, str(error)))
            continue
        points = np.full((len(scheme), 2), np.nan)
        visibility = np.full(len(scheme), Visibility.MISSING, np.uint8)
        for name, (x, y, state) in face.points.items():
            points[order[name]] = x, y
            visibility[order[name]] = state
        partial += len(face.points) < len(scheme)
        label = Label(scheme.id, points, visibility)
        others = {scheme.points[order[name]]: other for name, other in face.others.items()}
        extras = bounded_extras({**face.extras, **({POINTS: others} if others else {})})
        found.append(LabelledFace(face.image, label, face.box, face.crop, face.tags, face.where, face.info, extras))
    notes = ["Points are told apart by their names.", *named.notes()]
    if partial:
        notes.append(f"{partial} faces do not have all {len(scheme)} points; the others are missing.")
    return found, scheme, notes


def box_around(corners: Iterable[tuple[float, float]]) -> Box:
    """The box that has these corners; UnusableError where it has no area."""
    points = np.array(list(corners), dtype=np.float64)
    try:
        return Box.around(points)
    except ValueError as error:
        raise UnusableError("the box has no area") from error


POINTS = "points"
"""Key, among a face's extras, of what a file says of single points, by their names in the scheme."""

MAX_TAGS = 1000
"""Tags of an image that all its faces get, at most."""

FACES = "faces"
"""Key, in files that have room for anything, under which a face's tags, crop and extras are kept, by the face's id."""


def remarks(face: LabelledFace, *, extras: Mapping[str, Any], tags: Iterable[str]) -> dict[str, Any]:
    """What is kept of a face beside its points and box."""
    found: dict[str, Any] = {}
    if list(tags):
        found["tags"] = list(tags)
    if face.crop is not None:
        found["crop"] = list(face.crop)
    if extras:
        found["extras"] = dict(extras)
    return found


def read_remarks(given: Any) -> tuple[tuple[str, ...], tuple[float, float, float] | None, dict[str, Any]]:
    """(tags, crop, extras) out of `remarks`; whatever is not as it should be counts as nothing."""
    if not isinstance(given, dict):
        return (), None, {}
    tags = given.get("tags")
    extras = given.get("extras")
    crop = None
    try:
        scale, x, y = (coordinate(value, "crop") for value in given.get("crop", ()))
        crop = (scale, x, y) if scale > 0 else None
    except (TypeError, ValueError):  # none, or another number of numbers
        pass
    return tag_list(tags if isinstance(tags, list) else ()), crop, extras if isinstance(extras, dict) else {}
