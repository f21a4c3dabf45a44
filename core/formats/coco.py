"""COCO keypoints: one JSON file of images, annotations and categories.

Coordinates are 0-based. v is 0 for a missing point (written as 0, 0, 0), 1 for one that is there and not seen, 2 for a
visible one. COCO has no word for a point outside the image: it is written with v = 1, as one that is not seen, and
named in the further field `outside` of its annotation, a list of indices that other tools pass over. `crop` is such a
field, too. COCO wants a `bbox` in any case: a face without a box gets the one around its points, and a `bbox` that is
just that is read as none.

Also read: the faces of COCO-WholeBody (`face_kpts`, 68 points by position, with `face_box` and `face_valid`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import FormatError, ImageError, shown
from core.face import Box, ByteArray, FloatArray, Label, Visibility
from core.formats.base import (
    Holds,
    ImportResult,
    LabelledFace,
    ReadOptions,
    Skipped,
    WriteOptions,
    choose_scheme,
    nothing_usable,
)
from core.formats.coco_writer import RESERVED, around_points, write_coco
from core.formats.image_files import PathResolver, check_size
from core.formats.json_file import bounded_extras, entry, read_json
from core.formats.peek import Peek
from core.formats.point_names import fold_name, scheme_of_names
from core.formats.values import MAX_COORDINATE, MAX_POINTS, UnusableError, coordinate, tag_list, whole
from core.scheme import Scheme

_STATES: dict[float, Visibility] = {0: Visibility.MISSING, 1: Visibility.OCCLUDED, 2: Visibility.VISIBLE}
_WHOLE_BODY_POINTS = 68
_BOX_IS_POINTS = 1e-6
"""px that a `bbox` may differ from the one around the points and still be taken for it."""

_LONGEST_NAME = 200
_LOOKS = re.compile(
    r'"images"\s*:\s*\[\s*\{[^\[\]{}]*"file_name"|"annotations"\s*:\s*\[\s*\{[^{}]*"(image_id|keypoints)"'
    r'|"categories"\s*:\s*\[\s*\{[^{}]*"(keypoints|supercategory)"'
)


@dataclass(slots=True)
class _Category:
    """What the points of a category mean: `order[i]` is the scheme's index of its i-th point; None: by position."""

    name: str
    names: list[str] | None
    scheme: Scheme | None = None
    order: list[int] | None = None
    problem: str = ""


_WHOLE_BODY = _Category("", None)


@dataclass(slots=True)
class _Entry:
    where: str
    data: Mapping[str, Any]
    keypoints: list[Any]
    category: _Category
    whole_body: bool


@dataclass(slots=True)
class _Counts:
    """What is passed over, for the notes."""

    crowds: int = 0
    without_points: int = 0
    invalid_faces: int = 0
    whole_body: int = 0
    ids: Counter[object] = field(default_factory=Counter)


class FormatCoco:
    """COCO keypoints, one JSON file."""

    name = "coco"
    title = "COCO: a .json file of images, annotations and categories with keypoints"
    kind: Literal["file", "folder"] = "file"
    suffix = ".json"
    holds = Holds(missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, extras=True)

    def matches(self, source: Peek) -> bool:
        """Whether it is a JSON object with COCO's lists."""
        return source.suffix == ".json" and source.text.lstrip()[:1] == "{" and _LOOKS.search(source.text) is not None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the file. Annotations that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: not such a file, or not one annotation of it usable.
        """
        data = read_json(source)
        if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
            what = "this has no lists 'images' and 'annotations'"
            raise FormatError(what, where=source, remedy="Choose a COCO keypoints file")
        skipped: list[Skipped] = []
        counts = _Counts()
        images = _by_id(data["images"])
        entries = _entries(data, source, skipped, counts, options.scheme)
        if not entries:
            if skipped:
                raise nothing_usable(skipped, source)
            raise FormatError("no annotation has keypoints", where=source, remedy="Choose a COCO keypoints file")
        scheme = _scheme(entries, options.scheme, source)
        root = source.parent if options.images_root is None else options.images_root
        names = (image["file_name"] for image in images.values() if image and isinstance(image.get("file_name"), str))
        resolver = PathResolver(names, root, options.files, outside=options.outside)
        about = _About(images, _by_id(data.get("licenses")))
        base = options.index_base or 0
        faces = []
        for done, one in enumerate(entries):
            options.tell(done, len(entries))
            try:
                faces.append(_face(one, scheme, about, resolver, options, base))
            except UnusableError as error:
                skipped.append(Skipped(one.where, str(error)))
            except ImageError as error:
                skipped.append(Skipped(one.where, f"{error.where}: {error.what}"))
        options.tell(len(entries), len(entries))
        if not faces:
            raise nothing_usable(skipped, source)
        notes = _notes(entries, counts, base, data.get("info")) + resolver.notes()
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write the file."""
        return write_coco(faces, scheme, place, options)


_ById = Mapping[object, Mapping[str, Any] | None]


def _by_id(items: Any) -> dict[object, Mapping[str, Any] | None]:
    """Objects by their "id"; None for an id that occurs twice, since nobody knows which is meant."""
    found: dict[object, Mapping[str, Any] | None] = {}
    for item in items if isinstance(items, list) else ():
        key = _key(item.get("id")) if isinstance(item, dict) else None
        if key is not None:
            found[key] = None if key in found else item
    return found


def _entries(
    data: Mapping[str, Any], source: Path, skipped: list[Skipped], counts: _Counts, scheme: Scheme | None
) -> list[_Entry]:
    """The annotations that are of one face with keypoints."""
    categories = {key: _category(item, scheme) for key, item in _by_id(data.get("categories")).items()}
    known = categories if categories else {None: _Category("", None)}
    found = []
    for index, annotation in enumerate(data["annotations"]):
        where = f"{source}, annotations[{index}]"
        try:
            if not isinstance(annotation, dict):
                raise UnusableError("must be an object")
            one = _entry(annotation, known, where, counts)
        except UnusableError as error:
            skipped.append(Skipped(where, str(error)))
            continue
        if one is not None:
            counts.ids[_key(annotation.get("id"))] += 1
            found.append(one)
    return found


def _category(item: Mapping[str, Any] | None, scheme: Scheme | None) -> _Category:
    if item is None:
        return _Category("", None, problem="several categories have this id")
    name = item["name"][:_LONGEST_NAME] if isinstance(item.get("name"), str) else ""
    names = item.get("keypoints")
    if not isinstance(names, list) or not names:
        return _Category(name, None)
    if len(names) > MAX_POINTS or not all(isinstance(one, str) for one in names):
        return _Category(name, None, problem="the names of the category's keypoints are not a list of texts")
    try:
        fit = scheme_of_names(names, scheme)
    except UnusableError as error:
        return _Category(name, names, problem=f"in the category's keypoints {error}")
    if fit is not None:
        return _Category(name, names, fit[0], fit[1])
    if scheme is None:
        what = f"its keypoints have names of no known scheme, such as {shown(names[0], 40)}"
        return _Category(name, names, problem=f"{what}; choose the scheme whose points they are, in its order")
    own = {fold_name(one) for one in scheme.points}
    strange = next(one for one in names if fold_name(one) not in own)
    if any(fold_name(one) in own for one in names):  # so that the order is not to be trusted
        return _Category(name, names, problem=f"its keypoint {shown(strange, 40)} is none of scheme {scheme.id}")
    return _Category(name, names)


def _entry(
    annotation: Mapping[str, Any], categories: Mapping[Any, _Category], where: str, counts: _Counts
) -> _Entry | None:
    """One annotation; None for one that is not meant as a face."""
    if annotation.get("iscrowd") in (1, True):
        counts.crowds += 1
        return None
    if isinstance(annotation.get("face_kpts"), list):
        if annotation.get("face_valid") is False or not any(annotation["face_kpts"]):
            counts.invalid_faces += 1
            return None
        counts.whole_body += 1
        return _Entry(where, annotation, annotation["face_kpts"], _WHOLE_BODY, True)
    if "keypoints" not in annotation or annotation.get("num_keypoints") == 0:
        counts.without_points += 1
        return None
    keypoints = entry(annotation, "keypoints", list, "the annotation")
    if None in categories:
        return _Entry(where, annotation, keypoints, categories[None], False)
    category = categories.get(_key(annotation.get("category_id")))
    if category is None:
        raise UnusableError(f"there is no category {shown(annotation.get('category_id'), 20)}")
    if category.problem:
        raise UnusableError(category.problem)
    if category.names is not None and len(keypoints) != 3 * len(category.names):
        raise UnusableError(f"has {len(keypoints)} numbers, its category has {len(category.names)} keypoints")
    return _Entry(where, annotation, keypoints, category, False)


def _key(value: Any) -> object:
    """An id as it may be looked up: a whole number, however it is written, or a text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | str) else None


def _scheme(entries: list[_Entry], scheme: Scheme | None, source: Path) -> Scheme:
    """The scheme that the names of most entries are of; where more have no names, the one of their number of points."""
    if scheme is not None:
        return scheme
    named = Counter(one.category.scheme.id for one in entries if one.category.scheme is not None)
    nameless = [len(one.keypoints) // 3 for one in entries if one.category.scheme is None]
    if named.total() >= len(nameless):
        best = named.most_common(1)[0][0]
        return next(known for one in entries if (known := one.category.scheme) is not None and known.id == best)
    return choose_scheme(nameless, None, source)


def _face(
    one: _Entry,
    scheme: Scheme,
    about: _About,
    resolver: PathResolver,
    options: ReadOptions,
    base: int,
) -> LabelledFace:
    data = one.data
    key = _key(data.get("image_id"))
    image = about.images.get(key)
    if image is None:
        raise UnusableError(f"{'two images have' if key in about.images else 'no image has'} the id {shown(key, 20)}")
    points, visibility = _points(one, scheme, base)
    outside = data.get("outside")
    if isinstance(outside, list):
        for index in outside[:MAX_POINTS]:
            visibility[_position(one, whole(index, "outside", 0, len(points) - 1))] = Visibility.OUTSIDE
    visibility[np.isnan(points[:, 0])] = Visibility.MISSING
    if (visibility == Visibility.MISSING).all():
        raise UnusableError("every point has v = 0")
    path = resolver.resolve(entry(image, "file_name", str, "its image"))
    info = options.files.info(path)
    check_size(info, image.get("width"), image.get("height"))
    box = _box(data.get("face_box" if one.whole_body else "bbox"), points, base)
    attributes = data.get("attributes")
    tags = tag_list(name for name, value in attributes.items() if value is True) if isinstance(attributes, dict) else ()
    crop = _crop(data.get("crop"), base)
    extras = bounded_extras(_extras(one) | about.extras(key))
    return LabelledFace(path, Label(scheme.id, points, visibility), box, crop, tags, one.where, info, extras)


def _position(one: _Entry, index: int) -> int:
    return one.category.order[index] if one.category.order else index


def _points(one: _Entry, scheme: Scheme, base: int) -> tuple[FloatArray, ByteArray]:
    """Points (N, 2) and visibility (N,) in the order of `scheme`."""
    count = len(one.keypoints) // 3
    if len(one.keypoints) % 3:
        raise UnusableError(f"has {len(one.keypoints)} numbers, expected three a point")
    order = one.category.order
    if one.category.scheme is not None and one.category.scheme.id != scheme.id:
        raise UnusableError(f"has the points of scheme {one.category.scheme.id}, most have those of {scheme.id}")
    if order is None and count != len(scheme):
        raise UnusableError(f"has {count} points, scheme {scheme.id} has {len(scheme)}")
    if one.whole_body and count != _WHOLE_BODY_POINTS:
        raise UnusableError(f"has {count} face points, expected {_WHOLE_BODY_POINTS}")
    values = _triples(one.keypoints)
    states = _states(values[:, 2], one.whole_body)
    xy = values[:, :2] - base
    xy[states == Visibility.MISSING] = np.nan
    if order is None:
        return xy, states
    points = np.full((len(scheme), 2), np.nan)
    visibility = np.full(len(scheme), Visibility.MISSING, np.uint8)
    points[order], visibility[order] = xy, states
    return points, visibility


def _triples(keypoints: list[Any]) -> FloatArray:
    if all(type(value) in (int, float) for value in keypoints):
        try:
            values = np.array(keypoints, dtype=np.float64)
        except OverflowError:  # a whole number of hundreds of digits
            values = np.array([np.nan])
        if (np.abs(values) <= MAX_COORDINATE).all():
            return values.reshape(-1, 3)
    checked = [coordinate(value, f"keypoints[{index}]") for index, value in enumerate(keypoints)]
    return np.array(checked, dtype=np.float64).reshape(-1, 3)


def _states(v: FloatArray, whole_body: bool) -> ByteArray:
    """The `Visibility` of each point, (N,) uint8."""
    states = np.full(len(v), Visibility.VISIBLE, np.uint8)
    known = np.zeros(len(v), bool)
    for value, state in _STATES.items():
        states[v == value] = state
        known |= v == value
    if whole_body:
        known |= v > 0  # how sure the annotators were
    if not known.all():
        index = int(np.argmin(known))
        raise UnusableError(f"keypoints[{3 * index + 2}] is {v[index]:g}; v must be 0, 1 or 2")
    return states


def _box(value: Any, points: FloatArray, base: int) -> Box | None:
    """The box that a file gives; None where it has none, or just the one around the points."""
    if value is None or (isinstance(value, list) and not any(value)):
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise UnusableError(f"the box is {shown(value, 40)}, not four numbers")
    x, y, w, h = (coordinate(number, f"bbox[{index}]") for index, number in enumerate(value))
    if w <= 0 or h <= 0:
        return None
    box = Box(x - base, y - base, w, h)
    same = np.allclose(around_points(points), box.to_list(), rtol=0, atol=_BOX_IS_POINTS)
    return None if same else box


def _crop(value: Any, base: int) -> tuple[float, float, float] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    scale, x, y = (coordinate(number, f"crop[{index}]") for index, number in enumerate(value))
    return (scale, x - base, y - base) if scale > 0 else None


class _About:
    """What a file says of images, by their ids; None for an id that several have."""

    def __init__(self, images: _ById, licenses: _ById) -> None:
        self.images = images
        self._licenses = licenses
        self._extras: dict[object, dict[str, Any]] = {}

    def extras(self, key: object) -> dict[str, Any]:
        """What is kept of the image with the faces on it, in "image", and of its licence, in "license"."""
        if key not in self._extras:  # bounded once for all faces on it
            image = self.images[key] or {}
            known = ("file_name", "width", "height")
            parts = {
                "image": bounded_extras({name: value for name, value in image.items() if name not in known}),
                "license": bounded_extras(self._licenses.get(_key(image.get("license"))) or {}),
            }
            self._extras[key] = {name: part for name, part in parts.items() if part}
        return self._extras[key]


def _extras(one: _Entry) -> dict[str, Any]:
    """What else an annotation says of a face, under its own names."""
    extras = {name: value for name, value in one.data.items() if name not in RESERVED and value not in ([], {}, None)}
    if one.whole_body:
        for name in ("face_kpts", "face_box", "face_valid"):
            extras.pop(name, None)
    if isinstance(one.data.get("id"), int):
        extras["id"] = one.data["id"]
    if one.category.name and one.category.name != "face":
        extras["category"] = one.category.name
    attributes = one.data.get("attributes")
    if isinstance(attributes, dict):
        others = {name: value for name, value in attributes.items() if value is not True}
        extras |= {"attributes": others} if others else {}
    return extras


def _notes(entries: list[_Entry], counts: _Counts, base: int, info: Any) -> list[str]:
    notes = [f"Coordinates are taken as {base}-based."]
    used = {id(one.category): one.category for one in entries}.values()
    if any(category.scheme is None and category.names is None and category is not _WHOLE_BODY for category in used):
        notes.append("The categories do not name their keypoints; they are taken in the order of the scheme.")
    notes += [
        f"The names of the keypoints of category '{shown(category.name, 40)}' are not the scheme's; "
        "they are taken in the order of the scheme that was chosen."
        for category in used
        if category.scheme is None and category.names is not None
    ]
    if any(category.order and category.order != sorted(category.order) for category in used):
        notes.append("The file has the keypoints in another order; they were put into the scheme's by their names.")
    twice = sum(count > 1 for identity, count in counts.ids.items() if identity is not None)
    lines = (
        (counts.whole_body, "faces are those of COCO-WholeBody (face_kpts), taken as 300W's 68 points in their order."),
        (counts.invalid_faces, "people without a valid face were passed over."),
        (counts.crowds, "crowds were passed over."),
        (counts.without_points, "annotations without keypoints were passed over."),
        (twice, "annotation ids occur more than once."),
    )
    notes += [f"{count} {text}" for count, text in lines if count]
    if isinstance(info, dict) and isinstance(info.get("description"), str) and info["description"].strip():
        notes.append(f"The file says of itself: {shown(info['description'].strip(), 200)}.")
    return notes
