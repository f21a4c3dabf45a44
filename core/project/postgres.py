"""Connections to a project in a PostgreSQL database: its address, its settings, and its errors in our words.

psycopg is an optional extra, loaded only when such a project is opened.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from core.errors import ProjectError, ProjectUnreachableError, UsageError
from core.paths import project_name
from core.project.images import ImagePaths, absolute
from core.project.schema import APPLICATION_ID
from core.version import VERSION

_READERS = 4
LOCK_SECONDS = 60
"""How long a write waits for another program's: an import of 100,000 faces may take that long."""

ANSWER_SECONDS = 120
"""How long a statement may go without a byte from the server: a server that is stopped keeps its connections."""

_SECRETS = ("password", "sslpassword")
"""Parameters that are neither shown nor remembered."""

_DRIVER_DEFAULTS: dict[str, Any] = {
    # A host that does not answer, or is gone, is found out in seconds and not after the system's two hours.
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "application_name": f"Starmark {VERSION}",
    "client_encoding": "utf8",
}

_SESSION = (
    # "On disk" is what a commit means here, whatever the server's default; stricter defaults stay.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    # The server notices a vanished program, and gives its lock up, within a minute.
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
    "SET idle_in_transaction_session_timeout = '10min'",
)

_MISSING_IMAGES = "(the image folder is not given)"


@dataclass(frozen=True, slots=True)
class Server:
    """A project's place in a database.

    Attributes:
        url: for the driver; may hold a password.
        text: the URL as it is shown, remembered and opened again: without a password.
        images: absolute folder that image paths are kept relative to on this computer, None for absolute paths.
    """

    url: URL
    text: str
    images: Path | None

    @property
    def name(self) -> str:
        """For titles and lists."""
        return project_name(self.text)

    def paths(self) -> ImagePaths:
        """How image paths are written down."""
        return FolderPaths(self.images)


class FolderPaths(ImagePaths):
    """Image paths of a project that has no file: relative to a folder each computer has in its own place.

    Without a folder they are kept absolute, and those that are relative lead nowhere rather than somewhere else.
    """

    def __init__(self, folder: Path | None) -> None:
        super().__init__((folder or Path(absolute("/"))) / "project")
        self._nowhere = None if folder is not None else Path(self.folder) / _MISSING_IMAGES

    def text(self, stored: str) -> str:
        """See `ImagePaths`."""
        if self.leads_nowhere(stored):
            return str(Path(self._nowhere or "", *(part for part in stored.split("/") if part != "..")))
        return super().text(stored)

    def leads_nowhere(self, stored: str) -> bool:
        """Whether an image is kept relative to a folder that was not given."""
        return self._nowhere is not None and not os.path.isabs(stored)  # noqa: PTH117 (a Path costs more)

    def _relative(self, full: str) -> str | None:
        return super()._relative(full) if self._nowhere is None else None


def parse(location: str) -> Server:
    """The place that a URL such as postgresql://anna@server/faces?images=/mnt/faces names.

    UsageError if it cannot be read; the message never quotes the URL, for it may hold a password.
    """
    remedy = "Write it as postgresql://USER@HOST/DATABASE?images=FOLDER, with @ : / in a password as %40 %3A %2F"
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise UsageError("the address of the database cannot be read", remedy=remedy) from error
    if "@" in (url.host or "") or "/" in (url.database or ""):
        raise UsageError("the address of the database cannot be read", remedy=remedy)
    if not url.database and "service" not in url.query:
        raise UsageError("the address does not name a database", remedy=remedy)
    query = dict(url.query)
    images = query.pop("images", None)
    if not isinstance(images, str | None):
        raise UsageError("the address names the folder of images twice", remedy="Give one folder")
    folder = None if not images else Path(absolute(Path(images).expanduser()))
    url = url.set(drivername="postgresql+psycopg", query=query)
    return Server(url, _shown(url, folder), folder)


def _shown(url: URL, images: Path | None) -> str:
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    options = [
        (key, value)
        for key, values in url.query.items()
        if key not in _SECRETS
        for value in ((values,) if isinstance(values, str) else values)
    ]
    if images is not None:
        options.append(("images", str(images)))
    query = "&".join(f"{quote(key)}={quote(value, safe='/:,')}" for key, value in options)
    return plain.render_as_string() + (f"?{query}" if query else "")


def writing_engine(server: Server, version: str | None) -> Engine:
    """The one connection that writes.

    Every transaction takes the project's one lock at its beginning, so that revisions are numbered in the order of
    their commits and nobody decides on a state that another is changing. With a `version`, it then makes sure that
    the tables still are of that version.
    """
    engine = _engine(server, 1)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        _set(connection, (*_SESSION, f"SET lock_timeout = '{LOCK_SECONDS}s'"))

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if version is not None:
            lock_project(connection)
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found != version:
                raise ProjectError(
                    "another program has brought the project up to date meanwhile",
                    remedy="Open it again, with an up-to-date Starmark",
                )

    return engine


def reading_engine(server: Server) -> Engine:
    """Connections that only read, each transaction seeing one state."""
    engine = _engine(server, _READERS)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        import psycopg

        _set(connection, _SESSION)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True

    return engine


def lock_project(connection: Connection) -> None:
    """Wait for the project's one write lock, and hold it until the transaction ends.

    An advisory lock: one on the table would keep autovacuum away. Its number holds that of the table `revision`, so
    that projects in several schemas of one database do not wait for each other. At READ COMMITTED the statements
    after it see all that was committed before it was given.
    """
    key = f"({APPLICATION_ID}::bigint << 32) | 'revision'::regclass::oid::bigint"
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")


def lock_making(connection: Connection) -> None:
    """Hold off everybody else who makes a project in this database until the transaction ends."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID}::bigint << 32)")


def _engine(server: Server, size: int) -> Engine:
    try:
        engine = create_engine(
            server.url,
            connect_args=_arguments(server),
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0 if size == 1 else -1,
            pool_pre_ping=True,  # a server that was restarted meanwhile costs nobody an edit
        )
    except ImportError as error:
        raise ProjectError(
            f"projects on a PostgreSQL server need the package psycopg, which cannot be loaded ({error})",
            where=server.text,
            remedy='Install it with pip install "psycopg[binary]" in the environment Starmark runs in',
        ) from error
    kind = _impatient_connection()

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, words: Any, arguments: Any) -> Any:
        return kind.connect(*words, **arguments)

    return engine


def _impatient_connection() -> Any:
    """A class of connections that end, rather than wait for ever, when the server has fallen silent."""
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
            return super().wait(self._watched(gen), *arguments, **options)

        def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            last = time.monotonic()
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if ready:
                        last = time.monotonic()
                    elif time.monotonic() - last > ANSWER_SECONDS:
                        self.pgconn.finish()
                        raise psycopg.OperationalError("the connection is lost: the server does not answer")
                    wanted = gen.send(ready)
            except StopIteration as end:
                return end.value

    return Impatient


def _arguments(server: Server) -> dict[str, Any]:
    """What the driver is told beside the URL, which comes first."""
    arguments = {key: value for key, value in _DRIVER_DEFAULTS.items() if key not in server.url.query}
    # Statements prepared on the server break when somebody changes the tables, and behind some connection poolers.
    return arguments | {"prepare_threshold": None}


def _set(connection: Any, statements: tuple[str, ...]) -> None:
    connection.autocommit = True  # or a later rollback would take the settings back
    for statement in statements:
        connection.execute(statement)
    connection.autocommit = False


_Words = tuple[str, str]

_LOST: _Words = (
    "the connection to the server was lost, and the last change may not have been kept",
    "Look at the face as it is now, and repeat the change if it is missing",
)
_UNREACHABLE: _Words = ("the server cannot be reached", "Check its name, that it runs, and the network, and try again")
_LOGIN: _Words = (
    "the server did not accept the user or the password",
    "Check the user in the address; the password can be in ~/.pgpass or PGPASSWORD",
)
_NO_DATABASE: _Words = (
    "there is no such database on the server",
    "Check its name, or ask for it to be made (createdb NAME)",
)
_BUSY: _Words = ("another program has been changing the project for a long time", "Try again in a moment")
_FULL: _Words = ("the server's disk is full, and this could not be written", "Ask for space there and try again")
_STARTING: _Words = ("the server is starting or stopping", "Try again in a moment")
_CROWDED: _Words = ("the server has too many connections", "Try again later, or ask for more of them")
_RIGHTS: _Words = (
    "the database user may not do this",
    "Ask the owner of the database for the right, or open the project read-only",
)
_TABLES: _Words = ("the project's tables are not as they should be", "Open a backup copy of the project")

# https://www.postgresql.org/docs/current/errcodes-appendix.html: whole codes first, then their classes.
_BY_STATE: dict[str, _Words] = {
    "25006": ("the server lets nobody write at present", "Open the project read-only, or ask for its main server"),
    "25P03": _LOST,
    "3D000": _NO_DATABASE,
    "3F000": ("there is no such schema in the database", "Check the address, or ask for the schema to be made"),
    "40001": _BUSY,
    "40P01": _BUSY,
    "42501": _RIGHTS,
    "53100": _FULL,
    "53200": ("the server is out of memory", "Try again later"),
    "53300": _CROWDED,
    "55P03": _BUSY,
    "57014": ("the server cancelled this", "Try again"),
    "57P03": _STARTING,
    "08": _LOST,
    "22": ("a value cannot be kept in the database", "Change the value, and repeat"),
    "23": (
        "the change refers to something that is not in the project",
        "Load the face again and repeat the change",
    ),
    "28": _LOGIN,
    "42": _TABLES,
    "54": ("a value is too large to be stored", "Store less at once"),
    "57": _LOST,
    "58": ("the server's disk reports an error", "Tell whoever looks after the server"),
    "XX": ("the database is damaged", "Open a backup copy of the project, and tell whoever looks after the server"),
}

# Where no connection came about there is no code, only the server's or the system's words.
_BY_WORDS: tuple[tuple[str, _Words], ...] = (
    (r"password|authentication|pg_hba\.conf|role .* does not exist", _LOGIN),
    (r"database .* does not exist", _NO_DATABASE),
    (r"starting up|shutting down|recovery mode|not yet accepting", _STARTING),
    (r"too many (connections|clients)|connection slots", _CROWDED),
    (r"resolve|translate host|name or service", ("there is no server of that name", "Check its name and the network")),
    (r"invalid connection option|invalid .* value|invalid port", ("the address has a wrong option", "Correct it")),
    (r"does not answer", _LOST),
    (r"connection (to server|failed|is bad)|connection timeout|refused|timed? ?out|unreachable", _UNREACHABLE),
    (r"closed the connection|connection is (lost|closed)|consuming input|could not (receive|send)|ssl ", _LOST),
)


def is_driver_error(error: Exception) -> bool:
    """Whether psycopg raised it, without loading psycopg."""
    return any(kind.__module__.partition(".")[0] == "psycopg" for kind in type(error).__mro__)


def server_error(error: Exception, where: str) -> ProjectError:
    """An error of the driver or the server, in words."""
    state = getattr(error, "sqlstate", None)
    said = " ".join(str(error).split())
    words = _BY_STATE.get(state, _BY_STATE.get(state[:2])) if state else None
    if words is None and not state:
        words = next((found for pattern, found in _BY_WORDS if re.search(pattern, said, re.IGNORECASE)), None)
    what, remedy = words or ("the database reports an error", "Try again; if it stays, tell whoever looks after it")
    kind = ProjectUnreachableError if words is _UNREACHABLE else ProjectError
    return kind(f"{what} ({said})", where=where, remedy=remedy)
