"""Projects as files: made, opened, saved elsewhere, refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.errors import ProjectError, ProjectLockedError, ProjectReadOnlyError, UsageError
from core.face import Box
from core.project import NewImage, Project, sqlite
from core.project.schema import REVISIONS, new_id
from core.project.sqlite import is_network, mount_type
from tests.core.project.project_samples import ANNA, dataset, edits, files, label, set_to, with_face


def test_a_new_project_is_empty_and_one_file_when_closed(tmp_path: Path) -> None:
    with Project.create(tmp_path / "Gesichter äöü %20 #1?") as project:
        assert project.path == tmp_path / "Gesichter äöü %20 #1?.starmark"
        assert (project.image_count(), project.face_count()) == (0, 0)
        assert not project.read_only and not project.is_scratch
        made = project.id
        project.add_images([tmp_path / "a.jpg"])
        assert project.cache_path.name == "Gesichter äöü %20 #1?.starmark-cache"
    assert files(tmp_path) == ["Gesichter äöü %20 #1?.starmark"]
    with Project.open(project.path) as again:
        assert again.id == made
        assert again.image_count() == 1
        assert again.verify() == []


def test_the_promises_of_the_connection(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:

        def ask(connection) -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys", "application_id")
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

        mode, synchronous, keys, application = project._writer.submit(ask).result()
        assert (mode, synchronous, keys, application) == ("wal", 2, 1, 0x53544D4B)
        with project._read() as connection, pytest.raises(Exception, match="readonly"):
            connection.exec_driver_sql("DELETE FROM image")


def test_on_a_share_a_rollback_journal_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "is_network", lambda _: True)
    with Project.create(tmp_path / "p") as project:
        assert "p.starmark-wal" not in files(tmp_path)
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        with Project.open(project.path, read_only=True) as reader:
            assert reader.label(face, mine.id) == (label(1), 1)
        project.save_as(tmp_path / "q")
        assert project.undo(ANNA) is not None and project.verify() == []
    assert files(tmp_path) == ["p.starmark", "q.starmark"]


def test_create_never_replaces_a_file(tmp_path: Path) -> None:
    target = tmp_path / "p.starmark"
    target.write_text("mine")
    with pytest.raises(ProjectError, match=r"p\.starmark.*exists"):
        Project.create(target)
    assert target.read_text() == "mine"
    assert files(tmp_path) == ["p.starmark"]


def test_create_in_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"none: the folder does not exist\. Create it"):
        Project.create(tmp_path / "none" / "p")


def test_images_are_added_once_and_paged_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(b"12345")
    with Project.create(tmp_path / "p") as project:
        first = project.add_images([tmp_path / "b.jpg", NewImage(tmp_path / "a.jpg", 640, 480, 6)])
        again = project.add_images([tmp_path / "x" / ".." / "a.jpg", tmp_path / "b.jpg", tmp_path / "b.jpg"])
        assert [image.id for image in again] == [first[1].id, first[0].id, first[0].id]
        assert (first[1].width, first[1].height, first[1].orientation, first[1].size) == (640, 480, 6, None)
        assert first[0].size == 5 and first[0].mtime_ns == (tmp_path / "b.jpg").stat().st_mtime_ns
        more = project.add_images([tmp_path / f"{i}.jpg" for i in range(1200)])
        assert project.images(2) == more
        assert project.images(100, 7) == more[98:105]
        assert project.image_count() == 1202
        assert project.image(first[0].id) == first[0] == project.find_image(tmp_path / "b.jpg")
        assert project.image_path(first[0].id) == tmp_path / "b.jpg"
        assert project.find_image(tmp_path / "c.jpg") is None
        with pytest.raises(ProjectError, match="no such image"):
            project.image(new_id())


def test_a_changed_image_is_brought_up_to_date(tmp_path: Path) -> None:
    photo = tmp_path / "b.jpg"
    photo.write_bytes(b"12345")
    with Project.create(tmp_path / "p") as project:
        image = project.add_images([NewImage(photo, 10, 20)])[0]
        assert project.content_hash(image.id).startswith("sha256:5994471abb01112afcc18159f6cc74b4")
        assert project.image(image.id).content_hash == project.content_hash(image.id)
        photo.write_bytes(b"123456")
        assert project.content_hash(image.id).startswith("sha256:8d969eef6ecad3c29a3a629280e686cf")
        assert project.image(image.id).content_hash.startswith("sha256:5994")  # of the file as it was added
        changed = project.add_images([photo])[0]
        assert (changed.id, changed.size, changed.width, changed.content_hash) == (image.id, 6, None, None)
        assert project.add_images([NewImage(photo, 30, 40, 1)])[0].width == 30


def test_file_names_that_are_not_utf8(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    with Project.create(tmp_path / "p") as project:
        image = project.add_images([odd, tmp_path / "café.jpg"])[0]
        assert image.path == odd
        assert project.find_image(odd) == image


def test_paths_near_the_project_move_with_it(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b" / "c"
    home.mkdir(parents=True)
    near = [home / "x.jpg", home / "img" / "y.jpg", tmp_path / "a" / "z.jpg"]
    far = [tmp_path / "w.jpg", Path("/elsewhere/v.jpg").absolute()]
    with Project.create(home / "p") as project:
        project.add_images(near + far)
    moved = tmp_path / "m" / "n" / "o" / "p"
    (moved / "b").mkdir(parents=True)
    shutil.move(home, moved / "b" / "c")
    with Project.open(moved / "b" / "c" / "p.starmark") as project:
        found = [image.path for image in project.images()]
        assert found[:2] == [moved / "b" / "c" / "x.jpg", moved / "b" / "c" / "img" / "y.jpg"]
        assert found[2:] == [moved / "z.jpg", *far]
        # An image that is kept by its absolute path is known by that, however near the project is now.
        assert project.add_images(far)[0].id == project.images()[3].id
        assert project.image_count() == 5


def test_faces(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        one, two = project.add_images([tmp_path / "a.jpg", tmp_path / "b.jpg"])
        face = project.add_face(one.id, Box(0.1, 0.2, 3, 4), (1.5, 2.5, 3.5), "by hand", ("blur",))
        other = project.add_face(one.id, Box(1, 1, 1, 1))
        assert project.faces(one.id) == [face, other]
        assert project.faces(two.id) == []
        assert (face.crop, face.tags, face.source, other.crop) == ((1.5, 2.5, 3.5), ("blur",), "by hand", None)
        assert project.face(other.id) == other
        assert project.face_counts([one.id, two.id]) == {one.id: 2, two.id: 0}
        with pytest.raises(ProjectError, match="not in the project"):
            project.add_face(new_id(), None)
        assert project.face_count() == 2


def test_label_sets(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        anna = project.ensure_label_set(ANNA, "annotator")
        assert project.ensure_label_set(ANNA, "annotator") == anna
        other = project.ensure_label_set(ANNA, "model")
        assert project.label_sets() == [anna, other]
        with pytest.raises(UsageError):
            project.ensure_label_set(" ", "annotator")


def test_settings_are_kept(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.set_setting("last", {"image": "ä", "zoom": [1, 2.5, None]})
        project.set_setting_later("last", {"image": "b"})
        project.set_setting("other", 1)
    with Project.open(project.path) as project:
        assert project.get_setting("last") == {"image": "b"}
        assert project.get_setting("none", 7) == 7


def test_save_as_goes_on_with_the_copy(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "far" / "away" / "there" / "new"
    old.mkdir()
    new.mkdir(parents=True)
    with Project.create(old / "p") as project:
        face, mine = with_face(project, old)
        project.add_images([new / "beside.jpg"])
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        first_id = project.id
        project.save_as(new / "q")
        assert project.path == new / "q.starmark" and project.id != first_id
        assert [image.path for image in project.images()] == [old / "one.jpg", new / "beside.jpg"]
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert files(old) == ["p.starmark"]
        assert project.undo(ANNA) is not None
        assert project.redo(ANNA) is not None
        with Project.open(old / "p.starmark") as before:
            assert before.label(face, mine.id).label == label(1)
        assert project.verify() == []
    assert files(new) == ["q.starmark"]
    with closing(sqlite3.connect(new / "q.starmark")) as connection:
        kept = [row[0] for row in connection.execute("SELECT path FROM image ORDER BY seq")]
    assert kept == [str(old / "one.jpg"), "beside.jpg"]


def test_save_as_never_replaces_unasked(tmp_path: Path) -> None:
    (tmp_path / "q.starmark").write_text("mine")
    with Project.create(tmp_path / "p") as project:
        with pytest.raises(ProjectError, match="exists"):
            project.save_as(tmp_path / "q")
        with pytest.raises(UsageError, match="already"):
            project.save_as(tmp_path / "p")
        assert (tmp_path / "q.starmark").read_text() == "mine"
        with pytest.raises(ProjectError, match="folder does not exist"):
            project.save_as(tmp_path / "none" / "q")
        project.add_images([tmp_path / "a.jpg"])
        project.save_as(tmp_path / "q", overwrite=True)
        assert project.image_count() == 1
        with Project.open(tmp_path / "p.starmark") as held, pytest.raises(ProjectLockedError):
            project.save_as(held.path, overwrite=True)
    assert files(tmp_path) == ["p.starmark", "q.starmark"]


def test_save_as_does_not_take_up_a_dead_journal(tmp_path: Path) -> None:
    """A -wal file left by another database of that name must not be applied to the new one."""
    with Project.create(tmp_path / "q") as other:
        other.add_images([tmp_path / "wrong.jpg"])
        shutil.copy(tmp_path / "q.starmark-wal", tmp_path / "kept")
    (tmp_path / "q.starmark").unlink()
    shutil.move(tmp_path / "kept", tmp_path / "q.starmark-wal")
    with Project.create(tmp_path / "p") as project:
        project.save_as(tmp_path / "q")
        assert project.images() == [] and project.verify() == []


def test_scratch_is_found_again_and_moves_when_named(tmp_path: Path) -> None:
    home = tmp_path / "data" / "starmark"
    with Project.scratch(home) as project:
        assert project.is_scratch
        project.add_images([tmp_path / "a.jpg"])
        made = project.id
        with Project.scratch(home) as second:
            assert second.path != project.path and second.image_count() == 0
    with Project.scratch(home) as project:
        assert project.id == made and project.image_count() == 1
        project.save_as(tmp_path / "named")
        assert project.id == made and not project.is_scratch
        assert project.images()[0].path == tmp_path / "a.jpg"
    assert "scratch.starmark" not in files(home)
    with Project.open(tmp_path / "named.starmark") as project:
        assert not project.is_scratch


def test_a_damaged_scratch_project_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "scratch.starmark").write_bytes(b"damaged" * 100)
    with Project.scratch(tmp_path) as project:
        assert project.path.name == "scratch-2.starmark"
        assert "scratch.starmark: this is not a Starmark project" in project.notes[0]
    assert (tmp_path / "scratch.starmark").read_bytes() == b"damaged" * 100


def test_one_writer_at_a_time_within_a_process(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        with pytest.raises(ProjectLockedError, match=r"open already.*read-only"):
            Project.open(project.path)
        with Project.open(project.path, read_only=True) as reader:
            project.add_images([tmp_path / "a.jpg"])
            assert reader.image_count() == 1  # committed meanwhile, and seen
        project.add_images([tmp_path / "b.jpg"])
    assert files(tmp_path) == ["p.starmark"]


def test_a_link_leads_to_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with Project.create(tmp_path / "p") as project:
        (tmp_path / "sub" / "link.starmark").symlink_to(project.path)
        with pytest.raises(ProjectLockedError):
            Project.open(tmp_path / "sub" / "link.starmark")


def test_a_forgotten_lock_file_locks_nobody_out(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        pass
    (tmp_path / "p.starmark-lock").write_text('{"pid": 1, "host": "gone"}')
    with Project.open(project.path) as project:
        project.add_images([tmp_path / "a.jpg"])
    assert files(tmp_path) == ["p.starmark"]


def test_read_only_projects_read_and_refuse_to_write(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label()), ANNA)
    before = project.path.read_bytes()
    with Project.open(project.path, read_only=True) as reader:
        assert reader.label(face, mine.id).label == label()
        assert not reader.can_undo(ANNA)
        for write in (
            lambda: reader.add_images([tmp_path / "b.jpg"]),
            lambda: reader.undo(ANNA),
            lambda: reader.set_setting("a", 1),
            lambda: reader.ensure_label_set("Bob", "annotator"),
            lambda: reader.apply(set_to(reader, face, mine, None), ANNA),
        ):
            with pytest.raises(ProjectReadOnlyError, match="another name"):
                write()
        assert reader.ensure_label_set(ANNA, "annotator") == mine
        reader.save_as(tmp_path / "copy")
        assert not reader.read_only and reader.undo(ANNA) is not None
    assert project.path.read_bytes() == before
    assert files(tmp_path) == ["copy.starmark", "p.starmark"]


@contextmanager
def without_rights() -> Iterator[None]:
    """Root may do anything; be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("crashed", [False, True])
def test_media_that_cannot_be_written(tmp_path: Path, crashed: bool) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == Path("/").owner() and folder.stat().st_mode & 0o005 != 0o005 and os.geteuid() == 0:
            folder.chmod(0o755)
        if folder.name.startswith("pytest-of"):
            break
    disc = tmp_path / "disc"
    disc.mkdir()
    with Project.create(disc / "p") as project:
        project.add_images([disc / "a.jpg"])
        if crashed:
            shutil.copy(disc / "p.starmark", tmp_path / "p.starmark")
            shutil.copy(disc / "p.starmark-wal", tmp_path / "p.starmark-wal")
    if crashed:
        shutil.copy(tmp_path / "p.starmark", disc / "p.starmark")
        shutil.copy(tmp_path / "p.starmark-wal", disc / "p.starmark-wal")
    for path in disc.iterdir():
        path.chmod(0o444)
    disc.chmod(0o555)
    try:
        with without_rights():
            if crashed:  # never a state that lacks acknowledged edits
                with pytest.raises(ProjectError, match=r"-wal.*Copy"):
                    Project.open(disc / "p.starmark")
            else:
                with Project.open(disc / "p.starmark") as project:
                    assert project.read_only and "reading only" in project.notes[0]
                    assert project.image_count() == 1
                with pytest.raises(ProjectError, match="permission"):
                    Project.create(disc / "q")
    finally:
        disc.chmod(0o755)
    assert files(disc) == (["p.starmark", "p.starmark-wal"] if crashed else ["p.starmark"])


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "p.starmark"
    with Project.create(path):
        pass
    path.chmod(0)
    tmp_path.chmod(0o755)
    with without_rights(), pytest.raises(ProjectError, match="permission"):
        Project.open(path)


def test_files_that_are_no_projects(tmp_path: Path) -> None:
    cases = {
        "empty": (b"", "empty"),
        "photo": (b"\xff\xd8\xff" * 100, "not a Starmark project"),
        "short": (b"SQLite format 3\0", "not a Starmark project"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / f"{name}.starmark"
        path.write_bytes(content)
        with pytest.raises(ProjectError, match=message) as caught:
            Project.open(path)
        assert caught.value.where == str(path) and caught.value.remedy
        assert path.read_bytes() == content
    with closing(sqlite3.connect(tmp_path / "other.starmark")) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(ProjectError, match="another program"):
        Project.open(tmp_path / "other.starmark")
    with pytest.raises(ProjectError, match="folder"):
        Project.open(tmp_path)
    with pytest.raises(ProjectError, match="no such project"):
        Project.open(tmp_path / "none.starmark")
    with pytest.raises(ProjectError, match="folder does not exist"):
        Project.open(tmp_path / "no" / "none.starmark")
    assert not [name for name in files(tmp_path) if "lock" in name or "wal" in name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.starmark")
    with pytest.raises(ProjectError, match="regular file"):
        Project.open(tmp_path / "p.starmark")


def test_a_damaged_project_is_an_error_wherever_it_is_damaged(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        project.import_dataset(dataset(tmp_path, 40), "300w", author=ANNA)
    sound = project.path.read_bytes()
    assert len(sound) > 50 * 4096
    outcomes = set()
    for page in range(0, len(sound) // 4096, 5):
        start = max(100, page * 4096)  # the first 100 bytes say what the file is
        project.path.write_bytes(sound[:start] + b"\xa5" * 2048 + sound[start + 2048 :])
        try:
            with Project.open(project.path) as broken:
                problems = broken.verify()
            assert problems, f"damage at page {page} was not noticed"
            outcomes.add("opened")
        except ProjectError as error:
            assert error.remedy
            outcomes.add("refused")
    assert "opened" in outcomes and "refused" in outcomes
    project.path.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(ProjectError), Project.open(project.path) as broken:
        broken.import_dataset(dataset(tmp_path, 40, seed=1), "other", author=ANNA)
    assert files(tmp_path) == ["p.starmark"]


def test_a_newer_project_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        pass
    with closing(sqlite3.connect(project.path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE meta SET value = 'Starmark 9.9' WHERE key = 'written_by'")
        connection.commit()
    before = project.path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(ProjectError, match=r"newer Starmark \(Starmark 9\.9\).*Update"):
            Project.open(project.path, read_only=read_only)
    assert project.path.read_bytes() == before
    assert files(tmp_path) == ["p.starmark"]
    assert REVISIONS[-1] != "9999"


def test_a_full_disk_loses_nothing_that_was_there(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        project.apply(set_to(project, face, mine, label(1)), ANNA)
        # SQLite itself reports a full disk when the file may not grow.
        pages = project._writer.submit(
            lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1").scalar()
        ).result()
        with pytest.raises(ProjectError, match=r"p\.starmark: the disk is full.*Free some space"):
            project.import_dataset(dataset(tmp_path, 200), "300w", author=ANNA)
        assert project.image_count() == 1 and project.face_count() == 1
        assert project.label(face, mine.id).label == label(1)
        project._writer.submit(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages + 10_000}").scalar()).result()
        project.apply(set_to(project, face, mine, label(2)), ANNA)
        assert project.verify() == []


def test_a_closed_project_says_so(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    project.close()
    project.close()
    for call in (project.images, lambda: project.undo(ANNA), lambda: project.set_setting("a", 1)):
        with pytest.raises(ProjectError, match="closed"):
            call()


def test_closing_waits_for_all_writes(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    futures = [project.set_setting_later(f"{i}", i) for i in range(50)]
    project.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with Project.open(project.path) as project:
        assert project.get_setting("49") == 49


def test_acknowledged_means_committed(tmp_path: Path) -> None:
    """At the moment a future is resolved, another connection finds the change."""
    seen: list[object] = []
    with (
        Project.create(tmp_path / "p") as project,
        closing(sqlite3.connect(project.path, check_same_thread=False)) as other,
    ):
        for i in range(20):
            future = project.set_setting_later("n", i)
            future.add_done_callback(lambda _: seen.append(other.execute("SELECT value FROM setting").fetchone()[0]))
        future.result()
        project.set_setting("n", "last")  # so that the callback before is over
    assert seen == [str(i) for i in range(20)]


@pytest.mark.parametrize("share", [False, True])
def test_readers_are_not_held_up_by_the_writer(tmp_path: Path, share: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a transaction is open, and has changed things, reads go on and see the state before it."""
    monkeypatch.setattr(sqlite, "is_network", lambda _: share)
    inside, go_on = threading.Event(), threading.Event()
    with Project.create(tmp_path / "p") as project:
        project.add_images([tmp_path / "a.jpg"])

        def slow(done: int, total: int) -> None:
            if done == total:  # told once all rows are written, and not yet committed
                inside.set()
                assert go_on.wait(60)

        found = dataset(tmp_path / "img", 2601)
        importing = threading.Thread(target=lambda: project.import_dataset(found, "i", author=ANNA, progress=slow))
        importing.start()
        assert inside.wait(60)
        later = project.set_setting_later("a", 1)
        assert project.image_count() == 1 and project.label_sets() == []
        assert not later.done()
        go_on.set()
        importing.join(60)
        assert later.result(60) is None
        assert project.image_count() == 2602


def test_many_threads(tmp_path: Path) -> None:
    problems: list[BaseException] = []
    with Project.create(tmp_path / "p") as project:
        faces = []
        for i in range(4):
            image = project.add_images([tmp_path / f"{i}.jpg"])[0]
            faces.append((f"a{i}", project.add_face(image.id, None).id))

        def work(author: str, face) -> None:
            try:
                mine = project.ensure_label_set(author, "annotator")
                for step in range(15):
                    project.apply(set_to(project, face, mine, label(step)), author)
                    assert project.current_label(face, author).label == label(step)
                    assert len(project.history(face)) == step + 1
                while project.undo(author):
                    assert project.images()
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=pair) for pair in faces]
        for thread in threads:
            thread.start()
        project.save_as(tmp_path / "q")  # in the midst of it
        for thread in threads:
            thread.join(120)
        assert problems == []
        assert all(project.label(face, s.id) is None for _, face in faces for s in project.label_sets())
        assert project.verify() == []


def test_no_thread_is_left(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Project.create(tmp_path / "p") as project:
        project.save_as(tmp_path / "q")
    with pytest.raises(ProjectError):
        Project.create(tmp_path / "p")
    assert set(threading.enumerate()) <= before


def test_a_network_share_is_told_from_the_table_of_mounts(tmp_path: Path) -> None:
    table = (
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "30 22 0:40 / /mnt/team\\040share rw shared:1 - nfs4 server:/x rw\n"
        "31 30 8:2 / /mnt/team\\040share/local rw - xfs /dev/sdb rw\n"
    )
    assert mount_type(table, "/mnt/team share/p.starmark") == "nfs4"
    assert mount_type(table, "/mnt/team share/local/p") == "xfs"
    assert mount_type(table, "/mnt/team shared/p") == "ext4"
    assert mount_type("", "/a") == ""
    assert is_network(tmp_path) is False


def test_ids_grow_and_carry_their_time() -> None:
    import time

    before = time.time_ns() // 1_000_000
    found = [new_id() for _ in range(5000)]
    assert found == sorted(set(found))
    assert {one.version for one in found} == {7} and {one.variant for one in found} == {"specified in RFC 4122"}
    assert before <= found[0].int >> 80 <= found[-1].int >> 80 <= time.time_ns() // 1_000_000 + 5


def test_compound_edits_need_different_labels(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        face, mine = with_face(project, tmp_path)
        one = set_to(project, face, mine, label())
        with pytest.raises(UsageError):
            edits(one, one)
        with pytest.raises(UsageError):
            edits()
