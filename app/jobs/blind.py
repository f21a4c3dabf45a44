"""What the store's threads do for labelling faces again blind: samples, what is shown of their faces, comparing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from app.face_state import FaceState
from core.blind import (
    BlindSample,
    Progress,
    blind_progress,
    blind_samples,
    draw_blind,
    finish_face,
    is_blind,
    vague_box,
)
from core.face import FloatArray, Label
from core.metrics import Interval
from core.scheme import get_scheme

if TYPE_CHECKING:
    from core.project import FaceLabel, FaceRecord, Project


@dataclass(frozen=True, slots=True)
class Ready:
    """A sample to work on: `images` has the image of each of its faces."""

    sample: BlindSample
    progress: Progress
    images: dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One region, or all of them: lengths in % of the distance that NMEs are divided by; NaN where too few faces tell.

    Attributes:
        apart, low, high: mean distance of first and second labels, and of all regions its interval over people.
        along, across: standard deviations of one label.
        habit: mean offset of second from first labels along the contour.
    """

    region: str
    apart: float
    low: float
    high: float
    along: float
    across: float
    habit: float


@dataclass(frozen=True, slots=True)
class Figures:
    """First against second labels: `rows` with all regions together last; alpha as `core.agreement` has it."""

    sample: BlindSample
    faces: int
    rows: tuple[Row, ...]
    alpha: float


def states(project: Project, sample: BlindSample, records: Sequence[FaceRecord]) -> list[FaceState]:
    """Faces of the sample as somebody may see them who labels them blind: without any label but the second one.

    A face that has none yet has a label of missing points, in the scheme of the first one.
    """
    wanted = [record for record in records if record.id in set(sample.faces)]
    labels = project.labels_of([record.id for record in wanted])
    found = []
    for record in wanted:
        label = _second(labels[record.id], sample) or _empty(labels[record.id], sample)
        box = vague_box(record, sample)
        found.append(
            FaceState(
                str(record.id), str(record.image_id), box, None, record.source, label, sample.label_set, own=True
            )
        )
    return found


def _second(labels: Sequence[FaceLabel], sample: BlindSample) -> Label | None:
    return next((one.label for one in labels if is_blind(one.label_set, sample)), None)


def _empty(labels: Sequence[FaceLabel], sample: BlindSample) -> Label | None:
    """A label without a point, in the scheme of the first one, or of any other."""
    first = sorted(labels, key=lambda one: one.label_set.name != sample.first_set)
    if not first:
        return None
    scheme = get_scheme(first[0].label.scheme)
    return Label(scheme.id, np.full((len(scheme), 2), np.nan))


def offered(project: Project, annotator: str) -> Ready | None:
    """The annotator's latest sample that is not done; None if there is none."""
    samples = blind_samples(project, annotator)
    ready = [_ready(project, sample) for sample in samples[::-1]]
    return next((one for one in ready if len(one.progress.done) < len(one.sample.faces)), None)


def draw(project: Project, annotator: str, count: int, seed: int) -> Ready:
    """Draw a sample and keep it."""
    return _ready(project, draw_blind(project, annotator, count, seed))


def again(project: Project, sample: BlindSample) -> Ready:
    """The sample as it is now."""
    return _ready(project, sample)


def look_at(project: Project, sample: BlindSample, face_ids: Sequence[str]) -> Progress:
    """How far some faces of the sample are."""
    return blind_progress(project, sample, [UUID(face_id) for face_id in face_ids])


def finish(project: Project, sample: BlindSample, face_id: str) -> BlindSample:
    """A face is done though points of it are missing."""
    return finish_face(project, sample, UUID(face_id))


def _ready(project: Project, sample: BlindSample) -> Ready:
    images = {str(face): str(project.face(face).image_id) for face in sample.faces}
    return Ready(sample, blind_progress(project, sample), images)


def compare(project: Project, sample: BlindSample) -> Figures:
    """First against second labels of the faces that are done; UsageError where none can be compared."""
    from core.agreement import agreement
    from core.exchange.repeats import project_repeats
    from training.split import groups_of

    done = blind_progress(project, sample).done
    repeats = project_repeats(project, [sample.first_set, sample.label_set], list(done))
    found = agreement(repeats.labels, groups_of(repeats.images))
    scheme, pair = repeats.labels.scheme, found.pairs[0]
    second = next(place for place, one in enumerate(repeats.sets) if is_blind(one, sample))
    sigma = np.sqrt(np.diagonal(found.law.total, axis1=1, axis2=2))
    # The difference of the two: habits count from the middle between them.
    habit = found.bias[second, :, 0] - found.bias[1 - second, :, 0]
    everything = list(range(len(scheme)))
    unknown = Interval(math.nan, math.nan)
    parts = [(region.name, list(region.indices), unknown) for region in scheme.regions]
    rows = tuple(
        Row(name, _mean(found.distance[part]), interval.low, interval.high, _mean(sigma[part, 0]),
            _mean(sigma[part, 1]), _mean(habit[part]))
        for name, part, interval in [*parts, ("", everything, pair.interval)]
    )  # fmt: skip
    return Figures(sample, found.faces, rows, found.alpha_all)


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
