"""A task of Label Studio: which of its annotations counts, and which file its image is."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote_to_bytes

from core.errors import shown
from core.formats.json_file import bounded_extras, entry
from core.formats.named_faces import FACES
from core.formats.values import UnusableError
from core.images import IMAGE_SUFFIXES

_LISTS = ("annotations", "completions")
_RESULT = "result"
TASK_KEYS = frozenset({"data", "predictions", *_LISTS})
"""Keys of a task that are read."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # of two letters at least: C:/ is a drive
_LOCAL = "/data/local-files/?d="
_UPLOAD = re.compile(r"(?:^|/)(?P<path>upload/(?:\d+/)?(?P<whole>(?:[0-9a-f]{8}-)?(?P<name>[^/]+)))$")
_LONGEST = 4096


@dataclass(slots=True)
class Task:
    """A task and the annotation of it that counts.

    Attributes:
        data: what is labelled, and what was imported with it.
        result: regions.
        others: what else the task ("task"), its data ("data") and the annotation ("annotation") say.
    """

    where: str
    data: Mapping[str, Any]
    result: list[Any]
    others: dict[str, Any] = field(default_factory=dict)


def open_task(item: Any, where: str, passed: Counter[str]) -> Task | None:
    """The task; None for one without any result. An annotation with its task inside is as good.

    Raises:
        UnusableError: it is no task.
    """
    if isinstance(item, dict) and isinstance(item.get("task"), dict) and _RESULT in item:
        inner = {name: value for name, value in item.items() if name != "task"}
        item = {**item["task"], "annotations": [inner]}
    data = entry(item, "data", dict, "the task")
    annotation = _annotation(item, passed)
    if annotation is None:
        return None
    image = image_key(data)
    others = {
        "task": {name: value for name, value in item.items() if name not in TASK_KEYS and value not in ([], {}, None)},
        "data": {name: value for name, value in data.items() if name not in (image, FACES)},
        "annotation": {name: value for name, value in annotation.items() if name != _RESULT and value is not None},
    }
    # Bounded here, once for all faces; each part for itself, so that a large one does not cost the others.
    others = {name: kept for name, value in others.items() if (kept := bounded_extras(value))}
    return Task(where, data, entry(annotation, _RESULT, list, "the annotation"), others)


def _annotation(item: Mapping[str, Any], passed: Counter[str]) -> Mapping[str, Any] | None:
    """The annotation that is the truth, else the latest; else the first prediction."""
    given = [one for name in _LISTS for one in _objects(item.get(name))]
    usable = [one for one in given if one.get("was_cancelled") is not True and one.get("skipped") is not True]
    filled = [one for one in usable if one.get(_RESULT)]
    if len(filled) > 1:
        passed["tasks have several annotations; the ground truth was taken, else the latest."] += 1
    if filled:
        return max(filled, key=lambda one: (one.get("ground_truth") is True, _time(one)))
    predictions = [one for one in _objects(item.get("predictions")) if one.get(_RESULT)]
    if predictions and not given:
        passed["tasks have no annotation; a model's prediction was taken."] += 1
        return predictions[0]
    passed["tasks are without an annotation, cancelled or skipped, and were passed over."] += 1
    return None


def _objects(items: Any) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _time(annotation: Mapping[str, Any]) -> str:
    """ISO texts sort as the times do; of equal ones, max() takes the first."""
    return next((text for name in ("updated_at", "created_at") if isinstance(text := annotation.get(name), str)), "")


def image_key(data: Mapping[str, Any]) -> str | None:
    """Where in a task's data the image is: under "image", else the first text that ends as an image file does."""
    if isinstance(data.get("image"), str):
        return "image"
    texts = ((name, value) for name, value in data.items() if isinstance(value, str))
    return next((name for name, value in texts if _ends_as_image(value)), None)


def _ends_as_image(text: str) -> bool:
    try:
        return PurePosixPath(_plain(text)[-300:]).suffix.lower() in IMAGE_SUFFIXES
    except UnusableError:
        return False


def image_texts(data: Mapping[str, Any]) -> list[str]:
    """The paths that the image of a task may have, likeliest first; UnusableError if there is no path at all."""
    key = image_key(data)
    if key is None:
        raise UnusableError("its data has no image")
    text = data[key]
    if text.startswith("data:"):
        raise UnusableError("its image lies inside the file, which is not read; save it as a file")
    if len(text) > _LONGEST:
        raise UnusableError("the image path is too long")
    plain = _plain(text)
    upload = _UPLOAD.search(plain)
    if upload is not None:
        return list(dict.fromkeys((upload["name"], upload["whole"], upload["path"])))
    return [plain]


def _plain(text: str) -> str:
    """The path in a URL; of one that leads to another machine, the file name."""
    text = text[:_LONGEST]
    if _LOCAL in text:
        return _unquoted(text.partition(_LOCAL)[2].partition("&")[0])
    if _URL.match(text) is None:
        return text
    path = text.partition("://")[2].partition("#")[0].partition("?")[0].partition("/")[2]
    if "/upload/" in f"/{path}":
        return _unquoted(path)
    name = _unquoted(path.rstrip("/").rpartition("/")[2])
    if not name:
        raise UnusableError(f"the URL {shown(text, 100)} has no file name")
    return name


def _unquoted(text: str) -> str:
    try:
        return os.fsdecode(unquote_to_bytes(text))
    except UnicodeError:
        return text
