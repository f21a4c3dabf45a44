"""Points put where the rest of the face puts them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.face import Label, Prediction
from core.label_change import LabelChange
from core.moves.mean_shape import expected_places
from core.moves.movable import places


def fit_to_rest(label: Label, prediction: Prediction, chosen: Iterable[int]) -> LabelChange:
    """The chosen points where the prediction, laid over the other points of the label and bent by them, has them.

    Labels have their own habits (a pixel to one side, a chin drawn lower) that the rest of the face knows and the
    prediction does not. With no other points it is the prediction itself; missing ones among the chosen are placed.
    """
    wanted = list(chosen)
    others = label.points.copy()
    others[wanted] = np.nan
    return places(label, expected_places(others, prediction.mean), wanted, fill=True)
