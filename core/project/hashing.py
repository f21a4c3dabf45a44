"""Content hashes of a project's images, by which a file is known again wherever it went, and what files are missing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from sqlalchemy import Connection, select, update

from core.errors import ImageError
from core.files import is_file, open_regular
from core.project.images import chunks, image_record
from core.project.records import ImageRecord
from core.project.schema import IMAGE

if TYPE_CHECKING:
    from core.project.store import Project

T = TypeVar("T")

Progress = Callable[[int, int], object]
"""Called in the caller's thread with files done and files in all; raising from it ends the work."""

_BATCH = 128
_BLOCK = 1 << 20
_MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class FileHash:
    """What a file is: "sha256:..." of its bytes, how many, and when it was written."""

    value: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class HashReport:
    """What `hash_images` did. `unreadable` are files that are there and cannot be read, with the reason."""

    hashed: int
    missing: tuple[UUID, ...]
    unreadable: tuple[tuple[Path, str], ...]


def hash_file(path: Path) -> FileHash:
    """Read a file and say what it is. ImageError if it cannot be read, or is being written meanwhile."""
    with open_regular(path, _MOST_BYTES, ImageError) as stream:
        before = os.fstat(stream.fileno())
        try:
            digest = hashlib.sha256()
            while block := stream.read(_BLOCK):
                digest.update(block)
        except OSError as error:
            raise ImageError(
                f"the image cannot be read ({error.strerror})", where=path, remedy="Check the file and its disk"
            ) from error
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ImageError("the image changed while it was read", where=path, remedy="Try again when it is complete")
    return FileHash(f"sha256:{digest.hexdigest()}", after.st_size, after.st_mtime_ns)


@contextmanager
def hashing() -> Iterator[Callable[[Iterable[Path]], Iterator[FileHash | ImageError]]]:
    """A function that hashes files in several threads, results in order; leaving the block drops what is not begun."""
    pool = ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 2), "hash")

    def attempt(path: Path) -> FileHash | ImageError:
        try:
            return hash_file(path)
        except ImageError as error:
            return error

    try:
        yield lambda paths: pool.map(attempt, paths)
    finally:
        pool.shutdown(cancel_futures=True)


def hash_images(
    project: Project, progress: Progress | None = None, *, sizes: Container[int | None] | None = None
) -> HashReport:
    """Work out the content hash of every image that has none yet, and keep it; only of files of `sizes`, if given.

    Missing files are left out. What is done is on disk every few seconds, so that the next call goes on after a stop.
    ProjectReadOnlyError, ProjectError if it cannot be written.
    """
    with project._view() as (connection, paths):
        rows = connection.execute(select(IMAGE).where(IMAGE.c.content_hash.is_(None)).order_by(IMAGE.c.seq)).all()
        wanted = [row for row in rows if sizes is None or row.size is None or row.size in sizes]
        waiting = [image_record(row, paths) for row in wanted]
    hashed, done = 0, 0
    missing: list[UUID] = []
    unreadable: list[tuple[Path, str]] = []
    with hashing() as hash_all:
        for batch in chunks(waiting, _BATCH):
            there = [image for image in batch if is_file(image.path)]
            missing += [image.id for image in batch if image not in there] if len(there) < len(batch) else []
            found: list[tuple[ImageRecord, FileHash]] = []
            for image, result in zip(there, hash_all(image.path for image in there), strict=True):
                if isinstance(result, FileHash):
                    found.append((image, result))
                else:
                    unreadable.append((image.path, result.what))
            hashed += _keep(project, found)
            done += len(batch)
            if progress is not None:
                progress(done, len(waiting))
    return HashReport(hashed, tuple(missing), tuple(unreadable))


def _keep(project: Project, found: Sequence[tuple[ImageRecord, FileHash]]) -> int:
    """Write hashes down in one transaction; how many there were still to be written."""

    def job(connection: Connection) -> int:
        written = 0
        for image, file in found:
            values: dict[str, object] = {
                "content_hash": file.value,
                "size": file.size,
                "mtime_ns": file.mtime_ns,
            }
            if image.size is not None and (image.size, image.mtime_ns) != (file.size, file.mtime_ns):
                # Another file than the one that was looked at.
                values |= {"width": None, "height": None, "orientation": None}
            where = (IMAGE.c.id == image.id, IMAGE.c.content_hash.is_(None))
            written += connection.execute(update(IMAGE).where(*where).values(values)).rowcount
        return written

    return project._write(job) if found else 0


def check_images(project: Project, progress: Progress | None = None) -> list[UUID]:
    """Ids of the images whose file is not there, in the order of the images."""
    images = project.images()
    missing = []
    for number, image in enumerate(images, 1):
        if not is_file(image.path):
            missing.append(image.id)
        if progress is not None and (number % _BATCH == 0 or number == len(images)):
            progress(number, len(images))
    return missing
