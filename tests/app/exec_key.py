"""A strict reader of the Exec key, written from the Desktop Entry Specification: what a desktop would start."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

_STRING_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")


def value_of(entry: Path, key: str) -> str:
    """A value of type string, its escapes resolved."""
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(entry.read_text(encoding="utf-8"))
    return re.sub(r"\\(.)", lambda match: _STRING_ESCAPES[match[1]], parser["Desktop Entry"][key])


def words_of(entry: Path, files: list[str]) -> list[str]:
    """The words that the Exec key stands for; ValueError where it breaks a rule."""
    words: list[str] = []
    rest = value_of(entry, "Exec")
    while rest := rest.lstrip(" "):
        if quoted := re.match(r'"((?:[^"\\`$]|\\["\\`$])*)"(?= |$)', rest):
            words.append(re.sub(r"\\(.)", r"\1", quoted[1]).replace("%%", "%"))
            rest = rest[quoted.end() :]
            continue
        word, _, rest = rest.partition(" ")
        if _RESERVED & set(word):
            raise ValueError(f"a reserved character outside quotes: {word}")
        if word == "%F":
            words += files
        elif re.search(r"%(?!%)", word):
            raise ValueError(f"a field code that was not expected: {word}")
        else:
            words.append(word.replace("%%", "%"))
    return words
