"""Soft selection: neighbours along the curve follow a dragged point, less the further they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.face import FloatArray, Label
from core.moves.movable import movable, present
from core.scheme import Scheme

MAX_RADIUS = 20.0


def weights(label: Label, scheme: Scheme, chosen: Iterable[int], radius: float = 0.0) -> FloatArray:
    """(N,) float64 in [0, 1]: which part of a drag each point follows; 0 for locked and missing points.

    The chosen points follow wholly. Their neighbours on the same curve follow by half a cosine wave that ends one
    point beyond `radius`; closed curves wrap round, other curves stay.

    Args:
        chosen: the points in the hand.
        radius: points along the curve on either side that follow, >= 0; 0 for none.
    """
    result = np.zeros(len(label))
    held = set(chosen)
    if radius > 0:
        for region in scheme.regions:
            # Missing points are no neighbours: the curve goes past them.
            run = [i for i in region.indices if present(label)[i]]
            at = [k for k, index in enumerate(run) if index in held]
            if not at:
                continue
            steps = np.abs(np.arange(len(run))[:, None] - np.array(at)[None])
            if region.closed:
                steps = np.minimum(steps, len(run) - steps)
            distance = steps.min(axis=1)
            falloff = 0.5 * (1 + np.cos(np.pi * np.minimum(distance / (min(radius, MAX_RADIUS) + 1), 1.0)))
            result[run] = np.maximum(result[run], falloff)
    result[list(held)] = 1.0
    result[~movable(label)] = 0.0
    return result
