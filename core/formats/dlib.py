"""dlib's XML, as imglab writes it: boxes of an image, each with named parts.

Coordinates are 0-based whole px, for dlib reads no others. dlib's trainer sorts the parts by name as text: numbers are
written with zeros before them, so that this is the order of the points. A point that is missing has no part. Of the
tags, those in TAGS are attributes of the box; of the extras, those that imglab knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal
from xml.etree.ElementTree import Element

import numpy as np

from core.face import Box, FloatArray
from core.files import read_head
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions
from core.formats.gathering import Entry, gather, kept_extras, skip
from core.formats.peek import Peek
from core.formats.values import MAX_POINTS, UnusableError, number, quick_numbers
from core.formats.xml_file import content, elements, quoted_path
from core.scheme import Scheme

TAGS = ("difficult", "occluded", "truncated")
_NUMBERS = ("age", "angle", "detection_score", "pose")
_GENDERS = ("female", "male")
_NOT_PRESENT = "2147483647"  # what dlib's own code calls a part that is not there
_LATIN = re.compile(r"<\?xml[^>]*encoding=['\"]ISO-8859-1['\"]", re.IGNORECASE)
_ROOT = re.compile(r"<dataset[\s>]")


class FormatDlib:
    """Reads and writes one XML file."""

    name = "dlib"
    title = "dlib: an XML file of imglab, boxes with parts"
    kind: Literal["file", "folder"] = "file"
    suffix = ".xml"
    holds = Holds(precision=0.5, missing=True, box=True)

    def matches(self, source: Peek) -> bool:
        """Whether it is an XML file whose root is <dataset>, with images."""
        text = source.text if source.suffix == ".xml" else ""
        return _ROOT.search(text) is not None and "<image" in text

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file. Boxes that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a file, or not one box in it usable.
        """
        base = options.index_base or 0
        skipped: list[Skipped] = []
        entries = list(_entries(source, skipped))
        faces, scheme, notes = gather(entries, skipped, source, options, (source.parent,), base)
        notes = [f"Coordinates are taken as {base}-based.", *notes]
        if all((entry.points[np.isfinite(entry.points)] % 1 == 0).all() for entry in entries):
            notes.append("All coordinates are whole numbers: expect half a pixel of rounding.")
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write an image element for each image, a box for each face; without box, around the landmarks."""
        base = options.index_base or 0
        digits = max(2, len(str(len(scheme) - 1)))
        names = [str(index).zfill(digits) for index in range(len(scheme))]
        with place.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write("<?xml version='1.0' encoding='UTF-8'?>\n<dataset>\n")
            stream.write(f"<name>{content(scheme.title)}</name>\n<comment>Made by Starmark</comment>\n<images>\n")
            done = 0
            for image, group in groupby(faces, key=lambda face: face.image):
                own = list(group)
                info = own[0].info
                size = f" width='{info.width}' height='{info.height}'" if info is not None else ""
                stream.write(f"<image file={quoted_path(options.path_of(image))}{size}>\n")
                for face in own:
                    stream.write(f"<box {_box_text(face, base)}>\n{_label_text(face)}")
                    for name, (x, y) in zip(names, (face.label.points + base).tolist(), strict=True):
                        if x == x:  # no NaN
                            stream.write(f"<part name='{name}' x='{round(x)}' y='{round(y)}'/>\n")
                    stream.write("</box>\n")
                stream.write("</image>\n")
                done += len(own)
                options.tell(done, len(faces))
            stream.write("</images>\n</dataset>\n")
        return _notes(faces)


def _notes(faces: Sequence[LabelledFace]) -> list[str]:
    notes = ["Coordinates are rounded to whole px: dlib reads no others."]
    boxless = sum(face.box is None for face in faces)
    if boxless:
        notes.append(f"{boxless} faces have no box; the extent of their landmarks was written.")
    if any(set(face.tags) & set(TAGS) for face in faces):
        notes.append(f"Of the tags, {', '.join(TAGS)} were written.")
    if any(face.label.visibility.max(initial=0) > 2 for face in faces):
        notes.append("Missing points have no part; dlib's trainer counts them as not present.")
    return notes


def _box_text(face: LabelledFace, base: int) -> str:
    if face.box is not None:
        low = np.array((face.box.x, face.box.y))
        high = low + np.array((face.box.w, face.box.h))
    else:
        low, high = np.nanmin(face.label.points, axis=0), np.nanmax(face.label.points, axis=0)
    left, top, right, bottom = (round(value) for value in (*(low + base).tolist(), *(high + base).tolist()))
    sides = f"top='{top}' left='{left}' width='{max(1, right - left)}' height='{max(1, bottom - top)}'"
    marks = "".join(f" {tag}='1'" for tag in TAGS if tag in face.tags)
    return sides + marks + "".join(f" {name}='{value}'" for name, value in _box_extras(face))


def _box_extras(face: LabelledFace) -> Iterator[tuple[str, str]]:
    if face.extras.get("gender") in _GENDERS:
        yield "gender", face.extras["gender"]
    for name in _NUMBERS:
        value = face.extras.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value and abs(value) < 1e9:
            yield name, f"{value!r}"


def _label_text(face: LabelledFace) -> str:
    label = face.extras.get("label")
    return f"<label>{content(label)}</label>\n" if isinstance(label, str) and label.strip() else ""


def _entries(source: Path, skipped: list[Skipped]) -> Iterator[Entry]:
    latin = _LATIN.match(read_head(source, 200).decode("ascii", "replace")) is not None
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for place, image in enumerate(elements(source, "image"), 1):
        path = image.get("file", "")
        if not path.strip():
            skip(skipped, f"{source}, image {place}", "the image has no file", source)
            continue
        if latin:
            path = _as_meant(path)
        for index, box in enumerate(image.iter("box"), 1):
            where = f"{source}, image {path[:200]}, box {index}"
            try:
                if box.get("ignore", "0") not in ("0", "false"):
                    raise UnusableError("the box is marked as one to ignore")
                names, points = _parts(box)
                names = known.setdefault(names, names)
                tags = tuple(tag for tag in TAGS if box.get(tag, "0") not in ("0", "false"))
                yield Entry(where, path, names, points, None, _box(box), None, tags, kept_extras(_extras(box)))
            except UnusableError as error:
                skip(skipped, where, str(error), source)


def _as_meant(path: str) -> str:
    """imglab says Latin-1 whatever the bytes of a file name are; on most systems they are UTF-8."""
    try:
        return path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return path


def _parts(box: Element) -> tuple[tuple[str, ...], FloatArray]:
    parts = list(box.iter("part"))
    if not parts:
        raise UnusableError("the box has no parts")
    if len(parts) > MAX_POINTS:
        raise UnusableError(f"has more than {MAX_POINTS} parts")
    names = tuple(part.get("name", "") for part in parts)
    if not all(names):
        raise UnusableError("a part has no name")
    texts = [part.get(axis, "") for part in parts for axis in ("x", "y")]
    values = quick_numbers(texts)
    if values is None:
        places = [_place(name, x, y) for name, x, y in zip(names, texts[::2], texts[1::2], strict=True)]
        values = np.array(places, dtype=np.float64)
    return names, values.reshape(-1, 2)


def _place(name: str, x: str, y: str) -> tuple[float, float]:
    if x == y == _NOT_PRESENT:
        return np.nan, np.nan
    return number(x, f"part {name[:40]} x"), number(y, f"part {name[:40]} y")


def _box(box: Element) -> Box | None:
    x, y, w, h = (number(box.get(key, ""), key) for key in ("left", "top", "width", "height"))
    return Box(x, y, w, h) if w > 0 and h > 0 else None


def _extras(box: Element) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    label = box.findtext("label", "").strip()
    if label:
        extras["label"] = label
    if box.get("gender") in _GENDERS:
        extras["gender"] = box.get("gender")
    for name in _NUMBERS:
        text = box.get(name)
        if text is not None:
            value = number(text, name)
            extras[name] = int(value) if value.is_integer() else value
    return extras
