"""What an audit says of landmarks and sources, on made-up faces whose answer is known."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from core.audit import Audit, audit_faces
from core.coverage import OVERALL, coverage, distance_histogram
from core.dialects import Dialect, dialect_profile, dialects
from core.error_distribution import error_curve, histogram
from core.face import Box, FloatArray, Label
from core.formats.base import LabelledFace
from core.landmark_scatter import landmark_scatter
from core.landmark_statistics import ambiguity_map, landmark_statistics, ranked_faces, scatter
from core.metrics import bootstrap_interval
from core.model.pipeline import FoundFace, ImageResult
from core.model.requests import checking_requests
from core.resampling import PeopleDraws
from core.scheme import get_scheme
from core.tail import NORMAL, Tail
from core.transforms import Crop
from tests.core.face_shape import SIGMA, face_68, predicted, right_calibration, right_label

SCHEME = get_scheme("300w-68")
COUNT = 60
SIDE = 200.0
NOSE = 30


def audited(labels: list[FloatArray], folders: list[str]) -> Audit:
    """An audit of labels that were all predicted at `face_68`."""
    faces = [
        LabelledFace(Path(folder) / f"{i}.png", Label(SCHEME.id, points), None, None, (), "", None)
        for i, (points, folder) in enumerate(zip(labels, folders, strict=True))
    ]
    prediction = predicted(face_68())
    found = FoundFace(Box(0, 0, 9, 9), None, Crop(*prediction.crop), prediction, 0)
    asked = checking_requests(faces)
    results = [ImageResult(request.path, 280, 300, (found,)) for request in asked.requests]
    return audit_faces(faces, asked, results, people(labels), SCHEME, right_calibration())


def people(labels: list[FloatArray]) -> list[str]:
    """Two faces each."""
    return [str(i // 2) for i in range(len(labels))]


@pytest.fixture(scope="module")
def labels() -> list[FloatArray]:
    """The chin (point 8) three times as wide along its contour, all of it 4 px off to the right; wild nose tips."""
    made = [right_label(seed, face_68()) for seed in range(COUNT)]
    spread = np.array([NormalDist().inv_cdf((i + 0.5) / COUNT) for i in range(COUNT)])  # as even as a normal can be
    for points, far in zip(made, np.random.default_rng(5).permutation(spread), strict=True):
        points[8, 0] = face_68()[8, 0] + 4.0 + 3 * SIGMA * SIDE * far
    for points in made[:3]:
        points[NOSE] += [60.0, -40.0]
    return made


@pytest.fixture(scope="module")
def audit(labels: list[FloatArray]) -> Audit:
    return audited(labels, ["a" if i < COUNT // 2 else "b" for i in range(COUNT)])


def test_the_map_shows_how_labels_really_scatter(audit: Audit) -> None:
    figure = ambiguity_map(audit)
    sigma = SIGMA * SIDE / float(audit.evidence.frame.size[0])
    assert np.allclose(figure.predicted, np.eye(2) * sigma**2, rtol=1e-3, atol=1e-9)
    others = [figure.excess(index) for index in range(68) if index not in (8, NOSE)]
    assert np.median(others) == pytest.approx(1.0, abs=0.1)
    assert figure.excess(NOSE) < 1.5  # three wild labels of sixty hardly count
    assert np.sqrt(figure.actual[8, 0, 0]) / sigma == pytest.approx(3.0, rel=0.3)
    assert np.sqrt(figure.actual[8, 1, 1]) / sigma == pytest.approx(1.0, rel=0.3)
    assert np.sqrt(np.diag(figure.actual[NOSE])).max() < 1.5 * sigma
    # Laid over each other, the face keeps its shape.
    shape = (face_68() - face_68()[NOSE]) / float(audit.evidence.frame.size[0])
    assert np.allclose(figure.mean - figure.mean[NOSE], shape, atol=1e-6)


def test_scatter_is_the_covariance_of_normal_residuals_and_that_of_a_t() -> None:
    rng = np.random.default_rng(1)
    truth = np.array([[4.0, 1.5], [1.5, 1.0]])
    normal = rng.multivariate_normal([3.0, -2.0], truth, 4000)
    place, matrix = scatter(normal, Tail(5.0))
    assert np.allclose(place, [3.0, -2.0], atol=0.15)
    assert matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1]) == pytest.approx(0.75, abs=0.04)
    heavy = rng.multivariate_normal([0.0, 0.0], truth, 8000) / np.sqrt(rng.chisquare(5.0, (8000, 1)) / 5.0)
    assert np.allclose(scatter(heavy, Tail(5.0))[1], truth, rtol=0.12)
    assert np.isnan(scatter(normal[:4], NORMAL)[1]).all()
    rounded = np.repeat([[0.0, 0.0], [1.0, 0.0]], 10, axis=0)  # all on a line, as whole-number labels may be
    assert np.isfinite(scatter(rounded, NORMAL)[1]).all()


def test_rows_have_bias_along_the_contour_with_its_interval_and_the_worst_faces(audit: Audit) -> None:
    rows = landmark_statistics(audit, PeopleDraws(people(list(audit.evidence.labels))))
    ocular = 0.6 * SIDE
    chin = rows[8]
    assert chin.bias == pytest.approx(100 * 4.0 / ocular, abs=0.8)
    assert chin.interval.low < chin.bias < chin.interval.high
    within = [row.interval.low <= 0 <= row.interval.high for row in rows if row.row.index != 8]
    assert np.mean(within) > 0.85
    assert set(rows[NOSE].worst[:3]) == {0, 1, 2}
    assert all(len(row.worst) <= 5 for row in rows)
    assert ranked_faces(audit, NOSE, 10)[:3] == rows[NOSE].worst[:3]
    assert len(ranked_faces(audit, NOSE, 10)) == 10
    assert all(0 <= row.angle <= 90 for row in rows)


def test_draws_are_those_of_the_other_bootstrap() -> None:
    rng = np.random.default_rng(3)
    groups = [f"person {i}" for i in rng.integers(0, 20, 150)]
    values = rng.normal(size=(150, 2))
    draws = PeopleDraws(groups)
    for column in range(2):
        expected = bootstrap_interval(values[:, column], groups)
        assert np.allclose(draws.mean_intervals(values)[column], expected, rtol=1e-9)
    odd = draws.median_interval(values[:, 0])
    assert odd.low < float(np.median(values[:, 0])) < odd.high
    values[:, 1] = np.nan
    assert np.isnan(draws.mean_intervals(values)[1]).all()
    assert np.isnan(draws.median_interval(values[:, 1])).all()
    with pytest.raises(ValueError, match="a face"):
        PeopleDraws([])


def found(rows: list[Dialect]) -> set[tuple[str, str]]:
    return {(row.region, row.motion) for row in rows if row.real}


def test_a_folder_that_slips_along_the_jaw_is_found_and_others_are_not() -> None:
    made = [right_label(seed, face_68()) for seed in range(COUNT)]
    folders = ["abc"[i // 20] for i in range(COUNT)]
    nothing = dialects(audited(made, folders), people(made))
    assert found(nothing.rows) == set()
    moved = [points.copy() for points in made]
    inner = face_68()[0:17]
    tangent = np.gradient(inner, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None]
    for points in moved[20:40]:
        points[0:17] += 5.0 * tangent
    told = dialects(audited(moved, folders), people(moved))
    assert ("jaw", "slide") in found([row for row in told.rows if row.source == "b"])
    assert {row.region for row in told.rows if abs(row.offset) > 2} == {"jaw"}
    row = next(row for row in told.rows if (row.source, row.region, row.motion) == ("b", "jaw", "slide"))
    assert (row.kind, row.faces, row.people) == ("folder", 20, 10)
    assert row.interval.low < 100 * 5.0 / (0.6 * SIDE) < row.interval.high
    assert row.p == min(one.p for one in told.rows)
    profile = dialect_profile(audited(moved, folders), people(moved), row)
    assert profile.points == tuple(range(17))
    inside = (profile.low <= 100 * 5.0 / (0.6 * SIDE)) & (profile.high >= 100 * 5.0 / (0.6 * SIDE))
    assert inside.mean() > 0.8 and np.mean(profile.offset) == pytest.approx(row.offset, abs=0.3)


def test_label_sets_are_sources_too_where_they_are_told() -> None:
    made = [right_label(seed, face_68()) for seed in range(COUNT)]
    audit, sets = audited(made, ["a"] * COUNT), ["import" if i % 4 < 2 else "Ann" for i in range(COUNT)]
    assert dialects(audit, people(made)).rows == []
    told = dialects(audit, people(made), sets)
    assert {(row.kind, row.faces) for row in told.rows} == {("label set", 30)}
    assert len(dialect_profile(audit, people(made), told.rows[0], sets).offset) >= 3


def test_two_folders_are_compared_once_and_small_ones_not_at_all(labels: list[FloatArray]) -> None:
    halves = dialects(audited(labels, ["a" if i < 20 else "b" for i in range(COUNT)]), people(labels))
    assert {row.source for row in halves.rows} == {"b"}
    few = dialects(audited(labels, ["a" if i < 6 else "b" for i in range(COUNT)]), people(labels))
    assert few.rows == []
    assert {name for _, name in few.left_out} == {"a", "b"}
    assert dialects(audited(labels, ["a"] * COUNT), people(labels)).rows == []


def test_distances_and_coverage_of_what_is_promised() -> None:
    rng = np.random.default_rng(2)
    distance = np.hypot(*rng.normal(size=(2, 300, 68)))
    histogram = distance_histogram(distance, NORMAL)
    assert histogram.share.sum() == pytest.approx(1.0)
    assert histogram.expected.sum() == pytest.approx(1.0)
    assert np.allclose(histogram.share, histogram.expected, atol=0.01)
    distance[:, 0] = np.nan
    distance[3] = np.nan
    rows = coverage(distance, NORMAL, [str(i) for i in range(300)], SCHEME)
    overall = [row for row in rows if row.region == OVERALL]
    assert [row.nominal for row in overall] == [0.5, 0.9, 0.95, 0.99]
    assert all(row.real == pytest.approx(row.nominal, abs=0.01) for row in overall)
    assert all(row.interval.low <= row.real <= row.interval.high for row in rows)


def test_one_landmarks_labels_lie_in_its_own_axes(audit: Audit) -> None:
    """The chin, 4 px to the right and three times as wide: to the right is along the jaw there, in its order."""
    contour, percent = landmark_scatter(audit, 8), 100 / (0.6 * SIDE)
    expected = (audit.evidence.labels[:, 8] - face_68()[8]) * percent
    assert np.allclose(np.abs(contour.offsets), np.abs(expected), atol=0.4)  # the spline's tangent is nearly level
    assert contour.centre[0] == pytest.approx(4.0 * percent, abs=1.0)
    sigma = SIGMA * SIDE * percent
    assert np.allclose(contour.predicted, np.eye(2) * sigma**2, rtol=1e-3, atol=1e-6)
    assert np.sqrt(contour.actual[0, 0]) == pytest.approx(3 * sigma, rel=0.3)
    assert np.sqrt(contour.actual[1, 1]) == pytest.approx(sigma, rel=0.3)
    own = landmark_scatter(audit, 8, "ellipse")  # round ellipses: the face's right
    assert np.allclose(own.offsets, expected, rtol=1e-3)


def test_error_curves_and_histograms_count_what_is_known() -> None:
    rng = np.random.default_rng(4)
    people_, values = [f"p{i // 3}" for i in range(90)], rng.gamma(3.0, 0.01, 90)
    values[:6] = np.nan
    draws = PeopleDraws(people_)
    curve = error_curve(values, draws, 0.08)
    assert curve is not None and curve.faces == 84
    middle = int(np.searchsorted(curve.x, 0.03))
    assert curve.share[middle] == np.mean(values[6:] <= curve.x[middle])
    assert ((curve.low <= curve.share) & (curve.share <= curve.high)).all()
    assert np.allclose(curve.mean, bootstrap_interval(values[6:], people_[6:]), atol=2e-3)
    assert curve.at.fr == np.mean(values[6:] > 0.08) and curve.summary.mean == np.mean(values[6:])
    assert error_curve(np.full(90, np.nan), draws, 0.08) is None
    bins = histogram(np.array([[0.0, 0.5, 1.0], [9.0, np.nan, 2.5]]), far=2.0, bins=2)
    assert bins.count == 5 and np.allclose(bins.share, [0.4, 0.2, 0.4])
