"""Schema versions in a database: made by the scripts, brought up to date once, refused where newer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from core.errors import ProjectError
from core.project import Project, migrate
from core.project import server as server_module
from core.project.postgres import parse, writing_engine
from core.project.schema import METADATA, REVISIONS
from tests.core.project.project_samples import ANNA, files, label, set_to, with_face
from tests.core.project.test_project_migrate import first_project
from tests.postgres import TestServer

NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "{REVISIONS[-1]}"


def upgrade() -> None:
    with op.batch_alter_table("image") as batch:
        batch.add_column(sa.Column("fresh", sa.Text, nullable=False, server_default="from before"))
"""


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Called, this becomes a program with one more schema version; `more` is added to its script."""

    def become(more: str = "") -> None:
        scripts = tmp_path / "scripts"
        if not scripts.exists():
            shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "9998_next.py").write_text(NEXT + more)
        monkeypatch.setattr(migrate, "SCRIPTS", scripts)
        monkeypatch.setattr(migrate, "REVISIONS", (*REVISIONS, "9998"))
        monkeypatch.setattr(server_module, "REVISIONS", (*REVISIONS, "9998"))

    return become


@pytest.fixture
def url(postgres: TestServer) -> str:
    return postgres.database()


def test_the_scripts_make_the_tables_the_program_uses(url: str) -> None:
    engine = writing_engine(parse(url), None)
    with engine.begin() as connection:
        migrate._run_scripts(connection, "head")
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_project_of_the_first_schema(url: str, tmp_path: Path, isolated_home: Path) -> None:
    """Its rows come from a file of that schema, with all that the copying of rows can do."""
    from core.project.postgres import reading_engine
    from core.project.sqlite import read_engine
    from core.project.transfer import copy_rows

    face, mine = first_project(tmp_path / "old.starmark")
    place = f"{url}?images={tmp_path}"
    source, target = read_engine(tmp_path / "old.starmark"), writing_engine(parse(url), None)
    with source.connect() as old, target.begin() as new:
        migrate.make_tables(new, "0001")
        copy_rows(old, new, parse(place).paths(), parse(place).paths())
    for engine in (source, target):
        engine.dispose()
    with pytest.raises(ProjectError, match=r"older Starmark.*for writing once"):
        Project.open(place, read_only=True)
    with Project.open(place) as project:
        (kept,) = (isolated_home / "starmark" / "backups").iterdir()
        assert str(kept) in project.notes[0] and ".before-update-0001-" in kept.name
        assert project.verify() == [] and project.label(face, mine).label == label(2)
        assert project.redo(ANNA).changes[0].label == label(3)
        assert project.undo(ANNA).changes[0].label == label(2)
    with Project.open(place) as project:
        assert project.notes == ()
        assert [project.undo(ANNA).kind for _ in range(2)] == ["step 3", "step 2"]
    with Project.open(kept) as backup:  # which is of the old schema, and brought up to date now
        assert "brought up to date" in backup.notes[0]
        assert backup.verify() == [] and backup.label(face, mine).label == label(2)
        assert [image.path for image in backup.images()] == [tmp_path / "a.jpg"]
    engine = reading_engine(parse(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_newer_project_is_refused_and_left_alone(postgres: TestServer, url: str) -> None:
    with Project.create(url):
        pass
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", url)
    postgres.execute("UPDATE meta SET value = 'Starmark 9.9' WHERE key = 'written_by'", url)
    for read_only in (False, True):
        with pytest.raises(ProjectError, match=r"newer Starmark \(Starmark 9\.9\).*Update"):
            Project.open(url, read_only=read_only)


def test_who_is_in_the_midst_of_it_writes_no_more_once_another_updates(
    url: str, tmp_path: Path, newer_program: Callable[..., None]
) -> None:
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        edit = set_to(project, face, mine, label(1))
        newer_program()
        with Project.open(url) as newer:
            assert "brought up to date" in newer.notes[0]
            newer.add_images([tmp_path / "b.jpg"])
        with pytest.raises(ProjectError, match=r"up to date meanwhile.*Open it again"):
            project.apply(edit, ANNA)
        assert project.label(face, mine.id) is None


def test_an_update_that_fails_leaves_the_project_as_it_was(
    url: str, tmp_path: Path, newer_program: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
    newer_program("    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    with pytest.raises(ProjectError, match="nowhere"):
        Project.open(url)
    monkeypatch.undo()
    with Project.open(url) as project:
        assert project.notes == () and project.label(face, mine.id) == (label(1), 1)


def test_two_who_open_an_older_project_update_it_once(
    url: str, tmp_path: Path, isolated_home: Path, newer_program: Callable[..., None]
) -> None:
    with Project.create(url):
        pass
    newer_program()
    with ThreadPoolExecutor(2) as pool:
        projects = list(pool.map(Project.open, [url, url]))
    try:
        assert len(files(isolated_home / "starmark" / "backups")) == 1
        assert sorted(len(project.notes) for project in projects) == [0, 1]
        for project in projects:
            project.add_images([tmp_path / f"{len(project.notes)}.jpg"])
    finally:
        for project in projects:
            project.close()
