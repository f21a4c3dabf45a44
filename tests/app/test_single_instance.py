"""One window: who is the first, what later starts say to it, and who may not talk."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import instance
from app.instance import BusyError, Claim, Request, claim
from app.single_instance import InstanceServer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="talks to the socket directly")

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Request(("/photos/ä b.jpg",), "/photos/x.starmark", "token")


@pytest.fixture(autouse=True)
def private_runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session folder of its own; short, since sockets have short names."""
    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def first() -> Iterator[Claim]:
    made = claim(Request())
    assert made is not None and made.address is not None
    yield made
    made.release()


@contextmanager
def listening(made: Claim) -> Iterator[InstanceServer]:
    assert made.address is not None
    server = InstanceServer(made.address)
    assert server.listening
    try:
        yield server
    finally:
        server.close()


def in_thread(work: object) -> tuple[threading.Thread, list[object]]:
    """Runs `work` beside the event loop; its result or error comes in the list."""
    results: list[object] = []

    def body() -> None:
        try:
            results.append(work())  # type: ignore[operator]
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, results


def talk(address: str, data: bytes) -> bytes:
    """What the first answers to raw bytes."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(10)
        channel.connect(address)
        try:
            channel.sendall(data)
            return channel.recv(4096)
        except ConnectionError:
            return b""


def test_a_request_survives_the_journey() -> None:
    odd = Request((os.fsdecode(b"/x/\xff\xfe.jpg"), 'quote" and\nline'), None, "")
    for request in (REQUEST, Request(), odd):
        line = request.to_line()
        assert line.count(b"\n") == 1
        assert Request.from_line(line.strip()) == request


@pytest.mark.parametrize(
    "line",
    [b"", b"junk", b"[]", b"{}", b"\xff\xfe", b'{"version": 2, "paths": []}', b'{"version": 1, "paths": "x"}',
     b'{"version": 1, "paths": [1], "project": null, "token": ""}',
     b'{"version": 1, "paths": [], "project": 7, "token": ""}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        Request.from_line(line)


def test_relative_paths_mean_the_folder_of_the_later_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = Request.here(["a.jpg", "../b", "postgresql://server/x"], "p.starmark", {"DESKTOP_STARTUP_ID": "id"})
    assert request.paths == (str(tmp_path / "a.jpg"), str(tmp_path / ".." / "b"), "postgresql://server/x")
    assert (request.project, request.token) == (str(tmp_path / "p.starmark"), "id")


def test_a_later_start_hands_over(qtbot: QtBot, first: Claim) -> None:
    with listening(first) as server:
        with qtbot.waitSignal(server.asked) as asked:
            thread, results = in_thread(lambda: claim(REQUEST))
        assert asked.args == [REQUEST]
        qtbot.waitUntil(lambda: not thread.is_alive())
        assert results == [None]


def test_qts_own_socket_hands_over_as_well(qtbot: QtBot, first: Claim) -> None:
    """As on Windows. In a process of its own: Qt's waiting keeps Python's lock."""
    code = (
        "import sys; from app.instance import Request; from app.single_instance import hand_over\n"
        "print(hand_over(sys.argv[1], Request(('/a',)).to_line(), 10), hand_over(sys.argv[1] + 'x', b'', 1))"
    )
    with listening(first) as server, qtbot.waitSignal(server.asked, timeout=30_000) as asked:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(first.address)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
    assert asked.args == [Request(("/a",))]
    out, _ = process.communicate(timeout=60)
    assert out.split() == ["True", "False"]


def test_another_data_folder_or_display_is_another_instance(
    first: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("STARMARK_HOME", str(tmp_path / "other")), ("DISPLAY", ":4711")):
        monkeypatch.setenv(name, value)
        other = claim(Request(), 0.2)
        assert other is not None and other.address != first.address
        other.release()


def test_a_first_that_does_not_answer_is_named(first: Claim) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:  # takes connections and never reads them, as a hung program
        deaf.bind(str(first.address))
        deaf.listen()
        with pytest.raises(BusyError, match=rf"process {os.getpid()}\) but does not answer.*--new-window"):
            claim(REQUEST, 0.3)


def test_a_first_that_is_only_starting_or_ending_is_waited_for(first: Claim) -> None:
    thread, results = in_thread(lambda: claim(REQUEST))
    first.release()
    thread.join()
    (second,) = results
    assert isinstance(second, Claim) and second.address == first.address
    second.release()


def test_junk_on_the_socket_harms_nothing(qtbot: QtBot, first: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.single_instance.LIMIT_BYTES", 1000)
    monkeypatch.setattr("app.single_instance._TALK_MS", 200)
    with listening(first) as server, qtbot.assertNotEmitted(server.asked):
        for data, answered in ((b"\x00\xff{\n", True), (b"GET / HTTP/1.1\r\n", True), (b"x" * 5000, False)):
            thread, results = in_thread(lambda data=data: talk(str(first.address), data))
            qtbot.waitUntil(lambda thread=thread: not thread.is_alive())
            assert results[0].startswith(b'{"ok": false') if answered else results == [b""]
        thread, results = in_thread(lambda: talk(str(first.address), b"half a line"))  # and then nothing
        qtbot.waitUntil(lambda: not thread.is_alive())
        assert results == [b""]
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(str(first.address))
        for one in crowd:
            one.close()
    with listening(first) as server, qtbot.waitSignal(server.asked):
        thread, _ = in_thread(lambda: claim(REQUEST))
    qtbot.waitUntil(lambda: not thread.is_alive())


def test_what_a_killed_process_left_is_no_obstacle(qtbot: QtBot, first: Claim) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(first.address))  # never unlinked
    with listening(first) as server, qtbot.waitSignal(server.asked):
        thread, _ = in_thread(lambda: claim(REQUEST))
    qtbot.waitUntil(lambda: not thread.is_alive())


def test_other_users_stay_out(private_runtime: Path, first: Claim) -> None:
    with listening(first):
        for path, mode in ((private_runtime / "starmark", 0o700), (Path(str(first.address)), 0o600)):
            assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
            assert path.lstat().st_mode & mode == mode


def test_a_folder_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    assert not instance._is_private(tmp_path / "open", os.getuid())
    assert not instance._is_private(tmp_path / "link", os.getuid())
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "open"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trap = tmp_path / f"starmark-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    if not Path(f"/run/user/{os.getuid()}").exists():
        alone = claim(Request())
        assert alone is not None and alone.address is None


def test_nothing_is_left_behind(private_runtime: Path) -> None:
    made = claim(Request())
    assert made is not None
    with listening(made):
        assert len(list((private_runtime / "starmark").iterdir())) == 2
    made.release()
    assert not list((private_runtime / "starmark").iterdir())
