"""Merging files into databases and back: what holds between files holds here."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from core.errors import StaleEditError, UsageError
from core.project import Project
from core.project.conflicts import conflicts
from core.project.transfer import copy_project
from tests.core.project.project_samples import ANNA, dataset
from tests.core.project.test_project_merge import BEN, known, merged, move, work
from tests.postgres import TestServer


@pytest.mark.parametrize("seed", range(2))
def test_whatever_was_done_nothing_is_lost(postgres: TestServer, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    places = [str(tmp_path / "a.starmark"), f"{postgres.database()}?images={tmp_path}", str(tmp_path / "b.starmark")]
    with Project.create(places[0]) as first:
        first.import_dataset(dataset(tmp_path / "img", 4, seed), "300w", author=ANNA)
    for place in places[1:]:
        copy_project(places[0], place)
    for one, other in ((1, 0), (2, 1), (1, 2), (0, 1)):
        for place in places:
            with Project.open(place) as project:
                work(project, chance)
        with Project.open(places[one]) as project, Project.open(places[other], read_only=True) as theirs:
            faces = [face.id for image in theirs.images() for face in theirs.faces(image.id, removed=True)]
            merged(project, Path(places[other]) if other != 1 else places[other], chance.choice([ANNA, BEN]))
            for face in faces:
                here = project.history(face)
                assert {step.id for step in theirs.history(face)} <= {step.id for step in here}
                shown = {found.label.points.tobytes() for found in project.labels(face)}
                gone = {found.label.points.tobytes() for found in theirs.labels(face)} - shown
                assert all(known(points, here) for points in gone)
            with contextlib.suppress(StaleEditError):  # the label has moved on
                project.undo(ANNA)
            assert project.verify() == []


def test_a_conflict_with_the_team(postgres: TestServer, tmp_path: Path) -> None:
    url = f"{postgres.database()}?images={tmp_path}"
    with Project.create(url) as team:
        team.import_dataset(dataset(tmp_path, 1), "300w", author=ANNA)
        face = team.faces(team.images()[0].id)[0].id
        move(team, face, 1)
        home = copy_project(url, tmp_path / "home")
        move(team, face, 2)
        with Project.open(home) as project:
            move(project, face, 3)
        merged(team, Path(home))
        assert len(conflicts(team)) == 1
        assert {name.label_set.name for name in team.labels(face)} == {"300w", ANNA, f"{ANNA} (from home)"}
        with pytest.raises(UsageError, match="itself"):
            merged(team, url)
