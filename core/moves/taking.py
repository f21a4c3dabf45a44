"""Points taken from elsewhere: a prediction, another label set, an earlier state."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.ambiguity import eigen
from core.face import Label, Prediction
from core.label_change import LabelChange
from core.moves.movable import locked, places, present


def snap(label: Label, prediction: Prediction, chosen: Iterable[int] | None = None) -> LabelChange:
    """The chosen points (None: all) on the predicted means; missing ones are placed."""
    return places(label, prediction.mean, chosen, fill=True)


def snap_across(label: Label, prediction: Prediction, chosen: Iterable[int] | None = None) -> LabelChange:
    """The chosen points (None: all) on the major axes of their ellipses: what the model is sure of is taken from it,
    and the place along the direction of ambiguity stays the annotator's."""
    angle = eigen(prediction.covariance).angle
    axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = ((label.points - prediction.mean) * axis).sum(axis=1)
    return places(label, prediction.mean + along[:, None] * axis, chosen)


def take(label: Label, other: Label, chosen: Iterable[int] | None = None) -> LabelChange:
    """The chosen points (None: all) with place and visibility as `other`, of the same scheme, has them.

    Points that `other` misses stay, so that taking from a partial label takes nothing away.

    Raises:
        ValueError: the schemes differ.
    """
    if other.scheme != label.scheme or len(other) != len(label):
        raise ValueError(f"points of scheme {other.scheme} do not fit a label of scheme {label.scheme}")
    wanted = present(other) & ~locked(label)
    if chosen is not None:
        picked = np.zeros(len(label), np.bool_)
        picked[list(chosen)] = True
        wanted &= picked
    same = (np.nan_to_num(label.points, nan=np.inf) == other.points).all(axis=1)
    indices = np.flatnonzero(wanted & ~(same & (label.visibility == other.visibility)))
    return LabelChange(indices, other.points[indices], other.visibility[indices])
