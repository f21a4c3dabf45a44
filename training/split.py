"""Who is trained on, who chooses, who only reports: a split that keeps a person's pictures together.

A face's part follows from the name of its group alone: crc32(name) % 10 is 7 for faces that only report, 3 for those
that choose, anything else for those that are trained on. So a person is on the same side in every run, on every
machine, and however many faces are added.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from core.errors import ConfigError

BUCKETS = 10
CHOICE_BUCKET = 3
REPORT_BUCKET = 7
PERSON_TAG = "person:"
_MIN_GROUPS = 20
_MAX_SHARE = 0.2

_RULES = {
    "auto": "person (file name up to the last '_'), or the file where names do not tell people apart",
    "identity": "person (file name up to the last '_')",
    "folder": "folder of the image",
    "tag": f"tag '{PERSON_TAG}NAME' of the face, or the file without one",
    "file": "image file",
}


class Part(StrEnum):
    """Parts of a data set."""

    TRAIN = "train"
    CHOICE = "val"
    REPORT = "report"


def identity_of(path: Path) -> str:
    """The person a file shows: its stem before the last underscore."""
    return path.stem.rpartition("_")[0] or path.stem


def part_of(group: str) -> Part:
    """The part a group belongs to; the same on every machine and in every run."""
    bucket = zlib.crc32(group.encode()) % BUCKETS
    if bucket == CHOICE_BUCKET:
        return Part.CHOICE
    return Part.REPORT if bucket == REPORT_BUCKET else Part.TRAIN


def groups_of(paths: Sequence[Path]) -> list[str]:
    """The group of each file: its identity, or the file itself where names do not tell people apart.

    Names such as image_0018 would put a whole data set into one identity, and so into one part.
    """
    identities = [identity_of(path) for path in paths]
    counts = Counter(identities)
    telling = len(counts) >= _MIN_GROUPS and max(counts.values()) <= _MAX_SHARE * len(paths)
    return identities if telling else [path.stem for path in paths]


def groups_by(by: str, paths: Sequence[Path], tags: Sequence[Sequence[str]]) -> list[str] | list[None]:
    """The group of each face by one of `training.config.GROUPINGS`.

    Args:
        by: "auto" is `groups_of`, whose choice between person and file looks at the whole data set: with a set that
            grows, name "identity" or "file", so that nobody changes sides. "folder" is the name of the image's folder,
            "tag" a tag of the face such as "person:anna". "none" does not split: every group is None.
        paths, tags: of each face.

    Raises:
        ConfigError: no face has such a tag.
    """
    if by == "none":
        return [None] * len(paths)
    if by == "auto":
        return groups_of(paths)
    if by == "tag":
        people = [next((tag for tag in own if tag.startswith(PERSON_TAG)), None) for own in tags]
        if not any(people):
            raise ConfigError(f"no face has a tag '{PERSON_TAG}NAME'", remedy="Choose another split_by, or tag faces")
        return [person or path.stem for person, path in zip(people, paths, strict=True)]
    name = {"identity": identity_of, "folder": lambda path: path.parent.name, "file": lambda path: path.stem}[by]
    return [name(path) for path in paths]


def split_rule(by: str) -> str:
    """What a model's header says of the split."""
    if by == "none":
        return "none: every face is trained on"
    return f"crc32({_RULES[by]}) % {BUCKETS}: {REPORT_BUCKET} reports, {CHOICE_BUCKET} chooses, the rest trains"
