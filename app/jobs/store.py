"""What the store's threads do for the document: plain functions without Qt, each one step of work."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.edits import ChangePoints
from app.face_state import FaceState
from app.jobs.pool import Job, JobCancelledError
from app.panels.image_model import ImageRow
from app.texts import tr, tr_count
from core.blind import blind_sample
from core.errors import ProjectError, StarmarkError
from core.face import Box, Label
from core.work_status import NO_FACTS, ImageFacts

if TYPE_CHECKING:
    from app.exchange.work import Read
    from core.formats.base import ImportResult
    from core.project import AppliedEdit, FaceLabel, FaceRecord, PredictionCache, Project

DRAWN = "drawn"
"""Source of faces whose box a user drew."""

LISTED_AT_ONCE = 5000
"""Of a project with more images the one on screen last is shown before the list is read, and the list before facts."""

STEPS_TOGETHER = 1000
"""Steps of an author's that are listed, and can be undone together."""

PATCH = "patch"
"""A file of corrections, as `core.exchange` knows it."""

IMAGE_KEY = "current_image"
KEPT = ("place", "filter", "bookmarks")
"""What a project keeps for each annotator, as JSON, outside undo."""

_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A project just opened.

    Attributes:
        complete: whether `rows` has all images; else only the one to be shown first.
        note: a sentence if the predictions had to be started afresh; empty otherwise.
        kept: what is kept for the annotator, by the names in `KEPT`.
    """

    project: Project
    cache: PredictionCache
    rows: list[ImageRow]
    complete: bool
    current: str | None
    undo_text: str | None
    redo_text: str | None
    note: str
    kept: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """An edit, undo or redo that is on disk: the faces as they are now, and what the next steps back and forth are.

    Attributes:
        images: (number of faces, review state) of each image of which a face itself changed, by id.
        facts: of each image whose faces or labels changed, by id.
        problem: a sentence if only a part of what was asked for could be done.
    """

    faces: tuple[FaceState, ...]
    undo_text: str | None
    redo_text: str | None
    kind: str
    images: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    facts: Mapping[str, ImageFacts] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """Images added, with labels or without.

    Attributes:
        rows: the whole list, as it now is.
        first: id of the first of the images asked for.
        text: a sentence saying what was added.
        details: what was assumed, and what was left out and why; empty if nothing.
        incomplete: whether anything was left out.
    """

    rows: list[ImageRow]
    first: str | None
    text: str
    details: str
    incomplete: bool
    undo_text: str | None
    redo_text: str | None


def open_project(make: Callable[[], Project], author: str, job: Job) -> Opened:
    """Open or create a project and read its list of images."""
    from core.project import PredictionCache

    project = make()
    try:
        cache = PredictionCache(project.cache_path)
        job.progress(0, 0, tr("Reading the project"))
        kept = kept_values(project, author)
        place = kept.get("place")
        current = place.get("image") if isinstance(place, dict) else project.get_setting(IMAGE_KEY)
        current = current if isinstance(current, str) else None
        complete = project.image_count() <= LISTED_AT_ONCE
        return Opened(
            project,
            cache,
            image_rows(project) if complete else [_one_row(project, current)],
            complete,
            current,
            project.undo_text(author),
            project.redo_text(author),
            " ".join(_sentence(note) for note in (*project.notes, *cache.notes)),
            kept,
        )
    except BaseException:
        project.close()
        raise


def kept_key(name: str, author: str) -> str:
    """Under which one of `KEPT` is kept in the project's settings."""
    return f"{name}:{author}"


def kept_values(project: Project, author: str) -> dict[str, Any]:
    """All that is kept for an annotator."""
    return {name: project.get_setting(kept_key(name, author)) for name in KEPT}


def save_as(project: Project, cache: PredictionCache | None, path: Path, overwrite: bool) -> PredictionCache:
    """Name the project, and take what is cached along: it would take long to compute again."""
    from core.project import PredictionCache

    old_cache, was_scratch = project.cache_path, project.is_scratch
    project.save_as(path, overwrite=overwrite)
    if cache is not None:
        cache.close()
    with contextlib.suppress(OSError):  # a cache is no reason to fail
        shutil.copyfile(old_cache, project.cache_path)
        if was_scratch:
            old_cache.unlink()
    return PredictionCache(project.cache_path)


def image_rows(project: Project) -> list[ImageRow]:
    """Every image of the project; with its facts where that takes no time."""
    rows = [ImageRow(str(image_id), path, faces, review) for image_id, path, faces, review in project.image_list()]
    if len(rows) <= LISTED_AT_ONCE:
        facts = facts_of(project)
        for row in rows:
            row.facts = facts.get(row.id, NO_FACTS)
    return rows


def _one_row(project: Project, image_id: str | None) -> ImageRow:
    """The row of that image, or of the first one if there is none."""
    try:
        record = project.image(UUID(image_id or ""))
    except (ProjectError, ValueError):
        record = project.images(0, 1)[0]
    faces, review = _image_states(project, {record.id})[str(record.id)]
    facts = facts_of(project, {record.id})[str(record.id)]
    return ImageRow(str(record.id), str(record.path), faces, review, facts=facts)


def face_states(project: Project, author: str, records: Sequence[FaceRecord]) -> list[FaceState]:
    """Faces with the labels that are to be shown; `author` may be a blind label set, which knows of its own alone."""
    if (sample := blind_sample(project, author)) is not None:
        from app.jobs import blind

        return blind.states(project, sample, records)
    labels = project.current_labels([record.id for record in records], author)
    return [_face_state(record, labels.get(record.id)) for record in records]


def _face_state(record: FaceRecord, current: FaceLabel | None) -> FaceState:
    from core.transforms import Crop

    return FaceState(
        str(record.id),
        str(record.image_id),
        record.box,
        Crop(*record.crop) if record.crop is not None else None,
        record.source,
        None if current is None else current.label,
        "" if current is None else current.label_set.name,
        review=record.review,
        own=current is not None and current.label_set.kind == "annotator",
        tags=record.tags,
    )


def load_faces(project: Project, author: str, image_id: str) -> list[FaceState]:
    """The faces of an image with their labels, in the order they were added."""
    return face_states(project, author, project.faces(UUID(image_id)))


def change_points(project: Project, author: str, edit: ChangePoints, start: Label | None) -> Stored:
    """Change some points of the annotator's label and return once that is on disk.

    The annotator's own label is made from the label shown so far, or from `start` (the predicted means) where the face
    has none. What the store holds decides, not what the screen showed, so that edits sent one after the other add up.
    """
    from core.project import SetLabel

    face = UUID(edit.face_id)
    blind = blind_sample(project, author) is not None
    own = project.ensure_label_set(author, "blind" if blind else "annotator")
    before = project.label(face, own.id)
    current = None if blind else project.current_label(face, author)
    base = before.label if before is not None else current.label if current is not None else start
    if base is None:
        raise ProjectError(
            tr("the face has neither a label nor a prediction to start from"), remedy=tr("Predict the image first (P)")
        )
    version = before.version if before is not None else project.label_version(face, own.id)
    kept = None if before is None else before.label
    step = SetLabel(face, own.id, kept, edit.change.applied_to(base), version, edit.what)
    return stored(project, author, project.apply(step, author))


def stored(project: Project, author: str, applied: AppliedEdit) -> Stored:
    """An edit's outcome with the faces as they now are."""
    records = [project.face(face_id) for face_id in applied.faces]
    faces = tuple(face_states(project, author, records))
    images = {record.image_id for record in records} if applied.face_changes else set()
    states, facts = _image_states(project, images), facts_of(project, {record.image_id for record in records})
    return Stored(faces, applied.undo_text, applied.redo_text, applied.kind, states, facts)


def facts_of(project: Project, images: set[UUID] | None = None) -> dict[str, ImageFacts]:
    """What the faces and labels of those images, None for all, come to."""
    found = {str(image_id): facts for image_id, facts in project.image_facts(images).items()}
    if images is not None:
        found |= {str(image_id): NO_FACTS for image_id in images if str(image_id) not in found}
    return found


def _image_states(project: Project, images: set[UUID]) -> dict[str, tuple[int, str]]:
    found = {}
    for image_id, faces in project.faces_of(images).items():
        reviews = {face.review for face in faces}
        # As `core.project.ImageEntry` has it: the state that asks most for a look.
        review = next((state for state in ("question", "", "accepted", "rejected") if state in reviews), "")
        found[str(image_id)] = (len(faces), review)
    return found


def undo(project: Project, author: str, redo: bool) -> Stored | None:
    """Take back the author's last edit, or do it again; None if there is nothing."""
    applied = project.redo(author) if redo else project.undo(author)
    return None if applied is None else stored(project, author, applied)


def undo_to(project: Project, author: str, revision_id: str) -> Stored | None:
    """Take back the author's edits one after the other, up to and with `revision_id`.

    An edit in between that cannot be taken back stops it there, and is told of: what was undone before stays undone.

    Raises:
        StarmarkError: nothing was undone.
    """
    ids = [str(step.revision_id) for step in project.undo_steps(author, STEPS_TOGETHER)]
    if revision_id not in ids:
        raise ProjectError(tr("that step was undone already"), remedy=tr("Look at the list as it is now"))
    faces: dict[str, FaceState] = {}
    last, problem = None, ""
    states: dict[str, tuple[int, str]] = {}
    facts: dict[str, ImageFacts] = {}
    for _ in range(ids.index(revision_id) + 1):
        try:
            last = undo(project, author, redo=False) or last
        except StarmarkError as error:
            if last is None:
                raise
            problem = tr("Not all of these steps could be undone. {error}", error=error_text(error))
            break
        if last is not None:
            faces |= {face.face_id: face for face in last.faces}
            states |= last.images
            facts |= last.facts
    if last is None:
        return None
    return replace(last, faces=tuple(faces.values()), images=states, facts=facts, problem=problem)


def add_box(project: Project, author: str, image_id: str, box: Box) -> Stored:
    """Keep a face that the user drew a box around, as an edit of theirs."""
    record = project.add_face(UUID(image_id), box, source=DRAWN, author=author)
    return Stored(
        (_face_state(record, None),), project.undo_text(author), project.redo_text(author), "add face",
        _image_states(project, {record.image_id}), facts_of(project, {record.image_id}),
    )  # fmt: skip


def add_paths(project: Project, author: str, paths: list[Path], labelled: bool, job: Job) -> Added:
    """Add photos, folders and data sets; what cannot be read is listed and stops nothing else.

    Args:
        labelled: the paths are data sets for sure; otherwise a look tells, and what is none is taken as photos.

    Raises:
        StarmarkError: nothing at all could be added; the reason of the first path.
    """
    first: str | None = None
    texts: list[str] = []
    details: list[str] = []
    problems: list[StarmarkError] = []
    datasets = [path for path in paths if labelled or _is_dataset(path)]
    photos = [path for path in paths if path not in datasets]
    incomplete = False
    steps: list[Callable[[], tuple[str | None, str, str, bool]]] = [
        *(partial(_import_dataset, project, author, source, job) for source in datasets),
        *([partial(_add_photos, project, photos, job)] if photos else []),
    ]
    for step in steps:
        try:
            job.check()
            step_first, text, detail, some_missing = step()
        except StarmarkError as error:
            problems.append(error)
            continue
        except JobCancelledError:
            if not texts:
                raise
            incomplete = True
            texts.append(tr("Stopped before the rest."))
            break
        first = first or step_first
        incomplete |= some_missing
        texts.append(text)
        details += [detail] if detail else []
    if problems and not texts:
        raise problems[0]
    if problems:
        incomplete = True
        texts.append(tr("{count} could not be read.", count=count_text(len(problems), "entry", "entries")))
        details += [str(problem) for problem in problems]
    return changed(project, author, " ".join(texts), "\n".join(details), incomplete, first)


def changed(
    project: Project, author: str, text: str, details: str, incomplete: bool, first: str | None = None
) -> Added:
    """What to show after a large change."""
    rows = image_rows(project)
    return Added(rows, first, text, details, incomplete, project.undo_text(author), project.redo_text(author))


def kind_of(path: Path) -> str:
    """PATCH for corrections, "labels" for a data set, "" for neither."""
    from core.exchange import is_patch

    if is_patch(path):
        return PATCH
    return "labels" if _is_dataset(path) else ""


def _is_dataset(path: Path) -> bool:
    from core.formats import detect_format

    if path.is_file() and path.suffix.lower() in _IMAGE_SUFFIXES:
        return False
    try:
        return bool(detect_format(path))
    except StarmarkError:
        return False


def _add_photos(project: Project, paths: list[Path], job: Job) -> tuple[str | None, str, str, bool]:
    from core.images import find_images

    job.progress(0, 0, tr("Looking for images"))
    present = [path for path in paths if path.exists()]
    gone = [str(path) for path in paths if not path.exists()]
    found = find_images(present or paths)
    job.check()
    known = project.image_count()
    records = project.add_images(found)
    new = project.image_count() - known
    place = f"“{paths[0].name or paths[0]}”" + (tr(" and others") if len(paths) > 1 else "")
    if new:
        text = tr("{count} added from {place}.", count=count_text(new, "image"), place=place)
    else:
        text = tr_count(
            "{n:,} image of {place} is already in the project.", "{n:,} images of {place} are already in the project.",
            len(found), place=place,
        )  # fmt: skip
    detail = ""
    if gone:
        text += tr(" {count} not found.", count=count_text(len(gone), "path"))
        detail = tr("Not found:\n") + "\n".join(gone)
    return str(records[0].id) if records else None, text, detail, bool(gone)


def _import_dataset(project: Project, author: str, source: Path, job: Job) -> tuple[str | None, str, str, bool]:
    """All or nothing; entries that are bad are left out and listed."""
    from core.formats import read_dataset

    result = read_dataset(source, progress=lambda done, total: job.progress(done, total, tr("Reading the data set")))
    return _keep(project, author, result, source.stem, source.name or str(source), job)


def _keep(
    project: Project, author: str, result: ImportResult, label_set: str, name: str, job: Job
) -> tuple[str | None, str, str, bool]:
    from core.exchange import import_labels

    imported = import_labels(
        project, result, label_set, author=author,
        progress=lambda done, total: job.progress(done, total, tr("Keeping the labels")),
    )  # fmt: skip
    first = project.find_image(result.faces[0].image)
    faces = count_text(len(result.faces), "labelled face")
    if imported.counts.revision_id is None:
        text = tr_count(
            "{faces} of “{name}” is already in the project", "{faces} of “{name}” are already in the project",
            len(result.faces), faces=faces, name=name,
        )  # fmt: skip
    else:
        text = tr("{faces} ({scheme_id}) imported from “{name}”", faces=faces, scheme_id=result.scheme_id, name=name)
    if result.skipped:
        text += tr("; {count} left out", count=count_text(len(result.skipped), "entry", "entries"))
    details = "\n".join(imported.report.lines())
    return None if first is None else str(first.id), text + ".", details, bool(result.skipped)


def import_read(project: Project, author: str, found: Read, label_set: str, job: Job) -> Added:
    """Take in a data set that was looked at, or apply a patch; all or nothing."""
    name = found.question.source.name or str(found.question.source)
    if found.patch is not None:
        from core.exchange import apply_patch

        report = apply_patch(
            project, found.patch, author=author, label_set=label_set,
            progress=lambda done, total: job.progress(done, total, tr("Comparing images")),
        )  # fmt: skip
        first, incomplete = None, bool(report.skipped)
        text, details = f"“{name}”: {report.lines()[0]}", "\n".join(report.lines()[1:])
    elif found.result is not None:
        first, text, details, incomplete = _keep(project, author, found.result, label_set, name, job)
    return changed(project, author, text, details, incomplete, first)


def count_text(count: int, one: str, many: str | None = None) -> str:
    """ "1 face", "2,811 faces", in the user's language."""
    return tr_count(f"{{n:,}} {one}", f"{{n:,}} {many or one + 's'}", count)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def error_text(error: Exception) -> str:
    """An error in words for the user; an unexpected one names its kind, so that it can be reported."""
    if isinstance(error, StarmarkError):
        return str(error)
    return tr("Something unexpected happened ({kind}: {error}).", kind=type(error).__name__, error=error)
