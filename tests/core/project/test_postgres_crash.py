"""Several processes writing one database, and a server that dies in the middle: nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import Future
from pathlib import Path
from uuid import UUID

import pytest

from core.errors import ProjectError
from core.project import AppliedEdit, Project, SetLabel
from tests.core.project.project_samples import ANNA, dataset, label
from tests.core.project.server_writer import TEAM
from tests.postgres import TestServer

ROOT = Path(__file__).resolve().parents[3]
WRITER = Path(__file__).with_name("server_writer.py")
EDITS = 200
FACES = 8


def start_writer(url: str, author: str, seed: int) -> subprocess.Popen:
    command = [sys.executable, "-u", str(WRITER), url, author, str(EDITS), str(seed)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


def test_two_processes_edit_the_same_faces(postgres: TestServer, tmp_path: Path) -> None:
    url = postgres.database()
    with Project.create(url) as project:
        project.import_dataset(dataset(tmp_path, FACES), "300w", author=ANNA)
    writers = {author: start_writer(url, author, seed) for seed, author in ((1, "One"), (2, "Two"))}
    said: dict[str, list[list]] = {}
    for process in writers.values():
        assert process.stdout is not None and json.loads(process.stdout.readline()) == "ready"
    for process in writers.values():
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for author, process in writers.items():
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        said[author] = [json.loads(line) for line in out.splitlines()]
    done = {author: [line for line in lines if len(line) == 3] for author, lines in said.items()}
    refused = {author: len(lines) - len(done[author]) for author, lines in said.items()}
    assert all(len(lines) == EDITS for lines in said.values()) and sum(refused.values()) > 0, "they never met"
    with Project.open(url) as project:
        assert project.verify() == []
        shared = project.ensure_label_set(TEAM, "annotator")
        kept: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
        for image in project.images():
            (face,) = project.faces(image.id)
            steps = [step for step in project.history(face.id) if step.label_set_id == shared.id]
            for step in steps:
                if step.action == "refused":
                    refused[step.author] -= 1
            steps = [step for step in steps if step.action == "edit"]
            assert [step.version for step in steps] == list(range(1, len(steps) + 1))
            for step in steps:
                kept[step.author].append((str(face.id), step.version, float(step.after.points[0, 0])))
        for author, lines in done.items():
            assert sorted(kept[author]) == sorted(tuple(line) for line in lines)
        assert set(refused.values()) == {0}, "what was refused is in the history as well, no more and no less"


@pytest.mark.parametrize("how", ["backend killed", "server crashed"])
def test_a_server_that_dies_keeps_what_it_acknowledged(postgres: TestServer, tmp_path: Path, how: str) -> None:
    cluster = postgres.cluster
    if cluster is None:
        pytest.skip("needs a server of our own, to kill it")
    url = postgres.database()
    with Project.create(url) as project:
        project.import_dataset(dataset(tmp_path, 120), "300w", author=ANNA)
        shared = project.ensure_label_set(TEAM, "annotator")
        faces = [face.id for image in project.images() for face in project.faces(image.id)]
        pid = project._writer.submit(lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar()).result()
        futures: list[Future[AppliedEdit]] = []
        for number, face in enumerate(faces):
            edit = SetLabel(face, shared.id, None, label(number), 0, "move point")
            futures.append(project.apply_later(edit, ANNA))
        futures[10].result()
        if how == "backend killed":
            os.kill(pid, signal.SIGKILL)
        else:
            cluster.stop("immediate")
            cluster.start()
        done, lost = split(faces, futures)
        postgres.wait()
        assert len(done) > 10 and lost, "it died too late to hit anything"
        for error in lost.values():
            assert isinstance(error, ProjectError) and error.where == url and error.remedy
        # Which it is depends on the moment: in the middle of a change, between two, or while it comes back.
        told = ("the connection to the server was lost", "the server cannot be reached", "the server is starting")
        assert all(any(words in str(error) for words in told) for error in lost.values())
        check(project, shared.id, done, lost)
        again = next(iter(lost))
        version = project.label_version(again, shared.id)
        before = project.label(again, shared.id)
        project.apply(SetLabel(again, shared.id, before and before.label, label(999), version, "again"), ANNA)
        assert project.label(again, shared.id).label == label(999)
    with Project.open(url) as project:
        check(project, shared.id, done, {})
        assert project.undo(ANNA).kind == "again"


def split(
    faces: list[UUID], futures: list[Future[AppliedEdit]]
) -> tuple[dict[UUID, AppliedEdit], dict[UUID, BaseException]]:
    """What was acknowledged, and what was not, by face."""
    done: dict[UUID, AppliedEdit] = {}
    lost: dict[UUID, BaseException] = {}
    for face, future in zip(faces, futures, strict=True):
        error = future.exception(timeout=60)
        if error is None:
            done[face] = future.result()
        else:
            lost[face] = error
    return done, lost


def check(project: Project, label_set: UUID, done: dict[UUID, AppliedEdit], lost: dict[UUID, BaseException]) -> None:
    """All that was acknowledged is there; of the rest at most one, whose answer was cut off."""
    assert project.verify() == []
    for face, applied in done.items():
        assert project.label(face, label_set).label == applied.changes[0].label
        assert applied.revision_id in [step.id for step in project.history(face)]
    assert sum(project.label(face, label_set) is not None for face in lost) <= 1
