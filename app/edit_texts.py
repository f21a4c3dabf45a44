"""What edits are called on screen. The project keeps their names in English, whoever made them."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.texts import SOURCE_LANGUAGE, shown_language, tr, tr_count

TEMPLATES = (
    "soft move{way}",
    "move point{way}",
    "move {what}{way}",
    "snap {what} to prediction",
    "snap {what} to the axis",
    "take {what} from {name}",
    "take away {what}",
    "mirror {what} from the other side",
    "spread {what}",
    "smooth {what}",
    "turn {what}",
    "size {what}",
    "lock {what}",
    "unlock {what}",
    "flag {what}",
    "unflag {what}",
    "set visible: {what}",
    "set occluded: {what}",
    "set outside the image: {what}",
    "swap left and right",
    "start from the mean shape",
    "place point",
    "accept prediction",
    "add face",
    "delete face",
    "go back",
    "keep ours",
    "make consensus",
    "re-space contours",
    "shift dialect back",
    "shift labels back",
    "replace points by the prediction",
    "un-swap left and right",
    "drop points",
    "weigh points down",
    "take a repair back",
    "change note",
    "change tags",
    "take back the review",
    "accept face",
    "dispute face",
    "reject face",
)
"""Names of edits; the more special of two that fit stands first."""

_WAYS = ("", " along the curve", " along the ellipse", " across it")
_ENTRIES = {
    "way": "(?P<way>" + "|".join(map(re.escape, _WAYS)) + ")",
    "what": "(?P<what>.+?)",
    "name": "(?P<name>.+)",
}
_PATTERNS = tuple(
    (template, re.compile("".join(_ENTRIES.get(part, re.escape(part)) for part in re.split(r"[{}]", template))))
    for template in TEMPLATES
)
_COUNTS: dict[str, Callable[[int], str]] = {
    "point": lambda n: tr_count("{n} point", "{n} points", n),
    "curve": lambda n: tr_count("{n} curve", "{n} curves", n),
}


def shown_edit(text: str) -> str:
    """The name of an edit in the user's language; one that is not known is shown as it is kept."""
    if shown_language() == SOURCE_LANGUAGE:
        return text
    for template, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            values = found.groupdict()
            if "way" in values:
                values["way"] = {
                    "": "",
                    " along the curve": tr(" along the curve"),
                    " along the ellipse": tr(" along the ellipse"),
                    " across it": tr(" across it"),
                }[values["way"]]
            if "what" in values:
                values["what"] = _what(values["what"])
            return tr(template, **values)
    return text


def _what(text: str) -> str:
    """A count of points or curves, "curve", "face", or the name of a curve, which its scheme gave it."""
    found = re.fullmatch(r"(\d+) (point|curve)s?", text)
    if found:
        return _COUNTS[found[2]](int(found[1]))
    return {"curve": tr("curve"), "face": tr("face")}.get(text, text)
