"""Run by the crash test: changes a project without end, and says on stdout what was acknowledged, until it is killed.

Arguments: project, seed, kind of work (a key of `KINDS`, or "restores"). One JSON object a line: "what" was done, under
which "number", and what can be found again of it. The first line is "ready".
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np

from core.errors import StaleEditError
from core.face import Label
from core.project import AppliedEdit, Edits, Project, SetFaceInfo, SetLabel
from core.project.merge import merge
from core.project.restoring import restore
from tests.core.project.project_samples import ANNA, dataset

QUEUE = 8
"""Changes under way at a time, so that kills also meet a busy queue."""

NUMBERS = 1_000_000
"""Changes are numbered from the seed times this."""

KINDS = {
    "mixed": {
        "edit": 50, "bulk": 12, "undo": 12, "face": 8, "refused": 5,
        "import": 4, "snapshot": 4, "backup": 3, "merge": 2,
    },
    "bulk edits": {"bulk": 8, "undo": 2},
    "imports": {"import": 8, "edit": 2},
    "merges": {"merge": 7, "edit": 3},
    "backups": {"backup": 6, "bulk": 2, "edit": 2},
}  # fmt: skip


def say(what: str, number: int, **more: object) -> None:
    os.write(1, json.dumps({"what": what, "number": number, **more}).encode() + b"\n")


class Work:
    """What is known of the project without asking it, so that many changes can be under way."""

    def __init__(self, project: Project, chance: random.Random) -> None:
        self.project = project
        self.chance = chance
        self.mine = project.ensure_label_set(ANNA, "annotator")
        self.faces = [face.id for image in project.images(0, 25) for face in project.faces(image.id)]
        found = {face: project.label(face, self.mine.id) for face in self.faces}
        self.labels = {face: None if one is None else one.label for face, one in found.items()}
        self.versions = {face: project.label_version(face, self.mine.id) for face in self.faces}
        self.pending: list[Future] = []
        self.scratch = project.path.parent / "others"

    def edit(self, number: int) -> None:
        self.later(self.moved(self.chance.choice(self.faces), number), number)

    def bulk(self, number: int) -> None:
        chosen = self.chance.sample(self.faces, self.chance.choice((2, 5, len(self.faces))))
        self.later(Edits(tuple(self.moved(face, number) for face in chosen), "bulk"), number)

    def later(self, edit: SetLabel | Edits, number: int) -> None:
        future = self.project.apply_later(edit, ANNA)
        future.add_done_callback(lambda done: applied(number, done.result()))
        self.pending.append(future)
        if len(self.pending) >= QUEUE:
            self.pending.pop(0).result()

    def moved(self, face: UUID, number: int) -> SetLabel:
        before = self.labels[face]
        after = (before or Label("300w-68", np.zeros((68, 2)))).with_point(0, (number + 0.25, 1.0))
        made = SetLabel(face, self.mine.id, before, after, self.versions[face], "move point")
        self.labels[face] = after
        self.versions[face] += 1
        return made

    def undo(self, number: int) -> None:
        self.wait()
        step = self.project.undo(ANNA) if self.chance.random() < 0.6 else self.project.redo(ANNA)
        if step is not None:
            applied(number, step)
            for change in step.changes:
                self.labels[change.face_id], self.versions[change.face_id] = change.label, change.version

    def face(self, number: int) -> None:
        self.wait()
        face = next(face for image in self.project.images(0, 1) for face in self.project.faces(image.id))
        after = replace(face.info, note=f"note {number}", review=self.chance.choice(("accepted", "question")))
        # Another author, so that Anna's undo is of labels alone.
        self.project.apply(SetFaceInfo(face.id, face.info, after, face.version, "note"), "Bert")
        say("face", number, face=str(face.id), version=face.version + 1, note=after.note)

    def refused(self, number: int) -> None:
        self.wait()
        face = self.faces[0]
        stale = SetLabel(face, self.mine.id, None, Label("300w-68", np.ones((68, 2))), 10**6, f"stale {number}")
        with contextlib.suppress(StaleEditError):
            self.project.apply(stale, "Clara")
        say("refused", number, face=str(face), kind=stale.kind)

    def snapshot(self, number: int) -> None:
        self.wait()
        made = self.project.create_snapshot(f"snapshot {number}", ANNA)
        say("snapshot", number, name=made.name, labels=made.faces)

    def backup(self, number: int) -> None:
        backups = self.project.backups
        made = backups.make() if self.chance.random() < 0.5 else backups.if_due(0)
        if made is not None:
            say("backup", number, name=made.name)

    def an_import(self, number: int) -> None:
        self.wait()
        found = dataset(self.project.path.parent / f"import{number}", self.chance.randint(1, 60), seed=number)
        self.project.import_dataset(found, "bulk", author=ANNA)
        say("import", number, images=[str(face.image) for face in found])

    def merge(self, number: int) -> None:
        """With a stranger's project, or with a copy of this one that went its own way."""
        self.wait()
        self.scratch.mkdir(exist_ok=True)
        path = self.scratch / f"{number}.starmark"
        found = dataset(self.scratch / f"merge{number}", self.chance.randint(1, 20), seed=number)
        if self.chance.random() < 0.5:
            shutil.copy(self.project.backups.make().path, path)
            other = Project.open(path)
        else:
            other = Project.create(path)
        with other:
            other.import_dataset(found, "bulk", author="Bert", backup=False)
        merge(self.project, path, ANNA)
        path.unlink()
        say("merge", number, images=[str(face.image) for face in found])

    def wait(self) -> None:
        while self.pending:
            self.pending.pop().result()


def applied(number: int, result: AppliedEdit) -> None:
    changes = [
        [str(c.face_id), str(c.label_set_id), c.version, None if c.label is None else float(c.label.points[0, 0])]
        for c in result.changes
    ]
    say("edit", number, revision=None if result.revision_id is None else str(result.revision_id), changes=changes)


def work(project: Project, chance: random.Random, kind: str, numbers: Iterator[int]) -> None:
    todo = Work(project, chance)
    os.write(1, b'"ready"\n')
    names, weights = zip(*KINDS[kind].items(), strict=True)
    steps: dict[str, Callable[[int], None]] = {
        name: getattr(todo, "an_import" if name == "import" else name) for name in names
    }
    for number in numbers:
        steps[chance.choices(names, weights)[0]](number)


def restores(project: Project, chance: random.Random, numbers: Iterator[int]) -> None:
    """Edits of one label, whose number tells the state of the whole project; backups; going back to them."""
    path = project.path
    mine = project.ensure_label_set(ANNA, "annotator").id
    face = project.faces(project.images(0, 1)[0].id)[0].id
    kept: list[tuple[Path, int]] = []
    os.write(1, b'"ready"\n')
    for number in numbers:
        found = project.label(face, mine)
        after = Label("300w-68", np.full((68, 2), float(number)))
        before = None if found is None else found.label
        project.apply(SetLabel(face, mine, before, after, project.label_version(face, mine), "move"), ANNA)
        say("state", number, used=number)
        if chance.random() < 0.4:
            kept.append((project.backups.make().path, number))
        if kept and chance.random() < 0.4:
            backup, state = chance.choice(kept[-3:])
            say("restoring", state)
            project.close()
            restore(path, backup)
            project = Project.open(path)
            say("state", state, used=number)


def main(arguments: Sequence[str]) -> None:
    path, seed, kind = Path(arguments[0]), int(arguments[1]), arguments[2]
    project, chance = Project.open(path), random.Random(seed)
    numbers = itertools.count(seed * NUMBERS)
    if kind == "restores":
        restores(project, chance, numbers)
    else:
        work(project, chance, kind, numbers)


if __name__ == "__main__":
    main(sys.argv[1:])
