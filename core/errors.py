"""The one exception hierarchy: every message says what happened, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path

_LONGEST = 1000
_LINE_END = re.compile(r"\s*[\r\n]\s*")  # libraries word their problems in several lines


def shown(value: object, limit: int = 60) -> str:
    """A value from a file, for a message: short, whatever it is; tables, lists and dates by their kind."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, date | time):
        return "a date or time"
    if isinstance(value, int) and abs(value) >= 10**limit:
        return "a number of many digits"
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit else text[:limit] + "..."


def one_line(text: str) -> str:
    """`text` as a terminal may get it: file names and file contents can hold line ends and control characters."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


class StarmarkError(Exception):
    """Base of all errors a user may see.

    Args:
        what: one clause saying what is wrong, without a trailing full stop.
        where: file (with line or face, if known) the problem is in.
        remedy: what the user can do about it, as an imperative sentence without a full stop.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, remedy: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        what = one_line(_LINE_END.sub(" ", self.what[: 2 * _LONGEST]))
        text = what if self.where is None else f"{one_line(self.where)}: {what}"
        return text if self.remedy is None else f"{text}. {one_line(self.remedy)}."

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def _rebuild(kind: type[StarmarkError], what: str, where: str | None, remedy: str | None) -> StarmarkError:
    """Recreate an error that crossed a process boundary."""
    return kind(what, where=where, remedy=remedy)


class ImageError(StarmarkError):
    """An image that cannot be read, or is too large to be read safely."""


class FileError(StarmarkError):
    """A file that cannot be written where it was asked for."""


class FormatError(StarmarkError):
    """An annotation file that does not follow its format."""


class SchemeError(StarmarkError):
    """A landmark scheme that is inconsistent, unknown, or does not fit the data."""


class CheckpointError(StarmarkError):
    """A model file that is not one, is damaged, or does not fit its scheme."""


class DeviceError(StarmarkError):
    """A compute device that was asked for and is not there."""


class ConfigError(StarmarkError):
    """A configuration file or option with a wrong key, type or value."""


class UsageError(StarmarkError):
    """A request that makes no sense as given: nothing to do, or contradicting options."""


class TrainingError(StarmarkError):
    """A training run that cannot start or go on."""


class ProjectError(StarmarkError):
    """A project file that cannot be opened, read or written."""


class NoProjectError(ProjectError):
    """A database that can be reached and has no project in it."""


class ProjectUnreachableError(ProjectError):
    """A project on a server that does not answer."""


class ProjectReadOnlyError(ProjectError):
    """A write to a project that was opened for reading."""


class ProjectLockedError(ProjectError):
    """A project that another process is writing."""


class StaleEditError(ProjectError):
    """An edit made against a version of a label that is no longer the current one."""
