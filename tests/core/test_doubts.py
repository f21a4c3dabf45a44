"""Doubtful points of one face, and putting them where the rest of the face has them."""

from __future__ import annotations

import numpy as np

from core.doubts import doubts
from core.face import Label, PointFlag, Prediction
from core.moves.fitting import fit_to_rest
from core.scheme import get_scheme
from core.similarity import Similarity
from tests.core.face_shape import face_68

SCHEME = get_scheme("300w-68")
SHAPE_68 = face_68()


def _predicted(mean: np.ndarray) -> Prediction:
    count, ones = len(mean), np.ones(len(mean))
    covariance = np.tile(np.diag([9.0, 4.0]), (count, 1, 1))
    return Prediction(SCHEME.id, mean, covariance, ones, ones, np.full((count, 2), np.nan), 0 * ones, ones[:3])


def test_doubts_ignore_what_the_whole_label_shares() -> None:
    """A label that is turned, larger and elsewhere is doubted nowhere; two points off are doubted first, and alone."""
    rng = np.random.default_rng(1)
    mean = SHAPE_68 + rng.uniform(-0.6, 0.6, SHAPE_68.shape)
    turn = np.radians(3)
    matrix = 1.05 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    laid = Similarity(matrix, np.array([6.0, -4.0]))
    points = laid(SHAPE_68)
    order, count = doubts(Label(SCHEME.id, points), _predicted(mean), SCHEME)
    assert count == 0 and sorted(order) == list(range(68))
    points[[20, 51]] += (12.0, 9.0)
    points[3] = np.nan
    order, count = doubts(Label(SCHEME.id, points), _predicted(mean), SCHEME)
    assert count == 2 and set(order[:2]) == {20, 51} and 3 not in order


def test_fitting_knows_the_label_s_habit() -> None:
    """Points go where the shifted label would have them, not onto the prediction; locked ones stay."""
    truth = SHAPE_68 + np.array([5.0, -3.0])
    spoilt = truth.copy()
    spoilt[[20, 51]] += (12.0, 9.0)
    flags = np.zeros(68, np.uint8)
    flags[51] = PointFlag.LOCKED
    label = Label(SCHEME.id, spoilt, flags=flags)
    change = fit_to_rest(label, _predicted(SHAPE_68), (20, 51))
    assert change.indices.tolist() == [20]
    assert np.abs(change.applied_to(label).points[20] - truth[20]).max() < 1e-6
    whole = fit_to_rest(label, _predicted(SHAPE_68), range(68)).applied_to(label)
    assert np.allclose(whole.points[:51], SHAPE_68[:51])  # nothing else tells: the prediction itself
