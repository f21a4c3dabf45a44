"""JSON from strangers: bounded in bytes, values and depth, without a name twice, and with places for messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import FormatError, shown
from core.files import read_limited
from core.formats.base import MAX_EXTRAS
from core.formats.values import UnusableError

MAX_BYTES = 512 * 2**20
_MAX_VALUES = 12_000_000
"""Values a file may have, about 100 bytes each once read: more would not fit into memory."""

_MAX_VALUES_OF_ITEMS = 40_000_000
"""Values of a file that is read item by item."""

_SPACE = re.compile(r"[ \t\r\n]*+")

_REMEDY = "Correct the file, or export it again"


def read_json(path: str | Path, max_bytes: int = MAX_BYTES) -> Any:
    """The content of a JSON file (UTF-8, with or without a byte order mark). NaN and Infinity come as floats.

    Raises:
        FormatError: not such a file, too large, nested too deeply, or an object with a name twice; says the line.
    """
    with _problems(path):
        return json.loads(_text(path, max_bytes, _MAX_VALUES), object_pairs_hook=_unique)


def read_json_items(path: str | Path, max_bytes: int = MAX_BYTES) -> Iterator[tuple[Any, float]]:
    """The items of a file that is one list, each as it is read, so that they need not all lie in memory at once.

    With each comes the share of the file that is read by then, (0, 1]. A file that is something else is one item.
    Raises FormatError as `read_json`, where the file is wrong: after the items before that place.
    """
    with _problems(path):
        text = _text(path, max_bytes, _MAX_VALUES_OF_ITEMS)
    start = _after(text, 0)
    if text[start : start + 1] != "[":
        del text
        yield read_json(path, max_bytes), 1.0
        return
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    place = _after(text, start + 1)
    more = text[place : place + 1] != "]"
    while more:
        with _problems(path):
            item, place = decoder.raw_decode(text, place)
        yield item, place / len(text)
        with _problems(path):
            place = _after(text, place)
            more = text[place : place + 1] == ","
            if not more and text[place : place + 1] != "]":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, place)
            place = _after(text, place + 1) if more else place
    with _problems(path):
        if _after(text, place + 1) != len(text):
            raise json.JSONDecodeError("Extra data", text, place + 1)


def _after(text: str, place: int) -> int:
    """The place after white space."""
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _text(path: str | Path, max_bytes: int, max_values: int) -> str:
    data = read_limited(path, max_bytes, FormatError)
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > max_values:
        what = f"the file has too many values ({values:,}, at most {max_values:,})"
        raise FormatError(what, where=path, remedy="Divide it into several files")
    return data.decode("utf-8-sig")


@contextmanager
def _problems(path: str | Path) -> Iterator[None]:
    """Turns what is wrong with JSON into a FormatError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise FormatError("the file is not UTF-8 text", where=path, remedy=_REMEDY) from error
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}"
        raise FormatError(f"the file is not valid JSON ({error.msg})", where=where, remedy=_REMEDY) from error
    except RecursionError as error:
        raise FormatError("the file is nested too deeply", where=path, remedy=_REMEDY) from error
    except _TwiceError as error:
        raise FormatError(f"the name {error} occurs twice in one object", where=path, remedy=_REMEDY) from error
    except ValueError as error:  # a whole number of thousands of digits
        raise FormatError("the file has a number of too many digits", where=path, remedy=_REMEDY) from error


class _TwiceError(Exception):
    """A name that an object has twice: one of the two values would be lost without a word."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _TwiceError(shown(name, 40))
            seen.add(name)
    return found


def entry(data: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """`data[name]`, of that kind; UnusableError with the place in the file (such as `annotations[3]`) otherwise."""
    if not isinstance(data, dict):
        raise UnusableError(f"{where} must be an object")
    if name not in data:
        raise UnusableError(f"{where} has no '{name}'")
    value = data[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UnusableError(f"{where}.{name} is {shown(value, 40)}, not {_kind_text(kind)}")
    return value


_KIND_TEXTS = {
    dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number", bool: "true or false",
}  # fmt: skip


def _kind_text(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(dict.fromkeys(_KIND_TEXTS.get(one, one.__name__) for one in kinds))


def bounded_extras(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of `values` may be kept as the extras of a face: valid JSON, of `MAX_EXTRAS` characters in all."""
    kept: dict[str, Any] = {}
    room = MAX_EXTRAS
    for name, value in values.items():
        try:
            size = len(json.dumps({name: value}, allow_nan=False))
        except (ValueError, RecursionError):  # NaN, which is no JSON; or nested too deeply to be written again
            continue
        if size <= room:
            kept[name] = value
            room -= size
    return kept


def write_json(path: Path, data: Any) -> None:
    """Write `data` to a new file as UTF-8, without NaN; lone surrogates (file names that are no UTF-8) escaped."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def write_json_items(path: Path, items: Iterable[Any]) -> None:
    """Write a list as `write_json`, item by item as they come."""
    with path.open("wb") as stream:
        stream.write(b"[")
        for number, item in enumerate(items):
            text = json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            stream.write((b",\n" if number else b"\n") + text.encode("utf-8", "backslashreplace"))
        stream.write(b"\n]\n")
