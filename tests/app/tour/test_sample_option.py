"""--sample on the command line, and on its way to a window that is open already."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.entry import EXIT_ERROR, main
from app.instance import Request
from app.window_main import _project
from core.paths import SAMPLE, project_name


@pytest.mark.parametrize("words", [["--sample", "photo.jpg"], ["--sample", "-p", "mine.starmark"]])
def test_the_sample_is_opened_alone(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == EXIT_ERROR
    assert "--sample opens a project of its own" in capsys.readouterr().err


def test_help_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--sample" in capsys.readouterr().out


def test_another_start_hands_it_over_as_it_is() -> None:
    request = Request.from_line(Request.here([], SAMPLE).to_line())
    assert _project(request) == SAMPLE and not isinstance(_project(request), Path)
    assert project_name(SAMPLE) == "sample"
