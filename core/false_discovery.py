"""Many tests at once: which of them may be called findings, with few false ones among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.face import FloatArray


def adjusted(p: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's adjusted p-values (1995), any shape; NaN stays NaN and is no test.

    A test is a finding at rate q where its adjusted p <= q: the expected share of false findings is then at most q for
    independent tests, and for positively dependent ones (Benjamini and Yekutieli 2001). Deviations of one face hang
    together positively; Yekutieli's bound for any dependence would cost a factor of about 11 at 40,000 points.
    """
    values = np.asarray(p, np.float64)
    flat = values.ravel()
    known = np.flatnonzero(~np.isnan(flat))
    result = np.full(flat.shape, np.nan)
    order = known[np.argsort(flat[known], kind="stable")]
    ranks = np.arange(1, len(order) + 1)
    scaled = flat[order] * len(order) / ranks
    result[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return result.reshape(values.shape)


def findings(p: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Which tests (any shape) are findings at false-discovery `rate`; NaN is none."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = adjusted(p) <= rate
    return found
