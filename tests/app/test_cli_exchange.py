"""`import`, `export` and `convert`: exit codes, reports, and nobody's files replaced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.cli.exchange import FORMAT_NAMES, PATCH
from app.entry import main
from core.formats import EXPORTERS, FORMATS, read_dataset, write_pts
from core.project import Project, SetLabel
from core.scheme_map import MAP_DIR as SCHEME_MAPS
from tests.core.format_samples import save_image, shape_of


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A 300W folder of six faces, one of them spoilt."""
    from core.scheme import get_scheme

    folder = tmp_path / "set ä"
    for number in range(6):
        image = save_image(folder / f"face {number}.png", seed=number)
        write_pts(image.with_suffix(".pts"), shape_of(get_scheme("300w-68"), number))
    (folder / "face 5.pts").write_text("version: 1\nn_points: 68\n{\n1 nan\n}\n")
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_names_of_the_formats() -> None:
    assert set(FORMATS) <= set(FORMAT_NAMES)
    assert set(EXPORTERS) <= set(FORMAT_NAMES)
    assert PATCH not in FORMATS


def test_in_out_and_across(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "faces.starmark"
    code, out, _ = call(capsys, "import", dataset, "-p", project, "--report", tmp_path / "report.json")
    assert code == 1  # one was left out
    assert "5 faces of 5 images read (300w, 300w-68)." in out
    assert "face 5.pts, line 4: expected two numbers" in out
    assert "5 images, 5 faces and 5 labels are new" in out
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["faces"], report["drift"], len(report["skipped"])) == (5, 0, 1)
    code, out, _ = call(capsys, "import", dataset, "-p", project)
    assert "0 labels are new" in out
    assert "5 were there" in out

    code, out, err = call(capsys, "export", "-p", project, "--format", "300w", "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    code, _, err = call(capsys, "export", "-p", project, "--format", "300w", "-o", tmp_path / "out")
    assert code == 2
    assert "there already" in err
    code, _, _ = call(
        capsys, "convert", tmp_path / "out", "--images", dataset, "--from", "300w", "--to", "300w",
        "-o", tmp_path / "again", "--copy-images",
    )  # fmt: skip
    assert code == 0
    first, last = read_dataset(dataset).faces, read_dataset(tmp_path / "again").faces
    assert [face.image.name for face in first] == [face.image.name for face in last]
    assert all(np.array_equal(a.label.points, b.label.points) for a, b in zip(first, last, strict=True))


def test_a_dry_run_changes_nothing(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "import", dataset, "-p", tmp_path / "faces.starmark", "--dry-run")
    assert code == 1
    assert "5 faces of 5 images read" in out
    assert not (tmp_path / "faces.starmark").exists()


def test_patch_from_one_project_to_another(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one.starmark", tmp_path / "two.starmark"
    for path in (one, two):
        call(capsys, "import", dataset, "-p", path)
    with Project.open(one) as project:
        face = project.faces(project.images()[1].id)[0]
        label = project.current_label(face.id, "anna")
        assert label is not None
        own = project.ensure_label_set("anna", "annotator")
        project.apply(SetLabel(face.id, own.id, None, label.label.with_point(3, (5.5, 6.5)), 0, "move point"), "anna")
    fix = tmp_path / "fix.json"
    code, out, _ = call(capsys, "export", "-p", one, "--format", "patch", "-o", fix, "--author", "anna")
    assert code == 0
    assert "1 corrected faces, 1 corrected points." in out
    code, _, _ = call(capsys, "import", fix, "-p", two)
    assert code == 0
    code, _, _ = call(capsys, "export", "-p", two, "--format", "300w", "-o", tmp_path / "out")
    again = read_dataset(tmp_path / "out", images_root=dataset).faces[1]
    assert again.label.points[3].tolist() == [5.5, 6.5]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("import", "nowhere", "-p", "x.starmark"), "no such file or folder"),
        (("import", "empty", "-p", "x.starmark"), "looks like no known data set"),
        (("export", "-p", "x.starmark", "--format", "300w", "-o", "out"), "no such project"),
        (("export", "-p", "x.starmark", "--format", "gif", "-o", "out"), "invalid choice: 'gif'"),
        (("convert", "empty", "--to", "300w", "-o", "out"), "looks like no known data set"),
        (("convert", "empty", "--from", "300w", "--to", "300w", "-o", "out"), "there is no .pts file here"),
        (("import", "empty", "-p", "x.starmark", "--scheme", "none"), "there is no scheme 'none'"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    code, out, err = call(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("starmark: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


def test_points_of_another_scheme(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(
        capsys, "convert", dataset, "--to", "300w", "-o", tmp_path / "fifty one", "--to-scheme", "300w-51"
    )
    assert code == 1  # one was left out
    assert "Points were converted from 300w-68 to 300w-51." in out
    faces, again = read_dataset(dataset).faces, read_dataset(tmp_path / "fifty one", images_root=dataset).faces
    assert [face.label.scheme for face in again] == ["300w-51"] * 5
    assert all(np.array_equal(a.label.points[17:], b.label.points) for a, b in zip(faces, again, strict=True))
    own = tmp_path / "mine.toml"
    own.write_text((SCHEME_MAPS / "300w-68_face-5.toml").read_text(encoding="utf-8"), encoding="utf-8")
    code, out, _ = call(capsys, "import", dataset, "-p", tmp_path / "p.starmark", "--map", own)
    assert code == 1
    assert "5 faces of 5 images read (300w, face-5)." in out
    code, _, err = call(capsys, "convert", dataset, "--to", "300w", "-o", tmp_path / "x", "--to-scheme", "wflw-98")
    assert code == 2
    assert "wflw-98" in err
    code, _, err = call(capsys, "export", "-p", tmp_path / "p.starmark", "--format", "300w", "-o", "x", "--map", own)
    assert code == 2
    assert "maps 300w-68 to face-5, but face-5 to face-5 is needed" in err
