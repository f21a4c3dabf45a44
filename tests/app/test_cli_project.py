"""The command project: what a person at a terminal sees of a project file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.entry import main
from core.face import Box
from core.project import Project
from core.project.conflicts import conflicts
from tests.core.project.project_samples import ANNA, dataset, label, set_to


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three labelled images and one that is missing, closed."""
    folder = tmp_path / "mine ü"
    for number in range(3):
        path = folder / "img" / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"picture {number}")
    with Project.create(folder / "faces") as project:
        project.import_dataset(dataset(folder / "img", 4), "300w", author=ANNA)
        mine = project.ensure_label_set(ANNA, "annotator")
        face = project.faces(project.images()[0].id)[0]
        project.apply(set_to(project, face.id, mine, label(1)), ANNA)
    return project.path


def call(capsys: pytest.CaptureFixture[str], action: str, path: Path, *words: str | Path) -> tuple[int, str, str]:
    code = main(["project", action, "-p", str(path), *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys: pytest.CaptureFixture[str], action: str, path: Path, *words: str | Path) -> str:
    code, out, err = call(capsys, action, path, *words)
    assert (code, out) == (2, "")
    assert err.startswith("starmark: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("action", ["info", "verify", "history", "backup", "restore", "relink", "hash", "merge"])
def test_help_has_an_example(capsys: pytest.CaptureFixture[str], action: str) -> None:
    assert main(["project", action, "--help"]) == 0
    assert f"project {action} -p faces.starmark" in capsys.readouterr().out


def test_info(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    code, out, err = call(capsys, "info", project)
    assert (code, err) == (0, "")
    assert "4 images, 4 faces, 5 labels, 2 revisions" in out
    assert "300w (import): 4 labels" in out and f"{ANNA} (annotator): 1 label\n" in out
    values = json.loads(call(capsys, "info", project, "--json")[1])
    assert values["version"] == 1 and values["path"] == str(project)
    assert (values["images"], values["unhashed"], values["labels"], values["conflicts"]) == (4, 4, 5, 0)
    assert values["authors"] == [ANNA] and values["backups"] == []
    with Project.open(project):  # also while it is open elsewhere
        assert call(capsys, "info", project)[0] == 0


def test_verify(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    assert call(capsys, "verify", project)[:2] == (0, f"{project}: sound\n")
    call(capsys, "backup", project)
    (backup,) = (project.parent / "faces.starmark-backups").iterdir()
    data = bytearray(backup.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 6000] = bytes(6000)
    backup.write_bytes(data)
    code, out, _ = call(capsys, "verify", project, "--backups")
    assert code == 1 and f"{project}: sound\n{backup.name}: " in out and "problem" in out
    values = json.loads(call(capsys, "verify", project, "--backups", "--json")[1])
    assert values["problems"] == [] and values["backups"][0]["problems"]
    project.write_bytes(data)
    code, out, _ = call(capsys, "verify", project)
    assert code in (1, 2) and "sound" not in out


def test_backup_and_restore(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    code, out, _ = call(capsys, "backup", project)
    made = Path(out.rsplit(" (", 1)[0])
    assert code == 0 and made.is_file()
    with Project.open(project) as opened:
        assert opened.undo(ANNA) is not None
        assert "Close it there" in refused(capsys, "restore", project, made.name)
    code, out, _ = call(capsys, "restore", project, "--list")
    assert code == 0 and out.startswith(f"{made.name}  by-hand  0.")
    assert json.loads(call(capsys, "restore", project, "--list", "--json")[1])["backups"][0]["name"] == made.name
    for words in ((), ("--newest", "--list"), (made.name, "--newest")):
        assert "name one backup" in refused(capsys, "restore", project, *words)
    assert "no such backup" in refused(capsys, "restore", project, "nothing")
    code, out, _ = call(capsys, "restore", project, made.name)
    assert code == 0 and f"{project} is now as in {made.name}" in out and "before-restore" in out
    with Project.open(project) as opened:
        assert opened.undo_text(ANNA) == "move point"
    assert call(capsys, "restore", project, "--newest")[0] == 0  # the one from before the restore
    with Project.open(project) as opened:
        assert opened.undo_text(ANNA) is None


def test_a_damaged_project_says_how_to_go_back(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    call(capsys, "backup", project)
    project.write_bytes(b"\0" * 5000)
    err = refused(capsys, "info", project)
    command = err.split("project restore ")[1].rstrip(".\n")
    assert command.startswith(f'-p "{project}" ')
    assert call(capsys, "restore", project, command.rsplit(" ", 1)[1])[0] == 0
    assert call(capsys, "verify", project)[0] == 0


def test_hash_and_relink(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    code, out, err = call(capsys, "hash", project)
    assert (code, out, err) == (0, "3 images hashed, 1 missing, 0 unreadable\n", "")
    (project.parent / "img" / "0001.jpg").rename(tmp_path / "other.jpg")
    shutil.move(project.parent / "img", tmp_path / "moved")
    (tmp_path / "other.jpg").rename(tmp_path / "moved" / "other.jpg")
    code, out, err = call(capsys, "relink", project, tmp_path / "moved")
    assert (code, out) == (0, "found again: 2 by path, 1 by content; still missing: 1; ambiguous: 0\n")
    assert err == f"missing: {project.parent / 'img' / '0003.jpg'}\n"
    assert "cannot be listed" in refused(capsys, "relink", project, tmp_path / "nowhere")


def test_merge(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    other = shutil.copyfile(project, project.with_name("other.starmark"))
    for path, seed in ((project, 2), (other, 3)):
        with Project.open(path) as opened:
            mine = opened.ensure_label_set(ANNA, "annotator")
            face = opened.faces(opened.images()[0].id)[0]
            opened.apply(set_to(opened, face.id, mine, label(seed)), ANNA)
            if path == other:
                opened.add_face(face.image_id, Box(600, 600, 9, 9))
    code, out, err = call(capsys, "merge", project, other, "--author", "Ben")
    assert (code, err) == (0, "")
    assert "faces: 1 added, 4 known" in out and "conflicts: 1" in out
    assert call(capsys, "merge", project, other)[1] == "there is nothing new in other\n"
    with Project.open(project) as opened:
        assert len(conflicts(opened)) == 1 and opened.verify() == []
        assert opened.backups.list()[0].reason == "before-merge"
    assert "1 conflict of a merge to decide" in call(capsys, "info", project)[1]
    assert "itself" in refused(capsys, "merge", project, project)
    assert "no such project" in refused(capsys, "merge", project, tmp_path / "nothing.starmark")


def test_history(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    code, out, _ = call(capsys, "history", project, project.parent / "img" / "0000.jpg")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 3
    assert f"{ANNA}  import: import 300w  (label in 300w, version 1)" in lines[1]
    assert f"{ANNA}  move point  (label in {ANNA}, version 1)" in lines[2]
    assert call(capsys, "history", project, lines[0].split()[1])[1] == out
    assert "no such image" in refused(capsys, "history", project, "nothing.jpg")
    assert "no such face" in refused(capsys, "history", project, "12345678123456781234567812345678")
