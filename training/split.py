"""Who is trained on, who chooses, who only reports: a split that keeps a person's pictures together."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

BUCKETS = 10
CHOICE_BUCKET = 3
REPORT_BUCKET = 7
_MIN_GROUPS = 20
_MAX_SHARE = 0.2


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
