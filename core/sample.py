"""The sample: rendered faces and one portrait, labelled by two simulated annotators, as a project of the user's own.

What comes with the program (`resources/sample`) is only read. The user's copy is made whole or not at all: in a folder
beside its place, which takes its name when everything in it is on disk. An edited copy is never touched again; a fresh
one gets the next number.

    resources/sample/
        images/                  pictures
        LABEL SET.json           what an annotator says, in COCO's layout
        truth/points.json        where the points really are, likewise; never imported
        planted.json             which labels were really spoilt, and those that the tour shows
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FileError, FormatError
from core.exchange import import_labels
from core.files import read_limited, sync_folder
from core.formats import read_dataset
from core.images import find_images
from core.paths import user_home
from core.project import Project

SOURCE = Path(__file__).resolve().parent.parent / "resources" / "sample"
IMAGES, PLANTED, TRUTH = "images", "planted.json", "truth/points.json"
LABEL_SETS = ("annotator B", "annotator A")
"""In the order of their import: the last one is shown first."""

_NAME = "Sample"
_FOLDER = re.compile(r"sample(?: (\d{1,6}))?")
_PART = ".sample-"
_STALE_S = 3600.0
_MAX_JSON = 4_000_000

Check = Callable[[], object]
"""Called between steps; raising from it ends the work, and nothing is left of it."""


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


def is_there(source: Path = SOURCE) -> bool:
    """Whether this copy of the program has a sample."""
    return (source / PLANTED).is_file()


def read_plan(source: Path = SOURCE) -> Plan:
    """What was planted. FormatError if the file is not as it should be."""
    path = source / PLANTED
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


def newest_sample(home: Path | None = None) -> Path | None:
    """The project file of the user's newest copy; None if there is none yet."""
    copies = _copies(user_home() if home is None else home)
    return next((copies[number] for number in sorted(copies, reverse=True) if copies[number].is_file()), None)


def open_sample(
    home: Path | None = None, *, fresh: bool = False, source: Path = SOURCE, check: Check = lambda: None
) -> Project:
    """Open the user's newest copy of the sample, made if there is none yet; `fresh`: a new one in any case.

    Args:
        home: the user's folder (default: `core.paths.user_home`).
        source: the sample as it comes with the program.

    Raises:
        FileError: the folder cannot be written.
        ProjectError: as `Project.open`.
    """
    place = user_home() if home is None else home
    known = None if fresh else newest_sample(place)
    return Project.open(known or _make(place, source, check))


def _planted(entry: Mapping[str, Any]) -> Planted:
    label = None if entry["label"] is None else _xy(entry["label"])
    return Planted(
        str(entry["image"]), str(entry["label_set"]), int(entry["point"]), str(entry["kind"]), _xy(entry["truth"]), label
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


def _copies(home: Path) -> dict[int, Path]:
    """Project files of the copies by number, whether or not they are there still."""
    found = {}
    with contextlib.suppress(OSError):
        for folder in home.iterdir():
            match = _FOLDER.fullmatch(folder.name)
            if match is not None:
                number = int(match[1] or 1)
                found[number] = folder / _file_name(number)
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"


def _file_name(number: int) -> str:
    return f"{_numbered(_NAME, number)}.starmark"


def _make(home: Path, source: Path, check: Check) -> Path:
    """Make the next copy, and say where its project is."""
    if not is_there(source):
        raise FileError("the sample is missing from this copy of Starmark", where=source,
                        remedy="Install Starmark again")
    try:
        home.mkdir(parents=True, exist_ok=True)
        _remove_left_over(home)
        part = home / f"{_PART}{secrets.token_hex(6)}"
        part.mkdir()
        try:
            number = max(_copies(home), default=0) + 1
            _fill(part, _file_name(number), source, check)
            return _publish(part, home, number)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise FileError(f"the sample cannot be copied ({error.strerror or error})", where=home,
                        remedy="Check the free space, and that you may write there") from error


def _fill(folder: Path, name: str, source: Path, check: Check) -> None:
    """Pictures, and a project with their labels, which keeps the pictures' paths relative to itself."""
    images = folder / IMAGES
    images.mkdir()
    for picture in sorted((source / IMAGES).iterdir()):
        check()
        _copy(picture, images / picture.name)
    sync_folder(images)
    with Project.create(folder / name) as project:
        for label_set in LABEL_SETS:
            check()
            labels = read_dataset(source / f"{label_set}.json", "coco", images_root=folder)
            import_labels(project, labels, label_set, author=label_set, kind="annotator", backup=False)
        project.add_images(find_images([images]))  # those without a label come last
    sync_folder(folder)


def _copy(picture: Path, target: Path) -> None:
    """Contents only: what is installed for reading only shall not make the user's copy so."""
    with target.open("xb") as stream:
        stream.write(picture.read_bytes())
        stream.flush()
        os.fsync(stream.fileno())


def _publish(part: Path, home: Path, first: int) -> Path:
    """Give the finished folder its name, the next one if another window was quicker."""
    for number in itertools.count(first):
        target = home / _numbered(_NAME.lower(), number)
        if os.path.lexists(target):
            continue
        wanted = part / _file_name(number)
        if not wanted.exists():
            (part / _file_name(first)).rename(wanted)
        try:
            part.rename(target)
        except OSError:
            if not os.path.lexists(target):
                raise
            wanted.rename(part / _file_name(first))
            continue
        sync_folder(home)
        return target / wanted.name
    raise AssertionError("unreachable")


def _remove_left_over(home: Path) -> None:
    """Half-made copies of a process that was killed; those of the last hour may still be in the making."""
    for folder in home.glob(f"{_PART}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_S:
                shutil.rmtree(folder, ignore_errors=True)
