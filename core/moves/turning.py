"""Turning and sizing several points together, as one stiff piece."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.face import Label
from core.label_change import LabelChange
from core.moves.movable import movable, places


def turned(label: Label, chosen: Iterable[int], angle: float = 0.0, factor: float = 1.0) -> LabelChange:
    """The chosen points turned by `angle`, radians from +x towards +y (down), and scaled about their middle.

    Raises:
        ValueError: the factor is not positive.
    """
    if not factor > 0:
        raise ValueError("the factor must be positive")
    picked = np.zeros(len(label), np.bool_)
    picked[list(chosen)] = True
    picked &= movable(label)
    if picked.sum() < 2:  # one point has no direction and no size
        return LabelChange(np.zeros(0, np.intp))
    points = label.points.copy()
    centre = points[picked].mean(axis=0)
    matrix = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[picked] = (points[picked] - centre) @ matrix.T + centre
    return places(label, points, np.flatnonzero(picked).tolist())
