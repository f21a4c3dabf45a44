"""Settings: defaults, types, damage, and the recent list."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.settings import RECENT_LIMIT, TABLE, Settings, scratch_dir


def test_every_setting_has_a_default_of_a_storable_type(tmp_path: Path, qtbot: QtBot) -> None:
    settings = Settings(tmp_path)
    for row in TABLE:
        assert isinstance(settings.value(row.key), (str, bool, int, float, tuple)), row.key


def test_values_come_back_with_their_type(tmp_path: Path, qtbot: QtBot) -> None:
    first = Settings(tmp_path)
    first.set("numbers", True)
    first.set("ellipse_scale", 2.5)
    first.set("prefetch", 3)
    first.set("author", "Zoë")
    first.set("recent", ("one.starmark",))
    first.sync()
    again = Settings(tmp_path)
    assert again.value("numbers") is True
    assert again.value("ellipse_scale") == 2.5
    assert again.value("prefetch") == 3
    assert again.value("author") == "Zoë"
    assert again.value("recent") == ("one.starmark",)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("ellipse_scale=big", "ellipse_scale"),
        ("ellipse_scale=nan", "ellipse_scale"),
        ("numbers=perhaps", "numbers"),
        ("theme=purple", "theme"),
        ("prefetch=1e99", "prefetch"),
    ],
)
def test_a_value_that_makes_no_sense_counts_as_absent(tmp_path: Path, qtbot: QtBot, line: str, key: str) -> None:
    default = Settings(tmp_path / "clean").value(key)
    (tmp_path / "settings.ini").write_text(f"[General]\n{line}\n", encoding="utf-8")
    assert Settings(tmp_path).value(key) == default


def test_changed_is_told_only_for_a_change(tmp_path: Path, qtbot: QtBot) -> None:
    settings = Settings(tmp_path)
    heard: list[str] = []
    settings.changed.connect(heard.append)
    settings.set("numbers", True)
    settings.set("numbers", True)
    assert heard == ["numbers"]
    with pytest.raises(KeyError):
        settings.set("no such thing", 1)


def test_recent_is_newest_first_without_doubles_and_bounded(tmp_path: Path, qtbot: QtBot) -> None:
    settings = Settings(tmp_path)
    for i in range(RECENT_LIMIT + 3):
        settings.add_recent(f"{i}.starmark")
    settings.add_recent("5.starmark")
    recent = settings.value("recent")
    assert recent[0] == "5.starmark"
    assert len(recent) == len(set(recent)) == RECENT_LIMIT
    settings.drop_recent("5.starmark")
    assert "5.starmark" not in settings.value("recent")


def test_the_data_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARMARK_HOME", str(tmp_path / "elsewhere"))
    assert scratch_dir() == tmp_path / "elsewhere" / "scratch"
