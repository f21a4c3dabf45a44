"""`repair`: a project in one step, a data set as a copy, and words that do not go together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.entry import main
from core.exchange import import_labels, project_labels
from core.formats import read_dataset, write_pts
from core.formats.pts import read_pts
from core.project import Project
from core.scheme import get_scheme

SCHEME = get_scheme("300w-68")


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main(["repair", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def faces(tmp_path: Path, faces68: Path) -> Path:
    """Five real faces, the first with its sides swapped."""
    folder = tmp_path / "set"
    folder.mkdir()
    for path in sorted(faces68.rglob("*.pts"))[:30:6]:
        image = next(p for p in path.parent.glob(f"{path.stem}.*") if p.suffix != ".pts")
        shutil.copy(image, folder)
        shutil.copy(path, folder)
    first = sorted(folder.glob("*.pts"))[0]
    write_pts(first, np.array(read_pts(first))[list(SCHEME.flip)], overwrite=True)
    return folder


@pytest.mark.shared
def test_a_data_set_is_repaired_in_a_copy_and_a_project_in_one_step(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, out, cache = tmp_path / "copy", tmp_path / "out.json", tmp_path / "kept"
    before = {path.name: path.read_bytes() for path in faces.iterdir()}
    words = ["--dataset", faces, "--what", "unswap", "--device", "cpu", "--cache", cache]
    code, shown, err = call(capsys, *words, "-o", copy, "--copy-images", "--json", out)
    assert (code, err) == (0, "")
    assert "1 of 5 faces changed." in shown
    assert before == {path.name: path.read_bytes() for path in faces.iterdir()}
    old, new = (read_dataset(place).faces for place in (faces, copy))
    assert np.array_equal(new[0].label.points, old[0].label.points[list(SCHEME.flip)])
    assert [face.label for face in new[1:]] == [face.label for face in old[1:]]
    data = json.loads(out.read_text(encoding="utf-8"))
    assert (data["version"], data["what"], data["written"]) == (1, "unswap", True)
    moved = {point["index"]: point["to"] for point in data["faces"][0]["points"]}
    assert set(moved) == {i for i, f in enumerate(SCHEME.flip) if i != f}
    assert moved[36] == pytest.approx(old[0].label.points[45].tolist())

    where = tmp_path / "p.starmark"
    with Project.create(where) as project:
        import_labels(project, read_dataset(faces), "set", author="ann")
        shutil.copy(cache, project.cache_path)
    words = ["-p", where, "--what", "unswap", "--author", "ann", "--device", "cpu"]
    code, shown, _ = call(capsys, *words, "--dry-run")
    assert code == 0 and "1 of 5 faces would change." in shown
    code, shown, _ = call(capsys, *words)
    assert code == 0 and "1 of 5 faces changed." in shown
    with Project.open(where) as project:
        labels = [face.label for face in project_labels(project, author="ann").faces]
        assert np.array_equal(labels[0].points, new[0].label.points)
        assert project.undo_text("ann") == "un-swap left and right"
    code, shown, _ = call(capsys, *words)
    assert code == 0 and "0 of 5 faces changed." in shown
    code, shown, _ = call(capsys, "-p", where, "--what", "offset", "--author", "ann", "--device", "cpu")
    assert code == 0 and "too few people" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "a", "--what", "drop"], "-o"),
        (["--dataset", "a", "--what", "drop", "-o", "a"], "another place"),
        (["--dataset", "a", "--what", "drop", "-o", "a/b"], "another place"),
        (["--dataset", "a", "--what", "drop", "--dry-run", "--author", "ann"], "projects"),
        (["-p", "p", "--what", "drop", "-o", "b"], "data sets"),
        (["-p", "p", "--what", "drop", "--spacing", "even"], "respace"),
        (["-p", "p", "--what", "unswap", "--verdict", "suspect"], "replace, drop, weigh"),
    ],
)
def test_words_that_do_not_go_together(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, *words)
    assert code == 2
    assert said in err
