"""The way out to CVAT for images 1.1: see `core.formats.cvat` for what means what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from core.face import FloatArray, Visibility
from core.formats.base import Holds, LabelledFace, WriteOptions
from core.formats.xml_file import content, quoted, quoted_path
from core.scheme import Scheme

FACE_LABEL = "face"
BOX_LABEL = "face box"
OUTSIDE_ATTRIBUTE = "outside the image"
JSON_ATTRIBUTE = "starmark"
_SVG_MARGIN, _SVG_SIZE = 10.0, 80.0
_OWN_EXTRAS = ("group_id", "z_order", "source", "label", "rotation", "attributes")
"""Extras that CVAT has fields for; all others go into JSON_ATTRIBUTE."""


class CvatWriter:
    """Writes one XML file."""

    name = "cvat"
    kind: Literal["file", "folder"] = "file"
    suffix = ".xml"
    holds = Holds(missing=True, occluded=True, outside=True, box=True, crop=True, tags=True, extras=True, empty=True)

    def write(self, faces: Sequence[LabelledFace], scheme: Scheme, place: Path, options: WriteOptions) -> list[str]:
        """Write an image element for each image, a skeleton for each face, and the labels for a task of them."""
        base = options.index_base or 0
        with place.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
            label = _label(faces)
            _write_meta(stream, faces, scheme, label)
            labels = [quoted(name) for name in scheme.points]
            done = 0
            for number, (image, group) in enumerate(groupby(faces, key=lambda face: face.image)):
                own = list(group)
                _write_image(stream, number, options.path_of(image), own, label, labels, base)
                done += len(own)
                options.tell(done, len(faces))
            stream.write("</annotations>\n")
        box = f", and a rectangle label '{BOX_LABEL}'" if any(face.box is not None for face in faces) else ""
        return [
            f"Before uploading to CVAT make a task with a skeleton label '{label}' whose points have the names "
            f"that the file's <labels> list{box}."
        ]


def _write_image(
    stream: TextIO,
    number: int,
    path: str,
    faces: Sequence[LabelledFace],
    label: str,
    labels: Sequence[str],
    base: int,
) -> None:
    """`labels`: the points' names as values of attributes."""
    info = faces[0].info
    size = f' width="{info.width}" height="{info.height}"' if info is not None else ""
    stream.write(f'<image id="{number}" name={quoted_path(path)}{size}>\n')
    groups = _groups(faces)
    for face, group in zip(faces, groups, strict=True):
        extras = face.extras
        source = _text(extras.get("source"), "manual")
        z_order = f' z_order="{_whole(extras.get("z_order")) or 0}"'
        link = f' group_id="{group}"' if group else ""
        stream.write(f"<skeleton label={quoted(label)} source={quoted(source)}{z_order}{link}>\n")
        _write_points(stream, face, labels, base)
        for name, value in _attributes(face, base, label):
            stream.write(f"<attribute name={quoted(name)}>{content(value)}</attribute>\n")
        stream.write("</skeleton>\n")
        if face.box is not None:
            box, turn = face.box, extras.get("rotation")
            corners = (box.x + base, box.y + base, box.x + box.w + base, box.y + box.h + base)
            sides = " ".join(
                f'{key}="{value!r}"'
                for key, value in zip(("xtl", "ytl", "xbr", "ybr"), map(float, corners), strict=True)
            )
            rotation = f' rotation="{float(turn)!r}"' if isinstance(turn, int | float) and turn else ""
            stream.write(
                f'<box label="{BOX_LABEL}" source="manual" occluded="0" {sides}{rotation}{z_order}{link}></box>\n'
            )
    stream.write("</image>\n")


def _groups(faces: Sequence[LabelledFace]) -> list[int]:
    """The group of each face of an image: its own of old, else one that no other has if it has a box to go with."""
    given = [_whole(face.extras.get("group_id")) or 0 for face in faces]
    times = Counter(given)
    wanted = [group if group > 0 and times[group] == 1 else 0 for group in given]
    free = (number for number in range(1, 2 * len(faces) + 2) if number not in times)
    return [group or (next(free) if face.box is not None else 0) for face, group in zip(faces, wanted, strict=True)]


def _write_points(stream: TextIO, face: LabelledFace, labels: Sequence[str], base: int) -> None:
    points = face.label.points + base
    seen = points[np.isfinite(points[:, 0])]
    # A hidden point must be somewhere, for CVAT: amid the others it is found when somebody makes it visible.
    spare = np.round(seen.mean(axis=0), 2) if len(seen) else np.zeros(2)
    states = face.label.visibility.tolist()
    for name, xy, state in zip(labels, points.tolist(), states, strict=True):
        x, y = xy if state != Visibility.MISSING else spare.tolist()
        more = f'<attribute name="{OUTSIDE_ATTRIBUTE}">true</attribute>' if state == Visibility.OUTSIDE else ""
        stream.write(
            f'<points label={name} source="manual" outside="{int(state == Visibility.MISSING)}" '
            f'occluded="{int(state == Visibility.OCCLUDED)}" points="{x!r},{y!r}">{more}</points>\n'
        )


def _label(faces: Sequence[LabelledFace]) -> str:
    """The skeletons' label: what all faces were called in CVAT, for a task has one skeleton of these points."""
    names = {_text(face.extras.get("label"), FACE_LABEL) for face in faces}
    return names.pop() if len(names) == 1 else FACE_LABEL


def _attributes(face: LabelledFace, base: int, label: str) -> Iterable[tuple[str, str]]:
    for tag in face.tags:
        name, _, value = tag.partition("=")
        has_value = name and value and value.lower() not in ("true", "false")
        yield (name, value) if has_value else (tag, "true")
    stored = face.extras.get("attributes")
    if isinstance(stored, dict):
        yield from ((str(name), str(value)) for name, value in stored.items())
    rest: dict[str, Any] = {}
    extras = {name: value for name, value in face.extras.items() if name not in _OWN_EXTRAS}
    if face.extras.get("label", label) != label:
        extras["label"] = face.extras["label"]
    if extras:
        rest["extras"] = extras
    if face.crop is not None:
        rest["crop"] = [face.crop[0], face.crop[1] + base, face.crop[2] + base]
    if rest:
        yield JSON_ATTRIBUTE, json.dumps(rest)


def _text(value: Any, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def _write_meta(stream: TextIO, faces: Sequence[LabelledFace], scheme: Scheme, label: str) -> None:
    """The labels of a task for these faces, as CVAT itself lists them."""
    images = len({face.image for face in faces})
    stream.write(
        f"<meta><task><id>1</id><name>{content(scheme.title)}</name><size>{images}</size><mode>annotation</mode>\n"
        f"<labels>\n<label><name>{content(label)}</name><type>skeleton</type>\n<attributes>\n"
    )
    checkboxes: dict[str, bool] = {}
    for face in faces:
        for name, value in _attributes(face, 0, label):
            checkboxes[name] = checkboxes.get(name, True) and value == "true"
    for name in sorted(checkboxes):
        _write_attribute(stream, name, checkbox=checkboxes[name])
    stream.write(f"</attributes>\n<svg>{content(_svg(faces, scheme))}</svg></label>\n")
    outside = any((face.label.visibility == Visibility.OUTSIDE).any() for face in faces)
    for name in scheme.points:
        stream.write(f"<label><name>{content(name)}</name><type>points</type><attributes>")
        if outside:
            _write_attribute(stream, OUTSIDE_ATTRIBUTE, checkbox=True)
        stream.write(f"</attributes><parent>{content(label)}</parent></label>\n")
    if any(face.box is not None for face in faces):
        stream.write(f"<label><name>{BOX_LABEL}</name><type>rectangle</type><attributes></attributes></label>\n")
    stream.write("</labels></task></meta>\n")


def _write_attribute(stream: TextIO, name: str, *, checkbox: bool) -> None:
    kind, values = ("checkbox", "false\ntrue") if checkbox else ("text", "")
    stream.write(
        f"<attribute><name>{content(name)}</name><mutable>False</mutable><input_type>{kind}</input_type>"
        f"<default_value>{'false' if checkbox else ''}</default_value><values>{values}</values></attribute>\n"
    )


def _svg(faces: Sequence[LabelledFace], scheme: Scheme) -> str:
    """The skeleton's drawing, by which CVAT knows its points and edges; shaped like the first whole face."""
    whole = (face.label.points for face in faces if np.isfinite(face.label.points).all())
    places = _fitted(next(whole, None), len(scheme))
    lines = []
    for region in scheme.regions:
        run = [*region.indices, *(region.indices[:1] if region.closed else ())]
        for start, end in pairwise(run):
            (x1, y1), (x2, y2) = places[start].tolist(), places[end].tolist()
            lines.append(
                f'<line x1="{x1:.3f}" y1="{y1:.3f}" x2="{x2:.3f}" y2="{y2:.3f}" stroke="black" data-type="edge" '
                f'data-node-from="{start + 1}" stroke-width="0.5" data-node-to="{end + 1}"></line>'
            )
    for number, (name, (x, y)) in enumerate(zip(scheme.points, places.tolist(), strict=True), 1):
        lines.append(
            f'<circle r="0.5" stroke="black" fill="#b3b3b3" cx="{x:.3f}" cy="{y:.3f}" stroke-width="0.1" '
            f'data-type="element node" data-element-id="{number}" data-node-id="{number}" '
            f"data-label-name={quoted(name)}></circle>"
        )
    return "".join(lines)


def _fitted(points: FloatArray | None, count: int) -> FloatArray:
    """Points within the drawing's 100 x 100; on a circle, where there is no face to go by."""
    if points is None or np.ptp(points, axis=0).max() <= 0:
        angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    low = points.min(axis=0)
    return np.asarray(_SVG_MARGIN + (points - low) * (_SVG_SIZE / max(float(np.ptp(points, axis=0).max()), 1e-9)))
