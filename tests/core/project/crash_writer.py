"""Run by the crash test: changes a project without end, and says on stdout what was acknowledged, until it is killed.

Arguments: project, seed. One JSON line an acknowledgement: [number, revision id, [[face, label set, version, x], ...]],
where x is the coordinate that the change gave point 0, null for no label; for a change to a face itself the label set
is "", and x the face's note. For an import: [number, [image, ...]].
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.face import Label
from core.project import AppliedEdit, Edits, FaceRecord, Project, SetFaceInfo, SetLabel
from tests.core.project.project_samples import ANNA, dataset

QUEUE = 8
"""Changes under way at a time, so that kills also meet a busy queue."""


def acknowledged(number: int, done: Future) -> None:
    result = done.result()
    if not isinstance(result, AppliedEdit):
        return
    changes = [
        [str(c.face_id), str(c.label_set_id), c.version, None if c.label is None else float(c.label.points[0, 0])]
        for c in result.changes
    ]
    changes += [[str(c.face_id), "", c.version, c.info.note] for c in result.face_changes]
    line = json.dumps([number, None if result.revision_id is None else str(result.revision_id), changes])
    os.write(1, line.encode() + b"\n")


def main(arguments: Sequence[str]) -> None:
    path, seed = Path(arguments[0]), int(arguments[1])
    chance = random.Random(seed)
    project = Project.open(path)
    mine = project.ensure_label_set(ANNA, "annotator")
    faces = [face.id for image in project.images(0, 20) for face in project.faces(image.id)]
    now = {face: (project.label(face, mine.id), project.label_version(face, mine.id)) for face in faces}
    labels = {face: None if found is None else found.label for face, (found, _) in now.items()}
    versions = {face: version for face, (_, version) in now.items()}
    os.write(1, b'"ready"\n')
    pending: list[Future] = []
    for number in itertools.count(seed * 1_000_000):
        what = chance.random()
        if what < 0.15:
            wait(pending)
            step = project.undo(ANNA) if chance.random() < 0.6 else project.redo(ANNA)
            if step is not None:
                done: Future = Future()
                done.set_result(step)
                acknowledged(number, done)
                for change in step.changes:
                    labels[change.face_id], versions[change.face_id] = change.label, change.version
        elif what < 0.2:
            wait(pending)
            folder = path.parent / f"import{number}"
            found = dataset(folder, chance.randint(1, 60), seed=number)
            project.import_dataset(found, "bulk", author=ANNA)
            os.write(1, json.dumps([number, [str(face.image) for face in found]]).encode() + b"\n")
        elif what < 0.3:
            wait(pending)
            chosen = chance.sample(faces, chance.randint(1, 3))
            mixed = [note(project.face(face), number) for face in chosen]
            mixed += [edit(face, mine.id, labels, versions, number) for face in chosen[:1]]
            acknowledged(number, project.apply_later(Edits(tuple(mixed), "note"), ANNA))
        else:
            chosen = chance.sample(faces, 1 if what < 0.8 else chance.randint(2, 10))
            edits = tuple(edit(face, mine.id, labels, versions, number) for face in chosen)
            future = project.apply_later(edits[0] if len(edits) == 1 else Edits(edits, "bulk"), ANNA)
            future.add_done_callback(lambda done, number=number: acknowledged(number, done))
            pending.append(future)
            if len(pending) >= QUEUE:
                pending.pop(0).result()


def edit(face, label_set, labels, versions, number: int) -> SetLabel:
    before = labels[face]
    after = Label("300w-68", np.zeros((68, 2))) if before is None else before
    after = after.with_point(0, (number + 0.25, 1.0))
    made = SetLabel(face, label_set, before, after, versions[face], "move point")
    labels[face] = after
    versions[face] += 1
    return made


def note(face: FaceRecord, number: int) -> SetFaceInfo:
    after = replace(face.info, note=str(number), review="question", tags=(f"tag {number}",))
    return SetFaceInfo(face.id, face.info, after, face.version, "note")


def wait(pending: list[Future]) -> None:
    while pending:
        pending.pop().result()


if __name__ == "__main__":
    main(sys.argv[1:])
