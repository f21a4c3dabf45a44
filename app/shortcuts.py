"""Which keys start which action: the table's own, and what the user made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from PySide6.QtGui import QKeySequence

from app.action_table import TABLE

Keys = tuple[str, ...]
"""Portable key texts; the first is shown in menus."""

FIXED: dict[str, str] = {
    "Esc": "gives up a drag, a box or a selection",
    "Space": "moves the picture while it is held, and presses buttons",
}
"""Keys that belong to the canvas or to every window, and what they do."""

_OWN: dict[str, Keys] = {spec.id: spec.shortcuts for spec in TABLE}


def portable(key: str) -> str:
    """One key text in the form that is compared and kept; empty for what is no key."""
    return QKeySequence.fromString(key, QKeySequence.SequenceFormat.PortableText).toString()


def keymap(changed: Mapping[str, Keys]) -> dict[str, Keys]:
    """The keys of every action. What the user chose comes first: a key chosen there is taken from the table's owner."""
    taken = {portable(key) for keys in changed.values() for key in keys}
    return {
        action: changed[action] if action in changed else tuple(key for key in own if portable(key) not in taken)
        for action, own in _OWN.items()
    }


def owner(keys: Mapping[str, Keys], key: str) -> str | None:
    """The action that a key starts."""
    wanted = portable(key)
    return next((action for action, own in keys.items() if wanted in map(portable, own)), None)


def changes(keys: Mapping[str, Keys]) -> dict[str, Keys]:
    """What differs from the table."""
    return {action: own for action, own in keys.items() if own != _OWN[action]}


def default(action: str) -> Keys:
    """The table's own keys."""
    return _OWN[action]


def write(changed: Mapping[str, Keys]) -> str:
    """For the settings; empty for nothing."""
    return json.dumps({action: list(keys) for action, keys in sorted(changed.items())}) if changed else ""


def read(text: str) -> dict[str, Keys]:
    """What `write` gave; unknown actions, keys that are none, and keys given twice are left out."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    result: dict[str, Keys] = {}
    taken: set[str] = set()
    for action, keys in found.items() if isinstance(found, dict) else ():
        if action not in _OWN or not isinstance(keys, list):
            continue
        good = [portable(key) for key in keys if isinstance(key, str)]
        result[action] = tuple(key for key in dict.fromkeys(good) if key and key not in taken and key not in FIXED)
        taken.update(result[action])
    return result
