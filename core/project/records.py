"""What the store hands out and takes in: frozen values without any tie to the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from core.errors import UsageError
from core.face import Box, Label

LabelSetKind = Literal["import", "annotator", "model", "consensus", "blind"]
LABEL_SET_KINDS: tuple[LabelSetKind, ...] = ("import", "annotator", "model", "consensus", "blind")
"""Where labels come from; "blind": an annotator's second ones, made without seeing any others (`core.blind`)."""

ReviewState = Literal["", "accepted", "question", "rejected"]
REVIEW_STATES: tuple[ReviewState, ...] = ("", "accepted", "question", "rejected")
"""What a reviewer made of a face; "": nobody has looked yet."""

CropTuple = tuple[float, float, float]
"""Scale, centre x, centre y in image px (see `core.transforms.Crop`)."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to add, with what is already known of it; sizes in pixels after EXIF orientation."""

    path: Path
    width: int | None = None
    height: int | None = None
    orientation: int | None = None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image of the project.

    Attributes:
        path: absolute; the file need not exist any more.
        width, height: pixels after EXIF orientation, None until somebody looked.
        size, mtime_ns: bytes and modification time of the file when it was added, None if it was not there.
        content_hash: "sha256:..." of the file's bytes, None until asked for with `Project.content_hash`.
        orientation: EXIF orientation 1 to 8, None until somebody looked.
    """

    id: UUID
    path: Path
    width: int | None
    height: int | None
    size: int | None
    mtime_ns: int | None
    content_hash: str | None
    orientation: int | None


class ImageEntry(NamedTuple):
    """An image as the list of all images shows it.

    Attributes:
        path: absolute, as text.
        faces: how many, without removed ones.
        review: "question" if one of its faces is in question; else "" while one has not been looked at, or there is
            none; else "accepted" if one is; else "rejected".
    """

    id: UUID
    path: str
    faces: int
    review: ReviewState


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to add: `box` in image px; `crop` where the source prescribes one; `source` says who found it.

    `extras` is a JSON object: what else the source says, kept as it is.
    """

    image_id: UUID
    box: Box | None
    crop: CropTuple | None = None
    source: str = ""
    tags: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class FaceInfo:
    """What an edit can change of a face itself, its labels apart; `box` in image px.

    UsageError for a review state that there is not, or a note that no database can hold.
    """

    tags: tuple[str, ...] = ()
    note: str = ""
    review: ReviewState = ""
    removed: bool = False
    box: Box | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tuple(self.tags))  # a list would never equal what is read back
        if self.review not in REVIEW_STATES:
            raise UsageError(f"there is no review state '{self.review}'", remedy="Use accepted, question or rejected")
        if "\0" in self.note or (not self.note.isascii() and _has_surrogates(self.note)):
            raise UsageError("the note has characters that cannot be stored", remedy="Type the note anew")


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """A face of the project; `box` is None only where an import gave neither a box nor two points.

    Attributes:
        removed: it is hidden, and its labels with it, until the removal is undone.
        version: what an edit of the face itself must name; 0 before the first.
        extras: JSON object: what an import said of the face beyond the rest.
    """

    id: UUID
    image_id: UUID
    box: Box | None
    crop: CropTuple | None
    source: str
    tags: tuple[str, ...]
    review: ReviewState = ""
    note: str = ""
    removed: bool = False
    version: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def info(self) -> FaceInfo:
        """What `SetFaceInfo` can change."""
        return FaceInfo(self.tags, self.note, self.review, self.removed, self.box)


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A named source of labels."""

    id: UUID
    name: str
    kind: LabelSetKind


class LabelVersion(NamedTuple):
    """A label and the version an edit of it must name."""

    label: Label
    version: int


@dataclass(frozen=True, slots=True)
class FaceLabel:
    """A label of a face together with the set it is in."""

    face_id: UUID
    label_set: LabelSet
    label: Label
    version: int


@dataclass(frozen=True, slots=True)
class SetLabel:
    """One edit: the label of a face in a label set becomes `after`.

    Attributes:
        before: the label the edit was made on, None where there was none.
        after: the new label, None to take the label away.
        expected_version: version of `before`. Where there is no label: 0, or what `Project.label_version` says.
        kind: what was done, as undo shows it: "move point".
    """

    face_id: UUID
    label_set_id: UUID
    before: Label | None
    after: Label | None
    expected_version: int
    kind: str


@dataclass(frozen=True, slots=True)
class SetFaceInfo:
    """One edit: tags, note, review state, box of a face become `after`, or it is removed or brought back.

    Attributes:
        before: `FaceRecord.info` of the face the edit was made on.
        expected_version: `FaceRecord.version` of it.
        kind: what was done, as undo shows it: "accept face".
    """

    face_id: UUID
    before: FaceInfo
    after: FaceInfo
    expected_version: int
    kind: str


@dataclass(frozen=True, slots=True)
class Edits:
    """Several edits that happen, and are undone, together.

    UsageError if a label, or a face itself, occurs twice, or there is no edit.
    """

    edits: tuple[SetLabel | SetFaceInfo, ...]
    kind: str

    def __post_init__(self) -> None:
        keys = {(one.face_id, getattr(one, "label_set_id", None)) for one in self.edits}
        if not self.edits or len(keys) != len(self.edits):
            raise UsageError("a compound edit needs at least one label or face, and each once")


Edit = SetLabel | SetFaceInfo | Edits


@dataclass(frozen=True, slots=True)
class Change:
    """What an applied edit, undo or redo made of one label; `label` is None where it was taken away."""

    face_id: UUID
    label_set_id: UUID
    label: Label | None
    version: int


@dataclass(frozen=True, slots=True)
class FaceChange:
    """What an applied edit, undo or redo made of one face itself."""

    face_id: UUID
    info: FaceInfo
    version: int


@dataclass(frozen=True, slots=True)
class AppliedEdit:
    """An edit that is on disk.

    Attributes:
        revision_id: None where the edit changed nothing, and nothing was written.
        kind: the edit's kind; of an undo or redo, that of the edit taken back or done again.
        changes, face_changes: the labels, and the faces themselves, that are not as they were.
        undo_text, redo_text: kind of what the author would undo or redo next, None for nothing.
    """

    revision_id: UUID | None
    kind: str
    changes: tuple[Change, ...]
    undo_text: str | None
    redo_text: str | None
    face_changes: tuple[FaceChange, ...] = ()

    @property
    def versions(self) -> dict[tuple[UUID, UUID], int]:
        """New version of each changed label, by (face id, label set id)."""
        return {(change.face_id, change.label_set_id): change.version for change in self.changes}

    @property
    def faces(self) -> frozenset[UUID]:
        """Ids of the faces that changed, or a label of theirs."""
        return frozenset([change.face_id for change in self.changes] + [face.face_id for face in self.face_changes])


@dataclass(frozen=True, slots=True)
class Revision:
    """One step in the history of a face: a change to one of its labels, or to the face itself.

    Attributes:
        at: UTC.
        action: "edit", "undo", "redo" or "import"; "refused" for an edit that came too late and changed nothing.
        target_id: the revision an undo or redo took back.
        label_set_id, before, after: of the label; None for a change to the face itself, and for no label.
        version: the label's or face's version after this step; of a refused edit, the one it was made on.
        before_info, after_info: of the face itself; None for a change to a label.
    """

    id: UUID
    author: str
    at: datetime
    action: str
    kind: str
    target_id: UUID | None
    face_id: UUID
    label_set_id: UUID | None
    before: Label | None
    after: Label | None
    version: int
    before_info: FaceInfo | None = None
    after_info: FaceInfo | None = None


class UndoStep(NamedTuple):
    """An edit of an author that undo would take back, in its turn.

    Attributes:
        kind: what was done, as undo shows it.
        at: UTC.
        image_id: of the first face that it changed; None where it changed none.
        faces: how many it changed.
    """

    revision_id: UUID
    kind: str
    at: datetime
    image_id: UUID | None
    faces: int


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A named set of labels that never changes: of each face the one that was current when it was made.

    Attributes:
        author: whose labels came first.
        at: UTC.
        faces: number of labels in it, one a face.
    """

    id: UUID
    name: str
    author: str
    at: datetime
    note: str
    faces: int


class SnapshotLabel(NamedTuple):
    """A label of a snapshot, as it was then; `face` is as it is now."""

    face: FaceRecord
    label_set: LabelSet
    label: Label
    version: int


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model that predicted for the project; `header` is its file's own, `at` UTC when it was first seen."""

    id: UUID
    hash: str
    name: str
    header: Mapping[str, Any] = field(hash=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did. `revision_id` is None where every label was there already."""

    images_added: int
    faces_added: int
    labels_added: int
    labels_changed: int
    labels_unchanged: int
    label_set: LabelSet
    revision_id: UUID | None


class ImageInfoLike(Protocol):
    """A `core.images.ImageInfo`: pixels after EXIF orientation, and that."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def orientation(self) -> int: ...


class ImportedFaceLike(Protocol):
    """What `Project.import_dataset` needs of a face read by `core.formats`."""

    @property
    def image(self) -> Path: ...
    @property
    def label(self) -> Label: ...
    @property
    def box(self) -> Box | None: ...
    @property
    def crop(self) -> CropTuple | None: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def extras(self) -> Mapping[str, Any]: ...
    @property
    def info(self) -> ImageInfoLike | None: ...


class ImportResultLike(Protocol):
    """A reader's result: only its faces matter here."""

    @property
    def faces(self) -> Sequence[ImportedFaceLike]: ...


Importable = ImportResultLike | Iterable[ImportedFaceLike]
