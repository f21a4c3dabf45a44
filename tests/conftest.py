"""What all tests share: isolated settings, the shared data folder, and no thread left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import postgres, postgres_session

__all__ = ["postgres", "postgres_session"]

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_THREAD_PATIENCE = 5.0
_HOME_VARIABLES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "APPDATA", "LOCALAPPDATA")


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


def _without_shared(what: Path) -> None:
    """Skip, or fail where the data is promised to be there."""
    reason = f"{what} is missing"
    if _in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and not SHARED.is_dir():
        _without_shared(SHARED)
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared folder beside the checkout; the test is skipped without it, and fails in CI."""
    if not SHARED.is_dir():
        _without_shared(SHARED)
    return SHARED


@pytest.fixture(scope="session")
def faces68(shared_dir: Path) -> Path:
    """The folder of real faces with .pts labels."""
    faces = shared_dir / "data" / "faces68"
    if not faces.is_dir():
        _without_shared(faces)
    return faces


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test: no setting, model or project of the user's is read or written."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("STARMARK_HOME", str(home / "starmark"))
    for name in _HOME_VARIABLES:
        monkeypatch.setenv(name, str(home / name.lower()))
    return home


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _THREAD_PATIENCE
    for thread in _new_threads(before):
        thread.join(max(0.0, deadline - time.monotonic()))
    left = _new_threads(before)
    assert not left, f"threads still running: {', '.join(thread.name for thread in left)}"
    core = sys.modules.get("PySide6.QtCore")
    if core is not None:
        pool = core.QThreadPool.globalInstance()
        assert pool.waitForDone(int(1000 * _THREAD_PATIENCE)), "Qt's thread pool is still working"


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads started since; those that Python did not start itself (Qt's) are not ours to join."""
    dummy = threading._DummyThread  # type: ignore[attr-defined]
    return [t for t in threading.enumerate() if t not in before and t.is_alive() and not isinstance(t, dummy)]
