"""Schema versions: the scripts make what the tables say, and older projects are backed up and brought up to date."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import ProjectError
from core.face import Box
from core.judgement import Decision, judge_label
from core.project import FaceInfo, Project, SetFaceInfo, migrate
from core.project.schema import APPLICATION_ID, METADATA, REVISIONS, new_id
from core.project.sqlite import schema_engine
from tests.core.project.project_samples import ANNA, label, label_of_the_first_layout, set_to, with_face

ROOT = Path(__file__).resolve().parents[3]

NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "{REVISIONS[-1]}"


def upgrade() -> None:
    with op.batch_alter_table("image", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text, nullable=False, server_default="from before"))
"""


def schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name != 'alembic_version'").fetchall()
    # Constraints come in any order, columns that were added later after them, and a table that was renamed has quotes.
    parts = {name: (sql or "").translate({10: " ", 34: "", 41: ","}).split(",") for name, sql in rows}
    return {name: sorted(filter(None, map(str.strip, found))) for name, found in parts.items()}


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
    (scripts / "versions" / "9998_next.py").write_text(NEXT)
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    monkeypatch.setattr(migrate, "REVISIONS", (*REVISIONS, "9998"))


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
        (kept,) = project.backups.list()
        assert kept.reason == "before-migration"
        assert kept.name in project.notes[0]
        assert project.label(face, mine) == (label(1), 1)
        assert project.verify() == []
        assert project.undo(ANNA) is not None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT note FROM image").fetchall() == [("from before",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9998",)]
    with closing(sqlite3.connect(kept.path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISIONS[-1],)]
    assert len(before) > 0
    with Project.open(path) as project:
        assert project.notes == ()


def test_an_update_that_fails_leaves_the_project_as_it_was(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path, face, mine = old_project(tmp_path / "mine")
    request.getfixturevalue("newer_program")
    script = migrate.SCRIPTS / "versions" / "9998_next.py"
    script.write_text(script.read_text() + "    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    with pytest.raises(ProjectError, match="nowhere"):
        Project.open(path)
    request.getfixturevalue("monkeypatch").undo()
    with Project.open(path) as project:
        assert project.label(face, mine) == (label(1), 1)
        assert project.verify() == []


def first_project(path: Path) -> tuple[UUID, UUID]:
    """A file of schema 0001: an imported label, three edits of a copy of it, the last of them undone."""
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    engine = schema_engine(path)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    engine.dispose()
    image, face, other, imported, mine = (new_id() for _ in range(5))
    steps = [
        # action, target, below, undo, redo; label set, version, before, after
        ("import", None, None, None, None, imported, 1, None, 0),
        ("edit", None, None, 2, None, mine, 1, None, 1),
        ("edit", None, 2, 3, None, mine, 2, 1, 2),
        ("edit", None, 3, 4, None, mine, 3, 2, 3),
        ("undo", 4, None, 3, 5, mine, 4, 3, 2),
    ]

    def blob(seed: int | None) -> bytes | None:
        return None if seed is None else label_of_the_first_layout(label(seed))

    with closing(sqlite3.connect(path)) as c:
        c.executemany("INSERT INTO meta VALUES (?, ?)", [("id", str(new_id())), ("written_by", "Starmark 0.1")])
        c.execute("INSERT INTO image (id, path, size) VALUES (?, 'a.jpg', 5)", [image.hex])
        for one, box in ((face, (1.5, 2, 30, 40)), (other, (None,) * 4)):
            c.execute(
                "INSERT INTO face (id, image_id, box_x, box_y, box_w, box_h, source, tags) VALUES (?,?,?,?,?,?,?,?)",
                [one.hex, image.hex, *box, "list.txt:1", '["blur"]'],
            )
        for one, name, kind in ((imported, "300w", "import"), (mine, ANNA, "annotator")):
            c.execute("INSERT INTO label_set (id, name, kind) VALUES (?, ?, ?)", [one.hex, name, kind])
        for seq, (action, target, below, undo, redo, label_set, version, before, after) in enumerate(steps, 1):
            c.execute(
                "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [seq, new_id().hex, ANNA, 10**15 + seq, action, f"step {target or seq}", target, below, undo, redo],
            )
            c.execute(
                "INSERT INTO revision_item VALUES (?, 0, ?, ?, ?, ?, ?)",
                [seq, face.hex, label_set.hex, version, blob(before), blob(after)],
            )
        for label_set, version, seq, seed in ((imported, 1, 1, 0), (mine, 4, 5, 2)):
            c.execute("INSERT INTO label VALUES (?, ?, ?, ?, ?)", [face.hex, label_set.hex, version, seq, blob(seed)])
        c.commit()
    return face, mine


def test_a_project_of_the_first_schema(tmp_path: Path) -> None:
    path = tmp_path / "old.starmark"
    face, mine = first_project(path)
    with Project.open(path) as project:
        assert "before-migration" in project.notes[0]
        assert project.verify() == []
        assert project.label(face, mine) == (label(2), 4)
        one, two = project.faces(project.images()[0].id)
        assert (one.id, one.box, one.tags, one.source, two.box) == (
            face, Box(1.5, 2, 30, 40), ("blur",), "list.txt:1", None,
        )  # fmt: skip
        assert [(step.action, step.version) for step in project.history(face)] == [
            ("import", 1), ("edit", 1), ("edit", 2), ("edit", 3), ("undo", 4),
        ]  # fmt: skip
        assert project.redo(ANNA).changes[0].label == label(3)
    with Project.open(path) as project:
        assert project.notes == ()
        assert [project.undo(ANNA).kind for _ in range(3)] == ["step 4", "step 3", "step 2"]
        assert project.label(face, mine) is None and project.current_label(face, ANNA).label == label(0)
        project.apply(set_to(project, face, project.ensure_label_set(ANNA, "annotator"), label(7)), ANNA)
        new = project.add_face(project.images()[0].id, None)
        assert [one.id for one in project.faces(new.image_id)][2] == new.id
        assert project.verify() == []


def test_faces_from_before_decisions(tmp_path: Path) -> None:
    """A project of schema 0002 with a face that was edited: nothing of it is lost, and it can be decided about."""
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        record = project.face(face)
        project.apply(SetFaceInfo(face, record.info, replace(record.info, note="old"), 0, "note"), ANNA)
        before = project.face(face), project.history(face)
    with closing(sqlite3.connect(project.path)) as connection:  # back to what a file of that schema is
        connection.execute("ALTER TABLE face DROP COLUMN judgements")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        connection.commit()
    with Project.open(project.path) as newer:
        assert "before-migration" in newer.notes[0] and newer.verify() == []
        assert (newer.face(face), newer.history(face)) == before
        record = newer.face(face)
        given = judge_label(label(1), 3, Decision.MODEL_WRONG, ANNA, ANNA, 5)
        after = replace(record.info, judgements=(given,))
        newer.apply(SetFaceInfo(face, record.info, after, record.version, "decide"), ANNA)
    with Project.open(project.path) as again:
        assert again.notes == () and again.face(face).judgements == (given,)
        assert again.undo(ANNA).kind == "decide" and again.undo(ANNA).kind == "note"
        assert again.face(face).info == FaceInfo(box=before[0].box) and again.verify() == []


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
