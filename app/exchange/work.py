"""What the dialogs let a thread do: read a data set, gather labels, write them. Plain functions without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.jobs.pool import Job
from app.texts import tr

if TYPE_CHECKING:
    from core.exchange.patch import Patch
    from core.formats.base import ImportResult, LabelledFace
    from core.formats.report import Report
    from core.project import Project
    from core.scheme import Scheme


@dataclass(frozen=True, slots=True)
class Question:
    """What to read, and how; empty texts and None: as the files have it."""

    source: Path
    format: str = "auto"
    images: str = ""
    index_base: int | None = None
    scheme: str = ""
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A data set, or a patch, that has been read and not yet imported."""

    question: Question
    result: ImportResult | None
    patch: Patch | None
    scheme: Scheme
    lines: list[str]

    @property
    def format(self) -> str:
        """Its format's name."""
        return "patch" if self.result is None else self.result.format


def read(question: Question, job: Job) -> Read:
    """Read all of it; StarmarkError if it cannot be."""
    from core.exchange import is_patch, read_patch
    from core.formats import import_report, read_dataset
    from core.scheme import get_scheme

    if question.format in ("auto", "patch") and is_patch(question.source):
        patch = read_patch(question.source)
        line = tr(
            "{faces:,} corrected faces ({scheme}), by {author}, {created}.",
            faces=len(patch.faces),
            scheme=patch.scheme,
            author=patch.author,
            created=patch.created,
        )
        return Read(question, None, patch, get_scheme(patch.scheme), [line])
    wanted = get_scheme(question.scheme) if question.scheme else None
    result = read_dataset(
        question.source, question.format, question.images or None, question.index_base, scheme=wanted,
        progress=lambda done, total: job.progress(done, total, tr("Reading")), outside=question.outside,
    )  # fmt: skip
    job.progress(0, 0, tr("Looking for what is odd"))
    scheme = wanted or get_scheme(result.scheme_id)
    return Read(question, result, None, scheme, import_report(result, scheme).lines())


@dataclass(frozen=True, slots=True)
class Choice:
    """Which labels to export, and how.

    Attributes:
        label_set: name, empty for the labels that are shown.
        to_scheme: id of the scheme to convert to, empty for none.
    """

    label_set: str = ""
    format: str = "coco"
    to_scheme: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The labels that would be written.

    Attributes:
        lines: what would be lost or left out, for people.
    """

    choice: Choice
    faces: Sequence[LabelledFace]
    scheme: Scheme
    lines: list[str]


def gather(project: Project, author: str, choice: Choice, job: Job) -> Gathered:
    """The labels of a choice, converted as asked, and what the format has no room for."""
    from core.exchange import project_labels
    from core.formats.registry import find_exporter
    from core.formats.report import lost

    labels = project_labels(
        project, author=author, label_set=choice.label_set or None,
        progress=lambda done, total: job.progress(done, total, tr("Gathering labels")),
    )  # fmt: skip
    faces, scheme, lines = labels.faces, labels.scheme, []
    if choice.to_scheme and choice.to_scheme != scheme.id:
        from core.scheme_map import convert_label, find_map

        scheme_map = find_map(scheme.id, choice.to_scheme)
        faces = [replace(face, label=convert_label(face.label, scheme_map)) for face in faces]
        scheme = scheme_map.target
        lines += scheme_map.notes()
    holds = find_exporter(choice.format).holds
    reasons = [reason for face in faces if (reason := holds.reason_against(face)) is not None]
    images = len({face.image for face in faces})
    lines.insert(
        0,
        tr(
            "{faces:,} labelled faces of {images:,} images ({title}).",
            faces=len(faces),
            images=images,
            title=scheme.title,
        ),
    )
    if reasons:
        lines.append(
            tr(
                "{n:,} faces would be left out; the first {reason}.",
                n=len(reasons),
                reason=reasons[0],
            )
        )
    lines += [tr("The format has no room for {what}.", what=what) for what in lost(faces, holds)]
    if labels.skipped:
        lines.append(tr("{skipped:,} labels of other schemes would be left out.", skipped=len(labels.skipped)))
    if labels.unlabelled:
        lines.append(tr("{unlabelled:,} faces have no label.", unlabelled=labels.unlabelled))
    return Gathered(choice, faces, scheme, lines)


def write(
    gathered: Gathered, target: Path, images: str, index_base: int | None, copy_images: bool, overwrite: bool, job: Job
) -> Report:
    """Write the labels, complete or not at all."""
    from core.formats import export_dataset

    return export_dataset(
        gathered.faces, gathered.scheme, target, gathered.choice.format, images_root=images or None,
        copy_images=copy_images, index_base=index_base, overwrite=overwrite,
        progress=lambda done, total: job.progress(done, total, tr("Writing")),
    )  # fmt: skip


def write_corrections(project: Project, author: str, target: Path, overwrite: bool, job: Job) -> list[str]:
    """Write what differs from the import as a patch; what to say of it."""
    from core.exchange import write_patch

    report = write_patch(
        project, target, author=author, overwrite=overwrite,
        progress=lambda done, total: job.progress(done, total, tr("Comparing")),
    )  # fmt: skip
    return report.lines()
