"""Writing tasks for Label Studio; what they hold stands in `core.formats.labelstudio`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from core.face import Visibility
from core.formats.base import LabelledFace, WriteOptions
from core.formats.json_file import write_json_items
from core.formats.labelstudio_task import TASK_KEYS
from core.formats.named_faces import FACES, POINTS, remarks
from core.formats.suspects import outside_points
from core.scheme import Scheme

_URL = "/data/local-files/?d="
_KEPT = ("task", "data", "annotation")  # extras that have a place of their own
_STATES = {Visibility.OCCLUDED: "occluded", Visibility.OUTSIDE: "outside"}
_POINT_SIZE = 0.5
"""Percent of the image's width that Label Studio draws a point in."""


def write_labelstudio(faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
    """Write the file `place`; sentences on what the user should know."""
    write_json_items(place, _tasks(faces, scheme, options))
    options.tell(len(faces), len(faces))
    notes = [
        "Image paths are for Label Studio's local storage, with the image folder as its document root.",
        'The labelling set-up needs <Image name="image" value="$image"/>, <KeyPointLabels name="points" '
        'toName="image"> with the names of the points, and <RectangleLabels name="box" toName="image"> with "face".',
    ]
    outside = sum(outside_points(face) > 0 for face in faces)
    if outside:
        notes.append(f"{outside} faces have points outside their image; some tools refuse percentages beyond 0 to 100.")
    return notes


def _tasks(faces: Sequence[LabelledFace], scheme: Scheme, options: WriteOptions) -> Iterator[dict[str, Any]]:
    done = 0
    for image, group in groupby(faces, key=lambda face: face.image):
        options.tell(done, len(faces))
        several = list(group)
        done += len(several)
        yield _task(several, scheme, _URL + quote_from_bytes(os.fsencode(options.path_of(image))))


def _part(face: LabelledFace, name: str) -> Mapping[str, Any]:
    part = face.extras.get(name)
    return part if isinstance(part, dict) else {}


def _task(faces: Sequence[LabelledFace], scheme: Scheme, url: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    result: list[dict[str, Any]] = []
    first = faces[0]
    for number, face in enumerate(faces):
        regions = _regions(face, number, len(faces) > 1, scheme)
        extras = {name: value for name, value in face.extras.items() if name not in (*_KEPT, POINTS)}
        own = remarks(face, extras=extras, tags=face.tags)
        if own:
            kept[regions[0]["id"]] = own
        result += regions
    data = {**_part(first, "data"), "image": url}
    data |= {FACES: kept} if kept else {}
    task = {name: value for name, value in _part(first, "task").items() if name not in TASK_KEYS}
    annotation = {name: value for name, value in _part(first, "annotation").items() if name != "result"}
    return {**task, "data": data, "annotations": [{**annotation, "result": result}]}


def _regions(face: LabelledFace, number: int, several: bool, scheme: Scheme) -> list[dict[str, Any]]:
    """The face's box, if it has one, and points; below the first of them where there is anything to tell apart."""
    assert face.info is not None  # faces without go no further than `Holds`
    width, height = face.info.width, face.info.height
    frame = {"to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0}
    found: list[dict[str, Any]] = []
    if face.box is not None:
        x, y, w, h = face.box.to_list()
        value: dict[str, Any] = {"x": x / width * 100, "y": y / height * 100}
        value |= {"width": w / width * 100, "height": h / height * 100, "rotation": 0, "rectanglelabels": ["face"]}
        found.append({"id": f"face{number}", "type": "rectanglelabels", "from_name": "box", **frame, "value": value})
    others = _part(face, POINTS)
    states = face.label.visibility.tolist()
    for index, (name, (x, y)) in enumerate(zip(scheme.points, face.label.points.tolist(), strict=True)):
        if states[index] == Visibility.MISSING:
            continue
        value = {"x": x / width * 100, "y": y / height * 100, "width": _POINT_SIZE, "keypointlabels": [name]}
        region = {"id": f"face{number}-{index}", "type": "keypointlabels", "from_name": "points", **frame}
        region["value"] = value
        if found and (several or face.box is not None):
            region["parentID"] = found[0]["id"]
        state = _STATES.get(states[index])
        if state is not None:
            region["meta"] = {"text": [state]}
        other = others.get(name)
        found.append({**other, **region} if isinstance(other, dict) else region)
    return found
