"""The watchdog measures a block that was made on purpose, names who made it, and ends cleanly."""

from __future__ import annotations

import threading
import time
import traceback

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from app.watchdog import Watchdog

BLOCK_S = 0.12
LIMIT_MS = 40


def compute_for_long() -> None:
    end = time.perf_counter() + BLOCK_S
    while time.perf_counter() < end:
        sum(range(100))


def test_a_block_is_measured_and_named(qtbot: QtBot) -> None:
    dog = Watchdog(limit_ms=LIMIT_MS)
    dog.start()
    qtbot.waitUntil(lambda: dog.pings > 5)
    QTimer.singleShot(0, compute_for_long)
    qtbot.waitUntil(lambda: any("compute_for_long" in block.stack for block in dog.blocks()))
    dog.stop()
    block = next(block for block in dog.blocks() if "compute_for_long" in block.stack)
    assert block.wall_ms >= LIMIT_MS  # not all of it where the watching thread had to wait for a processor
    assert block.cpu_ms is None or 0 < block.cpu_ms <= block.wall_ms + 20
    assert dog.longest is dog.blocks()[0] or dog.longest == dog.blocks()[0]
    assert "longest block of the window" in dog.report()
    assert [b.wall_ms for b in dog.blocks()] == sorted((b.wall_ms for b in dog.blocks()), reverse=True)


def test_starting_again_forgets_and_stopping_twice_is_fine(qtbot: QtBot) -> None:
    dog = Watchdog(limit_ms=60_000)
    dog.start()
    qtbot.waitUntil(lambda: dog.pings > 2)
    dog.stop()
    dog.stop()
    assert dog.longest is None and "always answered within" in dog.report()
    dog.start()
    assert dog.pings == 0
    dog.stop()


def test_what_the_window_held_while_it_was_looked_at_ends_on_its_own_thread(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, returned, ended_on = threading.Event(), threading.Event(), []

    class Held:
        def __del__(self) -> None:
            ended_on.append(threading.get_ident())

    def block() -> None:
        held = Held()
        assert looking.wait(10) and held is not None

    def block_and_return() -> None:
        block()
        returned.set()

    plain = traceback.format_stack

    def slow(frame: object) -> list[str]:
        looking.set()
        assert returned.wait(10)  # so that the frame that is looked at has ended meanwhile
        return plain(frame)  # type: ignore[arg-type]

    monkeypatch.setattr(traceback, "format_stack", slow)
    dog = Watchdog(limit_ms=20)
    dog.start()
    qtbot.waitUntil(lambda: dog.pings > 2)
    QTimer.singleShot(0, block_and_return)
    qtbot.waitUntil(lambda: bool(ended_on))
    dog.stop()
    assert ended_on == [threading.get_ident()]
