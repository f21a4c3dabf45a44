"""The regions of a Label Studio annotation: keypoints, rectangles and choices, grouped to faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import shown
from core.face import Box, Visibility
from core.formats.base import Skipped
from core.formats.json_file import entry
from core.formats.labelstudio_task import Task
from core.formats.named_faces import FACES, MAX_TAGS, NamedFace, box_around, read_remarks
from core.formats.point_names import fold_name
from core.formats.values import MAX_COORDINATE, UnusableError, coordinate, tag_list
from core.images import ImageInfo

_POINTS = ("keypointlabels", "keypoint")
_BOXES = ("rectanglelabels", "rectangle")
_MAX_REGIONS = 1_000_000
_STATES = {
    "occluded": Visibility.OCCLUDED, "hidden": Visibility.OCCLUDED, "not visible": Visibility.OCCLUDED,
    "invisible": Visibility.OCCLUDED, "outside": Visibility.OUTSIDE, "visible": Visibility.VISIBLE,
}  # fmt: skip
_KNOWN = frozenset(
    {
        "id", "type", "from_name", "to_name", "original_width", "original_height", "image_rotation", "value",
        "parentID", "meta", "source", "origin", "readonly", "hidden", "item_index",
    }
)  # fmt: skip


@dataclass(slots=True)
class _Region:
    where: str
    data: Mapping[str, Any]
    value: Mapping[str, Any]
    labels: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # out of `meta` and choices


class Regions:
    """The regions of one annotation.

    Attributes:
        points: keypoints by id.
        passed: what was passed over, by the sentence that says so.
    """

    def __init__(self, result: list[Any]) -> None:
        self.points: dict[str, _Region] = {}
        self.passed: Counter[str] = Counter()
        self._boxes: dict[str, _Region] = {}
        self._parents: dict[str, str] = {}
        self._tops: dict[str, str] = {}
        self._labels: dict[str, list[str]] = {}
        self._choices: dict[str, list[str]] = {}
        if len(result) > _MAX_REGIONS:
            raise UnusableError("has too many regions")
        for index, item in enumerate(result):
            self._add(item, f"result[{index}]")
        for key, region in (*self.points.items(), *self._boxes.items()):
            region.labels += self._labels.get(key, [])
            region.words += self._choices.pop(key, [])
        self._above = set(self._parents.values())

    def _add(self, item: Any, where: str) -> None:
        kind = entry(item, "type", str, where)
        value = entry(item, "value", dict, where)
        key = item.get("id")
        key = key if isinstance(key, str) else where
        if isinstance(item.get("parentID"), str) and item["parentID"]:
            self._parents[key] = item["parentID"]
        if kind in _POINTS or kind in _BOXES:
            known = self.points if kind in _POINTS else self._boxes
            if key in known:
                raise UnusableError(f"{where}: the id {shown(key, 40)} occurs twice")
            known[key] = _Region(where, item, value, _texts(value.get(f"{kind.removesuffix('labels')}labels")))
            meta = item.get("meta")
            known[key].words += _texts(meta.get("text")) if isinstance(meta, dict) else []
        elif kind == "labels":
            self._labels.setdefault(key, []).extend(_texts(value.get("labels")))
        elif kind == "choices":
            self._choices.setdefault(key, []).extend(_texts(value.get("choices")))
        else:
            self.passed["regions other than keypoints, rectangles and choices were passed over."] += 1

    def size(self) -> tuple[Any, Any]:
        """(width, height) that the regions are in percent of; None where they do not say. UnusableError if unequal."""
        found = [(one.data.get("original_width"), one.data.get("original_height")) for one in self.points.values()]
        if any(size != found[0] for size in found):
            raise UnusableError("its regions are of images of different sizes")
        return found[0]

    def faces(self, image: Path, info: ImageInfo | None, task: Task, skipped: list[Skipped]) -> list[NamedFace]:
        """The faces that are usable, in the order of their first points; the others go to `skipped`."""
        groups: dict[str, list[str]] = {}
        for key in self.points:
            groups.setdefault(self._group(key), []).append(key)
        kept = task.data.get(FACES)
        width, height = self.size() if info is None else (info.width, info.height)
        size = (coordinate(width, "original_width"), coordinate(height, "original_height"))
        common = tag_list(word for words in self._choices.values() for word in words)[:MAX_TAGS]
        found = []
        for number, (group, keys) in enumerate(groups.items()):
            where = task.where if len(groups) == 1 else f"{task.where}, face {number}"
            face = NamedFace(image, info, where)
            try:
                for key in keys:
                    self._point(face, self.points[key], size)
                box = self._boxes.get(group)
                if box is None and len(groups) == len(self._boxes) == 1:
                    box = next(iter(self._boxes.values()))
                face.box = self._box(box, size) if box is not None else None
                remarks = kept.get(group, kept.get(keys[0])) if isinstance(kept, dict) else None
                tags, face.crop, extras = read_remarks(remarks)
                face.tags = tag_list([*common, *(box.words if box is not None else ()), *tags])
                face.extras = {**extras, **task.others}
            except UnusableError as error:
                skipped.append(Skipped(face.where, str(error)))
                continue
            found.append(face)
        return found

    def _group(self, key: str) -> str:
        """What the regions of a face have in common: the topmost region, else a text in `meta`."""
        way: dict[str, None] = {}
        top = key
        while top not in self._tops and top not in way and top in self._parents:
            way[top] = None
            top = self._parents[top]
        top = self._tops.get(top, top)
        self._tops.update(dict.fromkeys(way, top))  # so that a long chain is gone up once
        if top != key or key in self._above:
            return top
        words = [word for word in self.points[key].words if _folded(word) not in _STATES]
        return "meta " + " ".join(words)

    def _point(self, face: NamedFace, region: _Region, size: tuple[float, float]) -> None:
        labels = [(_folded(label), label) for label in region.labels]
        names = [pair for pair in labels if pair[0] not in _STATES]
        if len(names) != 1:
            raise UnusableError(f"{region.where} has {len(names)} labels that name a point, expected one")
        self._check_frame(region)
        ((folded, name),) = names
        if folded in face.points:
            what = "put the points of each face below a region of their own"
            raise UnusableError(f"the point {shown(name, 40)} occurs twice; {what}")
        words = [folded for folded, _ in labels] + [_folded(word) for word in region.words]
        state = max((_STATES[word] for word in words if word in _STATES), default=Visibility.VISIBLE)
        if region.value.get("hidden") is True:
            state = max(state, Visibility.OCCLUDED)
        face.points[folded] = (_percent(region, "x", size[0]), _percent(region, "y", size[1]), state)
        face.names[folded] = name
        if not region.data.keys() <= _KNOWN:
            face.others[folded] = {name: value for name, value in region.data.items() if name not in _KNOWN}

    def _box(self, region: _Region, size: tuple[float, float]) -> Box | None:
        if region.value.get("rotation") not in (None, 0):
            self.passed["boxes are turned and were left out."] += 1
            return None
        self._check_frame(region)
        x, y = (_percent(region, name, size[axis]) for axis, name in enumerate("xy"))
        w, h = (_percent(region, name, size[axis]) for axis, name in enumerate(("width", "height")))
        return box_around([(x, y), (x + w, y + h)])

    @staticmethod
    def _check_frame(region: _Region) -> None:
        turned = region.data.get("image_rotation")
        if turned not in (None, 0):
            raise UnusableError(f"{region.where}: the image was turned while it was labelled")
        if region.data.get("item_index") not in (None, 0):
            raise UnusableError(f"{region.where} is on another of several images")


def _folded(text: str) -> str:
    """As `fold_name`; most texts are the names of a scheme, over and over."""
    return _kept_fold(text) if len(text) < 100 else fold_name(text)


_kept_fold = lru_cache(maxsize=2000)(fold_name)


def _percent(region: _Region, name: str, whole: float) -> float:
    share: Any = region.value.get(name)
    place = share / 100 * whole if type(share) in (int, float) and abs(share) < MAX_COORDINATE else None
    if place is not None and abs(place) < MAX_COORDINATE:
        return place
    if name not in region.value:
        raise UnusableError(f"{region.where}.value has no '{name}'")
    where = f"{region.where}.value.{name}"
    return coordinate(coordinate(share, where) / 100 * whole, where)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
