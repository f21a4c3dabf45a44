"""Corrections as a patch: what was changed against an import, and nothing else.

A patch is JSON. It names an image by the SHA-256 of its file and a face by the imported label, so that corrections to
a public data set can be given on without its images, and fit whoever has the same images and labels, wherever they lie.

    {"format": "starmark-patch", "version": 1, "scheme": "300w-68", "author": "...", "created": "...",
     "faces": [{"image": {"sha256": "...", "name": "a.jpg"}, "box": [x, y, w, h] or null,
                "before": {"digest": "...", "points": {"7": [x, y, visibility], ...}} or null,
                "after": {"points": {"7": [x, y, visibility], ...}} or null}]}

Points are image px, the first pixel's centre at (0, 0); a missing point is [null, null, 3]; visibility as
`core.face.Visibility`. `before` null: a face that the import has not; `after` null: one that was removed. `digest` is
the SHA-256 of the imported label's points and visibility, so that a patch never lands on another label unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from core.errors import FormatError, ImageError, UsageError
from core.face import Box, Label, Visibility
from core.files import read_head, write_atomic
from core.formats.base import Progress, Skipped
from core.formats.json_file import entry, read_json
from core.formats.values import MAX_POINTS, UnusableError, coordinate, whole
from core.project import Edits, FaceLabel, FaceRecord, NewFace, Project, SetFaceInfo, SetLabel
from core.project.hashing import hash_images
from core.project.importing import overlap_of
from core.scheme import get_scheme

PATCH = "patch"
"""Name of the format."""

_MARK = "starmark-patch"
_VERSION = 1
_MAX_BYTES = 256 * 2**20
_PAGE = 500
_SAME_PLACE = 0.4
_DIGITS = 6  # of a px, in the digest: other tools may write a coordinate's last bits differently

Points = dict[int, tuple[float, float, int]]
"""By index: x, y in image px (NaN if missing), visibility."""


@dataclass(frozen=True, slots=True)
class FacePatch:
    """The corrections of one face.

    Attributes:
        sha256: of the image file, in hex.
        name: the image's file name, for messages.
        box: of the face, image px, or None.
        digest: of the imported label, None for a face that the import has not.
        before, after: points that differ; `after` has them all where `digest` is None, and is None for a removed face.
    """

    sha256: str
    name: str
    box: Box | None
    digest: str | None
    before: Points
    after: Points | None


@dataclass(frozen=True, slots=True)
class Patch:
    """The corrections to a data set."""

    scheme: str
    author: str
    created: str
    faces: tuple[FacePatch, ...]


@dataclass(frozen=True, slots=True)
class PatchReport:
    """What came of writing or applying a patch.

    Attributes:
        faces: corrected, added or removed ones.
        points: corrected ones.
        unchanged: faces that were as the patch wants them already.
        skipped: faces left alone, and why.
    """

    faces: int
    points: int
    unchanged: int = 0
    skipped: tuple[Skipped, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The report for machines."""
        skipped = [{"where": one.where, "reason": one.reason} for one in self.skipped]
        counts = {"faces": self.faces, "points": self.points, "unchanged": self.unchanged}
        return {"version": 1, **counts, "skipped": skipped}

    def lines(self) -> list[str]:
        """The report for people, a line a finding."""
        lines = [f"{self.faces:,} corrected faces, {self.points:,} corrected points."]
        if self.unchanged:
            lines.append(f"{self.unchanged:,} faces were as the patch has them already.")
        if self.skipped:
            lines.append(f"Left alone: {len(self.skipped):,}")
            lines += [f"  {one.where}: {one.reason}" for one in self.skipped[:20]]
            lines += [f"  and {len(self.skipped) - 20:,} more"] if len(self.skipped) > 20 else []
        return lines


def is_patch(path: str | Path) -> bool:
    """Whether a file looks like a patch."""
    return f'"{_MARK}"'.encode() in read_head(path, 4096)


# Writing


def write_patch(
    project: Project, target: str | Path, *, author: str, overwrite: bool = False, progress: Progress | None = None
) -> PatchReport:
    """Write what the project's labels say differently from its import, as `target`.

    The labels are those on screen for `author`; the import is the first import-kind label of each face.

    Raises:
        UsageError: nothing was changed.
        FileError: the target is there, or cannot be written.
    """
    faces: list[FacePatch] = []
    skipped: list[Skipped] = []
    schemes: dict[str, int] = {}
    total, offset = project.image_count(), 0
    while page := project.images(offset, _PAGE):
        offset += len(page)
        records = project.faces_of((image.id for image in page), removed=True)
        ids = [face.id for group in records.values() for face in group]
        every, shown = project.labels_of(ids), project.current_labels(ids, author, removed=True)
        for image in page:
            for face in records[image.id]:
                before, after = _imported(every[face.id]), shown.get(face.id)
                if after is None or (before is None if face.removed else _same(before, after)):
                    continue
                try:
                    sha256 = project.content_hash(image.id).removeprefix("sha256:")
                except ImageError as error:
                    skipped.append(Skipped(str(image.path), error.what))
                    continue
                one = _difference(sha256, image.path.name, face, before, after)
                if one is not None:
                    faces.append(one)
                    schemes[after.label.scheme] = schemes.get(after.label.scheme, 0) + 1
        if progress is not None:
            progress(offset, total)
    if not faces:
        what = f"no label differs from the import ({skipped[0].where}: {skipped[0].reason})" if skipped else (
            "no label differs from the import")  # fmt: skip
        raise UsageError(what, where=project.path, remedy="Correct some labels first")
    if len(schemes) > 1:
        raise UsageError(f"the corrections follow several schemes ({', '.join(schemes)})", where=project.path,
                         remedy="Keep each scheme in a project of its own")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    patch = Patch(next(iter(schemes)), author, created, tuple(faces))
    write_atomic(target, _text(patch), overwrite=overwrite)
    return PatchReport(len(faces), sum(len(face.after or ()) for face in faces), 0, tuple(skipped))


def _imported(labels: Sequence[FaceLabel]) -> FaceLabel | None:
    return next((one for one in labels if one.label_set.kind == "import"), None)


def _same(before: FaceLabel | None, after: FaceLabel) -> bool:
    return before is not None and before.label == after.label


def _difference(
    sha256: str, name: str, face: FaceRecord, before: FaceLabel | None, after: FaceLabel
) -> FacePatch | None:
    """The points that differ; None where a flag or weight alone does."""
    if face.removed and before is not None:
        return FacePatch(sha256, name, face.box, digest(before.label), {}, None)
    new = _points(after.label)
    if before is None or len(before.label) != len(after.label):
        return FacePatch(sha256, name, face.box, None, {}, new)
    old = _points(before.label)
    changed = [index for index in old if _entry(*old[index]) != _entry(*new[index])]
    if not changed:
        return None
    return FacePatch(
        sha256, name, face.box, digest(before.label), {i: old[i] for i in changed}, {i: new[i] for i in changed}
    )


def _points(label: Label) -> Points:
    rows = zip(label.points.tolist(), label.visibility.tolist(), strict=True)
    return {index: (x, y, state) for index, ((x, y), state) in enumerate(rows)}


def digest(label: Label) -> str:
    """SHA-256, in hex, of a label's points (to 1e-6 px) and visibility."""
    rows = [_entry(round(x, _DIGITS) + 0.0, round(y, _DIGITS) + 0.0, state) for x, y, state in _points(label).values()]
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


def _entry(x: float, y: float, state: int) -> list[float | int | None]:
    return [None, None, state] if np.isnan(x) else [x, y, state]


def _text(patch: Patch) -> str:
    head = {
        "format": _MARK, "version": _VERSION, "scheme": patch.scheme, "author": patch.author, "created": patch.created,
    }  # fmt: skip
    start = json.dumps(head, ensure_ascii=False)[:-1]
    lines = (json.dumps(_face_json(face), ensure_ascii=True, allow_nan=False) for face in patch.faces)
    return f'{start}, "faces": [\n' + ",\n".join(lines) + "\n]}\n"


def _face_json(face: FacePatch) -> dict[str, Any]:
    return {
        "image": {"sha256": face.sha256, "name": face.name},
        "box": None if face.box is None else face.box.to_list(),
        "before": None if face.digest is None else {"digest": face.digest, "points": _points_json(face.before)},
        "after": None if face.after is None else {"points": _points_json(face.after)},
    }


def _points_json(points: Points) -> dict[str, list[float | int | None]]:
    return {str(index): _entry(*value) for index, value in points.items()}


# Reading


def read_patch(path: str | Path) -> Patch:
    """The patch in a file, whole or not at all. FormatError, naming the face, for anything else or anything wrong."""
    data = read_json(path, _MAX_BYTES)
    try:
        if not isinstance(data, dict) or data.get("format") != _MARK:
            raise UnusableError("this is not a patch")
        if data.get("version") != _VERSION:
            raise UnusableError("the patch was made by a newer Starmark")
        faces = entry(data, "faces", list, "the patch")
        return Patch(
            entry(data, "scheme", str, "the patch"),
            entry(data, "author", str, "the patch"),
            entry(data, "created", str, "the patch"),
            tuple(_read_face(face, f"faces[{number}]") for number, face in enumerate(faces)),
        )
    except UnusableError as error:
        raise FormatError(str(error), where=path, remedy="Get the patch again from whoever made it") from error


def _read_face(data: Any, where: str) -> FacePatch:
    image = entry(data, "image", dict, where)
    sha256 = entry(image, "sha256", str, f"{where}.image")
    box = entry(data, "box", (list, type(None)), where)
    before = entry(data, "before", (dict, type(None)), where)
    after = entry(data, "after", (dict, type(None)), where)
    return FacePatch(
        sha256,
        entry(image, "name", str, f"{where}.image"),
        None if box is None else _read_box(box, f"{where}.box"),
        None if before is None else entry(before, "digest", str, f"{where}.before"),
        {} if before is None else _read_points(before, f"{where}.before"),
        None if after is None else _read_points(after, f"{where}.after"),
    )


def _read_box(values: list[Any], where: str) -> Box:
    if len(values) != 4:
        raise UnusableError(f"{where} has {len(values)} numbers, not 4")
    try:
        return Box(*(coordinate(value, where) for value in values))
    except UnusableError:
        raise
    except ValueError as error:
        raise UnusableError(f"{where} has no size") from error


def _read_points(data: Mapping[str, Any], where: str) -> Points:
    found: Points = {}
    for key, value in entry(data, "points", dict, where).items():
        place = f"{where}.points.{key}"[:200]
        index = whole(int(key) if key.isascii() and key.isdigit() and len(key) < 5 else None, place, 0, MAX_POINTS - 1)
        if not isinstance(value, list) or len(value) != 3:
            raise UnusableError(f"{place} is not [x, y, visibility]")
        state = whole(value[2], place, 0, int(max(Visibility)))
        if state == Visibility.MISSING:
            found[index] = (np.nan, np.nan, state)
        else:
            found[index] = (coordinate(value[0], place), coordinate(value[1], place), state)
    return found


# Applying


@dataclass
class _Plan:
    edits: list[SetLabel | SetFaceInfo] = field(default_factory=list)
    new: list[tuple[NewFace, Label]] = field(default_factory=list)
    points: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)


def apply_patch(
    project: Project, patch: Patch, *, author: str, label_set: str | None = None, progress: Progress | None = None
) -> PatchReport:
    """Apply a patch as one undoable edit, into an annotator's label set; faces that do not fit are listed.

    A face fits if its image has the same bytes and its imported label the same digest; where its label in the set was
    changed to something else since, that is kept.

    Args:
        author: who applies it; goes with the edit.
        label_set: name of the set; None: the patch's author.
        progress: called with (done, total) images as they are looked at; may raise, to cancel.

    Raises:
        UsageError: an unknown scheme.
        ProjectError: the project cannot be written.
    """
    count = len(get_scheme(patch.scheme))
    wanted: dict[str, list[FacePatch]] = {}
    for face in patch.faces:
        wanted.setdefault(face.sha256, []).append(face)
    target = project.ensure_label_set(label_set or patch.author or author, "annotator")
    plan = _Plan()
    for sha256, image_id in _hashes(project, set(wanted), progress):
        for face in wanted.pop(sha256, ()):
            _plan_face(project, plan, image_id, face, patch.scheme, count, target.id)
    for left in wanted.values():
        plan.skipped += [Skipped(face.name, "no image of the project has these bytes") for face in left]
    added = project.add_faces(face for face, _ in plan.new)
    for record, (_, label) in zip(added, plan.new, strict=True):
        plan.edits.append(SetLabel(record.id, target.id, None, label, 0, "apply patch"))
    if plan.edits:
        project.apply(Edits(tuple(plan.edits), "apply patch"), author)
    return PatchReport(len(plan.edits), plan.points, plan.unchanged, tuple(plan.skipped))


def _hashes(project: Project, wanted: set[str], progress: Progress | None) -> Iterator[tuple[str, UUID]]:
    """Hash and id of those images that are wanted; unreadable ones are passed over."""
    hash_images(project, progress)  # what has no hash yet, several at a time
    total, offset = project.image_count(), 0
    while page := project.images(offset, _PAGE):
        for image in page:
            offset += 1
            if progress is not None:
                progress(offset, total)
            try:
                sha256 = project.content_hash(image.id).removeprefix("sha256:")
            except ImageError:
                continue
            if sha256 in wanted:
                yield sha256, image.id


def _plan_face(
    project: Project, plan: _Plan, image_id: UUID, patch: FacePatch, scheme: str, count: int, set_id: UUID
) -> None:
    if any(index >= count for index in (*patch.before, *(patch.after or ()))):
        plan.skipped.append(Skipped(patch.name, f"names a point that scheme {scheme} has not"))
        return
    record, base = _find(project, image_id, patch, scheme)
    if patch.digest is not None and base is None:
        plan.skipped.append(Skipped(patch.name, "no face has the imported label that the patch corrects"))
        return
    if patch.after is None:
        _plan_removal(plan, record)
        return
    after = _patched(base, patch.after, scheme, count)
    if record is None:
        plan.new.append((NewFace(image_id, patch.box, source="patch"), after))
        plan.points += len(patch.after)
        return
    old = project.label(record.id, set_id)
    if old is not None and old.label == after:
        plan.unchanged += 1
        return
    if old is not None and base is not None and old.label != base:
        plan.skipped.append(Skipped(patch.name, "the face has other corrections of that label set already"))
        return
    version = project.label_version(record.id, set_id)
    plan.edits.append(SetLabel(record.id, set_id, None if old is None else old.label, after, version, "apply patch"))
    plan.points += len(patch.after)


def _plan_removal(plan: _Plan, record: FaceRecord | None) -> None:
    if record is None or record.removed:
        plan.unchanged += 1
        return
    after = replace(record.info, removed=True)
    plan.edits.append(SetFaceInfo(record.id, record.info, after, record.version, "apply patch"))


def _find(project: Project, image_id: UUID, patch: FacePatch, scheme: str) -> tuple[FaceRecord | None, Label | None]:
    """The face that the patch means, and its imported label."""
    records = project.faces(image_id, removed=True)
    labels = project.labels_of(record.id for record in records)
    if patch.digest is None:  # a face that the import had not: perhaps it is there by now
        near = [(overlap_of(patch.box, record.box), record) for record in records]
        best = max(near, key=lambda pair: pair[0], default=(0.0, None))
        return (best[1] if best[0] >= _SAME_PLACE else None), None
    for record in records:
        for one in labels[record.id]:
            if one.label_set.kind == "import" and one.label.scheme == scheme and digest(one.label) == patch.digest:
                return record, one.label
    return None, None


def _patched(base: Label | None, points: Points, scheme: str, count: int) -> Label:
    xy = np.full((count, 2), np.nan) if base is None else np.array(base.points)
    states = np.full(count, Visibility.MISSING, np.uint8) if base is None else np.array(base.visibility)
    for index, (x, y, state) in points.items():
        xy[index], states[index] = (x, y), state
    if base is None:
        return Label(scheme, xy, states)
    return Label(scheme, xy, states, base.flags, base.weights)
