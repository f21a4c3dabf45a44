"""What the store hands out and takes in: frozen values without any tie to the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from core.errors import UsageError
from core.face import Box, Label

LabelSetKind = Literal["import", "annotator", "model", "consensus"]
LABEL_SET_KINDS: tuple[LabelSetKind, ...] = ("import", "annotator", "model", "consensus")

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


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to add: `box` in image px; `crop` where the source prescribes one; `source` says who found it."""

    image_id: UUID
    box: Box | None
    crop: CropTuple | None = None
    source: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """A face of the project; `box` is None only where an import gave neither a box nor two points."""

    id: UUID
    image_id: UUID
    box: Box | None
    crop: CropTuple | None
    source: str
    tags: tuple[str, ...]


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
class Edits:
    """Several edits that happen, and are undone, together. UsageError if a label occurs twice or there is none."""

    edits: tuple[SetLabel, ...]
    kind: str

    def __post_init__(self) -> None:
        keys = {(edit.face_id, edit.label_set_id) for edit in self.edits}
        if not self.edits or len(keys) != len(self.edits):
            raise UsageError("a compound edit needs at least one label, and each label once")


@dataclass(frozen=True, slots=True)
class Change:
    """What an applied edit, undo or redo made of one label; `label` is None where it was taken away."""

    face_id: UUID
    label_set_id: UUID
    label: Label | None
    version: int


@dataclass(frozen=True, slots=True)
class AppliedEdit:
    """An edit that is on disk.

    Attributes:
        revision_id: None where the edit changed nothing, and nothing was written.
        kind: the edit's kind; of an undo or redo, that of the edit taken back or done again.
        undo_text, redo_text: kind of what the author would undo or redo next, None for nothing.
    """

    revision_id: UUID | None
    kind: str
    changes: tuple[Change, ...]
    undo_text: str | None
    redo_text: str | None

    @property
    def versions(self) -> dict[tuple[UUID, UUID], int]:
        """New version of each changed label, by (face id, label set id)."""
        return {(change.face_id, change.label_set_id): change.version for change in self.changes}

    @property
    def faces(self) -> frozenset[UUID]:
        """Ids of the faces with a changed label."""
        return frozenset(change.face_id for change in self.changes)


@dataclass(frozen=True, slots=True)
class Revision:
    """One step in the history of a label.

    Attributes:
        at: UTC.
        action: "edit", "undo", "redo" or "import".
        target_id: the revision an undo or redo took back.
        version: the label's version after this step.
    """

    id: UUID
    author: str
    at: datetime
    action: str
    kind: str
    target_id: UUID | None
    face_id: UUID
    label_set_id: UUID
    before: Label | None
    after: Label | None
    version: int


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
    def info(self) -> ImageInfoLike | None: ...


class ImportResultLike(Protocol):
    """A reader's result: only its faces matter here."""

    @property
    def faces(self) -> Sequence[ImportedFaceLike]: ...


Importable = ImportResultLike | Iterable[ImportedFaceLike]
