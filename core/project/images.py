"""Images and faces of a project: how image paths are written down, rows in, records out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, and_, case, func, insert, literal, select, update

from core.errors import ProjectError, UsageError
from core.face import Box
from core.judgement import Judgement, judgements_from_json, judgements_to_json
from core.project.records import FaceInfo, FaceRecord, ImageEntry, ImageRecord, NewFace, NewImage, ReviewState
from core.project.schema import FACE, IMAGE, new_id

T = TypeVar("T")

CHUNK = 500
"""Values an IN list may have; SQLite's limit is higher, PostgreSQL's plans get worse."""

_MAX_UP = 2
# File names that are not UTF-8 reach Python as lone surrogates (PEP 383), which no database takes as text. They are
# kept as characters of the last private-use plane, and turned back on reading.
_ESCAPE = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
_UNESCAPE = {value: key for key, value in _ESCAPE.items()}

# What the list of images says of an image with several faces: the state that asks most for a look.
_RANK: dict[ReviewState, int] = {"rejected": 0, "accepted": 1, "": 2, "question": 3}


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
        return Path(self.text(stored))

    def text(self, stored: str) -> str:
        """`load` as text."""
        # Called for every image: no Path, and the costly steps only where they are needed.
        text = stored if stored.isascii() else stored.translate(_UNESCAPE)
        if not os.path.isabs(text):  # noqa: PTH117 (a Path costs more)
            text = f"{self._prefix}{text}"
            if text.count(os.pardir):
                text = os.path.normpath(text)
        return text

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
    ids: list[UUID] = []
    added = 0
    for part in chunks(images):
        part_ids, part_added = _add_images(connection, paths, part)
        ids += part_ids
        added += part_added
    return ids, added


def _add_images(
    connection: Connection, paths: ImagePaths, images: Sequence[tuple[NewImage, os.stat_result | None]]
) -> tuple[list[UUID], int]:
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


def count(connection: Connection, table: Any, *where: Any) -> int:
    """Number of rows, of those for which `where` holds."""
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def image_list(connection: Connection, paths: ImagePaths) -> list[ImageEntry]:
    """All images in the order they were added; see `ImageEntry`."""
    rank = func.max(case(_RANK, value=FACE.c.review))
    query = (
        select(IMAGE.c.id, IMAGE.c.path, func.count(FACE.c.seq), rank)
        .outerjoin(FACE, and_(FACE.c.image_id == IMAGE.c.id, ~FACE.c.removed))
        .group_by(IMAGE.c.seq)
        .order_by(IMAGE.c.seq)
    )
    text, review = paths.text, {value: state for state, value in _RANK.items()}
    return [
        ImageEntry(image_id, text(path), faces, review.get(rank, ""))
        for image_id, path, faces, rank in connection.execute(query)
    ]


def face_counts(connection: Connection, image_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Number of faces of each of the images, without removed ones."""
    counts = dict.fromkeys(image_ids, 0)
    query = select(FACE.c.image_id, func.count()).where(~FACE.c.removed).group_by(FACE.c.image_id)
    for part in chunks(counts):
        counts.update((row[0], row[1]) for row in connection.execute(query.where(FACE.c.image_id.in_(part))))
    return counts


def face_row(face: NewFace) -> dict[str, Any]:
    """A row for the face table, with a new id. UsageError for extras that are not JSON."""
    crop = (None,) * 3 if face.crop is None else tuple(float(value) for value in face.crop)
    return {
        "id": new_id(),
        "image_id": face.image_id,
        **_box_values(face.box),
        **{f"crop_{name}": value for name, value in zip(("scale", "cx", "cy"), crop, strict=True)},
        "source": face.source.translate(_ESCAPE),
        "tags": json.dumps(list(face.tags)),
        "extras": _extras(face.extras),
    }


def _extras(extras: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(extras)) if extras else "{}"
    except (TypeError, ValueError) as error:
        raise UsageError("what a face has beside its label is not JSON", remedy="Give text and numbers only") from error


def info_values(info: FaceInfo) -> dict[str, Any]:
    """Columns of the face table that say `info`."""
    return {
        **_box_values(info.box),
        "tags": json.dumps(list(info.tags)),
        "note": info.note,
        "review": info.review,
        "removed": info.removed,
        "judgements": json.dumps(judgements_to_json(info.judgements)),
    }


def _box_values(box: Box | None) -> dict[str, float | None]:
    values = (None,) * 4 if box is None else (box.x, box.y, box.w, box.h)
    return {f"box_{name}": value for name, value in zip("xywh", values, strict=True)}


def face_record(row: Any) -> FaceRecord:
    """The record of a row of the face table."""
    crop = None if row.crop_scale is None else (row.crop_scale, row.crop_cx, row.crop_cy)
    return FaceRecord(
        id=row.id,
        image_id=row.image_id,
        box=_box(row),
        crop=crop,
        source=row.source if row.source.isascii() else row.source.translate(_UNESCAPE),
        tags=_tags(row),
        review=row.review,
        note=row.note,
        removed=row.removed,
        version=row.version,
        extras=json.loads(row.extras),
        judgements=_judgements(row),
    )


def face_info(row: Any) -> FaceInfo:
    """What an edit can change of the face in a row of the face table."""
    return FaceInfo(_tags(row), row.note, row.review, row.removed, _box(row), _judgements(row))


def _box(row: Any) -> Box | None:
    return None if row.box_x is None else Box(row.box_x, row.box_y, row.box_w, row.box_h)


def _tags(row: Any) -> tuple[str, ...]:
    return tuple(json.loads(row.tags)) if row.tags != "[]" else ()


def _judgements(row: Any) -> tuple[Judgement, ...]:
    if row.judgements == "[]":
        return ()
    try:
        return judgements_from_json(json.loads(row.judgements))
    except (ValueError, TypeError, LookupError) as error:
        raise ProjectError(
            "the decisions about a face are damaged", remedy="Go back to a backup copy of the project"
        ) from error


def add_faces(connection: Connection, faces: Sequence[NewFace]) -> list[FaceRecord]:
    """Add faces to images of the project. UsageError as `face_row`."""
    rows = [face_row(face) for face in faces]
    if rows:
        connection.execute(insert(FACE), rows)
    return [
        FaceRecord(row["id"], face.image_id, face.box, face.crop, face.source, face.tags, extras=face.extras)
        for row, face in zip(rows, faces, strict=True)
    ]


def faces_of(
    connection: Connection, image_ids: Iterable[UUID], *, removed: bool = False
) -> dict[UUID, list[FaceRecord]]:
    """Faces of each of the images, in the order they were added; an empty list for an image without.

    Removed ones are left out unless `removed`.
    """
    found: dict[UUID, list[FaceRecord]] = {image_id: [] for image_id in image_ids}
    query = select(FACE) if removed else select(FACE).where(~FACE.c.removed)
    for part in chunks(found):
        for row in connection.execute(query.where(FACE.c.image_id.in_(part)).order_by(FACE.c.seq)):
            found[row.image_id].append(face_record(row))
    return found


def faces_where(
    connection: Connection, review: ReviewState | None, tag: str | None, offset: int, limit: int | None
) -> list[FaceRecord]:
    """Faces of that review state and with that tag, in the order they were added, without removed ones."""
    query = select(FACE).where(~FACE.c.removed).order_by(FACE.c.seq).offset(offset).limit(limit)
    if review is not None:
        query = query.where(FACE.c.review == review)
    if tag is not None:
        # The tags are JSON, where a quote that is not escaped begins or ends one: behind ", " it can only begin it.
        listed = literal(", ") + func.substr(FACE.c.tags, 2)
        query = query.where(func.replace(listed, f", {json.dumps(tag)}", "") != listed)
    return [face_record(row) for row in connection.execute(query)]


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
