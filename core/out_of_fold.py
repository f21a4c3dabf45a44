"""Evidence from several models, each of which saw only other people's labels, and is calibrated on these others, too.

So what a face is judged by - a prediction, what its covariances mean, how deviations hang together, which shapes labels
have - knows neither its own label nor another of its person.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.calibration import MIN_FACES, Calibration, fit_calibration
from core.errors import UsageError
from core.evidence import Evidence, gather
from core.face import Prediction
from core.face_frame import FaceFrame
from core.scheme import Scheme


def gather_out_of_fold(
    labels: ArrayLike,
    predictions: Sequence[Prediction],
    groups: Sequence[Hashable],
    folds: Sequence[int],
    scheme: Scheme,
) -> Evidence:
    """As `core.evidence.gather`, of predictions each by the model of its face's fold.

    A fold's faces are judged by a calibration fitted on the other folds' faces, with the predictions of their models.
    `Evidence.calibration` is one of all faces, for figures of the whole data set; no face is judged by it.

    Args:
        labels: (F, N, 2), image px; NaN where missing.
        groups: (F,) person of each face.
        folds: (F,); all faces of a person are in one.

    Raises:
        UsageError: too few faces in the other folds to calibrate on.
    """
    points, own = np.asarray(labels, np.float64), np.asarray(folds)
    parts, places = [], []
    for fold in np.unique(own):
        inside = np.flatnonzero(own == fold)
        fitted = _fitted(points, predictions, groups, np.flatnonzero(own != fold), scheme)
        chosen = [predictions[i] for i in inside.tolist()]
        parts.append(gather(points[inside], chosen, [groups[i] for i in inside.tolist()], scheme, fitted))
        places.append(inside)
    everything = _fitted(points, predictions, groups, np.arange(len(points)), scheme)
    return _joined(parts, np.argsort(np.concatenate(places)), everything)


def _fitted(
    points: np.ndarray,
    predictions: Sequence[Prediction],
    groups: Sequence[Hashable],
    chosen: np.ndarray,
    scheme: Scheme,
) -> Calibration:
    if len(chosen) < MIN_FACES:
        raise UsageError(
            f"{len(chosen)} faces outside a fold are too few to calibrate on ({MIN_FACES} are needed)",
            remedy="Audit without --folds, or label more faces",
        )
    mean = np.stack([predictions[i].mean for i in chosen])
    covariance = np.stack([predictions[i].covariance for i in chosen])
    about = {"faces": len(chosen), "people": len({groups[i] for i in chosen}), "crops": "out of fold"}
    return fit_calibration(points[chosen], mean, covariance, [groups[i] for i in chosen], scheme, about)


def _joined(parts: Sequence[Evidence], order: np.ndarray, calibration: Calibration) -> Evidence:
    """One of several, their faces one after the other and then in this order."""
    first = parts[0]
    values: dict[str, Any] = {}
    for field in fields(Evidence):
        found = [getattr(part, field.name) for part in parts]
        if isinstance(found[0], np.ndarray):
            values[field.name] = np.concatenate(found)[order]
    values["misfit_p"] = {
        name: np.concatenate([part.misfit_p[name] for part in parts])[order] for name in first.misfit_p
    }
    values["frame"] = FaceFrame(
        np.concatenate([part.frame.axes for part in parts])[order],
        np.concatenate([part.frame.size for part in parts])[order],
    )
    return replace(first, calibration=calibration, **values)
