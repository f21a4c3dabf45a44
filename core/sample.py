"""The sample: rendered faces and one portrait, labelled by two simulated annotators. What is in it, and where it lies.

What comes with the program (`resources/sample`) is only read; `core.sample_copy` makes the user's own project of it.

    resources/sample/
        images/                  pictures
        LABEL SET.json           what an annotator says, in COCO's layout
        truth/points.json        where the points really are, likewise; never imported
        planted.json             which labels were really spoilt, and those that the tour shows
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FormatError
from core.files import read_limited
from core.paths import user_home

SOURCE = Path(__file__).resolve().parent.parent / "resources" / "sample"
IMAGES, PLANTED, TRUTH = "images", "planted.json", "truth/points.json"
LABEL_SETS = ("annotator B", "annotator A")
"""In the order of their import: the last one is shown first."""

_NAME = "Sample"
_FOLDER = re.compile(r"sample(?: (\d{1,6}))?")
_MAX_JSON = 4_000_000


@dataclass(frozen=True, slots=True)
class Planted:
    """A label that was spoilt on purpose.

    Attributes:
        image: file name of the picture.
        label_set: whose label it is.
        point: index in the scheme.
        kind: what was done: "slip" along the contour, "gross", "swap", "shift" or "missing".
        truth: (x, y), image px, where the point really is.
        label: (x, y), image px, what the label says; None where it is missing.
    """

    image: str
    label_set: str
    point: int
    kind: str
    truth: tuple[float, float]
    label: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was done to the sample's labels.

    Attributes:
        errors: every label that is wrong.
        ambiguous: the slip along a contour that the tour shows.
        wrong: the gross error that the tour shows; it is among `errors`.
    """

    errors: tuple[Planted, ...]
    ambiguous: Planted
    wrong: Planted


def is_there(source: Path | None = None) -> bool:
    """Whether there is a sample in `source` (default: as it comes with the program)."""
    return ((source or SOURCE) / PLANTED).is_file()


def read_plan(source: Path | None = None) -> Plan:
    """What was planted. FormatError if the file is not as it should be."""
    path = (source or SOURCE) / PLANTED
    try:
        data = json.loads(read_limited(path, _MAX_JSON, FormatError))
        errors = tuple(_planted(entry) for entry in data["errors"])
        return Plan(errors, _planted(data["tour"]["ambiguous"]), _planted(data["tour"]["wrong"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError("the sample's list of errors cannot be read", where=path,
                          remedy="Install Starmark again") from error


def plan_json(plan: Plan) -> str:
    """`plan` as the text of the file that `read_plan` reads."""
    data = {
        "version": 1,
        "about": "Labels of the sample that were spoilt on purpose, with where the points really are. Image px, the "
        "centre of the top-left pixel at (0, 0).",
        "errors": [_entry(one) for one in plan.errors],
        "tour": {"ambiguous": _entry(plan.ambiguous), "wrong": _entry(plan.wrong)},
    }
    return json.dumps(data, indent=1) + "\n"


def newest_copy(home: Path | None = None) -> Path | None:
    """The project file of the user's newest copy; None if there is none yet."""
    copies = copies_in(user_home() if home is None else home)
    return next((copies[number] for number in sorted(copies, reverse=True) if copies[number].is_file()), None)


def copies_in(home: Path) -> dict[int, Path]:
    """Project files of the user's copies by number, whether or not they are there still."""
    found = {}
    with contextlib.suppress(OSError):
        for folder in home.iterdir():
            match = _FOLDER.fullmatch(folder.name)
            if match is not None:
                number = int(match[1] or 1)
                found[number] = folder / file_name(number)
    return found


def is_copy(project: Path, home: Path | None = None) -> bool:
    """Whether a project file is one of the user's copies."""
    known = copies_in(user_home() if home is None else home).values()
    return project.resolve() in {path.resolve() for path in known}


def folder_name(number: int) -> str:
    """Of the user's copy of that number, from 1: "sample", "sample 2"."""
    return _NAME.lower() if number == 1 else f"{_NAME.lower()} {number}"


def file_name(number: int) -> str:
    """Of the project in it: "Sample.starmark", "Sample 2.starmark"; it is what the window calls the project."""
    return f"{_NAME}.starmark" if number == 1 else f"{_NAME} {number}.starmark"


def _planted(entry: Mapping[str, Any]) -> Planted:
    label = None if entry["label"] is None else _xy(entry["label"])
    return Planted(
        image=str(entry["image"]),
        label_set=str(entry["label_set"]),
        point=int(entry["point"]),
        kind=str(entry["kind"]),
        truth=_xy(entry["truth"]),
        label=label,
    )


def _xy(value: Sequence[Any]) -> tuple[float, float]:
    x, y = value
    return float(x), float(y)


def _entry(one: Planted) -> dict[str, Any]:
    label = None if one.label is None else list(one.label)
    return {
        "image": one.image, "label_set": one.label_set, "point": one.point, "kind": one.kind,
        "truth": list(one.truth), "label": label,
    }  # fmt: skip
