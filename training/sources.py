"""Where a run's faces come from: a data set on disk, or a project's labels as a snapshot keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from core.errors import ConfigError, TrainingError, UsageError
from core.formats.base import LabelledFace
from core.formats.registry import read_dataset
from core.project import Project
from core.scheme import Scheme, get_scheme
from core.transforms import Crop, crop_from_points
from training.config import TrainConfig
from training.dataset import Face
from training.split import Part, groups_by, part_of, split_rule

ONLY = ("all", "accepted")
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Source:
    """What to train on: one of `dataset` and `project`.

    Attributes:
        dataset, format, images: a data set, its format, the folder that its image paths are relative to.
        project, snapshot: a project, and the name of the snapshot whose labels count.
        extra: further data sets, all of whose faces are trained on.
        val: a data set to choose by; all faces of the first one are then trained on.
    """

    dataset: str | None = None
    format: str = "auto"
    images: str | None = None
    project: str | None = None
    snapshot: str | None = None
    extra: tuple[str, ...] = ()
    val: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `run.json`."""
        return asdict(self) | {"extra": list(self.extra)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Source:
        """Inverse of `to_json`. TypeError or KeyError for anything else."""
        return cls(**(dict(data) | {"extra": tuple(data["extra"])}))


@dataclass(frozen=True, slots=True)
class TrainingFaces:
    """Faces by part, their scheme, and where they came from."""

    scheme: Scheme
    train: list[Face]
    val: list[Face]
    source: dict[str, Any]

    def fingerprint(self) -> str:
        """SHA-256 (hex) of names, points, weights and crops: whether a resumed run trains on the same."""
        digest = hashlib.sha256(self.scheme.id.encode())
        for face in (*self.train, *self.val):
            crop = face.crop.as_array()
            digest.update(face.image.name.encode())
            for array in (face.points, face.weights, crop):
                digest.update(array.tobytes())
        return digest.hexdigest()


def read_source(source: Source, config: TrainConfig) -> TrainingFaces:
    """The faces of a source. UsageError where it names nothing or two things."""
    if (source.dataset is None) == (source.project is None):
        raise UsageError(
            "there is nothing to train on" if source.dataset is None else "--dataset and --project exclude each other",
            remedy="Name a data set with --dataset, or a project with --project",
        )
    if source.project is not None:
        return _from_project(source, config)
    assert source.dataset is not None
    return read_training_faces(source.dataset, source.format, source.images, config, source.extra, source.val)


def read_training_faces(
    source: str,
    format_name: str,
    images: str | None,
    config: TrainConfig,
    extra: Sequence[str] = (),
    val: str | None = None,
) -> TrainingFaces:
    """Read a data set and split it as the settings say; faces of the report part are left out.

    Args:
        extra: further data sets, all of whose faces are trained on; they neither choose nor report.
        val: a data set that chooses; the first one is then not split, but trained on as a whole.

    Raises:
        TrainingError: there is nothing to train on, or another data set is in another scheme.
    """
    result = read_dataset(source, format_name, images)
    described = {"dataset": Path(source).name, "format": result.format}
    return _split(result.faces, get_scheme(result.scheme_id), source, described, config, extra, val)


def _split(
    faces: Sequence[LabelledFace],
    scheme: Scheme,
    where: str,
    described: dict[str, Any],
    config: TrainConfig,
    extra: Sequence[str],
    val: str | None,
) -> TrainingFaces:
    by = config.split_by if val is None else "none"
    try:
        groups = groups_by(by, [face.image for face in faces], [face.tags for face in faces])
    except ConfigError as error:
        raise TrainingError(error.what, where=where, remedy=error.remedy) from error
    parts: dict[Part, list[Face]] = {part: [] for part in Part}
    for imported, group in zip(faces, groups, strict=True):
        face = _face(imported, config.crop_factor)
        if face is not None:
            parts[Part.TRAIN if group is None else part_of(group)].append(face)
    if val is not None:
        parts[Part.CHOICE] = _all_faces(val, scheme.id, config)[0]
        described["val"] = Path(val).name
    if not parts[Part.TRAIN]:
        raise TrainingError("no usable labelled face to train on", where=where, remedy="Check the data set's format")
    described |= {
        "train_faces": len(parts[Part.TRAIN]),
        "val_faces": len(parts[Part.CHOICE]),
        "report_faces_left_out": len(parts[Part.REPORT]),
        "split": split_rule(by),
        "extra": [],
    }
    for more in extra:
        found, format_name = _all_faces(more, scheme.id, config)
        parts[Part.TRAIN] += found
        described["extra"].append({"dataset": Path(more).name, "format": format_name, "train_faces": len(found)})
    return TrainingFaces(scheme, parts[Part.TRAIN], parts[Part.CHOICE], described)


def _all_faces(source: str, scheme_id: str, config: TrainConfig) -> tuple[list[Face], str]:
    """All usable faces of a further data set, and its format."""
    result = read_dataset(source)
    if result.scheme_id != scheme_id:
        raise TrainingError(
            f"this data set is in scheme {result.scheme_id}, the first one in {scheme_id}",
            where=source,
            remedy="Convert it first: python3 main.py convert",
        )
    return [face for one in result.faces if (face := _face(one, config.crop_factor)) is not None], result.format


def _face(imported: LabelledFace, factor: float) -> Face | None:
    """A face to train on; None where too little is labelled to place a crop."""
    label = imported.label
    try:
        crop = Crop(*imported.crop) if imported.crop else crop_from_points(label.points, factor)
    except ValueError:
        return None
    return Face(imported.image, label.points, crop, label.weights)


def _from_project(source: Source, config: TrainConfig) -> TrainingFaces:
    assert source.project is not None
    if source.snapshot is None:
        raise UsageError("no snapshot of the project is named", remedy="Name one with --snapshot")
    with Project.open(source.project, read_only=True) as project:
        faces = snapshot_faces(project, source.snapshot)
    counts: dict[str, int] = {}
    for face in faces:
        counts[face.label.scheme] = counts.get(face.label.scheme, 0) + 1
    if not counts:
        raise TrainingError(f"the snapshot '{source.snapshot}' is empty", where=source.project)
    wanted = max(counts, key=lambda name: counts[name])
    described = {
        "project": Path(source.project).name,
        "snapshot": source.snapshot,
        "faces_of_other_schemes": len(faces) - counts[wanted],
    }
    faces = [face for face in faces if face.label.scheme == wanted]
    return _split(faces, get_scheme(wanted), source.project, described, config, source.extra, source.val)


def snapshot_faces(project: Project, snapshot: str) -> list[LabelledFace]:
    """The labelled faces of a snapshot, by image file and face. ProjectError if there is none of that name."""
    kept = list(project.snapshot_labels(snapshot))
    paths = _image_paths(project)
    kept.sort(key=lambda one: (str(paths[one.face.image_id]), one.face.id))
    return [
        LabelledFace(
            paths[one.face.image_id],
            one.label,
            one.face.box,
            one.face.crop,
            one.face.tags,
            f"{paths[one.face.image_id]}, snapshot {snapshot}",
            None,
        )
        for one in kept
    ]


def _image_paths(project: Project) -> dict[UUID, Path]:
    return {entry.id: Path(entry.path) for entry in project.image_list()}


def take_snapshot(source: Source, only: str, author: str) -> Source:
    """Keep a project's labels as they are now, for a run to train on: the source with the snapshot's name.

    Left out are faces that a reviewer rejected, or with `only` "accepted" has not accepted, and labels that only a
    model made.

    Raises:
        ProjectLockedError: another program writes the project. It can make the snapshot and name it.
        TrainingError: no label is left.
    """
    assert source.project is not None
    with Project.open(source.project) as project:
        chosen = _trainable(project, only, author)
        if not chosen:
            what = "no face with a label was accepted" if only == "accepted" else "there is no label to train on"
            raise TrainingError(what, where=source.project, remedy="Label and accept some faces first")
        name = _free_name(project, f"training {datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
        project.create_snapshot(name, author, f"{only} labels, for a training run", chosen)
    return replace(source, snapshot=name)


def _trainable(project: Project, only: str, author: str) -> list[UUID]:
    found: list[UUID] = []
    total = project.image_count()
    for offset in range(0, total, _PAGE):
        ids = [image.id for image in project.images(offset, _PAGE)]
        faces = [face for group in project.faces_of(ids).values() for face in group]
        wanted = [f.id for f in faces if f.review == "accepted" or (only == "all" and f.review != "rejected")]
        labels = project.current_labels(wanted, author)
        found += [face_id for face_id, label in labels.items() if label.label_set.kind != "model"]
    return found


def _free_name(project: Project, name: str) -> str:
    taken: Iterable[str] = {snapshot.name for snapshot in project.snapshots()}
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{name} ({number + 1})"
    return free
