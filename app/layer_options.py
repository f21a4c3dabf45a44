"""From the settings to how layers are drawn, and from the network's edge maps to the one that is laid over a photo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.canvas.colours import chosen
from app.canvas.model import OPACITIES, Opacity
from app.settings import Settings
from core.scheme import Scheme

LABEL_SIZE_PX = 7.0
"""Diameter of a label's mark at point size 1, screen px."""

_TEXT_RANGE = (8, 40)


def layer_options(settings: Settings) -> dict[str, Any]:
    """The fields of `Layers` that are not switches; a value out of range, edited by hand, becomes the nearest one."""
    levels = tuple(int(k) for k in str(settings.value("sigma_levels")).split(",") if k in ("1", "2", "3"))
    shares = {name: _within(settings.value(f"opacity_{name}"), 0.0, 1.0) for name in OPACITIES}
    colours = (str(settings.value(key)) for key in ("label_colour", "prediction_colour", "others_colour"))
    return {
        "sigma_levels": levels,
        "ellipse_scale": float(settings.value("ellipse_scale")),
        "point_size": _within(LABEL_SIZE_PX * float(settings.value("point_size")), 1.0, 60.0),
        "ambiguous_threshold": float(settings.value("ambiguous_threshold")),
        "colours": chosen(str(settings.value("palette")), *colours),
        "opacity": Opacity(**shares),
        "text_size": round(_within(settings.value("text_size"), *_TEXT_RANGE)),
    }


def edges_through(scheme: Scheme, edges: NDArray[np.float32], index: int | None) -> NDArray[np.float32] | None:
    """The edge map of the contours through point `index`, of all contours for None or where there is none through it.

    Args:
        edges: (E, h, w) in [0, 1], one map for each of the scheme's edge groups.

    Returns:
        (h, w), the largest value of the maps in each cell; None if the maps are those of another scheme.
    """
    groups = scheme.edge_groups
    if len(groups) != len(edges) or not len(edges):
        return None
    through = [row for row, group in enumerate(groups) if index in group.indices]
    chosen_maps = edges[through] if through else edges
    found: NDArray[np.float32] = chosen_maps.max(axis=0)
    return found


def _within(value: Any, low: float, high: float) -> float:
    return min(max(float(value), low), high)
