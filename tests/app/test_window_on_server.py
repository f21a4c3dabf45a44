"""The window with a project in a PostgreSQL database: opened, named, remembered, and left when it is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.document import MovePoint
from app.instance import Request
from app.main_window import MainWindow
from app.settings import Settings
from core.formats import read_dataset
from core.paths import project_name
from core.project import Project
from tests.app.faces import write_dataset
from tests.postgres import TestServer

SECRET = "s3cret"
SETTLED = ("ready", "failed", "missing")


@pytest.fixture
def place(postgres: TestServer, tmp_path: Path) -> str:
    """A project of two images."""
    folder = write_dataset(tmp_path / "set", 2)
    url = f"{postgres.database()}?images={folder}"
    with Project.create(url) as project:
        project.import_dataset(read_dataset(folder), "300w", author="Importer")
    return url


@pytest.fixture
def start(qtbot: QtBot) -> Callable[..., MainWindow]:
    """Opens windows; they are closed at the end."""

    def open_window(project: str | None = None) -> MainWindow:
        settings = Settings()
        settings.set("author", "Ann")
        settings.set("model", "there-is-none")
        window = MainWindow(settings, [], project)
        qtbot.addWidget(window)
        with qtbot.waitSignal(window.document.opened, timeout=20_000):
            window.show()
        qtbot.waitUntil(lambda: window.workbench.predictions.state.kind in SETTLED, timeout=60_000)
        return window

    return open_window


def all_settings() -> str:
    settings = Settings()
    return json.dumps([settings.value("recent"), settings.value("last_project")])


def test_it_is_opened_named_and_remembered_without_its_password(
    start: Callable[..., MainWindow], qtbot: QtBot, place: str
) -> None:
    window = start(place.replace("starmark@", f"starmark:{SECRET}@"))
    assert window.windowTitle() == f"{project_name(place)} – Starmark"
    assert len(window.document.rows) == 2 and window.document.path is None
    assert window.document.location == place
    qtbot.waitUntil(lambda: bool(window.document.faces), timeout=20_000)
    (face,) = window.document.faces
    with qtbot.waitSignal(
        window.document.save_changed, timeout=20_000, check_params_cb=lambda state: state.kind == "saved"
    ):
        window.document.apply(MovePoint(face, 3, 12.5, 20.25))
    with Project.open(place) as other:
        assert [step.author for step in other.history(other.faces(other.images()[0].id)[0].id)] == ["Importer", "Ann"]
    assert Settings().value("recent") == (place,) and Settings().value("last_project") == place
    assert SECRET not in all_settings()
    window._fill_recent()
    assert [action.text() for action in window.recent_menu.actions()] == [project_name(place)]
    window.opening.open_recent(place)
    assert not window.document.busy  # it is the one that is open
    window.close()
    assert len(start().document.rows) == 2


def test_a_project_that_is_gone_leaves_an_empty_window_with_the_reason(
    start: Callable[..., MainWindow], qtbot: QtBot, postgres: TestServer, place: str
) -> None:
    Settings().set("last_project", place)
    postgres.drop_all()
    said: list[str] = []
    settings = Settings()
    settings.set("model", "there-is-none")
    window = MainWindow(settings)
    qtbot.addWidget(window)
    window.document.failed.connect(lambda text, _details: said.append(text))
    with qtbot.waitSignal(window.document.opened, timeout=20_000):
        window.show()
    assert window.document.is_scratch and window.windowTitle().startswith("Unnamed project")
    assert "no such database on the server" in said[0]
    qtbot.waitUntil(lambda: window.workbench.predictions.state.kind in SETTLED, timeout=60_000)


def test_an_address_among_the_paths_is_the_project() -> None:
    url = "postgresql://ann@h/faces?images=/mnt//faces"
    assert Request.here(["/a.jpg", url], None, {}) == Request(("/a.jpg",), url)
    assert Request.here([], url, {}) == Request((), url)
    assert Request.from_line(Request.here([url], None, {}).to_line()).project == url
