"""Content hashes, missing images, and finding them again after a move: by path, by content, never by a guess."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from core.errors import ImageError, ProjectError, ProjectReadOnlyError
from core.project import Project
from core.project.hashing import check_images, hash_file, hash_images
from core.project.relink import RelinkReport, relink
from tests.core.project.project_samples import ANNA, label, set_to


def write(folder: Path, *names: str, content: str | None = None) -> list[Path]:
    paths = []
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or f"the picture {name}")
        paths.append(path)
    return paths


@pytest.fixture
def project(tmp_path: Path):
    (tmp_path / "project").mkdir()
    with Project.create(tmp_path / "project" / "p") as project:
        yield project


def names(report: RelinkReport) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [f"{one.old.name}>{one.new.name}" for one in report.by_path],
        [f"{one.old.name}>{one.new.name}" for one in report.by_hash],
        [path.name for _, path in report.missing],
        [one.path.name for one in report.ambiguous],
    )


def touch(folder: Path) -> None:
    """Other times, as a copy by hand has."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (10**9, 10**9))


def tree(folder: Path) -> list[Path]:
    return write(folder, "one/a.jpg", "one/b.jpg", "two/a.jpg", "two/deep/a.jpg", "c.jpg")


# Hashes


def test_hashes_are_filled_once(project: Project, tmp_path: Path) -> None:
    paths = tree(tmp_path / "img")
    records = project.add_images([*paths, tmp_path / "gone.jpg"])
    seen: list[tuple[int, int]] = []
    report = hash_images(project, lambda *at: seen.append(at))
    assert (report.hashed, report.missing, report.unreadable) == (5, (records[5].id,), ())
    assert seen == [(6, 6)]
    for path, image in zip(paths, project.images(), strict=False):
        assert image.content_hash == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        assert image.content_hash == project.content_hash(image.id)
    assert hash_images(project).hashed == 0


def test_hashing_goes_on_where_it_was_stopped(project: Project, tmp_path: Path) -> None:
    project.add_images(write(tmp_path / "img", *(f"{n}.jpg" for n in range(300))))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hash_images(project, stop)
    done = sum(image.content_hash is not None for image in project.images())
    assert 0 < done < 300
    assert hash_images(project).hashed == 300 - done


def test_a_file_that_changed_since_is_another_picture(project: Project, tmp_path: Path) -> None:
    (path,) = write(tmp_path, "a.jpg")
    project.add_images([path])
    path.write_text("a longer picture than before")
    hash_images(project)
    (image,) = project.images()
    assert image.size == path.stat().st_size
    assert image.content_hash == project.content_hash(image.id)


def test_what_cannot_be_hashed_is_named(project: Project, tmp_path: Path) -> None:
    (path,) = write(tmp_path, "a.jpg")
    path.write_bytes(b"")
    project.add_images([path])
    ((where, reason),) = hash_images(project).unreadable
    assert where == path and "empty" in reason
    with pytest.raises(ImageError):
        hash_file(tmp_path)
    with Project.open(project.path, read_only=True) as reader, pytest.raises(ProjectReadOnlyError):
        path.write_text("now it is one")
        hash_images(reader)


def test_missing_images_are_told(project: Project, tmp_path: Path) -> None:
    paths = tree(tmp_path / "img")
    records = project.add_images(paths)
    assert check_images(project) == []
    paths[1].unlink()
    assert check_images(project) == [records[1].id]


# Relinking


def test_a_renamed_folder(project: Project, tmp_path: Path) -> None:
    project.add_images(tree(tmp_path / "img"))
    (tmp_path / "img").rename(tmp_path / "pictures")
    report = relink(project, tmp_path / "pictures")
    assert [(one.old.relative_to(tmp_path / "img"), one.new) for one in report.by_path] == [
        (one.old.relative_to(tmp_path / "img"), tmp_path / "pictures" / one.old.relative_to(tmp_path / "img"))
        for one in report.by_path
    ]
    assert len(report.by_path) == 5
    assert check_images(project) == [] == project.verify()
    assert [backup.reason for backup in project.backups.list()] == ["before-relink"]
    assert relink(project, tmp_path / "pictures") == RelinkReport((), (), (), ())


def test_labels_stay_with_their_images(project: Project, tmp_path: Path) -> None:
    (image,) = project.add_images(write(tmp_path / "img", "a.jpg"))
    face = project.add_face(image.id, None)
    mine = project.ensure_label_set(ANNA, "annotator")
    project.apply(set_to(project, face.id, mine, label(1)), ANNA)
    shutil.move(tmp_path / "img", tmp_path / "new")
    relink(project, tmp_path)
    assert project.image(image.id).path == tmp_path / "new" / "a.jpg"
    assert project.label(project.faces(image.id)[0].id, mine.id) == (label(1), 1)


@pytest.mark.parametrize("times_kept", [True, False])
def test_a_flattened_folder_with_files_renamed_and_copied(project: Project, tmp_path: Path, times_kept: bool) -> None:
    a, b, a2, a3, c = tree(tmp_path / "img")
    project.add_images([a, b, a2, a3, c])
    hash_images(project)
    flat = tmp_path / "flat"
    flat.mkdir()
    for old, new in ((a, "a.jpg"), (b, "renamed.jpg"), (a2, "a-2.jpg"), (a3, "a-3.jpg"), (c, "c.jpg")):
        shutil.move(old, flat / new)
    shutil.copyfile(flat / "a-2.jpg", flat / "a-2 copy.jpg")
    if not times_kept:
        touch(flat)
    report = relink(project, flat)
    by_path, by_hash, missing, ambiguous = names(report)
    # The name a.jpg speaks for three images, of which two are as long: content decides.
    assert sorted(by_path + by_hash) == ["a.jpg>a-3.jpg", "a.jpg>a.jpg", "b.jpg>renamed.jpg", "c.jpg>c.jpg"]
    assert "c.jpg>c.jpg" in by_path
    assert (missing, ambiguous) == ([], ["a.jpg"])  # two/a.jpg has two copies of other names
    assert {one.image_id: one.new.name for one in (*report.by_path, *report.by_hash)} == {
        image.id: image.path.name for image in project.images() if image.path.parent == flat
    }
    (left,) = report.ambiguous
    assert sorted(path.name for path in left.candidates) == ["a-2 copy.jpg", "a-2.jpg"]
    for image in project.images():
        if image.path.exists():
            assert image.content_hash == hash_file(image.path).value
    assert project.verify() == []


def test_the_same_name_with_other_content_is_not_taken(project: Project, tmp_path: Path) -> None:
    one, two = write(tmp_path / "img", "a.jpg", "b.jpg")
    project.add_images([one, two])
    hash_images(project)
    shutil.rmtree(tmp_path / "img")
    write(tmp_path / "other", "a.jpg", content="the picture X.jpg")  # as many bytes
    write(tmp_path / "other", "b.jpg", content="more bytes than before")
    assert names(relink(project, tmp_path / "other")) == ([], [], ["a.jpg", "b.jpg"], [])
    assert check_images(project) == [image.id for image in project.images()]


def test_the_longest_path_wins_and_equals_are_not_guessed(project: Project, tmp_path: Path) -> None:
    project.add_images(write(tmp_path / "img", "x/1.jpg", "y/1.jpg", "z/1.jpg", content="same size"))
    shutil.rmtree(tmp_path / "img")
    write(tmp_path / "new", "x/1.jpg", "deep/x/1.jpg", "y/1.jpg", content="same size")
    report = relink(project, tmp_path / "new")
    assert [one.new for one in report.by_path] == [tmp_path / "new" / "y" / "1.jpg"]
    assert [one.path.parent.name for one in report.ambiguous] == ["x", "z"]


def test_two_images_do_not_share_a_file(project: Project, tmp_path: Path) -> None:
    first, second = write(tmp_path / "img", "x/1.jpg", "y/1.jpg", content="twins")
    project.add_images([first, second])
    hash_images(project)
    shutil.rmtree(tmp_path / "img")
    write(tmp_path / "new", "1.jpg", content="twins")
    assert names(relink(project, tmp_path / "new")) == ([], [], [], ["1.jpg", "1.jpg"])
    write(tmp_path / "new", "y/1.jpg", content="twins")
    relink(project, tmp_path / "new")
    assert [image.path.relative_to(tmp_path / "new") for image in project.images()] == [Path("1.jpg"), Path("y/1.jpg")]


def test_a_file_that_is_another_image_of_the_project_is_not_taken(project: Project, tmp_path: Path) -> None:
    lost, kept = write(tmp_path / "img", "x/1.jpg", "y/1.jpg", content="twins")
    project.add_images([lost, kept])
    hash_images(project)
    lost.unlink()
    assert names(relink(project, tmp_path)) == ([], [], ["1.jpg"], [])
    assert len(project.images()) == 2


def test_nothing_known_but_the_name(project: Project, tmp_path: Path) -> None:
    """Images that were never there: their labels came by mail, the pictures later."""
    project.add_images([tmp_path / "img" / "a.jpg", tmp_path / "img" / "b.jpg"])
    write(tmp_path / "new", "a.jpg")
    assert names(relink(project, tmp_path / "new")) == (["a.jpg>a.jpg"], [], ["b.jpg"], [])
    assert project.images()[0].size == (tmp_path / "new" / "a.jpg").stat().st_size


def test_letters_and_accents_apart(project: Project, tmp_path: Path) -> None:
    project.add_images(write(tmp_path / "img", "Zoe\u0301.jpg", content="x"))
    shutil.rmtree(tmp_path / "img")
    write(tmp_path / "new", "Zo\u00e9.jpg", content="x")
    assert len(relink(project, tmp_path / "new").by_path) == 1


def test_stopped_or_refused_it_leaves_the_project_as_it_was(project: Project, tmp_path: Path) -> None:
    project.add_images(tree(tmp_path / "img"))
    hash_images(project)
    before = project.images()
    (tmp_path / "img").rename(tmp_path / "new")
    touch(tmp_path / "new")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relink(project, tmp_path / "new", stop)
    assert project.images() == before
    with pytest.raises(ProjectError, match="cannot be listed"):
        relink(project, tmp_path / "nowhere")
    with Project.open(project.path, read_only=True) as reader, pytest.raises(ProjectReadOnlyError):
        relink(reader, tmp_path / "new", backup=False)
    assert project.images() == before
