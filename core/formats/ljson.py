"""Menpo's landmark JSON: every image has a .ljson file of the same name beside it. Versions 1 to 3 are read, 3 written.

Points are [y, x], 0-based; null for a missing one. A file has groups of points (version 3; the others have one): each
is a face. Labels are sets of points, written from the scheme's regions, with the edges along them. Points have no names
and are taken by their position, unless there is a label for each single point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import FormatError, ImageError, StarmarkError, shown
from core.face import FloatArray, Label
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
from core.formats.beside import find_pairs
from core.formats.image_files import inside
from core.formats.json_file import bounded_extras, entry, read_json, write_json
from core.formats.peek import Peek
from core.formats.point_names import match_names
from core.formats.values import MAX_POINTS, UnusableError, coordinate
from core.images import natural_key
from core.scheme import Scheme

_LJSON = ".ljson"
_GROUP = "LJSON"
"""Name of the only face of an image, as menpo has it; of several they are face_0, face_1 ..."""

_GROUP_KEYS = frozenset({"landmarks", "labels"})
_MAX_GROUPS = 10_000


@dataclass(slots=True)
class _Group:
    """A group of points.

    Attributes:
        points: (N, 2) float64, x, y, image px; NaN where missing.
        labels: indices of points by label.
        extras: what else the group says.
    """

    where: str
    image: Path
    points: FloatArray
    labels: Mapping[str, list[int]]
    extras: Mapping[str, Any] = field(default_factory=dict)


class FormatLjson:
    """Folders of images with .ljson files, read with their subfolders, or one file; written as a folder."""

    name = "ljson"
    title = "Menpo: a folder of images with .ljson files"
    kind: Literal["file", "folder"] = "folder"
    suffix = ""
    holds = Holds(missing=True, extras=True)

    def matches(self, source: Peek) -> bool:
        """Whether there is a .ljson file in the folder or not far below it."""
        return source.suffix == _LJSON or source.first(_LJSON) is not None

    def read(self, source: Path, options: ReadOptions) -> ImportResult:
        """Read the folder. Files and groups that cannot be used go to `skipped`, with the reason.

        Raises:
            FormatError: no .ljson file there, or not one group usable.
        """
        pairs, unlabelled, twins = find_pairs(source, _LJSON, options)
        if not pairs:
            remedy = "Choose a folder where .ljson files lie beside their images"
            raise FormatError("there is no .ljson file here", where=source, remedy=remedy)
        skipped: list[Skipped] = []
        groups: list[_Group] = []
        base = options.index_base or 0
        for done, (path, image) in enumerate(pairs):
            options.tell(done, len(pairs))
            try:
                if image is None:
                    raise UnusableError("there is no image of this name beside it")
                options.files.info(image)
                groups += _groups(path, image, base, skipped)
            except UnusableError as error:
                skipped.append(Skipped(str(path), str(error)))
            except StarmarkError as error:
                skipped.append(Skipped(error.where or str(path), error.what))
        options.tell(len(pairs), len(pairs))
        if not groups:
            raise nothing_usable(skipped, source)
        scheme = choose_scheme((len(group.points) for group in groups), options.scheme, source)
        faces, by_name = _faces(groups, scheme, skipped, options)
        if not faces:
            raise nothing_usable(skipped, source)
        notes = [f"Coordinates are taken as {base}-based; [y, x] in the files."]
        if by_name < len(faces):
            notes.append("The files do not name single points; they are taken in the order of the scheme.")
        notes += [f"{by_name} faces have a label for each point; they were put in order by it."] if by_name else []
        strange = sum(_has_strange_region(group, scheme) for group in groups)
        if strange:
            notes.append(f"{strange} groups have labels of other points than the scheme's regions of that name.")
        notes += [f"{unlabelled} images have no .ljson file and were left out."] if unlabelled else []
        notes += [f"{twins} .ljson files have several images of their name; the first was taken."] if twins else []
        return ImportResult(faces, skipped, scheme.id, self.name, notes, base)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write a .ljson file for each image, in the folders that the images have below `options.images_root`."""
        base = options.index_base or 0
        taken: set[Path] = set()
        done = 0
        for image, several in groupby(faces, key=lambda face: face.image):
            options.tell(done, len(faces))
            target = (place / inside(options.path_of(image))).with_suffix(_LJSON)
            if target in taken:
                what = f"two images of one folder are named '{target.stem}', and would share a .ljson file"
                raise FormatError(what, where=image, remedy="Rename one of them, or choose another format")
            taken.add(target)
            group = list(several)
            done += len(group)
            names = [_GROUP] if len(group) == 1 else [f"face_{number}" for number in range(len(group))]
            content = {name: _content(face, scheme, base) for name, face in zip(names, group, strict=True)}
            target.parent.mkdir(parents=True, exist_ok=True)
            write_json(target, {"groups": content, "version": 3})
        options.tell(len(faces), len(faces))
        return ["Version 3 of the format is written."]


def _content(face: LabelledFace, scheme: Scheme, base: int) -> dict[str, Any]:
    points = (face.label.points + base).tolist()
    landmarks = {
        "connectivity": [list(edge) for region in scheme.regions for edge in _edges(region.indices, region.closed)],
        "points": [[None, None] if np.isnan(x) else [y, x] for x, y in points],
    }
    labels = [{"label": region.name, "mask": sorted(region.indices)} for region in scheme.regions]
    extras = {name: value for name, value in face.extras.items() if name not in _GROUP_KEYS}
    return {**extras, "labels": labels, "landmarks": landmarks}


def _edges(indices: Sequence[int], closed: bool) -> list[tuple[int, int]]:
    return list(zip(indices, [*indices[1:], *indices[:1]] if closed else indices[1:], strict=False))


def _groups(path: Path, image: Path, base: int, skipped: list[Skipped]) -> list[_Group]:
    """The usable groups of a file; UnusableError or StarmarkError where it is none."""
    data = read_json(path)
    version = entry(data, "version", int, "the file")
    if version == 1:
        contents = {"": _as_version_2(entry(data, "groups", list, "the file"))}
    elif version == 2:
        contents = {"": data}
    elif version == 3:
        contents = entry(data, "groups", dict, "the file")
    else:
        raise UnusableError(f"is of version {shown(version, 20)}; 1, 2 and 3 can be read")
    if not contents or len(contents) > _MAX_GROUPS:
        raise UnusableError(f"has {len(contents)} groups of points")
    found = []
    for name in sorted(contents, key=lambda name: natural_key(Path(name))):  # menpo sorts them as texts: 10 before 2
        where = str(path) if len(contents) == 1 else f"{path}, group {shown(name, 40)}"
        try:
            found.append(_group(contents[name], where, image, base))
        except UnusableError as error:
            skipped.append(Skipped(where, str(error)))
    return found


def _as_version_2(groups: list[Any]) -> dict[str, Any]:
    """Version 1 has a list of points for each label; they follow each other."""
    points: list[Any] = []
    labels = []
    for index, group in enumerate(groups):
        where = f"groups[{index}]"
        landmarks = entry(group, "landmarks", list, where)
        label = entry(group, "label", str, where)
        labels.append({"label": label, "mask": list(range(len(points), len(points) + len(landmarks)))})
        points += [entry(one, "point", list, f"{where}.landmarks[{i}]") for i, one in enumerate(landmarks)]
    return {"landmarks": {"points": points}, "labels": labels, "version": 1}


def _group(data: Any, where: str, image: Path, base: int) -> _Group:
    landmarks = entry(data, "landmarks", dict, "the group")
    given = entry(landmarks, "points", list, "landmarks")
    if not 1 <= len(given) <= MAX_POINTS:
        raise UnusableError(f"has {len(given)} points")
    points = np.full((len(given), 2), np.nan)
    for index, pair in enumerate(given):
        if not isinstance(pair, list) or len(pair) != 2:
            what = "three numbers: it is of a mesh" if isinstance(pair, list) and len(pair) == 3 else shown(pair, 40)
            raise UnusableError(f"points[{index}] is {what}, not [y, x]")
        if None not in pair:
            y, x = (coordinate(value, f"points[{index}][{axis}]") for axis, value in enumerate(pair))
            points[index] = x - base, y - base
    if not np.isfinite(points).any():
        raise UnusableError("has no point that is not null")
    extras = {name: value for name, value in data.items() if name not in _GROUP_KEYS and name != "version"}
    return _Group(where, image, points, _labels(data.get("labels"), len(given)), bounded_extras(extras))


def _labels(items: Any, count: int) -> dict[str, list[int]]:
    """Indices by label; what makes no sense is left out, since only the points matter."""
    found: dict[str, list[int]] = {}
    for item in items[:MAX_POINTS] if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(item.get("label"), str) and isinstance(item.get("mask"), list):
            mask = item["mask"][:MAX_POINTS]
            if all(type(index) is int and 0 <= index < count for index in mask):
                found[item["label"]] = mask
    return found


def _faces(
    groups: list[_Group], scheme: Scheme, skipped: list[Skipped], options: ReadOptions
) -> tuple[list[LabelledFace], int]:
    """The faces of the scheme, and how many of them name their points."""
    faces = []
    by_name = 0
    for group in groups:
        if len(group.points) != len(scheme):
            reason = f"has {len(group.points)} points, scheme {scheme.id} has {len(scheme)}"
            skipped.append(Skipped(group.where, reason))
            continue
        try:
            order = _order(group, scheme)
            info = options.files.info(group.image)
        except (UnusableError, ImageError) as error:
            skipped.append(Skipped(group.where, str(error)))
            continue
        points = group.points
        if order is not None:
            by_name += 1
            points = np.empty_like(points)
            points[order] = group.points
        label = Label(scheme.id, points)
        faces.append(LabelledFace(group.image, label, None, None, (), group.where, info, group.extras))
    return faces, by_name


def _has_strange_region(group: _Group, scheme: Scheme) -> bool:
    """Whether a label has the name of a region of the scheme, and not its points: the order may be another one."""
    regions = {region.name: set(region.indices) for region in scheme.regions}
    return any(name in regions and set(mask) != regions[name] for name, mask in group.labels.items())


def _order(group: _Group, scheme: Scheme) -> list[int] | None:
    """For each point its index in the scheme, where each has a label of its own that is one of the scheme's names.

    Raises:
        UnusableError: a name occurs twice.
    """
    names: dict[int, str] = {mask[0]: label for label, mask in group.labels.items() if len(mask) == 1}
    if len(names) != len(group.points):
        return None
    return match_names([names[index] for index in range(len(names))], scheme)
