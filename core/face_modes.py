"""How the deviations of one face hang together, and what a point's deviation is, given the others'.

Labels of a whole face are moved by a pixel, jaws slip as a whole, mouths are a little too open: most of what a label
deviates by, it shares with its neighbours. What is left tells a wrong point far better than its whole deviation does.

A factor model: whitened deviations y (2 N) of a face are W f + e, with a few factors f ~ N(0, I), loadings W and noise
e ~ N(0, diag(noise)). Fitted by expectation maximisation (Rubin and Thayer 1982). Given the other points of its face, a
point is expected at W_i E[f | others], with covariance W_i Cov[f | others] W_i' + diag(noise_i).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.face import FloatArray
from core.scheme import Scheme
from core.tail import NORMAL, Tail, fit_tail

FACTORS = 16
MIN_FACES = 100

_MIN_NOISE = 0.05
_STEPS = 30
_CLIP = 3.0
"""Whitened deviations are shortened to this while fitting: wrong labels must not become a mode."""
_TRUST = 2.5
"""A point farther than this from what the others say counts less for the others, by the square of the ratio."""
_ROUNDS = 3
_CHUNK = 200  # faces at a time: (faces, N, factors, factors) numbers are held


class GivenRest(NamedTuple):
    """`residual` (F, N, 2) of whitened deviations from what the other points of a face say; `distance` (F, N).

    The distance is in standard deviations, divided by the model's `scale` so that it follows its `tail`.
    """

    residual: FloatArray
    distance: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class FaceModes:
    """The factor model.

    Attributes:
        loadings: (N, 2, K).
        noise: (N, 2) variances > 0.
        tail, scale: distribution of the distances of right labels.
    """

    loadings: FloatArray
    noise: FloatArray
    tail: Tail = NORMAL
    scale: float = 1.0

    def __post_init__(self) -> None:
        loadings, noise = np.array(self.loadings, np.float64), np.array(self.noise, np.float64)
        count = len(loadings)
        if loadings.ndim != 3 or loadings.shape[1] != 2 or noise.shape != (count, 2):
            raise ValueError(f"modes must be (N, 2, K) with noise (N, 2), not {loadings.shape} and {noise.shape}")
        if not (np.isfinite(loadings).all() and np.isfinite(noise).all() and (noise > 0).all() and self.scale > 0):
            raise ValueError("modes must be finite, noise and scale positive")
        for name, value in (("loadings", loadings), ("noise", noise)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    def given_rest(self, whitened: ArrayLike) -> GivenRest:
        """Each point against the others of its face.

        Args:
            whitened: (F, N, 2) deviations in calibrated standard deviations, in the face's frame; NaN where missing.
        """
        values = np.asarray(whitened, np.float64)
        parts = [self._given_rest(values[start : start + _CHUNK]) for start in range(0, len(values), _CHUNK)]
        if not parts:
            return GivenRest(np.empty_like(values), np.empty(values.shape[:2]))
        return GivenRest(np.concatenate([part.residual for part in parts]), np.concatenate([p.distance for p in parts]))

    def _given_rest(self, values: FloatArray) -> GivenRest:
        known = np.asarray(np.isfinite(values).all(axis=2), np.bool_)
        y = np.where(known[..., None], values, 0.0)
        trust: FloatArray = known.astype(np.float64)
        result = self._leave_one_out(y, trust)
        for _ in range(_ROUNDS - 1):
            trust = np.where(known, (_TRUST / np.maximum(result.distance, _TRUST)) ** 2, 0.0)
            result = self._leave_one_out(y, trust)
        lost = np.where(known, 0.0, np.nan)
        return GivenRest(result.residual + lost[..., None], result.distance + lost)

    def _leave_one_out(self, y: FloatArray, trust: FloatArray) -> GivenRest:
        """Points count with `trust` (F, N) for the others."""
        w = self.loadings
        weight = trust[..., None] / self.noise
        each = np.einsum("nak,fna,nal->fnkl", w, weight, w, optimize=True)
        pull = np.einsum("nak,fna->fnk", w, weight * y, optimize=True)
        precision = np.eye(w.shape[2]) + each.sum(axis=1, keepdims=True) - each
        spread = np.linalg.inv(precision)
        factors = np.einsum("fnkl,fnl->fnk", spread, pull.sum(axis=1, keepdims=True) - pull)
        residual = y - np.einsum("nak,fnk->fna", w, factors)
        covariance = np.einsum("nak,fnkl,nbl->fnab", w, spread, w, optimize=True)
        covariance[..., 0, 0] += self.noise[:, 0]
        covariance[..., 1, 1] += self.noise[:, 1]
        solved = np.linalg.solve(covariance, residual[..., None])[..., 0]
        square = np.maximum((residual * solved).sum(axis=-1), 0.0)
        return GivenRest(residual, np.sqrt(square) / self.scale)

    def to_json(self) -> dict[str, Any]:
        """For a model's header."""
        count = len(self.loadings)
        return {
            "loadings": np.round(self.loadings.reshape(2 * count, -1), 4).tolist(),
            "noise": np.round(self.noise.reshape(-1), 4).tolist(),
            "tail": None if math.isinf(self.tail.nu) else self.tail.nu,
            "scale": round(self.scale, 5),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], count: int) -> FaceModes:
        """Inverse of `to_json`; KeyError, TypeError or ValueError for damage."""
        loadings = np.array(data["loadings"], np.float64).reshape(count, 2, -1)
        noise = np.array(data["noise"], np.float64).reshape(count, 2)
        tail = NORMAL if data["tail"] is None else Tail(float(data["tail"]))
        return cls(loadings, noise, tail, float(data["scale"]))


def fit_modes(
    whitened: ArrayLike, scheme: Scheme, factors: int = FACTORS, least_noise: float = _MIN_NOISE
) -> FaceModes:
    """Fit to faces (F, N, 2), whitened, in the face's frame, and to their mirror images; ValueError for too few.

    Missing points count as where they are expected.
    """
    values = np.asarray(whitened, np.float64)
    if len(values) < MIN_FACES:
        raise ValueError(f"modes need at least {MIN_FACES} faces, not {len(values)}")
    filled = np.nan_to_num(values)
    mirrored = filled[:, list(scheme.flip)] * np.array([-1.0, 1.0])
    both = np.concatenate([filled, mirrored])
    length = np.hypot(both[..., 0], both[..., 1])[..., None]
    y = (both * np.minimum(1.0, _CLIP / np.maximum(length, _CLIP))).reshape(len(both), -1)
    second = y.T @ y / len(y)
    power, axes = np.linalg.eigh(second)
    w = axes[:, ::-1][:, :factors] * np.sqrt(np.maximum(power[::-1][:factors], 0.0))
    noise = np.maximum(np.diag(second) - (w**2).sum(axis=1), least_noise)
    for _ in range(_STEPS):
        spread = np.linalg.inv(np.eye(w.shape[1]) + (w.T / noise) @ w)
        decode = spread @ (w.T / noise)
        shared = second @ decode.T
        w = shared @ np.linalg.inv(spread + decode @ shared)
        noise = np.maximum(np.diag(second) - (w * shared).sum(axis=1), least_noise)
    made = FaceModes(w.reshape(len(scheme), 2, -1), noise.reshape(len(scheme), 2))
    tail, scale = fit_tail(made.given_rest(values).distance)
    return replace(made, tail=tail, scale=scale)
