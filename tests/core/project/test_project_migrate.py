"""Schema versions: the scripts make what the tables say, and older projects are backed up and brought up to date."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import ProjectError
from core.project import Project, migrate
from core.project.engine import schema_engine
from core.project.schema import METADATA, REVISIONS
from tests.core.project.project_samples import ANNA, files, label, set_to, with_face

ROOT = Path(__file__).resolve().parents[3]

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("image", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text, nullable=False, server_default="from before"))
"""


def schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name != 'alembic_version'").fetchall()
    # Constraints come in any order.
    return {name: sorted((sql or "").replace("\n", " ").replace(")", ",").split(",")) for name, sql in rows}


def test_the_scripts_make_the_tables_the_program_uses(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    engine = schema_engine(tmp_path / "by-scripts")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()
    with Project.create(tmp_path / "p") as project:
        pass
    assert schema(tmp_path / "by-scripts") == schema(project.path)


def test_the_list_of_versions_is_that_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program with one more schema version."""
    scripts = tmp_path / "scripts"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "0002_next.py").write_text(NEXT)
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    monkeypatch.setattr(migrate, "REVISIONS", (*REVISIONS, "0002"))


def old_project(folder: Path) -> tuple[Path, object, object]:
    folder.mkdir()
    with Project.create(folder / "p") as project:
        face, mine = with_face(project, folder)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
    return project.path, face, mine.id


def test_an_older_project_is_backed_up_and_brought_up_to_date(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path, face, mine = old_project(tmp_path / "mine")
    before = path.read_bytes()
    request.getfixturevalue("newer_program")
    with pytest.raises(ProjectError, match=r"older Starmark.*for writing once"):
        Project.open(path, read_only=True)
    with Project.open(path) as project:
        (kept,) = [name for name in files(path.parent) if "before-update-0001" in name]
        assert kept in project.notes[0]
        assert project.label(face, mine) == (label(1), 1)
        assert project.verify() == []
        assert project.undo(ANNA) is not None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT note FROM image").fetchall() == [("from before",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
    with closing(sqlite3.connect(path.parent / kept)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    assert len(before) > 0
    with Project.open(path) as project:
        assert project.notes == ()


def test_an_update_that_fails_leaves_the_project_as_it_was(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path, face, mine = old_project(tmp_path / "mine")
    request.getfixturevalue("newer_program")
    script = migrate.SCRIPTS / "versions" / "0002_next.py"
    script.write_text(script.read_text() + "    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    with pytest.raises(ProjectError, match="nowhere"):
        Project.open(path)
    request.getfixturevalue("monkeypatch").undo()
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)
        assert project.verify() == []


def test_alembic_is_not_loaded_without_need(tmp_path: Path) -> None:
    """It takes longer to load than a project takes to open."""
    code = (
        "import sys; from core.project import Project; Project.create(sys.argv[1]).close(); "
        "Project.open(sys.argv[1]).close(); "
        "print([name for name in ('alembic', 'torch', 'cv2', 'PySide6') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "p.starmark")], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"
