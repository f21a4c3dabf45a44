"""The sample: made whole or not at all, kept as the user left it, and never written where the program lies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from core import sample
from core.errors import FileError, FormatError, ProjectLockedError
from core.paths import user_home
from core.project import Project, SetFaceInfo, SetLabel
from core.sample import copies_in, is_copy, newest_copy, read_plan
from core.sample_copy import open_sample, untouched
from tests.sample_folder import WRONG, write_sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "installed" / "sample"
    write_sample(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home ü"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def face_of(project: Project, name: str) -> UUID:
    record = next(record for record in project.images() if record.path.name == name)
    return project.faces(record.id)[0].id


def move(project: Project, name: str, point: int, xy: tuple[float, float], author: str = "Ann") -> None:
    face = face_of(project, name)
    label = project.current_label(face, author)
    assert label is not None
    own = project.ensure_label_set(author, "annotator")
    project.apply(SetLabel(face, own.id, None, label.label.with_point(point, xy), 0, "move point"), author)


def test_both_annotators_labels_are_there_and_the_program_is_only_read(source: Path, home: Path) -> None:
    before = contents(source)
    with open_sample(home, source=source) as project:
        assert project.path == home / "sample" / "Sample.starmark"
        assert [record.path.name for record in project.images()] == ["s_0.png", "s_1.png", "s_2.png", "zzz.png"]
        assert all(record.path.parent == home / "sample" / "images" for record in project.images())
        assert [(one.name, one.kind) for one in project.label_sets()] == [
            ("annotator B", "annotator"), ("annotator A", "annotator"),
        ]  # fmt: skip
        face = face_of(project, "s_1.png")
        shown = project.current_label(face, "Ann")
        assert shown is not None and shown.label_set.name == "annotator A"
        assert len(project.labels_of([face])[face]) == 2, "both annotators' labels are of one face"
        assert project.verify() == []
        assert project.undo_text("Ann") is None
    assert contents(source) == before
    assert sorted(path.name for path in home.iterdir()) == ["sample"], "nothing else is left"


def test_edits_survive_and_a_fresh_copy_gets_the_next_number(source: Path, home: Path) -> None:
    plan = read_plan(source)
    with open_sample(home, source=source) as project:
        assert untouched(project, plan, "Ann")
        move(project, plan.wrong.image, WRONG, plan.wrong.truth)
        assert not untouched(project, plan, "Ann")
        assert not untouched(project, plan, "Bert"), "what another has corrected is seen by all"
    with open_sample(home, source=source) as again:
        assert again.path.name == "Sample.starmark"
        label = again.current_label(face_of(again, plan.wrong.image), "Ann")
        assert label is not None and tuple(label.label.points[WRONG]) == pytest.approx(plan.wrong.truth)
        with open_sample(home, source=source, fresh=True) as fresh:  # while the first is open
            assert fresh.path == home / "sample 2" / "Sample 2.starmark"
            assert untouched(fresh, plan, "Ann")
        with open_sample(home, source=source), pytest.raises(ProjectLockedError):
            open_sample(home, source=source)
    assert newest_copy(home) == home / "sample 2" / "Sample 2.starmark"
    assert is_copy(home / "sample" / "Sample.starmark", home) and not is_copy(home / "Sample.starmark", home)


def test_an_accepted_face_counts_as_touched(source: Path, home: Path) -> None:
    plan = read_plan(source)
    with open_sample(home, source=source) as project:
        face = project.face(face_of(project, plan.ambiguous.image))
        after = replace(face.info, review="accepted")
        project.apply(SetFaceInfo(face.id, face.info, after, face.version, "review"), "Ann")
        assert not untouched(project, plan, "Ann")


def test_copies_can_be_written_where_the_program_cannot(source: Path, home: Path) -> None:
    for path in sorted(source.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with open_sample(home, source=source) as project:
            for record in project.images():
                assert record.path.stat().st_mode & stat.S_IWUSR
    finally:
        for path in [source, *source.rglob("*")]:
            path.chmod(0o755)


def test_whoever_cancels_leaves_nothing_behind(source: Path, home: Path) -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 6:  # behind the pictures, before the second label set
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_sample(home, source=source, check=check)
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_kill_9_in_the_middle_leaves_nothing_that_opens(source: Path, home: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; import core.sample_copy as c\n"
        "calls = []\n"
        "def check():\n"
        "    calls.append(1)\n"
        "    if len(calls) == 6: os.kill(os.getpid(), signal.SIGKILL)\n"
        "c.open_sample(Path(sys.argv[1]), source=Path(sys.argv[2]), check=check)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home), str(source)], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (left,) = home.iterdir()
    assert list(left.glob("*.starmark")), "it was in the middle"
    assert newest_copy(home) is None
    with open_sample(home, source=source) as project:
        assert project.path.name == "Sample.starmark" and project.verify() == []
    assert left.exists(), "another program may still be at it"
    os.utime(left, (time.time() - 7200,) * 2)
    open_sample(home, source=source, fresh=True).close()
    assert not left.exists()


def test_what_is_in_the_way_is_left_alone(source: Path, home: Path) -> None:
    (home / "sample").mkdir(parents=True)
    (home / "sample" / "mine.txt").write_text("mine", encoding="utf-8")
    (home / "sample 2").write_text("mine", encoding="utf-8")
    with open_sample(home, source=source) as project:
        assert project.path == home / "sample 3" / "Sample 3.starmark"
    assert (home / "sample" / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert sorted(copies_in(home)) == [1, 2, 3]


def test_the_users_own_folder_is_the_default(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SOURCE", source)
    assert newest_copy() is None
    with open_sample() as project:
        assert project.path.is_relative_to(user_home())
        assert is_copy(project.path)


def test_a_missing_or_damaged_sample_says_so(source: Path, home: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="missing"):
        open_sample(home, source=tmp_path)
    plan = source / sample.PLANTED
    for text in ("{}", "[1]", "no json", plan.read_text(encoding="utf-8").replace('"point": 36', '"point": "x"')):
        plan.write_text(text, encoding="utf-8")
        with pytest.raises(FormatError, match="errors"):
            read_plan(source)
