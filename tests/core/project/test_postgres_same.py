"""What the store promises holds on a PostgreSQL server too: the tests of the project file, run again on databases."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.project import Project
from tests.core.project import (
    test_project_edits,
    test_project_faces,
    test_project_facts,
    test_project_history,
    test_project_snapshots,
    test_project_store,
)
from tests.postgres import TestServer

MODULES = (
    test_project_edits, test_project_faces, test_project_facts, test_project_history, test_project_snapshots,
    test_project_store,
)  # fmt: skip

# What is about files, SQLite, or the order in which one process holds a lock.
ABOUT_FILES = {
    "test_a_chain_of_a_thousand_edits",
    "test_a_closed_project_says_so",
    "test_a_damaged_project_is_an_error_wherever_it_is_damaged",
    "test_a_file_that_may_not_be_read",
    "test_a_forgotten_lock_file_locks_nobody_out",
    "test_a_full_disk_loses_nothing_that_was_there",
    "test_a_long_chain_through_closing",
    "test_a_link_leads_to_the_same_lock",
    "test_a_network_share_is_told_from_the_table_of_mounts",
    "test_a_new_project_is_empty_and_one_file_when_closed",
    "test_a_newer_project_is_refused_and_left_alone",
    "test_a_pipe_is_refused_and_not_waited_for",
    "test_a_snapshot_keeps_what_was_current",  # takes long, for it makes many faces
    "test_acknowledged_means_committed",
    "test_create_in_a_missing_folder",
    "test_create_never_replaces_a_file",
    "test_files_that_are_no_projects",
    "test_ids_grow_and_carry_their_time",
    "test_many_threads",
    "test_no_thread_is_left",
    "test_one_writer_at_a_time_within_a_process",
    "test_paths_near_the_project_move_with_it",
    "test_read_only_projects_read_and_refuse_to_write",
    "test_the_promises_of_the_connection",
}


def _tests() -> Iterator[tuple[object, Callable[[Path], None]]]:
    for module in MODULES:
        for name, test in sorted(vars(module).items()):
            plain = inspect.isfunction(test) and list(inspect.signature(test).parameters) == ["tmp_path"]
            about_files = name in ABOUT_FILES or "save" in name or "scratch" in name
            if name.startswith("test_") and plain and not about_files:
                yield module, test


@pytest.mark.parametrize(("module", "test"), [pytest.param(*pair, id=pair[1].__name__) for pair in _tests()])
def test_as_with_a_file(
    module: object,
    test: Callable[[Path], None],
    tmp_path: Path,
    postgres: TestServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places: dict[Path, str] = {}

    class OnServer(Project):
        """Takes a file's name where it is made and opened, and is in a database."""

        @classmethod
        def create(cls, path: str | os.PathLike[str]) -> Project:
            target = Path(path)
            places[target] = f"{postgres.database()}?images={target.parent}"
            project = super().create(places[target])
            project.stands_for = target
            return project

        @classmethod
        def open(cls, path: str | os.PathLike[str], *, read_only: bool = False) -> Project:
            project = super().open(places[Path(path)], read_only=read_only)
            project.stands_for = Path(path)
            return project

        @property
        def path(self) -> Path:
            return self.stands_for

    monkeypatch.setattr(module, "Project", OnServer)
    test(tmp_path)
    assert places
