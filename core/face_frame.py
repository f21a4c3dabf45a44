"""The frame that offsets of labels are compared in: turned with the face, in units of its size.

Whether a data set's labels sit a little to one side, or follow another habit along a contour, shows only when faces of
all sizes and rolls are laid over each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.face import FloatArray
from core.scheme import Scheme


@dataclass(frozen=True, eq=False, slots=True)
class FaceFrame:
    """Frames of faces (...).

    Attributes:
        axes: (..., 2, 2), rows: unit vectors in the image, from the normaliser's left group to its right one, and that
            turned by 90 degrees (down, for an upright face).
        size: (...) px, the longer side of the landmarks' bounding box. The eyes' distance would shrink as heads turn.
    """

    axes: FloatArray
    size: FloatArray

    def to_face(self, vectors: ArrayLike) -> FloatArray:
        """Vectors (..., N, 2), image px, in the face's frame, as shares of its size."""
        turned: FloatArray = np.einsum("...ij,...nj->...ni", self.axes, np.asarray(vectors, np.float64))
        return turned / self.size[..., None, None]

    def to_image(self, vectors: ArrayLike) -> FloatArray:
        """Inverse of `to_face`; vectors (N, 2) are taken for all faces."""
        turned: FloatArray = np.einsum("...ji,...nj->...ni", self.axes, np.asarray(vectors, np.float64))
        return turned * self.size[..., None, None]


def face_frame(points: ArrayLike, scheme: Scheme) -> FaceFrame:
    """The frames of faces with `points` (..., N, 2), image px, such as predicted means.

    A face whose normaliser's groups coincide or are missing counts as upright; one without any extent has size NaN.
    """
    array = np.asarray(points, np.float64)
    pair = scheme.normaliser()
    right, left = (array[..., list(side), :].mean(axis=-2) for side in (pair.right, pair.left))
    across = right - left
    length = np.hypot(across[..., 0], across[..., 1])
    known = length > 0
    safe = np.where(known, length, 1.0)
    x = np.where(known, across[..., 0] / safe, 1.0)
    y = np.where(known, across[..., 1] / safe, 0.0)
    axes = np.stack([np.stack([x, y], -1), np.stack([-y, x], -1)], -2)
    present = np.isfinite(array)
    low = np.where(present, array, np.inf).min(axis=-2)
    high = np.where(present, array, -np.inf).max(axis=-2)
    extent = (high - low).max(axis=-1)
    return FaceFrame(axes, np.where(extent > 0, extent, np.nan))
