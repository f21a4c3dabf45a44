"""Which points of a head the head itself hides from the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.synthetic.mesh import PARTS, HeadMesh
from training.synthetic.pose import View

FloatArray = NDArray[np.float64]

_CLEAR = ("lash", "socket", "mouth")
"""Parts that hide nothing: lashes are thin, the others lie behind skin."""


def self_occluded(mesh: HeadMesh, view: View, points: FloatArray, tolerance: FloatArray) -> NDArray[np.bool_]:
    """(N,) whether a ray from the camera meets the head before each point.

    Args:
        mesh: the head.
        view: camera and pose.
        points: (N, 3) cm, head coordinates.
        tolerance: (N,) cm, how far before the point, along the line of sight, the skin may lie: points sit in creases
            and on outlines, where the nearest surface is the point's own.
    """
    triangles = mesh.triangles[~np.isin(mesh.part, [PARTS.index(part) for part in _CLEAR])]
    camera = view.to_camera(mesh.vertices)
    image = view.to_image(camera)
    a, b, c = (image[triangles[:, corner]] for corner in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    facing = area < -1e-9  # counter-clockwise seen from the camera, with y down
    triangles, a, b, c, area = triangles[facing], a[facing], b[facing], c[facing], area[facing]
    low = np.minimum(np.minimum(a, b), c)
    high = np.maximum(np.maximum(a, b), c)
    near = 1 / -camera[:, 2]  # linear in the image, unlike depth itself
    own = view.to_camera(points)
    place = view.to_image(own)
    hidden = np.zeros(len(points), bool)
    for index, (x, y) in enumerate(place):
        over = np.flatnonzero((low[:, 0] <= x) & (high[:, 0] >= x) & (low[:, 1] <= y) & (high[:, 1] >= y))
        first = ((b[over, 0] - x) * (c[over, 1] - y) - (b[over, 1] - y) * (c[over, 0] - x)) / area[over]
        second = ((c[over, 0] - x) * (a[over, 1] - y) - (c[over, 1] - y) * (a[over, 0] - x)) / area[over]
        third = 1 - first - second
        met = np.minimum(np.minimum(first, second), third) >= 0
        corner = near[triangles[over[met]]]
        depth = 1 / (corner * np.stack([first[met], second[met], third[met]], axis=1)).sum(axis=1)
        hidden[index] = bool((depth < -own[index, 2] - tolerance[index]).any())
    return hidden
