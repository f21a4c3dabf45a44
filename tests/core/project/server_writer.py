"""Run by the tests of several writers: edits shared faces of a project in a database, and says what was acknowledged.

Arguments: URL, author, number of edits, seed. After "ready" it waits for a line on stdin. Then one JSON line an edit:
[face, version, x] where it was acknowledged, [face] where it was refused as stale; x is the new place of point 0.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence

from core.errors import StaleEditError
from core.project import Project, SetLabel
from tests.core.project.project_samples import label

TEAM = "Team"


def main(arguments: Sequence[str]) -> None:
    url, author, count, seed = arguments[0], arguments[1], int(arguments[2]), int(arguments[3])
    chance = random.Random(seed)
    with Project.open(url) as project:
        shared = project.ensure_label_set(TEAM, "annotator")
        faces = [face.id for image in project.images() for face in project.faces(image.id)]
        say("ready")
        sys.stdin.readline()
        for number in range(count):
            face = chance.choice(faces)
            now = project.label(face, shared.id)
            x = seed * 1_000_000 + number + 0.25
            after = (label(0) if now is None else now.label).with_point(0, (x, 1.0))
            before, version = (None, 0) if now is None else now
            try:
                done = project.apply(SetLabel(face, shared.id, before, after, version, "move point"), author)
            except StaleEditError:
                say([str(face)])
            else:
                say([str(face), done.changes[0].version, x])


def say(what: object) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
