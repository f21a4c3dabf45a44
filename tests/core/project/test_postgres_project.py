"""A project in a PostgreSQL database: opened, refused, written by several, cut off."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.errors import ProjectError, ProjectReadOnlyError, ProjectUnreachableError, StaleEditError, UsageError
from core.paths import on_server, project_name
from core.project import Project, SetLabel
from core.project import postgres as module
from core.project.postgres import parse, server_error
from tests.core.project.project_samples import ANNA, dataset, files, label, set_to, with_face
from tests.postgres import TestServer

ROOT = Path(__file__).resolve().parents[3]
BOB = "Bob"
SECRET = "s3cr:t@/%"
QUOTED = "s3cr%3At%40%2F%25"


@pytest.fixture
def url(postgres: TestServer) -> str:
    """An empty database."""
    return postgres.database()


def as_user(url: str, user: str) -> str:
    return url.replace("://starmark@", f"://{user}@")


# Addresses


def test_addresses() -> None:
    server = parse("postgresql://anna@db.lab.org:5433/my%20faces?images=/mnt/faces&sslmode=require")
    assert (server.url.host, server.url.port, server.url.database) == ("db.lab.org", 5433, "my faces")
    assert (server.images, dict(server.url.query)) == (Path("/mnt/faces").absolute(), {"sslmode": "require"})
    assert parse(server.text) == server
    for text in ("postgres://h/d", "postgresql+psycopg://h/d", "POSTGRESQL://h/d"):
        assert on_server(text) and parse(text).text == "postgresql://h/d"
    assert not on_server("/home/anna/postgresql.starmark") and not on_server("postgresql.starmark")
    assert parse("postgresql:///faces?host=/run/postgresql").url.query["host"] == "/run/postgresql"
    assert parse("postgresql://h/d?images=relative").images == Path("relative").absolute()
    assert project_name("postgresql://anna@db.lab.org/my%20faces?images=/x") == "my faces on db.lab.org"
    assert project_name("postgresql:///faces") == "faces"
    assert project_name(Path("/a/group.photo.starmark")) == "group.photo"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://anna:{QUOTED}@h/d?images=/mnt/faces",
        f"postgresql://h/d?user=anna&password={QUOTED}",
        f"postgresql://anna@h/d?sslpassword={QUOTED}",
    ],
)
def test_a_place_to_be_shown_and_remembered_has_no_password(text: str) -> None:
    server = parse(text)
    assert SECRET not in server.text and QUOTED not in server.text and "anna" in server.text
    assert SECRET not in repr(server.name)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://anna:s3cret@more@h/d",
        "postgresql://anna:s3cret@h:port/d",
        "postgresql://anna:s3cret@h",
        "postgresql://anna:s3cret@h/d?images=/a&images=/b",
    ],
)
def test_addresses_that_cannot_be_read_are_not_quoted(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Project.open(text)
    assert "s3cret" not in str(caught.value) and "more" not in str(caught.value) and caught.value.remedy


# Opening


def test_a_new_project_and_the_same_again(url: str, tmp_path: Path, isolated_home: Path) -> None:
    place = f"{url}?images={tmp_path}"
    with Project.create(place) as project:
        assert project.location == place and not project.is_scratch and not project.read_only and project.notes == ()
        assert project.name == f"{urlsplit(url).path[1:]} on 127.0.0.1"
        assert project.cache_path == isolated_home / "starmark" / "cache" / "projects" / f"{project.id}.starmark-cache"
        assert project.cache_path.parent.is_dir()
        with pytest.raises(ProjectError, match=r"no file\. Save it"):
            _ = project.path
        made = project.id
        project.add_images([tmp_path / "a.jpg"])
    with Project.open(place) as project:
        assert (project.id, project.image_count(), project.verify()) == (made, 1, [])
    with pytest.raises(ProjectError, match="a project in this database already"):
        Project.create(place)
    assert files(tmp_path) == []


def test_what_cannot_be_opened(postgres: TestServer, url: str) -> None:
    with Project.create(url):
        pass
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"postgresql://anna@127.0.0.1:{closed.getsockname()[1]}/d"
        cases = {
            nobody: r"cannot be reached.*Check its name",
            f"{url}x": "no such database.*createdb",
            postgres.database(): "no project in this database.*make one",
            as_user(url, "whoever"): "did not accept the user.*pgpass",
            f"{url}?nonsense=1": "wrong option",
            f"{url}?options=-csearch_path%3Dnowhere": "no project in this database",
        }
        for place, words in cases.items():
            for read_only in (False, True):
                with pytest.raises(ProjectError, match=words) as caught:
                    Project.open(place, read_only=read_only)
                assert caught.value.where == place and caught.value.remedy
    with pytest.raises(ProjectError, match="no such database"):
        Project.create(f"{url}x")


def test_another_programs_tables_are_left_alone(postgres: TestServer, url: str) -> None:
    postgres.execute("CREATE TABLE image (mine int)", url)
    with pytest.raises(ProjectError, match=r"another program \(image\).*empty database"):
        Project.create(url)
    rows = postgres.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'", url)
    assert rows == [("image",)]


def test_a_database_that_cannot_hold_every_name_is_refused(postgres: TestServer) -> None:
    name = urlsplit(postgres.database()).path[1:]
    postgres.execute(f'DROP DATABASE "{name}"')
    postgres.execute(f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ProjectError, match=r"LATIN1.*UTF8"):
        Project.create(f"{postgres.url}/{name}")


def test_projects_in_two_schemas_of_one_database(postgres: TestServer, url: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        postgres.execute(f"CREATE SCHEMA {name}", url)
    with (
        Project.create(f"{url}?options=-csearch_path%3Done") as one,
        Project.create(f"{url}?options=-csearch_path%3Dtwo") as two,
    ):
        one.add_images([tmp_path / "a.jpg"])
        assert (one.image_count(), two.image_count()) == (1, 0) and one.id != two.id
        with lock_held(postgres, one.location):
            two.add_images([tmp_path / "a.jpg"])  # does not wait for the other


@pytest.fixture
def locked_user(postgres: TestServer, url: str) -> Iterator[str]:
    """URL for a user with a password, who may read a project made there."""
    if postgres.cluster is None:
        pytest.skip("needs a server of our own, which asks this user for a password")
    postgres.execute(f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
    with Project.create(url):
        pass
    postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO locked", url)
    yield as_user(url, "locked")
    postgres.execute("DROP OWNED BY locked", url)
    postgres.execute("DROP ROLE locked")


def test_a_password_is_never_told(locked_user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Project.open(as_user(locked_user.replace("locked", "starmark"), f"locked:{QUOTED}")) as project:
        assert (project.location, project.name) == (locked_user, project_name(locked_user))
    for attempt in (f"locked:x{QUOTED}", "locked"):
        with pytest.raises(ProjectError, match="did not accept the user or the password") as caught:
            Project.open(locked_user.replace("locked", attempt))
        text = str(caught.value)
        assert SECRET not in text and QUOTED not in text and caught.value.where == locked_user
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with Project.open(locked_user) as project:
        assert project.image_count() == 0


def test_who_may_only_read_reads(locked_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with Project.open(locked_user) as project:
        assert project.read_only and project.notes == ("opened for reading only: the database user may not write",)
        assert project.images() == [] and project.verify() == []
        with pytest.raises(ProjectReadOnlyError):
            project.add_images([tmp_path / "a.jpg"])


def test_a_server_that_lets_nobody_write(postgres: TestServer, url: str, tmp_path: Path) -> None:
    name = urlsplit(url).path[1:]
    with Project.create(url) as project:
        postgres.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        with Project.open(url) as other:
            assert other.read_only and "the server lets nobody write" in other.notes[0]
        cut(postgres, url)
        with pytest.raises(ProjectError, match=r"lets nobody write at present.*read-only"):
            project.add_images([tmp_path / "a.jpg"])
        postgres.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        cut(postgres, url)
        project.add_images([tmp_path / "a.jpg"])
        with Project.open(url, read_only=True) as other:
            assert other.read_only and other.notes == () and other.image_count() == 1


def test_without_the_driver_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from core.project import Project\n"
        "try: Project.open('postgresql://anna:s3cret@127.0.0.1/faces')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout.startswith("ProjectError postgresql://anna@127.0.0.1/faces: ")
    assert 'pip install "psycopg[binary]"' in done.stdout


def test_the_driver_is_not_loaded_for_files(tmp_path: Path) -> None:
    code = (
        "import sys; from core.project import Project; Project.create(sys.argv[1]).close(); "
        "print([name for name in ('psycopg', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "p")], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"


# Images


def test_each_computer_has_its_own_folder_of_images(url: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "deep" / "er" / "there"
    for folder in (here, there):
        folder.mkdir(parents=True)
    elsewhere = Path("/elsewhere/b.jpg").absolute()
    with Project.create(f"{url}?images={here}") as project:
        project.add_images([here / "sub" / "a.jpg", elsewhere])
    with Project.open(f"{url}?images={there}") as project:
        assert [image.path for image in project.images()] == [there / "sub" / "a.jpg", elsewhere]
        assert project.add_images([there / "sub" / "a.jpg"])[0].id == project.images()[0].id
        assert project.notes == ()
    with Project.open(url) as project:
        assert "add ?images=FOLDER" in project.notes[0]
        assert not project.images()[0].path.is_relative_to(Path.cwd()) and not project.images()[0].path.exists()
        assert project.add_images([here / "c.jpg"])[0].path == here / "c.jpg"
    with Project.open(f"{url}?images={there}") as project:
        assert project.images()[2].path == here / "c.jpg"  # was kept whole
    with Project.open(f"{url}?images={tmp_path / 'none'}") as project:
        assert "none" in project.notes[0] and project.image_count() == 3


# Several writers


def test_two_writers_of_one_face(url: str, tmp_path: Path) -> None:
    with Project.create(url) as anna, Project.open(url) as bob:
        face, mine = with_face(anna, tmp_path)
        anna.apply(set_to(anna, face, mine, label(1)), ANNA)
        late = set_to(bob, face, mine, label(3), "bob's own")
        anna.apply(set_to(anna, face, mine, label(2), "anna's own"), ANNA)
        with pytest.raises(StaleEditError, match=r"'bob's own' was not done.*\(last: anna's own, by Anna\)"):
            bob.apply(late, BOB)
        assert bob.label(face, mine.id) == anna.label(face, mine.id) == (label(2), 2)
        won, lost = anna.history(face)[-2:]
        assert (won.action, won.author, won.after) == ("edit", ANNA, label(2))
        assert (lost.action, lost.author, lost.before, lost.after) == ("refused", BOB, label(1), label(3))
        bob.apply(set_to(bob, face, mine, label(3)), BOB)
        with pytest.raises(StaleEditError):
            anna.undo(ANNA)
        assert anna.label(face, mine.id) == (label(3), 3)
        assert bob.undo(BOB) is not None and anna.undo(ANNA) is not None
        assert anna.verify() == [] == bob.verify()


def test_a_new_label_of_two_writers(url: str, tmp_path: Path) -> None:
    with Project.create(url) as anna, Project.open(url) as bob:
        face, shared = with_face(anna, tmp_path)
        first = SetLabel(face, shared.id, None, label(1), 0, "a")
        second = SetLabel(face, shared.id, None, label(2), 0, "b")
        anna.apply(first, ANNA)
        with pytest.raises(StaleEditError):
            bob.apply(second, BOB)
        assert bob.ensure_label_set(ANNA, "annotator") == shared
        assert anna.label(face, shared.id).label == label(1)


def test_readers_are_not_held_up_and_see_one_state(url: str, tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()
    with Project.create(url) as project, Project.open(url) as other:

        def slow(done: int, total: int) -> None:
            if done == total:  # told once all rows are written, and not yet committed
                inside.set()
                assert go_on.wait(60)

        found = dataset(tmp_path, 300)
        importing = threading.Thread(target=lambda: project.import_dataset(found, "i", author=ANNA, progress=slow))
        importing.start()
        assert inside.wait(60)
        waiting = other.set_setting_later("a", 1)
        assert other.image_count() == 0 and other.label_sets() == [] and not waiting.done()
        with other._read() as connection:
            assert other._db.reader.pool.checkedout() == 1
            before = connection.exec_driver_sql("SELECT count(*) FROM image").scalar()
            go_on.set()
            importing.join(60)
            assert waiting.result(60) is None
            assert connection.exec_driver_sql("SELECT count(*) FROM image").scalar() == before == 0
        assert other.image_count() == 300


@contextmanager
def lock_held(postgres: TestServer, place: str) -> Iterator[None]:
    """Somebody else is in the middle of a write."""
    engine = module.writing_engine(parse(place), None)
    try:
        with engine.begin() as connection:
            module.lock_project(connection)
            yield
    finally:
        engine.dispose()


def test_a_writer_that_holds_up_the_others_is_told(
    postgres: TestServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    with Project.create(url) as project:
        with lock_held(postgres, url), pytest.raises(ProjectError, match="another program has been changing"):
            project.add_images([tmp_path / "a.jpg"])
        assert project.add_images([tmp_path / "a.jpg"]) and project.image_count() == 1


# Connections that end


def cut(postgres: TestServer, url: str) -> None:
    """End every connection to the database."""
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        f"WHERE datname = '{urlsplit(url).path[1:]}' AND pid <> pg_backend_pid()"
    )


def test_a_connection_that_ended_meanwhile_costs_nobody_an_edit(postgres: TestServer, url: str, tmp_path: Path) -> None:
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        edit = set_to(project, face, mine, label(1))
        cut(postgres, url)
        project.apply(edit, ANNA)
        cut(postgres, url)
        assert project.label(face, mine.id).label == label(1)


def test_an_edit_whose_connection_ends_is_not_acknowledged(postgres: TestServer, url: str, tmp_path: Path) -> None:
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        with pytest.raises(ProjectError, match=r"connection to the server was lost.*as it is now") as caught:

            def told(done: int, total: int) -> None:
                if done == total:
                    cut(postgres, url)

            project.import_dataset(dataset(tmp_path, 20), "i", author=ANNA, progress=told)
        assert caught.value.where == url
        assert project.image_count() == 1
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert project.label(face, mine.id) == (label(2), 1) and project.verify() == []


def test_a_server_that_does_not_answer_is_not_waited_for_long(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"postgresql://anna@127.0.0.1:{silent.getsockname()[1]}/d"
        with pytest.raises(ProjectError, match="cannot be reached"):
            Project.open(f"{place}?connect_timeout=2")
    given = module._arguments(parse(url))
    assert given["connect_timeout"] == 10 and given["keepalives"] == 1 and given["tcp_user_timeout"] == 25_000
    assert "connect_timeout" not in module._arguments(parse(f"{url}?connect_timeout=2"))


def test_a_server_that_falls_silent_is_not_waited_for_for_ever(
    postgres: TestServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgres.cluster is None:
        pytest.skip("needs a server of our own, to stop one of its processes")
    with Project.create(url) as project:
        face, mine = with_face(project, tmp_path)
        edit = set_to(project, face, mine, label(1))
        pid = project._writer.submit(lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar()).result()
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.3)

        def told(_done: int, _total: int) -> None:
            os.kill(pid, signal.SIGSTOP)

        try:
            with pytest.raises(ProjectError, match=r"was lost.*does not answer"):
                project.import_dataset(dataset(tmp_path, 3), "i", author=ANNA, progress=told)
        finally:
            os.kill(pid, signal.SIGCONT)
        monkeypatch.undo()
        project.apply(edit, ANNA)
        assert project.label(face, mine.id) == (label(1), 1)
        # Its commit may have been on its way: all of it or nothing is there, and the user was told to look.
        assert project.image_count() in (1, 4) and project.verify() == []


def test_what_is_queued_for_a_dead_server_is_given_up_at_once(postgres: TestServer, url: str, tmp_path: Path) -> None:
    cluster = postgres.cluster
    if cluster is None:
        pytest.skip("needs a server of our own, to stop it")
    go_on = threading.Event()
    with Project.create(url) as project:
        held = project._writer.submit_alone(lambda: go_on.wait(60))
        queued = [project.set_setting_later(f"{i}", i) for i in range(5)]
        cluster.stop()
        try:
            go_on.set()
            errors = [future.exception(60) for future in queued]
            assert held.result() and isinstance(errors[0], ProjectUnreachableError)
            assert all(error is errors[0] for error in errors)
            with pytest.raises(ProjectUnreachableError):
                project.image_count()
        finally:
            cluster.start()
        project.set_setting("0", "again")
        assert project.get_setting("0") == "again" and project.get_setting("1") is None


def test_errors_of_the_server_in_our_words(url: str) -> None:
    from psycopg import errors

    words = {
        errors.DiskFull: "disk is full.*Ask for space",
        errors.SerializationFailure: "another program",
        errors.AdminShutdown: "connection to the server was lost",
        errors.CannotConnectNow: "starting or stopping",
        errors.TooManyConnections: "too many connections",
        errors.InvalidCatalogName: "no such database",
        errors.UndefinedColumn: "tables are not as they should be",
        errors.ForeignKeyViolation: "not in the project",
        errors.DataCorrupted: "damaged.*backup",
        errors.InvalidPassword: "user or the password",
        errors.ProgramLimitExceeded: "too large",
    }
    for kind, pattern in words.items():
        with pytest.raises(ProjectError, match=pattern):
            raise server_error(kind("as the server\nsays it"), url)
    with Project.create(url) as project, pytest.raises(ProjectError, match="cannot be kept"):
        project._writer.submit(lambda c: c.exec_driver_sql("SELECT 1 / 0").scalar()).result()
