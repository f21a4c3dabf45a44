"""Which images and faces of another project are those of this one."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, select

from core.files import is_file
from core.project.hashing import FileHash, Progress, hash_images, hashing
from core.project.images import ImagePaths, faces_of, image_page
from core.project.importing import match_boxes
from core.project.records import FaceRecord, ImageRecord
from core.project.schema import FACE

if TYPE_CHECKING:
    from core.project.store import Project


def with_hashes(project: Project, theirs: Sequence[ImageRecord], progress: Progress | None) -> list[ImageRecord]:
    """`theirs` with content hashes where they may be needed and the files are there; those of `project` are kept in it.

    Images that both projects have by id or path need none.
    """
    ours = project.images()
    known = {image.id for image in ours} | {image.path for image in ours}
    rest = [image for image in theirs if image.id not in known and image.path not in known]
    if not rest:
        return list(theirs)
    waiting = [image for image in rest if image.content_hash is None and is_file(image.path)]
    found: dict[UUID, ImageRecord] = {}
    with hashing() as hash_all:
        for done, (image, result) in enumerate(zip(waiting, hash_all(image.path for image in waiting), strict=True), 1):
            if isinstance(result, FileHash):
                found[image.id] = dataclasses.replace(
                    image, content_hash=result.value, size=result.size, mtime_ns=result.mtime_ns
                )
            if progress is not None:
                progress(done, len(waiting))
    completed = [found.get(image.id, image) for image in theirs]
    sizes = {image.size for image in completed if image.content_hash is not None}
    if not project.read_only:
        hash_images(project, progress, sizes=sizes)
    return completed


def match_images(connection: Connection, paths: ImagePaths, theirs: Sequence[ImageRecord]) -> dict[UUID, UUID]:
    """Their image ids and ours of the same images: by id, by place, by content, and by path and size.

    The last is for files that are missing on one side. Each of our images is matched to one of theirs at most.
    """
    ours = image_page(connection, paths, 0, None)
    found: dict[UUID, UUID] = {}
    ids = {image.id for image in ours}
    found.update((image.id, image.id) for image in theirs if image.id in ids)
    places = {str(image.path): image.id for image in ours}
    taken = set(found.values())
    for image in theirs:
        match = places.get(str(image.path))
        if image.id not in found and match is not None:
            # A path is one image's only: also where ours is matched to another, theirs cannot be added beside it.
            found[image.id] = match
            taken.add(match)
    _by_content(ours, theirs, found, taken)
    _by_name(ours, theirs, found, taken)
    return found


def _by_content(
    ours: Iterable[ImageRecord], theirs: Iterable[ImageRecord], found: dict[UUID, UUID], taken: set[UUID]
) -> None:
    copies: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in ours:
        if image.content_hash is not None and image.id not in taken:
            copies[image.content_hash].append(image)
    wanted: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in theirs:
        if image.id not in found and image.content_hash in copies:
            wanted[image.content_hash].append(image)
    for value, images in wanted.items():
        for image, match in _pairs(images, copies[value]):
            found[image.id] = match.id
            taken.add(match.id)


def _pairs(theirs: Sequence[ImageRecord], ours: Sequence[ImageRecord]) -> list[tuple[ImageRecord, ImageRecord]]:
    """Copies of one picture in twos: first those whose paths are most alike, then in order."""
    named: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in ours:
        named[image.path.name].append(image)
    alike = [(_likeness(image, other), image, other) for image in theirs for other in named.get(image.path.name, ())]
    chosen: list[tuple[ImageRecord, ImageRecord]] = []
    done: set[tuple[str, UUID]] = set()
    for _, image, other in sorted(alike, key=lambda pair: -pair[0]):
        if not {("theirs", image.id), ("ours", other.id)} & done:
            chosen.append((image, other))
            done |= {("theirs", image.id), ("ours", other.id)}
    rest = [image for image in theirs if ("theirs", image.id) not in done]
    free = [image for image in ours if ("ours", image.id) not in done]
    return [*chosen, *zip(rest, free, strict=False)]


def _likeness(one: ImageRecord, other: ImageRecord) -> int:
    count = 0
    for mine, yours in zip(reversed(one.path.parts), reversed(other.path.parts), strict=False):
        if mine != yours:
            break
        count += 1
    return count


def _by_name(
    ours: Iterable[ImageRecord], theirs: Iterable[ImageRecord], found: dict[UUID, UUID], taken: set[UUID]
) -> None:
    """By name, folder's name and size, where content cannot tell; not where that fits several."""
    named: dict[tuple[str, ...], list[ImageRecord]] = defaultdict(list)
    for image in ours:
        if image.id not in taken:
            named[image.path.parts[-2:]].append(image)
    wanted: dict[tuple[str, ...], list[ImageRecord]] = defaultdict(list)
    for image in theirs:
        if image.id not in found:
            wanted[image.path.parts[-2:]].append(image)
    for name, images in wanted.items():
        candidates = named.get(name, [])
        if len(images) == len(candidates) == 1 and _may_be_same(candidates[0], images[0]):
            found[images[0].id] = candidates[0].id
            taken.add(candidates[0].id)


def _may_be_same(one: ImageRecord, other: ImageRecord) -> bool:
    if one.content_hash is not None and other.content_hash is not None:
        return False  # they differ
    return one.size is not None and one.size == other.size


def match_faces(
    connection: Connection, images: Mapping[UUID, UUID], theirs: Mapping[UUID, Sequence[FaceRecord]]
) -> dict[UUID, UUID]:
    """Their face ids and ours of the same faces: by id, then by place in images that are the same.

    Args:
        images: their image ids and ours, new ones too.
        theirs: the faces of each of their images.
    """
    everything = [face.id for faces in theirs.values() for face in faces]
    ids = set(connection.execute(select(FACE.c.id)).scalars())
    found = {face: face for face in everything if face in ids}
    taken = set(found.values())
    ours = faces_of(connection, {images[image] for image in theirs}, removed=True)
    for image, faces in theirs.items():
        new = [face for face in faces if face.id not in found]
        free = [face for face in ours[images[image]] if face.id not in taken]
        for face, match in zip(new, match_boxes([face.box for face in new], free), strict=True):
            if match is not None:
                found[face.id] = match.id
                taken.add(match.id)
    return found
