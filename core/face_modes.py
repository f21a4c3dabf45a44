"""How the deviations of one face hang together, and what a point's deviation is, given the others'.

Labels of a whole face are moved by a pixel, jaws slip as a whole, mouths are a little too open: most of what a label
deviates by, it shares with its neighbours. What is left tells a wrong point far better than its whole deviation does.

A factor model: whitened deviations y (2 N) of a face are W f + e, with a few factors f ~ N(0, I), loadings W and noise
e ~ N(0, diag(noise)). Fitted by expectation maximisation (Rubin and Thayer 1982).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
"""A point farther than this from what the others say is taken to be just so far by the others."""
_ROUNDS = 3
_FAR = 6.0
"""Deviations count no more than this many standard deviations where a whole contour is asked about."""


class GivenRest(NamedTuple):
    """What the other points of a face say of each point, in whitened deviations.

    `residual` (F, N, 2) from what they say; `distance` (F, N) in standard deviations, divided by the model's `scale` so
    that it follows its `tail`; `precision` (F, N, 2, 2), the inverse of the residual's covariance in the model (without
    `scale`). NaN, and 0 for the precision, where the point is missing.
    """

    residual: FloatArray
    distance: FloatArray
    precision: FloatArray


class Along(NamedTuple):
    """Terms (F, H) of likelihoods along directions d: ln p(y - s d) - ln p(y) is s `slope` - s^2 `bend` / 2."""

    slope: FloatArray
    bend: FloatArray


@dataclass(frozen=True, eq=False)
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

        With P the inverse covariance of all known coordinates, point i is expected, given the others, where
        P_ii (y_i - m_i) = (P y)_i, with precision P_ii (Rue and Held, Gaussian Markov Random Fields, 2005, thm. 2.3).
        A point that is farther than `_TRUST` from there is moved up to it for the others, and all is asked again.

        Args:
            whitened: (F, N, 2) deviations in calibrated standard deviations, in the face's frame; NaN where missing.
        """
        values = np.asarray(whitened, np.float64)
        result = GivenRest(
            np.full(values.shape, np.nan), np.full(values.shape[:2], np.nan), np.zeros((*values.shape, 2))
        )
        for faces, points, precision in self._patterns(values):
            own = _blocks(precision)
            spread = np.linalg.inv(own)
            y = values[np.ix_(faces, points)]
            seen = y
            for _ in range(_ROUNDS):
                pull = (seen.reshape(len(faces), -1) @ precision).reshape(y.shape)
                expected = seen - np.einsum("nab,fnb->fna", spread, pull)
                residual = y - expected
                square = np.einsum("fna,nab,fnb->fn", residual, own, residual, optimize=True)
                distance = np.sqrt(np.maximum(square, 0.0)) / self.scale
                seen = expected + residual * np.minimum(1.0, _TRUST / np.maximum(distance, _TRUST))[..., None]
            where = np.ix_(faces, points)
            result.residual[where], result.distance[where], result.precision[where] = residual, distance, own
        return result

    def along(self, whitened: ArrayLike, directions: ArrayLike) -> Along:
        """How likely it is that whole faces (F, N, 2) were moved along directions (F, H, N, 2), whitened as they are.

        Deviations are shortened to `_FAR`: a single wrong point must not look like a moved contour.
        """
        values, moved = np.asarray(whitened, np.float64), np.asarray(directions, np.float64)
        near = _shortened(np.nan_to_num(values), _FAR)
        slope, bend = np.zeros(moved.shape[:2]), np.zeros(moved.shape[:2])
        for faces, points, precision in self._patterns(values):
            d = moved[np.ix_(faces, np.arange(moved.shape[1]), points)].reshape(len(faces), moved.shape[1], -1)
            pulled = d @ precision
            slope[faces] = (pulled * near[np.ix_(faces, points)].reshape(len(faces), 1, -1)).sum(axis=-1)
            bend[faces] = (pulled * d).sum(axis=-1)
        return Along(slope, bend)

    def _patterns(self, values: FloatArray) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]]:
        """Faces with the same known points, these points (M,), and the inverse of their covariance (2 M, 2 M)."""
        known = np.isfinite(values).all(axis=2)
        patterns, place = np.unique(known, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            points = np.flatnonzero(pattern)
            if len(points):
                w = self.loadings[points].reshape(2 * len(points), -1)
                covariance = w @ w.T + np.diag(self.noise[points].ravel())
                inverse: FloatArray = np.asarray(np.linalg.inv(covariance), np.float64)
                yield np.flatnonzero(place.ravel() == number), points, inverse

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
    y = _shortened(both, _CLIP).reshape(len(both), -1)
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


def _shortened(values: FloatArray, limit: float) -> FloatArray:
    """Vectors (..., 2), none longer than `limit`."""
    length = np.hypot(values[..., 0], values[..., 1])[..., None]
    result: FloatArray = values * np.minimum(1.0, limit / np.maximum(length, limit))
    return result


def _blocks(matrix: FloatArray) -> FloatArray:
    """The blocks (M, 2, 2) on the diagonal of (2 M, 2 M)."""
    count = len(matrix) // 2
    index = np.arange(count)
    result: FloatArray = matrix.reshape(count, 2, count, 2)[index, :, index, :]
    return result
