"""JSON item by item: the same as in one piece, for good files and bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import FormatError
from core.formats.json_file import bounded_extras, read_json, read_json_items, write_json_items


def _write(folder: Path, text: str | bytes) -> Path:
    path = folder / "x.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("data", [[], [1], [[], {}, "a,]", {"b": [1, 2]}, None], {"a": [1]}, "text", 3])
@pytest.mark.parametrize("indent", [None, 2])
def test_items_are_those_of_the_whole(data: Any, indent: int | None, tmp_path: Path) -> None:
    path = _write(tmp_path, b"\xef\xbb\xbf \r\n" + json.dumps(data, indent=indent).encode() + b"\n ")
    whole = read_json(path)
    assert whole == data
    items = list(read_json_items(path))
    assert [item for item, _ in items] == (whole if isinstance(whole, list) else [whole])
    shares = [share for _, share in items]
    assert shares == sorted(shares)
    assert all(0 < share <= 1 for share in shares)


@pytest.mark.parametrize(
    "text",
    [
        *("[1, 2", "[1 2]", "[1,]", "[,]", "[1]]", "[1] 2", "[", "{", '[{"a": 1, "a": 2}]'),
        *("[" * 100_000, "[" + "9" * 9999 + "]"),
    ],
)
def test_what_is_wrong_is_wrong_item_by_item_too(text: str, tmp_path: Path) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(FormatError):
        read_json(path)
    with pytest.raises(FormatError):
        list(read_json_items(path))


def test_the_line_of_a_mistake_and_the_items_before_it(tmp_path: Path) -> None:
    items = read_json_items(_write(tmp_path, "[1,\n2,\n3 4]"))
    assert [next(items)[0] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(FormatError, match="line 3"):
        next(items)


def test_items_written_are_read(tmp_path: Path) -> None:
    for data in ([], [{"a": "ü\udc80"}], [1, [2], "x"]):
        write_json_items(tmp_path / "x.json", iter(data))
        assert read_json(tmp_path / "x.json") == data


def test_extras_keep_what_fits_and_is_json() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    given = {"long": "x" * 30_000, "short": 1, "nan": [float("nan")], "deep": deep}
    given |= {"more": {"a": "y" * 19_000}, "b": "z" * 900}
    assert set(bounded_extras(given)) == {"short", "more", "b"}
    del given["deep"]
    while deep:  # from outside in, since freeing it at once recurses
        deep = deep.pop()
