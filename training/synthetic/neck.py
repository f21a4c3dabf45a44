"""Shoulders that are turned against the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.synthetic.head_model import HeadModel

_PIVOT = np.array([0.0, -10.0, -10.5])
"""cm, head coordinates of the template: between the upper vertebrae of the neck."""

_FIRST, _LAST = -9.5, -18.0
"""cm along the neck's axis, template: where the neck begins to turn, and where it has turned with the shoulders."""


def body_weights(model: HeadModel) -> NDArray[np.float64]:
    """(B,) how far each vertex follows the shoulders: 0 on the head, 1 from the base of the neck down.

    The border falls from the nape to the throat's front, below the jaw, so that no landmark moves.
    """
    place = model.base.template - model.middle
    along = place[:, 1] + 0.43 * (place[:, 2] + 6.0)  # the neck leans forward
    share = np.clip((_FIRST - along) / (_FIRST - _LAST), 0, 1)
    return share * share * (3 - 2 * share)


def turn_body(
    model: HeadModel, vertices: NDArray[np.float64], degrees: tuple[float, float, float]
) -> NDArray[np.float64]:
    """The vertices (B, 3) with the body turned by (yaw, pitch, roll) about the neck, each by its share of the turn.

    The share scales the rotation's angle (about one axis), so that the neck twists and keeps its thickness.
    """
    if not any(degrees):
        return vertices
    vector = _rotation_vector(degrees)
    angle = float(np.linalg.norm(vector))
    axis = vector / angle
    turned = angle * body_weights(model)[:, None]
    arm = vertices - _PIVOT
    # Rodrigues' formula, with an angle a vertex.
    across = np.cross(axis, arm)
    rotated = arm * np.cos(turned) + across * np.sin(turned) + axis * (arm @ axis)[:, None] * (1 - np.cos(turned))
    return np.where(turned > 0, rotated + _PIVOT, vertices)


def _rotation_vector(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    """Axis times angle (radians) of yaw about y, pitch about x and roll about z together; small enough to be added."""
    yaw, pitch, roll = np.radians(degrees)
    return np.array([-pitch, yaw, roll])
