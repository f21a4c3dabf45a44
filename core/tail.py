"""How far labels lie from where they are expected: the distribution of Mahalanobis distances in the plane.

A bivariate Student t: with `nu` degrees of freedom, P(D > d) = (1 + d^2 / nu)^(-nu / 2), which follows by integrating
its density over the outside of a circle (Kotz and Nadarajah, Multivariate t Distributions, 2004, section 1.1). For nu
to infinity it is exp(-d^2 / 2), the tail of chi-square with two degrees of freedom at d^2: the normal case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from core.face import FloatArray

BODY = 0.975
"""Share of the distances that a tail is fitted to: the farthest are wrong labels more often than rare right ones."""

_CANDIDATES = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 50.0, math.inf)


@dataclass(frozen=True, slots=True)
class Tail:
    """A bivariate t with `nu` > 0 degrees of freedom; infinity is the normal distribution."""

    nu: float = math.inf

    def __post_init__(self) -> None:
        if not self.nu > 0:
            raise ValueError(f"the degrees of freedom must be positive, not {self.nu}")

    def p(self, distance: ArrayLike) -> FloatArray:
        """Probability (...) of a right label at Mahalanobis distance (...) or farther; NaN stays NaN."""
        square = np.asarray(distance, np.float64) ** 2
        normal = math.isinf(self.nu)
        result: FloatArray = np.exp(-square / 2 if normal else -self.nu / 2 * np.log1p(square / self.nu))
        return result

    def radius(self, share: ArrayLike) -> FloatArray:
        """Mahalanobis radius (...) of the ellipse that holds a `share` (...) in [0, 1) of right labels."""
        outside = np.log1p(-np.asarray(share, np.float64))
        normal = math.isinf(self.nu)
        result: FloatArray = np.sqrt(-2 * outside if normal else self.nu * np.expm1(-2 / self.nu * outside))
        return result


NORMAL = Tail()


def fit_tail(distances: ArrayLike) -> tuple[Tail, float]:
    """Tail and scale of distances: divide by the scale to have them follow the tail.

    Maximum likelihood of the nearest `BODY` of the distances, as a sample cut off there: the farthest, where the wrong
    labels are, tell only how many they are not.

    Args:
        distances: any shape, >= 0; NaN is left out. ValueError for fewer than 20.
    """
    values = np.asarray(distances, np.float64).ravel()
    values = values[np.isfinite(values)]
    if len(values) < 20:
        raise ValueError(f"at least 20 distances are needed, not {len(values)}")
    cut = float(np.quantile(values, BODY))
    body = values[values <= cut]
    if cut <= 0:
        raise ValueError("the distances are all zero")
    typical = max(float(np.median(values)) / math.sqrt(2 * math.log(2)), cut * 1e-3)

    def loss(log_scale: float, tail: Tail) -> float:
        scale = typical * math.exp(log_scale)
        square = (body / scale) ** 2
        density = square / 2 if math.isinf(tail.nu) else (tail.nu + 2) / 2 * np.log1p(square / tail.nu)
        inside = 1 - float(tail.p(cut / scale))
        return float(density.mean()) + 2 * log_scale + math.log(inside)

    fits = []
    for nu in _CANDIDATES:
        tail = Tail(nu)
        found = minimize_scalar(loss, bounds=(-1.0, 1.0), method="bounded", args=(tail,))
        fits.append((float(found.fun), typical * math.exp(float(found.x)), tail))
    _, scale, tail = min(fits, key=lambda fit: fit[0])
    return tail, scale
