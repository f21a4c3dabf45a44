"""Writing COCO keypoints; what the fields mean stands in `core.formats.coco`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.face import FloatArray, Visibility
from core.formats.base import LabelledFace, WriteOptions
from core.formats.json_file import write_json
from core.scheme import Scheme

RESERVED = frozenset(
    {
        "id", "image_id", "category_id", "category", "keypoints", "num_keypoints", "bbox", "area", "iscrowd",
        "attributes", "outside", "crop", "image", "license",
    }
)  # fmt: skip
"""Fields of an annotation that have a place of their own in a face, or among its extras."""

_V = {int(Visibility.VISIBLE): 2, int(Visibility.OCCLUDED): 1, int(Visibility.OUTSIDE): 1, int(Visibility.MISSING): 0}
_FACE = "face"


def write_coco(faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
    """Write the file `place`; sentences on what the user should know."""
    base = options.index_base or 0
    images: dict[Path, dict[str, Any]] = {}
    image_ids, ids = _Ids(), _Ids()
    categories: dict[str, int] = {}
    annotations: list[dict[str, Any]] = []
    licenses: dict[Any, Mapping[str, Any]] = {}
    # Ids that the data set had come first, so that a new one never takes one of them.
    for face in faces:
        image_ids.want(_part(face, "image").get("id"))
        ids.want(face.extras.get("id"))
    for done, face in enumerate(faces):
        options.tell(done, len(faces))
        if face.image not in images:
            images[face.image] = _image(face, image_ids, options, licenses)
        category = face.extras.get("category")
        name = category if isinstance(category, str) and category else _FACE
        category_id = categories.setdefault(name, len(categories) + 1)
        about = {"id": ids.give(face.extras.get("id")), "image_id": images[face.image]["id"]}
        annotations.append({**about, "category_id": category_id, **_annotation(face, base)})
    options.tell(len(faces), len(faces))
    skeleton = [[a + 1, b + 1] for region in scheme.regions for a, b in _edges(region.indices, region.closed)]
    data = {
        "info": {"description": f"Facial landmarks of the scheme {scheme.id}"},
        "licenses": list(licenses.values()),
        "images": list(images.values()),
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name, "supercategory": "person", "keypoints": list(scheme.points),
             "skeleton": skeleton}
            for name, number in categories.items()
        ],
    }  # fmt: skip
    write_json(place, data)
    return [f"Coordinates are written {base}-based."] if base else []


def _edges(indices: Sequence[int], closed: bool) -> list[tuple[int, int]]:
    return list(zip(indices, [*indices[1:], *indices[:1]] if closed else indices[1:], strict=False))


class _Ids:
    """Numbers that are each given once: the one that is asked for where it is free, else a new one."""

    def __init__(self) -> None:
        self._wanted: set[int] = set()
        self._given: set[int] = set()
        self._next = 1

    def want(self, value: Any) -> None:
        if _is_id(value):
            self._wanted.add(value)

    def give(self, value: Any) -> int:
        if not _is_id(value) or value in self._given:
            while self._next in self._wanted or self._next in self._given:
                self._next += 1
            value = self._next
        self._given.add(value)
        return int(value)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def _part(face: LabelledFace, name: str) -> Mapping[str, Any]:
    """An object among the face's extras, {} where there is none; other formats may use the name for something else."""
    part = face.extras.get(name)
    return part if isinstance(part, dict) else {}


def _image(
    face: LabelledFace, ids: _Ids, options: WriteOptions, licenses: dict[Any, Mapping[str, Any]]
) -> dict[str, Any]:
    about = dict(_part(face, "image"))
    about["id"] = ids.give(about.get("id"))
    license = _part(face, "license")
    if isinstance(license.get("id"), int | str):
        licenses.setdefault(license["id"], license)
    size = {"width": face.info.width, "height": face.info.height} if face.info is not None else {}
    return {**about, "file_name": options.path_of(face.image), **size}


def _annotation(face: LabelledFace, base: int) -> dict[str, Any]:
    visibility = face.label.visibility
    missing = visibility == Visibility.MISSING
    points = np.where(missing[:, None], 0, face.label.points + base).tolist()
    keypoints: list[float] = []
    for (x, y), state in zip(points, visibility.tolist(), strict=True):
        keypoints += (x, y, _V[state])
    box = face.box.to_list() if face.box is not None else around_points(face.label.points)
    found: dict[str, Any] = {
        "keypoints": keypoints,
        "num_keypoints": int((~missing).sum()),
        "bbox": [box[0] + base, box[1] + base, box[2], box[3]],
        "area": box[2] * box[3],
        "iscrowd": 0,
    }
    outside = np.flatnonzero(visibility == Visibility.OUTSIDE).tolist()
    found |= {"outside": outside} if outside else {}
    if face.crop is not None:
        scale, x, y = face.crop
        found["crop"] = [scale, x + base, y + base]
    attributes = {**_part(face, "attributes"), **dict.fromkeys(face.tags, True)}
    found |= {"attributes": attributes} if attributes else {}
    return found | {name: value for name, value in face.extras.items() if name not in RESERVED and name not in found}


def around_points(points: FloatArray) -> list[float]:
    """[x, y, w, h] around those of `points` (N, 2) that are not NaN, at least one. May have no area."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return [float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])]
