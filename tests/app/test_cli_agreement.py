"""`agreement`: the table, the file, the consensus, a sample; and a queue by disagreement."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.entry import main
from core.project import Project
from tests.core.project.test_blind_and_consensus import FACES, fill


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "a.starmark", tmp_path / "a.json"
    fill(path).close()
    words = ("agreement", "-p", path, "--sets", "Ann", "Ben", "--json", out)
    code, text, error = call(capsys, *words, "--consensus", "agreed", "--author", "Cleo")
    assert code == 0, error
    assert "Ann - Ben" in text and f"{FACES - 1} labels written" in text
    assert "left out: 1 faces have one label only" in error
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["version"] == 1
    assert [one["name"] for one in found["annotators"]] == ["Ann", "Ben"]
    # Labels of independent noise of 1 px: two of them are sqrt(pi) px apart on average, of 94 px between the eyes.
    assert found["pairs"][0]["distance"] == pytest.approx(100 * np.sqrt(np.pi) / 94, rel=0.1)
    assert len(found["landmarks"]) == 68 and len(found["by_face"]) == FACES - 1
    assert found["by_face"][0]["disagreement"] >= found["by_face"][-1]["disagreement"]
    with Project.open(path, read_only=True) as project:
        assert project.undo_text("Cleo") == "make consensus"
    code, _, error = call(capsys, *words)
    assert code == 2 and "the file is there already" in error


def test_a_sample_is_drawn_once_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.starmark"
    fill(path).close()
    words = ("agreement", "-p", path, "--draw", "3", "--seed", "5", "--annotator", "Ben")
    code, text, _ = call(capsys, *words)
    assert code == 0 and "'Ben (blind)'" in text
    assert len(text.splitlines()) == 4 and "/photos/p" in text
    assert call(capsys, *words)[1] == text
    code, _, error = call(capsys, "agreement", "-p", path, "--annotator", "Ben")
    assert code == 2 and "Add --draw N" in error


def test_disagreement_needs_several_annotators(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = call(capsys, "agreement", "-p", tmp_path / "none.starmark")
    assert code == 2 and "none.starmark" in error
    code, text, _ = call(capsys, "agreement", "--help")
    assert code == 0 and "--consensus" in text and "example:" in text
