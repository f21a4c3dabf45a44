"""The user's own copy of the sample: pictures and a project, made whole or not at all.

It is made in a folder beside its place, which takes its name when everything in it is on disk. An edited copy is never
touched again; a fresh one gets the next number.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from core import sample
from core.errors import FileError
from core.exchange import import_labels
from core.files import sync_folder
from core.formats import read_dataset
from core.images import find_images
from core.paths import user_home
from core.project import Project
from core.sample import IMAGES, LABEL_SETS, Plan, copies_in, file_name, folder_name, is_there, newest_copy

_PART = ".sample-"
_STALE_S = 3600.0
_SAME_PX = 0.01

Check = Callable[[], object]
"""Called between steps; raising from it ends the work, and nothing is left of it."""


def open_sample(
    home: Path | None = None, *, fresh: bool = False, source: Path | None = None, check: Check = lambda: None
) -> Project:
    """Open the user's newest copy of the sample, made if there is none yet; `fresh`: a new one in any case.

    Args:
        home: the user's folder (default: `core.paths.user_home`).
        source: what to copy (default: the sample as it comes with the program).

    Raises:
        FileError: the folder cannot be written.
        ProjectError: as `Project.open`.
    """
    place = user_home() if home is None else home
    known = None if fresh else newest_copy(place)
    return Project.open(known or _make(place, source or sample.SOURCE, check))


def untouched(project: Project, plan: Plan, author: str) -> bool:
    """Whether the labels that the tour shows are, for `author`, still as they were planted, and wait for a verdict."""
    spots = {spot.image: spot for spot in (plan.ambiguous, plan.wrong)}
    records = {record.id: spots[record.path.name] for record in project.images() if record.path.name in spots}
    faces = {face.id: face for group in project.faces_of(records).values() for face in group}
    labels = project.current_labels(list(faces), author)
    found = 0
    for face_id, face in faces.items():
        spot = records[face.image_id]
        label = labels.get(face_id)
        if face.review or label is None or spot.label is None:
            return False
        found += math.dist(label.label.points[spot.point], spot.label) < _SAME_PX
    return found == len(spots)


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
            number = max(copies_in(home), default=0) + 1
            _fill(part, file_name(number), source, check)
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
        target = home / folder_name(number)
        if os.path.lexists(target):
            continue
        wanted = part / file_name(number)
        if not wanted.exists():
            (part / file_name(first)).rename(wanted)
        try:
            part.rename(target)
        except OSError:
            if not os.path.lexists(target):
                raise
            wanted.rename(part / file_name(first))
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
