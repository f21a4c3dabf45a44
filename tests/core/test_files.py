"""Atomic writing and safe reading."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from core.errors import FileError, FormatError, ImageError
from core.files import open_regular, read_limited, walk_folders, write_atomic

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX files")
not_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() == 0, reason="root may do everything")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x00\xff", b"\x00\xff"),
        ("ü\n", "ü\n".encode()),
        (lambda stream: stream.write(b"by function"), b"by function"),
        (lambda stream: Path(stream.name).write_bytes(b"by name"), b"by name"),
    ],
    ids=["bytes", "text", "function", "path"],
)
def test_content_arrives_whole_and_alone(tmp_path: Path, content: object, expected: bytes) -> None:
    target = tmp_path / "Größe 写.bin"
    write_atomic(target, content)  # type: ignore[arg-type]
    assert target.read_bytes() == expected
    assert _names(tmp_path) == [target.name]


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("old")

    def half(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        write_atomic(target, half)
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["kept.txt"]


def test_a_writer_may_close_its_file(tmp_path: Path) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"done")
        stream.close()

    write_atomic(tmp_path / "a", write)
    assert (tmp_path / "a").read_bytes() == b"done"


def test_no_overwriting_when_not_asked(tmp_path: Path) -> None:
    target = tmp_path / "mine.txt"
    write_atomic(target, "first", overwrite=False)
    with pytest.raises(FileError, match=r"mine\.txt: the file is there already"):
        write_atomic(target, "second", overwrite=False)
    assert target.read_text() == "first"
    write_atomic(target, "third")
    assert target.read_text() == "third"


def test_a_target_that_appears_while_writing_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "race.txt"

    def meanwhile(stream: BinaryIO) -> None:
        stream.write(b"ours")
        target.write_text("theirs")

    with pytest.raises(FileError, match="already"):
        write_atomic(target, meanwhile, overwrite=False)
    assert target.read_text() == "theirs"
    assert _names(tmp_path) == ["race.txt"]


@posix_only
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "fresh.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fresh.txt").stat().st_mode) == 0o644


def test_a_name_of_full_length_works(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 250)
    write_atomic(target, "x")
    assert target.read_text() == "x"


def test_refusals_say_why(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="its folder is missing"):
        write_atomic(tmp_path / "no" / "a.txt", "x")
    with pytest.raises(FileError, match="is a folder"):
        write_atomic(tmp_path, "x")
    with pytest.raises(FileError, match="cannot be written"):
        write_atomic(tmp_path / ("n" * 300), "x")


@not_root
@posix_only
def test_no_permission_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileError, match="permission denied"):
            write_atomic(tmp_path / "a", "x")
    finally:
        tmp_path.chmod(0o700)


def test_reading_is_bounded_and_names_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"12345")
    assert read_limited(path, 5, FormatError) == b"12345"
    with pytest.raises(FormatError, match="too large"):
        read_limited(path, 4, FormatError)
    path.write_bytes(b"")
    with pytest.raises(ImageError, match="empty"):
        read_limited(path, 5, ImageError)
    with pytest.raises(ImageError, match="no such file"):
        read_limited(tmp_path / "gone", 5, ImageError)
    with pytest.raises(ImageError, match="is a folder"):
        read_limited(tmp_path, 5, ImageError)
    with pytest.raises(ImageError, match="cannot be read"):
        read_limited("nul\0byte", 5, ImageError)


@posix_only
def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    errors: list[Exception] = []

    def read() -> None:
        try:
            read_limited(pipe, 100, ImageError)
        except ImageError as error:
            errors.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert "not a regular file" in str(errors[0])
    with pytest.raises(ImageError, match="not a regular file"):
        read_limited("/dev/zero", 100, ImageError)


@not_root
@posix_only
def test_no_permission_to_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(ImageError, match="no permission"), open_regular(path, 10, ImageError):
        pass


def test_walking_skips_hidden_and_ends_at_link_circles(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in ("b/2", "b/1", "b/c/3", ".dot", ".hidden/4"):
        (tmp_path / name).write_text("")
    if os.name != "nt":
        (tmp_path / "b" / "c" / "up").symlink_to(tmp_path)
    walked = [(place.relative_to(tmp_path).as_posix(), names) for place, names in walk_folders(tmp_path, FormatError)]
    assert walked == [(".", []), ("b", ["1", "2"]), ("b/c", ["3"])]
    assert len(list(walk_folders(tmp_path, FormatError, recursive=False))) == 1
    with pytest.raises(FormatError, match="cannot be listed"):
        list(walk_folders(tmp_path / "gone", FormatError))
