"""Which faces a synthetic data set has, and where each one's randomness comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from core.errors import ConfigError, UsageError
from core.files import write_atomic
from core.formats.json_file import read_json

PLAN_FILE = "plan.json"
VERSION = 1
"""Raised whenever the same plan gives other pictures or points."""

_PERSON, _LOOK, _PHOTO = 1, 2, 3


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """A data set to render; the same plan gives the same labels on every machine.

    Attributes:
        people: number of identities.
        photos: pictures of each.
        seed: decides everything else.
        size: width and height of the pictures, px.
    """

    people: int
    photos: int = 2
    seed: int = 0
    size: int = 512

    def __post_init__(self) -> None:
        for name, low, high in (("people", 1, 99_999), ("photos", 1, 1000), ("seed", 0, 2**31 - 1), ("size", 64, 4096)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"'{name}' must be from {low} to {high}, not {value}")

    def __len__(self) -> int:
        return self.people * self.photos

    def faces(self) -> Iterator[tuple[int, int]]:
        """(person, photo) of every face."""
        return ((person, photo) for person in range(self.people) for photo in range(self.photos))

    def rng(self, person: int, photo: int | None = None, *, look: bool = False) -> np.random.Generator:
        """The generator of a person's head or look, or of one picture's: they share nothing."""
        if photo is None:
            return np.random.default_rng((self.seed, _LOOK if look else _PERSON, person))
        return np.random.default_rng((self.seed, _PHOTO, person, photo, int(look)))


def face_name(person: int, photo: int) -> str:
    """Stem of a face's files; what is before the last "_" is the person."""
    return f"p{person:05d}_{photo}"


def keep_plan(plan: RenderPlan, scheme: str, folder: Path) -> None:
    """Write the plan into its folder, or check that the folder is of the same one: then rendering goes on there.

    Raises:
        UsageError: the folder has something else in it.
    """
    wanted = {"version": VERSION, "scheme": scheme, **asdict(plan)}
    path = folder / PLAN_FILE
    if path.is_file():
        if read_json(path) != wanted:
            raise UsageError("the folder has faces of another plan", where=folder, remedy="Choose another folder")
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError("the folder is not empty", where=folder, remedy="Choose a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(wanted, indent=1) + "\n")


def read_plan(folder: Path) -> RenderPlan:
    """The plan of a rendered folder.

    Raises:
        FileError, FormatError: there is none, or it is damaged.
        ConfigError: it is of another version.
    """
    data = read_json(folder / PLAN_FILE)
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ConfigError("the plan is of another version", where=folder / PLAN_FILE, remedy="Render the faces again")
    return RenderPlan(**{field.name: data[field.name] for field in fields(RenderPlan)})
