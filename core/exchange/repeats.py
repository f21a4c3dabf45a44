"""Taking labels of the same faces out of a project side by side, and a consensus of them back in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import numpy as np

from core.consensus import Consensus
from core.errors import UsageError
from core.exchange.labels_out import face_source
from core.face import Label, Visibility
from core.formats.base import Progress
from core.project import Edits, FaceLabel, LabelSet, Project, SetLabel
from core.repeated_labels import RepeatedLabels
from core.scheme import get_scheme

CONSENSUS_KIND = "make consensus"
"""What undo calls it; a label whose last change is not of this kind was changed by a person."""

_COMPARED = ("import", "annotator", "blind")
_PAGE = 500


@dataclass(frozen=True, eq=False, slots=True)
class Repeats:
    """Faces of a project with labels in two of the label sets or more, in the project's order.

    Attributes:
        labels: by label set.
        sets: (A,) the label sets, in the order of `labels.names`.
        faces: (F,) ids.
        images: (F,) absolute paths.
        sources: (F,) as `core.exchange.project_labels` names them.
        single: number of faces with a label in just one of the sets.
        other_schemes: number of labels left out since they follow another scheme than most.
    """

    labels: RepeatedLabels
    sets: list[LabelSet]
    faces: list[UUID]
    images: list[Path]
    sources: list[str]
    single: int
    other_schemes: int


class _Found(NamedTuple):
    """A face and its labels by label set."""

    face: UUID
    image: Path
    source: str
    labels: dict[UUID, Label]


def project_repeats(
    project: Project,
    sets: Sequence[str] | None = None,
    faces: Sequence[UUID] | None = None,
    progress: Progress | None = None,
) -> Repeats:
    """Labels of the same faces.

    Args:
        sets: names of label sets; None: all that people made (imports, annotators, blind ones) that have such labels.
        faces: only these; None: all.
        progress: called with (done, total) images; may raise, to cancel.

    Raises:
        UsageError: a set that there is not, or no face has labels in two of them.
    """
    chosen = _chosen(project, sets)
    wanted = None if faces is None else set(faces)
    found: list[_Found] = []
    total, offset = project.image_count(), 0
    while page := project.images(offset, _PAGE):
        offset += len(page)
        records = project.faces_of(image.id for image in page)
        labels = project.labels_of(face.id for group in records.values() for face in group)
        for image in page:
            path = Path(os.path.abspath(image.path))  # noqa: PTH100
            for number, face in enumerate(records[image.id], 1):
                mine = _of(labels[face.id], chosen)
                if mine and (wanted is None or face.id in wanted):
                    found.append(_Found(face.id, path, face_source(path, number), mine))
        if progress is not None:
            progress(offset, total)
    return _side_by_side(project, found, chosen, named=sets is not None)


def _chosen(project: Project, names: Sequence[str] | None) -> list[LabelSet]:
    present = project.label_sets()
    if names is None:
        return [one for one in present if one.kind in _COMPARED]
    chosen = []
    for name in dict.fromkeys(names):
        of_name = [one for one in present if one.name == name]
        if not of_name:
            known = ", ".join(f"'{one.name}'" for one in present) or "none"
            raise UsageError(f"there is no label set '{name}'", where=project.location, remedy=f"There are: {known}")
        chosen += of_name
    return chosen


def _of(labels: Sequence[FaceLabel], chosen: Sequence[LabelSet]) -> dict[UUID, Label]:
    ids = {one.id for one in chosen}
    return {one.label_set.id: one.label for one in labels if one.label_set.id in ids}


def _side_by_side(
    project: Project, found: Sequence[_Found], chosen: list[LabelSet], named: bool
) -> Repeats:
    schemes = Counter(label.scheme for row in found for label in row.labels.values())
    scheme_id = schemes.most_common(1)[0][0] if schemes else ""
    fitting = [
        row._replace(labels={k: v for k, v in row.labels.items() if v.scheme == scheme_id}) for row in found
    ]
    several = [row for row in fitting if len(row.labels) >= 2]
    if not several:
        names = " and ".join(f"'{one.name}'" for one in chosen) if named else "two label sets"
        raise UsageError(
            f"no face has labels in {names}",
            where=project.location,
            remedy="Merge another annotator's project, import their labels, or draw faces to label again (--draw)",
        )
    scheme = get_scheme(scheme_id)
    sets = [one for one in chosen if any(one.id in row.labels for row in several)]
    shape = (len(several), len(sets), len(scheme))
    points = np.full((*shape, 2), np.nan)
    visibility = np.full(shape, Visibility.MISSING, np.uint8)
    labelled = np.zeros(shape[:2], np.bool_)
    for number, row in enumerate(several):
        for place, one in enumerate(sets):
            if (label := row.labels.get(one.id)) is not None:
                points[number, place], visibility[number, place] = label.points, label.visibility
                labelled[number, place] = True
    repeated = RepeatedLabels(scheme, _names(sets), points, visibility, labelled)
    return Repeats(
        repeated, sets, [row.face for row in several], [row.image for row in several],
        [row.source for row in several], sum(len(row.labels) == 1 for row in fitting),
        schemes.total() - schemes[scheme_id],
    )  # fmt: skip


def _names(sets: Sequence[LabelSet]) -> tuple[str, ...]:
    """Their names, with the kind where two sets have one."""
    names = [one.name for one in sets]
    return tuple(f"{one.name} ({one.kind})" if names.count(one.name) > 1 else one.name for one in sets)


@dataclass(frozen=True, eq=False, slots=True)
class ConsensusReport:
    """What writing a consensus did.

    Attributes:
        label_set: that it is in.
        written: labels made or made anew.
        unchanged: that were so already.
        kept: (source, why) of faces whose label there a person has changed since: left as they are.
        unusable: faces without a consensus.
        disputed: points marked for a second look.
    """

    label_set: LabelSet
    written: int
    unchanged: int
    kept: list[tuple[str, str]]
    unusable: int
    disputed: int

    def lines(self) -> list[str]:
        """For people."""
        text = f"consensus '{self.label_set.name}': {self.written} labels written, {self.unchanged} were so already"
        found = [f"{text}, {self.disputed} points are disputed and marked for a second look"]
        if self.unusable:
            found.append(f"{self.unusable} faces have no consensus, since they have fewer than two labels with eyes")
        if self.kept:
            found.append(f"{len(self.kept)} labels differ that a person has changed there: they stay as they are")
        return found


def write_consensus(project: Project, repeats: Repeats, made: Consensus, name: str, author: str) -> ConsensusReport:
    """Keep a consensus in the project's label set `name`, as one edit of the author that undo takes back.

    A label of that set that a person changed, or took away, since it was made stays, and is told of.

    Raises:
        UsageError: `name` is one of the sets that the consensus is made of.
        StaleEditError: somebody changed one of the labels meanwhile; nothing was written.
    """
    if any(one.name == name for one in repeats.sets):
        raise UsageError(f"'{name}' is one of the label sets it is made of", remedy="Choose another name")
    target = project.ensure_label_set(name, "consensus")
    edits: list[SetLabel] = []
    kept: list[tuple[str, str]] = []
    unchanged = disputed = 0
    for number, face in enumerate(repeats.faces):
        if not made.usable[number]:
            continue
        label = made.label(number)
        disputed += int(made.disputed[number].sum())
        present = project.label(face, target.id)
        version = project.label_version(face, target.id) if present is None else present.version
        before = None if present is None else present.label
        if before == label:
            unchanged += 1
        elif version and (why := _changed_by(project, face, target, before)):
            kept.append((repeats.sources[number], why))
        else:
            edits.append(SetLabel(face, target.id, before, label, version, CONSENSUS_KIND))
    if edits:
        project.apply(Edits(tuple(edits), CONSENSUS_KIND), author)
    return ConsensusReport(target, len(edits), unchanged, kept, int((~made.usable).sum()), disputed)


def _changed_by(project: Project, face: UUID, target: LabelSet, now: Label | None) -> str:
    """Who changed a consensus label after it was made, and how; empty if nobody did."""
    steps = [one for one in project.history(face) if one.label_set_id == target.id and one.action != "refused"]
    if not steps or steps[-1].kind == CONSENSUS_KIND:
        return ""
    made = [one.after for one in steps if one.kind == CONSENSUS_KIND and one.after is not None]
    if made and made[-1] == now:  # changed, and changed back
        return ""
    last = steps[-1]
    return f"{last.author}, {last.at:%Y-%m-%d %H:%M} UTC: {last.kind}"
