"""Images and faces of a project: how image paths are written down, rows in, records out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from core.errors import ProjectError
from core.face import Box
from core.project.records import FaceRecord, ImageRecord, NewFace, NewImage
from core.project.schema import FACE, IMAGE, new_id

T = TypeVar("T")

CHUNK = 500
"""Values an IN list may have; SQLite's limit is higher, PostgreSQL's plans get worse."""

_MAX_UP = 2
# File names that are not UTF-8 reach Python as lone surrogates (PEP 383), which no database takes as text. They are
# kept as characters of the last private-use plane, and turned back on reading.
_ESCAPE = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
_UNESCAPE = {value: key for key, value in _ESCAPE.items()}


def absolute(path: str | os.PathLike[str]) -> str:
    """Absolute and without "..", but with links kept, for those are where the user says the images are."""
    return os.path.abspath(path)  # noqa: PTH100 (resolve follows links, absolute keeps "..")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`values` in lists of up to `size`."""
    everything = list(values)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


class ImagePaths:
    """Turns image paths into their form in the project file, and back.

    An image in or near the project's folder (at most two folders up, and not by way of the root) is kept relative to
    it, with "/", so that the folder can be moved as a whole and read on another system; any other by its absolute path.
    """

    def __init__(self, project: Path) -> None:
        self.folder = absolute(project.parent)
        self._prefix = self.folder.rstrip(os.sep) + os.sep

    def store(self, path: str | os.PathLike[str]) -> str:
        """The form in the file."""
        full = absolute(path)
        relative = self._relative(full)
        return (full if relative is None else relative.replace(os.sep, "/")).translate(_ESCAPE)

    def load(self, stored: str) -> Path:
        """The absolute path of an image kept as `stored`."""
        # Called for every image of a page: one Path, and the costly steps only where they are needed.
        text = stored if stored.isascii() else stored.translate(_UNESCAPE)
        if not os.path.isabs(text):  # noqa: PTH117 (would make a second Path)
            text = f"{self._prefix}{text}"
            if text.count(os.pardir):
                text = os.path.normpath(text)
        return Path(text)

    def candidates(self, path: str | os.PathLike[str]) -> tuple[str, ...]:
        """All forms under which `path` may be in the file: one is absolute if the project was moved about."""
        stored = self.store(path)
        full = absolute(path).translate(_ESCAPE)
        return (stored,) if stored == full else (stored, full)

    def _relative(self, full: str) -> str | None:
        if full.startswith(self._prefix):
            return full[len(self._prefix) :]
        folder = Path(self.folder)
        for up in range(1, _MAX_UP + 1):
            folder = folder.parent
            prefix = f"{folder}{os.sep}"
            if folder == folder.parent:
                break
            if full.startswith(prefix):
                return (os.pardir + os.sep) * up + full[len(prefix) :]
        return None


def add_images(
    connection: Connection, paths: ImagePaths, images: Sequence[tuple[NewImage, os.stat_result | None]]
) -> tuple[list[UUID], int]:
    """Ids of the images, in order, adding those that are new; also how many were.

    A file that changed since it was added has its size, time and pixels brought up to date.
    """
    candidates = [paths.candidates(image.path) for image, _ in images]
    known = _find(connection, (form for forms in candidates for form in forms))
    ids: list[UUID] = []
    rows: list[dict[str, Any]] = []
    for (image, stat), forms in zip(images, candidates, strict=True):
        found = next((known[form] for form in forms if form in known), None)
        if found is None:
            row = _image_row(image, stat) | {"id": new_id(), "path": forms[0]}
            rows.append(row)
            known[forms[0]] = row
            ids.append(row["id"])
        else:
            _refresh(connection, found, image, stat)
            ids.append(found["id"])
    if rows:
        connection.execute(insert(IMAGE), rows)
    return ids, len(rows)


def _find(connection: Connection, forms: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for part in chunks(dict.fromkeys(forms)):
        rows = connection.execute(select(IMAGE).where(IMAGE.c.path.in_(part)))
        found.update((row.path, dict(row._mapping)) for row in rows)
    return found


def _image_row(image: NewImage, stat: os.stat_result | None) -> dict[str, Any]:
    return {
        "width": image.width,
        "height": image.height,
        "orientation": image.orientation,
        "size": None if stat is None else stat.st_size,
        "mtime_ns": None if stat is None else stat.st_mtime_ns,
        "content_hash": None,
    }


def _refresh(connection: Connection, old: Mapping[str, Any], image: NewImage, stat: os.stat_result | None) -> None:
    """Write down what is new about an image that is in the project already."""
    changed: dict[str, Any] = {}
    if stat is not None and (old["size"], old["mtime_ns"]) != (stat.st_size, stat.st_mtime_ns):
        changed = _image_row(image, stat)
    else:
        fresh = {name: getattr(image, name) for name in ("width", "height", "orientation")}
        changed = {name: value for name, value in fresh.items() if value is not None and value != old[name]}
    if changed:
        connection.execute(update(IMAGE).where(IMAGE.c.id == old["id"]).values(changed))


def image_record(row: Row[Any], paths: ImagePaths) -> ImageRecord:
    """The record of a row of the image table."""
    return ImageRecord(
        row.id, paths.load(row.path), row.width, row.height, row.size, row.mtime_ns, row.content_hash, row.orientation
    )


def image_page(connection: Connection, paths: ImagePaths, offset: int, limit: int | None) -> list[ImageRecord]:
    """Images in the order they were added."""
    query = select(IMAGE).order_by(IMAGE.c.seq).offset(offset).limit(limit)
    return [image_record(row, paths) for row in connection.execute(query)]


def images_by_id(connection: Connection, paths: ImagePaths, ids: Iterable[UUID]) -> dict[UUID, ImageRecord]:
    """Records of those images that exist."""
    found = {}
    for part in chunks(dict.fromkeys(ids)):
        for row in connection.execute(select(IMAGE).where(IMAGE.c.id.in_(part))):
            found[row.id] = image_record(row, paths)
    return found


def find_image(connection: Connection, paths: ImagePaths, path: str | os.PathLike[str]) -> ImageRecord | None:
    """The image at `path`, if it is in the project."""
    rows = connection.execute(select(IMAGE).where(IMAGE.c.path.in_(paths.candidates(path)))).all()
    return image_record(rows[0], paths) if rows else None


def count(connection: Connection, table: Any) -> int:
    """Number of rows."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def face_row(face: NewFace) -> dict[str, Any]:
    """A row for the face table, with a new id."""
    box = (None,) * 4 if face.box is None else (face.box.x, face.box.y, face.box.w, face.box.h)
    crop = (None,) * 3 if face.crop is None else tuple(float(value) for value in face.crop)
    return {
        "id": new_id(),
        "image_id": face.image_id,
        **{f"box_{name}": value for name, value in zip("xywh", box, strict=True)},
        **{f"crop_{name}": value for name, value in zip(("scale", "cx", "cy"), crop, strict=True)},
        "source": face.source.translate(_ESCAPE),
        "tags": json.dumps(list(face.tags)),
    }


def face_record(row: Any) -> FaceRecord:
    """The record of a row of the face table."""
    box = None if row.box_x is None else Box(row.box_x, row.box_y, row.box_w, row.box_h)
    crop = None if row.crop_scale is None else (row.crop_scale, row.crop_cx, row.crop_cy)
    return FaceRecord(row.id, row.image_id, box, crop, row.source, tuple(json.loads(row.tags)))


def add_faces(connection: Connection, faces: Sequence[NewFace]) -> list[FaceRecord]:
    """Add faces to images of the project."""
    rows = [face_row(face) for face in faces]
    if rows:
        connection.execute(insert(FACE), rows)
    return [
        FaceRecord(row["id"], face.image_id, face.box, face.crop, face.source, face.tags)
        for row, face in zip(rows, faces, strict=True)
    ]


def faces_of(connection: Connection, image_ids: Iterable[UUID]) -> dict[UUID, list[FaceRecord]]:
    """Faces of each of the images, in the order they were added; an empty list for an image without."""
    found: dict[UUID, list[FaceRecord]] = {image_id: [] for image_id in image_ids}
    for part in chunks(found):
        for row in connection.execute(select(FACE).where(FACE.c.image_id.in_(part)).order_by(FACE.c.seq)):
            found[row.image_id].append(face_record(row))
    return found


def rebase(connection: Any, old: ImagePaths, new: ImagePaths) -> None:
    """Rewrite every image path for a project that lies elsewhere; `connection` is the driver's.

    ProjectError if two entries turn out to be the same file.
    """
    stored = connection.execute("SELECT seq, path FROM image").fetchall()
    moved = [(new.store(old.load(path)), seq) for seq, path in stored]
    if len({path for path, _ in moved}) != len(moved):
        raise ProjectError("two images of the project are the same file", remedy="Remove one of them")
    changed = [pair for pair, (_, path) in zip(moved, stored, strict=True) if pair[0] != path]
    # In two steps, for a new path may be the old one of another image, and paths are unique at every moment.
    connection.executemany("UPDATE image SET path = ? WHERE seq = ?", [(f"\x01{seq}", seq) for _, seq in changed])
    connection.executemany("UPDATE image SET path = ? WHERE seq = ?", changed)
