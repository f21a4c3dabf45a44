"""Reading small TOML files that people write, within bounds: schemes, training settings, the crop rule."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from core.errors import StarmarkError
from core.files import read_limited

_MAX_BYTES = 2**20
# tomllib takes quadratic time and memory for keys of many parts; 200 KB of them are 50 s and 8 GB.
_DEEP_KEY = re.compile(r"""(?:\.[ \t]*["'\w-][ \t"'\w-]*){32}""")


def read_toml(path: str | Path, error: type[StarmarkError], kind: str) -> dict[str, Any]:
    """The content of a TOML file.

    Args:
        path: the file, at most 1 MB.
        error: class of what is raised.
        kind: what the file is, with article, for messages: "the scheme file".

    Raises:
        StarmarkError: of the class `error`: it cannot be read, is not UTF-8 or not TOML, or is nested without end.
    """
    try:
        text = read_limited(path, _MAX_BYTES, error).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{kind} is not UTF-8 text", where=path, remedy="Save it as UTF-8") from problem
    deep = _DEEP_KEY.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise error(f"a key has too many parts (line {line})", where=path, remedy="Correct the file at that place")
    try:
        return tomllib.loads(text)
    except RecursionError as problem:
        raise error(f"{kind} is nested too deeply", where=path, remedy="Correct the file") from problem
    except tomllib.TOMLDecodeError as problem:
        remedy = "Correct the file at that place"
        raise error(f"not valid TOML ({problem})", where=path, remedy=remedy) from problem
    except ValueError as problem:  # Python's own limit, of which tomllib does not say where
        remedy = "Correct the file"
        raise error("not valid TOML (a number has thousands of digits)", where=path, remedy=remedy) from problem
