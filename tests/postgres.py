"""A real PostgreSQL server for tests: the one that STARMARK_TEST_POSTGRES_URL names, else a cluster of our own.

The cluster lies in a temporary folder, listens on a free port of the loopback alone, and is stopped at the end. A
database is made for each test that asks for one. Nothing is ever installed here; `.ci/run` does that.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

URL_VARIABLE = "STARMARK_TEST_POSTGRES_URL"
ADMIN = "starmark"
PATIENCE_S = "60"
# Nothing here has to survive the computer.
QUICK = {"fsync": "off", "full_page_writes": "off"}
SMALL = {"shared_buffers": "32MB", "max_connections": "60", "autovacuum": "off", "listen_addresses": "127.0.0.1"}


class Cluster:
    """A server of our own in `folder`; safe against power cuts unless `settings` say otherwise."""

    def __init__(self, programs: Path, folder: Path, settings: dict[str, str]) -> None:
        self.data = folder / "data"
        self._log = folder / "log"
        self._programs = programs
        self._user, self._group = _other_user()
        self._settings = settings
        self.port = _free_port()
        folder.chmod(0o755)
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", str(self.data), "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as stream:
            more = {"port": str(self.port), "unix_socket_directories": str(folder)}
            stream.writelines(f"{key} = '{value}'\n" for key, value in {**SMALL, **settings, **more}.items())
        rules = self.data / "pg_hba.conf"
        rules.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        self.start()
        # Stops the server once our end of the pipe is closed: by `close`, or because this process was killed.
        stop = self._command("pg_ctl", "-D", str(self.data), "-w", "-t", PATIENCE_S, "-s", "-m", "immediate", "stop")
        self._guard = subprocess.Popen(
            ["sh", "-c", 'read -r _; exec "$@"', "guard", *stop],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        """Without a database."""
        return f"postgresql://{ADMIN}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", PATIENCE_S, "-s", "-l", str(self._log), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: "immediate" is a crash as far as the data are concerned."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", PATIENCE_S, "-s", "-m", mode, "stop")

    def close(self) -> None:
        """Stop it for good."""
        self._guard.communicate(timeout=float(PATIENCE_S))

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), *arguments]
        if self._user is None:
            return command
        return ["setpriv", f"--reuid={self._user}", f"--regid={self._group}", "--clear-groups", *command]

    def _run(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments)
        # The server goes on in the background: a pipe to it would never end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/")
            if done.returncode:
                said.seek(0)
                log = self._log.read_bytes() if self._log.exists() else b""
                raise RuntimeError(f"{program} failed: {(said.read() + log[-2000:]).decode(errors='replace')}")


class TestServer:
    """Where databases for tests are made.

    Attributes:
        cluster: the server itself where it is our own, None where it is somebody else's.
    """

    __test__ = False

    def __init__(self, url: str, cluster: Cluster | None) -> None:
        self.url = url.rstrip("/")
        self.cluster = cluster
        self._made: list[str] = []

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"starmark_test_{uuid.uuid4().hex[:12]}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        self._made.append(name)
        return f"{self.url}/{name}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run a statement as the administrator; its rows, if it has any."""
        import psycopg

        url = database if "://" in database else f"{self.url}/{database}"
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def wait(self) -> None:
        """Until the server answers, which takes a moment after one of its processes was killed."""
        import psycopg

        patience, pause = time.monotonic() + float(PATIENCE_S), threading.Event()
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > patience:
                    raise
                pause.wait(0.02)

    def drop_all(self) -> None:
        """Remove the databases made so far."""
        while self._made:
            self.execute(f'DROP DATABASE IF EXISTS "{self._made.pop()}" WITH (FORCE)')


def find_programs() -> Path | None:
    """The folder with initdb and pg_ctl: from PATH, else where Debian puts them, the newest first."""
    found = shutil.which("pg_ctl")
    places = [Path(os.path.realpath(found)).parent] if found else []
    debian = Path("/usr/lib/postgresql")
    places += sorted(debian.glob("*/bin"), key=lambda path: _number(path.parent.name), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def make_cluster(folder: Path, settings: dict[str, str]) -> Cluster | None:
    """A running cluster in `folder`; None where there is no PostgreSQL, or only root, whom it refuses."""
    programs = find_programs()
    if programs is None or (_is_root() and shutil.which("setpriv") is None):
        return None
    return Cluster(programs, folder, settings)


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[TestServer]:
    """A server for the whole session; the test is skipped where there is none, and fails in CI."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        _without("psycopg is not installed")
    given = os.environ.get(URL_VARIABLE)
    if given:
        server = TestServer(given, None)
        yield server
        server.drop_all()
        return
    with tempfile.TemporaryDirectory(prefix="starmark-pg-") as folder:
        cluster = make_cluster(Path(folder), QUICK)
        if cluster is None:
            _without("there is no PostgreSQL server to be started")
        try:
            yield TestServer(cluster.url, cluster)
        finally:
            cluster.close()


@pytest.fixture
def postgres(postgres_session: TestServer) -> Iterator[TestServer]:
    """The server; on somebody else's, nothing is left after a test. Our own goes as a whole."""
    yield postgres_session
    if postgres_session.cluster is None:
        postgres_session.drop_all()


def _without(reason: str) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _other_user() -> tuple[int | None, int | None]:
    """Whom to run the server as: root may not."""
    if not _is_root():
        return None, None
    import pwd

    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return user.pw_uid, user.pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
