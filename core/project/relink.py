"""Finding images again that were moved or renamed: by path, then by content. Nothing is guessed, nothing dropped."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, update

from core.errors import ProjectError
from core.files import is_file, walk_folders
from core.project.backups import BEFORE_RELINK
from core.project.hashing import FileHash, Progress, hashing
from core.project.images import absolute, find_image
from core.project.records import ImageRecord
from core.project.schema import IMAGE

if TYPE_CHECKING:
    from core.project.store import Project

_COARSE_NS = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Relinked:
    """One image that was found again."""

    image_id: UUID
    old: Path
    new: Path


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """One image that several files could be, or whose file could be several images'."""

    image_id: UUID
    path: Path
    candidates: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RelinkReport:
    """What `relink` did. `missing` are the images it found no file for."""

    by_path: tuple[Relinked, ...]
    by_hash: tuple[Relinked, ...]
    missing: tuple[tuple[UUID, Path], ...]
    ambiguous: tuple[Ambiguous, ...]


@dataclass(eq=False)
class _File:
    """A file below the folder that no image of the project has."""

    path: Path
    parts: tuple[str, ...]
    size: int
    mtime_ns: int
    taken: bool = False
    hash: str | None = None
    """Empty where it could not be read, None until somebody looked."""


@dataclass(eq=False)
class _Lost:
    """An image whose file is missing."""

    image: ImageRecord
    parts: tuple[str, ...]
    found: _File | None = None
    by_hash: bool = False
    between: list[_File] = field(default_factory=list)


def relink(
    project: Project, folder: str | os.PathLike[str], progress: Progress | None = None, *, backup: bool = True
) -> RelinkReport:
    """Look in `folder` and below for the missing images, and write the new paths in one transaction.

    First by path: a file of the same name and, where known, size, that shares more of the path's end with the image
    than any other. Where its time differs, its content must be the known one, if that is known. Then by content hash,
    of files of the same size. An image that two files fit equally well, or that shares its file with another, stays as
    it is and is reported.

    Args:
        progress: see `hashing.Progress`; raising from it leaves the project as it was.
        backup: False goes without the backup before it, which otherwise must succeed.

    Raises:
        ProjectError: the folder cannot be listed, or the project not written.
    """
    images = project.images()
    lost = [_Lost(image, _parts(image.path)) for image in images if not is_file(image.path)]
    if lost:
        known = {absolute(image.path) for image in images}
        files = _files(folder, known)
        _match_by_path(lost, files, progress)
        _match_by_hash([one for one in lost if one.found is None], files, progress)
        linked = [one for one in lost if one.found is not None]
        if linked:
            if backup:
                project.backups.before(BEFORE_RELINK)
            _write(project, linked)
    return _report(lost)


def _parts(path: Path) -> tuple[str, ...]:
    """Path components from the name up, in one Unicode form: macOS writes letters and accents apart."""
    return tuple(unicodedata.normalize("NFC", part) for part in reversed(path.parts))


def _files(folder: str | os.PathLike[str], known: set[str]) -> list[_File]:
    found = []
    for top, names in walk_folders(absolute(folder), ProjectError):
        for name in names:
            path = top / name
            if str(path) in known:
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            found.append(_File(path, _parts(path), status.st_size, status.st_mtime_ns))
    return found


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Number of equal components from the start on."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _match_by_path(lost: Sequence[_Lost], files: Sequence[_File], progress: Progress | None) -> None:
    by_name: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        by_name[file.parts[0]].append(file)
    pairs: list[tuple[int, _Lost, _File]] = []
    for one in lost:
        size = one.image.size
        fitting = [file for file in by_name.get(one.parts[0], ()) if size is None or file.size == size]
        pairs += [(_shared(one.parts, file.parts), one, file) for file in fitting]
    doubtful = [(one, file) for _, one, file in pairs if _needs_look(one.image, file)]
    _hash((file for _, file in doubtful), progress)
    wrong = {(id(one), id(file)) for one, file in doubtful if file.hash != one.image.content_hash}
    pairs = [pair for pair in pairs if (id(pair[1]), id(pair[2])) not in wrong]
    for one, file in _best_first(pairs):
        one.found, file.taken = file, True
    for _, one, file in pairs:
        if one.found is None:
            one.between.append(file)


def _best_first(pairs: Sequence[tuple[int, _Lost, _File]]) -> list[tuple[_Lost, _File]]:
    """Whom to put together: from the highest score down, those who have no other of their score.

    Who has several of one score is left alone from there on, for a lower one would be a guess.
    """
    chosen: list[tuple[_Lost, _File]] = []
    done: set[int] = set()
    for score in sorted({score for score, _, _ in pairs}, reverse=True):
        level = [(one, file) for at, one, file in pairs if at == score and not {id(one), id(file)} & done]
        images = Counter(id(one) for one, _ in level)
        files = Counter(id(file) for _, file in level)
        for one, file in level:
            done.add(id(one))
            if images[id(one)] == files[id(file)] == 1:
                chosen.append((one, file))
                done.add(id(file))
    return chosen


def _needs_look(image: ImageRecord, file: _File) -> bool:
    """Whether a file of the right name and size may still be another: its time differs, and the content is known."""
    if image.content_hash is None:
        return False
    if image.mtime_ns is None:
        return True
    if file.mtime_ns % 10**9 == 0:  # from a disk or archive that keeps whole seconds, FAT every other one
        return abs(image.mtime_ns - file.mtime_ns) >= _COARSE_NS
    return image.mtime_ns // 1000 != file.mtime_ns // 1000


def _match_by_hash(lost: Sequence[_Lost], files: Sequence[_File], progress: Progress | None) -> None:
    lost = [one for one in lost if one.image.content_hash is not None and one.image.size is not None]
    sizes = {one.image.size for one in lost}
    free = [file for file in files if not file.taken and file.size in sizes]
    _hash(free, progress)
    by_hash: dict[str, list[_File]] = defaultdict(list)
    for file in free:
        if file.hash:
            by_hash[file.hash].append(file)
    groups: dict[str, list[_Lost]] = defaultdict(list)
    for one in lost:
        groups[str(one.image.content_hash)].append(one)
    for value, images in groups.items():
        _match_copies(images, by_hash.get(value, []))


def _match_copies(images: Sequence[_Lost], files: Sequence[_File]) -> None:
    """Images and files of one content: those of like names belong together, and then the last image and file left."""
    pairs = [(_shared(one.parts, file.parts), one, file) for one in images for file in files]
    for one, file in _best_first([pair for pair in pairs if pair[0] > 0]):
        one.found, one.by_hash, file.taken = file, True, True
    left = [one for one in images if one.found is None]
    free = [file for file in files if not file.taken]
    if len(left) == len(free) == 1:
        left[0].found, left[0].by_hash, free[0].taken = free[0], True, True
    for one in left:
        one.between = free  # what only the name spoke for is out: its content is another


def _hash(files: Iterable[_File], progress: Progress | None) -> None:
    """Work out the hashes that are not known yet."""
    waiting = list({id(file): file for file in files if file.hash is None}.values())
    with hashing() as hash_all:
        results = hash_all(file.path for file in waiting)
        for done, (file, found) in enumerate(zip(waiting, results, strict=True), 1):
            file.hash = found.value if isinstance(found, FileHash) else ""
            if progress is not None:
                progress(done, len(waiting))


def _write(project: Project, linked: Sequence[_Lost]) -> None:
    paths = project._db.paths

    def job(connection: Connection) -> None:
        for one in linked:
            file = one.found
            if file is None or find_image(connection, paths, file.path) is not None:
                one.found = None  # somebody added it as an image of its own meanwhile
                continue
            values = {"path": paths.store(file.path), "size": file.size, "mtime_ns": file.mtime_ns}
            connection.execute(update(IMAGE).where(IMAGE.c.id == one.image.id).values(values))

    project._write(job)


def _report(lost: Sequence[_Lost]) -> RelinkReport:
    linked = [(one, Relinked(one.image.id, one.image.path, one.found.path)) for one in lost if one.found is not None]
    open_ones = [(one, [file.path for file in one.between if not file.taken]) for one in lost if one.found is None]
    return RelinkReport(
        tuple(done for one, done in linked if not one.by_hash),
        tuple(done for one, done in linked if one.by_hash),
        tuple((one.image.id, one.image.path) for one, between in open_ones if not between),
        tuple(Ambiguous(one.image.id, one.image.path, tuple(between)) for one, between in open_ones if between),
    )
