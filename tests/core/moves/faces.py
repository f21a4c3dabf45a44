"""A plausible face for moves: the mean shape, large, with noise."""

from __future__ import annotations

import numpy as np

from core.face import FloatArray, Label, Prediction
from core.moves.mean_shape import mean_shape
from core.scheme import Scheme, get_scheme

SCHEME = get_scheme("300w-68")
BASE: FloatArray = np.asarray(mean_shape("300w-68")) * 100 + 300


def region_named(name: str, scheme: Scheme = SCHEME):
    return next(region for region in scheme.regions if region.name == name)


def noisy_label(seed: int = 0, sigma: float = 2.0, scheme: Scheme = SCHEME, base: FloatArray = BASE) -> Label:
    return Label(scheme.id, base + np.random.default_rng(seed).normal(0, sigma, base.shape))


def prediction(mean: FloatArray = BASE, seed: int = 0, scheme: Scheme = SCHEME) -> Prediction:
    count = len(mean)
    angle = np.random.default_rng(seed).uniform(-np.pi, np.pi, count)
    axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    covariance = 35.0 * axis[:, :, None] * axis[:, None, :] + np.eye(2)
    nothing = np.zeros(count)
    return Prediction(
        scheme.id, mean, covariance, nothing + 1, nothing + 1, np.full((count, 2), np.nan), nothing,
        np.array([1.0, 0.0, 0.0]),
    )  # fmt: skip
