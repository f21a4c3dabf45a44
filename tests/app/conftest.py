"""Windows to drive, and a network small enough to run at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.settings import Settings
from tests.app.window import Start


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network, small enough to run at once."""
    import torch

    from core.model.checkpoint import save_model
    from core.model.header import ModelHeader
    from core.model.network import StarNet, preset_config
    from core.scheme import get_scheme

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = preset_config("lite", get_scheme("300w-68"), stacks=1, width=32, levels=2, input_size=64)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, StarNet(config), ModelHeader("300w-68", "custom", config))
    return path


@pytest.fixture
def start(qtbot: QtBot, isolated_home: Path) -> Start:
    """Opens windows; they are closed at the end."""
    def open_window(*paths: Path, model: Path | None = None, project: Path | None = None) -> MainWindow:
        settings = Settings()
        settings.set("author", "Ann")
        settings.set("model", str(model or "there-is-none"))
        window = MainWindow(settings, list(paths), project)
        qtbot.addWidget(window)
        window.resize(1200, 800)
        with qtbot.waitSignal(window.document.opened, timeout=20_000):
            window.show()
        if paths:
            qtbot.waitUntil(lambda: not window.document.busy, timeout=20_000)
        wanted = ("ready", "failed", "missing")
        qtbot.waitUntil(lambda: window.workbench.predictions.state.kind in wanted, timeout=60_000)
        return window

    return open_window
