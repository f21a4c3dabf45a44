"""XML from strangers: no document types, entities or external references, bounded in bytes, depth and elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from core.errors import FormatError
from core.files import open_regular

MAX_BYTES = 1024 * 2**20
_MAX_DEPTH = 50
_MAX_ELEMENTS = 50_000_000
_MAX_ATTRIBUTES = 1000
_REMEDY = "Correct the file, or export it again"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTES = {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def elements(path: str | Path, *names: str, max_bytes: int = MAX_BYTES) -> Iterator[Element]:
    """Each element with one of these names, whole, in the order they end; memory is freed once the caller goes on.

    What lies outside such elements is dropped as it is read; of nested ones with these names the inner comes first and
    is still part of the outer.

    Raises:
        FormatError: no such file, no well-formed XML (says the line), an entity or document type, or too much of it.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    with open_regular(path, max_bytes, FormatError) as stream:
        try:
            yield from _wanted(iterparse(stream, events=("start", "end"), forbid_dtd=True), names, path)
        except ParseError as error:
            line = getattr(error, "position", (0, 0))[0]
            raise FormatError(f"not well-formed XML ({error})", where=f"{path}, line {line}", remedy=_REMEDY) from error
        except DefusedXmlException as error:
            what = "the file declares a document type or entities, which can hide anything"
            raise FormatError(what, where=path, remedy="Remove the declaration, if you trust the file") from error
        except (LookupError, ValueError) as error:  # an encoding that Python does not know
            raise FormatError(f"the XML cannot be decoded ({error})", where=path, remedy=_REMEDY) from error


def _wanted(events: Iterator[tuple[str, Any]], names: tuple[str, ...], path: str | Path) -> Iterator[Element]:
    open_elements: list[Element] = []
    inside = 0  # wanted elements that are open: their content must stay
    count = 0
    for event, element in events:
        if event == "start":
            count += 1
            open_elements.append(element)
            inside += element.tag in names
            if len(open_elements) > _MAX_DEPTH or count > _MAX_ELEMENTS or len(element.attrib) > _MAX_ATTRIBUTES:
                raise FormatError("the XML is nested too deeply, or too large", where=path, remedy=_REMEDY)
            continue
        open_elements.pop()
        if element.tag in names:
            inside -= 1
            yield element
        if not inside:
            element.clear()
            if open_elements:
                open_elements[-1].remove(element)


def quoted(text: str) -> str:
    """`text` as the value of an attribute, in double quotes; letters that XML has no way to write become "?"."""
    return f'"{escape(_NOT_XML.sub("?", text), _QUOTES)}"'


def content(text: str) -> str:
    """`text` as the content of an element; letters that XML has no way to write become "?"."""
    return escape(_NOT_XML.sub("?", text), {"\r": "&#13;"})


def quoted_path(path: str) -> str:
    """An image path as the value of an attribute.

    Raises:
        FormatError: it has letters that XML has no way to write, so that it would name another file.
    """
    if _NOT_XML.search(path):  # control characters, and names that are no UTF-8
        what = "the image's path has characters that XML cannot hold"
        raise FormatError(what, where=path, remedy="Rename it, or choose another format")
    return quoted(path)
