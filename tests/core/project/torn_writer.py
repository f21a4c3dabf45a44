"""Run by the torn-writes test: works on projects as `STORIES` tell, while everything the disk gets is recorded.

Argument: a folder. There each story leaves STORY.recording, a pickle of (known, files, events): what was there before,
and then what happened. An event ("ack", name, digest, digest of the labels) says which state of which project was
acknowledged.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np

from core.face import Label
from core.project import Edits, Project, SetLabel, sqlite
from core.project.restoring import restore
from tests.core.project.disk_recorder import Recorder
from tests.core.project.project_samples import ANNA, dataset

NO_SQLITE = 3
"""Exit status where Python's SQLite cannot be reached."""

_LABELS = (
    "SELECT face_id, label_set_id, version, data FROM label ORDER BY 1, 2",
    "SELECT seq, id, author, action, kind, undo_seq, redo_seq FROM revision ORDER BY seq",
    "SELECT * FROM revision_item ORDER BY 1, 2",
)
_ALL = (
    "SELECT id, source FROM face ORDER BY seq",
    "SELECT name, kind FROM label_set ORDER BY seq",
    *_LABELS,
)


def digest(path: Path, *, labels_only: bool = False) -> str:
    """Stands for all that people put into the project file."""
    found = hashlib.sha256()
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        for query in _LABELS if labels_only else _ALL:
            for row in connection.execute(query):
                found.update(repr(row).encode())
    return found.hexdigest()


class Story:
    """A project being worked on; every step is acknowledged."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.folder = Path(recorder.folder)
        self.number = 0

    def did(self, path: Path) -> None:
        self.recorder.acknowledge(path.name, digest(path), digest(path, labels_only=True))

    def open(self, name: str) -> Project:
        project = Project.open(self.folder / name)
        self.did(project.path)
        return project

    def edit(self, project: Project, faces: int = 1) -> None:
        mine = project.ensure_label_set(ANNA, "annotator")
        self.did(project.path)
        self.number += 1
        every = [face.id for image in project.images(0, 20) for face in project.faces(image.id)]
        chosen = [every[(self.number + i) % len(every)] for i in range(faces)]
        edits = tuple(self._moved(project, face, mine.id) for face in chosen)
        project.apply(edits[0] if faces == 1 else Edits(edits, "bulk"), ANNA)
        self.did(project.path)

    def _moved(self, project: Project, face: UUID, label_set: UUID) -> SetLabel:
        found = project.label(face, label_set)
        before = None if found is None else found.label
        after = (before or Label("300w-68", np.zeros((68, 2)))).with_point(0, (self.number + 0.25, 1.0))
        return SetLabel(face, label_set, before, after, project.label_version(face, label_set), "move point")

    def import_more(self, project: Project, count: int = 4) -> None:
        self.number += 1
        found = dataset(self.folder / f"import{self.number}", count, seed=self.number)
        project.import_dataset(found, "bulk", author=ANNA)
        self.did(project.path)


def work(story: Story) -> None:
    """Edits, undo, a bulk edit and an import, twice, with a clean end in between."""
    for _ in range(2):
        with story.open("p.starmark") as project:
            for _ in range(4):
                story.edit(project)
            project.undo(ANNA)
            story.did(project.path)
            story.edit(project, faces=5)
            story.import_more(project)
            story.edit(project)


def on_a_share(story: Story) -> None:
    """The same without a write-ahead log."""
    sqlite.is_network = lambda _: True
    work(story)


def long_log(story: Story) -> None:
    """A log that is never brought into the file until the end."""
    _every_connection("PRAGMA wal_autocheckpoint=0")
    work(story)


def copies(story: Story) -> None:
    """The project goes on under other names: a new one, and one that a killed program left with its journal."""
    project = story.open("p.starmark")
    story.edit(project)
    for name in ("new", "killed.starmark"):
        project.save_as(story.folder / name, overwrite=name == "killed.starmark")
        story.did(project.path)
        story.edit(project)
    project.close()


def unnamed(story: Story) -> None:
    """A project made by the program, which gets its name later."""
    project = Project.scratch(story.folder)
    story.did(project.path)
    story.import_more(project)
    story.edit(project)
    project.save_as(story.folder / "named")
    story.did(project.path)
    story.edit(project)
    project.close()


def updated(story: Story) -> None:
    """A project of the first schema is opened."""
    project = story.open("old.starmark")
    story.edit(project)
    project.close()


def restored(story: Story) -> None:
    """Going back to a backup, also in the place of a project that a killed program left."""
    with story.open("p.starmark") as project:
        story.edit(project)
        backup = project.backups.make().path
        story.edit(project)
    for name in ("p.starmark", "killed.starmark"):
        restore(story.folder / name, backup)
        story.did(story.folder / name)
        with story.open(name) as project:
            story.edit(project)


STORIES: dict[str, Callable[[Story], None]] = {
    story.__name__: story for story in (work, on_a_share, long_log, copies, unnamed, updated, restored)
}


def prepare(folder: Path) -> None:
    """What is there before a story begins."""
    from tests.core.project.test_project_migrate import first_project

    with Project.create(folder / "p") as project:
        project.import_dataset(dataset(folder, 6), "300w", author=ANNA)
    first_project(folder / "old.starmark")
    with Project.open(folder / "p.starmark") as project:
        mine = project.ensure_label_set("Bert", "annotator")
        face = project.faces(project.images()[0].id)[0].id
        project.apply(SetLabel(face, mine.id, None, Label("300w-68", np.ones((68, 2))), 0, "first"), "Bert")
        copies = {suffix: (folder / f"p.starmark{suffix}").read_bytes() for suffix in ("", "-wal")}
    for suffix, data in copies.items():
        (folder / f"killed.starmark{suffix}").write_bytes(data)


def _every_connection(statement: str) -> None:
    connect = sqlite.connect

    def connected(*arguments, **options) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.execute(statement)
        return connection

    sqlite.connect = connected


def projects(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix == ".starmark" and path.name[0] != ".")


def tell(story: str, folder: Path, target: Path) -> None:
    """Work as `story` tells, in an empty folder, and write the recording."""
    folder.mkdir()
    prepare(folder)
    two = ("p", "killed")
    kept = {"unnamed": (), "updated": ("old",), "copies": two, "restored": two}.get(story, ("p",))
    for path in projects(folder):
        if path.stem not in kept:
            for one in folder.glob(f"{path.name}*"):
                one.unlink()
    _every_connection("PRAGMA wal_autocheckpoint=30")
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    before = {path.name: state_beside(path) for path in projects(folder)}
    recorder = Recorder(folder)
    if not recorder.install():
        sys.exit(NO_SQLITE)
    for name, state in before.items():
        recorder.acknowledge(name, *state)
    STORIES[story](Story(recorder))
    target.write_bytes(pickle.dumps((recorder.known, files, recorder.events)))


def main(place: str) -> None:
    for story in STORIES:
        child = os.fork()  # each wraps the file layer anew; one import of everything serves all
        if child == 0:
            tell(story, Path(place, story), Path(place, f"{story}.recording"))
            os._exit(0)  # past the wrapped layer, which must not be asked once Python is half gone
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            sys.exit(status)


def state_beside(path: Path) -> tuple[str, str]:
    """Both digests of a copy, since reading a project may change its journals."""
    folder = path.parent.parent / "read"
    folder.mkdir(exist_ok=True)
    try:
        for one in path.parent.glob(f"{path.name}*"):
            shutil.copy(one, folder)
        return digest(folder / path.name), digest(folder / path.name, labels_only=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1])
