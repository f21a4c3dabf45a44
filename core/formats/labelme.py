"""LabelMe: a folder of JSON files, one an image, with a shape of type "point" for each landmark.

The label of a point is its name, `group_id` tells the faces of an image apart, a rectangle of the same group is the
face's box, flags "occluded" and "outside" say what they say; a missing point has no shape. Coordinates are 0-based px
of the upright image, as LabelMe shows it. An image's flags are tags of all its faces. What else a face has stands under
the further key "faces", by group: LabelMe keeps keys that it does not know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import FormatError, ImageError, StarmarkError, shown
from core.face import Visibility
from core.files import walk_folders
from core.formats.base import Holds, ImportResult, LabelledFace, ReadOptions, Skipped, WriteOptions, nothing_usable
from core.formats.image_files import PathResolver, check_size
from core.formats.json_file import bounded_extras, entry, read_json
from core.formats.labelme_writer import SHAPE_KEYS, TOP_KEYS, write_labelme
from core.formats.named_faces import FACES, MAX_TAGS, NamedFace, box_around, into_scheme, read_remarks
from core.formats.peek import Peek
from core.formats.point_names import fold_name
from core.formats.values import UnusableError, coordinate, tag_list
from core.images import ImageInfo, natural_key
from core.scheme import Scheme

_JSON = ".json"
_LOOKS = re.compile(r'"shapes"\s*:\s*\[')
_MORE = re.compile(r'"(shape_type|imagePath|imageData|lineColor|line_color)"')
_MAX_SHAPES = 1_000_000


class FormatLabelme:
    """LabelMe folders, read with their subfolders, or one .json file; written as a folder."""

    name = "labelme"
    title = "LabelMe: a folder of .json files with points, one beside each image"
    kind: Literal["file", "folder"] = "folder"
    suffix = ""
    holds = Holds(missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, extras=True)

    def matches(self, source: Peek) -> bool:
        """Whether it is such a file, or the first .json file in the folder or not far below it is one."""
        file = source if source.is_file else source.first(_JSON)
        if file is None or file.suffix != _JSON or file.text.lstrip()[:1] != "{":
            return False
        return _LOOKS.search(file.text) is not None and _MORE.search(file.text) is not None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the folder. Files and faces that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: no .json file there, or not one face usable.
        """
        top, files = _files(source)
        if not files:
            raise FormatError("there is no .json file here", where=source, remedy="Choose a folder of LabelMe files")
        root = top if options.images_root is None else options.images_root
        resolver = PathResolver((), root, options.files, outside=options.outside)
        skipped: list[Skipped] = []
        passed: Counter[str] = Counter()
        named: list[NamedFace] = []
        for done, path in enumerate(files):
            options.tell(done, len(files))
            reader = _Reader(path, root / path.parent.relative_to(top), resolver, options, skipped, passed)
            try:
                named += reader.faces()
            except StarmarkError as error:
                skipped.append(Skipped(error.where or str(path), error.what))
            except UnusableError as error:
                skipped.append(Skipped(str(path), str(error)))
        options.tell(len(files), len(files))
        if not named:
            if skipped:
                raise nothing_usable(skipped, source)
            raise FormatError("no file has a point", where=source, remedy="Choose a folder of LabelMe files")
        faces, scheme, notes = into_scheme(named, options.scheme, source, skipped)
        if not faces:
            raise nothing_usable(skipped, source)
        base = options.index_base or 0
        notes = [f"Coordinates are taken as {base}-based.", *notes]
        notes += [f"{count} {what}" for what, count in passed.items()]
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a .json file for each image, in the folders that the images have below `options.images_root`."""
        return write_labelme(faces, scheme, place, options)


def _files(source: Path) -> tuple[Path, list[Path]]:
    if source.is_file():
        return source.parent, [source]
    found = [folder / name for folder, names in walk_folders(source, FormatError) for name in names]
    return source, sorted((path for path in found if path.suffix.lower() == _JSON), key=natural_key)


_ELSEWHERE = "images were found beside their .json file, not where it says."
_OTHER_SHAPES = "shapes other than points and their boxes were passed over."
_EMPTY = "files have no point and were passed over."


@dataclass(slots=True)
class _Reader:
    """Reads one file.

    Attributes:
        folder: what its image's path is relative to.
        passed: what was passed over, by the sentence that says so.
    """

    path: Path
    folder: Path
    resolver: PathResolver
    options: ReadOptions
    skipped: list[Skipped]
    passed: Counter[str]

    def faces(self) -> list[NamedFace]:
        """The faces that are usable; UnusableError or StarmarkError where none can be."""
        data = read_json(self.path)
        if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
            raise UnusableError("is no LabelMe file, it has no list 'shapes'")
        if len(data["shapes"]) > _MAX_SHAPES:
            raise UnusableError("has too many shapes")
        groups, boxes = self._sorted_out(data["shapes"])
        if not groups:
            self.passed[_EMPTY] += 1
            return []
        image, info = self._image(data)
        check_size(info, data.get("imageWidth"), data.get("imageHeight"))
        flags = data.get("flags")
        flags = [name for name, value in flags.items() if value is True] if isinstance(flags, dict) else []
        common = tag_list(flags)[:MAX_TAGS]
        other = bounded_extras({name: value for name, value in data.items() if name not in TOP_KEYS})  # once a file
        found = []
        for group, shapes in groups.items():
            face = NamedFace(image, info, str(self.path) if len(groups) == 1 else f"{self.path}, group_id {group}")
            try:
                self._fill(face, shapes, boxes.pop(group, []))
                self._remark(face, data.get(FACES), group, other)
                face.tags = tag_list([*common, *face.tags])
            except UnusableError as error:
                self.skipped.append(Skipped(face.where, str(error)))
                continue
            found.append(face)
        self.passed[_OTHER_SHAPES] += sum(map(len, boxes.values()))
        self.passed += Counter()  # without zeros
        return found

    def _sorted_out(self, shapes: list[Any]) -> tuple[dict[Any, list[Any]], dict[Any, list[Any]]]:
        """Points and rectangles by group, each with its place in the file; the group None is one, too."""
        points: dict[Any, list[Any]] = {}
        boxes: dict[Any, list[Any]] = {}
        for index, shape in enumerate(shapes):
            where = f"shapes[{index}]"
            if not isinstance(shape, dict):
                raise UnusableError(f"{where} must be an object")
            kind, group = shape.get("shape_type", "polygon"), shape.get("group_id")
            if group is not None and (not isinstance(group, int) or isinstance(group, bool)):
                raise UnusableError(f"{where}.group_id is {shown(group, 40)}, not a whole number")
            if kind in ("point", "rectangle"):
                (points if kind == "point" else boxes).setdefault(group, []).append((where, shape))
            else:
                self.passed[_OTHER_SHAPES] += 1
        return points, boxes

    def _image(self, data: Mapping[str, Any]) -> tuple[Path, ImageInfo | None]:
        """The image as the file says; else of the file's own name, beside it."""
        text = entry(data, "imagePath", str, "the file")
        name = text.replace("\\", "/").rpartition("/")[2]
        candidates: list[Path] = []
        problem = ""
        try:
            candidates.append(self.resolver.resolve(text, self.folder))
        except UnusableError as error:
            problem = str(error)
        if name != text and Path(name).stem == self.path.stem:
            candidates.append(self.resolver.resolve(name, self.folder))
        there = [path for path in candidates if self.options.files.exists(path)]
        if not there and isinstance(data.get("imageData"), str):
            raise UnusableError(f"its image {shown(name, 100)} is not there; the copy inside the file is not read")
        if not there and problem:
            raise UnusableError(problem)
        image = (there or candidates)[0]
        try:
            info = self.options.files.info(image)
        except ImageError as error:
            raise UnusableError(f"{error.where}: {error.what}") from error
        self.passed[_ELSEWHERE] += image != candidates[0] or bool(problem)
        return image, info

    def _fill(self, face: NamedFace, shapes: list[Any], boxes: list[Any]) -> None:
        """Points and box, and what else the shapes say."""
        for where, shape in shapes:
            name = entry(shape, "label", str, where)
            folded = fold_name(name)
            if folded in face.points:
                what = "give the points of each face a group_id of their own"
                raise UnusableError(f"the point {shown(name, 40)} occurs twice; {what}")
            ((x, y),) = self._corners(shape, where, 1)
            flags = shape.get("flags") if isinstance(shape.get("flags"), dict) else {}
            face.points[folded] = (x, y, _visibility(flags))
            face.names[folded] = name
            other = _other(shape, flags)
            if other:
                face.others[folded] = other
        if len(boxes) == 1:
            where, shape = boxes.pop()
            face.box = box_around(self._corners(shape, where, 2, 4))

    def _corners(self, shape: Mapping[str, Any], where: str, *counts: int) -> list[tuple[float, float]]:
        corners = entry(shape, "points", list, where)
        if len(corners) not in counts or not all(isinstance(one, list) and len(one) == 2 for one in corners):
            raise UnusableError(f"{where}.points is not {' or '.join(map(str, counts))} pairs of numbers")
        base = self.options.index_base or 0
        found = []
        for number, (x, y) in enumerate(corners):
            at = f"{where}.points[{number}]"
            found.append((coordinate(x, at) - base, coordinate(y, at) - base))
        return found

    @staticmethod
    def _remark(face: NamedFace, kept: Any, group: int | None, other: dict[str, Any]) -> None:
        face.tags, face.crop, extras = read_remarks(kept.get(str(group)) if isinstance(kept, dict) else None)
        face.extras = {**extras, **({"other": other} if other else {})}


def _visibility(flags: Mapping[str, Any]) -> Visibility:
    if flags.get("outside") is True:
        return Visibility.OUTSIDE
    return Visibility.OCCLUDED if flags.get("occluded") is True else Visibility.VISIBLE


def _other(shape: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """What a shape says beyond point, name, group and visibility."""
    other = {name: value for name, value in shape.items() if name not in SHAPE_KEYS and value not in (None, "", {})}
    if isinstance(shape.get("description"), str) and shape["description"]:
        other["description"] = shape["description"]
    left = {name: value for name, value in flags.items() if name not in ("occluded", "outside")}
    return other | ({"flags": left} if left else {})
