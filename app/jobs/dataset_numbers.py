"""The numbers behind the data-set view, worked out in the background. Needs neither torch nor Qt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import numpy as np

from app.jobs.audit import ProjectAudit
from core.coverage import OVERALL, Coverage, DistanceHistogram, distance_histogram, drawn_coverage
from core.dialects import Dialects, dialects
from core.error_distribution import ErrorCurve, Histogram, error_curve, histogram
from core.face import FloatArray, Label
from core.landmark_statistics import AmbiguityMap, LandmarkStatistics, ambiguity_map, landmark_statistics
from core.metrics import Interval, nme, norm_distances
from core.resampling import PeopleDraws
from training.split import groups_of

if TYPE_CHECKING:
    from core.audit import Audit
    from core.project import Project

COVERAGE_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

StateKind = Literal["now", "first", "set", "snapshot"]


@dataclass(frozen=True, eq=False, slots=True)
class LabelState:
    """Labels of the audit's faces as they are, were, or are in another label set.

    Attributes:
        kind: what it is; `name` is that of the label set or snapshot, empty for the others.
        nmes: (F,) NME of the prediction against this label, a fraction; NaN for a face without one.
    """

    kind: StateKind
    name: str
    nmes: FloatArray


@dataclass(frozen=True, eq=False)
class DatasetNumbers:
    """What the pages show of one audit.

    Attributes:
        groups: (F,) the person of each face. `label_sets` (F,) the set that its label is in.
        draws: of the people.
        landmarks: one of each.
        figure: the map of ambiguity, lengths in % of the distance that NMEs are divided by.
        dialects: of folders, tags and label sets.
        states: the label of now first.
    """

    source: ProjectAudit
    groups: list[str]
    label_sets: list[str]
    draws: PeopleDraws
    landmarks: list[LandmarkStatistics]
    figure: AmbiguityMap
    dialects: Dialects
    states: list[LabelState]

    @property
    def audit(self) -> Audit:
        """The audit itself."""
        return self.source.audit


def dataset_numbers(
    source: ProjectAudit, project: Project | None, check: Callable[[], None] = lambda: None
) -> DatasetNumbers:
    """All of it; `project` is asked for the other labels of the faces. `check` raises to cancel."""
    audit = source.audit
    groups = groups_of([face.image for face in audit.faces])
    label_sets = [face.source for face in audit.faces]
    draws = PeopleDraws(groups)
    check()
    landmarks = landmark_statistics(audit, draws)
    check()
    figure = map_in_percent(audit)
    check()
    found = dialects(audit, groups, label_sets)
    check()
    states = [LabelState("now", "", _nmes(source, [face.label for face in audit.faces]))]
    if project is not None:
        states += _other_states(source, project, check)
    return DatasetNumbers(source, groups, label_sets, draws, landmarks, figure, found, states)


def map_in_percent(audit: Audit) -> AmbiguityMap:
    """The map of ambiguity in % of the mean face's own distance between what NMEs are divided by."""
    figure = ambiguity_map(audit)
    norm = float(norm_distances(figure.mean, audit.scheme))
    unit = 100 / norm if norm > 0 else 100.0  # a model that sees all points in one place has no such distance
    return AmbiguityMap(
        figure.mean * unit, figure.predicted * unit**2, figure.centre * unit, figure.actual * unit**2, figure.tail
    )


def _other_states(source: ProjectAudit, project: Project, check: Callable[[], None]) -> list[LabelState]:
    """The labels that faces had first, those of each label set and of each snapshot, where there are any."""
    ids = [UUID(face.face_id) for face in source.faces]
    first = project.first_labels(ids)
    states = [LabelState("first", "", _nmes(source, [first.get(one) for one in ids]))]
    check()
    by_set: dict[str, list[Label | None]] = {}
    names = {one.id: one.name for one in project.label_sets()}
    for place, one in enumerate(project.labels_of(ids).values()):
        for label in one:
            name = names.get(label.label_set.id, label.label_set.name)
            by_set.setdefault(name, [None] * len(ids))[place] = label.label
    if len(by_set) > 1:
        states += [LabelState("set", name, _nmes(source, found)) for name, found in by_set.items()]
    for snapshot in project.snapshots():
        check()
        kept = {item.face.id: item.label for item in project.snapshot_labels(snapshot.name)}
        states.append(LabelState("snapshot", snapshot.name, _nmes(source, [kept.get(one) for one in ids])))
    return [state for state in states if np.isfinite(state.nmes).any()]


def _nmes(source: ProjectAudit, labels: Sequence[Label | None]) -> FloatArray:
    scheme = source.audit.scheme
    points = np.full((len(labels), len(scheme), 2), np.nan)
    for place, label in enumerate(labels):
        if label is not None and label.scheme == scheme.id and len(label) == len(scheme):
            points[place] = label.points
    means = np.stack([prediction.mean for prediction in source.audit.predictions])
    return nme(means, points, scheme)


@dataclass(frozen=True, eq=False, slots=True)
class Compared:
    """One state beside the first of those that are compared, of the faces that all of them have a label of.

    Attributes:
        curve: of its NMEs.
        change: mean of its NMEs less those of the first, a fraction, and the 95 % interval of that from drawing people:
            faces are compared with themselves, so that it is surer than the two means are. 0 for the first.
    """

    state: LabelState
    curve: ErrorCurve
    change: float
    interval: Interval


def compared(states: Sequence[LabelState], draws: PeopleDraws, threshold: float) -> list[Compared]:
    """The states beside the first of them; nothing if no face has a label in all."""
    if not states:
        return []
    table = np.stack([state.nmes for state in states], axis=1)
    table[~np.isfinite(table).all(axis=1)] = np.nan
    changes = table - table[:, :1]
    intervals = draws.mean_intervals(changes)
    result = []
    for place, state in enumerate(states):
        curve = error_curve(table[:, place], draws, threshold)
        if curve is not None:
            low, high = intervals[place].tolist()
            result.append(Compared(state, curve, float(np.nanmean(changes[:, place])), Interval(low, high)))
    return result


@dataclass(frozen=True, eq=False, slots=True)
class Distributions:
    """How labels of all landmarks, or those of a region, lie about where they are expected.

    Attributes:
        region: name, or `core.coverage.OVERALL`.
        deviation: distances from where labels are expected, in %.
        distance: Mahalanobis distances, with those of right labels.
        nme: of the labels of now, in %, of whole faces whatever the region. `mean_nme` with its interval; NaN of none.
        coverage: nominal against real shares of labels in ellipses.
    """

    region: str
    deviation: Histogram
    distance: DistanceHistogram
    nme: Histogram
    mean_nme: float
    mean_interval: Interval
    coverage: list[Coverage]


def distributions(numbers: DatasetNumbers, region: str = OVERALL) -> Distributions:
    """Of all landmarks or one region's."""
    audit = numbers.audit
    e, tail = audit.evidence, audit.evidence.calibration.tail
    indices = list(range(len(audit.scheme)))
    if region != OVERALL:
        indices = list(next(one.indices for one in audit.scheme.regions if one.name == region))
    norm = norm_distances(e.expected, audit.scheme)[:, None]
    off = 100 * np.hypot(e.along[:, indices], e.across[:, indices]) / norm
    nmes = 100 * numbers.states[0].nmes
    rows = drawn_coverage(e.distance, tail, numbers.draws, audit.scheme, COVERAGE_LEVELS)
    low, high = numbers.draws.mean_intervals(nmes[:, None])[0]
    known = nmes[np.isfinite(nmes)]
    return Distributions(
        region, histogram(off, _far(off), 30), distance_histogram(e.distance[:, indices], tail),
        histogram(nmes, _far(nmes), 30), float(known.mean()) if len(known) else float("nan"), Interval(low, high),
        [row for row in rows if row.region == region],
    )  # fmt: skip


def _far(percent: FloatArray) -> float:
    """The multiple of 5 % up to which all but a few values lie."""
    known = percent[np.isfinite(percent)]
    return 5.0 * max(math.ceil(float(np.quantile(known, 0.98)) / 5), 1) if len(known) else 5.0
