"""Agreement and consensus of simulated annotators, whose law is known, and figures that are known from books."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from core.agreement import Agreement, _alphas, against_model, agreement, disagreement, typical_spread
from core.consensus import consensus
from core.errors import UsageError
from core.face import FloatArray, PointFlag, Visibility
from core.metrics import point_errors
from core.moves.mean_shape import mean_shape
from core.repeated_labels import RepeatedLabels
from core.resampling import PeopleDraws
from core.scheme import get_scheme
from training.synthetic.annotator_spec import AnnotatorSpec, annotator_group
from training.synthetic.annotators import annotate

SCHEME = get_scheme("300w-68")
CARE = (0.6, 1.0, 1.6)
FACES = 100


class Simulated(NamedTuple):
    """Truth (F, N, 2) px, labels, and the annotators' laws: habits (A, N, 2) % and covariances (A, N, 2, 2) %^2."""

    truth: FloatArray
    labels: RepeatedLabels
    habit: FloatArray
    covariance: FloatArray


def simulate(specs: list[AnnotatorSpec], faces: int, seed: int = 0) -> Simulated:
    """Faces of one shape, turned and of other sizes."""
    rng = np.random.default_rng(seed)
    shape = mean_shape(SCHEME.id)
    assert shape is not None
    truth, made = [], []
    for _ in range(faces):
        turn = rng.normal(0, 0.2)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        truth.append((shape * (1 + rng.normal(0, 0.05, 2))) @ rotation.T * 150 * (1 + rng.normal(0, 0.1)) + 250)
        made.append([annotate(truth[-1], None, SCHEME, spec, rng) for spec in specs])
    points = np.array([[one.label.points for one in face] for face in made])
    visibility = np.array([[one.label.visibility for one in face] for face in made])
    names = tuple(spec.name for spec in specs)
    labels = RepeatedLabels(SCHEME, names, points, visibility, np.ones(points.shape[:2], np.bool_))
    frames = labels.frames
    offset = np.array([[one.expected.offset for one in face] for face in made])
    habit = np.einsum("fnij,fanj->fani", frames.axes, offset) / (frames.norm / 100)[:, None, None, None]
    spread = np.array([[one.expected.covariance for one in face] for face in made])
    local = [frames.spread_from_image(spread[:, a]).mean(axis=0) for a in range(len(specs))]
    return Simulated(np.array(truth), labels, habit.mean(axis=0), np.array(local))


@pytest.fixture(scope="module")
def three() -> Simulated:
    """A careful annotator, an ordinary one and a careless one, with habits and gross errors of their own."""
    group = annotator_group(3, AnnotatorSpec(), seed=0)
    return simulate([spec.scaled(care) for spec, care in zip(group, CARE, strict=True)], FACES)


@pytest.fixture(scope="module")
def agreed(three: Simulated) -> Agreement:
    return agreement(three.labels, people(FACES))


def people(count: int) -> list[str]:
    return [f"person {face // 2}" for face in range(count)]


def test_the_law_of_each_annotator_is_found(three: Simulated, agreed: Agreement) -> None:
    found = agreed
    ratio = np.trace(found.law.covariance, axis1=-2, axis2=-1) / np.trace(three.covariance, axis1=-2, axis2=-1)
    # The standard error of a variance from 100 faces is 14 %, of the median of 68 landmarks' a few percent.
    assert np.median(ratio, axis=1) == pytest.approx(np.ones(3), abs=0.1)
    assert np.quantile(np.abs(np.log(ratio)), 0.9) < 0.5
    pooled = three.covariance.mean(axis=0)
    for axis in (0, 1):  # along contours and across them
        share = found.law.within[:, axis, axis] / pooled[:, axis, axis]
        assert np.median(share) == pytest.approx(1.0, abs=0.1)
    # Gross errors, one in a hundred or so, are in the plain covariance and not in the robust one.
    assert np.median(np.trace(found.within, axis1=1, axis2=2) / np.trace(pooled, axis1=1, axis2=2)) > 1.1
    assert found.gross == pytest.approx(np.full(3, 0.01), abs=0.01)


def test_habits_and_their_intervals(three: Simulated, agreed: Agreement) -> None:
    found = agreed
    off, known = (values - values.mean(axis=0) for values in (found.bias, three.habit))
    assert np.abs(off - known).mean() < 0.35 * np.abs(known).mean()
    # What all share cannot be seen: intervals are moved to the same centre.
    shift = (found.bias - three.habit).mean(axis=0)[None, ..., None]
    low, high = np.moveaxis(found.bias_interval - shift, -1, 0)
    assert ((low <= three.habit) & (three.habit <= high)).mean() > 0.85


def test_plain_covariance_is_unbiased_also_with_missing_labels() -> None:
    quiet = AnnotatorSpec(gross_rate=0.0, swap_rate=0.0, shift_rate=0.0, missing_rate=0.0)
    made = simulate(annotator_group(3, quiet, seed=2), FACES, seed=2)
    rng = np.random.default_rng(0)
    points = made.labels.points.copy()
    for face in range(FACES):  # a third of the faces by two annotators only
        if face % 3 == 0:
            points[face, rng.integers(3)] = np.nan
    labels = RepeatedLabels(
        SCHEME, made.labels.names, points,
        np.where(np.isnan(points[..., 0]), np.uint8(Visibility.MISSING), made.labels.visibility),
        np.isfinite(points[..., 0]).any(axis=2),
    )  # fmt: skip
    found = agreement(labels, people(FACES))
    pooled = made.covariance.mean(axis=0)
    ratio = np.trace(found.within, axis1=1, axis2=2) / np.trace(pooled, axis1=1, axis2=2)
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)
    habits = made.habit - made.habit.mean(axis=0)
    between = np.einsum("ani,anj->nij", habits, habits) / 2
    whole = np.trace(found.covariance, axis1=1, axis2=2) / np.trace(pooled + between, axis1=1, axis2=2)
    assert whole.mean() == pytest.approx(1.0, abs=0.06)
    assert sum(row.faces for row in found.pairs) == 3 * (FACES - 34) + 34


def test_a_consensus_is_nearer_to_the_truth_than_anybody_and_than_the_mean(
    three: Simulated, agreed: Agreement
) -> None:
    made = agreed.agreed

    def off(points: FloatArray) -> float:
        return float(np.nanmean(point_errors(points, three.truth, SCHEME)))

    best = min(off(three.labels.points[:, a]) for a in range(3))
    assert off(made.points) < 0.9 * best
    assert off(made.points) < 0.8 * off(np.nanmean(three.labels.points, axis=1))
    assert off(made.points) < 0.9 * off(np.nanmedian(three.labels.points, axis=1))
    # How sure it says it is: half of the truth is within the ellipse of a half.
    error = made.points - three.truth
    square = np.einsum("fni,fnij,fnj->fn", error, np.linalg.inv(made.covariance), error)
    assert 0.8 < np.median(square) / (2 * np.log(2)) < 1.25


def test_one_gross_error_is_left_aside_and_two_that_differ_are_marked(three: Simulated) -> None:
    points, visibility = three.labels.points.copy(), three.labels.visibility.copy()
    points[:2] = three.truth[:2, None] + np.random.default_rng(1).normal(0, 0.3, points[:2].shape)
    visibility[:2] = Visibility.VISIBLE
    points[0, 0, 30] += (0.0, 60.0)  # the most careful one, far away
    visibility[0, :2, 5] = Visibility.OCCLUDED
    visibility[0, :2, 6], points[0, :2, 6] = Visibility.MISSING, np.nan
    points[1, 2], visibility[1, 2] = np.nan, Visibility.MISSING  # face 1 has two labels, which differ at point 30
    points[1, 0, 30] += (0.0, 60.0)
    labelled = three.labels.labelled.copy()
    labelled[1, 2] = False
    labelled[2, 1:], points[2, 1:] = False, np.nan
    visibility[2, 1:] = Visibility.MISSING
    made = consensus(RepeatedLabels(SCHEME, three.labels.names, points, visibility, labelled))
    assert np.hypot(*(made.points[0, 30] - three.truth[0, 30])) < 1.0
    assert made.gross[0, :, 30].tolist() == [True, False, False]
    assert not made.disputed[0, 30]
    assert made.disputed[1, 30]
    assert made.label(1).flags[30] == PointFlag.MARKED
    assert made.visibility[0, [4, 5, 6]].tolist() == [Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.MISSING]
    assert not made.usable[2]


def test_krippendorffs_own_example() -> None:
    """Four observers, twelve units (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability): interval 0.849."""
    table = (
        (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
        (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
        (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
        (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
    )
    values = np.array([[np.nan if one is None else float(one) for one in row] for row in table])
    points = np.stack([values.T, np.where(np.isnan(values.T), np.nan, 0.0)], axis=-1)[:, :, None]

    class Laid:
        """One landmark whose places are laid over each other as they are."""

        scheme = range(1)

        def __len__(self) -> int:
            return len(points)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.agreement.laid_over", lambda _labels: (points, np.isfinite(points).all(axis=-1)))
        found = _alphas(Laid(), PeopleDraws(range(12)))  # type: ignore[arg-type]
    assert found.values[0] == pytest.approx(0.849, abs=5e-4)
    assert found.values[1] == pytest.approx(found.values[0])
    assert found.intervals[0, 0] < 0.849 < found.intervals[0, 1]


def test_alpha_of_faces_that_differ() -> None:
    """Alpha is the share of variance between faces: noise-free labels have 1, labels of any other face about 0."""
    rng = np.random.default_rng(0)
    shape = mean_shape(SCHEME.id)
    assert shape is not None
    truth = shape * 100 + rng.normal(0, 3, (60, 68, 2))
    points = np.repeat(truth[:, None], 2, axis=1)
    visibility, labelled = np.zeros((60, 2, 68), np.uint8), np.ones((60, 2), np.bool_)
    same = agreement(RepeatedLabels(SCHEME, ("a", "b"), points, visibility, labelled), range(60))
    assert same.alpha_all == pytest.approx(1.0)
    noisy = points + rng.normal(0, 3, points.shape)  # as much noise as faces differ: a half
    half = agreement(RepeatedLabels(SCHEME, ("a", "b"), noisy, visibility, labelled), range(60))
    assert half.alpha_all == pytest.approx(0.5, abs=0.04)
    points[:, 1] = points[rng.permutation(60), 1]
    other = agreement(RepeatedLabels(SCHEME, ("a", "b"), points, visibility, labelled), range(60))
    assert abs(other.alpha_all) < 0.1


def test_faces_on_which_people_differ_more_than_usual_stand_out(three: Simulated, agreed: Agreement) -> None:
    assert np.median(agreed.disagreement) == pytest.approx(1.0, abs=0.2)
    points = three.labels.points.copy()
    points[7, 1, 36:48] += 15.0  # eyes, by 15 px of about 100 between them
    labels = RepeatedLabels(SCHEME, three.labels.names, points, three.labels.visibility, three.labels.labelled)
    values = disagreement(labels, agreed.law)
    assert values.argmax() == 7
    assert values[8] == pytest.approx(agreed.disagreement[8])


def test_beside_a_model() -> None:
    human = np.array([np.diag([4.0, 1.0]), np.diag([4.0, 1.0]), np.full((2, 2), np.nan)])
    model = np.array([np.diag([8.0, 2.0]), np.diag([1.0, 4.0]), np.eye(2)])
    found = against_model(human, model)
    assert found.area[:2] == pytest.approx([0.5, 1.0])
    assert found.angle[:2] == pytest.approx([0.0, 90.0])
    # KL(H || M) = (tr(M^-1 H) - 2 + ln(det M / det H)) / 2: (1 - 2 + ln 4) / 2 and (4.25 - 2) / 2
    assert found.divergence[:2] == pytest.approx([(np.log(4) - 1) / 2, 1.125])
    assert np.isnan(found.area[2])
    spread = np.array([[np.diag([1.0, 4.0])], [np.diag([100.0, 4.0])], [np.full((2, 2), np.nan)]])
    assert typical_spread(spread)[0] == pytest.approx(np.diag([10.0, 4.0]))


def test_what_cannot_be_compared_is_said() -> None:
    alone = np.full((3, 2, 68, 2), np.nan)
    alone[:, 0] = mean_shape(SCHEME.id)
    visibility = np.where(np.isnan(alone[..., 0]), np.uint8(Visibility.MISSING), np.uint8(0))
    labels = RepeatedLabels(SCHEME, ("a", "b"), alone, visibility, np.array([[True, False]] * 3))
    with pytest.raises(UsageError, match="no face has labels of two"):
        agreement(labels, range(3))
    with pytest.raises(UsageError, match="at least two"):
        RepeatedLabels(SCHEME, ("a", "a"), alone, visibility, labels.labelled)
