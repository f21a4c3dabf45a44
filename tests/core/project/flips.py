"""A closed project file with some bytes changed: whatever they are, labels are right, or somebody is told."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from core.errors import ProjectError
from core.project import FaceLabel, Project
from tests.core.project.project_samples import ANNA, dataset, label, set_to

LONGEST_SECONDS = 2.0


@dataclass(frozen=True)
class Sound:
    """A project as it was written."""

    content: bytes
    labels: dict[UUID, list[FaceLabel]]

    @classmethod
    def made(cls, folder: Path) -> Sound:
        """Ten faces with two labels each and some history."""
        with Project.create(folder / "sound") as project:
            project.import_dataset(dataset(folder, 10), "300w", author=ANNA)
            mine = project.ensure_label_set(ANNA, "annotator")
            for number, image in enumerate(project.images(0, 10)):
                face = project.faces(image.id)[0].id
                for seed in range(1 + number % 3):
                    project.apply(set_to(project, face, mine, label(seed)), ANNA)
            labels = labels_of(project)
        return cls(project.path.read_bytes(), labels)

    def flipped(self, chance: random.Random) -> bytes:
        """One to eight bytes changed, a block filled, or the end missing; often where SQLite keeps its structure."""
        content = bytearray(self.content)
        way = chance.random()
        if way < 0.1:
            return bytes(content[: chance.randrange(100, len(content))])
        if way < 0.2:
            size = chance.choice((16, 512, 4096))
            at = chance.randrange(len(content)) // size * size
            content[at : at + size] = chance.choice((bytes(size), chance.randbytes(size)))[: len(content) - at]
        for _ in range(chance.choice((1, 1, 2, 8)) if way >= 0.2 else 0):
            page = chance.randrange(len(content) // 4096) * 4096
            at = page + (chance.randrange(100) if chance.random() < 0.4 else chance.randrange(4096))
            content[at] ^= chance.randrange(1, 256)
        return bytes(content)

    def outcome(self, path: Path) -> str:
        """ "refused", "told" by `verify`, or "right"; AssertionError for a wrong label, or one that took too long."""
        begin = time.perf_counter()
        try:
            found = self._look(path)
        except ProjectError as error:
            assert "\n" not in str(error) and str(error).count(". ") <= 2, str(error)
            found = "refused"
        assert time.perf_counter() - begin < LONGEST_SECONDS
        return found

    def _look(self, path: Path) -> str:
        with Project.open(path) as project:
            if project.verify():
                return "told"
            assert labels_of(project) == self.labels, "a wrong label is shown as right"
        return "right"


def labels_of(project: Project) -> dict[UUID, list[FaceLabel]]:
    return {face.id: project.labels(face.id) for image in project.images(0, 50) for face in project.faces(image.id)}
