"""Killing programs that work on a project, and looking whether anything is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

from core.project import Project
from core.project.backups import list_backups
from core.project.restoring import problems_of
from tests.core.project.crash_writer import NUMBERS
from tests.core.project.project_samples import ANNA, dataset, files

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})


class Kills:
    """Runs that end by a kill, each followed by a look at what is left.

    `acknowledged` counts what the killed programs were told is safe; each of it was looked up afterwards.
    """

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path = path
        self.chance = chance
        self.acknowledged = 0
        self._latest: dict[tuple[str, str], tuple[int, float | None]] = {}
        self._notes: dict[str, tuple[int, str]] = {}
        self._number: int | None = None
        self._used = -1

    @classmethod
    def prepared(cls, folder: Path, chance: random.Random) -> Kills:
        with Project.create(folder / "p") as project:
            project.import_dataset(dataset(folder, 20), "300w", author=ANNA)
        return cls(project.path, chance)

    def run(self, kind: str, seed: int) -> None:
        """Kill one program that does this `kind` of work; AssertionError or StarmarkError if anything is lost."""
        lines = killed_run(self.path, kind, seed, self.chance)
        self.acknowledged += len(lines)
        if kind == "restores":
            self._check_restored(lines, seed * NUMBERS)
        else:
            self._number = None
            self._check(lines)
        with closing(sqlite3.connect(self.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        shown = [name for name in files(self.path.parent) if "starmark" in name and name[0] != "."]
        assert shown == [self.path.name]  # half made copies have a dot there

    def _check(self, lines: list[dict]) -> None:
        by_kind: dict[str, list[dict]] = {}
        for line in lines:
            by_kind.setdefault(line["what"], []).append(line)
        with Project.open(self.path) as project:
            assert project.verify() == []
            self._check_edits(project, by_kind.get("edit", []))
            for line in by_kind.get("import", []) + by_kind.get("merge", []):
                for image in line["images"]:
                    (face,) = project.faces(project.find_image(image).id)
                    assert project.current_label(face.id).label_set.name == "bulk"
            for line in by_kind.get("face", []):
                self._notes[line["face"]] = (line["version"], line["note"])
            for face, (version, note) in self._notes.items():
                steps = [step for step in project.history(UUID(face)) if step.after_info and step.version == version]
                assert [step.after_info.note for step in steps] == [note]
            for line in by_kind.get("refused", []):
                kinds = [step.kind for step in project.history(UUID(line["face"])) if step.action == "refused"]
                assert line["kind"] in kinds
            for line in by_kind.get("snapshot", []):
                assert len(list(project.snapshot_labels(line["name"]))) == line["labels"]
            self._check_backups({line["name"] for line in by_kind.get("backup", [])})

    def _check_edits(self, project: Project, lines: list[dict]) -> None:
        fresh = {line["revision"]: line["changes"] for line in lines if line["revision"] is not None}
        for changes in fresh.values():
            for face, label_set, version, x in changes:
                if version > self._latest.get((face, label_set), (0, None))[0]:
                    self._latest[face, label_set] = (version, x)
        faces = {UUID(face) for face, _ in self._latest}
        steps = {(str(step.id), str(step.face_id)): step for face in faces for step in project.history(face)}
        for revision, changes in fresh.items():
            for face, label_set, version, x in changes:
                step = steps[revision, face]
                after = None if step.after is None else step.after.points[0, 0]
                assert (str(step.label_set_id), step.version, after) == (label_set, version, x)
        for (face, label_set), (version, x) in self._latest.items():
            now = project.label_version(UUID(face), UUID(label_set))
            assert now >= version  # a change may be on disk whose acknowledgement was not heard any more
            if now == version:
                found = project.label(UUID(face), UUID(label_set))
                assert (None if found is None else found.label.points[0, 0]) == x
        if project.can_undo(ANNA) and self.chance.random() < 0.3:
            before = {face: project.labels(face) for face in faces}
            undone = project.undo(ANNA)
            assert undone is not None and undone.changes
            assert project.redo(ANNA).faces == undone.faces
            for face in faces:
                assert [one.label for one in project.labels(face)] == [one.label for one in before[face]]

    def _check_backups(self, made: set[str]) -> None:
        """All that were acknowledged and not thinned since, and the newest."""
        found = list_backups(self.path)
        for backup in [one for one in found if one.name in made][:3] + found[:1]:
            assert problems_of(backup.path) == []
        assert len([one for one in found if one.name in made]) >= min(3, len(made))

    def _check_restored(self, lines: list[dict], first: int) -> None:
        """The project is as acknowledged last, as a restore under way would leave it, or one edit further."""
        allowed, self._used = {self._number}, first - 1
        for line in lines:
            if line["what"] == "restoring":
                allowed.add(line["number"])
            else:
                allowed, self._used = {line["number"]}, line["used"]
        with Project.open(self.path) as project:
            assert project.verify() == []
            face = project.faces(project.images(0, 1)[0].id)[0].id
            found = project.label(face, project.ensure_label_set(ANNA, "annotator").id)
            number = None if found is None else int(found.label.points[0, 0])
            unknown = self._number is None and not lines
            assert unknown or number in allowed | {self._used + 1}, (number, allowed, self._used)
            self._number = number
        self._check_backups(set())


def killed_run(path: Path, kind: str, seed: int, chance: random.Random) -> list[dict]:
    """Start the writer, kill it after a random number of acknowledgements and a moment, and give what it said."""
    with start("tests.core.project.crash_writer", path, seed, kind) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'"ready"\n'
        most = 40 if kind in ("mixed", "bulk edits") else 8
        lines = [process.stdout.readline() for _ in range(chance.randint(0, most))]
        # Up to the time that a step takes, so that any moment of one is met.
        until = time.perf_counter() + chance.uniform(0, 0.02 if kind in ("mixed", "bulk edits") else 0.1)
        while time.perf_counter() < until:
            pass
        process.kill()
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL  # it had not ended by itself
    assert all(line.endswith(b"\n") for line in lines[:-1])
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
