"""Which points of one face's label to doubt: what verdicts say of a data set, without the rest of the data set."""

from __future__ import annotations

import numpy as np

from core.ambiguity import split_deviation
from core.calibration import Calibration
from core.evidence import gather
from core.face import FloatArray, Label, Prediction
from core.false_discovery import adjusted
from core.scheme import Scheme
from core.similarity import similarity

RATE = 0.05
"""False-discovery rate over the points of the face. Of five points spoilt by 5 % of the eye distance and more, it finds
4.2, beside 0.5 right ones (faces68, the people that choose; `benchmarks/time_on_task.py` spoils them)."""


def doubts(
    label: Label, prediction: Prediction, scheme: Scheme, calibration: Calibration | None = None
) -> tuple[list[int], int]:
    """All points that can be judged, the most doubtful first, and how many of them are called wrong.

    A point counts by how far it is from where the other points of the face put it (`Evidence.p_rest`); of a model
    without a calibration by how much farther it is, in standard deviations, than half of the points.
    """
    if calibration is None:
        p = _plain(label.points, prediction)
    else:
        p = gather(label.points[None], [prediction], [0], scheme, calibration).p_rest[0]
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    return order.tolist(), int((adjusted(p)[known] <= RATE).sum())


def _plain(points: FloatArray, prediction: Prediction) -> FloatArray:
    """(N,) p-values of distances from the prediction laid over the label, in units of their median.

    Twice normal points in the plane have a median distance of sqrt(2 log 2) and p = exp(-d^2 / 2).
    """
    laid = similarity(prediction.mean, points)
    if laid is None:
        return np.full(len(points), np.nan)
    distance = split_deviation(points, laid(prediction.mean), prediction.covariance).mahalanobis
    known = np.isfinite(distance)
    if not known.any():
        return distance
    unit = max(float(np.median(distance[known])), 1e-9) / np.sqrt(2 * np.log(2))
    result: FloatArray = np.exp(-((distance / unit) ** 2) / 2)
    return result
