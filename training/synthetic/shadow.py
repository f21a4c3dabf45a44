"""Parallel projections, as lamps far away have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def looking_along(forward: NDArray[np.float64], centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """(4, 4) clip coordinates of a sphere seen from far away along `forward`."""
    side = np.cross(forward, [0.0, 1.0, 0.0] if abs(forward[1]) < 0.9 else [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(side, forward), forward]) / radius
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = -axes @ centre
    return matrix
