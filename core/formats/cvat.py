"""CVAT for images 1.1: one XML file with a skeleton for each face, its points placed by the names of their sublabels.

Coordinates are 0-based px. A points shape with all points of a face is read as well, by position. In CVAT "outside"
says that a point is not in the picture and its place means nothing: that is a missing point. A point whose place
outside the picture is known has an attribute of its own (OUTSIDE_ATTRIBUTE). Tags are attributes of the skeleton:
"blur" is a checkbox, "pose=left" a value. Crop, and extras that CVAT has no field for, are JSON in one more attribute
(JSON_ATTRIBUTE). CVAT leaves out attributes that its task does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from core.errors import shown
from core.face import Box, FloatArray, Visibility
from core.files import is_file
from core.formats.base import ImportResult, ReadOptions, Skipped
from core.formats.cvat_writer import (
    FACE_LABEL,
    JSON_ATTRIBUTE,
    OUTSIDE_ATTRIBUTE,
    CvatWriter,
)
from core.formats.gathering import Entry, gather, kept_extras, skip
from core.formats.peek import Peek
from core.formats.values import MAX_POINTS, UnusableError, number, quick_numbers, tag_list
from core.formats.xml_file import elements

_ANNOTATIONS = "annotations.xml"
_ROOT = re.compile(r"<annotations[\s>]")
_SHAPES = ("box", "polygon", "polyline", "ellipse", "cuboid", "mask")
_MAX_ATTRIBUTES = 200


class FormatCvat(CvatWriter):
    """Reads annotations.xml of "CVAT for images", or the folder that has it; writes such a file."""

    title = "CVAT for images 1.1: an XML file of skeletons"

    def matches(self, source: Peek) -> bool:
        """Whether it is an XML file whose root is <annotations>, or a folder with annotations.xml."""
        if not source.is_file:
            return is_file(source.path / _ANNOTATIONS)
        return source.suffix == ".xml" and _ROOT.search(source.text) is not None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file. Shapes that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a file, or not one face in it usable.
        """
        if source.is_dir():
            source = source / _ANNOTATIONS
        base = options.index_base or 0
        reader = _Reader(source)
        entries = list(reader.entries())
        roots = (source.parent, source.parent / "images")
        faces, scheme, notes = gather(entries, reader.skipped, source, options, roots, base)
        notes = [f"Coordinates are taken as {base}-based.", *reader.notes(), *notes]
        return ImportResult(faces, reader.skipped, scheme.id, self.name, notes, base)


class _Reader:
    """The entries of one file, and what was left out."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.skipped: list[Skipped] = []
        self._by_position = 0
        self._turned = 0
        self._other: dict[str, int] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def entries(self) -> Iterator[Entry]:
        """Faces in the file's order."""
        for place, element in enumerate(elements(self.source, "image", "track")):
            if element.tag == "track":
                where = f"{self.source}, track {element.get('id', '?')[:40]}"
                skip(self.skipped, where, "tracks of a video are not read; export as 'CVAT for images'", self.source)
                continue
            name = element.get("name")
            if not name:
                skip(self.skipped, f"{self.source}, image {place + 1}", "the image has no name", self.source)
                continue
            yield from self._faces(element, name)

    def _faces(self, image: Element, path: str) -> Iterator[Entry]:
        shapes = [shape for shape in image if shape.tag in ("skeleton", "points")]
        boxes = self._boxes(image)
        for index, shape in enumerate(shapes, 1):
            where = f"{self.source}, image {path[:200]}, {shape.tag} {index}"
            try:
                box, extras = self._box_of(shape, boxes, len(shapes))
                yield self._entry(shape, where, path, box, extras)
            except UnusableError as error:
                skip(self.skipped, where, str(error), self.source)

    def _boxes(self, image: Element) -> dict[int, list[tuple[Box, float]]]:
        """(box, rotation) of the face boxes by group; other shapes are counted."""
        boxes: dict[int, list[tuple[Box, float]]] = {}
        for shape in image:
            if shape.tag != "box":
                if shape.tag in _SHAPES:
                    self._other[shape.tag] = self._other.get(shape.tag, 0) + 1
                continue
            try:
                x, y, right, bottom = (number(shape.get(key, ""), key) for key in ("xtl", "ytl", "xbr", "ybr"))
                rotation = number(shape.get("rotation", "0"), "rotation")
                boxes.setdefault(_group(shape), []).append((Box(x, y, right - x, bottom - y), rotation))
            except ValueError as error:  # UnusableError, or a box without an area
                reason = str(error) if isinstance(error, UnusableError) else "the box has no area"
                skip(self.skipped, f"{self.source}, image {image.get('name', '')[:200]}, box", reason, self.source)
        return boxes

    def _box_of(
        self, shape: Element, boxes: dict[int, list[tuple[Box, float]]], shapes: int
    ) -> tuple[Box | None, dict[str, Any]]:
        """The box of the shape's group; else the image's only one, if the shape is the only one, too."""
        group = _group(shape)
        found = boxes.get(group, []) if group else []
        if not found and shapes == 1:
            found = [box for those in boxes.values() for box in those]
        if len(found) != 1:
            return None, {}
        box, rotation = found[0]
        self._turned += rotation != 0
        return box, {"rotation": rotation} if rotation else {}

    def _entry(self, shape: Element, where: str, path: str, box: Box | None, extras: dict[str, Any]) -> Entry:
        names: tuple[str, ...] | None = None
        if shape.tag == "skeleton":
            names, points, visibility = self._elements(shape)
        else:
            points, states = _pairs(shape.get("points", "")), Visibility.VISIBLE
            if len(points) < 2:
                raise UnusableError("a shape of one point is no face")
            self._by_position += 1
            if _flag(shape, "occluded"):
                states = Visibility.OCCLUDED
            visibility = np.full(len(points), states, np.uint8)
        for key, kind in (("group_id", int), ("z_order", int), ("source", str), ("label", str)):
            value = shape.get(key)
            if value and value not in ("0", FACE_LABEL if key == "label" else "manual"):
                extras[key] = _converted(value, kind)
        tags, crop = self._attributes(shape, extras)
        return Entry(where, path, names, points, visibility, box, crop, tags, kept_extras(extras))

    def _elements(self, skeleton: Element) -> tuple[tuple[str, ...], FloatArray, Any]:
        parts = [element for element in skeleton if element.tag != "attribute"]
        names = tuple(element.get("label", "") for element in parts)
        if not all(names) or any(element.tag != "points" for element in parts):
            raise UnusableError("its elements must be points with a label")
        if len(parts) > MAX_POINTS:
            raise UnusableError(f"has more than {MAX_POINTS} points")
        if not names:
            raise UnusableError("the skeleton has no points")
        states = np.array([_state(element) for element in parts], np.uint8)
        seen = np.flatnonzero(states != Visibility.MISSING)
        points = np.full((len(parts), 2), np.nan)
        points[seen] = _places([names[index] for index in seen], [parts[index].get("points", "") for index in seen])
        return self._names.setdefault(names, names), points, states

    def _attributes(
        self, shape: Element, extras: dict[str, Any]
    ) -> tuple[tuple[str, ...], tuple[float, float, float] | None]:
        """(tags, crop); what is no tag goes to `extras`."""
        tags, crop = [], None
        for attribute in shape.findall("attribute")[:_MAX_ATTRIBUTES]:
            name, value = attribute.get("name", "").strip(), (attribute.text or "").strip()
            if name == JSON_ATTRIBUTE:
                crop = _from_json(value, extras)
            elif value.lower() == "true":
                tags.append(name)
            elif value and value.lower() != "false":
                tag = f"{name}={value}"
                if tag_list([tag]):
                    tags.append(tag)
                else:
                    extras.setdefault("attributes", {})[name] = value
        return tag_list(tags), crop

    def notes(self) -> list[str]:
        """What was assumed, for the user to check."""
        notes = []
        if self._by_position:
            notes.append(f"{self._by_position} faces have unnamed points; their order is taken as the scheme's.")
        if self._turned:
            notes.append(f"{self._turned} boxes are turned; the angle is kept, but not used.")
        if self._other:
            shapes = ", ".join(f"{count} {tag}" for tag, count in sorted(self._other.items()))
            notes.append(f"Other shapes were left out: {shapes}.")
        return notes


def _from_json(text: str, extras: dict[str, Any]) -> tuple[float, float, float] | None:
    """The crop that our own attribute has; its extras are added. A broken one is ignored: people can edit it."""
    try:
        data = json.loads(text)
        more = data.get("extras", {})
        crop = data.get("crop")
        extras.update(more)
        if crop is None:
            return None
        scale, x, y = (number(repr(value), "crop") for value in crop)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return (scale, x, y) if scale > 0 else None


def _state(element: Element) -> int:
    if _flag(element, "outside"):
        return Visibility.MISSING
    for attribute in element.findall("attribute"):
        if attribute.get("name") == OUTSIDE_ATTRIBUTE and (attribute.text or "").strip().lower() == "true":
            return Visibility.OUTSIDE
    return Visibility.OCCLUDED if _flag(element, "occluded") else Visibility.VISIBLE


def _flag(element: Element, key: str) -> bool:
    value = element.get(key, "0")
    if value not in ("0", "1"):
        raise UnusableError(f"{key} is {value[:20]!r}, expected 0 or 1")
    return value == "1"


def _group(shape: Element) -> int:
    text = shape.get("group_id", "0")
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else 0


def _places(names: list[str], texts: list[str]) -> FloatArray:
    """(K, 2) float64 of texts "x,y", one each."""
    if all(text.count(",") == 1 for text in texts):
        values = quick_numbers(",".join(texts).split(",")) if texts else np.zeros(0)
        if values is not None:
            return values.reshape(-1, 2)
    places = [_pairs(text) for text in texts]
    for name, pairs in zip(names, places, strict=True):
        if len(pairs) != 1:
            raise UnusableError(f"the element {shown(name, 40)} has {len(pairs)} points, expected one")
    return np.concatenate(places)


def _pairs(text: str) -> FloatArray:
    """(K, 2) float64 of "x,y;x,y"."""
    parts = text.strip().rstrip(";").split(";")
    if len(parts) > MAX_POINTS:
        raise UnusableError(f"has more than {MAX_POINTS} points")
    pairs = []
    for index, part in enumerate(parts):
        x, comma, y = part.partition(",")
        if not comma:
            raise UnusableError(f"point {index}: {part[:20]!r} is not 'x,y'")
        pairs.append((number(x, f"point {index} x"), number(y, f"point {index} y")))
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _converted(value: str, kind: type) -> Any:
    if kind is int and re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        return int(value)
    return value


