"""The audit of a small made-up data set, its queues and its estimates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audit import Audit, Only, Order, audit_faces, error_rate, landmark_table, queue, stop_curve
from core.errors import UsageError
from core.face import Box, Label
from core.formats.base import LabelledFace
from core.model.pipeline import FoundFace, ImageResult
from core.model.requests import DatasetRequests, checking_requests
from core.scheme import get_scheme
from core.transforms import Crop
from tests.core.face_shape import SIGMA, face_68, predicted, right_calibration, right_label

SCHEME = get_scheme("300w-68")
COUNT = 30


def labelled(number: int, points: np.ndarray) -> LabelledFace:
    folder = "afw" if number % 2 else "helen"
    tags = ("blur",) if number == 4 else ()
    image = Path(folder) / f"{number}.png"
    return LabelledFace(image, Label(SCHEME.id, points), None, None, tags, f"{number}.pts", None)


@pytest.fixture(scope="module")
def audit() -> Audit:
    """Thirty faces of one shape: number 4 has a nose tip that is far off, number 7 slips a little along the jaw."""
    points = [right_label(seed, face_68()) for seed in range(COUNT)]
    points[4][30] += [0.0, 8 * SIGMA * 200]
    points[7][5:9] += [3.0, 3.0]
    faces = [labelled(number, one) for number, one in enumerate(points)] + [labelled(COUNT, np.full((68, 2), np.nan))]
    asked = checking_requests(faces)
    prediction = predicted(face_68())
    found = FoundFace(Box(0, 0, 9, 9), None, Crop(*prediction.crop), prediction, 0)
    results = [ImageResult(request.path, 280, 300, (found,)) for request in asked.requests]
    results[9] = ImageResult(asked.requests[9].path, 0, 0, (), "it is damaged")
    return audit_faces(faces, asked, results, [str(i) for i in range(len(faces))], SCHEME, right_calibration())


def test_every_face_is_judged_or_named(audit: Audit) -> None:
    assert len(audit) == COUNT - 1
    reasons = {one.face.image.name: one.reason for one in audit.left_out}
    assert reasons == {"9.png": "it is damaged", "30.png": "its label has too few points to tell where it is"}
    assert audit.verdict_of(4) == "suspect"
    assert audit.worst_point(4) == 30
    assert [point.verdict.value for point in audit.points(4)].count("suspect") == 1


def test_queues(audit: Audit) -> None:
    for order in (Order.SUSPECT, Order.GAIN):
        items = queue(audit, order)
        assert items[0].face == 4
        assert items[0].worst == 30
        assert len(items) == len(audit)
        assert [item.value for item in items] == sorted((item.value for item in items), reverse=True)
    assert all(item.value > 0 for item in queue(audit, Order.AMBIGUITY))
    apart = np.full(len(audit), np.nan)
    apart[[3, 8]] = 1.0, 2.0
    assert [item.face for item in queue(audit, Order.DISAGREEMENT, disagreement=apart)][:3] == [8, 3, 0]
    with pytest.raises(UsageError, match="disagree"):
        queue(audit, Order.DISAGREEMENT)
    random = [item.face for item in queue(audit, Order.RANDOM, seed=3)]
    assert random == [item.face for item in queue(audit, Order.RANDOM, seed=3)]
    assert random != [item.face for item in queue(audit, Order.RANDOM, seed=4)]
    assert sorted(random) == list(range(len(audit)))


def test_filters(audit: Audit) -> None:
    def faces(**only: set[str]) -> list[int]:
        return [item.face for item in queue(audit, only=Only(**{k: frozenset(v) for k, v in only.items()}))]

    assert faces(tags={"blur"}) == [4]
    assert faces(regions={"nose bridge"}) == [4]
    assert 4 not in faces(regions={"jaw"})
    assert 4 in faces(verdicts={"suspect"})
    assert {audit.faces[face].image.parent.name for face in faces(sources={"afw"})} == {"afw"}
    assert faces(sources={"afw"}, tags={"blur"}) == []


def test_the_landmark_table_knows_the_labels_noise(audit: Audit) -> None:
    rows = landmark_table(audit)
    ocular = 0.6 * 200  # outer corners of the eyes
    assert [row.name for row in rows] == list(SCHEME.points)
    assert rows[30].verdicts["suspect"] == pytest.approx(1 / len(audit))
    assert all(row.sigma_along == pytest.approx(100 * SIGMA * 200 / ocular, rel=0.01) for row in rows)
    assert np.median([row.error for row in rows]) == pytest.approx(100 * 1.18 * SIGMA * 200 / ocular, rel=0.15)
    assert all(sum(row.verdicts.values()) == pytest.approx(1) for row in rows)


def test_nothing_to_judge_is_said() -> None:
    faces = [labelled(0, face_68())]
    asked = DatasetRequests([], [], "detector", [])
    with pytest.raises(UsageError, match="not one of 1 faces"):
        audit_faces(faces, asked, [], ["a"], SCHEME, None)


def test_clopper_pearson() -> None:
    rate = error_rate(2, 40)
    assert (rate.rate, round(rate.low, 4), round(rate.high, 4)) == (0.05, 0.0061, 0.1692)
    assert (error_rate(0, 10).low, round(error_rate(0, 10).high, 4)) == (0.0, 0.3085)
    assert error_rate(10, 10).high == 1.0
    with pytest.raises(ValueError, match="looked"):
        error_rate(3, 2)


def test_the_curve_says_where_to_stop() -> None:
    errors = [True] * 8 + [False, True] * 5 + [False] * 40
    curve = stop_curve(errors, window=10, limit=0.15)
    assert curve.found[-1] == 13
    assert curve.recent[9] == pytest.approx(0.9)
    assert curve.stop is not None
    assert 18 <= curve.stop <= 28
    assert stop_curve([True] * 30).stop is None
    assert stop_curve([False] * 5).stop is None
    assert len(stop_curve([]).found) == 0
