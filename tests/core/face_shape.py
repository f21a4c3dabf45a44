"""A plain upright face of 68 points, and predictions of it, for tests that need contours to look like contours."""

from __future__ import annotations

import numpy as np

from core.calibration import Calibration, plain_calibration
from core.face import FloatArray, Prediction
from core.tail import NORMAL

SIGMA = 0.02
"""Standard deviation of right labels, as a share of the face's side of 1."""


def face_68(side: float = 200.0, left: float = 40.0, top: float = 30.0) -> FloatArray:
    """(68, 2) points, image px, of a symmetric face in a box of `side`."""
    turn = np.linspace(np.pi, 0.0, 17)
    jaw = np.stack([0.5 + 0.5 * np.cos(turn), 0.3 + 0.7 * np.sin(turn)], -1)
    brow = np.stack([np.linspace(0.12, 0.40, 5), 0.2 - 0.06 * np.sin(np.linspace(0, np.pi, 5))], -1)
    other_brow = np.stack([1 - brow[::-1, 0], brow[::-1, 1]], -1)
    bridge = np.stack([np.full(4, 0.5), np.linspace(0.30, 0.52, 4)], -1)
    base = np.stack([np.linspace(0.4, 0.6, 5), 0.58 + 0.03 * np.sin(np.linspace(0, np.pi, 5))], -1)
    eye = np.array([[0.2, 0.3], [0.25, 0.27], [0.31, 0.27], [0.37, 0.3], [0.31, 0.33], [0.25, 0.33]])
    other_eye = np.stack([1 - eye[[3, 2, 1, 0, 5, 4], 0], eye[[3, 2, 1, 0, 5, 4], 1]], -1)
    lips = _ring(12, 0.19, 0.08)
    inner = _ring(8, 0.12, 0.03)
    points = np.concatenate([jaw, brow, other_brow, bridge, base, eye, other_eye, lips, inner])
    return points * side + np.array([left, top])


def _ring(count: int, width: float, height: float) -> FloatArray:
    """Points of an ellipse around the mouth, from the left corner over the top."""
    turn = np.pi + np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.stack([0.5 + width * np.cos(turn), 0.75 + height * np.sin(turn)], -1)


def predicted(mean: FloatArray, side: float = 200.0) -> Prediction:
    """A sure prediction at `mean` (68, 2), with round covariances of SIGMA."""
    count = len(mean)
    covariance = np.tile(np.eye(2) * (SIGMA * side) ** 2, (count, 1, 1))
    centre = (mean.min(axis=0) + mean.max(axis=0)) / 2
    crop = np.array([1.3 * side / 200.0, *centre])
    sure = np.full(count, 0.8)
    return Prediction("300w-68", mean, covariance, sure, sure, np.full((count, 2), np.nan), np.zeros(count), crop)


def right_calibration() -> Calibration:
    """Fits `predicted`: its covariances are right as they are."""
    plain = plain_calibration(68)
    assert plain.tail == NORMAL
    return plain


def right_label(seed: int, mean: FloatArray, side: float = 200.0) -> FloatArray:
    """(68, 2) a right label of a face at `mean`."""
    return mean + np.random.default_rng(seed).normal(scale=SIGMA * side, size=mean.shape)
