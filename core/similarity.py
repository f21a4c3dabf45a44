"""Laying one set of points over another by a rotation, a scale and a shift."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.face import FloatArray


class Similarity(NamedTuple):
    """x -> `matrix` (2, 2) x + `shift` (2,): a rotation and a scale without a reflection, and a shift, px."""

    matrix: FloatArray
    shift: FloatArray

    def __call__(self, points: FloatArray) -> FloatArray:
        """`points` (..., 2) px."""
        return points @ self.matrix.T + self.shift


def similarity(source: FloatArray, target: FloatArray) -> Similarity | None:
    """The least-squares similarity from the present rows of `source` (N, 2) to those of `target` (N, 2).

    Written with complex numbers: with z, w the centred points, the factor is sum(conj(z) w) / sum(|z|^2) (a case of
    Umeyama 1991). One pair gives a shift alone. None of no pair.
    """
    known = np.isfinite(source).all(axis=1) & np.isfinite(target).all(axis=1)
    if not known.any():
        return None
    one, other = source[known], target[known]
    from_centre, to_centre = one.mean(axis=0), other.mean(axis=0)
    z, w = ((p - c) @ np.array([1, 1j]) for p, c in ((one, from_centre), (other, to_centre)))
    size = float((np.abs(z) ** 2).sum())
    factor = (np.conj(z) * w).sum() / size if size > 1e-12 else 1.0 + 0j
    if abs(factor) < 1e-9:
        factor = 1.0 + 0j
    matrix = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return Similarity(matrix, to_centre - matrix @ from_centre)
