"""Writing LabelMe files; what they hold stands in `core.formats.labelme`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from core.errors import FormatError
from core.face import Visibility
from core.formats.base import LabelledFace, WriteOptions
from core.formats.image_files import inside
from core.formats.json_file import write_json
from core.formats.named_faces import FACES, POINTS, remarks
from core.scheme import Scheme

SHAPE_KEYS = frozenset({"label", "points", "group_id", "shape_type", "flags", "description", "mask"})
"""Keys of a shape that LabelMe knows; it keeps others."""

TOP_KEYS = frozenset({"version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth", FACES})
"""Keys of a file that LabelMe or this module knows."""

_VERSION = "5.5.0"  # of the LabelMe whose files look like these; later ones read them, too
_FLAGS = {Visibility.OCCLUDED: {"occluded": True}, Visibility.OUTSIDE: {"outside": True}}


def write_labelme(faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
    """Write a file for each image below the folder `place`; sentences on what the user should know.

    Raises:
        FormatError: two images of one folder would share a file, or one lies outside the image folder.
    """
    taken: set[Path] = set()
    done = 0
    for image, group in groupby(faces, key=lambda face: face.image):
        options.tell(done, len(faces))
        several = list(group)
        done += len(several)
        relative = Path(inside(options.path_of(image))).with_suffix(".json")
        if relative in taken:
            what = f"two images of one folder are named '{relative.stem}', and would share a .json file"
            raise FormatError(what, where=image, remedy="Rename one of them, or choose another format")
        taken.add(relative)
        (place / relative).parent.mkdir(parents=True, exist_ok=True)
        write_json(place / relative, _file(several, scheme, _image_path(image, relative, options), options))
    options.tell(len(faces), len(faces))
    return []


def _image_path(image: Path, relative: Path, options: WriteOptions) -> str:
    """The image as seen from the place where the file will lie."""
    if options.copied:
        return image.name
    try:
        return os.path.relpath(image, options.target / relative.parent).replace(os.sep, "/")
    except ValueError:  # Windows: another drive
        return image.absolute().as_posix()


def _file(faces: Sequence[LabelledFace], scheme: Scheme, image_path: str, options: WriteOptions) -> dict[str, Any]:
    info = faces[0].info
    common = [tag for tag in faces[0].tags if all(tag in face.tags for face in faces)]
    kept: dict[str, Any] = {}
    shapes: list[dict[str, Any]] = []
    for group, face in enumerate(faces):
        shapes += _shapes(face, group, scheme, options.index_base or 0)
        extras = {name: value for name, value in face.extras.items() if name not in (POINTS, "other")}
        own = remarks(face, extras=extras, tags=[tag for tag in face.tags if tag not in common])
        kept |= {str(group): own} if own else {}
    data: dict[str, Any] = {
        "version": _VERSION,
        "flags": dict.fromkeys(common, True),
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": None if info is None else info.height,
        "imageWidth": None if info is None else info.width,
    }
    for face in reversed(faces):  # they are of the image, and the same for all of its faces
        other = face.extras.get("other")
        if isinstance(other, dict):
            data |= {name: value for name, value in other.items() if name not in TOP_KEYS}
    return data | ({FACES: kept} if kept else {})


def _shapes(face: LabelledFace, group: int, scheme: Scheme, base: int) -> list[dict[str, Any]]:
    extras = face.extras.get(POINTS)
    others = extras if isinstance(extras, dict) else {}
    found = []
    points = (face.label.points + base).tolist()
    for name, point, state in zip(scheme.points, points, face.label.visibility.tolist(), strict=True):
        if state != Visibility.MISSING:
            flags = _FLAGS.get(Visibility(state), {})
            found.append(_shape(name, [point], "point", group, flags, others.get(name)))
    if face.box is not None:
        x, y, w, h = face.box.to_list()
        corners = [[x + base, y + base], [x + base + w, y + base + h]]
        found.append(_shape("face", corners, "rectangle", group, {}, None))
    return found


def _shape(
    label: str, points: list[list[float]], kind: str, group: int, flags: Mapping[str, bool], other: Any
) -> dict[str, Any]:
    """A shape as LabelMe writes it; of what it had before, only what LabelMe takes."""
    if not isinstance(other, dict):
        other = {}
    given = other.get("flags")
    kept = {name: value for name, value in given.items() if isinstance(value, bool)} if isinstance(given, dict) else {}
    description = other.get("description")
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": description if isinstance(description, str) else "",
        "shape_type": kind,
        "flags": kept | dict(flags),
        "mask": None,
        **{name: value for name, value in other.items() if name not in SHAPE_KEYS},
    }
