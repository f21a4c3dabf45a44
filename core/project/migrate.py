"""Schema versions: what this program can open, and bringing older projects up to date.

Alembic takes 0.2 s to import, so that it is asked only when there is something to do; the version it keeps in the file
is read directly.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from sqlalchemy import Connection, insert, text

from core.errors import ProjectError
from core.paths import user_home
from core.project.backup import backup
from core.project.engine import Where
from core.project.postgres import Server, lock_project, writing_engine
from core.project.schema import APPLICATION_ID, META, METADATA, REVISIONS
from core.project.sqlite import schema_engine

SCRIPTS = Path(__file__).parent / "migrations"


def create_schema(path: Path, meta: dict[str, str]) -> None:
    """Make the empty file `path` an empty project of the newest schema."""
    engine = schema_engine(path)
    try:
        with engine.begin() as connection:
            make_tables(connection)
            keep_meta(connection, meta)
    finally:
        engine.dispose()


def make_tables(connection: Connection, version: str = REVISIONS[-1]) -> None:
    """Make a project's tables, of any schema `version`, in an empty database or schema."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    if version != REVISIONS[-1]:
        _run_scripts(connection, version)
        return
    METADATA.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})


def keep_meta(connection: Connection, meta: dict[str, str]) -> None:
    """Write down what an empty project says of itself."""
    connection.execute(insert(META), [{"key": key, "value": value} for key, value in meta.items()])


def schema_version(connection: Connection) -> str | None:
    """The version the file says it has, None if it says nothing."""
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def check_version(connection: Connection, where: Where) -> bool:
    """Whether the file has the newest schema. ProjectError if it is one that this program does not know."""
    version = schema_version(connection)
    if version == REVISIONS[-1]:
        return True
    if version in REVISIONS:
        return False
    row = connection.execute(text("SELECT value FROM meta WHERE key = 'written_by'")).first()
    maker = "" if row is None else f" ({row[0]})"
    raise ProjectError(
        f"the project was made by a newer Starmark{maker} and this one cannot read it",
        where=where,
        remedy="Update Starmark",
    )


def upgrade(path: Path) -> Path:
    """Bring the project to the newest schema in one transaction, after a backup; where that lies."""
    engine = schema_engine(path)
    try:
        with engine.connect() as connection:
            old = schema_version(connection)
        target = path.with_name(f"{path.stem}.{_reason(old)}{path.suffix}")
        backup(path, target)
        with engine.begin() as connection:
            _run_scripts(connection, "head")
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise ProjectError(
                    "the project could not be brought up to date, for it refers to rows that are not there",
                    where=path,
                    remedy=f"Report this; nothing was changed, and there is a backup in {target.name}",
                )
    finally:
        engine.dispose()
    return target


def upgrade_server(server: Server) -> Path | None:
    """Like `upgrade` for a project in a database, where nobody else writes meanwhile; the backup is a file.

    None if another program did it while this one waited.
    """
    from core.project.transfer import backup_server

    engine = writing_engine(server, None)
    try:
        with engine.begin() as connection:
            lock_project(connection)
            old = schema_version(connection)
            if old == REVISIONS[-1]:
                return None
            folder = user_home() / "backups"
            folder.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w-]+", "_", server.name)
            target = folder / f"{name}.{_reason(old)}.starmark"
            backup_server(server, target)
            _run_scripts(connection, "head")
    finally:
        engine.dispose()
    return target


def _reason(old: str | None) -> str:
    return f"before-update-{old}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"


def _run_scripts(connection: Connection, version: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)
