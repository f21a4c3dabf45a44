"""What a disk may hold after a power cut at any moment of a recording (see `disk_recorder`).

What was synced is there. Of what was written since, any sectors may be there and others not, in any order, and the file
may be of any length between; a sector never written reads as zeros, or as what the disk had there before. Renames and
deletions since the last sync of the folder happened in their order up to some moment, as on every file system with a
journal of its own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.core.project.disk_recorder import Event

SECTOR = 512
WAYS = ("nothing", "all", "in order", "few", "half", "most", "cut")


@dataclass
class Disk:
    """`names` and `content` are what is safely on the disk; `written` and `renamed` what came since, in order."""

    names: dict[str, int]
    content: dict[int, bytearray]
    written: dict[int, list[Event]] = field(default_factory=dict)
    renamed: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, known: Mapping[str, int], files: Mapping[str, bytes]) -> Disk:
        return cls(dict(known), {number: bytearray(files[name]) for name, number in known.items()})

    def do(self, event: Event) -> None:
        kind, *rest = event
        if kind in ("write", "truncate"):
            self.written.setdefault(rest[0], []).append(event)
        elif kind == "sync":
            _write_all(self.content.setdefault(rest[0], bytearray()), self.written.pop(rest[0], []))
        elif kind == "sync names":
            for one in self.renamed:
                _rename(self.names, one)
            self.renamed.clear()
        elif kind != "ack":
            self.renamed.append(event)

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """One state the disk may be found in, by name."""
        names = dict(self.names)
        for event in self.renamed[: chance.randint(0, len(self.renamed))]:
            _rename(names, event)
        way = chance.choice(WAYS)
        state = {}
        torn: dict[int, bytes] = {}
        for name, number in sorted(names.items()):
            if number not in torn:
                mine = way if chance.random() < 0.7 else chance.choice(WAYS)
                torn[number] = _torn(self.content.get(number, bytearray()), self.written.get(number, []), mine, chance)
            state[name] = torn[number]
        return state


def _rename(names: dict[str, int], event: Event) -> None:
    match event:
        case ("create", name, number):
            names[name] = number
        case ("unlink", name):
            names.pop(name, None)
        case ("rename", old, new):
            names[new] = names.pop(old)
        case ("link", old, new):
            names[new] = names[old]


def _write_all(content: bytearray, events: list[Event]) -> None:
    for event in events:
        if event[0] == "truncate":
            _resize(content, event[2])
        else:
            _put(content, event[2], event[3])


def _put(content: bytearray, offset: int, data: bytes, filler: bytes = b"\0") -> None:
    if len(content) < offset:
        content += (filler * (offset - len(content)))[: offset - len(content)]
    content[offset : offset + len(data)] = data


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content += bytes(size - len(content))


def _torn(old: bytearray, events: list[Event], way: str, chance: random.Random) -> bytes:
    content = bytearray(old)
    if way == "nothing" or not events:
        return bytes(content)
    if way == "all":
        _write_all(content, events)
        return bytes(content)
    if way == "cut":
        _write_all(content, events)
        del content[chance.randint(min(len(old), len(content)), len(content)) :]
        return bytes(content)
    if way == "in order":
        last = chance.randrange(len(events))
        _write_all(content, events[:last])
        if events[last][0] == "write":
            _put(content, events[last][2], events[last][3][: chance.randint(0, len(events[last][3]))])
        return bytes(content)
    kept = {"few": 0.1, "half": 0.5, "most": 0.9}[way]
    filler = chance.choice((b"\0", chance.randbytes(64)))
    for event in events:
        if event[0] == "truncate":
            if chance.random() < kept:
                _resize(content, event[2])
            continue
        _, _, offset, data = event
        at = 0
        while at < len(data):
            size = min(SECTOR - (offset + at) % SECTOR, len(data) - at)
            if chance.random() < kept:
                _put(content, offset + at, data[at : at + size], filler)
            at += size
    return bytes(content)


def seen_at(known: Mapping[str, int], files: Mapping[str, bytes], events: list[Event]) -> dict[str, bytes]:
    """What programs see once `events` have happened, by name."""
    disk = Disk.of(known, files)
    for event in events:
        disk.do(event)
    for number, written in disk.written.items():
        _write_all(disk.content.setdefault(number, bytearray()), written)
    for event in disk.renamed:
        _rename(disk.names, event)
    return {name: bytes(disk.content.get(number, b"")) for name, number in disk.names.items()}
